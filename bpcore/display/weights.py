"""The first layer's rows as images, before and after training."""

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from bpcore.checks import as_image_shape
from bpcore.display.axes import add_colorbar, axes_grid, panel_inches
from bpcore.display.base import (
    Described,
    counted,
    diverging,
    network_of,
    paint_image,
    require,
    symmetric_limit,
)
from bpcore.display.scales import middle_of, remark

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["WeightsDisplay"]

_MOST_UNITS = 32
# inches that a number above an image takes
_NUMBER = 0.18


class WeightsDisplay(Described):
    """What each unit of the first hidden layer looks for: its weights as an image.

    Parameters
    ----------
    weights : ndarray of shape (n_units, n_pixels)
        One row of w^(1) a unit.
    image_shape : (int, int) or (int, int, 3)
        Height and width of an image, and its colours; their product is n_pixels.
    before : ndarray of shape (n_units, n_pixels) or None, default=None
        The same rows before training.
    units : ndarray of int or None, default=None
        The numbers of the units, counted from 0; None: 0, 1, …

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of Axes, shape (1,) or (2,)
        After training; or before and after.
    images_, images_before_ : list of AxesImage
        One a unit; empty where there is no before. Colours are scaled to [0, 1], a weight of 0 to
        the grey 0.5.
    colorbar_ : matplotlib Colorbar

    Examples
    --------
    >>> from bpcore import Network, WeightsDisplay
    >>> net = Network((64, 10, 10), random_state=0)
    >>> display = WeightsDisplay.from_network(net)
    >>> len(display.images_), display.image_shape
    (10, (8, 8))
    """

    def __init__(
        self,
        weights: np.ndarray,
        *,
        image_shape: tuple[int, ...],
        before: np.ndarray | None = None,
        units: np.ndarray | None = None,
    ) -> None:
        self.weights, self.before = weights, before
        self.image_shape = image_shape
        self.units = np.arange(len(weights)) if units is None else units

    def _in_words(self) -> str:
        sides = " x ".join(map(str, self.image_shape[:2]))
        when = "" if self.before is None else ", before and after training"
        return f"weights of {counted(len(self.weights), 'unit')} as images of {sides}{when}"

    @classmethod
    def from_network(
        cls,
        network: Any,
        *,
        image_shape: tuple[int, ...] | None = None,
        before: Any = None,
        units: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the first layer of a network.

        Parameters
        ----------
        network : Network
        image_shape : (int, int), (int, int, 3) or None, default=None
            Height and width, with a 3 where each pixel is red, green and blue; None: a square of
            the network's inputs.
        before : Network, ndarray of shape (n_parameters,), or None, default=None
            The network before training, or a copy of its ``parameters`` from then.
        units : sequence of int or None, default=None
            Which units to draw, counted from 0. None: the first 32.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        WeightsDisplay

        Raises
        ------
        ValueError
            If the inputs make no such image, ``before`` is of another network, or a unit does
            not exist.
        """
        network = network_of(network)
        weights = network.weights[0]
        shape = as_image_shape(image_shape, network.layer_sizes[0])
        chosen = cls._chosen(units, len(weights))
        earlier = None if before is None else cls._first_layer(network, before)[chosen]
        display = cls(weights[chosen].copy(), image_shape=shape, before=earlier, units=chosen)
        return display.plot(**plot_options)

    @classmethod
    def from_estimator(cls, estimator: Any, **options: Any) -> Self:
        """Draw the first layer of a fitted MLPClassifier or MLPRegressor.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        **options
            As ``from_network`` takes them.

        Returns
        -------
        WeightsDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError, TypeError
            As ``from_network`` says.
        """
        return cls.from_network(network_of(estimator), **options)

    @staticmethod
    def _chosen(units: Any, n_units: int) -> np.ndarray:
        if units is None:
            return np.arange(min(n_units, _MOST_UNITS))
        chosen = np.atleast_1d(np.asarray(units))
        if chosen.dtype.kind not in "iu" or chosen.ndim != 1 or not chosen.size:
            raise ValueError(f"units must be a sequence of integers, got {units!r}")
        if chosen.min() < 0 or chosen.max() >= n_units:
            raise ValueError(
                f"units must be 0 to {n_units - 1}, the first hidden layer's, got {units!r}"
            )
        return chosen

    @staticmethod
    def _first_layer(network: Any, before: Any) -> np.ndarray:
        """w^(1) of a network or a vector θ."""
        theta = np.asarray(before if isinstance(before, np.ndarray) else
                           network_of(before).parameters)  # fmt: skip
        if theta.shape != (network.n_parameters,):
            raise ValueError(
                f"before has {theta.size} parameters in shape {theta.shape}, but the network has "
                f"{network.n_parameters}: give the same network's from before training"
            )
        n_1, n_0 = network.layer_sizes[1], network.layer_sizes[0]
        return theta[: n_1 * n_0].reshape(n_1, n_0).copy()

    def plot(self, ax: Any = None, *, cmap: Any = None) -> Self:
        """Draw the images.

        Parameters
        ----------
        ax : Axes or sequence of two Axes, default=None
            Where to; None: a new figure.
        cmap : Colormap or str, default=None
            For weights around 0; None: blue below, orange above. Not for colours.

        Returns
        -------
        WeightsDisplay
            Itself.
        """
        n = len(self.weights)
        n_panels = 1 if self.before is None else 2
        n_columns = min(n, max(8 if n_panels == 1 else 2, math.ceil(math.sqrt(n))))
        place = min(8.0 / (n_columns * n_panels), 3.0)
        if ax is not None:
            n_columns, place = _places(n, *panel_inches(ax, 1, n_panels))
        n_rows = math.ceil(n / n_columns)
        self._head = max(0.23, _NUMBER / place)
        height = n_rows * place * (self._head + 0.92)
        figsize = (8.0, min(12.0, 0.85 + 0.3 * (n_panels - 1) + height))
        self.figure_, grid = axes_grid(ax, 1, n_panels, figsize)
        self.axes_ = grid[0]
        parts = [self.weights] if self.before is None else [self.before, self.weights]
        limit, said = symmetric_limit(*parts) or 1.0, remark(parts)
        coloured = len(self.image_shape) == 3
        colours = "gray" if coloured else cmap or diverging()
        options = {"cmap": colours, "vmin": -limit, "vmax": limit}
        drawn = [
            self._plot_rows(axes, rows, n_columns, n_rows, options)
            for axes, rows in zip(self.axes_, parts, strict=True)
        ]
        self.images_before_, self.images_ = drawn if n_panels == 2 else ([], drawn[0])
        if n_panels == 2:
            for axes, title in zip(self.axes_, ("before training", "after training"), strict=True):
                axes.set_title(title)
        self.colorbar_ = add_colorbar(
            require("matplotlib.colors").Normalize(-limit, limit),
            middle_of(colours) if said else colours,
            list(self.axes_), location="bottom", shrink=0.5, aspect=40,
            label=f"weight from {'each colour of ' if coloured else ''}a pixel (w of layer 1)"
            f"{': ' if said else ''}{said}",
        )  # fmt: skip
        if said:
            self.colorbar_.set_ticks([0.0] if said == "all 0" else [])
        return self

    def _plot_rows(
        self, axes: "Axes", rows: np.ndarray, n_columns: int, n_rows: int, options: dict[str, Any]
    ) -> list[Any]:
        """All images in one set of axes: a place is one wide, a number and an image high."""
        images = []
        for place, (unit, row) in enumerate(zip(self.units, rows, strict=True)):
            down, right = divmod(place, n_columns)
            top = (self._head + 0.92) * down + self._head
            centre = (right + 0.5, top + 0.45)
            images.append(paint_image(axes, row, self.image_shape, centre, 0.9, **options))
            axes.text(right + 0.5, top - 0.03, f"{unit}", ha="center", va="bottom",
                      fontsize=9)  # fmt: skip
        axes.set(xlim=(0, n_columns), ylim=((self._head + 0.92) * n_rows, 0), aspect="equal")
        axes.set_axis_off()
        return images


def _places(n: int, width: float, height: float) -> tuple[int, float]:
    """(columns, inches of a place) that show n images largest in axes with a colour bar."""
    found = [
        (min(width / columns, (0.75 * height / math.ceil(n / columns) - _NUMBER) / 0.92), columns)
        for columns in range(1, n + 1)
    ]
    place, columns = max(found)
    return columns, max(place, 0.1)
