"""Activations and σ'(z) by layer: where units are saturated, and derivatives end."""

import textwrap
from typing import Any, Self

import numpy as np

from bpcore.display.axes import axes_grid
from bpcore.display.base import BLUE, VERMILION, Described, counted, network_of
from bpcore.network.saturation import Saturation

__all__ = ["SaturationDisplay"]

_BINS = 30


class SaturationDisplay(Described):
    """How a and σ'(z) of each layer are distributed, over the units and some examples.

    Above a, below σ'(z), a column a layer. A layer whose σ' piles up at 0 lets no derivative
    through; the share of its units that are stuck (mean |σ'(z)| below 0.01) stands above it.

    Parameters
    ----------
    saturation : Saturation
        As ``Network.saturation`` gives it.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of Axes, shape (2, L)
        Rows: a, σ'(z).
    counts_ : list of ndarray
        Of the histograms of σ'(z), by layer; empty for softmax.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcore import Network, SaturationDisplay
    >>> X = np.random.default_rng(0).integers(0, 256, (40, 64))
    >>> display = SaturationDisplay.from_network(Network((64, 8, 3), random_state=0), X)
    >>> display.saturation.stuck
    (1.0, 0.0)
    """

    def __init__(self, saturation: Saturation) -> None:
        self.saturation = saturation

    def _in_words(self) -> str:
        layers = counted(len(self.saturation.stuck), "layer")
        return f"a and σ'(z) of {layers}, {counted(len(self.saturation.a[0]), 'example')}"

    @classmethod
    def from_network(cls, network: Any, X: Any, **plot_options: Any) -> Self:
        """Draw the saturation of a network.

        Parameters
        ----------
        network : Network
        X : array-like or sparse matrix of shape (n, n_0)
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        SaturationDisplay
        """
        return cls(network_of(network).saturation(X)).plot(**plot_options)

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, **plot_options: Any) -> Self:
        """The same of a fitted estimator's network.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        X : array-like or sparse matrix of shape (n, n_features)
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        SaturationDisplay
        """
        return cls.from_network(network_of(estimator), X, **plot_options)

    def plot(self, ax: Any = None) -> Self:
        """Draw the histograms.

        Parameters
        ----------
        ax : Axes or 2 x L array of Axes, default=None
            Where to; one is divided. None: a new figure.

        Returns
        -------
        SaturationDisplay
            Itself.
        """
        told = self.saturation
        n = len(told.stuck)
        width = min(8.0, 2.6 * n + 1.0)
        self.figure_, self.axes_ = axes_grid(ax, 2, n, (width, 5.2))
        self.counts_: list[np.ndarray] = []
        for i, (a, slope) in enumerate(zip(told.a, told.da_dz, strict=True)):
            upper, lower = self.axes_[:, i]
            upper.hist(a.ravel(), bins=_BINS, color=BLUE)
            title = f"layer {i + 1}: {told.functions[i]}"
            if slope is None:
                lower.set_axis_off()
                self.counts_.append(np.empty(0))
            else:
                is_stuck = told.stuck[i] >= 0.5
                counts, _, _ = lower.hist(
                    slope.ravel(), bins=_BINS, color=VERMILION if is_stuck else BLUE,
                    range=(min(0.0, float(slope.min())), float(slope.max()) or 1.0),
                )  # fmt: skip
                self.counts_.append(counts)
                title += f"\nstuck: {told.stuck[i]:.0%}"
                lower.set_xlabel("σ'(z)")
            upper.set_title(title, fontsize=10)
            upper.set_xlabel("a")
            for axes in (upper, lower):
                axes.spines[["top", "right"]].set_visible(False)
                axes.set_yticks([])
                axes.locator_params(axis="x", nbins=3)
        words = told.in_words()
        if words and ax is None:
            lines = textwrap.fill(words, round(13 * width))
            self.figure_.supxlabel(lines, fontsize=9)
        return self
