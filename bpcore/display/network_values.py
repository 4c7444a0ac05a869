"""The numbers that a picture of a network colours, and what it is asked for."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from bpcore.network.trace import Trace

__all__ = ["Content", "Values", "check_show", "values_of"]

_SHOWS = ("weights", "activations", "gradient")


class Values(NamedTuple):
    """What is coloured: units[l] (n_l,) or None for l = 0 … L, connections[l - 1] (n_l, n_{l-1}).

    ``notes`` are short texts beside the outputs, ``marked`` the outputs that are named in any
    case, and ``cost`` is what the derivatives are of: C, or C_i of example i.
    """

    units: list[np.ndarray] | None
    connections: list[np.ndarray]
    notes: list[str] | None
    marked: tuple[int, ...] = ()
    cost: str = "C"


@dataclass(frozen=True, eq=False)
class Content:
    """What a picture of a network shows; ``NetworkDisplay`` documents its fields."""

    layer_sizes: tuple[int, ...]
    values: Values
    show: str
    image: np.ndarray | None = None
    strengths: np.ndarray | None = None
    names: list[str] | None = None


def values_of(trace: "Trace", show: str, example: int | None) -> Values:
    """The numbers of a trace: of one example, or of the mean over all."""
    if show == "activations":
        rows = slice(None) if example is None else slice(example, example + 1)
        units = [np.asarray(a[rows], dtype=np.float64).mean(axis=0) for a in trace.a]
        weights = [np.asarray(w, dtype=np.float64) for w in trace.w[1:]]
        notes = [f"{a:.2f}" for a in units[-1]]
        return Values(units, weights, notes, (int(np.argmax(units[-1])),))
    if example is None:
        units = [np.asarray(d, dtype=np.float64).sum(axis=0) for d in trace.dC_da]
        gradients = [np.asarray(d, dtype=np.float64) for d in trace.dC_dw[1:]]
        if len(trace.costs) > 1:
            return Values(units, gradients, None)
        return Values(units, gradients, *_notes(trace, 0))
    scale = 1.0 / float(trace.shares[example])
    units = [scale * np.asarray(d[example], dtype=np.float64) for d in trace.dC_da]
    deltas = [scale * np.asarray(d, dtype=np.float64)[example] for d in trace.dC_dz[1:]]
    before = [np.asarray(a[example], dtype=np.float64) for a in trace.a[:-1]]
    gradients = [np.outer(delta, a) for delta, a in zip(deltas, before, strict=True)]
    cost = "C" if len(trace.costs) == 1 else f"C_{example}"
    return Values(units, gradients, *_notes(trace, example), cost)


def _notes(trace: "Trace", example: int) -> tuple[list[str], tuple[int, int]]:
    """(activation and target of each output, the largest of both: the guess and the truth)."""
    outputs, targets = trace.a[-1][example], trace.targets[example]
    notes = [f"a = {a:.2f}, y = {y:.3g}" for a, y in zip(outputs, targets, strict=True)]
    return notes, (int(np.argmax(outputs)), int(np.argmax(targets)))


def check_show(show: Any) -> None:
    """Refuse a ``show`` that there is not."""
    if show not in _SHOWS:
        raise ValueError(f"show must be one of {', '.join(_SHOWS)}, got {show!r}")
