"""Units whose σ' is so small that no derivative comes through, told by layer and in words."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore._core.engine import Engine
from bpcore._core.rows import Rows
from bpcore.checks.scaled import Scaled
from bpcore.explain.notation import loss_of
from bpcore.notebook import Table

__all__ = ["STUCK", "Saturation", "saturation_of", "warn_where_nothing_was_learned"]

# a unit is stuck where less than so much of ∂C/∂a gets through, on average: of a sigmoid about
# |z| > 4.6
STUCK = 0.01
# a layer is, where so many of its units are
_LAYER = 0.9
# a cost that falls by more in the second half of the epochs is on its way; fewer tell nothing
_FALLS, _EPOCHS = 0.98, 3
# examples that are looked at after a fit
_EXAMPLES = 100


@dataclass(frozen=True, eq=False, repr=False)
class Saturation:
    """Which units of which layer let no derivative through.

    Attributes
    ----------
    a, da_dz : tuples of ndarrays (n, n_l)
        a^(l) and σ'(z^(l)) at index l - 1; None for the σ' of softmax.
    stuck : tuple of float
        By layer the share of units of which the mean |σ'(z)| over the examples is below 0.01.
    functions : tuple of str
        σ by layer.
    inputs : (float, float)
        The least and the largest input.
    """

    a: tuple[np.ndarray, ...]
    da_dz: tuple[np.ndarray | None, ...]
    stuck: tuple[float, ...]
    functions: tuple[str, ...]
    inputs: tuple[float, float]

    @property
    def layer(self) -> int | None:
        """The first inner layer of which nine units in ten are stuck, or more; None: no layer."""
        inner = enumerate(self.stuck[:-1], start=1)
        found = [layer for layer, share in inner if share >= _LAYER]
        return found[0] if found else None

    def in_words(self) -> str:
        """What is wrong, and what helps; "" where no inner layer is stuck.

        Returns
        -------
        str
        """
        if self.layer is None:
            return ""
        n = self.a[self.layer - 1].shape[1]
        count = round(self.stuck[self.layer - 1] * n)
        name = self.functions[self.layer - 1]
        dead = name in ("relu", "leaky_relu")
        words = (
            f"{count} of the {n} units of layer {self.layer} are "
            f"{'dead' if dead else 'saturated'}: their mean |σ'(z)| is below {STUCK}, so that "
            "hardly any derivative gets through to the weights before them."
        )
        low, high = self.inputs
        if self.layer == 1 and max(-low, high) > 10:
            pixels = low >= 0 and high <= 255
            remedy = (
                "divide pixels by 255 (X / 255, or bpcore.scaled(X), which needs no copy)"
                if pixels
                else "scale them to about -1 to 1"
            )
            return f"{words} The inputs go from {low:g} to {high:g}: {remedy}."
        return f"{words} Begin with smaller weights (init), or try a smaller learning rate."

    def table(self) -> Table:
        """A row a layer: a, σ'(z), and how many units are stuck.

        Returns
        -------
        Table
        """
        rows = []
        for layer, (a, slope) in enumerate(zip(self.a, self.da_dz, strict=True), start=1):
            mean, none = "", ""
            if slope is not None:
                mean = f"{np.abs(slope).mean(dtype=np.float64):.3g}"
                none = f"{self.stuck[layer - 1] * a.shape[1]:.0f} of {a.shape[1]}"
            span = f"{a.min():.3g} … {a.max():.3g}"
            rows.append((str(layer), self.functions[layer - 1], span, mean, none))
        head = ("layer", "σ", "a", "mean |σ'(z)|", "stuck units")
        words = self.in_words()
        title = f"Saturation by layer, {len(self.a[0]):,} example{'s' * (len(self.a[0]) > 1)}"
        return Table(title, head, tuple(rows), (words,) if words else ())

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def saturation_of(network: Any, X: Any) -> Saturation:
    """What ``Network.saturation`` documents."""
    # activations do not depend on the targets, nor on a loss of the user's, which is not asked
    rows, _ = check.as_rows(X, network.layer_sizes[0], network.dtype)
    zeros = np.zeros((len(rows), network.layer_sizes[-1]), dtype=network.dtype)
    terms = Engine._trace(network, rows, Rows(zeros))
    a, slopes, x = terms["a"], terms["da_dz"], terms["x"]
    if network.activations[-1] == "softmax":
        slopes = [*slopes[:-1], None]
    stuck = [
        0.0 if slope is None
        else float((np.abs(slope).mean(axis=0, dtype=np.float64) < STUCK).mean())
        for slope in slopes
    ]  # fmt: skip
    functions = [one if isinstance(one, str) else one[0] for one in network.activations]
    inputs = float(x.min()), float(x.max())
    return Saturation(tuple(a), tuple(slopes), tuple(stuck), tuple(functions), inputs)


def warn_where_nothing_was_learned(
    network: Any, costs: list[float], X: Any, rows: Any, targets: Any
) -> None:
    """Say so where a fit has learned nothing and a saturated layer is why.

    Learned nothing: the cost no longer falls, and outputs are hardly better than the same answer to
    every input.
    """
    if callable(network.loss):
        return  # what the best constant answer costs is not known
    if len(costs) < _EPOCHS or costs[-1] < _FALLS * costs[(len(costs) - 1) // 2]:
        return
    some = slice(None, None, max(1, len(rows) // _EXAMPLES))
    x, y = (X if isinstance(X, Scaled) and X.array.ndim == 2 else rows.array)[some], targets.array
    y = y[some].toarray() if hasattr(y, "tocsr") else np.asarray(y)[some]
    y = y.astype(np.float64)
    most, network.n_threads = network.n_threads, 1  # some hundred rows
    try:
        saturation = _where_nothing_was_learned(network, x, y)
    finally:
        network.n_threads = most
    if saturation is not None and saturation.layer is not None:
        warnings.warn(f"the network has learned nothing: {saturation.in_words()}", stacklevel=4)


def _where_nothing_was_learned(network: Any, x: Any, y: np.ndarray) -> Saturation | None:
    constant = _cost_of_constant(network.loss, y)
    if not constant > 0 or network.cost(x, y) < 0.9 * constant:  # or there is nothing to learn
        return None
    return saturation_of(network, x)


def _cost_of_constant(loss: Any, y: np.ndarray) -> float:
    """C of outputs that are the same for every input: the mean target, or the loss's quantile."""
    row, parameter = loss_of(loss, 0)
    if parameter is not None:
        numbers = [loss_of(loss, unit)[1] for unit in range(y.shape[1])]
    shares: Any = 0.5 if parameter is None else np.array(numbers, dtype=np.float64)
    answer = y.mean(axis=0)
    if row.name in ("absolute", "quantile"):
        each = np.broadcast_to(shares, y.shape[1])
        answer = np.array([np.quantile(one, q) for one, q in zip(y.T, each, strict=True)])
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(row.cost(np.broadcast_to(answer, y.shape), y, shares).sum() / len(y))
