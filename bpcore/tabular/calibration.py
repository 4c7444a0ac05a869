"""Probabilities that mean what they say: one temperature for all logits.

Guo, Pleiss, Sun and Weinberger, *On calibration of modern neural networks*, ICML 2017.
J. Platt, *Probabilistic outputs for support vector machines*, 1999.
"""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, logit

__all__ = ["SMALLEST", "temperature"]

# Bounds of T. Rows that all came out right would ask for certainty, which a few do not prove.
_LEAST, _MOST = 0.5, 20.0
SMALLEST = 1e-7  # as no probability counts less


def temperature(a: np.ndarray, Y: np.ndarray, weights: Any, is_softmax: bool) -> float:
    """The T for which softmax(z / T), or the logistic function of z / T, has the least entropy.

    Parameters
    ----------
    a : ndarray of shape (n, n_outputs)
        Outputs for rows that have not been learned from.
    Y : ndarray of shape (n, n_outputs)
        Zeros and ones.
    weights : ndarray of shape (n,) or None
    is_softmax : bool
        Whether the outputs of a row add up to 1.
    """
    # as if one row more had come out in any way (after Platt 1999)
    share = 1 / (len(a) + 1)
    Y = (1 - share) * Y + share / (Y.shape[1] if is_softmax else 2)
    a = np.clip(a.astype(np.float64), SMALLEST, 1 - SMALLEST)
    z = np.log(a) if is_softmax else logit(a)

    def entropy(log_t: float) -> float:
        scaled = z * np.exp(-log_t)
        if is_softmax:
            costs = -(Y * log_softmax(scaled, axis=1)).sum(axis=1)
        else:
            # log(1 + e^z) - y z
            costs = (np.logaddexp(0, scaled) - Y * scaled).sum(axis=1)
        return float(np.average(costs, weights=weights))

    found = minimize_scalar(entropy, bounds=(np.log(_LEAST), np.log(_MOST)), method="bounded")
    return float(np.exp(found.x)) if entropy(found.x) < entropy(0.0) else 1.0
