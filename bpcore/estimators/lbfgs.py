"""An estimator's fit by L-BFGS: SciPy's, on ``Network._cost_gradient``."""

import sys
import warnings
from typing import Any

import numpy as np
import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

from bpcore._core.optimizers import level_of_the_caller
from bpcore._core.threads import one_blas_thread
from bpcore.estimators.data import Split, Validation
from bpcore.exceptions import DivergenceError
from bpcore.network.progress import say

__all__ = ["fit_lbfgs"]


class _Diverged(ArithmeticError):
    """An iteration has ended at a loss or at weights that are not finite."""


def fit_lbfgs(est: Any, data: Split, callbacks: Any) -> None:
    """Train with SciPy's L-BFGS-B on the cost and gradient of all rows.

    Raises
    ------
    DivergenceError
        If it ends at weights, a gradient or a loss that are not finite; the weights from before
        are kept.
    """
    network, divisor = est._network, est._loss_divisor()
    training, validation = data.training, data.validation
    theta = network.parameters
    last = theta.copy()
    n_iter = 0

    def cost_and_gradient(x: np.ndarray) -> tuple[float, np.ndarray]:
        theta[:] = x
        cost, penalty, gradient = training.cost_gradient(network, float(est.alpha), float(est.l1))
        return cost / divisor + penalty, gradient

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal n_iter
        if not _is_finite(intermediate_result):
            raise _Diverged
        n_iter += 1
        theta[:] = last[:] = intermediate_result.x
        _record_iteration(est, n_iter, float(intermediate_result.fun), validation)
        callbacks.begin_epoch()
        if callbacks.end_epoch():
            raise StopIteration

    network._begin_fit()
    try:
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            result = scipy.optimize.minimize(
                cost_and_gradient,
                theta.copy(),
                method="L-BFGS-B",
                jac=True,
                callback=after_iteration,
                options={"maxfun": est.max_fun, "maxiter": est.max_iter, "gtol": est.tol},
            )
        theta[:] = result.x
        # a line search may meet infinity and turn back; what it ends with must be finite
        if not (_is_finite(result) and np.isfinite(result.jac).all() and np.isfinite(theta).all()):
            raise _Diverged
    except BaseException as error:
        theta[:] = last
        if isinstance(error, _Diverged):
            est._record.n_iter = n_iter
            raise DivergenceError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed. L-BFGS diverged in iteration "
                f"{n_iter + 1}: its loss, a gradient or a weight is not finite; the weights from "
                "before it are kept. Scale the inputs to about 1 (StandardScaler)."
            ) from None
        raise
    finally:
        network._end_fit()
    record: Any = est._record
    record.n_iter, record.loss = min(result.nit, est.max_iter), float(result.fun)
    record.best_loss = min(record.best_loss, record.loss)
    if not callbacks.stopped:
        _warn_of_failure(est, result)


def _is_finite(result: Any) -> bool:
    return bool(np.isfinite(result.fun) and np.isfinite(result.x).all())


def _warn_of_failure(est: Any, result: Any) -> None:
    if result.status == 0:
        return
    warnings.warn(
        f"lbfgs failed to converge after {est.n_iter_} iteration(s) (status={result.status}):\n"
        f"{result.message}\nTry more iterations (max_iter={est.max_iter}, "
        f"max_fun={est.max_fun}), or inputs scaled to about 1 (StandardScaler).",
        ConvergenceWarning,
        stacklevel=level_of_the_caller(),
    )


def _record_iteration(est: Any, n_iter: int, loss: float, validation: Validation | None) -> None:
    record: Any = est._record
    record.n_iter, record.loss = n_iter, loss
    record.loss_curve.append(loss)
    record.best_loss = min(record.best_loss, loss)
    if est.verbose:
        say(f"Iteration {n_iter}, loss = {loss:.8f}", sys.stdout)
    if validation is not None:
        score, cost = validation.judge(est)
        record.validation_scores.append(score)
        record.validation_loss_curve.append(cost / est._loss_divisor())
