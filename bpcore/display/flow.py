"""How large ∂C/∂z and ∂C/∂w are in each layer, over training: gradients that vanish."""

from typing import TYPE_CHECKING, Any, Self

import numpy as np

from bpcore.display.axes import axes_grid, inches_of
from bpcore.display.base import (
    BLUE,
    VERMILION,
    Described,
    counted,
    network_of,
    plt,
    require,
    targets_of,
)
from bpcore.display.recorders import GradientFlowRecorder
from bpcore.display.scales import short, text_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GradientFlowDisplay"]

_NAMES = {"delta": "∂C/∂z", "weight": "∂C/∂w"}
# of two boxes from their layer's place
_SHIFT = 0.19


class GradientFlowDisplay(Described):
    """The norm and the distribution of ∂C/∂z and ∂C/∂w by layer, over training.

    Above: the norms by epoch, a line a layer. Below: how the single numbers are distributed in
    each layer (box: the middle half; whiskers: 5 % to 95 %; zeros left out and counted beneath),
    at the first and the last epoch recorded.

    Parameters
    ----------
    recorder : GradientFlowRecorder
        With at least one epoch recorded.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of Axes, shape (2, 2)
        Rows: norm, distribution. Columns: ∂C/∂z, ∂C/∂w.
    norm_lines_ : dict of lists of Line2D
        By "delta" and "weight", a line a layer; at a single moment one line over the layers, the
        norms beside it.
    boxes_ : dict of lists of dict
        By "delta" and "weight", what ``Axes.bxp`` returns for the first and the last epoch.
    norms : dict of ndarray (n_epochs, L)
        What the lines show.

    Examples
    --------
    >>> from bpcore import GradientFlowDisplay, GradientFlowRecorder, Network
    >>> X, Y = [[0.0, 1.0], [1.0, 0.0]], [[0.0], [1.0]]
    >>> net = Network((2, 3, 3, 1), random_state=0)
    >>> recorder = GradientFlowRecorder(X, Y, network=net)
    >>> history = net.fit(X, Y, epochs=5, callback=recorder)
    >>> GradientFlowDisplay.from_recorder(recorder).norms["weight"].shape
    (6, 3)
    """

    def __init__(self, recorder: GradientFlowRecorder) -> None:
        if not recorder.epochs:
            raise ValueError(
                "the recorder is empty: give it to fit as callback=, or a network to begin with"
            )
        self.recorder = recorder
        self.norms = {
            name: np.array([[layer.norm for layer in moment] for moment in getattr(recorder, name)])
            for name in _NAMES
        }

    def _in_words(self) -> str:
        n_moments, n_layers = self.norms["weight"].shape
        when = "at one moment" if n_moments == 1 else f"at {n_moments:,} moments"
        return f"∂C/∂z and ∂C/∂w of {counted(n_layers, 'layer')}, {when}"

    @classmethod
    def from_recorder(cls, recorder: GradientFlowRecorder, **plot_options: Any) -> Self:
        """Draw what a recorder has kept.

        Parameters
        ----------
        recorder : GradientFlowRecorder
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        GradientFlowDisplay

        Raises
        ------
        ValueError
            If nothing was recorded.
        """
        return cls(recorder).plot(**plot_options)

    @classmethod
    def from_network(cls, network: Any, X: Any, Y: Any, **plot_options: Any) -> Self:
        """Draw the gradients of a network as it is, at one moment.

        Parameters
        ----------
        network : Network
        X, Y
            Examples and targets, as ``Network.trace`` takes them.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        GradientFlowDisplay
        """
        return cls(GradientFlowRecorder(X, Y, network=network_of(network))).plot(**plot_options)

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, **plot_options: Any) -> Self:
        """Draw the gradients of a fitted estimator, at one moment.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        X, y
            As its ``score`` takes them.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        GradientFlowDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError, TypeError
            If y holds a label that the classifier does not know, or as ``from_network`` says.
        """
        Y = targets_of(estimator, y)
        return cls.from_network(network_of(estimator), X, Y, **plot_options)

    def plot(self, ax: Any = None) -> Self:
        """Draw norms and distributions.

        Parameters
        ----------
        ax : Axes or 2 x 2 array of Axes, default=None
            Where to; one is divided. None: a new figure.

        Returns
        -------
        GradientFlowDisplay
            Itself.
        """
        self.figure_, self.axes_ = axes_grid(ax, 2, 2, (8.0, 6.8))
        self.norm_lines_: dict[str, list[Any]] = {}
        self.boxes_: dict[str, list[Any]] = {}
        for column, name in enumerate(_NAMES):
            self._plot_norms(self.axes_[0, column], name)
            self._plot_boxes(self.axes_[1, column], name)
        for axes, name in zip(self.axes_.flat, (*_NAMES, *_NAMES), strict=True):
            if self.norms[name].any():
                _whole_decades(axes)
            else:
                axes.set_yticks([])
                axes.minorticks_off()
                axes.text(0.5, 0.5, "every number is 0", ha="center", transform=axes.transAxes)
        for column, name in enumerate(_NAMES):
            self._write_numbers(self.axes_[0, column], self.axes_[1, column], name)
        if len(self.recorder.epochs) > 1:
            size = 10 if inches_of(self.axes_[0, 1])[0] > 2.5 else 8
            inside = {"loc": "best", "framealpha": 0.85, "edgecolor": "none", "fontsize": size}
            self.axes_[1, 1].legend(**inside)
            lines = self.norm_lines_["weight"]
            if ax is None:  # beneath the axes, where it hides no line
                self.figure_.legend(
                    handles=lines, loc="outside lower center", ncols=min(6, len(lines)),
                    frameon=False, handlelength=3,
                )  # fmt: skip
            else:
                self.axes_[0, 1].legend(**inside)
        return self

    def _plot_norms(self, axes: "Axes", name: str) -> None:
        epochs = self.recorder.epochs
        norms = np.where(self.norms[name] > 0, self.norms[name], np.nan)
        n_layers = norms.shape[1]
        _title(axes, f"Norm of {_NAMES[name]}")
        axes.set_yscale("log")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        if len(epochs) == 1:
            layers = range(1, n_layers + 1)
            self.norm_lines_[name] = axes.plot(layers, norms[0], "o-", color=BLUE, linewidth=1.8)
            axes.set_xticks(list(layers))
            axes.set(xlabel="layer", xlim=(0.5, n_layers + 0.5))
            return
        colours = plt().get_cmap("viridis")(np.linspace(0, 0.85, n_layers))
        styles = ("-", "--", "-.", ":")
        self.norm_lines_[name] = [
            axes.plot(
                epochs, norms[:, i], styles[i % 4], color=colours[i], label=f"layer {i + 1}",
                marker="o" if len(epochs) <= 30 else None, markersize=3, linewidth=1.8,
            )[0]
            for i in range(n_layers)
        ]  # fmt: skip
        axes.set_xlabel("epoch")
        margin = 0.04 * (epochs[-1] - epochs[0])
        axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)
        locator = require("matplotlib.ticker").MaxNLocator(6, integer=True, min_n_ticks=1)
        axes.xaxis.set_major_locator(locator)

    def _write_numbers(self, upper: "Axes", lower: "Axes", name: str) -> None:
        """Where a layer is 0; norms of one moment; a distribution that is of one number."""
        norms, moments = self.norms[name], getattr(self.recorder, name)
        none = [str(i + 1) for i in np.flatnonzero(~norms.any(axis=0))]
        if none and len(none) < norms.shape[1]:
            words = f"layer{'s' if len(none) > 1 else ''} {', '.join(none)}: every number is 0"
            upper.text(0.02, 0.02, words, fontsize=9, transform=upper.transAxes)
        if len(moments) == 1:
            _write(upper, [(i + 1, norm) for i, norm in enumerate(norms[0]) if norm > 0], 1.0)
        shifts = (0.0,) if len(moments) == 1 else (-_SHIFT, _SHIFT)
        alone = [
            (i + 1 + shift, flow.percentiles[2])
            for end, shift in zip((0, -1), shifts, strict=False)
            for i, flow in enumerate(moments[end])
            if flow.percentiles[0] == flow.percentiles[-1]  # false for nan, of none but zeros
        ]
        _write(lower, alone, 1.0 / len(shifts))

    def _plot_boxes(self, axes: "Axes", name: str) -> None:
        moments = getattr(self.recorder, name)
        epochs = self.recorder.epochs
        ends = [0] if len(epochs) == 1 else [0, -1]
        n_layers = len(moments[0])
        self.boxes_[name] = []
        for end, colour, shift in zip(ends, (BLUE, VERMILION), (-_SHIFT, _SHIFT), strict=False):
            flows = moments[end]
            places = np.arange(1, n_layers + 1) + (shift if len(ends) > 1 else 0.0)
            some = [i for i, flow in enumerate(flows) if np.isfinite(flow.percentiles).all()]
            stats = [
                dict(zip(("whislo", "q1", "med", "q3", "whishi"), flows[i].percentiles,
                         strict=True))
                for i in some
            ]  # fmt: skip
            drawn = axes.bxp(
                stats, positions=places[some], widths=0.32, showfliers=False, patch_artist=True,
                manage_ticks=False, boxprops={"facecolor": colour, "alpha": 0.45},
                medianprops={"color": "black", "linewidth": 1.6},
            )  # fmt: skip
            self.boxes_[name].append(drawn)
            axes.plot([], [], "s", color=colour, alpha=0.6, markersize=8,
                      label=f"epoch {epochs[end]}")  # fmt: skip
        zeros = [flow.zeros for flow in moments[ends[-1]]]
        labels = [str(layer) for layer in range(1, n_layers + 1)]
        axes.set_xlabel("layer")
        if max(zeros) >= 0.005:
            labels = [f"{label}\n{share:.0%}" for label, share in zip(labels, zeros, strict=True)]
            axes.set_xlabel("layer, and the share of it that is 0")
        axes.set_xticks(range(1, n_layers + 1), labels)
        _title(axes, f"Distribution of |{_NAMES[name]}|")
        axes.set_yscale("log")
        axes.set_xlim(0.5, n_layers + 0.5)
        axes.grid(alpha=0.3, axis="y")
        axes.spines[["top", "right"]].set_visible(False)


