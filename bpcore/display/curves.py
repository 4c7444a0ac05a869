"""Cost and score by epoch, of one fit or of several."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from bpcore.display.axes import axes_grid, axes_of
from bpcore.display.base import (
    Described,
    counted,
    named,
    network_of,
    require,
    run_colours,
    with_members,
)
from bpcore.display.recorders import ScoreRecorder
from bpcore.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TrainingCurveDisplay"]


def _curve(values: Any) -> np.ndarray:
    """A record as an array; empty where there is none."""
    return np.asarray([] if values is None else values, dtype=np.float64).ravel()


def _scores_of(scores: Any, costs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """The training scores of each run, whose costs are given; empty where there are none."""
    if scores is None:
        return [np.empty(0) for _ in costs]
    if not isinstance(scores, Mapping):
        if len(costs) > 1:
            raise ValueError("training_scores of several runs must be a dict, by their names")
        scores = dict.fromkeys(costs, scores)
    unknown = [name for name in scores if name not in costs]
    if unknown:
        raise ValueError(f"training_scores names {unknown[0]!r}, but the runs are {list(costs)}")
    curves = []
    for name, cost in costs.items():
        one = scores.get(name)
        curve = _curve(one.scores if isinstance(one, ScoreRecorder) else one)
        if curve.size not in (0, cost.size):
            raise ValueError(
                f"training_scores holds {curve.size} numbers, but the fit had {cost.size} epochs: "
                "give the recorder of this fit"
            )
        curves.append(curve)
    return curves


class TrainingCurveDisplay(Described):
    """Cost and score by epoch, of training and validation, several runs side by side.

    Make one with ``from_network``, ``from_history`` or ``from_estimator``.

    Parameters
    ----------
    names : list of str
        What the runs are called; "" for the only one.
    costs : list of ndarray
        The training cost of each run, one number an epoch.
    validation_costs, validation_scores : list of ndarray
        The same on validation data; empty arrays where there were none.
    training_scores : list of ndarray or None, default=None
        The score on the training data, likewise.
    cost_name, score_name : str
        Labels of the axes.

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of Axes, shape (1,) or (2,)
        Cost, and score where there is one.
    cost_lines_, validation_cost_lines_, score_lines_, training_score_lines_ : list of Line2D
        One entry for each run; None where the run has no such record.
    best_ : list of (int, float) or None
        Epoch, counted from 1, and value of each run's highest validation score (lowest where that
        is the cost).

    Examples
    --------
    >>> from bpcore import Network, TrainingCurveDisplay
    >>> net = Network((2, 3, 1), random_state=0)
    >>> history = net.fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], epochs=5)
    >>> display = TrainingCurveDisplay.from_history({"sgd": history})
    >>> display.cost_lines_[0].get_ydata().tolist() == history.cost
    True
    """

    def __init__(
        self,
        *,
        names: list[str],
        costs: list[np.ndarray],
        validation_costs: list[np.ndarray],
        validation_scores: list[np.ndarray],
        training_scores: list[np.ndarray] | None = None,
        cost_name: str = "cost",
        score_name: str = "validation score",
    ) -> None:
        self.names = names
        self.costs = costs
        self.validation_costs = validation_costs
        self.validation_scores = validation_scores
        self.training_scores = training_scores or [np.empty(0) for _ in names]
        self.cost_name, self.score_name = cost_name, score_name

    def _in_words(self) -> str:
        scored = any(s.size for s in (*self.validation_scores, *self.training_scores))
        runs = f" of {len(self.names)} runs" if len(self.names) > 1 else ""
        longest = max((cost.size for cost in self.costs), default=0)
        words = f"{self.cost_name}{' and score' if scored else ''}{runs}"
        return f"{words} over {counted(longest, 'epoch')}"

    @classmethod
    def from_history(
        cls,
        history: Any,
        *,
        training_scores: Any = None,
        score_name: str = "validation score",
        **plot_options: Any,
    ) -> Self:
        """Draw the record of a fit.

        Parameters
        ----------
        history : History, or dict or list of them
            A dict's keys name the runs.
        training_scores : ScoreRecorder or sequence of float, or dict of them, optional
            The score on the training data by epoch; of several runs, by their names.
        score_name : str, default="validation score"
            What the score is: "accuracy", "r2".
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        TrainingCurveDisplay
        """
        runs = named(history)
        for run in runs.values():
            if not isinstance(run, History):
                raise TypeError(f"expected a bpcore History, got {type(run).__name__}")
        return cls._of(
            runs,
            ("cost", "validation_cost", "validation_score"),
            training_scores,
            score_name=score_name,
        ).plot(**plot_options)

    @classmethod
    def from_network(
        cls,
        network: Any,
        *,
        training_scores: Any = None,
        score_name: str = "validation score",
        **plot_options: Any,
    ) -> Self:
        """Draw the last fit of a network.

        Parameters
        ----------
        network : Network, or dict or list of them
            Fitted: the record is its ``history_``. A dict's keys name the runs.
        training_scores, score_name
            As in ``from_history``.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        ValueError
            If a network was never fitted.
        """
        runs = named(network)
        for one in runs.values():
            if network_of(one) is not one:
                raise TypeError(
                    f"expected a bpcore Network, got {type(one).__name__}: from_estimator draws it"
                )
            if not hasattr(one, "history_"):
                raise ValueError(f"{one!r} has no history_: fit it first")
        histories = {name: one.history_ for name, one in runs.items()}
        return cls.from_history(
            histories, training_scores=training_scores, score_name=score_name, **plot_options
        )

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        training_scores: Any = None,
        score_name: str | None = None,
        **plot_options: Any,
    ) -> Self:
        """Draw the fit of an estimator.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor, or dict or list of them
            Fitted; scikit-learn's own serve too, and TabularClassifier and TabularRegressor, with a
            curve for each member. A dict's keys name the runs. Scores need
            ``early_stopping=True`` or ``fit(…, validation_data=…)``.
        training_scores
            As in ``from_history``.
        score_name : str or None, default=None
            None: "accuracy" for classifiers, "R²" for regressors.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        TrainingCurveDisplay

        Raises
        ------
        ValueError
            If an estimator has no ``loss_curve_``.
        """
        given = named(estimator)
        runs = with_members(given)
        for one in runs.values():
            if not hasattr(one, "loss_curve_"):
                what = "fit it first"
                if not hasattr(one, "fit") or not hasattr(one, "get_params"):
                    what = "from_network draws a Network, from_history a History"
                elif hasattr(one, "steps") or hasattr(one, "estimator"):
                    what = "give the fitted bpcore estimator inside it"
                raise ValueError(f"{type(one).__name__} has no loss_curve_: {what}")
        if score_name is None:
            classes = [hasattr(one, "classes_") for one in given.values()]
            mixed = any(classes) or any(hasattr(one, "loss_curves_") for one in given.values())
            score_name = "accuracy" if all(classes) else "score" if mixed else "R²"
            score_name = f"validation {score_name}"
        parts = ("loss_curve_", "validation_loss_curve_", "validation_scores_")
        return cls._of(
            runs, parts, training_scores, cost_name="loss", score_name=score_name
        ).plot(**plot_options)  # fmt: skip

    @classmethod
    def _of(
        cls, runs: dict[str, Any], parts: tuple[str, str, str], scores: Any, **labels: str
    ) -> Self:
        """A display of the attributes `parts` of each run."""
        curves = [[_curve(getattr(run, part, None)) for run in runs.values()] for part in parts]
        costs, validation_costs, validation_scores = curves
        if not any(cost.size for cost in costs):
            raise ValueError("there is no epoch to draw: the record is empty")
        return cls(
            names=list(runs),
            costs=costs,
            validation_costs=validation_costs,
            validation_scores=validation_scores,
            training_scores=_scores_of(scores, dict(zip(runs, costs, strict=True))),
            **labels,
        )

    def plot(self, ax: Any = None, *, log_scale: bool = False) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : Axes or sequence of Axes, default=None
            Where to: one for each panel, or one that is divided. None: a new figure.
        log_scale : bool, default=False
            Whether costs are on a logarithmic scale, where any is above 0.

        Returns
        -------
        TrainingCurveDisplay
            Itself.
        """
        scores = [*self.validation_scores, *self.training_scores]
        n_panels = 2 if any(score.size for score in scores) else 1
        if ax is not None and n_panels == 1 and axes_of(ax).size > 1:
            raise ValueError(
                f"ax holds {axes_of(ax).size} axes, but there is no score to draw: give one"
            )
        figure, grid = axes_grid(ax, 1, n_panels, (4.0 * n_panels + 0.5 * (n_panels == 1), 3.4))
        self.figure_, self.axes_ = figure, grid[0]
        colours = run_colours(len(self.names))
        self.cost_lines_ = [
            self._line(self.axes_[0], curve, i, "-") for i, curve in enumerate(self.costs)
        ]
        self.validation_cost_lines_ = [
            self._line(self.axes_[0], curve, i, "--")
            for i, curve in enumerate(self.validation_costs)
        ]
        self.score_lines_: list[Any] = []
        self.training_score_lines_: list[Any] = []
        self.best_: list[tuple[int, float] | None] = []
        self.axes_[0].set(ylabel=self.cost_name)
        if log_scale and any((c > 0).any() for c in (*self.costs, *self.validation_costs)):
            self.axes_[0].set_yscale("log")
        if n_panels == 2:
            self._plot_scores(self.axes_[1], colours)
        longest = max(cost.size for cost in self.costs)
        for axes in self.axes_:
            _style(axes, longest)
        self._legend(ax is None, colours)
        return self

    def _line(self, axes: "Axes", curve: np.ndarray, run: int, style: str) -> Any:
        """One curve over the epochs 1, 2, …; None for an empty one."""
        if not curve.size:
            return None
        colour, marker = _look_of(run, len(self.names))
        if curve.size > 30 and marker == "o":
            marker = ""
        (line,) = axes.plot(
            np.arange(1, curve.size + 1), curve, style, color=colour, marker=marker,
            markersize=3 if marker == "o" else 4.5, markevery=max(1, curve.size // 30),
            markerfacecolor=colour if style == "-" or curve.size > 1 else "white", linewidth=1.6,
        )  # fmt: skip
        return line

    def _plot_scores(self, axes: "Axes", colours: list[str]) -> None:
        for i, (curve, colour) in enumerate(zip(self.validation_scores, colours, strict=True)):
            training = self._line(axes, self.training_scores[i], i, "-")
            self.training_score_lines_.append(training)
            self.score_lines_.append(self._line(axes, curve, i, "--"))
            if not np.isfinite(curve).any():
                self.best_.append(None)
                continue
            is_cost = np.array_equal(curve, self.validation_costs[i], equal_nan=True)
            best = int(np.nanargmin(curve) if is_cost else np.nanargmax(curve))
            self.best_.append((best + 1, float(curve[best])))
            axes.plot(best + 1, curve[best], "D", color=colour, markersize=6,
                      markeredgecolor="white", zorder=3)  # fmt: skip
        name = self.score_name
        if any(self.training_score_lines_):
            name = name.removeprefix("validation ")
        axes.set(ylabel=f"{name} (◆ best)" if any(self.best_) else name)

    def _legend(self, new: bool, colours: list[str]) -> None:
        """The runs by colour; solid and broken lines by what they are."""
        line = require("matplotlib.lines").Line2D
        handles = []
        looks = [_look_of(i, len(self.names)) for i in range(len(self.names))]
        if len(self.names) > 1 or self.names[0]:
            handles = [
                line([], [], color=colour, linewidth=1.6, label=name, markersize=4.5,
                     marker=marker if marker != "o" else "")
                for name, (colour, marker) in zip(self.names, looks, strict=True)
            ]  # fmt: skip
        validation = [*self.validation_costs, *self.validation_scores]
        if any(c.size for c in self.validation_costs) or (
            any(self.training_score_lines_) and any(c.size for c in validation)
        ):
            colour = "0.3" if handles else colours[0]
            # of a single epoch there is no line, only its mark
            mark = "o" if max(cost.size for cost in self.costs) == 1 else ""
            handles += [
                line([], [], color=colour, linestyle=style, label=label, marker=mark,
                     markersize=3, markerfacecolor=colour if style == "-" else "white")
                for style, label in (("-", "training"), ("--", "validation"))
            ]  # fmt: skip
        if len(handles) > 4 and new:  # beneath the axes, where it hides no line
            widest = max(len(str(handle.get_label())) for handle in handles)
            n_columns = min(len(handles), max(1, int(8.0 / (0.09 * widest + 0.6))))
            self.figure_.legend(handles=handles, loc="outside lower center", ncols=n_columns,
                                frameon=False)  # fmt: skip
            width, height = self.figure_.get_size_inches()
            self.figure_.set_size_inches(width, height + 0.22 * -(-len(handles) // n_columns))
        elif handles:
            self.axes_[0].legend(handles=handles, loc="best", framealpha=0.85, edgecolor="none")


def _look_of(run: int, n_runs: int) -> tuple[str, str]:
    """(colour, marker) of a run: markers tell apart those whose colours are the same."""
    colours = run_colours(n_runs)
    first = colours.index(colours[run])
    return colours[run], "os^vDX"[colours[first:run].count(colours[run]) % 6]


def _style(axes: "Axes", n_epochs: int) -> None:
    axes.set_xlabel("epoch")
    axes.set_xlim(0.5, n_epochs + 0.5)
    locator = require("matplotlib.ticker").MaxNLocator(6, integer=True, min_n_ticks=1)
    axes.xaxis.set_major_locator(locator)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
