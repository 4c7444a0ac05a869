"""Moving over from scikit-learn.

The import is all that changes: with the same data and ``random_state`` the two classifiers go
through the same epochs to the same weights. What bpcore adds is at hand then, here the gradients
that its network shows.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn import neural_network
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

import bpcore


def main(folder: Path) -> None:
    """Train both, compare, and write the pictures into a folder."""
    X, y = load_breast_cancer(return_X_y=True)
    X = StandardScaler().fit_transform(X)
    settings = {
        "hidden_layer_sizes": (32, 16), "early_stopping": True, "n_iter_no_change": 20,
        "learning_rate_init": 0.002, "random_state": 0,
    }  # fmt: skip
    theirs = neural_network.MLPClassifier(**settings).fit(X, y)
    ours = bpcore.MLPClassifier(**settings).fit(X, y)
    apart = max(float(np.abs(a - b).max()) for a, b in zip(theirs.coefs_, ours.coefs_, strict=True))
    print(f"epochs: {theirs.n_iter_} and {ours.n_iter_}; weights differ by {apart:.0e} at most")

    curves = bpcore.TrainingCurveDisplay.from_estimator({"scikit-learn": theirs, "bpcore": ours})
    curves.cost_lines_[0].set_linewidth(5)  # the other lies on top of it
    curves.score_lines_[0].set_linewidth(5)
    curves.figure_.savefig(folder / "moving_from_scikit_learn.png", dpi=100)

    flow = bpcore.GradientFlowDisplay.from_estimator(ours, X[:300], y[:300])
    flow.figure_.savefig(folder / "moving_from_scikit_learn_gradients.png", dpi=100)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
