"""The circles, lines and words of a network's picture, and how they take on values."""

import math
from typing import Any

import numpy as np

from bpcore.display.axes import axes_grid, axes_of, inches_of
from bpcore.display.base import (
    as_picture,
    diverging,
    paint_image,
    plt,
    require,
    symmetric_limit,
)
from bpcore.display.network_layout import RADIUS, Layout
from bpcore.display.network_values import Content

__all__ = ["Picture", "label_bar", "root_norm", "short"]

# room beside the drawing, in units; room for words at its left and beneath it, in inches
_EDGE, _LEFT, _BENEATH = 0.55, 0.45, 1.2
_UNIT_LABELS = {"activations": "activation a", "gradient": "∂C/∂a of a unit"}


def short(value: float) -> str:
    """Two digits of a number."""
    return f"{value:.2g}"


def root_norm(limit: float) -> Any:
    """Values from -limit to limit by their root, so that small ones show."""
    return require("matplotlib.colors").FuncNorm(
        (lambda v: np.sign(v) * np.sqrt(np.abs(v)), lambda v: np.sign(v) * np.square(v)),
        vmin=-limit,
        vmax=limit,
    )


def plain_norm(low: float, high: float) -> Any:
    """Values from low to high as they are."""
    return require("matplotlib.colors").Normalize(low, high)


