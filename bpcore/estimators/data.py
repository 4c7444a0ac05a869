"""Training and validation data of an estimator, checked and as the engine reads them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data

from bpcore._core.rows import Rows
from bpcore.estimators.targets import dense

__all__ = ["Split", "Training", "Validation", "as_table", "check_weights", "check_xy", "split"]


def check_xy(estimator: Any, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
    """X and y as scikit-learn's estimators check them, of equal length.

    X comes back as an array of float64, float32 or uint8, or as CSR of the first two; y as an
    array of one dimension, or of two where it has several columns.
    """
    X, y = validate_data(
        estimator,
        X,
        y,
        accept_sparse=["csr", "csc"],
        multi_output=True,
        y_numeric=estimator._y_numeric,
        dtype=(np.float64, np.float32, np.uint8),
        reset=reset,
    )
    y = dense(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return as_table(X), y


def as_table(X: Any) -> Any:
    """X as ``Rows`` takes it, its rows in one piece each; copied only where it has to be."""
    if scipy.sparse.issparse(X):
        X = X.tocsr()
        return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
    if X.dtype not in (np.float32, np.float64, np.uint8) or not X.dtype.isnative:
        X = X.astype(np.float64)
    # a row whose numbers lie apart (a data frame's) would be collected one by one in each epoch
    return X if X.strides[1] == X.itemsize and X.flags.aligned else np.ascontiguousarray(X)


def check_weights(sample_weight: Any, X: Any, more: np.ndarray | None = None) -> Any:
    """sample_weight times ``more`` as doubles, none negative, not all zero; None for neither."""
    if sample_weight is None and more is None:
        return None
    weights = np.ones(X.shape[0])
    if sample_weight is not None:
        weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        weights = np.ascontiguousarray(weights, dtype=np.float64)
    if more is not None:
        weights = weights * more
        if not weights.any():
            raise ValueError("class_weight leaves every row of y with a sample weight of zero")
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.finfo(float).tiny <= total < np.inf:
        raise ValueError(
            f"the sample weights add up to {total}, which cannot be divided by: scale them"
        )
    return weights


@dataclass
class Training:
    """The rows that a fit goes through.

    Attributes
    ----------
    x, y : Rows
        All rows that were given.
    weights : ndarray of shape (n,) or None
        What each given row's cost is multiplied by.
    normaliser : ndarray of shape (n,) or None
        What a batch is divided by is the sum of its rows'; None: their number.
    rows : ndarray of intp or None
        Those to train on; None: all of them.
    n : int
        How many those are.
    """

    x: Rows
    y: Rows
    weights: np.ndarray | None
    normaliser: np.ndarray | None
    rows: np.ndarray | None
    n: int


class Validation:
    """Rows that are only looked at.

    Parameters
    ----------
    X, Y : tables as ``Rows`` takes them
        Y is encoded.
    weights : ndarray of shape (n,) or None
    """

    def __init__(self, X: Any, Y: np.ndarray, weights: np.ndarray | None) -> None:
        if weights is not None and not weights.any():
            raise ValueError(
                "the sample weights of the validation set are all zero: weight some of its rows, "
                "or draw another set with random_state"
            )
        self.x = Rows(X)
        self.y = Rows(Y)
        self.Y = Y
        self.weights = weights

    def outputs(self, network: Any) -> np.ndarray:
        """The network's outputs, (n, n_outputs)."""
        a = np.empty(self.y.shape, dtype=network.dtype)
        network._predict_into(self.x, a)
        return a

    def cost(self, network: Any) -> float:
        """The network's cost, without penalties."""
        return float(network._cost(self.x, self.y, self.weights))


@dataclass
class Split:
    """What ``split`` returns."""

    training: Training
    validation: Validation | None


def split(
    X: Any,
    Y: np.ndarray,
    weights: np.ndarray | None,
    class_weights: np.ndarray | None,
    hold_out: dict[str, Any] | None,
    in_proportion: bool,
) -> Split:
    """All rows for training, or those that ``train_test_split(**hold_out)`` leaves of them.

    X is not copied; the validation rows are. A batch is divided by the sum of its rows'
    ``weights``, as scikit-learn does. ``class_weights`` multiply them in training only, and count
    the same in every batch: ``in_proportion`` to their mean over all rows that are trained on, or
    as they are.
    """
    n = X.shape[0]
    rows = validation = None
    if hold_out is not None:
        # splitting the row numbers draws what splitting X and Y themselves would draw
        try:
            rows, held = train_test_split(np.arange(n, dtype=np.intp), **hold_out)
        except ValueError as error:
            raise ValueError(
                f"{error}. That is the split for early_stopping: change validation_fraction, or "
                "give validation_data to fit"
            ) from error
        if len(held) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        validation = Validation(X[held], Y[held], None if weights is None else weights[held])
    total = check_weights(weights, X, class_weights)
    if rows is not None and total is not None and not total[rows].any():
        raise ValueError(
            "the sample weights of the training rows are all zero: only held-out rows have one"
        )
    if class_weights is not None and in_proportion:
        some = slice(None) if rows is None else rows
        given = None if weights is None else weights[some]
        total = total / np.average(class_weights[some], weights=given)
    training = Training(Rows(X), Rows(Y), total, weights, rows, n if rows is None else len(rows))
    return Split(training, validation)
