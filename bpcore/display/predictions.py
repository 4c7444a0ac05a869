"""Images with what a network makes of them; for regression, predicted against true."""

import math
from textwrap import wrap
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from bpcore.checks import as_image_shape, as_integer, as_labels, as_texts
from bpcore.display.axes import axes_grid, axes_of, panel_inches
from bpcore.display.base import (
    BLUE,
    VERMILION,
    Described,
    as_dense,
    counted,
    network_of,
    paint_image,
    spread,
)
from bpcore.functions import LOSSES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PredictionsDisplay"]

# images in a row at most; an image's longer side, in widths of a place; inches of a line of words
_COLUMNS, _SIDE, _LINE = 10, 0.88, 0.15


class PredictionsDisplay(Described):
    """What a model makes of examples whose answer is known.

    Classes: images with the guess and its certainty (the guessed class's output), the first
    ones and those misread, the most certain mistakes first. Numbers: predicted against true.

    Parameters
    ----------
    kind : {"images", "scatter"}
    true, predicted : ndarray of shape (n,)
        Labels or numbers.
    certainties : ndarray of shape (n,) or None
        Of each guess; None for numbers.
    X : ndarray of shape (n, n_pixels) or None
        The images.
    image_shape : (int, int), (int, int, 3) or None

    Attributes
    ----------
    figure_ : matplotlib Figure
    axes_ : ndarray of Axes
        Images: the first ones, and those misread, if there are any. Numbers: one.
    misread : ndarray of int
        Rows guessed wrong, the most certain first.
    shown_ : list of ndarray of int
        The rows drawn in each of the axes.
    images_ : list of lists of AxesImage
    points_ : PathCollection
        Of numbers: (true, predicted).

    Examples
    --------
    >>> from bpcore import MLPRegressor, PredictionsDisplay
    >>> import numpy as np
    >>> X = np.linspace(-1, 1, 40)[:, None]
    >>> reg = MLPRegressor(hidden_layer_sizes=8, solver="lbfgs", random_state=0)
    >>> reg = reg.fit(X, X[:, 0] ** 2)
    >>> PredictionsDisplay.from_estimator(reg, X, X[:, 0] ** 2).kind
    'scatter'
    """

    def __init__(
        self,
        *,
        kind: str,
        true: np.ndarray,
        predicted: np.ndarray,
        certainties: np.ndarray | None = None,
        X: np.ndarray | None = None,
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        self.kind, self.true, self.predicted = kind, true, predicted
        self.certainties, self.X, self.image_shape = certainties, X, image_shape
        wrong = np.flatnonzero(true != predicted) if kind == "images" else np.arange(0)
        if certainties is not None:
            wrong = wrong[np.argsort(-certainties[wrong], kind="stable")]
        self.misread = wrong

    def _in_words(self) -> str:
        n = len(self.true)
        if self.kind == "scatter":
            return f"{counted(n, 'number')}, predicted against true"
        return f"guesses of {counted(n, 'image')}, {len(self.misread):,} misread"

    # ------------------------------------------------------------ making one

    @classmethod
    def from_network(
        cls,
        network: Any,
        X: Any,
        Y: Any,
        *,
        kind: str = "auto",
        image_shape: tuple[int, ...] | None = None,
        names: Any = None,
        output: int = 0,
        **plot_options: Any,
    ) -> Self:
        """Draw a network's predictions.

        Parameters
        ----------
        network : Network
        X : array-like of shape (n, n_0)
        Y : array-like of shape (n, n_L), or (n,)
            Targets as ``Network.score`` takes them; for a network with one output a class, a
            vector of labels 0, 1, … will do.
        kind : {"auto", "images", "scatter"}, default="auto"
            "auto": images where targets are classes (zeros and ones, several outputs or a cross
            entropy), else a scatter plot.
        image_shape : (int, int), (int, int, 3) or None, default=None
            Height and width, with a 3 where each pixel is red, green and blue; None: a square.
        names : sequence, optional
            Of the classes; None: 0, 1, …
        output : int, default=0
            Which output a scatter plot shows.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        PredictionsDisplay

        Raises
        ------
        ValueError, TypeError
            If the data do not fit the network or make no images.
        """
        network = network_of(network)
        dense = as_dense(X)
        outputs, targets = _fitting(network, dense, as_dense(Y))
        labels = targets.ndim == 1
        if kind == "auto":
            kind = "images" if labels or _are_classes(network, targets) else "scatter"
        if kind == "scatter":
            column, width = as_integer(output, "output", least=0), outputs.shape[1]
            if labels or column >= width:
                raise ValueError(
                    f"a scatter plot needs Y of shape ({len(outputs)}, {width}) and an output "
                    f"from 0 to {width - 1}"
                )
            display = cls(kind=kind, true=targets[:, column], predicted=outputs[:, column])
            return display.plot(**plot_options)
        if kind != "images":
            raise ValueError(f"kind must be auto, images or scatter, got {kind!r}")
        guesses, certainties = _guesses(outputs)
        n_classes = max(2, outputs.shape[1])
        true = as_labels(targets, n_classes) if labels else _guesses(targets)[0]
        if (known := as_texts(names, n_classes, "names", "classes")) is not None:
            true, guesses = np.asarray(known)[true], np.asarray(known)[guesses]
        return cls(
            kind=kind, true=true, predicted=guesses, certainties=certainties, X=dense,
            image_shape=as_image_shape(image_shape, dense.shape[1]),
        ).plot(**plot_options)  # fmt: skip

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        image_shape: tuple[int, ...] | None = None,
        output: int = 0,
        **plot_options: Any,
    ) -> Self:
        """Draw an estimator's predictions: a classifier's images, a regressor's scatter plot.

        Parameters
        ----------
        estimator : classifier with ``predict_proba``, or regressor
            Fitted; any of scikit-learn's convention.
        X : array-like of shape (n, n_features)
        y : array-like of shape (n,), or (n, n_outputs) for a regressor
        image_shape : (int, int), (int, int, 3) or None, default=None
            Height and width, with a 3 where each pixel is red, green and blue; None: a square.
        output : int, default=0
            Which column of y a scatter plot shows.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        PredictionsDisplay

        Raises
        ------
        ValueError
            If the data make no images, or the classifier has several columns of labels.
        """
        true = np.asarray(y)
        predicted = np.asarray(estimator.predict(X))
        if not hasattr(estimator, "classes_"):
            columns = [one.reshape(len(one), -1) for one in (true, predicted)]
            column = as_integer(output, "output", least=0)
            if column >= columns[1].shape[1] or columns[0].shape != columns[1].shape:
                raise ValueError(
                    f"y has shape {true.shape}, the predictions {predicted.shape}; output is "
                    f"{column}"
                )
            return cls(
                kind="scatter", true=columns[0][:, column], predicted=columns[1][:, column]
            ).plot(**plot_options)  # fmt: skip
        if predicted.ndim != 1 or true.shape != predicted.shape:
            raise ValueError(
                f"y has shape {true.shape}, the predictions {predicted.shape}: this display "
                "takes one label a row"
            )
        certainties = np.asarray(estimator.predict_proba(X)).max(axis=1)
        dense = as_dense(X)
        return cls(
            kind="images", true=true, predicted=predicted, certainties=certainties, X=dense,
            image_shape=as_image_shape(image_shape, dense.shape[1]),
        ).plot(**plot_options)  # fmt: skip

    # ------------------------------------------------------------ drawing

    def plot(self, ax: Any = None, *, n_images: int = 20, n_misread: int = 30) -> Self:
        """Draw the predictions.

        Parameters
        ----------
        ax : Axes or sequence of Axes, default=None
            Where to: images take two, or one that is divided; numbers one. None: a new figure.
        n_images, n_misread : int, default=20 and 30
            How many images to draw at most: the first ones, and those misread. Given axes take
            as many as fit.

        Returns
        -------
        PredictionsDisplay
            Itself.
        """
        if self.kind == "scatter":
            self.figure_, grid = axes_grid(ax, 1, 1, (6.0, 6.0))
            self.axes_ = grid[0]
            self._plot_scatter(grid[0, 0])
            return self
        first = as_integer(n_images, "n_images")
        wrong = as_integer(n_misread, "n_misread")
        rows = [np.arange(min(first, len(self.true))), self.misread[:wrong]]
        if not len(rows[1]) and (ax is None or axes_of(ax).size == 1):
            rows.pop()  # nothing is misread; two given axes are both drawn all the same
        room = (8.0, math.inf) if ax is None else panel_inches(ax, len(rows), 1)
        rows = self._set_places(rows, *room)
        unit = 8.0 / self._columns
        heights = [
            0.35 + unit * self._head_and_image[2] * math.ceil(len(r) / self._columns) for r in rows
        ]
        self.figure_, grid = axes_grid(ax, len(rows), 1, (8.0, sum(heights) + 0.2))
        self.axes_ = grid[:, 0]
        if ax is None:
            grid[0, 0].get_gridspec().set_height_ratios(heights)
        self.shown_ = rows
        self.images_: list[list[Any]] = []
        n, n_wrong = len(self.true), len(self.misread)
        titles = [f"The first {len(rows[0])} of {n:,}: the guess, and its certainty in [0, 1]"]
        if len(rows) > 1 and not n_wrong:
            titles.append(f"None of {n:,} is misread")
        elif not n_wrong:
            titles[0] += "; none is misread"
        elif n_wrong == len(rows[1]):
            titles.append(f"The {n_wrong:,} misread: true as guess, certainty")
        else:
            titles.append(
                f"{n_wrong:,} are misread, here the {len(rows[1])} most certain: true as guess, "
                "certainty"
            )
        for axes, chosen, title in zip(self.axes_, rows, titles, strict=True):
            self._plot_images(axes, chosen, "\n".join(wrap(title, int(room[0] / 0.09))))
        return self

    def _set_places(self, rows: list[np.ndarray], inches: float, high: float) -> list[np.ndarray]:
        """How many images fit beside each other, and how high their words, they and both are.

        What does not fit into axes is left out of the rows returned.
        """
        assert self.image_shape is not None
        drawn = np.concatenate(rows)
        pairs = {(str(self.true[row]), str(self.predicted[row])) for row in drawn}
        lines = [line for pair in pairs for line in _guess_in_words(*pair).split("\n")]
        longest = max(map(len, lines), default=1)
        least = 0.085 * longest + 0.12
        self._columns = max(2, min(_COLUMNS, int(inches / least)))
        n_lines = 1 + max((_guess_in_words(*pair).count("\n") + 1 for pair in pairs), default=1)
        height, width = self.image_shape[:2]
        image = _SIDE * height / max(height, width)
        # of a place's width: an image, and room above and under it
        n_rows = max(1, math.ceil(max(map(len, rows)) / self._columns))
        words, unit = n_lines * _LINE, image + 0.16
        n_rows = int(min(n_rows, max(1, high / (least * unit + words))))
        place = max(min(inches / self._columns, (high / n_rows - words) / unit), 0.1)
        # words need their width, whatever an image has to shrink to
        shrink = min(1.0, place / min(least, inches / self._columns))
        head = 0.12 * shrink + words * shrink / place
        self._side = _SIDE * shrink
        self._head_and_image = (head, image * shrink, head + (image + 0.04) * shrink)
        return [one[: n_rows * self._columns] for one in rows]

    def _plot_images(self, axes: "Axes", rows: np.ndarray, title: str) -> None:
        """All images in one set of axes: a place is one wide."""
        assert self.X is not None
        assert self.image_shape is not None
        assert self.certainties is not None
        images = []
        shades: dict[str, Any] = {
            "cmap": "gray_r",
            "vmin": float(self.X.min()),
            "vmax": float(self.X.max()),
        }
        head, image, height = self._head_and_image
        for place, row in enumerate(rows):
            down, right = divmod(place, self._columns)
            x, top = right + 0.5, height * down + head
            images.append(
                paint_image(axes, self.X[row], self.image_shape, (x, top + image / 2),
                            self._side, **shades)
            )  # fmt: skip
            true, guess = str(self.true[row]), str(self.predicted[row])
            right_guess = true == guess
            axes.text(
                x, top - 0.03, f"{_guess_in_words(true, guess)}\n{self.certainties[row]:.2f}",
                ha="center", va="bottom", fontsize=9.5, linespacing=1.05,
                color="black" if right_guess else "#B04A00",
                fontweight="normal" if right_guess else "bold",
            )  # fmt: skip
        n_rows = max(1, math.ceil(len(rows) / self._columns))
        axes.set(xlim=(0, self._columns), ylim=(height * n_rows, 0), aspect="equal")
        axes.set_title(title, fontsize=11)
        axes.set_axis_off()
        self.images_.append(images)

    def _plot_scatter(self, axes: "Axes") -> None:
        n = len(self.true)
        self.points_ = axes.scatter(
            self.true, self.predicted, s=20 if n < 500 else 8, color=BLUE,
            alpha=0.6 if n < 500 else 0.3, linewidths=0,
        )  # fmt: skip
        low, high = spread([*map(float, self.true), *map(float, self.predicted)])
        edge = 0.04 * (high - low)
        limits = (low - edge, high + edge)
        axes.plot(limits, limits, "--", color=VERMILION, linewidth=1.5, label="predicted = true")
        residual = np.asarray(self.predicted, np.float64) - np.asarray(self.true, np.float64)
        total = float(((self.true - np.mean(self.true)) ** 2).sum())
        words = f"root mean square error {math.sqrt(float((residual**2).mean())):.3g}"
        if total > 0:
            words = f"R² {1 - float((residual**2).sum()) / total:.3f}, {words}"
        axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel="true", ylabel="predicted")
        axes.set_title(words, fontsize=11)
        axes.legend(frameon=False, loc="upper left")
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        self.shown_ = [np.arange(n)]


