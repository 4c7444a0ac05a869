"""Accuracy and R² as scikit-learn computes them, without its checks of what is plainly right."""

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, r2_score

__all__ = ["accuracy_of", "r2", "r2_of"]

# kinds of arrays that hold labels and nothing else
_LABELS = ("b", "i", "u", "U")


def accuracy_of(y: Any, predicted: Any, sample_weight: Any) -> float:
    """``accuracy_score``: the share of labels that are right."""
    plain = type(y) is type(predicted) is np.ndarray and y.ndim == 1 and y.shape == predicted.shape
    if plain and sample_weight is None and y.dtype.kind == predicted.dtype.kind in _LABELS:
        return float(np.average(y == predicted))
    return float(accuracy_score(y, predicted, sample_weight=sample_weight))


def r2_of(y: Any, predicted: np.ndarray, sample_weight: Any) -> float:
    """``r2_score``."""
    plain = type(y) is np.ndarray and y.dtype.char in "fd" and y.dtype.isnative
    if plain and sample_weight is None and y.shape == predicted.shape and len(y) > 1:
        n = len(y)
        if np.isfinite(y).all():
            return r2(y.reshape(n, -1), predicted.reshape(n, -1), None)
    return float(r2_score(y, predicted, sample_weight=sample_weight))


def r2(Y: np.ndarray, a: np.ndarray, weights: np.ndarray | None) -> float:
    """1 - Σ s (y - a)² / Σ s (y - ȳ)², the mean over the columns: ``r2_score``, to the bit.

    Parameters
    ----------
    Y, a : ndarrays of shape (n, n_outputs)
        Targets and outputs, finite floats.
    weights : ndarray of shape (n,) or None
        s.

    Returns
    -------
    float
        A column whose y are all the same counts 1 where a is right, else 0.
    """
    if len(Y) < 2:  # which is warned of
        return float(r2_score(Y, a, sample_weight=weights))
    dtype = np.result_type(Y, a) if weights is None else np.result_type(Y, a, weights)
    Y, a = Y.astype(dtype, copy=False), a.astype(dtype, copy=False)
    s = 1.0 if weights is None else weights.astype(dtype, copy=False)[:, None]
    unexplained = np.sum(s * (Y - a) ** 2, axis=0)
    total = np.sum(s * (Y - np.average(Y, axis=0, weights=weights)) ** 2, axis=0)
    scores = np.where(unexplained == 0, dtype.type(1), dtype.type(0))
    varies = (total != 0) & (unexplained != 0)
    scores[varies] = 1 - unexplained[varies] / total[varies]
    return float(np.average(scores))
