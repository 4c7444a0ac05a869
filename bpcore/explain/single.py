"""One derivative of a Trace, written out as the textbook derives it.

∂C/∂w = ∂z/∂w · ∂a/∂z · ∂C/∂a for a weight, the same with ∂z/∂b = 1 for a bias, and for the
activation of an inner unit the sum over its outgoing connections.
"""

import re
from typing import Any

import numpy as np

from bpcore.checks import as_integer
from bpcore.explain.mean import Mean, Writer
from bpcore.explain.notation import (
    Math,
    Terms,
    da_dz,
    da_dz_formula,
    dC_da_formula,
    derivative,
    enough_digits,
    in_parentheses,
    loss_of,
    product,
)
from bpcore.explain.render import Block, Derivation, Explanation, Note

__all__ = ["Single", "as_digits", "explain", "place"]

# a float64 has no more
MOST_DIGITS = 17

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


def as_digits(digits: Any) -> int:
    """How many significant digits, checked."""
    figures = as_integer(digits, "digits")
    if figures > MOST_DIGITS:
        raise ValueError(
            f"digits must be 1 to {MOST_DIGITS}, all that a float64 has, got {figures}"
        )
    return figures


def _unit(trace: Terms, value: Any, name: str, layer: int) -> int:
    last = trace.layer_sizes[layer] - 1
    if value is None and last == 0:  # it is the only one
        return 0
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
    trace: Terms,
    letter: Any,
    layer: Any,
    j: Any,
    k: Any,
    example: Any,
    most: Any,
    digits: Any = 4,
) -> Explanation:
    """What ``Trace.explain`` documents."""
    letter, level, units, one = place(trace, letter, layer, j, k, example)
    terms, figures = as_integer(most, "most"), as_digits(digits)
    writer: Mean | Single = (
        Mean(trace, level, units, terms, figures)
        if one is None and len(trace.costs) > 1
        else Single(trace, level, units, terms, figures, one)
    )
    # numbers that have overflowed are printed as they are
    with np.errstate(over="ignore", invalid="ignore"):
        return writer.explanation(letter)