def _guess_in_words(true: str, guess: str) -> str:
    """The guess; a wrong one after what is true, on two lines where the names are long."""
    if true == guess:
        return guess
    return f"{true} as {guess}" if len(true + guess) <= 5 else f"{true} as\n{guess}"


def _fitting(network: Any, X: np.ndarray, Y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(outputs (n, n_L), targets (n, n_L), or (n,) labels of n_L > 1 classes)."""
    outputs = network.predict(X)
    if outputs.ndim != 2:
        raise ValueError("X must have two dimensions, (examples, features)")
    n, width = outputs.shape
    if Y.ndim == 1 and width == 1:
        Y = Y.reshape(-1, 1)
    if Y.shape not in ((n, width), (n,)):
        raise ValueError(f"Y has shape {Y.shape}, expected ({n}, {width}) or ({n},)")
    return outputs, Y


def _are_classes(network: Any, targets: np.ndarray) -> bool:
    """Whether targets are zeros and ones of a classifier."""
    many = targets.shape[1] > 1 or LOSSES[network._loss_name or "quadratic"].metric == "accuracy"
    return many and bool(((targets == 0) | (targets == 1)).all())


def _guesses(outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(class, its output) of each row; one output a stands for class 1, 1 - a for class 0."""
    if outputs.shape[1] == 1:
        outputs = np.concatenate([1 - outputs, outputs], axis=1)
    guesses = outputs.argmax(axis=1)
    return guesses, outputs[np.arange(len(outputs)), guesses]
