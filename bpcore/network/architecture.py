"""The layers of a network and θ: how they are described, drawn, replaced, copied, pickled.

Each job of ``Network`` has a subclass of its own: ``Inspection`` takes derivatives, ``Learning``
trains, ``Export`` writes files.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from bpcore import checks as check
from bpcore._core.rows import Rows
from bpcore._core.threads import usable_processors
from bpcore.history import History
from bpcore.network.initialisation import INITS, as_generator, draw
from bpcore.network.tables import summary_of
from bpcore.network.user_loss import UserLoss
from bpcore.notebook import Table

__all__ = ["Architecture"]


# What pickles leave out of the attributes, since `_description` says it.
_DESCRIBED = ("_layer_sizes", "_activations", "_loss", "_dropout", "_loss_name", "_n_threads")


_Kind = TypeVar("_Kind", bound="Architecture")


class Architecture(UserLoss):
    """What a network is before it is asked for anything; ``Network`` documents it."""

    history_: History
    optimizer_: Any

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: Any = "sigmoid",
        output_activation: Any = None,
        loss: Any = "quadratic",
        *,
        dtype: npt.DTypeLike = "float32",
        init: str = "glorot",
        random_state: Any = None,
        dropout: float | Sequence[float] = 0.0,
        n_threads: int | None = None,
    ) -> None:
        sizes = check.as_layer_sizes(layer_sizes)
        kind = check.as_dtype(dtype)
        name, clip, parameter, quantiles = check.as_loss(loss, sizes[-1])
        layers = check.as_activations(activation, output_activation, len(sizes) - 1, name)
        left_out = check.as_dropout(dropout, len(sizes) - 2)
        if init not in INITS:
            raise ValueError(f"init must be one of {', '.join(INITS)}, got {init!r}")
        rng = as_generator(random_state)
        threads = None if n_threads is None else check.as_integer(n_threads, "n_threads")
        self._build(
            sizes,
            [(key, 0.0 if number is None else number) for key, number in layers],
            kind,
            (name, clip, parameter, quantiles),
            [*left_out, 0.0],
        )
        self.n_threads = threads
        self._layer_sizes = sizes
        self._activations = tuple(
            key if number is None else (key, number) for key, number in layers
        )
        self._loss = (
            loss if name is None else check.loss_shown(loss, name, clip, parameter, quantiles)
        )
        self._dropout = tuple(left_out)
        self._loss_name = name
        self._rng = rng
        draw(init, self.weights, self.biases, rng)

    # ------------------------------------------------------------ what the engine was built for

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """(n_0, …, n_L)."""
        return self._layer_sizes

    @property
    def activations(self) -> tuple[Any, ...]:
        """σ of each layer with weights: a name, or a name and its parameter."""
        return self._activations

    @property
    def loss(self) -> Any:
        """The loss by name, with its parameter where it has one, or the function that it is."""
        if isinstance(self._loss, tuple) and isinstance(self._loss[1], list):
            return self._loss[0], self._loss[1].copy()
        return self._loss

    @property
    def dropout(self) -> tuple[float, ...]:
        """The share of units that training leaves out, by hidden layer."""
        return self._dropout

    # ------------------------------------------------------------ θ

    @property
    def n_threads(self) -> int | None:
        """The most threads that share the work; None: as many as there are processors."""
        return self._n_threads

    @n_threads.setter
    def n_threads(self, most: int | None) -> None:
        if most is None:
            self._set_threads(usable_processors())
        else:
            self._set_threads(check.as_integer(most, "n_threads"))
        self._n_threads = most

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """w^(l) (n_l, n_{l-1}) at index l - 1, writable views into θ."""
        return self._weights_of(self.parameters)

    @property
    def biases(self) -> tuple[np.ndarray, ...]:
        """b^(l) (n_l,) at index l - 1, writable views into θ."""
        return self._biases_of(self.parameters)

    def set_parameters(
        self,
        theta: npt.ArrayLike | None = None,
        *,
        weights: Sequence[npt.ArrayLike] | None = None,
        biases: Sequence[npt.ArrayLike] | None = None,
    ) -> None:
        """Replace θ, as a whole or by layers. Either all of it changes or nothing.

        Parameters
        ----------
        theta : array-like of shape (n_parameters,), optional
            All parameters, in the order w^(1), b^(1), w^(2), …
        weights, biases : sequences of L arrays, optional
            w^(l) of shape (n_l, n_{l-1}), b^(l) of shape (n_l,); what is not given stays.

        Raises
        ------
        ValueError
            If a shape is wrong or a number is not finite.
        RuntimeError
            If another thread is training the network.

        Examples
        --------
        >>> from bpcore import Network
        >>> net = Network((1, 1), activation="identity")
        >>> net.set_parameters([2.0, 0.5])
        >>> net.predict([3.0])
        array([6.5], dtype=float32)
        """
        if (theta is None) == (weights is None and biases is None):
            raise TypeError("give either theta, or weights and biases by layer")
        moved = self.parameters.copy()
        if theta is not None:
            self._copy_into(moved, theta, "theta")
        for name, parts, views in (
            ("weights", weights, self._weights_of(moved)),
            ("biases", biases, self._biases_of(moved)),
        ):
            if parts is None:
                continue
            if len(parts) != self.n_layers:
                raise ValueError(
                    f"{name} has {len(parts)} arrays, but the network has {self.n_layers} layers "
                    "with weights"
                )
            for i, (part, view) in enumerate(zip(parts, views, strict=True)):
                self._copy_into(view, part, f"{name}[{i}]")
        self._assign(moved)

    def _copy_into(self, target: np.ndarray, values: Any, what: str) -> None:
        array = check.as_array(values, what, self.dtype)
        if array.shape != target.shape:
            raise ValueError(f"{what} has shape {array.shape}, expected {target.shape}")
        if not (np.abs(array) <= np.finfo(self.dtype).max).all():
            raise ValueError(f"{what} holds NaN, infinity or a number too large for {self.dtype}")
        target[:] = array

    # ------------------------------------------------------------ data

    def _examples(
        self,
        X: Any,
        Y: Any,
        sample_weight: Any,
        dY_dX: Any = None,
        derivative_weight: Any = 1.0,
    ) -> tuple[Any, Any, np.ndarray | None]:
        """X and Y as Rows, the weights as doubles, all checked."""
        rows, single = check.as_rows(X, self.layer_sizes[0], self.dtype)
        targets = check.as_targets(
            Y, len(rows), self.layer_sizes[-1], self._loss_name, self.dtype, single=single
        )
        factor = check.as_number(derivative_weight, "derivative_weight")
        if dY_dX is not None:
            shape = (len(rows), self.layer_sizes[-1], self.layer_sizes[0])
            slopes = check.as_slopes(dY_dX, shape, self.dtype, single=single)
            targets = Rows(targets.array, slopes=slopes, slope_weight=factor)
        return rows, targets, check.as_weights(sample_weight, len(rows))

    def _derivatives(self, dC_da: Any, n: int, single: bool) -> Rows:
        """∂C/∂a^(L) of n examples as Rows, checked."""
        try:
            return check.as_targets(
                dC_da, n, self.layer_sizes[-1], "quadratic", self.dtype, single=single
            )
        except (TypeError, ValueError) as error:
            raise type(error)(f"dC_da, in the place of Y: {error}") from None

    # ------------------------------------------------------------ copies

    def astype(self, dtype: npt.DTypeLike) -> Self:
        """A copy of the network with θ and arithmetic of another type.

        Parameters
        ----------
        dtype : {"float32", "float64"}

        Returns
        -------
        Network
            Independent of this one.

        Raises
        ------
        ValueError
            If dtype is another.

        Examples
        --------
        >>> from bpcore import Network
        >>> Network((2, 1), random_state=0).astype("float64").dtype
        dtype('float64')
        """
        copy = _rebuild(type(self), self._description(), dtype)
        copy.set_parameters(self.parameters)
        left = (*_DESCRIBED, "history_", "optimizer_")
        copy.__dict__ |= deepcopy(
            {name: value for name, value in self.__dict__.items() if name not in left}
        )
        return copy

    def _description(self) -> dict[str, Any]:
        return {
            "layer_sizes": self.layer_sizes,
            "activation": list(self.activations[:-1]),
            "output_activation": self.activations[-1],
            "loss": self.loss,
            "dropout": self.dropout,
            "n_threads": self.n_threads,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        state = {key: value for key, value in self.__dict__.items() if key not in _DESCRIBED}
        return (
            _rebuild,
            (type(self), self._description(), self.dtype.name),
            (
                self.parameters.copy(),
                state,
            ),
        )

    def __setstate__(self, state: tuple[np.ndarray, dict[str, Any]]) -> None:
        theta, attributes = state
        self._assign(theta)
        self.__dict__.update(attributes)

    def __copy__(self) -> Self:
        return deepcopy(self)

    def summary(self) -> Table:
        """The layers as a table, which is also what notebooks show: units, activation, parameters.

        Returns
        -------
        Table

        Examples
        --------
        >>> from bpcore import Network
        >>> Network((784, 16, 16, 10)).summary()
        a 784-16-16-10 network
          layer   units   activation   parameters
              0     784        input
              1      16      sigmoid       12,560
              2      16      sigmoid          272
              3      10      sigmoid          170
        13,002 parameters in float32 (50.8 KB); the cost is quadratic.
        """
        return summary_of(self)

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.layer_sizes))
        return (
            f"<{type(self).__name__} {sizes}: {self.n_parameters:,} parameters, "
            f"{', '.join(map(str, self.activations))}; loss {check.loss_in_words(self.loss)}; "
            f"{self.dtype}>"
        )


def _rebuild(cls: type[_Kind], description: dict[str, Any], dtype: npt.DTypeLike) -> _Kind:
    """A network of this class, whose own constructor may take other arguments."""
    network = cls.__new__(cls)
    Architecture.__init__(network, **description, dtype=dtype, init="zeros", random_state=0)
    return network
