"""An activation by the largest terms of the sum that it comes from."""

from typing import Any

import numpy as np

from bpcore.checks import as_integer
from bpcore.explain.notation import Math, Terms
from bpcore.explain.render import Block, Derivation, Explanation, Note
from bpcore.explain.single import Single, as_digits, place

__all__ = ["explain_activation"]


def explain_activation(
    trace: Terms, layer: Any, j: Any, example: Any, most: Any, digits: Any
) -> Explanation:
    """What ``Trace.explain_activation`` documents."""
    if example is None and len(trace.costs) > 1:
        raise TypeError(
            f"every example has an activation of its own: give example=i, 0 to "
            f"{len(trace.costs) - 1}"
        )
    layer = len(trace.layer_sizes) - 1 if layer is None else layer
    i = 0 if example is None else example
    if j is None:  # the layer and the example are looked at first
        place(trace, "a", layer, 0, None, i)
        j = int(np.argmax(trace.a[layer][i]))
    _, level, units, _ = place(trace, "a", layer, j, None, i)
    writer = Forward(trace, level, units, as_integer(most, "most"), as_digits(digits), example)
    with np.errstate(over="ignore", invalid="ignore"):
        return writer.explanation("a")


class Forward(Single):
    """The way forward to one unit."""

    def explanation(self, letter: str) -> Explanation:
        """The sum, its terms, and what σ makes of it."""
        layer, unit = self.layer, self.units[0]
        _, count = self.heading(letter)
        where = f"layer {layer}" if self.is_chain else f"unit {unit} of layer {layer}"
        of = f", example {self.i}" if len(self.trace.costs) > 1 else ""
        value = float(self.of("a", layer)[unit])
        result = self.number(value)
        title = f"Why a {'≈' if result.rounded else '='} {result} at {where}{of}"
        if layer == 0:
            given = Derivation(self.symbol("a", 0, unit), (result,))
            return Explanation(title, value, (count, Note(("It is an input:",)), given), ())
        sum_, activation = self.forward(layer, unit)
        blocks = (count, sum_, *self.incoming(layer, unit), activation)
        return Explanation(title, value, blocks, tuple(self.shown))

    def incoming(self, layer: int, unit: int) -> list[Block]:
        """The terms w_jk a_k of z_j."""
        if self.is_chain:
            return []
        w = np.asarray(self.trace.w[layer], dtype=np.float64)[unit]
        before = self.of("a", layer - 1)
        total = float(self.of("z", layer)[unit]) - float(np.asarray(self.trace.b[layer])[unit])
        columns = (
            Math("k", "k"), self.symbol("w", layer, unit, "k"), self.symbol("a", layer - 1, "k")
        )  # fmt: skip
        table, kept = self.sum_of(columns, range(len(w)), np.column_stack([w, before]), total)
        for k in map(int, kept):
            self.show("dz_da", layer, (unit, k), self.i, w[k])
            self.show("dz_dw", layer, (unit, k), self.i, before[k])
        n = len(w)
        note = f"the sum over {n} incoming connections" if n > 1 else "one connection comes in"
        return [Note((f"    {note}, without the bias:",)), table]