class Picture:
    """What is drawn of a network; ``NetworkDisplay`` documents its parts."""

    def __init__(self, content: Content, layout: Layout, n_pixels: int, ax: Any) -> None:
        self.content, self.layout = content, layout
        self.values, self.show = content.values, content.show
        strengths = content.strengths
        if strengths is None:
            strengths = self.values.connections[0]
        self.pairs = layout.pairs([strengths], n_pixels)
        self._open_axes(ax)
        self._draw_image()
        self._draw_connections()
        self._draw_units()
        self._draw_words()
        self._draw_colorbars()

    # ------------------------------------------------------------ axes

    def _open_axes(self, ax: Any) -> None:
        """Axes with room for the drawing, the words beside it and the scales beneath."""
        layout, inches = self.layout, 8.0
        if ax is not None:
            inches, _ = inches_of(axes_of(ax)[0])
        words = max(0.5, 0.085 * max(len(text) for text in self.output_texts()) + 0.25)
        # words have a size in inches: what is left of the width is the drawing's
        room = max(inches - words - _LEFT, 0.4 * inches)
        self.inch = (layout.width + _EDGE) / room
        self.inches = inches
        beneath = _BENEATH * self.inch
        left, right = -_LEFT * self.inch, layout.width + _EDGE + words * self.inch
        height = layout.height + beneath
        figsize = (8.0, min(7.2, 8.0 * height / (right - left) + 0.1))
        self.figure, grid = axes_grid(ax, 1, 1, figsize)
        self.axes = grid[0, 0]
        self.axes.set(
            xlim=(left, right),
            ylim=(-layout.height / 2 - beneath, layout.height / 2),
            aspect="equal",
        )
        self.axes.set_axis_off()

    def output_texts(self, notes: list[str] | None = None) -> list[str]:
        """What stands beside the outputs drawn."""
        names = self.content.names or [str(i) for i in range(self.content.layer_sizes[-1])]
        notes = self.values.notes if notes is None else notes
        return [
            names[unit] if notes is None else f"{names[unit]}:  {notes[unit]}"
            for unit in self.layout.shown[-1]
        ]

    # ------------------------------------------------------------ the image

    def _draw_image(self) -> None:
        self.image: Any = None
        self.outline: Any = None
        pixels = self.content.image
        if self.layout.image is None or pixels is None:
            return
        x, y, size = self.layout.image
        shape = self.layout.image_shape
        assert shape is not None
        low, high = float(pixels.min()), float(pixels.max())
        self.image = paint_image(self.axes, pixels, shape, (x, y), size, up=True, cmap="gray_r",
                                 vmin=low, vmax=high)  # fmt: skip
        left, right, bottom, top = self.image.get_extent()
        rectangle = require("matplotlib.patches").Rectangle
        self.axes.add_patch(rectangle((left, bottom), right - left, top - bottom, fill=False,
                                      edgecolor="0.4", linewidth=0.8))  # fmt: skip
        if high > low and min(shape[:2]) > 1:
            height, width = shape[:2]
            light = pixels.reshape(height, width, -1).mean(axis=2)
            half = (right - left) / width / 2
            self.outline = self.axes.contour(
                np.linspace(left + half, right - half, width),
                np.linspace(top - half, bottom + half, height),
                light, levels=[(low + high) / 2], colors="black",
                linewidths=0.9, linestyles="dashed",
            )  # fmt: skip
            self.outline.set_visible(False)
        if self.show == "gradient" and self.values.units is not None:
            self.set_image(self.values.units[0], derivative=True)

    def set_image(self, pixels: np.ndarray, *, derivative: bool) -> str:
        """Show pixels as they are, or derivatives by them; what to write beneath."""
        if self.outline is not None:
            self.outline.set_visible(derivative)
        limit = symmetric_limit(pixels)
        low, high = (-limit, limit) if derivative else (float(pixels.min()), float(pixels.max()))
        shape = self.layout.image_shape
        assert shape is not None
        self.image.set_data(as_picture(pixels, shape, low, high))
        self.image.set(cmap=diverging() if derivative else "gray_r", clim=(low, high))
        return self.derivative_note(limit) if derivative else f"{pixels.size:,} inputs"

    def derivative_note(self, limit: float) -> str:
        """What to write beneath the derivatives by the pixels."""
        coloured = len(self.layout.image_shape or ()) == 3
        return f"∂C/∂a, up to ±{short(limit)}{'; grey: 0' if coloured else ''}"

    # ------------------------------------------------------------ connections and units

    def _draw_connections(self) -> None:
        line_collection = require("matplotlib.collections").LineCollection
        values = [
            matrix[pairs[:, 0], pairs[:, 1]]
            for matrix, pairs in zip(self.values.connections, self.pairs, strict=True)
        ]
        shared = root_norm(symmetric_limit(*values))
        self.connections: list[Any] = []
        for i, (pairs, strengths) in enumerate(zip(self.pairs, values, strict=True)):
            order = np.argsort(np.abs(strengths), kind="stable")  # the strongest on top
            self.pairs[i] = pairs[order]
            limit = symmetric_limit(self.values.connections[i])
            norm = shared if self.show == "gradient" else plain_norm(-limit, limit)
            lines = line_collection(
                self.layout.segments(i + 1, pairs[order]), cmap=diverging(), norm=norm, zorder=2,
                capstyle="round",
            )  # fmt: skip
            self.axes.add_collection(lines, autolim=False)
            self.connections.append(lines)
            self.set_connections(i + 1, strengths[order])

    def set_connections(self, layer: int, values: np.ndarray) -> None:
        """Colour the connections drawn into a layer by values (n_pairs,); large ones are thick."""
        lines = self.connections[layer - 1]
        lines.set_array(values)
        # by the value itself, also where colours go by its root
        share = np.minimum(np.abs(values) / lines.norm.vmax, 1.0)
        lines.set_linewidths(0.4 + 1.9 * share)
        lines.set_alpha(0.12 + 0.88 * np.sqrt(share))

    def _draw_units(self) -> None:
        patches = require("matplotlib.patches")
        collection = require("matplotlib.collections").PatchCollection
        self.units: list[Any] = []
        norm, cmap = self._unit_colours()
        for layer, places in enumerate(self.layout.places):
            if not len(places):
                self.units.append(None)
                continue
            circles = collection(
                [patches.Circle(place, RADIUS) for place in places], edgecolor="0.25",
                linewidth=0.9, zorder=3,
            )  # fmt: skip
            self.axes.add_collection(circles, autolim=False)
            self.units.append(circles)
            if self.values.units is None:
                circles.set_facecolor("0.93")
            else:
                circles.set(cmap=cmap, norm=norm)
                circles.set_array(self.values.units[layer][self.layout.shown[layer]])

    def _unit_colours(self) -> tuple[Any, Any]:
        """(norm, colormap) of the units."""
        if self.values.units is None:
            return None, None
        drawn = np.concatenate(
            [v[s] for v, s in zip(self.values.units, self.layout.shown, strict=True)]
        )
        if self.show == "gradient":
            return root_norm(symmetric_limit(drawn)), diverging()
        norm = plain_norm(min(0.0, float(drawn.min())), max(1.0, float(drawn.max())))
        return norm, plt().get_cmap("viridis")

    # ------------------------------------------------------------ words and scales

    def _draw_words(self) -> None:
        layout, axes = self.layout, self.axes
        for dots in layout.dots:
            axes.plot(*dots.T, "o", color="0.25", markersize=2.5)
        low = -layout.height / 2 - 0.05 * self.inch
        sizes = self.content.layer_sizes
        kinds = ["input", *["unit"] * (len(sizes) - 2), "output"]
        gap = layout.gap / self.inch
        self.layer_texts: list[Any] = []
        for layer, (n, kind) in enumerate(zip(sizes, kinds, strict=True)):
            places = layout.places[layer]
            x = float(places[0, 0]) if len(places) else layout.image[0]  # type: ignore[index]
            crowded = gap < 0.85 and len(places)
            note = f"{n:,}" if crowded else f"{n:,} {kind}{'s' if n > 1 else ''}"
            if not len(places) and self.show == "gradient":
                note = self.derivative_note(self.image.norm.vmax)
            name = f"{layer}" if gap < 0.62 and layer else f"layer {layer}"
            text = axes.text(x, low, f"{name}\n{note}", ha="center", va="top", fontsize=10)
            self.layer_texts.append(text)
        self.output_labels = [
            axes.text(x + _EDGE, y, text, va="center", fontsize=10)
            for text, (x, y) in zip(self.output_texts(), layout.places[-1], strict=True)
        ]
        # a line of words is 0.15 inches high: of outputs that are closer, name some
        places = layout.places[-1]
        if len(places) > 1:
            every = math.ceil(0.15 * self.inch / float(np.diff(places[:2, 1])[0] * -1))
            for i, label in enumerate(self.output_labels):
                label.set_visible(i % every == 0)

    def _draw_colorbars(self) -> None:
        """One scale for the units, one for the connections, side by side beneath."""
        mappable = require("matplotlib.cm").ScalarMappable
        label = "∂C/∂w of a weight"
        if self.show != "gradient":
            largest = [lines.norm.vmax for lines in self.connections]
            label = weight_label(largest)
        drawn = [(self.connections[-1], label)]
        if self.values.units is not None:
            drawn.insert(0, (self.units[-1], _UNIT_LABELS[self.show]))
        low, high = self.axes.get_ylim()
        height, width = 0.13 * self.inch / (high - low), 0.37
        bottom = (-self.layout.height / 2 - 0.62 * self.inch - low) / (high - low)
        self.colorbars: list[Any] = []
        for i, (artist, text) in enumerate(drawn):
            start = 0.07 + 0.5 * i if len(drawn) > 1 else (1 - width) / 2
            box = self.axes.inset_axes((start, bottom, width, height))
            # a scale of its own: an artist's would change with every value that it takes on
            scale = mappable(artist.norm, artist.get_cmap())
            bar = self.figure.colorbar(scale, cax=box, orientation="horizontal")
            label_bar(bar, text, few=self.inches < 6.5)
            self.colorbars.append(bar)


def weight_label(largest: list[float]) -> str:
    """What the scale of the weights is called: each layer has its own largest."""
    if len(largest) == 1:
        return f"weight w (max: {short(largest[0])})"
    if not 0 < len(largest) < 5:
        return "weight w, by the largest of its layer"
    return f"weight w (max by layer: {', '.join(short(v) for v in largest)})"


def label_bar(bar: Any, label: str, *, few: bool) -> None:
    """Name a scale and write its ends and middle on it."""
    low, high = float(bar.norm.vmin), float(bar.norm.vmax)
    ticks = list(np.linspace(low, high, 3 if few else 5))
    if low == -high:
        ticks = [low, 0.0, high] if few else [low, low / 8, 0.0, high / 8, high]
    words = [short(tick) for tick in ticks]
    if label.startswith("weight"):
        ticks, words = [low, 0.0, high], ["-max", "0", "max"]
    bar.set_ticks(ticks)
    bar.set_ticklabels(words)
    bar.set_label(label)
    bar.ax.minorticks_off()
