"""What comes from users, checked once a call, before any kernel sees it.

An array of float32, float64 or uint8 is passed on as it lies, whatever its strides; other
numbers are converted. Messages say what was wrong, where, and what was expected.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcore._activations import ACTIVATIONS
from bpcore._data import Rows
from bpcore._losses import LOSSES
from bpcore._scaled import Scaled

ALIASES = {"logistic": "sigmoid"}
# Losses whose targets have a range: (least, most, what they are)
_TARGET_RANGES = {
    "binary_cross_entropy": (0.0, 1.0, "probabilities, from 0 to 1"),
    "categorical_cross_entropy": (0.0, np.inf, "probabilities, none negative"),
    "poisson": (0.0, np.inf, "counts or rates, none negative"),
}
_QUANTILE_DEFAULT = 0.5
_HUBER_DEFAULT = 1.0


# ---------------------------------------------------------------- data


def as_array(X: Any, what: str, dtype: np.dtype) -> np.ndarray:
    """X as an ndarray of float32, float64 or uint8; the same object where it is one."""
    try:
        array = np.asarray(X)
    except ValueError as error:
        raise ValueError(f"{what} is not an array: {error}") from error
    if array.dtype.kind == "b":
        array = array.view(np.uint8)
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
    if isinstance(X, Scaled):
        X, divisor = X.array, X.divisor
    if hasattr(X, "tocsr"):
        table = _as_csr(X, "X")
        single = False
    else:
        table = as_array(X, "X", dtype)
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
        check_finite(rows, "X", dtype)
    return rows, single


def _as_csr(X: Any, what: str) -> Any:
    """A SciPy sparse matrix as CSR of float32 or float64."""
    if X.ndim != 2:
        raise ValueError(f"sparse {what} must have two dimensions, got shape {X.shape}")
    if X.dtype.kind not in "fiub":
        raise TypeError(f"{what} must hold real numbers, got a sparse matrix of dtype {X.dtype}")
    X = X.tocsr()
    return X if X.dtype in (np.float32, np.float64) else X.astype(np.float64)


def check_finite(rows: Rows, what: str, dtype: np.dtype) -> None:
    """Refuse NaN, infinity, and numbers that dtype cannot hold."""
    row = rows.first_row_beyond(float(np.finfo(dtype).max))
    if row >= 0:
        raise ValueError(
            f"{what} holds NaN, infinity or a number too large for {dtype} in row {row}: "
            "remove or replace it first"
        )


def as_targets(
    Y: Any, n: int, n_outputs: int, loss: str, dtype: np.dtype, *, single: bool = False
) -> Rows:
    """Y as Rows of n_outputs numbers, one for each of n examples."""
    if isinstance(Y, Rows):
        return Y
    if hasattr(Y, "tocsr"):
        table = _as_csr(Y, "Y")
    else:
        table = as_array(Y, "Y", dtype)
        if single and table.ndim == 1 and table.shape[0] == n_outputs:
            table = table.reshape(1, -1)
        elif table.ndim == 0 and single and n_outputs == 1:
            table = table.reshape(1, 1)
        elif table.ndim == 1 and n_outputs == 1:
            table = table.reshape(-1, 1)
    if table.ndim != 2 or table.shape[1] != n_outputs:
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
    check_finite(rows, "Y", dtype)
    if loss in _TARGET_RANGES:
        least, most, kind = _TARGET_RANGES[loss]
        values = table.data if hasattr(table, "tocsr") else table
        if values.size and (values.min() < least or values.max() > most):
            raise ValueError(
                f"Y holds numbers from {values.min():g} to {values.max():g}; the loss {loss} "
                f"takes {kind}"
            )
    return rows


def as_weights(sample_weight: Any, n: int) -> np.ndarray | None:
    """sample_weight as a contiguous vector of n doubles, or None."""
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
        raise ValueError("sample_weight is zero for every example: at least one must count")
    if not np.finfo(np.float64).tiny <= total < np.inf:
        raise ValueError(
            f"sample_weight sums to {total:g}, beyond the range of double precision: only the "
            "ratios of weights count, so divide them by their largest"
        )
    return weights


# ---------------------------------------------------------------- numbers


def as_integer(value: Any, what: str, least: int = 1) -> int:
    """An int of at least `least`; bools and floats are refused."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{what} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{what} must be at least {least}, got {value}")
    return int(value)


