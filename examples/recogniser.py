"""A handwriting recogniser, seen from all sides.

The network of the source, 784-16-16-10 with sigmoid units and 13,002 parameters, learns
scikit-learn's 1,797 digits, enlarged to 28 x 28 pixels. The pictures show its training, one
image on its way through it, what its first layer looks for, and what it misreads.
"""

import sys
from pathlib import Path

from bpcore import (
    Network,
    NetworkDisplay,
    PredictionsDisplay,
    TrainingCurveDisplay,
    WeightsDisplay,
)
from bpcore.datasets import load_digits, one_hot


def main(folder: Path) -> None:
    """Train, and write the pictures into a folder."""
    digits = load_digits()
    X_train, X_test = digits.X_train / 255, digits.X_test / 255
    Y_train, Y_test = one_hot(digits.y_train), one_hot(digits.y_test)

    network = Network((784, 16, 16, 10), random_state=0)
    before = network.parameters.copy()
    network.fit(
        X_train, Y_train, epochs=25, batch_size=16, learning_rate=1.5,
        validation_data=(X_test, Y_test),
    )  # fmt: skip
    print(network)
    print(f"correct on test images: {network.score(X_test, Y_test):.2%}")

    curves = TrainingCurveDisplay.from_network(network, score_name="test accuracy")
    curves.figure_.savefig(folder / "recogniser_training.png", dpi=100)

    forward = NetworkDisplay.from_network(network, X_test[0])
    forward.ax_.set_title("Forward: activations of one image")
    forward.figure_.savefig(folder / "recogniser_forward.png", dpi=100)

    weights = WeightsDisplay.from_network(network, before=before)
    weights.figure_.savefig(folder / "recogniser_weights.png", dpi=100)

    predictions = PredictionsDisplay.from_network(network, X_test, Y_test)
    predictions.figure_.savefig(folder / "recogniser_predictions.png", dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
