"""The derivation of a mean over several examples, and what it shares with that of one."""

from collections.abc import Sequence

import numpy as np

from bpcore.explain.notation import Math, Terms, da_dz, derivative, number, product, symbol
from bpcore.explain.render import Block, Derivation, Explanation, Note, Shown, Table

__all__ = ["Mean", "Writer", "sum_over"]


class Writer:
    """What both forms share: symbols, sums, and the record of what is printed."""

    def __init__(self, trace: Terms, layer: int, units: tuple[int, ...], most: int) -> None:
        self.trace, self.layer, self.units, self.most = trace, layer, units, most
        self.last = len(trace.layer_sizes) - 1
        self.shown: list[Shown] = []
        self.cost = Math("C", "C")

    def show(
        self, term: str, layer: int, units: tuple[int, ...], example: int | None, value: float
    ) -> float:
        """Record a partial derivative that is printed; its value."""
        self.shown.append(Shown(term, layer, units, example, float(value)))
        return float(value)

    def is_softmax(self, layer: int) -> bool:
        """Whether the units of a layer are bound to each other."""
        return bool(self.trace.sigma[layer] == "softmax")

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
        return Table(head, rows, rest, float(total)), kept

    def heading(self, letter: str) -> tuple[str, Note]:
        """The derivative in words, and how layers and units are counted."""
        layer, units, name = self.layer, self.units, f"∂{self.cost}/∂{letter}"
        if letter == "w":
            title = (
                f"{name} of the weight from unit {units[1]} of layer {layer - 1} to unit "
                f"{units[0]} of layer {layer}"
            )
        else:
            title = f"{name} of unit {units[0]} of layer {layer}"
        count = f"Layers run from 0, the input, to L = {self.last}; units count from 0."
        return title, Note((count,))

    def target(self, letter: str) -> Math:
        """What the cost is derived by."""
        return symbol(letter, self.layer, *self.units)


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
        value, more = self.over_connections() if (
            letter == "a" and self.layer < self.last
        ) else self.over_examples(letter)  # fmt: skip
        return Explanation(title, value, (*blocks, *more), tuple(self.shown))

    def column(self, name: str, layer: int, unit: int) -> np.ndarray:
        """A term of one unit, a number an example, in double precision."""
        values: np.ndarray = np.asarray(getattr(self.trace, name)[layer], dtype=np.float64)
        return values[:, unit]

    def over_examples(self, letter: str) -> tuple[float, list[Block]]:
        """Σ over the examples of the chain of each."""
        layer, unit = self.layer, self.units[0]
        z, a = symbol("z", layer, unit), symbol("a", layer, unit)
        d_cost = self.column("dC_da", layer, unit)
        chain, meaning, factors, terms = [], [], [], []
        if letter == "a":
            chain, meaning = [derivative(self.cost, a)], [derivative(self.cost, a)]
            factors, terms = [d_cost], ["dC_da"]
        elif self.is_softmax(layer) or not np.isfinite(d_cost).all():
            chain, meaning = [derivative(self.cost, z)], [derivative(self.cost, z)]
            factors, terms = [self.column("dC_dz", layer, unit)], ["dC_dz"]
        else:
            chain = [derivative(a, z), derivative(self.cost, a)]
            meaning = [da_dz(z), derivative(self.cost, a)]
            factors = [self.column("da_dz", layer, unit), d_cost]
            terms = ["da_dz", "dC_da"]
        if letter == "w":
            chain.insert(0, derivative(z, self.target("w")))
            meaning.insert(0, symbol("a", layer - 1, self.units[1]))
            factors.insert(0, self.column("a", layer - 1, self.units[1]))
            terms.insert(0, "dz_dw")
        elif letter == "b":  # ∂z/∂b = 1 in every row: not a column
            chain.insert(0, derivative(z, self.target("b")))
        total = self.total(letter)
        columns = (Math("example i", r"\mathrm{example}\ i"), *meaning)
        table, kept = self.sum_of(columns, range(len(d_cost)), np.column_stack(factors), total)
        for i in map(int, kept):
            for term, factor in zip(terms, factors, strict=True):
                at = self.units if term == "dz_dw" else (unit,)
                self.show(term, layer, at, i, factor[i])
        self.show(f"dC_d{letter}", layer, self.units, None, total)
        rights = [sum_over("i", product(*chain))]
        if meaning != chain:
            rights.append(sum_over("i", product(*meaning)))
        left = derivative(self.cost, self.target(letter))
        return total, [Derivation(left, (*rights, number(total))), table]

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
            Derivation(left, (sum_over("j", product(w_jk, mean)), number(total))),
            Note((f"    summed over {len(w)} outgoing connections:",)),
            table,
        ]


def sum_over(index: str, term: Math) -> Math:
    """Σ_index term."""
    return Math(f"Σ_{index} {term.text}", rf"\sum_{index} {term.latex}")