class Single(Writer):
    """The derivation for one example, or for the only one."""

    def __init__(
        self,
        trace: Terms,
        layer: int,
        units: tuple[int, ...],
        most: int,
        digits: int,
        example: int | None,
    ) -> None:
        super().__init__(trace, layer, units, most, digits)
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

    def column(self, name: str, layer: int, unit: int) -> np.ndarray:
        """The example's number of a term, as a column of one."""
        return self.of(name, layer)[unit : unit + 1]

    def explanation(self, letter: str) -> Explanation:
        """The whole of it: the chain, then each factor that stands in it."""
        title, count = self.heading(letter)
        blocks: list[Block] = [count]
        if self.cost.text != "C":
            share = self.number(self.trace.shares[self.i])
            n = len(self.trace.costs)
            text = f" is the cost of example {self.i} alone; of C, the mean over {n}, it is the "
            blocks.append(Note((self.cost, text, "share ", share, ".")))
        if letter == "a":
            total, more = self.activation(self.layer, self.units[0])
        else:
            total, more = self.product(letter)
            more += self.unit(self.layer, self.units[0])
        return Explanation(title, total, (*blocks, *more), tuple(self.shown))

    def product(self, letter: str) -> tuple[float, list[Block]]:
        """The derivative as a product, in symbols and with the numbers."""
        names, factors = self.factors(letter), self.factors(letter, through=self.is_chain)
        values = [
            self.show(one.term, one.layer, one.units, self.i, one.values[0]) for one in factors
        ]
        total = self.total(letter, values[0])
        self.show(f"dC_d{letter}", self.layer, self.units, self.example, total)
        chain = product(*(one.derivative for one in names))
        meaning = product(*(one.meaning for one in factors))
        rights = [chain] if len(names) > 1 else []
        if meaning != chain:
            rights.append(meaning)
        if len(values) > 1:
            digits = enough_digits(values, total, lambda *v: np.prod(v), self.digits)
            rights.append(self.numbers(*values, digits=digits))
        rights.append(self.number(total))
        return total, [Derivation(derivative(self.cost, self.target(letter)), tuple(rights))]

    def total(self, letter: str, first: float) -> float:
        """The derivative itself, as the trace holds it; ``first`` is the first of its factors."""
        layer, unit = self.layer, self.units[0]
        if letter == "w" and self.example is None:
            return float(np.asarray(self.trace.dC_dw[layer])[self.units])
        if letter == "w":
            return first * float(self.of("dC_dz", layer)[unit])
        return float(self.of("dC_da" if letter == "a" else "dC_dz", layer)[unit])

    def unit(self, layer: int, unit: int) -> list[Block]:
        """z, a and σ' of a unit, of a chain also those after it, and where the end comes from."""
        blocks: list[Block] = []
        last = self.last if self.is_chain else layer
        for level in range(layer, last + 1):
            blocks += self.own(level, unit)
            if not self.splits(level, unit):
                return blocks + self.bound_output(level, unit)
        return blocks + self.activation(last, unit)[1]

    def forward(self, layer: int, unit: int) -> list[Block]:
        """A unit's z and a."""
        z, a = self.symbol("z", layer, unit), self.symbol("a", layer, unit)
        function = self.trace.sigma[layer]
        name = function if isinstance(function, str) else function[0]
        if self.is_softmax(layer):
            whole = self.symbol("z", layer)
            sigma = Math(f"softmax({whole})", rf"\mathrm{{softmax}}({whole.latex})")
            if not self.is_chain:
                sigma = Math(f"{sigma}_{unit}", f"{sigma.latex}_{{{unit}}}")
        else:
            latin = name.replace("_", r"\_")
            sigma = Math(f"{name}({z})", rf"\mathrm{{{latin}}}({z.latex})")
        return [
            self.pre_activation(layer, unit, float(self.of("z", layer)[unit])),
            Derivation(a, (sigma, self.number(float(self.of("a", layer)[unit])))),
        ]

    def own(self, layer: int, unit: int) -> list[Block]:
        """A unit's z and a, and σ' where ∂C/∂z has it for a factor."""
        blocks = self.forward(layer, unit)
        if not self.splits(layer, unit):
            return blocks
        z, a = self.symbol("z", layer, unit), self.symbol("a", layer, unit)
        z_value = float(self.of("z", layer)[unit])
        a_value = float(self.of("a", layer)[unit])
        function = self.trace.sigma[layer]
        value = self.number(self.of("da_dz", layer)[unit])
        formula = da_dz_formula(function, a, z, self.digits)
        digits = self.digits
        if "1 - " in formula.text:  # it is the distance from 1 that counts
            size = abs(a_value)
            digits = enough_digits([size], 1 - size, lambda v: 1 - v, digits)
        filled = da_dz_formula(
            function,
            self.number(a_value, digits, operand=True),
            self.number(z_value, operand=True),
            self.digits,
        )
        rights = [formula] if filled.text == value.text else [formula, _chosen(filled, value)]
        return [*blocks, Derivation(da_dz(z), (*rights, value))]

    def pre_activation(self, layer: int, unit: int, value: float) -> Derivation:
        """How z = Σ_k w_jk a_k + b_j comes about."""
        w, a = self.symbol("w", layer, unit, "k"), self.symbol("a", layer - 1, "k")
        b = self.symbol("b", layer, unit)
        bias = float(np.asarray(self.trace.b[layer])[unit])
        if self.is_chain:
            operands = [self.weight(layer, 0, 0), float(self.of("a", layer - 1)[0]), bias]
            digits = enough_digits(operands, value, lambda w, a, b: w * a + b, self.digits)
            sum_ = self.numbers(*operands[:2], digits=digits)
        else:
            operands = [value - bias, bias]
            digits = enough_digits(operands, value, lambda s, b: s + b, self.digits)
            sum_ = self.number(operands[0], digits)
        added = self.number(bias, digits, operand=True)
        summed = self.sum_over("k", Math(f"{w} {a}", rf"{w.latex}\,{a.latex}"))
        rights = (
            Math(f"{summed} + {b}", f"{summed.latex} + {b.latex}"),
            Math(
                f"{sum_} + {added}",
                f"{sum_.latex} + {added.latex}",
                sum_.rounded or added.rounded,
            ),
            self.number(value),
        )
        return Derivation(self.symbol("z", layer, unit), rights)

    def activation(self, layer: int, unit: int) -> tuple[float, list[Block]]:
        """∂C/∂a: from the loss at the outputs, else the sum over outgoing connections."""
        if self.is_chain and layer < self.last:
            value, blocks = self.product("a")
            return value, blocks + self.unit(layer + 1, 0)
        value = self.show("dC_da", layer, (unit,), self.i, self.of("dC_da", layer)[unit])
        a = self.symbol("a", layer, unit)
        left = derivative(self.cost, a)
        if layer == self.last:
            rights = (*self.loss_derivative(unit, value), self.number(value))
            return value, [Derivation(left, rights)]
        after = layer + 1
        z_j, a_j, w_jk = (self.symbol("z", after, "j"), self.symbol("a", after, "j"),
                          self.symbol("w", after, "j", unit))  # fmt: skip
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
        sums = (
            self.sum_over("j", product(derivative(z_j, a), *names)),
            self.sum_over("j", product(w_jk, *meaning)),
            self.number(value),
        )
        size = self.trace.layer_sizes[after]
        note = f"summed over {size} outgoing connections" if size > 1 else "one connection goes out"
        return value, [Derivation(left, sums), Note((f"    {note}:",)), table]

    def by_output(self, unit: int) -> Math:
        """∂C/∂a of an output by the loss's formula."""
        a, y = self.symbol("a", self.last, unit), self.symbol("y", None, unit)
        return in_parentheses(dC_da_formula(self.trace.loss, unit, a, y, self.digits))

    def loss_derivative(self, unit: int, value: float) -> tuple[Math, Math]:
        """∂C/∂a_j of the loss, in symbols and with the numbers."""
        loss = self.trace.loss
        formula = dC_da_formula(
            loss, unit, self.symbol("a", self.last, unit), self.symbol("y", None, unit), self.digits
        )
        a, y = self.output(unit)
        digits = self.apart(a, y)
        if "1 - " in formula.text:  # binary cross-entropy's (1 - a)
            digits = max(digits, enough_digits([a], 1 - a, lambda v: 1 - v, self.digits))
        numbers = self.number(a, digits), self.number(y, digits, operand=True)
        filled = dC_da_formula(loss, unit, *numbers, self.digits)
        return formula, _chosen(filled, self.number(value))

    def output(self, unit: int) -> tuple[float, float]:
        """An output and its target."""
        y = float(self.trace.targets[self.i][unit])
        return float(self.of("a", self.last)[unit]), y

    def apart(self, a: float, y: float) -> int:
        """Digits that tell an output from its target; there may be a 2 before their difference."""
        return enough_digits([a, y], 2 * (a - y), lambda a, y: 2 * (a - y), self.digits)

    def bound_output(self, layer: int, unit: int) -> list[Block]:
        """∂C/∂z where it is no single product: softmax, or a quotient that overflowed."""
        z = self.symbol("z", layer, unit)
        value = float(self.of("dC_dz", layer)[unit])
        left = derivative(self.cost, z)
        y_total = float(np.sum(self.trace.targets[self.i], dtype=np.float64))
        canonical = self.canonical(unit, y_total) if layer == self.last else []
        if not self.is_softmax(layer):
            derivation = Derivation(left, (*canonical, self.number(value)))
            if not canonical:
                return [derivation]
            note = "σ'(z) and the loss's quotient cancel; apart they leave the finite numbers:"
            return [Note((note,)), derivation]
        a_i, i = self.symbol("a", layer, "i"), Math("i", "i")
        rows = self.of("da_dz", layer)[:, unit]
        d_cost = self.of("dC_da", layer)
        blocks: list[Block] = []
        sum_ = self.sum_over("i", product(derivative(a_i, z), derivative(self.cost, a_i)))
        blocks.append(Derivation(left, (sum_, *canonical, self.number(value))))
        if np.isfinite(d_cost).all() and not self.is_chain:
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
        a, y = self.symbol("a", self.last, unit), self.symbol("y", None, unit)
        output, target = self.output(unit)
        weighted = self.is_softmax(self.last) and y_total != 1
        digits = self.apart(output * y_total if weighted else output, target)
        a_value, y_value = self.number(output, digits), self.number(target, digits, operand=True)
        if weighted:
            sum_y = self.sum_over("i", self.symbol("y", None, "i"))
            a = Math(f"{a} {sum_y}", rf"{a.latex}\,{sum_y.latex}")
            a_value = self.numbers(output, y_total, digits=digits)
        return [_difference(a, y), _difference(a_value, y_value)]


def _difference(a: Math, y: Math) -> Math:
    return Math(f"{a} - {y}", f"{a.latex} - {y.latex}", a.rounded or y.rounded)


def _chosen(filled: Math, value: Math) -> Math:
    """A formula with its numbers; where it only asks for a sign or a side, rounding is no error."""
    if re.search(r" if |sign\(|kept", filled.text) and not value.rounded:
        return filled._replace(rounded=False)
    return filled
