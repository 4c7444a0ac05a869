"""Training and validation data of an estimator, checked and as the engine reads them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight, column_or_1d, validate_data

from bpcore import checks as check
from bpcore._core.engine import Evaluation
from bpcore._core.rows import Rows
from bpcore.checks.scaled import Scaled
from bpcore.estimators.labels import as_labels
from bpcore.estimators.targets import dense
from bpcore.files.fingerprint import fingerprint

__all__ = [
    "Split",
    "Training",
    "Validation",
    "as_pair",
    "as_table",
    "check_range",
    "check_weights",
    "check_x",
    "check_xy",
    "check_y",
    "one_validation_set",
    "refuse",
    "split",
]


def refuse(X: Any, what: str, dates: bool = True) -> Any:
    """X, unless NumPy would make numbers of it that mean something else.

    A list that may not hold dates comes back as the array that had to be made of it.
    """
    check.refuse_masked(X, what)
    if isinstance(X, Scaled):
        raise TypeError(
            f"{what} is a bpcore.scaled array, which only a Network takes: give an estimator the "
            f"numbers themselves, {what} / {X.divisor:g}"
        )
    if dates:
        if isinstance(X, (list, tuple)):
            with suppress(ValueError):  # ragged: scikit-learn's checks say so
                X = np.asarray(X)
        check.refuse_dates(X, what)
    return X


@contextmanager
def _placed(**tables: Any) -> Iterator[None]:
    """Within: errors about a data frame begin with the column that is at fault."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        for what, table in tables.items():
            fault = check.fault_of_frame(table, what)
            if fault is not None:
                raise kind(f"{fault}\n{error}") from error
        if isinstance(error, OverflowError):  # integers of Python have no limit
            where = " or ".join(tables)
            raise kind(f"{where} holds an integer too large for float64: {error}") from error
        raise


def check_x(estimator: Any, X: Any) -> Any:
    """X as scikit-learn's estimators check what they predict for; sparse matrices as CSR."""
    X = refuse(X, "X")
    with _placed(X=X):
        X = validate_data(estimator, X, accept_sparse=["csr", "csc"], reset=False)
    return X.tocsr() if scipy.sparse.issparse(X) else X


def check_y(estimator: Any, y: Any) -> Any:
    """What scikit-learn is to check as y: labels of their own types; numbers that are no dates."""
    y = refuse(y, "y", dates=estimator._y_numeric)
    if not estimator._y_numeric:
        return as_labels(y)
    if isinstance(y, (list, tuple)) or getattr(getattr(y, "dtype", None), "kind", "f") in "OU":
        try:
            np.asarray(y, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"y must hold numbers: {error}") from error
    return y


def check_xy(estimator: Any, X: Any, y: Any, *, reset: bool) -> tuple[Any, Any]:
    """X and y as scikit-learn's estimators check them, of equal length.

    X comes back as an array of float64, float32 or uint8, or as CSR of the first two; y as an
    array of one dimension, or of two where it has several columns.
    """
    of_lists, X = isinstance(X, (list, tuple)), refuse(X, "X")
    if of_lists and getattr(X, "dtype", None) == np.float32:
        X = X.astype(np.float64)  # as scikit-learn has it: only an array chooses float32
    # the labels' own checks name their columns
    numbers = {"X": X, "y": y} if estimator._y_numeric else {"X": X}
    with _placed(**numbers):
        X, y = validate_data(
            estimator,
            X,
            check_y(estimator, y),
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=estimator._y_numeric,
            dtype=(np.float64, np.float32, np.uint8),
            reset=reset,
        )
        y = dense(y)
        # None among objects, which scikit-learn takes for a number until it is converted
        if estimator._y_numeric and y.dtype.kind == "f" and not np.isfinite(y).all():
            raise ValueError("Input y contains NaN or infinity.")
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return as_table(X), np.require(y, requirements="A")


def check_range(rows: Rows, what: str, dtype: np.dtype, given: Any) -> None:
    """Refuse finite numbers that the network's dtype cannot hold; looks only where some may be."""
    if rows.array.dtype.itemsize > dtype.itemsize:
        check.check_finite(rows, what, dtype, given=given)


def as_table(X: Any) -> Any:
    """X as ``Rows`` takes it, its rows in one piece each; copied only where it has to be."""
    if scipy.sparse.issparse(X):
        X = X.tocsr()
        return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)
    if X.dtype not in (np.float32, np.float64, np.uint8) or not X.dtype.isnative:
        X = X.astype(np.float64)
    # a row whose numbers lie apart (a data frame's) would be collected one by one in each epoch
    return X if X.strides[1] == X.itemsize and X.flags.aligned else X.copy(order="C")


