"""An estimator's Network: its description, its first weights, and the views into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore.estimators.parameters import ENGINE_NAMES, SKLEARN_NAMES
from bpcore.network import Network

__all__ = ["NetworkSpec", "draw", "hidden_sizes", "layer_sizes_of", "sklearn_name"]


def hidden_sizes(hidden_layer_sizes: Any) -> list[int]:
    """The parameter ``hidden_layer_sizes`` as a list of ints."""
    one = not hasattr(hidden_layer_sizes, "__iter__")
    sizes = [hidden_layer_sizes] if one else list(hidden_layer_sizes)
    if np.any(np.array(sizes) <= 0):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
    return [check.as_integer(size, "hidden_layer_sizes") for size in sizes]


def sklearn_name(activation: Any) -> Any:
    """An engine's activation as scikit-learn calls it: "sigmoid" → "logistic"."""
    if isinstance(activation, tuple):
        return (SKLEARN_NAMES.get(activation[0], activation[0]), activation[1])
    return SKLEARN_NAMES.get(activation, activation)


def engine_name(activation: Any) -> Any:
    """The other way round, for a name or a (name, parameter)."""
    if isinstance(activation, tuple | list):
        return tuple(ENGINE_NAMES.get(part, part) for part in activation)
    return ENGINE_NAMES.get(activation, activation)


@dataclass(frozen=True)
class NetworkSpec:
    """What a Network is made of, beside its sizes and its type."""

    activations: tuple[Any, ...]
    # the activation of each layer, the last one too, that decides how its weights are drawn
    draw_for: tuple[str, ...]
    out_activation: Any
    loss: Any
    dropout: tuple[float, ...]

    @classmethod
    def of(cls, parameters: Any, n_hidden: int, out_activation: Any, loss: Any) -> "NetworkSpec":
        """Checked, one activation and one dropout a hidden layer."""
        activation = parameters.activation
        one = isinstance(activation, str) or (
            isinstance(activation, tuple)
            and len(activation) == 2
            and not isinstance(activation[1], str | tuple | list)
        )
        layers = [activation] * n_hidden if one else list(activation)
        if len(layers) != n_hidden:
            raise ValueError(
                f"activation lists {len(layers)} activations, but hidden_layer_sizes has "
                f"{n_hidden} layers"
            )
        names = [engine_name(layer) for layer in layers]
        # scikit-learn lets the hidden activation decide for the output layer too
        last = names[-1] if names else engine_name(activation) if one else "identity"
        return cls(
            tuple(names),
            tuple(name[0] if isinstance(name, tuple) else name for name in [*names, last]),
            engine_name(out_activation),
            loss,
            tuple(check.as_dropout(parameters.dropout, n_hidden)),
        )

    def build(self, sizes: Sequence[int], dtype: Any) -> Network:
        """The Network, every parameter 0."""
        return Network(
            sizes,
            activation=list(self.activations),
            output_activation=self.out_activation,
            loss=self.loss,
            dtype=dtype,
            init="zeros",
            # for the user's own calls of network_.fit: no fit of an estimator draws from it
            random_state=0,
            dropout=self.dropout,
        )


def draw(network: Network, spec: NetworkSpec, rng: np.random.RandomState) -> None:
    """Glorot's uniform weights and biases, drawn in scikit-learn's order.

    The bound is sqrt(6 / (fan_in + fan_out)), with 2 in place of 6 for logistic layers.
    """
    layers = zip(spec.draw_for, network.weights, network.biases, strict=True)
    for name, w, b in layers:
        fan_out, fan_in = w.shape
        bound = np.sqrt((2.0 if name == "sigmoid" else 6.0) / (fan_in + fan_out))
        w[:] = rng.uniform(-bound, bound, (fan_in, fan_out)).T
        b[:] = rng.uniform(-bound, bound, fan_out)


def layer_sizes_of(coefs: Sequence[Any], intercepts: Sequence[Any]) -> list[int]:
    """(n_0, …, n_L) from weights and biases that somebody has set.

    Raises
    ------
    ValueError
        If they do not make a network.
    """
    coefs = [np.asarray(w) for w in coefs]
    shapes = [w.shape for w in coefs]
    biases = [np.shape(b) for b in intercepts]
    fits = (
        len(coefs) > 0
        and all(len(shape) == 2 for shape in shapes)
        and all(one[1] == next_[0] for one, next_ in pairwise(shapes))
        and biases == [(shape[1],) for shape in shapes]
    )
    if not fits:
        raise ValueError(
            "coefs_ must be matrices (n_in, n_out) that follow one another, and intercepts_ "
            f"vectors (n_out,) beside them; got the shapes {shapes} and {biases}"
        )
    return [shapes[0][0], *(shape[1] for shape in shapes)]
