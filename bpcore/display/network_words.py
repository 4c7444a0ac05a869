"""The words and numbers in a network's picture: captions, outputs, values, colour bars."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bpcore.display.base import require
from bpcore.display.network_layout import RADIUS, Layout
from bpcore.display.scales import Scale, short, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bpcore.display.network_values import Content

__all__ = ["BENEATH", "EDGE", "LEFT", "ColourBars", "Numbers", "Sheet", "Words", "output_texts"]

# room beside the drawing, in units; room for words at its left and beneath it, in inches at 10
# points
EDGE, LEFT, BENEATH = 0.55, 0.45, 1.2
# the smallest size in points; a number as long as most
_SMALLEST, _LONG = 7.0, "-0.012"


class Sheet(NamedTuple):
    """Where a picture is drawn: units of the layout an inch, and the size of its words."""

    axes: "Axes"
    layout: Layout
    inch: float
    size: float

    @property
    def line(self) -> float:
        """How high a line of words is, in units."""
        return 0.015 * self.size * self.inch


def output_texts(content: "Content", units: np.ndarray, notes: list[str] | None) -> list[str]:
    """What stands beside outputs: their names, and notes of all outputs."""
    names = content.names or [str(i) for i in range(content.layer_sizes[-1])]
    return [names[i] if notes is None else f"{names[i]}:  {notes[i]}".rstrip(": ") for i in units]


def _shortened(text: str, size: float, inches: float) -> str:
    """A text that is too long with … in the middle of its name; its note stays whole."""
    name, colon, note = text.partition(":  ")
    while text_width(text, size) > inches and len(name) > 3:
        middle = len(name) // 2
        name = name[: middle - 1] + "…" + name[middle + 1 :] if "…" not in name else _less(name)
        text = name + colon + note
    return text


def _less(name: str) -> str:
    """A name with … in it without a letter of its longer part."""
    before, _, after = name.partition("…")
    return f"{before[:-1]}…{after}" if len(before) >= len(after) else f"{before}…{after[1:]}"


class Words:
    """The captions of the layers and the labels of the outputs."""

    def __init__(self, sheet: Sheet, content: "Content") -> None:
        self.sheet, self.content = sheet, content
        axes, layout = sheet.axes, sheet.layout
        for dots in layout.dots:
            axes.plot(*dots.T, "o", color="0.25", markersize=2.5)
        low = -layout.height / 2 - sheet.line / 3
        self._columns = [
            float(places[0, 0]) if len(places) else layout.image[0]  # type: ignore[index]
            for places in layout.places
        ]
        self._level = 0
        self.layer_texts = [
            axes.text(x, low, "", ha="center", va="top", fontsize=sheet.size) for x in self._columns
        ]
        self.output_labels = [
            axes.text(x + EDGE, y, "", va="center", fontsize=sheet.size)
            for x, y in layout.places[-1]
        ]

    # ------------------------------------------------------------ layers

    def name_layers(self, image_notes: tuple[str, ...] = ()) -> None:
        """Write the captions, as long as fit beside each other.

        `image_notes` is what may stand beneath an input's image, the longest first.
        """
        # in a film captions that were once too long stay short
        while self._level < 4 and not self._fit(self._captions(self._level, image_notes)):
            self._level += 1
        captions = self._captions(self._level, image_notes)
        every = 1
        while every < len(captions) and not self._fit(captions, every):
            every += 1
        for i, (text, caption) in enumerate(zip(self.layer_texts, captions, strict=True)):
            text.set_text(caption)
            text.set_visible(i % every == 0)

    def _captions(self, level: int, image_notes: tuple[str, ...]) -> list[str]:
        sizes = self.content.layer_sizes
        kinds = ["input", *["unit"] * (len(sizes) - 2), "output"]
        captions = []
        for layer, (n, kind) in enumerate(zip(sizes, kinds, strict=True)):
            notes = (f"{n:,} {kind}{'s' if n > 1 else ''}", f"{n:,}")
            if not layer and image_notes:
                notes = (image_notes[0], image_notes[-1])
            # the first layer's stays long for longest: with it the others are understood
            name = f"{layer}" if level > (3 if not layer else 2) else f"layer {layer}"
            captions.append(f"{name}\n{notes[level > (1 if not layer else 0)]}")
        return captions

    def _fit(self, captions: list[str], every: int = 1) -> bool:
        """Whether one in `every` of the captions stand apart from each other, inside the axes."""
        inch, size = self.sheet.inch, self.sheet.size
        widths = [text_width(caption, size) for caption in captions[::every]]
        columns = np.array(self._columns[::every]) / inch
        halves = np.array(widths) / 2
        apart = np.diff(columns) - halves[1:] - halves[:-1]
        return bool((apart > 0.08).all() and columns[0] - halves[0] > -LEFT - 0.15)

    # ------------------------------------------------------------ outputs

    def label_outputs(self, texts: list[str], marked: tuple[int, ...]) -> None:
        """Label the outputs drawn, where they are too close for that some: `marked` always."""
        sheet = self.sheet
        right = sheet.axes.get_xlim()[1]
        shown, places = sheet.layout.shown[-1], sheet.layout.places[-1]
        step = float(places[0, 1] - places[1, 1]) if len(places) > 1 else math.inf
        size = min(sheet.size, max(7.5, sheet.size * step / sheet.line))
        height = sheet.line * size / sheet.size
        for label, text, (x, y) in zip(self.output_labels, texts, places, strict=True):
            label.set(text=_shortened(text, size, (right - x - EDGE) / sheet.inch),
                      fontsize=size, y=y)  # fmt: skip
        heights = dict(_apart([(int(i), places[i, 1]) for i in np.flatnonzero(
            np.isin(shown, marked))], height))  # fmt: skip
        for i in range(0, len(places), max(1, math.ceil(height / step - 1e-6))):
            if all(abs(places[i, 1] - y) >= 0.999 * height for y in heights.values()):
                heights.setdefault(i, places[i, 1])
        for i, label in enumerate(self.output_labels):
            label.set_visible(i in heights)
            label.set_y(heights.get(i, places[i, 1]))


def _apart(places: list[tuple[int, float]], height: float) -> list[tuple[int, float]]:
    """Labels from the top down, moved as far as they need to not touch."""
    moved: list[tuple[int, float]] = []
    for i, y in places:
        if moved and moved[-1][1] - y < height:
            j, above = moved[-1]
            middle = (above + y) / 2
            moved[-1], y = (j, middle + height / 2), middle - height / 2
        moved.append((i, y))
    return moved


class Numbers:
    """Values written into units, and beside connections where each has a place of its own."""

    def __init__(self, sheet: Sheet, pairs: list[np.ndarray]) -> None:
        self.sheet = sheet
        self.units: list[list[Any]] = [
            [self._text(*place) for place in places] for places in sheet.layout.places
        ]
        self.connections: list[list[Any]] = [[] for _ in pairs]
        middles = [sheet.layout.segments(i + 1, two).mean(axis=1) for i, two in enumerate(pairs)]
        if all(map(self._stand_apart, sheet.layout.shown, sheet.layout.shown[1:], middles)):
            self.connections = [[self._text(*place) for place in places] for places in middles]
        for text in (text for texts in self.connections for text in texts):
            paper = sheet.axes.figure.canvas.figure.get_facecolor()
            text.set_bbox({"facecolor": paper, "edgecolor": "none", "pad": 1.0})

    def _text(self, x: float, y: float) -> Any:
        return self.sheet.axes.text(x, y, "", ha="center", va="center", zorder=4)

    def _stand_apart(self, before: np.ndarray, after: np.ndarray, middles: np.ndarray) -> bool:
        """Whether connections neither cross nor come too close for a number each."""
        if min(len(before), len(after)) != 1:
            return False
        heights = np.sort(middles[:, 1])
        return bool((np.diff(heights) > 1.3 * self.sheet.line).all())

    def write_units(self, layer: int, values: np.ndarray | None, colours: Any) -> None:
        """Write a layer's values, black or white against their colours; None: nothing."""
        width = 1.76 * RADIUS / self.sheet.inch
        above = self._write(self.units[layer], values, width, RADIUS, layer % 2)
        ink = require("matplotlib").rcParams["text.color"]
        for text, colour in zip(self.units[layer], colours, strict=values is not None):
            red, green, blue, opaque = (float(part) for part in colour)
            inside = "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
            text.set_color(ink if above or not opaque else inside)

    def write_connections(self, layer: int, values: np.ndarray | None) -> None:
        """Write the values of the connections into a layer, in the order of its pairs."""
        width = (self.sheet.layout.gap - 2 * RADIUS) / self.sheet.inch - 0.16
        self._write(self.connections[layer - 1], values, width, -RADIUS, layer % 2)

    def _write(
        self, texts: list[Any], values: np.ndarray | None, inches: float, beside: float, odd: int
    ) -> bool:
        """Write values where they fit into so many inches; whether that is beside their place.

        In a chain of single units there is room above the units and under the connections: for a
        row each, or for two, of even and of odd layers.
        """
        layout, inch = self.sheet.layout, self.sheet.inch
        moved = layout.chain and not self._size([_LONG], inches)
        if moved:
            inches = layout.gap / inch - 0.08
            if not self._size([_LONG], inches):
                inches += layout.gap / inch
                beside += math.copysign(odd * self.sheet.line, beside)
        words = [""] * len(texts) if values is None else [short(value) for value in values]
        if not self._size(words, inches):
            words = [word and f"{float(word):.1g}" for word in words]
        # all units of a picture are written into, or none
        size = self._size([_LONG, *words], inches)
        for text, word in zip(texts, words if texts else [], strict=True):
            text.set(text=word if size else "", fontsize=size or _SMALLEST)
            if moved:
                text.set(y=beside + math.copysign(0.05 * inch, beside),
                         va="bottom" if beside > 0 else "top")  # fmt: skip
        return moved

    def _size(self, words: list[str], inches: float) -> float:
        """The size at which all of them fit; 0 where that is too small to read."""
        widest = max((text_width(word, 10.0) for word in words), default=0.0)
        size = min(self.sheet.size, 10.0 * inches / max(widest, 1e-3))
        return size if size >= _SMALLEST else 0.0


