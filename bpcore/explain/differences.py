"""The numbers of a Trace against differences of its network, rebuilt in float64."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

import numpy as np

from bpcore._core.activations import apply
from bpcore.checks import as_integer, as_number
from bpcore.explain.notation import Terms, loss_of
from bpcore.explain.render import Shown
from bpcore.explain.single import explain

__all__ = ["check"]

FROM_ZERO = ("dC_da",)
TERMS = ("dz_dw", "dz_da", "dz_db", "da_dz", "dC_da", "dC_dz", "dC_dw", "dC_db")


def check(
    trace: Terms, letter: Any, place: tuple[Any, Any, Any, Any], most: Any, epsilon: Any
) -> dict[str, float]:
    """What ``Trace.check`` documents."""
    step = as_number(epsilon, "epsilon")
    if step == 0:
        raise ValueError("epsilon must be positive, got 0")
    if letter is None:
        if place != (None, None, None, None):
            raise TypeError("layer, j, k and example belong to a letter, of which there is none")
        shown: Iterable[Shown] = _everything(trace, as_integer(most, "most"))
        scale = None
    else:
        shown = explain(trace, letter, *place, most).shown
        scale = place[-1]
    differences = _Differences(trace, step, scale)
    pairs = defaultdict(list)
    for entry in shown:
        pairs[entry.term, entry.layer].append((entry.value, differences.of(entry)))
    errors: dict[str, float] = {}
    # a cost is rounded, and so its differences cannot tell smaller derivatives from 0
    rounding = 16 * float(np.finfo(np.float64).eps) * max(1.0, abs(trace.cost)) / step
    for (term, _), values in pairs.items():
        error = _relative_error(np.array(values), rounding)
        errors[term] = max(error, errors.get(term, 0.0))
    return errors


def _relative_error(pairs: np.ndarray, rounding: float) -> float:
    """The largest |g - d| / max(|g|, |d|, 1e-3 max|g|) of rows (g, d); |g - d| ≤ rounding is 0."""
    size = np.abs(pairs).max(axis=1)
    floor = max(1e-3 * float(size.max()), np.finfo(np.float64).tiny)
    apart = np.abs(pairs[:, 0] - pairs[:, 1])
    errors = np.where(apart > rounding, apart / np.maximum(size, floor), 0.0)
    return float(errors.max()) if np.isfinite(apart).all() else float("inf")


def _everything(trace: Terms, most: int) -> Iterable[Shown]:
    """The `most` largest numbers of each term and layer."""
    for layer in range(len(trace.layer_sizes)):
        for term in TERMS:
            if layer == 0 and term not in FROM_ZERO:
                continue
            values = np.asarray(getattr(trace, term)[layer], dtype=np.float64)
            largest = np.argsort(-np.abs(values), axis=None, kind="stable")[:most]
            for flat in map(int, largest):
                at = tuple(int(i) for i in np.unravel_index(flat, values.shape))
                units, example = _units(term, at)
                yield Shown(term, layer, units, example, float(values[at]))


def _units(term: str, at: tuple[int, ...]) -> tuple[tuple[int, ...], int | None]:
    """(units, example) of the entry `at` of a term's array."""
    if term in ("dC_dw", "dC_db"):
        return at, None
    if term == "dz_da":
        return at, 0
    if term == "dz_db":
        return (0,), 0
    if term == "dz_dw":  # the same for every j
        return (0, at[1]), at[0]
    return at[1:], at[0]


