"""A network's description: sizes, activations, loss, dropout."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from bpcore.checks.numbers import as_integer, as_number
from bpcore.functions import ACTIVATIONS, ALIASES, HIDDEN, LOSSES
from bpcore.functions.losses import Parameter


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


def as_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """float32 or float64, in the processor's byte order."""
    try:
        kind = np.dtype(dtype)
    except TypeError:
        raise TypeError(f"dtype must be float32 or float64, got {dtype!r}") from None
    if kind not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {kind}")
    return kind.newbyteorder("=")


def as_activation(spec: Any, *, output: bool = False) -> tuple[str, float | None]:
    """(name, parameter or None) of an activation, from a name or (name, parameter)."""
    name, parameter = spec, None
    if isinstance(spec, tuple | list) and len(spec) == 2 and isinstance(spec[0], str):
        name, parameter = spec
    name = ALIASES.get(name, name) if isinstance(name, str) else name
    known = tuple(ACTIVATIONS) if output else HIDDEN
    if not isinstance(name, str) or name not in known:
        hint = ""
        if isinstance(name, str) and name in ACTIVATIONS:
            hint = f"; {name} belongs to the output layer (output_activation)"
        raise ValueError(f"activation must be one of {', '.join(known)}, got {spec!r}{hint}")
    default = ACTIVATIONS[name].default
    if parameter is None:
        return name, default
    if default is None:
        raise ValueError(f"the activation {name} takes no parameter, got {spec!r}")
    return name, as_number(parameter, f"the parameter of {name}")


def as_activations(
    activation: Any, output_activation: Any, n_layers: int, loss: str | None
) -> list[tuple[str, float | None]]:
    """One (name, parameter) a layer; the output's default follows the loss."""
    is_list = isinstance(activation, list) or (
        isinstance(activation, tuple)
        and not (len(activation) == 2 and isinstance(activation[1], int | float | np.number))
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
    fits = None if loss is None else LOSSES[loss].outputs
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


def as_loss(spec: Any, n_outputs: int) -> tuple[str | None, bool, float, list[float]]:
    """(name, clip, parameter, one parameter an output) of a loss, from a name or a pair.

    The name of a function, which is a loss of the user's, is None.
    """
    if callable(spec):
        return None, False, 0.0, []
    name, parameter = spec, None
    if isinstance(spec, tuple | list) and len(spec) == 2:
        name, parameter = spec
    if not isinstance(name, str) or name not in LOSSES:
        raise ValueError(
            f"loss must be one of {', '.join(LOSSES)}, or a function (outputs, targets) → (cost of "
            f"each example, ∂C/∂a), got {spec!r}"
        )
    row = LOSSES[name]
    if row.clips and parameter == "clip":
        return name, True, 0.0, []
    if row.parameter is None:
        if parameter is not None:
            raise ValueError(f"the loss {name} takes no parameter, got {spec!r}")
        return name, False, 0.0, []
    if parameter is None:
        parameter = row.parameter.default
    if not row.parameter.one_an_output:
        return name, False, _as_loss_parameter(row.parameter, parameter), []
    many = [parameter] * n_outputs if isinstance(parameter, int | float | np.number) else parameter
    numbers = [_as_loss_parameter(row.parameter, one) for one in many]
    if len(numbers) != n_outputs:
        raise ValueError(
            f"the loss {name} got {len(numbers)} parameters for {n_outputs} outputs: give one "
            "number, or one an output"
        )
    return name, False, 0.0, numbers


def loss_shown(
    spec: Any, name: str, clip: bool, parameter: float, many: list[float]
) -> str | tuple[str, Any]:
    """The loss that ``as_loss`` has found, as Network.loss tells it: nothing of the caller's."""
    if isinstance(spec, str) or (LOSSES[name].parameter is None and not clip):
        return name
    if clip:
        return name, "clip"
    if not many:
        return name, parameter
    if np.ndim(spec[1]) == 0:
        return name, many[0]
    return name, tuple(many) if isinstance(spec[1], tuple) else many.copy()


def _as_loss_parameter(row: Parameter, value: Any) -> float:
    number = as_number(value, row.text, below=row.below)
    if number == 0:
        raise ValueError(f"{row.text} must be positive, got 0")
    return number


def loss_in_words(loss: Any) -> str:
    """A loss as messages name it."""
    return str(getattr(loss, "__name__", loss)) if callable(loss) else str(loss)


def as_costs(
    answer: Any, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> tuple[np.ndarray, np.ndarray]:
    """What a loss of the user's has answered for outputs of this shape: C_k and ∂C_k/∂a.

    Contiguous, float64 and dtype; they may be infinite, as other costs may.
    """
    wanted = "loss(outputs, targets) must return (cost of each example, ∂C/∂a)"
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise TypeError(f"{wanted}, got {type(answer).__name__}")
    found = []
    expected: Any = (("costs", np.float64, shape[:1]), ("∂C/∂a", dtype, shape))
    for part, (what, kind, size) in zip(answer, expected, strict=True):
        array = np.asarray(part)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{wanted}, but its {what} have dtype {array.dtype}")
        if array.shape != size:
            raise ValueError(f"{wanted}, but its {what} have shape {array.shape}, expected {size}")
        with np.errstate(over="ignore"):
            found.append(np.ascontiguousarray(array, dtype=kind))
    return found[0], found[1]


def as_dropout(dropout: Any, n_hidden: int) -> list[float]:
    """The chance of each hidden layer's units to be left out, one number a layer."""
    many = isinstance(dropout, Sequence | np.ndarray) and not isinstance(dropout, str)
    shares = list(dropout) if many else [dropout] * n_hidden
    if len(shares) != n_hidden:
        raise ValueError(
            f"dropout lists {len(shares)} numbers, but the network has {n_hidden} hidden layers"
        )
    return [as_number(share, "dropout", below=1.0) for share in shares]


def as_clip_norm(clip_norm: Any) -> float:
    """The largest norm of ∇C; 0 for None, no limit."""
    if clip_norm is None:
        return 0.0
    limit = as_number(clip_norm, "clip_norm")
    if limit == 0:
        raise ValueError("clip_norm must be positive, or None for no limit, got 0")
    return limit


def as_rate_factors(rate_factors: Any, n_layers: int) -> np.ndarray | None:
    """(L, 2): what η is multiplied by for the weights and for the biases of each layer."""
    if rate_factors is None:
        return None
    factors = np.ascontiguousarray(rate_factors, dtype=np.float64)
    if factors.shape != (n_layers, 2):
        raise ValueError(
            f"rate_factors must have a row for each of {n_layers} layers, with the factors "
            f"of its weights and its biases, got shape {factors.shape}"
        )
    if not np.isfinite(factors).all() or (factors < 0).any():
        raise ValueError("rate_factors must be finite and at least 0")
    return factors
