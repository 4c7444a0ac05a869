"""One derivative of a Trace, written out as the textbook derives it.

∂C/∂w = ∂z/∂w · ∂a/∂z · ∂C/∂a for a weight, the same with ∂z/∂b = 1 for a bias, and for the
activation of an inner unit the sum over its outgoing connections.
"""

from typing import Any

import numpy as np

from bpcore.checks import as_integer
from bpcore.explain.mean import Mean, Writer, sum_over
from bpcore.explain.notation import (
    Math,
    Terms,
    da_dz,
    da_dz_formula,
    dC_da_formula,
    derivative,
    loss_of,
    number,
    product,
    symbol,
)
from bpcore.explain.render import Block, Derivation, Explanation, Note

__all__ = ["explain", "place"]

LETTERS = ("w", "b", "a", "z")


def place(
    trace: Terms, letter: Any, layer: Any, j: Any, k: Any, example: Any
) -> tuple[str, int, tuple[int, ...], int | None]:
    """The arguments of ``Trace.explain``, checked: letter, layer, units, example or None.

    Raises
    ------
    ValueError
        If one lies outside its range, which the message tells.
    TypeError
        If one is missing, not an integer, or has no meaning for this letter.
    """
    if letter not in LETTERS:
        raise ValueError(f"there is ∂C/∂w, ∂C/∂b, ∂C/∂a and ∂C/∂z: \"w\", \"b\", \"a\" or \"z\", "
                         f"got {letter!r}")  # fmt: skip
    first, last = (0 if letter == "a" else 1), len(trace.layer_sizes) - 1
    level = _within(layer, "layer", first, last, f'for "{letter}"; 0 is the input')
    # ∂C/∂a_k of an inner layer: k is the unit that weights come from, as in w_jk
    unit, name = (k, "k") if letter == "a" and j is None else (j, "j")
    if letter == "w":
        to = _unit(trace, j, "j", level)
        return letter, level, (to, _unit(trace, k, "k", level - 1)), _example(trace, example)
    if j is not None and k is not None:
        raise TypeError(f'"{letter}" has one unit, got j={j!r} and k={k!r}')
    if unit is None and k is not None:
        raise TypeError(f'the unit of "{letter}" is j, got k={k!r}')
    return letter, level, (_unit(trace, unit, name, level),), _example(trace, example)


def _unit(trace: Terms, value: Any, name: str, layer: int) -> int:
    last = trace.layer_sizes[layer] - 1
    if value is None:
        raise TypeError(f"{name} is missing, a unit of layer {layer}: 0 to {last}")
    return _within(value, name, 0, last, f"(units of layer {layer}, counted from 0)")


def _example(trace: Terms, example: Any) -> int | None:
    if example is None:
        return None
    i = _within(example, "example", 0, len(trace.costs) - 1, "(rows of X, counted from 0)")
    if trace.shares[i] == 0:
        raise ValueError(
            f"example {i} has weight 0, so that the trace holds no derivative of its cost: trace "
            "it alone"
        )
    return i


def _within(value: Any, name: str, first: int, last: int, what: str) -> int:
    number_ = as_integer(value, name, least=-(2**63))
    if not first <= number_ <= last:
        raise ValueError(f"{name} must be {first} to {last} {what}, got {number_}")
    return number_


def explain(
    trace: Terms, letter: Any, layer: Any, j: Any, k: Any, example: Any, most: Any
) -> Explanation:
    """What ``Trace.explain`` documents."""
    letter, level, units, one = place(trace, letter, layer, j, k, example)
    terms = as_integer(most, "most")
    if one is None and len(trace.costs) > 1:
        return Mean(trace, level, units, terms).explanation(letter)
    return Single(trace, level, units, terms, one).explanation(letter)


