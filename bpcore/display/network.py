"""A network as circles and lines, coloured by what goes forward or comes back."""

from typing import Any, Self

import numpy as np

from bpcore.checks import as_image_shape_or_none, as_integer, as_texts
from bpcore.display.base import Described, as_dense, network_in_words, network_of, targets_of
from bpcore.display.network_picture import Picture, open_sheet
from bpcore.display.network_values import (
    Content,
    Values,
    check_show,
    values_of,
)

__all__ = ["NetworkDisplay"]


class NetworkDisplay(Described):
    """A network as textbooks draw it: units coloured by activation, connections by weight.

    With targets, what comes back: units by ∂C/∂a, connections by ∂C/∂w, on scales that go with
    the root, so that small ones show: blue where more would lower the cost, orange where less
    would. Weights are coloured by the largest of their layer. The scale of numbers that are all 0
    says so. Values are written into the units where there is room, in a network of one unit a layer
    otherwise beside them, with those of its connections.

    Layers too wide to draw are folded to their first and last units, outputs so that the largest,
    the guess, and the one with the largest target, the truth, are among them; these two keep their
    labels where others are left out. An input that is an image is shown as one, with the strongest
    connections of each unit leaving from their pixels.

    Softmax binds the outputs to each other: with the categorical cross entropy ∂C/∂a is 0 at
    each output that should be 0, although the connections into it have derivatives.

    Parameters
    ----------
    layer_sizes : tuple of int
    values : Values
        What is coloured.
    show : {"weights", "activations", "gradient"}
    image : ndarray of shape (n_0,) or None, default=None
        The input's pixels, where it is shown as an image.
    image_shape : (int, int), (int, int, 3) or None, default=None
    strengths : ndarray of shape (n_1, n_0) or None, default=None
        By which an image's connections are chosen; None: the connections' own values.
    names : list of str or None, default=None
        Of the outputs; None: their numbers.

    Attributes
    ----------
    figure_ : matplotlib Figure
    ax_ : Axes
    units_ : list of PatchCollection or None
        Layers 0 … L; None for an image. Their ``get_array()`` are the values drawn.
    connections_ : list of LineCollection
        Layers 1 … L at index l - 1.
    image_ : AxesImage or None
        Of the input: its pixels, or ∂C/∂a^(0) with ``show="gradient"``. Colours are scaled to
        [0, 1]; those of a derivative so that 0 becomes the grey 0.5.
    shown_ : list of ndarray of int
        The units drawn of each layer.
    pairs_ : list of ndarray (n, 2)
        The connections drawn, as (j, k), at index l - 1.
    colorbars_ : list of Colorbar
        Of the units, where they have values, and of the connections.

    Examples
    --------
    >>> from bpcore import Network, NetworkDisplay
    >>> net = Network((2, 3, 1), random_state=0)
    >>> display = NetworkDisplay.from_network(net, [0.5, 1.0], [1.0])
    >>> display.show, [len(array) for array in display.shown_]
    ('gradient', [2, 3, 1])
    """

    def __init__(
        self,
        layer_sizes: tuple[int, ...],
        values: Values,
        *,
        show: str,
        image: np.ndarray | None = None,
        image_shape: tuple[int, ...] | None = None,
        strengths: np.ndarray | None = None,
        names: list[str] | None = None,
    ) -> None:
        self.layer_sizes, self.values, self.show = layer_sizes, values, show
        self.image, self.image_shape = image, image_shape
        self.strengths, self.names = strengths, names

    def _in_words(self) -> str:
        what = {"weights": "weights", "activations": "activations and weights"}
        shown = what.get(self.show, "∂C/∂a and ∂C/∂w")
        return f"{shown} of {network_in_words(self.layer_sizes)}"

    # ------------------------------------------------------------ making one

    @classmethod
    def from_network(
        cls,
        network: Any,
        x: Any = None,
        y: Any = None,
        *,
        show: str = "auto",
        image_shape: Any = "auto",
        names: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Draw a network.

        Parameters
        ----------
        network : Network
        x : array-like of shape (n_0,) or (n, n_0), optional
            One example, or several whose mean is drawn.
        y : array-like of shape (n_L,) or (n, n_L), optional
            Its targets.
        show : {"auto", "weights", "activations", "gradient"}, default="auto"
            "weights" needs neither x nor y, "activations" x, "gradient" both. "auto": the last
            of these that x and y allow.
        image_shape : "auto", (int, int), (int, int, 3) or None, default="auto"
            Height and width where the input is an image, with a 3 where each pixel is red, green
            and blue; None where it is none. "auto": a square image where the inputs make one and
            are too many to draw as units.
        names : sequence of str, optional
            Of the outputs.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        NetworkDisplay

        Raises
        ------
        ValueError, TypeError
            If what ``show`` needs is missing, or the data do not fit the network.
        """
        network = network_of(network)
        if show == "auto":
            if x is None and y is not None:
                raise ValueError("y was given without x: give both, or neither")
            show = "weights" if x is None else "activations" if y is None else "gradient"
        check_show(show)
        if show == "weights":
            values = Values(None, [np.asarray(w, dtype=np.float64) for w in network.weights], None)
            texts = as_texts(names, network.layer_sizes[-1], "names", "outputs")
            return cls(network.layer_sizes, values, show=show, names=texts).plot(**plot_options)
        if x is None or (show == "gradient" and y is None):
            raise ValueError(f'show="{show}" needs x{" and y" if show == "gradient" else ""}')
        x = as_dense(x)
        # activations do not depend on the targets: any that the loss takes will do
        targets = network.predict(x) if y is None else y
        return cls.from_trace(network.trace(x, targets), show=show, image_shape=image_shape,
                              names=names, **plot_options)  # fmt: skip

    @classmethod
    def from_trace(
        cls,
        trace: Any,
        *,
        show: str = "gradient",
        example: int | None = None,
        image_shape: Any = "auto",
        names: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Draw a trace.

        Parameters
        ----------
        trace : Trace
        show : {"gradient", "activations", "weights"}, default="gradient"
        example : int or None, default=None
            A row of the trace: derivatives are of its own cost C_i. None: activations are means
            over the examples, derivatives those of C, as ``Trace.explain`` shows them.
        image_shape, names
            As in ``from_network``.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        NetworkDisplay
        """
        check_show(show)
        n = len(trace.costs)
        if example is not None:
            example = as_integer(example, "example", least=0)
            if example >= n or trace.shares[example] == 0:
                raise ValueError(
                    f"example must be a row of the trace, 0 to {n - 1}, of a weight above 0, got "
                    f"{example}"
                )
        inputs = np.asarray(trace.a[0], dtype=np.float64)
        inputs = inputs.mean(axis=0) if example is None else inputs[example]
        if show == "weights":
            values = Values(None, [np.asarray(w, dtype=np.float64) for w in trace.w[1:]], None)
        else:
            values = values_of(trace, show, example)
        strengths = None
        if show == "activations":
            strengths = values.connections[0] * inputs
        return cls(
            trace.layer_sizes, values, show=show, image=inputs,
            image_shape=as_image_shape_or_none(image_shape, len(inputs)), strengths=strengths,
            names=as_texts(names, trace.layer_sizes[-1], "names", "outputs"),
        ).plot(**plot_options)  # fmt: skip

    @classmethod
    def from_estimator(
        cls, estimator: Any, x: Any = None, y: Any = None, *, names: Any = None, **options: Any
    ) -> Self:
        """Draw a fitted estimator's network.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        x : array-like of shape (n_features,) or (n, n_features), optional
        y : label or number, or array-like of shape (n,), optional
            As its ``score`` takes them.
        names : sequence of str, optional
            Of the outputs; None: a classifier's classes (a single output is the second's).
        **options
            As ``from_network`` takes them.

        Returns
        -------
        NetworkDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError, TypeError
            If y holds a label that the classifier does not know, or as ``from_network`` says.
        """
        network = network_of(estimator)
        classes = getattr(estimator, "classes_", ())
        if names is None and len(classes) == max(2, network.layer_sizes[-1]):
            # one output is the second class's
            names = classes[-network.layer_sizes[-1] :]
        if x is not None:
            x = np.atleast_2d(as_dense(x))
        if y is not None:
            is_one = np.isscalar(y) or getattr(y, "ndim", 1) == 0
            y = targets_of(estimator, [y] if is_one else y)
        return cls.from_network(network, x, y, names=names, **options)

    # ------------------------------------------------------------ drawing

    def plot(self, ax: Any = None, *, max_units: int = 16, n_pixels: int = 3) -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : Axes, default=None
            Where to; None: a new figure.
        max_units : int, default=16
            Layers of more units are folded to this many.
        n_pixels : int, default=3
            Connections to draw from an image to each unit, the strongest.

        Returns
        -------
        NetworkDisplay
            Itself.
        """
        most = as_integer(max_units, "max_units", least=2)
        shape = self.image_shape
        if self.image is None or self.layer_sizes[0] <= most:
            shape = None
        n = as_integer(n_pixels, "n_pixels", least=0)
        content = Content(
            self.layer_sizes,
            self.values,
            self.show,
            image=self.image,
            strengths=self.strengths,
            names=self.names,
        )
        self.figure_, sheet = open_sheet(content, most, shape, ax)
        picture = Picture(content, sheet, n)
        self.ax_, self.layout_, self.shown_ = sheet.axes, sheet.layout, sheet.layout.shown
        self.units_, self.connections_ = picture.units, picture.connections
        self.image_, self.pairs_ = picture.image, picture.pairs
        self.colorbars_ = picture.bars.bars
        self.picture_ = picture
        return self
