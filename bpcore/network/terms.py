"""The fields of a Trace, and the names that they had before."""

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["StepTerms"]

_IN_WORDS = {"activations": "a", "pre_activations": "z"}
# names of before, whose index was l - 1, and those that took their place
_WITHOUT_LAYER_0 = {"weights": "w", "biases": "b", "activation_functions": "sigma"}


@dataclass(frozen=True, eq=False)
class StepTerms:
    """The terms of one step of backpropagation; ``Trace`` documents them."""

    a: list[np.ndarray] = field(repr=False)
    z: list[np.ndarray | None] = field(repr=False)
    da_dz: list[np.ndarray | None] = field(repr=False)
    dC_da: list[np.ndarray] = field(repr=False)
    dC_dz: list[np.ndarray | None] = field(repr=False)
    dC_dw: list[np.ndarray | None] = field(repr=False)
    dC_db: list[np.ndarray | None] = field(repr=False)
    dz_dw: list[np.ndarray | None] = field(repr=False)
    dz_da: list[np.ndarray | None] = field(repr=False)
    dz_db: list[float | None] = field(repr=False)
    cost: float
    costs: np.ndarray = field(repr=False)
    targets: np.ndarray = field(repr=False)
    w: list[np.ndarray | None] = field(repr=False)
    b: list[np.ndarray | None] = field(repr=False)
    layer_sizes: tuple[int, ...]
    sigma: list[Any] = field(repr=False)
    loss: Any = field(repr=False)
    shares: np.ndarray = field(repr=False)
    network_class: Any = field(default=None, repr=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a Trace was pickled as, also by the names of before."""
        for name, value in state.items():
            if name in _WITHOUT_LAYER_0:
                self.__dict__[_WITHOUT_LAYER_0[name]] = [None, *value]
            else:
                self.__dict__[_IN_WORDS.get(name, name)] = value

    @property
    def activations(self) -> list[np.ndarray]:
        """``a``, in a word."""
        return self.a

    @property
    def pre_activations(self) -> list[np.ndarray | None]:
        """``z``, in a word."""
        return self.z

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """w^(l) at index l - 1: deprecated, see ``w``."""
        return self._without_layer_0("weights")

    @property
    def biases(self) -> tuple[np.ndarray, ...]:
        """b^(l) at index l - 1: deprecated, see ``b``."""
        return self._without_layer_0("biases")

    @property
    def activation_functions(self) -> tuple[Any, ...]:
        """σ of layer l at index l - 1: deprecated, see ``sigma``."""
        return self._without_layer_0("activation_functions")

    def _without_layer_0(self, old: str) -> tuple[Any, ...]:
        new = _WITHOUT_LAYER_0[old]
        message = (
            f"Trace.{old}[l - 1] is deprecated: it is {new}[l], by layer like everything "
            "else in a Trace"
        )
        warnings.warn(message, DeprecationWarning, stacklevel=3)
        return tuple(getattr(self, new)[1:])
