"""The picture of a run: its curves, some test images as read, and those misread.

matplotlib is an optional extra, and imported only where something is drawn.
"""

import math
import os
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcore.recogniser.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

__all__ = ["draw"]

# Okabe and Ito's palette: told apart with any colour vision, and by lightness in grey.
_BLUE, _VERMILION = "#0072B2", "#D55E00"
_COLUMNS = 10
_SAMPLE_ROWS, _MISREAD_ROWS = 2, 3
_PLACE_HEIGHT = 1.4


def draw(outcome: Outcome, path: str | os.PathLike[str]) -> None:
    """Write the picture: the curves, some test images as read, and those misread.

    Raises
    ------
    ModuleNotFoundError
        matplotlib is not installed.
    OSError
        The file cannot be written.
    """
    import matplotlib.style
    from matplotlib.figure import Figure

    data = outcome.data
    samples = np.arange(min(len(data.X_test), _SAMPLE_ROWS * _COLUMNS))
    mistakes = outcome.misread[: _MISREAD_ROWS * _COLUMNS]
    rows = [max(1, math.ceil(len(shown) / _COLUMNS)) for shown in (samples, mistakes)]
    with matplotlib.style.context(["default", {"font.size": 10, "axes.titlesize": 10.5}]):
        # Inches: the curves, then a title and rows of images, whose places are 0.8 wide.
        heights = [3.0, *(0.4 + 0.8 * _PLACE_HEIGHT * n for n in rows)]
        figure = Figure(figsize=(8, 0.4 + sum(heights)), dpi=150, layout="constrained")
        figure.suptitle(_picture_title(outcome), fontsize=12, fontweight="bold")
        parts = figure.subfigures(3, 1, height_ratios=heights, squeeze=False)
        curves, sample, misread = parts[:, 0]
        _draw_curves(curves, outcome)
        first = "The test image" if len(samples) == 1 else f"The first {len(samples)} test images"
        _draw_images(sample, outcome, samples, f"{first}: the guess, and its certainty in [0, 1]")
        _draw_images(misread, outcome, mistakes, _misread_title(outcome, len(mistakes)))
        figure.savefig(path, format="png")


def _picture_title(outcome: Outcome) -> str:
    sizes = "-".join(map(str, outcome.network.layer_sizes))
    title = f"{sizes} on {outcome.data.name}: {outcome.accuracy:.2%} of the test images correct"
    return textwrap.fill(title, 75)


def _misread_title(outcome: Outcome, n_shown: int) -> str:
    n_wrong, n_test = len(outcome.misread), len(outcome.guesses)
    if not n_wrong:
        return f"None of the {n_test:,} test images is misread"
    which = "" if n_shown == n_wrong else f"; here the {n_shown} most certain"
    return f"Misread: {n_wrong:,} of {n_test:,} test images{which} (digit read as guess, certainty)"


def _draw_curves(figure: "SubFigure", outcome: Outcome) -> None:
    history = outcome.history
    epochs = np.arange(1, len(history.cost) + 1)
    cost, accuracy = figure.subplots(1, 2)
    marker = "o" if len(epochs) <= 30 else None
    style: dict[str, Any] = {"marker": marker, "markersize": 3, "linewidth": 1.6}
    trained, tested = "training images, during the epoch", "test images, after it"
    cost.plot(epochs, history.cost, color=_BLUE, label=trained, **style)
    cost.plot(epochs, history.validation_cost, "--", color=_VERMILION, label=tested, **style)
    cost.legend(frameon=False, loc="upper right")
    highest = max(*history.cost, *history.validation_cost)
    cost.set(title="Cost", ylim=(0, 1.4 * highest or 1))  # the legend above the curves
    percent = 100 * np.asarray(history.validation_score)
    accuracy.plot(epochs, percent, color=_BLUE, **style)
    best = outcome.best_epoch
    accuracy.plot(best, percent[best - 1], "D", color=_VERMILION, markersize=6)
    accuracy.set(title=f"Test accuracy, % (◆ best: {percent[best - 1]:.2f}, epoch {best})")
    for axes in (cost, accuracy):
        _style_curve(axes, len(epochs))


def _style_curve(axes: "Axes", n_epochs: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, n_epochs + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_images(figure: "SubFigure", outcome: Outcome, rows: np.ndarray, title: str) -> None:
    # All images in one set of axes: a place is one unit wide and _PLACE_HEIGHT high.
    figure.suptitle(title, fontsize=11)
    axes = figure.subplots()
    height, width = outcome.data.image_shape
    scale = 0.88 / max(height, width)
    for place, row in enumerate(rows):
        down, right = divmod(place, _COLUMNS)
        x, top = right + 0.5, _PLACE_HEIGHT * down + 0.4
        axes.imshow(
            outcome.data.X_test[row].reshape(height, width),
            extent=(x - scale * width / 2, x + scale * width / 2, top + scale * height, top),
            cmap="gray_r",
            vmin=0,
            vmax=255,
        )
        true, guess = int(outcome.data.y_test[row]), int(outcome.guesses[row])
        is_right = true == guess
        axes.text(
            x,
            top - 0.04,
            f"{guess if is_right else f'{true} as {guess}'}\n{outcome.certainties[row]:.2f}",
            ha="center",
            va="bottom",
            fontsize=9.5,
            linespacing=1.05,
            color="black" if is_right else _VERMILION,
            fontweight="normal" if is_right else "bold",
        )
    n_rows = max(1, math.ceil(len(rows) / _COLUMNS))
    axes.set(xlim=(0, _COLUMNS), ylim=(_PLACE_HEIGHT * n_rows, 0), aspect="equal")
    axes.set_axis_off()
