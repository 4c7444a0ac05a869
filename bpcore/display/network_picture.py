"""The circles and lines of a network's picture, and how they take on values."""

from dataclasses import replace
from typing import Any

import numpy as np

from bpcore.display.axes import axes_grid, axes_of, inches_of
from bpcore.display.base import as_picture, diverging, paint_image, require, symmetric_limit
from bpcore.display.network_layout import RADIUS, Layout
from bpcore.display.network_values import Content, Values
from bpcore.display.network_words import (
    BENEATH,
    EDGE,
    LEFT,
    ColourBars,
    Numbers,
    Sheet,
    Words,
    output_texts,
)
from bpcore.display.scales import (
    Scale,
    activations,
    derivatives,
    remark,
    short,
    text_width,
    weights,
)

__all__ = ["Picture", "open_sheet"]

# width of the drawing over its height: in a figure of its own, and where given axes ask for it
_ASPECT, _ASPECTS = 1.35, (0.4, 2.0)
_FIGURE = (8.0, 7.2)


def open_sheet(
    content: Content, most: int, shape: tuple[int, ...] | None, ax: Any
) -> tuple[Any, Sheet]:
    """(figure, sheet): axes with room for the drawing, words beside it and scales beneath."""
    width, height = _FIGURE if ax is None else inches_of(axes_of(ax)[0])
    size = 10 * min(1.0, max(0.75, width / 4))
    beneath = BENEATH * size / 10
    keep = content.values.marked
    shown = Layout.of(content.layer_sizes, most, shape, keep=keep).shown[-1]
    texts = output_texts(content, shown, content.values.notes)
    # words have a size in inches: what is left of the width is the drawing's
    words = max(0.5, min(max(text_width(text, size) for text in texts) + 0.25, 0.5 * width))
    room = max(width - words - LEFT, 0.3 * width), max(height - beneath, 0.25 * height)
    aspect = _ASPECT if ax is None else min(max(room[0] / room[1], _ASPECTS[0]), _ASPECTS[1])
    layout = Layout.of(content.layer_sizes, most, shape, keep=keep, aspect=aspect)
    inch = max((layout.width + EDGE) / room[0], layout.height / room[1])
    # room for the labels of outputs, or for the numbers above and under a chain
    least = (1.1 if layout.chain else 0.45) * size / 10 * inch
    layout = replace(layout, height=max(layout.height, least))
    high = layout.height / inch + beneath
    figure, grid = axes_grid(ax, 1, 1, (width, min(height, high + 0.1)))
    axes = grid[0, 0]
    axes.set(
        xlim=(-LEFT * inch, layout.width + EDGE + words * inch),
        ylim=(-layout.height / 2 - beneath * inch, layout.height / 2),
        aspect="equal",
    )
    axes.set_axis_off()
    return figure, Sheet(axes, layout, inch, size)


