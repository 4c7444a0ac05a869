"""Where displays draw: in new axes or in given ones, beside their colour bars, and there again."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcore.display.base import plt, require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["add_colorbar", "axes_grid", "axes_of", "inches_of", "panel_inches"]

# Axes.clear() leaves other axes alone, the colour bar beside it and those inside it: what a
# display adds is kept in this attribute of the axes it was given, and goes when one draws again
_ADDED = "_bpcore_added"
# between panels inside one, in their width and height
_ACROSS, _ALONG = 0.35, 0.6


def axes_grid(
    ax: Any, n_rows: int, n_columns: int, figsize: tuple[float, float]
) -> tuple["Figure", np.ndarray]:
    """(figure, n_rows x n_columns axes): new ones, the given ones, or inside a given one.

    From given ones goes what an earlier display added to them.
    """
    if ax is None:
        figure, axes = plt().subplots(
            n_rows, n_columns, figsize=figsize, layout="constrained", squeeze=False
        )
        return figure, axes
    given = axes_of(ax)
    n = n_rows * n_columns
    if given.size not in (1, n):
        several = f" or {n_rows} x {n_columns}" if n > 1 else ""
        raise ValueError(f"ax holds {given.size} axes, but this display takes one{several}")
    cells = given[0].get_subplotspec()
    if given.size != n and cells is None:
        raise ValueError(
            f"this display needs {n} axes: give ax={n_rows} x {n_columns} of them, or one that "
            "stands in a grid (plt.subplots)"
        )
    _take_away(given)
    if given.size == n:
        return given[0].figure, given.reshape(n_rows, n_columns)
    return given[0].figure, _divide(given[0], n_rows, n_columns)


def axes_of(ax: Any) -> np.ndarray:
    """The axes given as one, or as a sequence or array of any shape, in a row."""
    given = np.asarray(ax, dtype=object).ravel()
    kind = require("matplotlib.axes").Axes
    wrong = [one for one in given if not isinstance(one, kind)]
    if wrong or not given.size:
        found = type(wrong[0] if wrong else ax).__name__
        raise TypeError(f"ax must be matplotlib Axes or a sequence of them, got {found}")
    return given


def inches_of(axes: "Axes") -> tuple[float, float]:
    """(width, height) of the room that axes have: without a colour bar, whatever their aspect."""
    room, inside = axes.get_position(original=True), axes.figure.bbox
    for _, places in reversed(vars(axes).get(_ADDED, [])):
        room = next((position for one, _, position, _ in places if one is axes), room)
    dpi = float(axes.figure.dpi)
    return float(room.width * inside.width) / dpi, float(room.height * inside.height) / dpi


def panel_inches(ax: Any, n_rows: int, n_columns: int) -> tuple[float, float]:
    """(width, height) that each of n_rows x n_columns panels has in given axes."""
    given = axes_of(ax)
    width, height = inches_of(given[0])
    if given.size > 1:
        return width, height
    across, along = (0.0, 0.3) if given[0].figure.get_layout_engine() else (_ACROSS, _ALONG)
    return width / (n_columns + across * (n_columns - 1)), height / (n_rows + along * (n_rows - 1))


def add_colorbar(norm: Any, cmap: Any, axes: Sequence["Axes"], **options: Any) -> Any:
    """A colour bar beside axes, which makes room for itself among them."""
    # one of an artist could not be removed any more once that is cleared away
    mappable = require("matplotlib.cm").ScalarMappable(norm, cmap)
    places = [
        (one, one.get_subplotspec(), one.get_position(original=True), one.get_anchor())
        for one in axes
    ]
    bar = axes[0].figure.colorbar(mappable, ax=list(axes), **options)
    for one in axes:
        vars(one).setdefault(_ADDED, []).append((bar, places))
    return bar


def _divide(one: "Axes", n_rows: int, n_columns: int) -> np.ndarray:
    """Axes inside one, whose own frame goes."""
    one.set_axis_off()
    figure, cells = one.figure, one.get_subplotspec()
    assert cells is not None
    # a layout engine finds the room for titles and labels itself
    room = {} if figure.get_layout_engine() else {"hspace": _ALONG, "wspace": _ACROSS}
    inner = cells.subgridspec(n_rows, n_columns, **room)
    axes = np.array([[figure.add_subplot(inner[r, c]) for c in range(n_columns)]
                     for r in range(n_rows)])  # fmt: skip
    vars(one)[_ADDED] = [(part, []) for part in axes.flat]
    return axes


def _take_away(given: Iterable["Axes"]) -> None:
    """Remove what displays have added to axes, and give the axes their places back."""
    for one in given:
        for added in reversed(vars(one).pop(_ADDED, [])):
            part, places = added
            if not places:  # axes inside this one
                _take_away([part])
                one.set_axis_on()
            there = one.figure.axes
            if getattr(part, "ax", part) in there:
                part.remove()
            for shrunk, cells, position, anchor in places:
                if added in vars(shrunk).get(_ADDED, []):
                    vars(shrunk)[_ADDED].remove(added)
                if shrunk not in there:
                    continue
                if cells is not None:
                    shrunk.set_subplotspec(cells)
                else:
                    shrunk.set_position(position)
                    shrunk.set_in_layout(True)
                shrunk.set_anchor(anchor)