def as_number(value: Any, what: str, least: float = 0.0, below: float = np.inf) -> float:
    """A float from `least` up to, not including, `below`."""
    if isinstance(value, bool | np.bool_) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        raise TypeError(f"{what} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an int beyond double precision
        number = np.inf if value > 0 else -np.inf
    if not least <= number < below:
        upper = "finite" if below == np.inf else f"below {below:g}"
        raise ValueError(f"{what} must be at least {least:g} and {upper}, got {number}")
    return number


# ---------------------------------------------------------------- the network's description


def as_layer_sizes(layer_sizes: Any) -> tuple[int, ...]:
    """(n_0, …, n_L) with L ≥ 1."""
    if isinstance(layer_sizes, str) or not isinstance(layer_sizes, Sequence | np.ndarray):
        raise TypeError(
            f"layer_sizes must be a sequence of integers like (784, 16, 16, 10), got "
            f"{layer_sizes!r}"
        )
    if len(layer_sizes) < 2:
        raise ValueError(
            "layer_sizes needs at least two layers, the inputs and the outputs, got "
            f"{tuple(layer_sizes)}"
        )
    return tuple(as_integer(size, f"layer_sizes[{i}]") for i, size in enumerate(layer_sizes))


def as_activation(spec: Any, *, output: bool = False) -> tuple[str, float | None]:
    """(name, parameter or None) of an activation, from a name or (name, parameter)."""
    name, parameter = spec, None
    if isinstance(spec, tuple | list) and len(spec) == 2 and isinstance(spec[0], str):
        name, parameter = spec
    name = ALIASES.get(name, name) if isinstance(name, str) else name
    known = [key for key in ACTIVATIONS if output or key != "softmax"]
    if not isinstance(name, str) or name not in known:
        hint = ""
        if name == "softmax":
            hint = "; softmax belongs to the output layer (output_activation)"
        raise ValueError(f"activation must be one of {', '.join(known)}, got {spec!r}{hint}")
    default = ACTIVATIONS[name][1]
    if parameter is None:
        return name, default
    if default is None:
        raise ValueError(f"the activation {name} takes no parameter, got {spec!r}")
    return name, as_number(parameter, f"the parameter of {name}")


def as_activations(
    activation: Any, output_activation: Any, n_layers: int, loss: str
) -> list[tuple[str, float | None]]:
    """One (name, parameter) a layer; the output's default follows the loss."""
    is_list = isinstance(activation, list) or (
        isinstance(activation, tuple)
        and not (len(activation) == 2 and isinstance(activation[1], int | float))
    )
    if is_list:
        if len(activation) != n_layers - 1:
            raise ValueError(
                f"activation lists {len(activation)} activations, but the network has "
                f"{n_layers - 1} hidden layers; the output's is output_activation"
            )
        hidden = [as_activation(one) for one in activation]
    else:
        hidden = [as_activation(activation)] * (n_layers - 1)
    fits = LOSSES[loss][1]
    if output_activation is not None:
        output = as_activation(output_activation, output=True)
    elif fits is not None:
        output = as_activation(fits[0], output=True)
    elif hidden:
        output = hidden[-1]
    else:
        output = as_activation("sigmoid" if is_list else activation, output=True)
    if fits is not None and output[0] not in fits:
        raise ValueError(
            f"the loss {loss} takes the output activation {' or '.join(fits)}, got {output[0]}"
        )
    return [*hidden, output]


def as_loss(spec: Any, n_outputs: int) -> tuple[str, bool, float, list[float]]:
    """(name, clip, parameter, quantiles) of a loss, from a name or (name, parameter)."""
    name, parameter = spec, None
    if isinstance(spec, tuple | list) and len(spec) == 2:
        name, parameter = spec
    if not isinstance(name, str) or name not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {spec!r}")
    if name == "huber":
        delta = as_number(_HUBER_DEFAULT if parameter is None else parameter, "huber's delta")
        if delta == 0:
            raise ValueError("huber's delta must be positive, got 0")
        return name, False, delta, []
    if name == "quantile":
        return name, False, 0.0, _as_quantiles(parameter, n_outputs)
    if name.endswith("cross_entropy") and parameter == "clip":
        return name, True, 0.0, []
    if parameter is not None:
        raise ValueError(f"the loss {name} takes no parameter, got {spec!r}")
    return name, False, 0.0, []


def _as_quantiles(parameter: Any, n_outputs: int) -> list[float]:
    if parameter is None:
        parameter = _QUANTILE_DEFAULT
    if isinstance(parameter, int | float):
        parameter = [parameter] * n_outputs
    quantiles = [as_number(q, "a quantile", below=1.0) for q in parameter]
    if len(quantiles) != n_outputs:
        raise ValueError(
            f"{len(quantiles)} quantiles for {n_outputs} outputs: give one number, or one an output"
        )
    if min(quantiles) <= 0:
        raise ValueError(f"quantiles must lie between 0 and 1, got {quantiles}")
    return quantiles


def as_dropout(dropout: Any, n_hidden: int) -> list[float]:
    """The chance of each hidden layer's units to be left out, one number a layer."""
    many = isinstance(dropout, Sequence | np.ndarray) and not isinstance(dropout, str)
    shares = list(dropout) if many else [dropout] * n_hidden
    if len(shares) != n_hidden:
        raise ValueError(
            f"dropout lists {len(shares)} numbers, but the network has {n_hidden} hidden layers"
        )
    return [as_number(share, "dropout", below=1.0) for share in shares]
