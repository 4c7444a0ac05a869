"""scikit-learn's MLPClassifier and bpcore's, on the same data, in turns.

One thread each; the best of three fits counts. Both draw the same random numbers, so the losses
agree to the last digits shown.
"""

import argparse
import time
import warnings

import threadpoolctl
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as Theirs

from bpcore import MLPClassifier as Ours

SETTINGS = {
    "defaults": {},
    "float32": {},
    "sgd, batch 10": {"solver": "sgd", "batch_size": 10, "hidden_layer_sizes": (30,)},
}


def main() -> None:
    """Print a table of seconds and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=50, help="epochs of a fit (50)")
    epochs = parser.parse_args().epochs
    warnings.simplefilter("ignore", ConvergenceWarning)
    X, y = load_digits(return_X_y=True)
    print(f"scikit-learn's digits, {len(X):,} x {X.shape[1]}, {epochs} epochs")
    print(f"{'':16}{'scikit-learn':>14}{'bpcore':>10}{'ratio':>8}   loss of both")
    for label, options in SETTINGS.items():
        data = (X / 16).astype("float32" if label == "float32" else "float64")
        best = {Theirs: float("inf"), Ours: float("inf")}
        loss = {}
        for _ in range(3):
            for cls in best:
                estimator = cls(max_iter=epochs, random_state=0, **options)
                start = time.perf_counter()
                with threadpoolctl.threadpool_limits(1):
                    estimator.fit(data, y)
                best[cls] = min(best[cls], time.perf_counter() - start)
                loss[cls] = estimator.loss_
        theirs, ours = best.values()
        print(
            f"{label:16}{theirs:12.3f} s{ours:8.3f} s{theirs / ours:7.1f}x"
            f"   {loss[Theirs]:.6f} {loss[Ours]:.6f}"
        )


if __name__ == "__main__":
    main()
