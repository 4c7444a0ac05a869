"""The cost surface along two directions of θ, with the path of gradient descent on it."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Self

import numpy as np

from bpcore.checks import as_integer, as_number
from bpcore.display.axes import add_colorbar, axes_grid
from bpcore.display.base import (
    Described,
    counted,
    named,
    network_of,
    require,
    targets_of,
    told_apart,
)
from bpcore.display.recorders import PathRecorder
from bpcore.explain.notation import symbol

__all__ = ["DescentDisplay"]

# bright ones, which stand out from the surface by their black edges
_COLOURS = ("#ff9d45", "#7fdfff", "#ff8fd0", "#d4ff5a", "#ffffff")


class DescentDisplay(Described):
    """C over a plane through θ, and the way that training took, seen from above.

    The plane goes through the path's last point, along two directions: the path's principal
    ones, or any given. Where the path leaves the plane, the surface shows the cost below it, not
    its own. Of several paths, the plane goes through the first one's last point.

    Parameters
    ----------
    first, second : ndarray of shape (n,)
        Coordinates of the grid along the two directions, from the path's last point.
    surface : ndarray of shape (n, n)
        C at each point of the grid: rows along ``second``, columns along ``first``.
    path : ndarray of shape (n_points, 2), or dict of them
        The path's coordinates, its end at (0, 0); several by name, the first one's end there.
    directions : ndarray of shape (2, n_parameters)
        Orthonormal.
    labels : (str, str)
        What the directions are.

    Attributes
    ----------
    figure_ : matplotlib Figure
    ax_ : Axes
    contours_ : QuadContourSet
    path_line_ : Line2D
        Of the first path.
    path_lines_ : list of Line2D
        One a path.
    paths : dict of ndarray (n_points, 2)
        All of them by name; "" is the only one's. ``path`` is the first.
    colorbar_ : matplotlib Colorbar

    References
    ----------
    H. Li, Z. Xu, G. Taylor, C. Studer and T. Goldstein, *Visualizing the loss landscape of
    neural nets*, Advances in Neural Information Processing Systems 31, 2018, section 7.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcore import DescentDisplay, Network, PathRecorder
    >>> X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    >>> net = Network((2, 3, 1), random_state=0)
    >>> recorder = PathRecorder(net)
    >>> history = net.fit(X, y, epochs=20, callback=recorder)
    >>> display = DescentDisplay.from_network(net, X, y, recorder, n_points=11)
    >>> display.surface.shape, display.path.shape
    ((11, 11), (21, 2))
    """

    def __init__(
        self,
        *,
        first: np.ndarray,
        second: np.ndarray,
        surface: np.ndarray,
        path: np.ndarray | Mapping[str, np.ndarray],
        directions: np.ndarray,
        labels: tuple[str, str],
    ) -> None:
        self.first, self.second, self.surface = first, second, surface
        self.paths: dict[str, np.ndarray] = named(path)
        self.path = next(iter(self.paths.values()))
        self.directions, self.labels = directions, labels

    def _in_words(self) -> str:
        if len(self.paths) > 1:
            return f"the cost around {len(self.paths)} paths"
        return f"the cost around a path of {counted(len(self.path), 'point')}"

    @classmethod
    def from_network(
        cls,
        network: Any,
        X: Any,
        Y: Any,
        path: Any,
        *,
        directions: Any = "pca",
        n_points: int = 41,
        margin: float = 0.35,
        sample_weight: Any = None,
        **plot_options: Any,
    ) -> Self:
        """Evaluate the cost around a path, and draw both.

        Parameters
        ----------
        network : Network
            What the path is of; it is not changed.
        X, Y, sample_weight
            As ``Network.cost`` takes them; the cost is computed n_points² times.
        path : PathRecorder, or array-like of shape (n_points, n_parameters), or several
            θ over training, at least two points. Several: a dict, whose keys name the runs, or a
            list.
        directions : "pca", or two of int or of ndarray (n_parameters,); default="pca"
            "pca": the two along which the path spreads most. Two integers: single parameters,
            by their number in θ. Two vectors: made orthonormal.
        n_points : int, default=41
            Points of the grid along each direction.
        margin : float, default=0.35
            How far the grid goes beyond the paths, in their width.
        **plot_options
            As ``plot`` takes them.

        Returns
        -------
        DescentDisplay

        Raises
        ------
        ValueError
            If the path or the directions do not fit the network.
        """
        network = network_of(network)
        paths = _as_paths(path, network.n_parameters)
        # the first path's end comes last: the plane goes through it
        points = np.concatenate(list(paths.values())[::-1])
        basis, labels = _as_directions(directions, points, network.layer_sizes)
        if len(paths) > 1:
            labels = (labels[0].replace("the path", "the paths"),
                      labels[1].replace("the path", "the paths"))  # fmt: skip
        n = as_integer(n_points, "n_points", least=3)
        beyond = as_number(margin, "margin")
        flat = (points - points[-1]) @ basis.T
        first, second = (_ticks(column, flat, n, beyond) for column in flat.T)
        walker = network.astype("float64")
        examples = walker._examples(X, Y, sample_weight)
        surface = np.empty((n, n))
        for i, v in enumerate(second):
            for j, u in enumerate(first):
                walker.parameters[:] = points[-1] + u * basis[0] + v * basis[1]
                surface[i, j] = walker._cost(*examples)
        drawn = {name: (one - points[-1]) @ basis.T for name, one in paths.items()}
        display = cls(first=first, second=second, surface=surface, path=drawn, directions=basis,
                      labels=labels)  # fmt: skip
        return display.plot(**plot_options)

    @classmethod
    def from_estimator(cls, estimator: Any, X: Any, y: Any, path: Any, **options: Any) -> Self:
        """The same for a fitted estimator, whose ``callback`` was a ``PathRecorder``.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        X, y
            As its ``score`` takes them.
        path : PathRecorder, or array-like of shape (n_points, n_parameters), or several
        **options
            As ``from_network`` takes them.

        Returns
        -------
        DescentDisplay

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError, TypeError
            If y holds a label that the classifier does not know, or as ``from_network`` says.
        """
        Y = targets_of(estimator, y)
        return cls.from_network(network_of(estimator), X, Y, path, **options)

    def plot(self, ax: Any = None, *, cmap: Any = "viridis", n_levels: int = 24) -> Self:
        """Draw surface and path.

        Parameters
        ----------
        ax : Axes, default=None
            Where to; None: a new figure.
        cmap : Colormap or str, default="viridis"
        n_levels : int, default=24
            Lines of equal cost, spaced so that each is drawn about equally often.

        Returns
        -------
        DescentDisplay
            Itself.
        """
        self.figure_, grid = axes_grid(ax, 1, 1, (8.0, 6.0))
        self.ax_ = axes = grid[0, 0]
        levels, flat = _levels(self.surface, n_levels)
        norm = require("matplotlib.colors").BoundaryNorm(levels, 256)
        self.contours_ = axes.contourf(
            self.first, self.second, self.surface, levels=levels, cmap=cmap, norm=norm
        )
        axes.contour(self.first, self.second, self.surface, levels=levels, colors="white",
                     linewidths=0.4, alpha=0.5)  # fmt: skip
        self.path_lines_ = [self._plot_path(axes, run) for run in range(len(self.paths))]
        self.path_line_ = self.path_lines_[0]
        axes.legend(loc="best", framealpha=0.85)
        ticks = levels[:: max(1, len(levels) // 8)] if not flat else levels.mean(keepdims=True)
        self.colorbar_ = add_colorbar(
            norm, cmap, [axes], spacing="uniform", ticks=ticks,
            label="cost C, the same everywhere" if flat else "cost C",
        )  # fmt: skip
        self.colorbar_.set_ticklabels(told_apart(ticks.tolist()))
        axes.xaxis.set_major_locator(require("matplotlib.ticker").MaxNLocator(6))
        axes.set(xlabel=self.labels[0], ylabel=self.labels[1])
        return self

    def _plot_path(self, axes: Any, run: int) -> Any:
        """The line of one path, with marks where it begins and ends."""
        name, path = list(self.paths.items())[run]
        outline = require("matplotlib.patheffects").withStroke(linewidth=4.5, foreground="black")
        (line,) = axes.plot(
            path[:, 0], path[:, 1], "-", color=_COLOURS[run % len(_COLOURS)], linewidth=2.2,
            marker="os^vD"[run % 5] if len(path) <= 60 else None, markersize=3.5,
            path_effects=[outline], label=name or None,
        )  # fmt: skip
        for point, shape, words in ((0, "o", "start"), (-1, "*", "end")):
            axes.plot(*path[point], shape, color="white", markeredgecolor="black",
                      markersize=15 if shape == "*" else 9, zorder=4, linestyle="none",
                      label=words if run == len(self.paths) - 1 else None)  # fmt: skip
        return line


def _levels(surface: np.ndarray, n: int) -> tuple[np.ndarray, bool]:
    """(levels at quantiles of the cost, which show flat and steep parts alike; all the same?)."""
    low, high = float(surface.min()), float(surface.max())
    if high - low <= 1e-12 * abs(high):
        apart = 1e-6 * (abs(high) or 1.0)
        return np.array([low - apart, low + apart]), True
    return np.unique(np.quantile(surface, np.linspace(0, 1, n + 1))), False


def _as_paths(path: Any, n_parameters: int) -> dict[str, np.ndarray]:
    """Each path by its name, (n_points, n_parameters) of doubles."""
    several = isinstance(path, Mapping) or (
        isinstance(path, Sequence)
        and len(path) > 0
        and all(isinstance(one, PathRecorder) or np.ndim(one) == 2 for one in path)
    )
    paths = named(path) if several else {"": path}
    if not paths:
        raise ValueError("there is no path to draw: the dict is empty")
    return {
        name: _as_path(one, n_parameters, f"path {name!r}" if name else "path")
        for name, one in paths.items()
    }


def _as_path(path: Any, n_parameters: int, words: str) -> np.ndarray:
    """(n_points, n_parameters) of doubles."""
    points = np.asarray(path.path if isinstance(path, PathRecorder) else path, dtype=np.float64)
    if points.ndim != 2 or points.shape[1:] != (n_parameters,):
        raise ValueError(
            f"the {words} has shape {points.shape}, expected (n_points, {n_parameters}): one θ of "
            "the network a row"
        )
    if len(points) < 2:
        raise ValueError(
            f"the {words} has one point: record at least two, with PathRecorder(network)"
        )
    if not np.isfinite(points).all():
        raise ValueError(f"the {words} holds NaN or infinity")
    return points


def _as_directions(
    directions: Any, points: np.ndarray, layer_sizes: tuple[int, ...]
) -> tuple[np.ndarray, tuple[str, str]]:
    """(two orthonormal rows, their labels)."""
    if isinstance(directions, str):
        if directions != "pca":
            raise ValueError(f'directions must be "pca" or two of them, got {directions!r}')
        return _principal(points)
    if not isinstance(directions, Sequence | np.ndarray) or len(directions) != 2:
        raise ValueError('directions must be "pca", two parameters\' numbers or two vectors')
    n = points.shape[1]
    if all(isinstance(one, int | np.integer) for one in directions):
        i, j = (int(one) for one in directions)
        if not (0 <= i < n and 0 <= j < n) or i == j:
            raise ValueError(f"directions must be two numbers from 0 to {n - 1}, got {(i, j)}")
        basis = np.zeros((2, n))
        basis[0, i] = basis[1, j] = 1.0
        return basis, (_parameter_name(layer_sizes, i), _parameter_name(layer_sizes, j))
    given = [np.asarray(one, dtype=np.float64) for one in directions]
    if any(one.shape != (n,) for one in given):
        shapes = " and ".join(str(one.shape) for one in given)
        raise ValueError(f"a direction has {n} numbers, one a parameter; got shapes {shapes}")
    vectors = np.array(given)
    first = vectors[0] / np.linalg.norm(vectors[0])
    rest = vectors[1] - (vectors[1] @ first) * first
    length = np.linalg.norm(rest)
    if not (np.isfinite(first).all() and length > 1e-9 * np.linalg.norm(vectors[1])):
        raise ValueError("the two directions must be finite, and not multiples of each other")
    return np.array([first, rest / length]), ("first direction", "second direction")


def _parameter_name(layer_sizes: tuple[int, ...], i: int) -> str:
    """What number i of θ is: the change of w_jk or b_j of a layer."""
    for layer, (n_in, n_out) in enumerate(pairwise(layer_sizes), start=1):
        if i < n_out * n_in:
            name = symbol("w", layer, *divmod(i, n_in))
            break
        i -= n_out * n_in
        if i < n_out:
            name = symbol("b", layer, i)
            break
        i -= n_out
    return f"change of ${name.latex}$"


def _principal(points: np.ndarray) -> tuple[np.ndarray, tuple[str, str]]:
    """The two directions along which the path, seen from its end, spreads most."""
    moved = points[:-1] - points[-1]
    _, sizes, axes = np.linalg.svd(moved, full_matrices=False)
    if not sizes[0] > 0:
        raise ValueError("the path never leaves its first point: there is nothing to draw")
    basis = np.zeros((2, points.shape[1]))
    basis[: min(2, len(axes))] = axes[:2]
    if len(axes) < 2 or sizes[1] <= 1e-12 * sizes[0]:
        # a straight path: any direction across it will do
        across = np.zeros(points.shape[1])
        across[np.argmin(np.abs(basis[0]))] = 1.0
        across -= (across @ basis[0]) * basis[0]
        basis[1] = across / np.linalg.norm(across)
    shares = np.zeros(2)
    shares[: min(2, len(sizes))] = (sizes**2 / (sizes**2).sum())[:2]
    label = "principal direction of the path ({:.1%} of it)"
    return basis, tuple(  # type: ignore[return-value]
        f"{which} {label.format(share)}"
        for which, share in zip(("first", "second"), shares, strict=True)
    )


def _ticks(column: np.ndarray, flat: np.ndarray, n: int, margin: float) -> np.ndarray:
    """The grid along one direction: the path's width and a margin on both sides."""
    low, high = float(column.min()), float(column.max())
    width = max(high - low, 0.2 * float(np.ptp(flat, axis=0).max()), 1e-6)
    middle = (low + high) / 2
    return np.linspace(middle - (0.5 + margin) * width, middle + (0.5 + margin) * width, n)
