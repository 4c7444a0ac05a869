"""The derivation of a mean over several examples, and what it shares with that of one."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bpcore.explain.notation import (
    Math,
    Terms,
    da_dz,
    derivative,
    enough_digits,
    number,
    product,
    sum_over,
    symbol,
)
from bpcore.explain.render import Block, Derivation, Explanation, Note, Shown, Table

__all__ = ["Factor", "Mean", "Writer"]


class Factor(NamedTuple):
    """A factor of the chain rule.

    As a derivative, as what that comes to, and where its number stands: the term, layer and units
    of ``Shown``; ``values`` has one for each example.
    """

    derivative: Math
    meaning: Math
    term: str
    layer: int
    units: tuple[int, ...]
    values: np.ndarray


class Writer:
    """What both forms share: symbols, numbers, factors, sums, and the record of what is printed.

    In a chain, a network of one unit a layer, units need no index and sums no Σ, and a derivative
    is one product from its layer to the cost.
    """

    def __init__(
        self, trace: Terms, layer: int, units: tuple[int, ...], most: int, digits: int
    ) -> None:
        self.trace, self.layer, self.units = trace, layer, units
        self.most, self.digits = most, digits
        self.last = len(trace.layer_sizes) - 1
        self.is_chain = all(size == 1 for size in trace.layer_sizes)
        self.tolerance = 16 * float(np.finfo(trace.a[-1].dtype).eps)
        self.shown: list[Shown] = []
        self.cost = Math("C", "C")

    def symbol(self, letter: str, layer: int | None, *units: int | str) -> Math:
        """A letter with its layer and its units."""
        return symbol(letter, layer, *(() if self.is_chain else units))

    def sum_over(self, index: str, term: Math) -> Math:
        """Σ over the units of a layer."""
        return term if self.is_chain else sum_over(index, term)

    def number(self, value: float, digits: int | None = None, *, operand: bool = False) -> Math:
        """A number of the trace, or one that was computed from those."""
        digits = digits or self.digits
        # where more digits are needed, less may be left open
        tolerance = self.tolerance * 10.0 ** (self.digits - digits)
        return number(float(value), digits, operand=operand, tolerance=tolerance)

    def numbers(self, *values: float, digits: int) -> Math:
        """A product of numbers."""
        first, *others = values
        return product(
            self.number(first, digits), *(self.number(v, digits, operand=True) for v in others)
        )

    def show(
        self, term: str, layer: int, units: tuple[int, ...], example: int | None, value: float
    ) -> float:
        """Record a partial derivative that is printed; its value."""
        self.shown.append(Shown(term, layer, units, example, float(value)))
        return float(value)

    def is_softmax(self, layer: int) -> bool:
        """Whether the units of a layer are bound to each other."""
        return bool(self.trace.sigma[layer] == "softmax")

    def column(self, name: str, layer: int, unit: int) -> np.ndarray:
        """A term of one unit, a number an example, in double precision."""
        values: np.ndarray = np.asarray(getattr(self.trace, name)[layer], dtype=np.float64)
        return values[:, unit]

    def weight(self, layer: int, j: int, k: int) -> float:
        """w_jk."""
        return float(np.asarray(self.trace.w[layer])[j, k])

    def splits(self, layer: int, unit: int) -> bool:
        """Whether ∂C/∂z is σ'(z) ∂C/∂a in finite numbers."""
        return not self.is_softmax(layer) and bool(
            np.isfinite(self.column("dC_da", layer, unit)).all()
        )

    def factors(self, letter: str, *, through: bool = False) -> list[Factor]:
        """∂C/∂w, ∂C/∂b or ∂C/∂z as a product; ``through`` a chain to the cost, where it is one.

        In a chain also the ∂C/∂a of an inner layer.
        """
        layer, unit = self.layer, self.units[0]
        if letter == "a":
            after = layer + 1
            inner = self._through(after) if through else self._inner(after, 0, False)
            return [self._onward(after), *inner]
        z, target = self.symbol("z", layer, unit), self.target(letter)
        first = []
        if letter == "w":
            a = self.symbol("a", layer - 1, self.units[1])
            values = self.column("a", layer - 1, self.units[1])
            first.append(Factor(derivative(z, target), a, "dz_dw", layer, self.units, values))
        elif letter == "b":
            ones = np.ones(len(self.trace.costs))
            one = number(1)
            first.append(Factor(derivative(z, target), one, "dz_db", layer, (unit,), ones))
        return first + (self._through(layer) if through else self._inner(layer, unit, False))

    def _inner(self, layer: int, unit: int, through: bool) -> list[Factor]:
        """∂C/∂z as ∂a/∂z · ∂C/∂a; as one factor where the outputs are bound to each other."""
        z, a = self.symbol("z", layer, unit), self.symbol("a", layer, unit)
        if not self.splits(layer, unit):
            whole, values = derivative(self.cost, z), self.column("dC_dz", layer, unit)
            return [Factor(whole, whole, "dC_dz", layer, (unit,), values)]
        slope, back = self.column("da_dz", layer, unit), derivative(self.cost, a)
        meaning = self.by_output(unit) if through else back
        return [
            Factor(derivative(a, z), da_dz(z), "da_dz", layer, (unit,), slope),
            Factor(back, meaning, "dC_da", layer, (unit,), self.column("dC_da", layer, unit)),
        ]

    def _through(self, layer: int) -> list[Factor]:
        """∂C/∂z of a layer of a chain, ∂C/∂a replaced by what it comes from, up to the cost."""
        factors: list[Factor] = []
        for level in range(layer, self.last + 1):
            if factors:
                factors[-1] = self._onward(level)
            inner = self._inner(level, 0, level == self.last)
            factors += inner
            if len(inner) == 1:
                break
        return factors

    def _onward(self, layer: int) -> Factor:
        """∂z/∂a from the layer before to this one of a chain."""
        z, a = self.symbol("z", layer), self.symbol("a", layer - 1)
        values = np.full(len(self.trace.costs), self.weight(layer, 0, 0))
        w = self.symbol("w", layer)
        return Factor(derivative(z, a), w, "dz_da", layer, (0, 0), values)

    def by_output(self, unit: int) -> Math:
        """∂C/∂a of an output, where a product through a chain ends."""
        return derivative(self.cost, self.symbol("a", self.last, unit))

    def sum_of(
        self, columns: Sequence[Math], labels: Sequence[int], factors: np.ndarray, total: float
    ) -> tuple[Table, np.ndarray]:
        """The table of Σ Π factors (terms, factors), and the order of the terms in it."""
        products = factors.prod(axis=1)
        order = np.argsort(-np.abs(products), kind="stable")
        # terms that are 0, of which softmax and relu make many, are counted, not listed
        some = max(1, int(np.count_nonzero(products)))
        kept = order[: min(self.most, some if some < len(order) - 1 else len(order))]
        rest = None
        if len(kept) < len(order):
            rest = (len(order) - len(kept), float(products[order[len(kept) :]].sum()))
        rows = tuple((int(labels[i]), (*map(float, factors[i]), float(products[i]))) for i in kept)
        head = (*columns, Math("product", r"\mathrm{product}"))
        by_column = list(factors[kept].T)
        digits = enough_digits(by_column, products[kept], _multiplied, self.digits)
        return Table(head, rows, rest, float(total), self.digits, digits), kept

    def heading(self, letter: str) -> tuple[str, Note]:
        """The derivative in words, and how layers and units are counted."""
        layer, units, name = self.layer, self.units, f"∂{self.cost}/∂{letter}"
        count = f"Layers run from 0, the input, to L = {self.last}; units count from 0."
        if self.is_chain:
            count = f"Layers run from 0, the input, to L = {self.last}, with one unit each."
            where = f"the weight from layer {layer - 1} to" if letter == "w" else ""
            return f"{name} of {where} layer {layer}".replace("  ", " "), Note((count,))
        if letter == "w":
            title = (
                f"{name} of the weight from unit {units[1]} of layer {layer - 1} to unit "
                f"{units[0]} of layer {layer}"
            )
        else:
            title = f"{name} of unit {units[0]} of layer {layer}"
        return title, Note((count,))

    def target(self, letter: str) -> Math:
        """What the cost is derived by."""
        return self.symbol(letter, self.layer, *self.units)