class Single(Writer):
    """The derivation for one example, or for the only one."""

    def __init__(
        self,
        trace: Terms,
        layer: int,
        units: tuple[int, ...],
        most: int,
        example: int | None,
    ) -> None:
        super().__init__(trace, layer, units, most)
        self.example = example
        self.i = example or 0
        # dC_da and dC_dz are derivatives of C, to which C_i adds its share only
        self.scale = 1.0 if example is None else 1.0 / float(trace.shares[self.i])
        if example is not None and len(trace.costs) > 1:
            self.cost = Math(f"C_{example}", f"C_{{{example}}}")

    def of(self, name: str, layer: int) -> np.ndarray:
        """The example's row of a term, in double precision and as a derivative of C_i."""
        row: np.ndarray = np.asarray(getattr(self.trace, name)[layer][self.i], dtype=np.float64)
        return row * self.scale if name.startswith("dC_") else row

    def explanation(self, letter: str) -> Explanation:
        """The whole of it: the chain, then each factor that stands in it."""
        title, count = self.heading(letter)
        blocks: list[Block] = [count]
        if self.cost.text != "C":
            share = number(self.trace.shares[self.i])
            n = len(self.trace.costs)
            text = f" is the cost of example {self.i} alone; of C, the mean over {n}, it is the "
            blocks.append(Note((self.cost, text, "share ", share, ".")))
        if letter == "a":
            value, more = self.activation(self.layer, self.units[0])
            return Explanation(title, value, (*blocks, *more), tuple(self.shown))
        layer, unit = self.layer, self.units[0]
        z = symbol("z", layer, unit)
        chain, meaning, values = self.inner_chain(layer, unit)
        if letter == "w":
            a_before = symbol("a", layer - 1, self.units[1])
            value = float(self.of("a", layer - 1)[self.units[1]])
            self.show("dz_dw", layer, self.units, self.i, value)
            chain.insert(0, derivative(z, self.target("w")))
            meaning.insert(0, a_before)
            values.insert(0, value)
        elif letter == "b":
            self.show("dz_db", layer, (unit,), self.i, 1.0)
            chain.insert(0, derivative(z, self.target("b")))
            meaning.insert(0, number(1))
            values.insert(0, 1.0)
        total = float(np.prod(values))
        if letter == "w" and self.example is None:
            total = float(np.asarray(self.trace.dC_dw[layer])[self.units])
        elif letter == "w":
            total = values[0] * float(self.of("dC_dz", layer)[unit])
        else:
            total = float(self.of("dC_dz", layer)[unit])
        self.show(f"dC_d{letter}", layer, self.units, self.example, total)
        rights = [product(*chain)] if len(chain) > 1 else []
        if meaning != chain:
            rights.append(product(*meaning))
        if len(values) > 1:
            rights.append(product(*(number(v, operand=i > 0) for i, v in enumerate(values))))
        rights.append(number(total))
        blocks.append(Derivation(derivative(self.cost, self.target(letter)), tuple(rights)))
        blocks += self.unit(layer, unit)
        return Explanation(title, total, tuple(blocks), tuple(self.shown))

    def inner_chain(self, layer: int, unit: int) -> tuple[list[Math], list[Math], list[float]]:
        """∂C/∂z as ∂a/∂z · ∂C/∂a; as one factor where the outputs are bound to each other."""
        z, a = symbol("z", layer, unit), symbol("a", layer, unit)
        if not self.splits(layer, unit):
            whole = derivative(self.cost, z)
            value = self.show("dC_dz", layer, (unit,), self.i, self.of("dC_dz", layer)[unit])
            return [whole], [whole], [value]
        d_sigma = self.show("da_dz", layer, (unit,), self.i, self.of("da_dz", layer)[unit])
        d_cost = self.show("dC_da", layer, (unit,), self.i, self.of("dC_da", layer)[unit])
        back = derivative(self.cost, a)
        return [derivative(a, z), back], [da_dz(z), back], [d_sigma, d_cost]

    def splits(self, layer: int, unit: int) -> bool:
        """Whether ∂C/∂z is σ'(z) ∂C/∂a in finite numbers."""
        return not self.is_softmax(layer) and bool(np.isfinite(self.of("dC_da", layer)[unit]))

    def unit(self, layer: int, unit: int) -> list[Block]:
        """z, a and σ' of a unit, and where its ∂C/∂a or ∂C/∂z comes from."""
        z, a = symbol("z", layer, unit), symbol("a", layer, unit)
        z_value = float(self.of("z", layer)[unit])
        a_value = float(self.of("a", layer)[unit])
        blocks: list[Block] = [self.pre_activation(layer, unit, z_value)]
        function = self.trace.sigma[layer]
        name = function if isinstance(function, str) else function[0]
        if self.is_softmax(layer):
            whole = symbol("z", layer)
            sigma = Math(f"softmax({whole})_{unit}",
                         rf"\mathrm{{softmax}}({whole.latex})_{{{unit}}}")  # fmt: skip
        else:
            latin = name.replace("_", r"\_")
            sigma = Math(f"{name}({z})", rf"\mathrm{{{latin}}}({z.latex})")
        blocks.append(Derivation(a, (sigma, number(a_value))))
        if not self.splits(layer, unit):
            return blocks + self.bound_output(layer, unit)
        value = number(self.of("da_dz", layer)[unit])
        rights = [da_dz_formula(function, a, z)]
        filled = da_dz_formula(
            function, number(a_value, operand=True), number(z_value, operand=True)
        )
        if filled != value:
            rights.append(filled)
        blocks.append(Derivation(da_dz(z), (*rights, value)))
        return blocks + self.activation(layer, unit)[1]

    def pre_activation(self, layer: int, unit: int, value: float) -> Derivation:
        """How z = Σ_k w_jk a_k + b_j comes about."""
        w, a = symbol("w", layer, unit, "k"), symbol("a", layer - 1, "k")
        b = symbol("b", layer, unit)
        bias = float(np.asarray(self.trace.b[layer])[unit])
        sum_, added = number(value - bias), number(bias, operand=True)
        rights = (
            Math(f"Σ_k {w} {a} + {b}", rf"\sum_k {w.latex}\,{a.latex} + {b.latex}"),
            Math(f"{sum_} + {added}", f"{sum_.latex} + {added.latex}"),
            number(value),
        )
        return Derivation(symbol("z", layer, unit), rights)

    def activation(self, layer: int, unit: int) -> tuple[float, list[Block]]:
        """∂C/∂a: from the loss at the outputs, else the sum over outgoing connections."""
        value = self.show("dC_da", layer, (unit,), self.i, self.of("dC_da", layer)[unit])
        left = derivative(self.cost, symbol("a", layer, unit))
        if layer == self.last:
            return value, [Derivation(left, (*self.loss_derivative(unit), number(value)))]
        after, a = layer + 1, symbol("a", layer, unit)
        z_j, a_j, w_jk = symbol("z", after, "j"), symbol("a", after, "j"), symbol(
            "w", after, "j", unit
        )  # fmt: skip
        d_cost = self.of("dC_da", after)
        if self.is_softmax(after) or not np.isfinite(d_cost).all():
            names, meaning = [derivative(self.cost, z_j)], [derivative(self.cost, z_j)]
            terms, factors = ["dC_dz"], [self.of("dC_dz", after)]
        else:
            names = [derivative(a_j, z_j), derivative(self.cost, a_j)]
            meaning = [da_dz(z_j), derivative(self.cost, a_j)]
            terms, factors = ["da_dz", "dC_da"], [self.of("da_dz", after), d_cost]
        w = np.asarray(self.trace.w[after], dtype=np.float64)[:, unit]
        columns = (Math("j", "j"), w_jk, *meaning)
        table, kept = self.sum_of(columns, range(len(w)), np.column_stack([w, *factors]), value)
        for j in map(int, kept):
            self.show("dz_da", after, (j, unit), self.i, w[j])
            for term, factor in zip(terms, factors, strict=True):
                self.show(term, after, (j,), self.i, factor[j])
        rights = (
            sum_over("j", product(derivative(z_j, a), *names)),
            sum_over("j", product(w_jk, *meaning)),
            number(value),
        )
        size = self.trace.layer_sizes[after]
        note = f"summed over {size} outgoing connections" if size > 1 else "one connection goes out"
        return value, [Derivation(left, rights), Note((f"    {note}:",)), table]

    def loss_derivative(self, unit: int) -> tuple[Math, Math]:
        """∂C/∂a_j of the loss, in symbols and with the numbers."""
        loss = self.trace.loss
        y = float(self.trace.targets[self.i][unit])
        a = float(self.of("a", self.last)[unit])
        return (
            dC_da_formula(loss, unit, symbol("a", self.last, unit), symbol("y", None, unit)),
            dC_da_formula(loss, unit, number(a), number(y, operand=True)),
        )

    def bound_output(self, layer: int, unit: int) -> list[Block]:
        """∂C/∂z where it is no single product: softmax, or a quotient that overflowed."""
        z = symbol("z", layer, unit)
        value = float(self.of("dC_dz", layer)[unit])
        left = derivative(self.cost, z)
        y_total = float(np.sum(self.trace.targets[self.i], dtype=np.float64))
        canonical = self.canonical(unit, y_total)
        if not self.is_softmax(layer):
            derivation = Derivation(left, (*canonical, number(value)))
            if not canonical:
                return [derivation]
            note = "σ'(z) and the loss's quotient cancel; apart they leave the finite numbers:"
            return [Note((note,)), derivation]
        a_i, i = symbol("a", layer, "i"), Math("i", "i")
        rows = self.of("da_dz", layer)[:, unit]
        d_cost = self.of("dC_da", layer)
        blocks: list[Block] = []
        sum_ = sum_over("i", product(derivative(a_i, z), derivative(self.cost, a_i)))
        blocks.append(Derivation(left, (sum_, *canonical, number(value))))
        if np.isfinite(d_cost).all():
            columns = (i, derivative(a_i, z), derivative(self.cost, a_i))
            table, kept = self.sum_of(
                columns, range(len(rows)), np.column_stack([rows, d_cost]), value
            )
            for row in map(int, kept):
                self.show("da_dz", layer, (row, unit), self.i, rows[row])
                self.show("dC_da", layer, (row,), self.i, d_cost[row])
            note = "softmax binds the outputs to each other, so that z moves all of them"
            blocks += [Note((f"    {note}:",)), table]
        return blocks

    def canonical(self, unit: int, y_total: float) -> list[Math]:
        """What ∂C/∂z comes to where loss and output activation belong together: a - y."""
        loss, _ = loss_of(self.trace.loss, unit)
        if loss.cancels_with != self.trace.sigma[-1]:
            return []
        a, y = symbol("a", self.last, unit), symbol("y", None, unit)
        a_value = number(float(self.of("a", self.last)[unit]))
        y_value = number(float(self.trace.targets[self.i][unit]), operand=True)
        if self.is_softmax(self.last) and y_total != 1:
            total = number(y_total)
            return [
                Math(f"{a} Σ_i y_i - {y}", rf"{a.latex} \sum_i y_i - {y.latex}"),
                Math(f"{a_value} · {total} - {y_value}",
                     rf"{a_value.latex} \cdot {total.latex} - {y_value.latex}"),
            ]  # fmt: skip
        return [
            Math(f"{a} - {y}", f"{a.latex} - {y.latex}"),
            Math(f"{a_value} - {y_value}", f"{a_value.latex} - {y_value.latex}"),
        ]
