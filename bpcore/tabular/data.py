"""What comes in: tables and weights checked, rows dealt to folds."""

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import _check_y, check_consistent_length, validate_data

from bpcore.checks import refuse_masked
from bpcore.estimators.data import check_weights, check_y
from bpcore.estimators.targets import dense
from bpcore.tabular.columns import is_frame

__all__ = ["check_table", "check_targets", "fold_order", "rows_of", "weights_of"]


def check_table(est: Any, X: Any, *, reset: bool) -> Any:
    """A frame as it is, anything else as an array of two dimensions; its names checked.

    Raises
    ------
    ValueError, TypeError
        If it is no table, or not one like that of the fit.
    """
    refuse_masked(X, "X")
    if not is_frame(X):
        if isinstance(X, list | tuple):
            array = np.asarray(X)
            # NumPy makes text of numbers beside text
            X = np.array(X, dtype=object) if array.dtype.kind in "US" else array
        if not isinstance(X, np.ndarray) or scipy.sparse.issparse(X) or X.ndim != 2:
            X = check_array(X, dtype=None, ensure_all_finite="allow-nan", input_name="X")
    if X.shape[0] == 0 or X.shape[1] == 0:
        what = "sample" if X.shape[0] == 0 else "feature"
        raise ValueError(
            f"Found array with 0 {what}(s) (shape={X.shape}) while a minimum of 1 is required."
        )
    validate_data(est, X, skip_check_array=True, reset=reset)
    return X


def rows_of(X: Any, rows: np.ndarray) -> Any:
    """Some rows of what ``check_table`` returns."""
    return X.iloc[rows] if hasattr(X, "iloc") else X[rows]


def check_targets(est: Any, y: Any, X: Any) -> np.ndarray:
    """The array y, of two dimensions where it has several columns; as long as X."""
    if y is None:
        raise ValueError(
            f"This {type(est).__name__} estimator requires y to be passed, but the target y is None"
        )
    y = _check_y(check_y(est, y), multi_output=True, y_numeric=est._y_numeric, estimator=est)
    y = dense(y)
    check_consistent_length(X, y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return np.asarray(y)


def weights_of(sample_weight: Any, n: int) -> np.ndarray | None:
    """The weights of n rows, or None."""
    return check_weights(sample_weight, np.empty((n, 1)))


def fold_order(
    n: int, strata: np.ndarray | None, n_folds: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[slice]]:
    """An order of n rows in which each fold stands together, and where the folds are.

    Rows are dealt to the folds like cards, one stratum after the other, so that every fold has its
    share of each.
    """
    order = rng.permutation(n)
    if strata is not None:
        order = order[np.argsort(strata[order], kind="stable")]
    dealt = [order[k::n_folds] for k in range(n_folds)]
    ends = np.cumsum([len(one) for one in dealt])
    folds = [slice(int(end) - len(one), int(end)) for one, end in zip(dealt, ends, strict=True)]
    return np.concatenate(dealt), folds