class Mean(Writer):
    """The derivation over several examples, each with its share of C."""

    def explanation(self, letter: str) -> Explanation:
        """The whole of it: what C is the mean of, then the sum."""
        title, count = self.heading(letter)
        shares = self.trace.shares
        n = len(shares)
        if (shares == shares[0]).all():
            mean, share = Math("1/n Σ_i C_i", r"\frac{1}{n} \sum_i C_i"), f"1/{n}"
        else:
            mean = Math("Σ_i s_i C_i / Σ_i s_i", r"\sum_i s_i C_i / \sum_i s_i")
            share = "s_i / Σ s"
        over = f" over n = {n:,} examples: ∂C/∂a and ∂C/∂z of example i hold {share} of those of "
        blocks: list[Block] = [
            count,
            Note(("C = ", mean, over, symbol("C", None, "i"), ".")),
            Note(("explain(…, example=i) takes one example apart.",)),
        ]
        sums = letter == "a" and self.layer < self.last and not self.is_chain
        value, more = self.over_connections() if sums else self.over_examples(letter)
        return Explanation(title, value, (*blocks, *more), tuple(self.shown))

    def over_examples(self, letter: str) -> tuple[float, list[Block]]:
        """Σ over the examples of the chain of each."""
        layer, unit = self.layer, self.units[0]
        if letter == "a" and layer == self.last:
            back = derivative(self.cost, self.target("a"))
            values = self.column("dC_da", layer, unit)
            names = through = [Factor(back, back, "dC_da", layer, (unit,), values)]
        else:
            names = self.factors(letter)
            through = self.factors(letter, through=self.is_chain)
        # ∂z/∂b = 1 in every row: not a column
        through = [factor for factor in through if factor.term != "dz_db"]
        total = self.total(letter)
        columns = (Math("example i", r"\mathrm{example}\ i"), *(f.meaning for f in through))
        values = np.column_stack([factor.values for factor in through])
        table, kept = self.sum_of(columns, range(len(values)), values, total)
        for i in map(int, kept):
            for factor in through:
                self.show(factor.term, factor.layer, factor.units, i, factor.values[i])
        self.show(f"dC_d{letter}", layer, self.units, None, total)
        chain = product(*(factor.derivative for factor in names))
        meaning = product(*(factor.meaning for factor in through))
        rights = [sum_over("i", chain)]
        if meaning != chain:
            rights.append(sum_over("i", meaning))
        left = derivative(self.cost, self.target(letter))
        return total, [Derivation(left, (*rights, self.number(total))), table]

    def total(self, letter: str) -> float:
        """The derivative itself; of a and z, where all examples move alike."""
        if letter == "w":
            return float(np.asarray(self.trace.dC_dw[self.layer])[self.units])
        if letter == "b":
            return float(np.asarray(self.trace.dC_db[self.layer])[self.units])
        name = "dC_da" if letter == "a" else "dC_dz"
        return float(self.column(name, self.layer, self.units[0]).sum())

    def over_connections(self) -> tuple[float, list[Block]]:
        """Σ_j w_jk ∂C/∂z_j, with ∂C/∂z_j summed over the examples."""
        layer, unit, after = self.layer, self.units[0], self.layer + 1
        d_z = np.asarray(self.trace.dC_dz[after], dtype=np.float64).sum(axis=0)
        w = np.asarray(self.trace.w[after], dtype=np.float64)[:, unit]
        z_j, w_jk = symbol("z", after, "j"), symbol("w", after, "j", unit)
        total = self.total("a")
        mean = derivative(self.cost, z_j)
        columns = (Math("j", "j"), w_jk, mean)
        table, kept = self.sum_of(columns, range(len(w)), np.column_stack([w, d_z]), total)
        for j in map(int, kept):
            self.show("dz_da", after, (j, unit), 0, w[j])
            self.show("dC_dz", after, (j,), None, d_z[j])
        self.show("dC_da", layer, (unit,), None, total)
        left = derivative(self.cost, symbol("a", layer, unit))
        return total, [
            Note(("Each example has its own activation; here all of them move alike.",)),
            Derivation(left, (sum_over("j", product(w_jk, mean)), self.number(total))),
            Note((f"    summed over {len(w)} outgoing connections:",)),
            table,
        ]


def _multiplied(*factors: np.ndarray) -> np.ndarray:
    """Their product, term by term."""
    result: np.ndarray = np.prod(factors, axis=0)
    return result
