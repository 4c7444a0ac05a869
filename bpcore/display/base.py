"""What every display uses: its line of words, matplotlib when it is asked for, colours, images."""

import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from bpcore.checks.scaled import Scaled
from bpcore.checks.tables import frame_as_array, is_frame
from bpcore.network import Network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

__all__ = [
    "BLUE",
    "VERMILION",
    "Described",
    "as_picture",
    "counted",
    "diverging",
    "named",
    "network_in_words",
    "network_of",
    "paint_image",
    "plt",
    "require",
    "run_colours",
    "symmetric_limit",
    "targets_of",
    "told_apart",
    "with_members",
]

# Okabe and Ito's palette: told apart with any colour vision, and by lightness in grey.
BLUE, VERMILION = "#0072B2", "#D55E00"
_RUNS = (BLUE, VERMILION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DIVERGING = ("#053a66", BLUE, "#8fc4e3", "#f7f7f7", "#f5bf90", VERMILION, "#7a3300")


class Described(ABC):
    """What displays, films and recorders are: Python shows each in a line of words."""

    @abstractmethod
    def _in_words(self) -> str:
        """What it shows or holds."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self._in_words()}>"


def counted(n: int, thing: str) -> str:
    """A number of things in words: one of them has no s."""
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


def network_in_words(layer_sizes: Sequence[int]) -> str:
    """A network by the sizes of its layers."""
    return f"a {'-'.join(map(str, layer_sizes))} network"


def require(name: str) -> Any:
    """A module of matplotlib.

    Raises
    ------
    ImportError
        If matplotlib is not installed; the message says what to type.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != "matplotlib":
            raise
        raise ImportError(
            "bpcore's displays draw with matplotlib, which is not installed: "
            'pip install "bpcore[demo]"'
        ) from error


def plt() -> Any:
    """matplotlib.pyplot, so that pictures show up where the user's other pictures do."""
    return require("matplotlib.pyplot")


def diverging() -> "Colormap":
    """Blue below zero, near white at zero, orange above; the ends are dark."""
    colours = require("matplotlib.colors")
    cmap: Colormap = colours.LinearSegmentedColormap.from_list("bpcore_blue_orange", _DIVERGING)
    return cmap


def run_colours(n: int) -> list[str]:
    """A colour for each of n lines; the palette begins anew after seven."""
    return [_RUNS[i % len(_RUNS)] for i in range(n)]


def symmetric_limit(*arrays: np.ndarray) -> float:
    """The largest finite absolute value, so that zero is in the middle; 0 for all zeros."""
    most = 0.0
    for array in arrays:
        finite = np.abs(array[np.isfinite(array)])
        most = max(most, float(finite.max()) if finite.size else 0.0)
    return most


# ---------------------------------------------------------------- what is shown


def network_of(model: Any) -> Network:
    """The Network of a model: itself, or an estimator's ``network_``."""
    if isinstance(model, Network):
        return model
    if hasattr(type(model), "network_"):
        return model.network_
    hint = ""
    if hasattr(model, "get_params"):
        hint = "; of a pipeline or a search, give the fitted bpcore estimator inside it"
    raise TypeError(
        "expected a bpcore Network, MLPClassifier or MLPRegressor, got "
        f"{type(model).__name__}{hint}"
    )


def targets_of(estimator: Any, y: Any) -> np.ndarray:
    """The targets Y, (n, n_L), that an estimator of bpcore trains towards for y."""
    network = network_of(estimator)
    if network is estimator:
        raise TypeError("expected a fitted MLPClassifier or MLPRegressor, got a Network")
    encoded: np.ndarray = estimator._encoded(y)
    return encoded


def told_apart(numbers: Sequence[float]) -> list[str]:
    """Numbers in three digits, or in as many as tell different ones apart."""
    for digits in range(3, 18):
        words = [f"{number:.{digits}g}" for number in numbers]
        if len(set(words)) == len(set(numbers)):
            break
    return words


def named(models: Any) -> dict[str, Any]:
    """Several things by name: a dict as it is, a sequence numbered, one thing alone."""
    if isinstance(models, Mapping):
        return {str(name): model for name, model in models.items()}
    if isinstance(models, Sequence):
        return {f"run {i}": model for i, model in enumerate(models, start=1)}
    return {"": models}


def with_members(runs: dict[str, Any]) -> dict[str, Any]:
    """The runs, an ensemble as one for each of its networks."""
    members: dict[str, Any] = {}
    for name, one in runs.items():
        if not hasattr(one, "loss_curves_"):
            members[name] = one
            continue
        pairs = zip(one.loss_curves_, one.validation_scores_, strict=True)
        for k, (costs, scores) in enumerate(pairs, start=1):
            curves = SimpleNamespace(loss_curve_=costs, validation_scores_=scores)
            members[f"{name} member {k}".strip()] = curves
    return members


def as_picture(pixels: Any, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
    """A row of pixels as ``imshow`` takes them.

    (height, width) as they are, since a colormap has limits of its own; colours with `low` as 0
    and `high` as 1.
    """
    picture = np.asarray(pixels).reshape(shape)
    if len(shape) == 2:
        return picture
    # matplotlib 3.9 does not draw colours in float32
    shades = picture.astype(np.float64)
    return np.clip((shades - float(low)) / ((high - low) or 1.0), 0.0, 1.0)


def paint_image(
    axes: "Axes",
    pixels: np.ndarray,
    shape: tuple[int, ...],
    centre: tuple[float, float],
    size: float,
    *,
    vmin: float,
    vmax: float,
    up: bool = False,
    **options: Any,
) -> Any:
    """An image of a given size (its longer side) around a point; y points down, or up."""
    height, width = shape[:2]
    scale = size / max(height, width)
    x, y = centre
    half = -scale * height / 2 if up else scale * height / 2
    extent = (x - scale * width / 2, x + scale * width / 2, y + half, y - half)
    return axes.imshow(
        as_picture(pixels, shape, vmin, vmax), extent=extent, interpolation="nearest", vmin=vmin,
        vmax=vmax, **options,
    )  # fmt: skip


def as_dense(X: Any) -> np.ndarray:
    """X as an array: a sparse matrix written out, bytes divided, a frame's columns of one type."""
    if isinstance(X, Scaled):
        return X.array / X.divisor
    if is_frame(X):
        return frame_as_array(X, "X")
    return np.asarray(X.toarray() if hasattr(X, "toarray") else X)


def spread(values: Iterable[float]) -> tuple[float, float]:
    """(least, most) of finite values, apart even where all are the same."""
    array = np.asarray([v for v in values if math.isfinite(v)])
    if not array.size:
        return 0.0, 1.0
    least, most = float(array.min()), float(array.max())
    return (least, most) if most > least else (least - 0.5, most + 0.5)
