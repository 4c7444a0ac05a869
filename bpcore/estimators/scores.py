"""R² as scikit-learn computes it, without its checks: of arrays that have been checked."""

import numpy as np

__all__ = ["r2"]


def r2(Y: np.ndarray, a: np.ndarray, weights: np.ndarray | None) -> float:
    """1 - Σ s (y - a)² / Σ s (y - ȳ)², the mean over the columns: ``r2_score``, to the bit.

    Parameters
    ----------
    Y, a : ndarrays of shape (n, n_outputs)
        Targets and outputs, at least two rows of finite floats.
    weights : ndarray of shape (n,) or None
        s.

    Returns
    -------
    float
        A column whose y are all the same counts 1 where a is right, else 0.
    """
    dtype = np.result_type(Y, a) if weights is None else np.result_type(Y, a, weights)
    Y, a = Y.astype(dtype, copy=False), a.astype(dtype, copy=False)
    s = 1.0 if weights is None else weights.astype(dtype, copy=False)[:, None]
    unexplained = np.sum(s * (Y - a) ** 2, axis=0)
    total = np.sum(s * (Y - np.average(Y, axis=0, weights=weights)) ** 2, axis=0)
    scores = np.where(unexplained == 0, dtype.type(1), dtype.type(0))
    varies = (total != 0) & (unexplained != 0)
    scores[varies] = 1 - unexplained[varies] / total[varies]
    return float(np.average(scores))
