"""One weight of a trained network, explained.

Backpropagation's chain ∂C/∂w = ∂z/∂w · ∂a/∂z · ∂C/∂a with the numbers of a real image that the
recogniser misreads, each of them compared with a numerical derivative; and a picture of how the
error flows back through the whole network.
"""

import sys
from pathlib import Path

import numpy as np

from bpcore import Network, NetworkDisplay
from bpcore.datasets import load_digits, one_hot


def main(folder: Path) -> None:
    """Train, explain, and write the picture into a folder."""
    digits = load_digits()
    network = Network((784, 16, 16, 10), random_state=0)
    network.fit(digits.X_train / 255, one_hot(digits.y_train), epochs=25, batch_size=16,
                learning_rate=1.5)  # fmt: skip

    X, Y = digits.X_test / 255, one_hot(digits.y_test)
    guesses = network.predict(X).argmax(axis=1)
    row = int(np.flatnonzero(guesses != digits.y_test)[0])
    print(f"Test image {row} is a {digits.y_test[row]}, read as {guesses[row]}.\n")

    trace = network.trace(X[row], Y[row])
    # the weight of the last hidden layer that would lower the cost most
    j, k = np.unravel_index(np.abs(trace.dC_dw[2]).argmax(), trace.dC_dw[2].shape)
    print(trace.explain("w", layer=2, j=int(j), k=int(k), most=4))
    print("\nLargest relative difference from numerical derivatives:")
    for term, error in trace.check("w", layer=2, j=int(j), k=int(k)).items():
        print(f"  {term:<6} {error:.0e}")

    display = NetworkDisplay.from_trace(trace)
    display.ax_.set_title(
        f"Backward: a {digits.y_test[row]} read as {guesses[row]}, and what would mend it"
    )
    display.figure_.savefig(folder / "one_weight_explained.png", dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
