"""Networks, traces and gradients as tables."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from bpcore.checks import loss_in_words
from bpcore.notebook import Table

__all__ = ["summary_of", "table_of_gradient", "table_of_trace"]

_TERMS = (
    ("w", "w"), ("b", "b"), ("z", "z"), ("a", "a"), ("da_dz", "σ'(z)"), ("dC_da", "∂C/∂a"),
    ("dC_dz", "∂C/∂z"), ("dC_dw", "∂C/∂w"), ("dC_db", "∂C/∂b"),
)  # fmt: skip


def _named(function: Any) -> str:
    """An activation or a loss in a word or two."""
    if isinstance(function, tuple):
        return f"{function[0]} {function[1]}"
    return loss_in_words(function)


def _cell(values: Any) -> str:
    """A number, or the least and the largest of several."""
    if values is None:
        return ""
    array = np.asarray(values)
    low, high = (f"{number + 0.0:.4g}" for number in (array.min(), array.max()))
    return low if array.size == 1 else f"{low} … {high}"


def summary_of(network: Any) -> Table:
    """What ``Network.summary`` documents."""
    sizes = network.layer_sizes
    rows = [("0", f"{sizes[0]:,}", "input", "")]
    for layer, (w, b) in enumerate(zip(network.weights, network.biases, strict=True), start=1):
        function = _named(network.activations[layer - 1])
        rows.append((str(layer), f"{sizes[layer]:,}", function, f"{w.size + b.size:,}"))
    n_bytes = network.parameters.nbytes
    size = f"{n_bytes} bytes"
    if n_bytes >= 1024:
        size = f"{n_bytes / 2**20:.1f} MB" if n_bytes >= 2**20 else f"{n_bytes / 1024:.1f} KB"
    note = (
        f"{network.n_parameters:,} parameters in {network.dtype} ({size}); the cost is "
        f"{_named(network.loss)}."
    )
    title = f"a {'-'.join(map(str, sizes))} network"
    return Table(title, ("layer", "units", "activation", "parameters"), tuple(rows), (note,))


def table_of_trace(trace: Any) -> Table:
    """What ``Trace.table`` documents."""
    n = len(trace.costs)
    is_chain = n == 1 and all(size == 1 for size in trace.layer_sizes)
    head = ["layer"] if is_chain else ["layer", "units", "σ"]
    rows = []
    for layer, size in enumerate(trace.layer_sizes):
        function = "input" if layer == 0 else _named(trace.sigma[layer])
        cells = [str(layer)] if is_chain else [str(layer), str(size), function]
        rows.append((*cells, *(_cell(getattr(trace, name)[layer]) for name, _ in _TERMS)))
    note = f"C = {trace.cost:.4g}"
    note = f"y = {trace.targets[0, 0]:.4g}, {note}" if is_chain else f"{note}, n = {n:,}"
    title = "one step of backpropagation, layer by layer"
    return Table(title, (*head, *(name for _, name in _TERMS)), tuple(rows), (note,))


def table_of_gradient(
    cost: float, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]
) -> Table:
    """What ``Gradient.table`` documents."""
    rows = []
    for layer, (w, b) in enumerate(zip(weights, biases, strict=True), start=1):
        shape = f"{w.shape[0]} x {w.shape[1]}"
        norm = float(np.sqrt(np.square(w, dtype=np.float64).sum()))
        rows.append((str(layer), shape, _cell(w), f"{norm:.4g}", _cell(b)))
    head = ("layer", "shape of w", "∂C/∂w", "its norm", "∂C/∂b")
    return Table("∇C, layer by layer", head, tuple(rows), (f"C = {cost:.4g}",))
