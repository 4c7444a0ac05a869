"""Gradient descent as a film: forward, backward, update, step by step."""

import os
from pathlib import Path
from typing import Any, Self

import numpy as np

from bpcore.checks import as_integer, as_number
from bpcore.display.base import (
    BLUE,
    VERMILION,
    Described,
    as_dense,
    counted,
    diverging,
    network_in_words,
    network_of,
    plt,
    require,
    symmetric_limit,
    targets_of,
)
from bpcore.display.frames import Frame, Step, formulas_of, frames_of, split, words_of
from bpcore.display.network import NetworkDisplay
from bpcore.display.network_picture import label_bar, plain_norm, root_norm, weight_label
from bpcore.display.network_values import values_of

__all__ = ["DescentAnimation"]


class DescentAnimation(Described):
    """A run of gradient descent, drawn step by step.

    Each step goes forward (units take on their activations, layer by layer), backward (units
    ∂C/∂a and connections ∂C/∂w, from the outputs back) and updates the weights; beside it the
    cost. After some steps in detail the others are one picture each.

    Parameters
    ----------
    steps : list of Step
    learning_rate : float
    detailed : int
        How many steps are shown stage by stage.
    every : int
        Of the later steps, draw one in so many, and the last.
    example : int
        The row whose units are drawn.
    image_shape : "auto", (int, int) or None
    names : list of str or None

    Attributes
    ----------
    figure_ : matplotlib Figure
    network_display_ : NetworkDisplay
    cost_line_ : Line2D
    frames : list of Frame
        (step, stage, layer) of each picture.

    Examples
    --------
    >>> from bpcore import DescentAnimation, Network
    >>> net = Network((2, 3, 1), random_state=0)
    >>> film = DescentAnimation.from_network(net, [0.0, 1.0], [1.0], n_steps=3, detailed=1)
    >>> len(film.steps), len(film.frames)
    (3, 8)
    >>> bool(film.steps[-1].cost < film.steps[0].cost)
    True
    """

    def __init__(
        self,
        steps: list[Step],
        *,
        learning_rate: float,
        detailed: int = 2,
        every: int = 1,
        example: int = 0,
        image_shape: Any = "auto",
        names: Any = None,
    ) -> None:
        self.steps, self.learning_rate, self.example = steps, learning_rate, example
        self.image_shape, self.names = image_shape, names
        n_layers = len(steps[0].trace.layer_sizes) - 1
        self.frames = list(frames_of(len(steps), n_layers, detailed, every))

    def _in_words(self) -> str:
        sizes = self.steps[0].trace.layer_sizes
        steps, pictures = counted(len(self.steps), "step"), counted(len(self.frames), "picture")
        return f"{steps} of gradient descent of {network_in_words(sizes)}, {pictures}"

    @classmethod
    def from_network(
        cls,
        network: Any,
        X: Any,
        Y: Any,
        *,
        n_steps: int = 20,
        learning_rate: float = 1.0,
        detailed: int = 2,
        every: int = 1,
        example: int = 0,
        image_shape: Any = "auto",
        names: Any = None,
    ) -> Self:
        """Run gradient descent on a copy of a network, and keep what it goes through.

        Parameters
        ----------
        network : Network
            Where to begin; it is not changed.
        X, Y
            Examples and targets, as ``Network.trace`` takes them; every step uses all.
        n_steps : int, default=20
        learning_rate : float, default=1.0
            η.
        detailed : int, default=2
            How many steps to show stage by stage.
        every : int, default=1
            Of the later steps, draw one in so many, and the last.
        example : int, default=0
            The row of X whose units are drawn; connections show ∂C/∂w of the mean cost.
        image_shape, names
            As in ``NetworkDisplay.from_network``.

        Returns
        -------
        DescentAnimation

        Raises
        ------
        ValueError, TypeError
            If the data do not fit the network, or a number is out of range.
        """
        walker = network_of(network).astype("float64")
        eta = as_number(learning_rate, "learning_rate")
        X, Y = as_dense(X), as_dense(Y)
        steps = []
        for _ in range(as_integer(n_steps, "n_steps")):
            trace = walker.trace(X, Y)
            walker.step(X, Y, eta)
            steps.append(Step(trace, float(trace.cost), walker.parameters.copy()))
        row = as_integer(example, "example", least=0)
        if row >= len(steps[0].trace.costs):
            raise ValueError(
                f"example must be 0 to {len(steps[0].trace.costs) - 1}, a row of X, got {row}"
            )
        return cls(
            steps, learning_rate=eta, detailed=as_integer(detailed, "detailed", least=0),
            every=as_integer(every, "every"), example=row, image_shape=image_shape,
            names=names,
        )  # fmt: skip

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, **options: Any) -> Self:
        """The same from a fitted estimator's network on.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        X, y
            As its ``score`` takes them.
        **options
            As ``from_network`` takes them.

        Returns
        -------
        DescentAnimation

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError, TypeError
            If y holds a label that the classifier does not know, or as ``from_network`` says.
        """
        return cls.from_network(network_of(estimator), X, targets_of(estimator, y), **options)

    # ------------------------------------------------------------ drawing

    def plot(self) -> Self:
        """Set up the figure and draw the first picture.

        Returns
        -------
        DescentAnimation
            Itself.
        """
        # no constrained layout: it would move the parts from picture to picture
        self.figure_ = plt().figure(figsize=(8.0, 5.0))
        left = self.figure_.add_axes((0.0, 0.0, 0.68, 0.8))
        right = self.figure_.add_axes((0.755, 0.2, 0.225, 0.53))
        self.network_display_ = NetworkDisplay.from_trace(
            self.steps[0].trace, show="gradient", example=self.example,
            image_shape=self.image_shape, names=self.names, ax=left, max_units=12,
        )  # fmt: skip
        self._title = self.figure_.text(
            0.5, 0.975, "", ha="center", va="top", fontsize=13, fontweight="bold"
        )
        self._formulas = [
            self.figure_.text(0.5, y, "", ha="center", va="center", fontsize=12)
            for y in (0.885, 0.825)
        ]
        self._prepare_cost(right)
        self._prepare_colours()
        self.draw(0)
        return self

    def _prepare_cost(self, axes: Any) -> None:
        costs = [step.cost for step in self.steps]
        (self.cost_line_,) = axes.plot([], [], "o-", color=BLUE, markersize=3, linewidth=1.6)
        (self._now,) = axes.plot([], [], "D", color=VERMILION, markersize=7)
        edge = 0.04 * len(costs) + 0.3
        axes.set(xlim=(-edge, len(costs) - 1 + edge), ylim=(0, 1.08 * max(costs) or 1.0))
        axes.set(xlabel="step", title="Cost C")
        axes.xaxis.set_major_locator(
            require("matplotlib.ticker").MaxNLocator(5, integer=True, min_n_ticks=1)
        )
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)

    def _prepare_colours(self) -> None:
        """One scale for the whole film each: activations, weights, ∂C/∂a, ∂C/∂w."""
        display = self.network_display_
        dC_da, dC_dw, activations = [], [], []
        largest = np.zeros(len(display.pairs_))
        for step in self.steps:
            back, forth = self._values(step, "gradient"), self._values(step, "activations")
            dC_da += [v[s] for v, s in zip(back.units, display.shown_, strict=True)]
            dC_dw += [self._drawn(m, i) for i, m in enumerate(back.connections)]
            activations += [v[s] for v, s in zip(forth.units, display.shown_, strict=True)]
            largest = np.maximum(largest, [symmetric_limit(m) for m in forth.connections])
        every = np.concatenate(activations)
        self._unit_scales = {
            "forward": plain_norm(min(0.0, float(every.min())), max(1.0, float(every.max()))),
            "backward": root_norm(symmetric_limit(*dC_da)),
        }
        shared = root_norm(symmetric_limit(*dC_dw))
        self._line_scales = {
            "forward": [plain_norm(-limit, limit) for limit in largest.tolist()],
            "backward": [shared] * len(largest),
        }
        self._bar_words = {
            "forward": (
                "activation a",
                weight_label(largest.tolist()) if len(largest) < 3 else weight_label([]),
            ),
            "backward": ("∂C/∂a of a unit", "∂C/∂w of a weight"),
        }
        self._direction = ""

    def _values(self, step: Step, show: str) -> Any:
        """Units of the example; connections of all examples together."""
        own = values_of(step.trace, show, self.example)
        if show == "activations" or len(step.trace.costs) == 1:
            return own
        return own._replace(connections=[np.asarray(d) for d in step.trace.dC_dw[1:]])

    def _drawn(self, matrix: np.ndarray, i: int) -> np.ndarray:
        pairs = self.network_display_.pairs_[i]
        drawn: np.ndarray = np.asarray(matrix, dtype=np.float64)[pairs[:, 0], pairs[:, 1]]
        return drawn

    def draw(self, number: int) -> None:
        """Draw picture `number` of ``frames``.

        Parameters
        ----------
        number : int
        """
        frame = self.frames[number]
        step = self.steps[frame.step]
        last = len(step.trace.layer_sizes) - 1
        self._title.set_text(f"step {frame.step + 1} of {len(self.steps)}: {words_of(frame)}")
        formulas = formulas_of(frame, last, self.learning_rate)
        for text, formula in zip(self._formulas, formulas, strict=True):
            text.set_text(formula)
        reached = frame.stage != "forward" or frame.layer == last
        costs = [one.cost for one in self.steps[: frame.step + reached]]
        self.cost_line_.set_data(range(len(costs)), costs)
        self._now.set_data([len(costs) - 1] if costs else [], costs[-1:])
        self._colour(frame, step, reached)

    def _colour(self, frame: Frame, step: Step, reached: bool) -> None:
        picture = self.network_display_.picture_
        direction = "backward" if frame.stage == "backward" else "forward"
        values = self._values(step, "gradient" if direction == "backward" else "activations")
        self._turn(direction)
        self._colour_units(frame, values.units)
        self._colour_connections(frame, step, values.connections)
        notes = None
        if reached:
            notes = self._values(step, "gradient").notes
        outputs = picture.output_texts(notes if notes else ["" for _ in step.trace.targets[0]])
        for label, words in zip(picture.output_labels, outputs, strict=True):
            label.set_text(words.rstrip(": "))
        if picture.image is not None:
            at_input = direction == "backward" and frame.layer == 0
            pixels = values.units[0] if at_input else np.asarray(
                step.trace.activations[0][self.example], dtype=np.float64
            )  # fmt: skip
            note = picture.set_image(pixels, derivative=at_input)
            picture.layer_texts[0].set_text(f"layer 0\n{note}")

    def _turn(self, direction: str) -> None:
        """Put the scales of one direction in place."""
        if direction == self._direction:
            return
        self._direction = direction
        picture = self.network_display_.picture_
        cmap = plt().get_cmap("viridis") if direction == "forward" else diverging()
        for circles in picture.units:
            if circles is not None:
                circles.set(norm=self._unit_scales[direction], cmap=cmap)
        for lines, norm in zip(picture.connections, self._line_scales[direction], strict=True):
            lines.set_norm(norm)
        scales = (
            (self._unit_scales[direction], cmap),
            (self._line_scales[direction][-1], diverging()),
        )
        mappable = require("matplotlib.cm").ScalarMappable
        words = self._bar_words[direction]
        for bar, scale, label in zip(picture.colorbars, scales, words, strict=True):
            bar.update_normal(mappable(*scale))
            label_bar(bar, label, few=True)

    def _colour_units(self, frame: Frame, values: list[np.ndarray]) -> None:
        """The units that are known by now; the others stay blank."""
        display = self.network_display_
        for layer, circles in enumerate(display.units_):
            if circles is None:
                continue
            known = layer <= frame.layer if frame.stage == "forward" else True
            if frame.stage == "backward":
                known = layer >= frame.layer
            circles.set_edgecolor("0.25" if known else "0.7")
            circles.set_array(values[layer][display.shown_[layer]] if known else None)
            if not known:
                circles.set_facecolor("0.97")

    def _colour_connections(self, frame: Frame, step: Step, values: list[np.ndarray]) -> None:
        if frame.stage in ("update", "whole"):
            values = split(step.theta, step.trace.layer_sizes)
        picture = self.network_display_.picture_
        for i, lines in enumerate(picture.connections):
            picture.set_connections(i + 1, self._drawn(values[i], i))
            if frame.stage == "backward" and i + 1 < frame.layer:
                lines.set_alpha(np.full(len(lines.get_array()), 0.05))

    # ------------------------------------------------------------ the film

    def animation(self, *, interval: int = 450) -> Any:
        """The film as matplotlib knows it, for ``to_jshtml`` or ``to_html5_video`` in notebooks.

        Parameters
        ----------
        interval : int, default=450
            Milliseconds from picture to picture.

        Returns
        -------
        matplotlib FuncAnimation
        """
        if not hasattr(self, "figure_"):
            self.plot()
        module = require("matplotlib.animation")
        return module.FuncAnimation(
            self.figure_, self.draw, frames=len(self.frames), interval=interval, blit=False,
            init_func=lambda: None,
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str], *, fps: float = 2.2, dpi: int = 100) -> None:
        """Write the film to a file.

        Parameters
        ----------
        path : str or path-like
            Ends in ".gif" (written by Pillow, which comes with matplotlib) or ".mp4" (needs
            ffmpeg on the PATH).
        fps : float, default=2.2
            Pictures a second.
        dpi : int, default=100
            Resolution; the figure is 8 inches wide.

        Raises
        ------
        ValueError
            If the path ends otherwise.
        RuntimeError
            If ffmpeg is not there for an MP4.
        """
        module = require("matplotlib.animation")
        ending = Path(path).suffix.lower()
        if ending not in (".gif", ".mp4"):
            raise ValueError(f"the path must end in .gif or .mp4, got {os.fspath(path)!r}")
        if ending == ".mp4" and not module.FFMpegWriter.isAvailable():
            raise RuntimeError(
                "MP4 files are written by ffmpeg, which is not on the PATH: install it, or give "
                "a path that ends in .gif"
            )
        writer = (module.PillowWriter if ending == ".gif" else module.FFMpegWriter)(fps=fps)
        if not hasattr(self, "figure_"):
            self.plot()
        with writer.saving(self.figure_, os.fspath(path), dpi):
            for number in range(len(self.frames)):
                self.draw(number)
                writer.grab_frame()
