"""Tables of examples, targets and weights."""

from typing import Any

import numpy as np

from bpcore._core.rows import Rows
from bpcore.checks.scaled import Scaled
from bpcore.checks.tables import check_finite, frame_as_array, is_frame, refuse_masked
from bpcore.functions import LOSSES


def as_array(X: Any, what: str, dtype: np.dtype) -> np.ndarray:
    """X as an ndarray of float32, float64 or uint8; the same object where it is one."""
    refuse_masked(X, what)
    try:
        array = frame_as_array(X, what) if is_frame(X) else np.asarray(X)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{what} is not an array of numbers: {error}") from error
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
    if isinstance(X, Scaled):
        raise TypeError(f"{what} is a bpcore.scaled array, as which only X may be given")
    if array.dtype.kind not in "fiu":
        raise TypeError(
            f"{what} must hold real numbers, got an array of dtype {array.dtype}; convert it first"
        )
    if array.dtype in (np.float32, np.float64, np.uint8):
        if not array.dtype.isnative:
            array = array.astype(array.dtype.newbyteorder("="))
        return array if array.flags.aligned else array.copy()
    # float16 and small integers fit any float; the rest goes through double precision
    small = array.dtype.itemsize <= 2 and dtype == np.float32
    return array.astype(np.float32 if small else np.float64)


def as_rows(
    X: Any, n_columns: int, dtype: np.dtype, *, allow_empty: bool = False, finite: bool = True
) -> tuple[Rows, bool]:
    """(X as Rows of n_columns numbers, whether X was a single example without its row axis).

    finite: whether X is looked through for NaN and infinity; where not, the caller does.
    """
    if isinstance(X, Rows):
        return X, False
    table: Any
    divisor = 1.0
    given = X
    if isinstance(X, Scaled):
        given, divisor = X.array, X.divisor
    if hasattr(given, "tocsr"):
        table = _as_csr(given, "X")
        single = False
    else:
        table = as_array(given, "X", dtype)
        single = table.ndim == 1
        if single:
            if table.shape[0] != n_columns and n_columns != 1:
                raise ValueError(
                    f"X is one example of {table.shape[0]} features, but this network takes "
                    f"{n_columns} (its first layer)"
                )
            if n_columns == 1 and table.shape[0] != 1:
                raise ValueError(
                    f"X is a vector of {table.shape[0]} numbers, but this network takes examples "
                    "of 1 feature: give X of shape (n, 1), X.reshape(-1, 1)"
                )
            table = table.reshape(1, -1)
        if table.ndim != 2:
            raise ValueError(
                f"X must have two dimensions, (examples, features), or one for a single example, "
                f"got shape {table.shape}"
            )
    if table.shape[1] != n_columns:
        raise ValueError(
            f"X has {table.shape[1]} features, but this network takes {n_columns} (its first layer)"
        )
    if table.shape[0] == 0 and not allow_empty:
        raise ValueError(f"X is empty, its shape is {table.shape}: expected at least one example")
    rows = Rows(table, divisor)
    if finite:
        check_finite(rows, "X", dtype, given=given)
    return rows, single


def _as_csr(X: Any, what: str) -> Any:
    """A SciPy sparse matrix as CSR of float32 or float64."""
    if X.ndim != 2:
        raise ValueError(f"sparse {what} must have two dimensions, got shape {X.shape}")
    if X.dtype.kind not in "fiub":
        raise TypeError(f"{what} must hold real numbers, got a sparse matrix of dtype {X.dtype}")
    X = X.tocsr()
    return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)


