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
    network_in_words,
    network_of,
    plt,
    require,
    targets_of,
)
from bpcore.display.frames import Frame, Step, formulas_of, frames_of, split, words_of
from bpcore.display.network import NetworkDisplay
from bpcore.display.network_values import Values, values_of

__all__ = ["DescentAnimation"]


class DescentAnimation(Described):
    """A run of gradient descent, drawn step by step.

    Each step goes forward (units take on their activations, layer by layer), backward (units
    ∂C/∂a and connections ∂C/∂w, from the outputs back) and updates the weights; beside it the
    cost. After some steps in detail the others are one picture each.

    Of several examples one is followed, forward and back: example i by the derivatives of its own
    cost C_i. The update is by the mean of all, ∇C, and the cost beside it is the mean C.

    Parameters
    ----------
    steps : list of Step
    learning_rate : float
    detailed : int
        How many steps are shown stage by stage.
    every : int
        Of the later steps, draw one in so many, and the last.
    example : int
        The row that is followed.
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
            The row of X that is followed; the updates are by the mean of all rows.
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
        mean = ", the mean" if len(self.steps[0].trace.costs) > 1 else ""
        axes.set(xlabel="step", title=f"Cost C{mean}")
        axes.xaxis.set_major_locator(
            require("matplotlib.ticker").MaxNLocator(5, integer=True, min_n_ticks=1)
        )
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)

    def _prepare_colours(self) -> None:
        """One scale for the whole film each: activations, weights, ∂C/∂a, ∂C/∂w."""
        scales = self.network_display_.picture_.scales
        forward = [self._values(step, "activations") for step in self.steps]
        backward = [self._values(step, "gradient") for step in self.steps]
        after = self._values(self.steps[-1], "after")
        self._scales = {
            "forward": scales([*forward, after], "activations"),
            "backward": scales(backward, "gradient"),
        }
        self._direction = ""

    def _values(self, step: Step, show: str) -> Values:
        """What is shown of the example; "after": with the weights after the step."""
        if show != "after":
            return values_of(step.trace, show, self.example)
        values = values_of(step.trace, "activations", self.example)
        return values._replace(connections=split(step.theta, step.trace.layer_sizes))

    def draw(self, number: int) -> None:
        """Draw picture `number` of ``frames``.

        Parameters
        ----------
        number : int
        """
        frame = self.frames[number]
        step = self.steps[frame.step]
        last = len(step.trace.layer_sizes) - 1
        self._title.set_text(
            f"step {frame.step + 1} of {len(self.steps)}: "
            f"{words_of(frame, len(step.trace.costs), self.example)}"
        )
        n = len(step.trace.costs)
        is_softmax = step.trace.sigma[-1] == "softmax"
        formulas = formulas_of(frame, last, self.learning_rate, n, self.example, is_softmax)
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
        if direction != self._direction:
            self._direction = direction
            picture.set_scales(*self._scales[direction])
        show = "gradient" if direction == "backward" else "activations"
        values = self._values(step, "after" if frame.stage in ("update", "whole") else show)
        assert values.units is not None
        for layer, units in enumerate(values.units):
            # what is not known yet stays blank
            known = direction == "forward" or layer >= frame.layer
            if frame.stage == "forward":
                known = layer <= frame.layer
            picture.set_units(layer, units if known else None)
        for layer, matrix in enumerate(values.connections, start=1):
            picture.set_connections(layer, matrix)
            if direction == "backward" and layer < frame.layer:
                picture.dim_connections(layer)
        back = self._values(step, "gradient")
        notes = back.notes or []
        picture.label_outputs(notes if reached else [""] * len(notes), back.marked)
        if picture.image is not None:
            at_input = direction == "backward" and frame.layer == 0
            pixels = values.units[0] if at_input else np.asarray(
                step.trace.a[0][self.example], dtype=np.float64
            )  # fmt: skip
            picture.words.name_layers(picture.set_image(pixels, derivative=at_input))

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

    def _repr_html_(self) -> str:
        """The film in its player, as notebooks show it."""
        film = self.animation()
        player: str = film.to_jshtml()
        plt().close(self.figure_)  # or the notebook shows its last picture beneath
        return player

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