def check_weights(sample_weight: Any, X: Any, *, some: bool = True) -> np.ndarray | None:
    """sample_weight as doubles, none negative, not all zero; or None.

    some: whether at least one has to be more than zero.
    """
    if sample_weight is None:
        return None
    sample_weight = refuse(sample_weight, "sample_weight")
    weights = _check_sample_weight(
        sample_weight, X, ensure_non_negative=True, allow_all_zero_weights=not some
    )
    weights = np.ascontiguousarray(weights, dtype=np.float64)
    if some:
        _check_sum(weights)
    return weights


def _check_sum(weights: np.ndarray) -> None:
    with np.errstate(over="ignore"):
        total = weights.sum()
    if not np.finfo(float).tiny <= total < np.inf:
        raise ValueError(
            f"the sample weights add up to {total}, which cannot be divided by: scale them"
        )


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

    def cost_gradient(self, network: Any, l2: float, l1: float) -> tuple[float, float, np.ndarray]:
        """(cost, penalty, ∇C) of the network over all rows."""
        found: tuple[float, float, np.ndarray] = network._cost_gradient(
            self.x, self.y, self.weights, l2=l2, l1=l1
        )
        return found


def one_validation_set(validation_data: Any, X_val: Any, y_val: Any, weights: Any) -> Any:
    """``validation_data``, or what it would be of the arguments that name its parts."""
    if X_val is None and y_val is None and weights is None:
        return validation_data
    if validation_data is not None:
        raise TypeError("give validation_data, or X_val and y_val: not both")
    if X_val is None or y_val is None:
        raise TypeError(f"{'X' if X_val is None else 'y'}_val is missing: give X_val and y_val")
    return X_val, y_val, weights


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
        # of the network that is trained
        self._evaluation: Any = None

    def outputs(self, network: Any) -> np.ndarray:
        """The network's outputs, (n, n_outputs)."""
        a = np.empty(self.y.shape, dtype=network.dtype)
        network._predict_into(self.x, a)
        return a

    def evaluate(self, network: Any) -> tuple[float, np.ndarray]:
        """The network's cost, without penalties, and its outputs, which the next call overwrites.

        The network is the same in every call.
        """
        if self._evaluation is None:
            self._evaluation = Evaluation(network, self.x, self.y, self.weights)
        return self._evaluation.cost(), self._evaluation.outputs

    def judge(self, est: Any) -> tuple[float, float]:
        """(score, cost without penalties) of an estimator as it is now."""
        cost, a = self.evaluate(est._network)
        return float(est._score_outputs(a, self.Y, self.weights)), cost


@dataclass
class Split:
    """What ``split`` returns."""

    training: Training
    validation: Validation | None

    def fingerprint(self) -> str:
        """A hash that tells other data, or another split of them, from these."""
        training, validation = self.training, self.validation
        looked_at: list[Any] = [training.x, training.y, training.weights]
        if validation is not None:
            looked_at += [validation.x, validation.y]
        return fingerprint(*looked_at)


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
                f"{str(error).rstrip('.')}. That is the split for early_stopping: change "
                "validation_fraction, or give validation_data to fit"
            ) from error
        if len(held) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        validation = Validation(X[held], Y[held], None if weights is None else weights[held])
    if rows is not None and weights is not None and not weights[rows].any():
        raise ValueError(
            "the sample weights of the training rows are all zero: only held-out rows have one"
        )
    total = weights
    if class_weights is not None:
        total = class_weights if weights is None else weights * class_weights
        if in_proportion:
            total = total / _mean_class_weight(class_weights, weights, rows)
    training = Training(Rows(X), Rows(Y), total, weights, rows, n if rows is None else len(rows))
    return Split(training, validation)


def _mean_class_weight(
    class_weights: np.ndarray, weights: np.ndarray | None, rows: np.ndarray | None
) -> Any:
    """The mean of the class weights of the rows that are trained on; refused where it is zero."""
    if rows is not None:
        class_weights = class_weights[rows]
        weights = None if weights is None else weights[rows]
    counted = class_weights if weights is None else weights * class_weights
    if not counted.any():
        raise ValueError("class_weight leaves every row of y with a sample weight of zero")
    _check_sum(counted)
    return np.average(class_weights, weights=weights)


def as_pair(validation_data: Any) -> tuple[Any, Any, Any]:
    """(X, y, sample_weight or None) of the argument validation_data."""
    if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
        raise TypeError(
            "validation_data must be (X, y) or (X, y, sample_weight), got "
            f"{type(validation_data).__name__}"
        )
    X, y, *weights = validation_data
    return X, y, weights[0] if weights else None
