"""How well outputs fit targets, block by block, in the memory of one block."""

from typing import Any

import numpy as np

from bpcore.functions import LOSSES

__all__ = ["METRICS", "Scorer", "are_the_same", "check_metric", "choose", "evaluate"]

METRICS = ("auto", "accuracy", "r2", "cost")
# rows at a time
_BLOCK = 8192


def _block(array: Any, start: int) -> np.ndarray:
    part = array[start : start + _BLOCK]
    dense: np.ndarray = part.toarray() if hasattr(part, "toarray") else part
    return dense


def _dense(targets: Any) -> np.ndarray:
    return np.vstack([_block(targets.array, start) for start in range(0, len(targets), _BLOCK)])


def are_the_same(targets: Any, weights: np.ndarray | None) -> bool:
    """Whether all rows that count are the same, so that r2 has nothing to explain."""
    y = _dense(targets)
    if weights is not None:
        y = y[weights > 0]
    return bool((y == y[0]).all())


def check_metric(metric: Any) -> str:
    """The name of a metric, or a ValueError that lists them."""
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    return str(metric)


def choose(network: Any, targets: Any, metric: str) -> str:
    """What "auto" stands for: accuracy for classes, r2 for numbers."""
    if metric != "auto":
        return metric
    if network._loss_name is None:
        if targets.shape[1] != network.layer_sizes[-1]:
            return "cost"  # nothing else can be said of targets that are not like outputs
    elif (usual := LOSSES[network._loss_name].metric) is not None:
        return usual
    array = targets.array
    for start in range(0, array.shape[0], _BLOCK):
        y = _block(array, start)
        if not ((y == 0) | (y == 1)).all():
            return "r2"
    return "accuracy"


def evaluate(
    network: Any, rows: Any, targets: Any, metric: str, weights: np.ndarray | None
) -> float:
    """The score of a network on examples that have been checked; see ``Network.score``."""
    scorer = Scorer(network, targets, metric, weights)
    if scorer.metric == "cost":
        return float(network._cost(rows, targets, weights))
    a = np.empty(targets.shape, dtype=network.dtype)
    network._predict_into(rows, a)
    return scorer.of(a)


class Scorer:
    """Scores of outputs against the same targets, whose own part is found once.

    Parameters
    ----------
    network : Network
    targets : Rows
    metric : str
        One of METRICS.
    weights : ndarray of shape (n,) or None

    Attributes
    ----------
    metric : str
        What it stands for.
    """

    def __init__(self, network: Any, targets: Any, metric: str, weights: np.ndarray | None) -> None:
        self.metric = choose(network, targets, check_metric(metric))
        n, self._width = targets.shape
        if self.metric != "cost" and self._width != network.layer_sizes[-1]:
            raise ValueError(
                f"metric {self.metric!r} compares outputs with targets, but there are "
                f"{network.layer_sizes[-1]} outputs and {self._width} targets: take 'cost'"
            )
        self._s = np.ones(n) if weights is None else weights
        self._sum = self._s.sum()
        if self.metric == "accuracy":
            blocks = (_block(targets.array, start) for start in range(0, n, _BLOCK))
            self._truth = np.concatenate([self._classes(y) for y in blocks])
        elif self.metric == "r2":
            self._y = _dense(targets).astype(np.float64)
            mean = (self._s @ self._y) / self._sum
            with np.errstate(over="ignore", invalid="ignore"):
                self._total = float(self._s @ ((self._y - mean) ** 2).sum(axis=1))

    def _classes(self, a: np.ndarray) -> np.ndarray:
        return a[:, 0] > 0.5 if self._width == 1 else a.argmax(axis=1)

    def of(self, a: np.ndarray) -> float:
        """Accuracy or r2 of outputs (n, n_L)."""
        if self.metric == "accuracy":
            right = 0.0
            for start in range(0, len(a), _BLOCK):
                part = slice(start, start + _BLOCK)
                right += float(self._s[part] @ (self._classes(a[part]) == self._truth[part]))
            return right / float(self._sum)
        with np.errstate(over="ignore", invalid="ignore"):  # a score that is NaN says so itself
            unexplained = float(self._s @ ((a - self._y) ** 2).sum(axis=1))
        if self._total == 0:
            return 1.0 if unexplained == 0 else 0.0
        return 1.0 - unexplained / self._total