def as_targets(
    Y: Any, n: int, n_outputs: int, loss: str | None, dtype: np.dtype, *, single: bool = False
) -> Rows:
    """Y as Rows of n_outputs numbers, one for each of n examples.

    loss: None for one of the user's, which takes targets of any width.
    """
    if isinstance(Y, Rows):
        return Y
    if hasattr(Y, "tocsr"):
        table = _as_csr(Y, "Y")
    else:
        table = as_array(Y, "Y", dtype)
        if loss is None and table.ndim < 2:
            n_outputs = table.size if single else 1
        if single and table.ndim == 1 and table.shape[0] == n_outputs:
            table = table.reshape(1, -1)
        elif table.ndim == 0 and single and n_outputs == 1:
            table = table.reshape(1, 1)
        elif table.ndim == 1 and n_outputs == 1:
            table = table.reshape(-1, 1)
    if table.ndim != 2 or (table.shape[1] != n_outputs and loss is not None):
        hint = ""
        if table.ndim < 2 and n_outputs > 1:
            hint = "; for class labels, give one column a class (bpcore.datasets.one_hot)"
        raise ValueError(
            f"Y has shape {table.shape}, but this network has {n_outputs} outputs (its last "
            f"layer): expected ({n}, {n_outputs}){hint}"
        )
    if table.shape[0] != n:
        raise ValueError(f"X has {n} examples, but Y has {table.shape[0]}")
    rows = Rows(table)
    check_finite(rows, "Y", dtype, given=Y)
    if loss is not None and (allowed := LOSSES[loss].targets) is not None:
        least, most, kind = allowed
        values = table.data if hasattr(table, "tocsr") else table
        if values.size and (values.min() < least or values.max() > most):
            raise ValueError(
                f"Y holds numbers from {values.min():g} to {values.max():g}; the loss {loss} "
                f"takes {kind}"
            )
    return rows


def as_slopes(
    dY_dX: Any, shape: tuple[int, int, int], dtype: np.dtype, *, single: bool = False
) -> Rows:
    """Targets for ∂a^(L)/∂a^(0) as Rows of n_L n_0 numbers, NaN where one is not known.

    shape: (n, n_L, n_0).
    """
    n, n_outputs, n_inputs = shape
    table = as_array(dY_dX, "dY_dX", dtype)
    # an axis of one output may be left out, as in Y, and that of a single example, as in X
    shapes: list[tuple[int, ...]] = [shape]
    if n_outputs == 1:
        shapes.append((n, n_inputs))
    if n_outputs == n_inputs == 1:
        shapes.append((n,))
    if single:
        shapes += [one[1:] for one in shapes]
    if table.shape not in shapes:
        expected = " or ".join(map(str, shapes[:2]))
        raise ValueError(
            f"dY_dX has shape {table.shape}, but there are {n} examples, and this network has "
            f"{n_outputs} outputs and {n_inputs} inputs: expected {expected}, as jacobian gives"
        )
    table = table.reshape(n, -1)
    if table.dtype != np.uint8 and (beyond := np.abs(table) > np.finfo(dtype).max).any():
        row = int(np.flatnonzero(beyond.any(axis=1))[0])
        raise ValueError(
            f"dY_dX[{row}] holds infinity or a number too large for {dtype}: a derivative that is "
            "not known is NaN"
        )
    return Rows(table)


def as_weights(sample_weight: Any, n: int, *, some: bool = True) -> np.ndarray | None:
    """sample_weight as a contiguous vector of n doubles, or None.

    some: whether at least one has to be more than zero.
    """
    if sample_weight is None:
        return None
    weights = as_array(sample_weight, "sample_weight", np.dtype(np.float64))
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}, but there are {n} examples: expected ({n},)"
        )
    weights = np.ascontiguousarray(weights, dtype=np.float64)
    if not np.isfinite(weights).all() or (weights < 0).any():
        row = int(np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))[0])
        raise ValueError(
            f"sample_weight[{row}] is {weights[row]}: weights must be finite and not negative"
        )
    with np.errstate(over="ignore"):
        total = weights.sum()
    if total == 0:
        if not some:
            return weights
        raise ValueError("sample_weight is zero for every example: at least one must count")
    if not np.finfo(np.float64).tiny <= total < np.inf:
        raise ValueError(
            f"sample_weight sums to {total:g}, beyond the range of double precision: only the "
            "ratios of weights count, so divide them by their largest"
        )
    return weights


def as_out(out: Any, shape: tuple[int, ...], dtype: np.dtype, X: Any) -> np.ndarray:
    """An array of the caller's for results of this shape and type."""
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be an ndarray, got {type(out).__name__}")
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(
            f"out has shape {out.shape} and dtype {out.dtype}, expected {shape} and {dtype}"
        )
    if not (out.flags.c_contiguous and out.flags.writeable and out.flags.aligned):
        raise ValueError("out must be C-contiguous and writable")
    # the numbers of `scaled` images, of a sparse matrix
    x = X if isinstance(X, np.ndarray) else getattr(X, "array", getattr(X, "data", None))
    if isinstance(x, np.ndarray) and np.may_share_memory(out, x):
        raise ValueError("out shares memory with X: give an array of its own")
    return out
