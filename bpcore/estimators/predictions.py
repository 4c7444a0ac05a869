"""What an estimator predicts from: its network's outputs, block by block."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.sparse
from sklearn.utils.validation import check_is_fitted

from bpcore._core.rows import Rows
from bpcore._core.threads import threads_for
from bpcore.checks import check_finite
from bpcore.estimators.data import as_table, check_x
from bpcore.estimators.state import State
from bpcore.estimators.views import are_there

__all__ = ["Predictions", "plain_table"]

# Inputs and outputs of a block of predictions, in numbers: 16 MB of doubles.
_BLOCK_NUMBERS = 2**21

# Rows of a list; more are not to be converted twice.
_LIST_ROWS = 10_000

_SPARSE = (
    *(scipy.sparse.csr_matrix, scipy.sparse.csr_array),
    *(scipy.sparse.csc_matrix, scipy.sparse.csc_array),
)


def _numbers_of_frame(X: Any, names: np.ndarray) -> Any:
    """A pandas frame's numbers, where its columns have these names; else None."""
    kind = type(X)
    if kind.__name__ != "DataFrame" or not kind.__module__.startswith("pandas"):
        return None
    columns = X.columns.to_numpy()
    if columns.shape != names.shape or columns.dtype != object or (columns != names).any():
        return None
    if any(not isinstance(one, np.dtype) or one.kind not in "fiu" for one in X.dtypes):
        return None  # booleans, nullable numbers, texts: scikit-learn's to convert
    return X.to_numpy()


def plain_table(state: dict[str, Any], X: Any) -> Any:
    """A table that is plainly of the right kind, an ndarray or CSR; None for all others.

    Right are floats and integers, of the width and the names of the fit that left ``state``, an
    estimator's attributes.
    """
    if "feature_names_in_" in state:
        X = _numbers_of_frame(X, state["feature_names_in_"])
    elif type(X) is list and len(X) <= _LIST_ROWS and all(type(row) is list for row in X):
        try:
            X = np.asarray(X)
        except ValueError:  # ragged
            return None
    if not (type(X) is np.ndarray and X.ndim == 2) and type(X) not in _SPARSE:
        return None
    if X.dtype.kind in "iu" and X.dtype != np.uint8:
        X = X.astype(np.float64)
    if X.dtype.char not in "fd" or not X.dtype.isnative:
        return None
    if X.shape[0] == 0 or X.shape[1] != state.get("n_features_in_"):
        return None
    return X.tocsr() if type(X) in _SPARSE else X


class Predictions(State):
    """The part of an estimator that reads its network's outputs."""

    def _plain_outputs(self, X: Any) -> np.ndarray | None:
        """The network's outputs for a table that is plainly right, None for all others.

        scikit-learn's look at a table takes a hundred times as long as the network with one row.
        """
        state = self.__dict__
        if "_network" not in state or not are_there(self):
            return None
        X = plain_table(state, X)
        if X is None:
            return None
        n, width = X.shape
        network = self._current(None)
        n_inputs, n_outputs = network.layer_sizes[0], network.layer_sizes[-1]
        if width != n_inputs:
            return None
        if type(X) is np.ndarray:
            a = network._predict_small(X)
            if a is not None:
                return a
            used = width
        else:
            used = X.nnz // n
        if n * (used + n_outputs) > _BLOCK_NUMBERS:
            return None
        network.n_threads = threads_for(self.n_jobs)
        a = np.empty((n, n_outputs), dtype=network.dtype)
        # the first layer tells where a number is none
        return a if network._predict_into(Rows(as_table(X)), a) else None

    def _outputs(self, X: Any) -> Iterator[tuple[int, int, np.ndarray]]:
        """(first row, rows of X, the network's outputs from there on), block by block."""
        check_is_fitted(self)
        network = self._synchronised()
        given, X = X, check_x(self, X)
        n_inputs, n_outputs = network.layer_sizes[0], network.layer_sizes[-1]
        if X.shape[1] != n_inputs:
            raise ValueError(f"X has {X.shape[1]} features, but the weights take {n_inputs}")
        n = X.shape[0]
        width = n_inputs
        if scipy.sparse.issparse(X):
            width = X.nnz // max(n, 1)
        rows = max(1, _BLOCK_NUMBERS // (width + n_outputs))
        for start in range(0, n, rows):
            block = as_table(X[start : start + rows])
            a = np.empty((block.shape[0], n_outputs), dtype=network.dtype)
            table = Rows(block)
            # the first layer tells whether X has to be looked through once more
            if not network._predict_into(table, a):
                check_finite(table, "X", network.dtype, given=given, first_row=start)
            yield start, n, a

    def _gathered(self, X: Any, read: Callable[[np.ndarray], list[np.ndarray]]) -> list[Any]:
        """What ``read`` makes of each block's outputs, one array for each array of its list."""
        plain = self._plain_outputs(X)
        if plain is not None:
            return read(plain)
        whole: list[np.ndarray] = []
        for start, n, a in self._outputs(X):
            parts = read(a)
            if len(a) == n:
                return parts
            if not whole:
                whole = [np.empty((n, *part.shape[1:]), dtype=part.dtype) for part in parts]
            for array, part in zip(whole, parts, strict=True):
                array[start : start + len(part)] = part
        return whole
