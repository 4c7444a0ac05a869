"""From which to which number colours go, and what is said of it: on bars, in images, in units."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from bpcore.display.base import diverging, plt, require, symmetric_limit

__all__ = [
    "Scale",
    "activations",
    "derivatives",
    "middle_of",
    "remark",
    "short",
    "text_width",
    "weights",
]


def short(value: float) -> str:
    """Two digits of a number."""
    return f"{value:.2g}"


@lru_cache(maxsize=2000)
def text_width(text: str, size: float) -> float:
    """How many inches wide a text is, at a font size in points."""
    prop = require("matplotlib.font_manager").FontProperties(size=size)
    is_math, measure = require("matplotlib.cbook").is_math_text, require("matplotlib.textpath")
    return max(
        float(measure.text_to_path.get_text_width_height_descent(line, prop, is_math(line))[0]) / 72
        for line in text.split("\n")
    )


def remark(drawn: Sequence[np.ndarray], whole: Sequence[np.ndarray] = ()) -> str:
    """What is to be said of numbers that no scale can tell apart; "" of others."""
    if any((np.isfinite(values) & (values != 0)).any() for values in drawn):
        return ""
    if any(values.any() for values in drawn):
        return "NaN or infinity"
    return "those drawn are 0" if any(values.any() for values in whole) else "all 0"


class Scale(NamedTuple):
    """A norm and a colormap, what their bar is called, and a remark in place of its numbers."""

    norm: Any
    cmap: Any
    label: str
    remark: str = ""
    shorter: str = ""

    @property
    def labels(self) -> list[str]:
        """What the bar may be called, the widest first."""
        label = f"{self.label}: {self.remark}" if self.remark else self.label
        return [label, label.replace(" (", "\n("), self.shorter or label.replace(": ", ":\n")]

    def ticks(self, few: bool) -> tuple[list[float], list[str]]:
        """(where the bar is marked, with which words)."""
        low, high = float(self.norm.vmin), float(self.norm.vmax)
        if self.remark:
            return ([0.0], ["0"]) if self.remark.endswith("0") else ([], [])
        if self.label.startswith("weight"):
            return [low, 0.0, high], ["-max", "0", "max"]
        ticks = list(np.linspace(low, high, 3 if few else 5))
        if low == -high:
            ticks = [low, 0.0, high] if few else [low, low / 8, 0.0, high / 8, high]
        return ticks, [short(tick) for tick in ticks]

    def mappable(self) -> Any:
        """What a colour bar is made of: of one colour where there is nothing to tell apart."""
        cmap = middle_of(self.cmap) if self.remark else self.cmap
        return require("matplotlib.cm").ScalarMappable(self.norm, cmap)


def middle_of(cmap: Any) -> Any:
    """The colour of zero alone, as a colormap."""
    return require("matplotlib.colors").ListedColormap([plt().get_cmap(cmap)(0.5)])


def _root(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.sqrt(np.abs(values))


def _square(values: np.ndarray) -> np.ndarray:
    return np.sign(values) * np.square(values)


def derivatives(label: str, drawn: Sequence[np.ndarray], whole: Sequence[np.ndarray] = ()) -> Scale:
    """From the largest to its negative, by the root, so that small ones show."""
    limit = symmetric_limit(*drawn) or 1.0
    norm = require("matplotlib.colors").FuncNorm((_root, _square), vmin=-limit, vmax=limit)
    return Scale(norm, diverging(), label, remark(drawn, whole))


def activations(drawn: Sequence[np.ndarray]) -> Scale:
    """From 0 to 1, or further where activations go further."""
    finite = np.concatenate([values[np.isfinite(values)] for values in drawn])
    low, high = float(finite.min(initial=0.0)), float(finite.max(initial=1.0))
    norm = require("matplotlib.colors").Normalize(low, high)
    return Scale(norm, plt().get_cmap("viridis"), "activation a")


def weights(layers: Sequence[Sequence[np.ndarray]]) -> list[Scale]:
    """Each layer's by the largest of its matrices."""
    largest = [symmetric_limit(*matrices) for matrices in layers]
    label = "weight w (by the largest of its layer)"
    if len(largest) == 1:
        label = f"weight w (max: {short(largest[0])})"
    elif len(largest) < 5:
        label = f"weight w (max by layer: {', '.join(short(v) for v in largest)})"
    said = remark([matrix for matrices in layers for matrix in matrices])
    normalize = require("matplotlib.colors").Normalize
    return [
        Scale(normalize(-(limit or 1.0), limit or 1.0), diverging(),
              "weight w" if said else label, said, "" if said else "weight w\n(max of each layer)")
        for limit in largest
    ]  # fmt: skip
