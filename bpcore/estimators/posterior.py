"""How far off an estimate may be: Laplace's approximation around the weights of a fit."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore._core.rows import Rows
from bpcore._core.threads import one_blas_thread
from bpcore.estimators.data import as_table, check_x

__all__ = ["Covariance", "predicted_with_std"]

# Of a block's Jacobian, in numbers: 16 MB of doubles.
_BLOCK_NUMBERS = 2**21


@dataclass(eq=False, repr=False)
class Covariance:
    """Of a network's parameters, at those that it was found at.

    Attributes
    ----------
    root : ndarray of float64, shape (n_parameters, n_parameters)
        R, with R Rᵀ the covariance: whatever rounding does, no variance is negative.
    theta : ndarray of shape (n_parameters,)
    """

    root: np.ndarray
    theta: np.ndarray

    def is_of(self, network: Any) -> bool:
        """Whether the network still has these parameters."""
        return np.array_equal(self.theta, network.parameters)


def predicted_with_std(est: Any, X: Any) -> tuple[np.ndarray, np.ndarray]:
    """What a regressor predicts, and the standard deviations of new observations."""
    mean: np.ndarray = est.predict(X)
    network, covariance = est.network_, _covariance_of(est)
    table = check_x(est, X)
    n_outputs, n_parameters = network.layer_sizes[-1], network.n_parameters
    std = np.empty((len(mean), n_outputs), dtype=mean.dtype)
    rows = max(1, _BLOCK_NUMBERS // (n_outputs * n_parameters))
    for start in range(0, len(mean), rows):
        J = network._parameter_jacobian(Rows(as_table(table[start : start + rows])))
        with one_blas_thread():
            spread = J.reshape(-1, n_parameters).astype(np.float64) @ covariance.root
        variance = est.noise_std_**2 + np.einsum("kp,kp->k", spread, spread)
        std[start : start + rows] = np.sqrt(variance).reshape(-1, n_outputs)
    return mean, est._codec().decode(std)


def _covariance_of(est: Any) -> Covariance:
    """That of the weights as they are; refused where none is known."""
    entries = vars(est._record) if "_record" in vars(est) else {}
    if "posterior" not in entries:
        raise ValueError(
            "predict(return_std=True) takes the covariance of the weights, which only a fit with "
            "solver='lm' and alpha='evidence' finds, and no fit after it: the weights of this "
            f"{type(est).__name__} are of another. Set these parameters and fit it"
        )
    found: Covariance | None = entries["posterior"]
    if found is None:
        raise ValueError(
            "predict(return_std=True): the data leave the bias of an output open, so that nothing "
            "is known of how far off it may be. Take out_activation='identity' and fit again"
        )
    if not found.is_of(est._network):
        raise ValueError(
            "predict(return_std=True): the weights have been changed since the fit, and their "
            "covariance is not known. Fit again, or put the fit's weights back"
        )
    return found