class _Differences:
    """Numerical derivatives of the network that a trace was taken of.

    ``example``: the cost is C_example alone; None: it is C.
    """

    def __init__(self, trace: Terms, epsilon: float, example: int | None) -> None:
        self.trace, self.epsilon = trace, epsilon
        self.shares = np.asarray(trace.shares, dtype=np.float64)
        if example is not None:
            self.shares = np.zeros(len(trace.costs))
            self.shares[example] = 1.0
        self.last = len(trace.layer_sizes) - 1
        self.tails: dict[int, Any] = {}

    @cached_property
    def activations(self) -> list[np.ndarray]:
        """a^(l) in float64."""
        a = [np.asarray(self.trace.a[0], dtype=np.float64)]
        for layer in range(1, self.last + 1):
            a.append(self._after(layer, self._z(layer, a[-1])))
        return a

    def parameters(self, layer: int) -> tuple[np.ndarray, np.ndarray]:
        """Copies of w^(l) and b^(l) in float64."""
        w, b = self.trace.w[layer], self.trace.b[layer]
        return np.array(w, dtype=np.float64), np.array(b, dtype=np.float64)

    def _z(self, layer: int, before: np.ndarray) -> np.ndarray:
        w, b = self.parameters(layer)
        return before @ w.T + b

    def _after(self, layer: int, z: np.ndarray) -> np.ndarray:
        """σ(z) of a layer."""
        function = self.trace.sigma[layer]
        if function == "softmax":
            e = np.exp(z - z.max(axis=-1, keepdims=True))
            return np.asarray(e / e.sum(axis=-1, keepdims=True))
        name, parameter = (function, None) if isinstance(function, str) else function
        return apply(name, z, parameter)[0]

    def tail(self, layer: int) -> Any:
        """The network from a^(layer - 1) to the cost."""
        if layer not in self.tails:
            trace = self.trace
            *hidden, output = trace.sigma[layer:]
            loss = trace.loss
            if isinstance(loss, tuple) and loss[1] == "clip":
                loss = loss[0]  # clipping changes reported costs, not derivatives
            network = trace.network_class(
                trace.layer_sizes[layer - 1 :], hidden, output, loss, dtype="float64", init="zeros"
            )
            network.set_parameters(weights=trace.w[layer:], biases=trace.b[layer:])
            self.tails[layer] = network
        return self.tails[layer]

    def of(self, entry: Shown) -> float:
        """The numerical counterpart of what is shown."""
        layer, units = entry.layer, entry.units
        if entry.term.startswith("dz_"):
            return self._of_z(entry)
        if entry.term == "da_dz":
            return self._of_a(entry)
        if entry.term == "dC_da":
            return self._of_input(layer, units[0], entry.example)
        network = self.tail(layer)
        array = network.weights[0] if entry.term == "dC_dw" else network.biases[0]
        # a step of the bias is a step of the unit's z in every row given
        rows = self._rows(entry.example if entry.term == "dC_dz" else None)
        a = self.activations[layer - 1][rows]
        return self._nudge(array, units, lambda: self._cost(network, a, rows))

    def _rows(self, example: int | None) -> np.ndarray:
        """The examples that count, or the one."""
        return np.flatnonzero(self.shares) if example is None else np.array([example])

    def _cost(self, network: Any, a: np.ndarray, rows: np.ndarray) -> float:
        """The examples' part of C."""
        shares = self.shares[rows]
        if not shares.any():
            return 0.0
        return float(shares.sum() * network.cost(a, self.trace.targets[rows], shares))

    def _of_input(self, layer: int, unit: int, example: int | None) -> float:
        """∂C/∂a, of one example or of all moving alike."""
        rows = self._rows(example)
        a = self.activations[layer][rows].copy()
        shift, scale = np.zeros(1), None
        if layer < self.last:
            network = self.tail(layer + 1)

            def cost() -> float:
                moved = a.copy()
                moved[:, unit] += shift[0]
                return self._cost(network, moved, rows)

        elif callable(self.trace.loss):
            targets = np.asarray(self.trace.targets, dtype=np.float64)[rows]

            def cost() -> float:
                moved = a.copy()
                moved[:, unit] += shift[0]
                costs, _ = self.trace.loss(moved, targets)
                return float(self.shares[rows] @ np.asarray(costs, dtype=np.float64))

        else:
            loss, parameter = loss_of(self.trace.loss, unit)
            y = np.asarray(self.trace.targets, dtype=np.float64)[rows, unit]
            if loss.cancels_with is not None:
                # a cost with a logarithm bends the more, the nearer an output is to 0 or 1
                scale = float(np.minimum(a[:, unit], np.abs(1 - a[:, unit])).min())

            def cost() -> float:
                one = loss.cost(a[:, unit] + shift[0], y, parameter)
                return float(self.shares[rows] @ one)

        return self._nudge(shift, (0,), cost, scale)

    def _of_z(self, entry: Shown) -> float:
        """∂z_j/∂w_jk, ∂z_j/∂a_k or ∂z_j/∂b_j."""
        j, layer = entry.units[0], entry.layer
        w, b = (part[j : j + 1] for part in self.parameters(layer))
        w = w[0]
        a = self.activations[layer - 1][entry.example or 0].copy()
        array, at = {
            "dz_dw": (w, entry.units[1:]),
            "dz_da": (a, entry.units[1:]),
            "dz_db": (b, (0,)),
        }[entry.term]
        return self._nudge(array, at, lambda: float(w @ a + b[0]))

    def _of_a(self, entry: Shown) -> float:
        """∂a_i/∂z_j; i = j where the activation works on each unit alone."""
        i, j = entry.units[0], entry.units[-1]
        before = self.activations[entry.layer - 1][entry.example or 0]
        z = self._z(entry.layer, before)
        if len(entry.units) == 1:
            one = z[j : j + 1].copy()
            return self._nudge(one, (0,), lambda: float(self._after(entry.layer, one)[0]))
        return self._nudge(z, (j,), lambda: float(self._after(entry.layer, z)[i]))

    def _nudge(
        self,
        array: np.ndarray,
        at: tuple[int, ...],
        function: Callable[[], float],
        scale: float | None = None,
    ) -> float:
        """(8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h, with x put back."""
        value = float(array[at])
        h = self.epsilon * max(1.0, abs(value))
        if scale is not None:
            h = self.epsilon * max(min(1.0, scale), 1e-8)
        results = []
        for shift in (h, -h, 2 * h, -2 * h):
            array[at] = value + shift
            results.append(function())
        array[at] = value
        return (8 * (results[0] - results[1]) - (results[2] - results[3])) / (12 * h)