class ColourBars:
    """One scale for the units, where they have values, and one for the connections beneath."""

    def __init__(self, sheet: Sheet, scales: list[Scale]) -> None:
        self.sheet = sheet
        (left, right), (low, high) = sheet.axes.get_xlim(), sheet.axes.get_ylim()
        inch, n = sheet.size / 10 * sheet.inch / (high - low), len(scales)
        bottom = (-sheet.layout.height / 2 - low) / (high - low) - 0.62 * inch
        inches = (right - left) / sheet.inch
        self._few = inches < 6.5
        self._share = inches / n
        self.bars: list[Any] = []
        for i, scale in enumerate(scales):
            # the numbers at its ends stand half beside it
            ends = [text_width(word, sheet.size) for word in scale.ticks(True)[1]] or [0.0]
            self._width = max(
                0.3 * self._share,
                min(0.37 * inches, self._share - (ends[0] + ends[-1]) / 2 - 0.15),
            )
            start = (i + 0.5) / n - self._width / inches / 2
            box = sheet.axes.inset_axes((start, bottom, self._width / inches, 0.13 * inch))
            # a scale of its own: an artist's would change with every value that it takes on
            self.bars.append(sheet.axes.figure.colorbar(
                scale.mappable(), cax=box, orientation="horizontal"
            ))  # fmt: skip
        self.show(scales)

    def show(self, scales: list[Scale]) -> None:
        """Let the bars show these scales."""
        size = self.sheet.size
        for bar, scale in zip(self.bars, scales, strict=True):
            bar.update_normal(scale.mappable())
            ticks, words = scale.ticks(self._few)
            if not self._few and not self._apart(scale, ticks, words):
                ticks, words = scale.ticks(True)
            bar.set_ticks(ticks)
            bar.set_ticklabels(words)
            bar.ax.tick_params(labelsize=size)
            bar.ax.minorticks_off()
            fitting = [t for t in scale.labels if text_width(t, size) < self._share - 0.1]
            bar.set_label(fitting[0] if fitting else scale.labels[-1], fontsize=size)

    def _apart(self, scale: Scale, ticks: list[float], words: list[str]) -> bool:
        """Whether the numbers of a bar stand apart."""
        widths = np.array([text_width(word, self.sheet.size) for word in words])
        places = np.asarray(scale.norm(ticks), dtype=np.float64) * self._width
        return bool((np.diff(places) > (widths[1:] + widths[:-1]) / 2 + 0.06).all())
