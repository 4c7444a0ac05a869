"""Gradient descent as a film.

A network of 13 parameters learns exclusive or: the first step stage by stage (forward, backward,
update), the following ones a picture each. Writes a GIF, and its last picture as PNG.
"""

import sys
from pathlib import Path

import numpy as np

from bpcore import DescentAnimation, Network


def main(folder: Path) -> None:
    """Run gradient descent, and write the film into a folder."""
    X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([0, 1, 1, 0])
    network = Network((2, 3, 1), "tanh", "sigmoid", random_state=2)
    film = DescentAnimation.from_network(
        network, X, y, n_steps=25, learning_rate=4.0, detailed=1, every=4, example=1
    )
    print(f"cost {film.steps[0].cost:.4f} → {film.steps[-1].cost:.4f}, {len(film.frames)} pictures")
    film.save(folder / "descent_film.gif")
    film.figure_.savefig(folder / "descent_film.png", dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