class Picture:
    """What is drawn of a network; ``NetworkDisplay`` documents its parts."""

    def __init__(self, content: Content, sheet: Sheet, n_pixels: int) -> None:
        self.content, self.sheet = content, sheet
        self.axes, self.layout = sheet.axes, sheet.layout
        self.values, self.show = content.values, content.show
        strengths = content.strengths
        if strengths is None:
            strengths = self.values.connections[0]
        self.pairs = self.layout.pairs(strengths, n_pixels)
        for i, matrix in enumerate(self.values.connections):
            # the strongest on top
            order = np.argsort(np.abs(self.drawn(matrix, i)), kind="stable")
            self.pairs[i] = self.pairs[i][order]
        self.words = Words(sheet, content)
        self.numbers = Numbers(sheet, self.pairs)
        self._draw_image()
        self._draw_connections()
        self._draw_units()
        scales = self.scales([self.values], self.show)
        self.bars = ColourBars(sheet, [s for s in (scales[0], scales[1][-1]) if s is not None])
        self.set_scales(*scales)
        self._show_values()

    def _show_values(self) -> None:
        values = self.values
        note: tuple[str, ...] = ()
        if values.units is not None:
            for layer, units in enumerate(values.units):
                self.set_units(layer, units)
        for i, matrix in enumerate(values.connections):
            self.set_connections(i + 1, matrix)
        self.label_outputs(values.notes, values.marked)
        if self.show == "gradient" and self.image is not None and values.units is not None:
            note = self.set_image(values.units[0], derivative=True)
        self.words.name_layers(note)

    def label_outputs(self, notes: list[str] | None, marked: tuple[int, ...]) -> None:
        """Write what is known of the outputs; the marked ones are never left out."""
        self.words.label_outputs(output_texts(self.content, self.layout.shown[-1], notes), marked)

    # ------------------------------------------------------------ scales

    def drawn_units(self, values: Values) -> list[np.ndarray]:
        """The values of the units that are drawn as circles, a layer each."""
        assert values.units is not None
        return [v[s] for v, s in zip(values.units, self.layout.shown, strict=True)]

    def drawn(self, matrix: np.ndarray, i: int) -> np.ndarray:
        """The values of the connections drawn, of those in weights[i]."""
        return matrix[self.pairs[i][:, 0], self.pairs[i][:, 1]]

    def scales(self, several: list[Values], show: str) -> tuple[Scale | None, list[Scale]]:
        """(of the units or None, of each layer's connections), wide enough for all values."""
        layers = range(len(self.pairs))
        units: Scale | None = None
        if several[0].units is not None:
            circles = [layer for one in several for layer in self.drawn_units(one)]
            units = activations(circles)
            if show == "gradient":
                whole = [v for one in several for v, s in zip(one.units or (), self.layout.shown,
                                                              strict=True) if len(s)]  # fmt: skip
                units = derivatives(f"∂{several[0].cost}/∂a of a unit", circles, whole)
        if show != "gradient":
            by_layer = [[one.connections[i] for one in several] for i in layers]
            return units, weights(by_layer)
        matrices = [matrix for one in several for matrix in one.connections]
        lines = [self.drawn(one.connections[i], i) for one in several for i in layers]
        shared = derivatives(f"∂{several[0].cost}/∂w of a weight", lines, matrices)
        return units, [shared] * len(layers)

    def set_scales(self, units: Scale | None, connections: list[Scale]) -> None:
        """Put other scales in place; the values are set afterwards."""
        if units is not None:
            for circles in self.units:
                if circles is not None:
                    circles.set(norm=units.norm, cmap=units.cmap)
        for lines, scale in zip(self.connections, connections, strict=True):
            lines.set(norm=scale.norm, cmap=scale.cmap)
        self.bars.show([s for s in (units, connections[-1]) if s is not None])

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

    def set_image(self, pixels: np.ndarray, *, derivative: bool) -> tuple[str, ...]:
        """Show pixels as they are, or derivatives by them; what may be written beneath."""
        if self.outline is not None:
            self.outline.set_visible(derivative)
        limit = symmetric_limit(pixels) or 1.0
        low, high = (-limit, limit) if derivative else (float(pixels.min()), float(pixels.max()))
        shape = self.layout.image_shape
        assert shape is not None
        self.image.set_data(as_picture(pixels, shape, low, high))
        self.image.set(cmap=diverging() if derivative else "gray_r", clim=(low, high))
        if not derivative:
            return ()
        name = f"∂{self.values.cost}/∂a"
        said = remark([pixels])
        if said:
            return f"{name}: {said}", said
        coloured = "; grey: 0" if len(shape) == 3 else ""
        return f"{name}, up to ±{short(limit)}{coloured}", f"±{short(limit)}"

    # ------------------------------------------------------------ connections and units

    def _draw_connections(self) -> None:
        line_collection = require("matplotlib.collections").LineCollection
        self.connections: list[Any] = []
        for i, pairs in enumerate(self.pairs):
            lines = line_collection(self.layout.segments(i + 1, pairs), zorder=2, capstyle="round")
            self.axes.add_collection(lines, autolim=False)
            self.connections.append(lines)

    def set_connections(self, layer: int, matrix: np.ndarray) -> None:
        """Colour the connections drawn into a layer by (n_l, n_{l-1}); large ones are thick."""
        lines, values = self.connections[layer - 1], self.drawn(matrix, layer - 1)
        lines.set_array(values)
        # by the value itself, also where colours go by its root
        share = np.nan_to_num(np.minimum(np.abs(values) / lines.norm.vmax, 1.0))
        lines.set_linewidths(0.4 + 1.9 * share)
        lines.set_alpha(0.12 + 0.88 * np.sqrt(share))
        self.numbers.write_connections(layer, values)

    def dim_connections(self, layer: int) -> None:
        """Show the connections into a layer as not known yet."""
        lines = self.connections[layer - 1]
        lines.set_alpha(np.full(len(lines.get_array()), 0.05))
        self.numbers.write_connections(layer, None)

    def _draw_units(self) -> None:
        patches = require("matplotlib.patches")
        collection = require("matplotlib.collections").PatchCollection
        self.units: list[Any] = []
        for places in self.layout.places:
            if not len(places):
                self.units.append(None)
                continue
            circles = collection(
                [patches.Circle(place, RADIUS) for place in places], edgecolor="0.25",
                facecolor="0.93", linewidth=0.9, zorder=3,
            )  # fmt: skip
            self.axes.add_collection(circles, autolim=False)
            self.units.append(circles)

    def set_units(self, layer: int, values: np.ndarray | None) -> None:
        """Colour the units drawn of a layer by (n_l,); None: they are not known yet."""
        circles = self.units[layer]
        if circles is None:
            return
        known = None if values is None else values[self.layout.shown[layer]]
        circles.set_array(known)
        circles.set_edgecolor("0.25" if known is not None else "0.7")
        if known is None:
            circles.set_facecolor("0.97")
        colours = [] if known is None else circles.to_rgba(known)
        self.numbers.write_units(layer, known, colours)
