"""Vanishing gradients, and what helps.

In a deep network of sigmoid units each layer multiplies the error by σ' ≤ ¼ on its way back, so
that the first layers hardly learn. Rectified units with weights drawn to match do not have that.
"""

import sys
from pathlib import Path

from bpcore import GradientFlowDisplay, GradientFlowRecorder, Network
from bpcore.datasets import load_digits, one_hot


def main(folder: Path) -> None:
    """Train two deep networks, and write their gradients into a folder."""
    digits = load_digits(enlarge=False)
    X, Y = digits.X_train / 255, one_hot(digits.y_train)
    sizes = (64, 30, 30, 30, 30, 10)
    settings = {
        "sigmoid": {"init": "glorot", "learning_rate": 1.5},
        "relu": {"init": "he", "learning_rate": 0.1},
    }
    for activation, options in settings.items():
        network = Network(sizes, activation, "sigmoid", init=options["init"], random_state=0)
        recorder = GradientFlowRecorder(X[:200], Y[:200], network=network)
        network.fit(X, Y, epochs=20, batch_size=16, learning_rate=options["learning_rate"],
                    callback=recorder)  # fmt: skip
        first, last = recorder.delta[0][0].norm, recorder.delta[0][-1].norm
        print(f"{activation}: at the start |∂C/∂z| of layer 1 is {first / last:.4f} of layer 5's")
        display = GradientFlowDisplay.from_recorder(recorder)
        display.figure_.suptitle(f"{activation} in the hidden layers of {sizes}")
        display.figure_.savefig(folder / f"vanishing_gradients_{activation}.png", dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
