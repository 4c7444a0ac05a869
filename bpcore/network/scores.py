"""How well outputs fit targets, block by block, in the memory of one block."""

from typing import Any

import numpy as np

from bpcore.functions import LOSSES

__all__ = ["METRICS", "are_the_same", "check_metric", "choose", "evaluate"]

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
    metric = choose(network, targets, check_metric(metric))
    if metric != "cost" and targets.shape[1] != network.layer_sizes[-1]:
        raise ValueError(
            f"metric {metric!r} compares outputs with targets, but there are "
            f"{network.layer_sizes[-1]} outputs and {targets.shape[1]} targets: take 'cost'"
        )
    if metric == "cost":
        return float(network._cost(rows, targets, weights))
    n, n_outputs = targets.shape
    a = np.empty((n, n_outputs), dtype=network.dtype)
    network._predict_into(rows, a)
    s = np.ones(n) if weights is None else weights
    if metric == "accuracy":
        right = 0.0
        for start in range(0, n, _BLOCK):
            y, guess = _block(targets.array, start), a[start : start + _BLOCK]
            if n_outputs == 1:
                hit = (guess[:, 0] > 0.5) == (y[:, 0] > 0.5)
            else:
                hit = guess.argmax(axis=1) == y.argmax(axis=1)
            right += float(s[start : start + _BLOCK] @ hit)
        return right / float(s.sum())
    y = _dense(targets).astype(np.float64)
    mean = (s @ y) / s.sum()
    with np.errstate(over="ignore", invalid="ignore"):  # a score that is NaN says so itself
        unexplained = float(s @ ((a - y) ** 2).sum(axis=1))
        total = float(s @ ((y - mean) ** 2).sum(axis=1))
    if total == 0:
        return 1.0 if unexplained == 0 else 0.0
    return 1.0 - unexplained / total