def _title(axes: "Axes", words: str) -> None:
    """A title that is no wider than its axes, as long as one can read it."""
    fitting = 12.0 * 1.05 * inches_of(axes)[0] / text_width(words, 12.0)
    axes.set_title(words, fontsize=min(12.0, max(7.0, fitting)))


def _write(axes: "Axes", points: list[tuple[float, float]], share: float) -> None:
    """Write the heights of points beside them, where they fit in a share of a layer's width."""
    words = [short(height) for _, height in points]
    low, high = axes.get_xlim()
    inches = 0.95 * share * inches_of(axes)[0] / (high - low)
    size = min([9.0, *(9.0 * inches / text_width(word, 9.0) for word in words)])
    if size < 7:
        return
    for (place, height), word in zip(points, words, strict=True):
        # towards the middle, where there is room
        up = axes.transLimits.transform(axes.transScale.transform((place, height)))[1] < 0.5
        axes.annotate(
            word, (place, height), (0, 6 if up else -6), textcoords="offset points", ha="center",
            va="bottom" if up else "top", fontsize=size,
            bbox={"facecolor": axes.get_facecolor(), "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        )  # fmt: skip


def _whole_decades(axes: "Axes") -> None:
    """At least two powers of ten on the axis, and no labels between them."""
    low, high = axes.get_ylim()
    if low <= 0:  # boxes of the first or last epoch only, and these are all zero
        low, high = 0.1, 10.0
    if np.log10(high / low) < 2:
        low, high = 10 ** np.floor(np.log10(low / 1.3)), 10 ** np.ceil(np.log10(high * 1.3))
        axes.set_ylim(low, high)
    axes.yaxis.set_minor_formatter(require("matplotlib.ticker").NullFormatter())
