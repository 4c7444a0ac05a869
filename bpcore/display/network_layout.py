"""Where the units and connections of a network are drawn, and which of them."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

__all__ = ["RADIUS", "Layout", "fold"]

RADIUS = 0.37
# room between the two halves of a folded layer, in units
_GAP = 2.0
# the least distance of two layers
_LAYERS = 2.2


def fold(n: int, most: int, keep: tuple[int, ...] = ()) -> np.ndarray:
    """The units of a layer to draw: all, or the first and last `most` // 2.

    Each unit in `keep` that is not among these takes the place of the one nearest to it.
    """
    if n <= most:
        return np.arange(n)
    half = max(1, most // 2)
    shown = np.concatenate([np.arange(half), np.arange(n - half, n)])
    for unit in keep:
        if unit not in shown:
            free = np.flatnonzero(~np.isin(shown, keep))
            shown[free[np.argmin(np.abs(shown[free] - unit))]] = unit
            shown.sort()
    return shown


@dataclass(frozen=True)
class Layout:
    """Places in units of the distance between two units; y points up.

    Attributes
    ----------
    shown : list of ndarray of int
        The units drawn of each layer, 0 … L; none of an input that is an image.
    places : list of ndarray (n_shown, 2)
    dots : list of ndarray (3, 2)
        Of the folded layers.
    height, width, gap : float
        Of the drawing, and from layer to layer.
    image : (x, y, size) or None
        Centre and longer side of the input's image.
    image_shape : (int, int), (int, int, 3) or None
    """

    shown: list[np.ndarray]
    places: list[np.ndarray]
    dots: list[np.ndarray]
    height: float
    width: float
    gap: float
    image: tuple[float, float, float] | None
    image_shape: tuple[int, ...] | None

    @classmethod
    def of(
        cls,
        layer_sizes: tuple[int, ...],
        most: int,
        image_shape: tuple[int, ...] | None,
        *,
        keep: tuple[int, ...] = (),
        aspect: float = 1.0,
    ) -> "Layout":
        """The layout of a network's layers, from left to right.

        `keep` are outputs that are drawn in any case, `aspect` is width over height.
        """
        shown = [fold(n, most) for n in layer_sizes[:-1]]
        shown.append(fold(layer_sizes[-1], most, keep))
        if image_shape is not None:
            shown[0] = np.arange(0)
        drawn = shown if image_shape is None else shown[1:]
        sizes = layer_sizes if image_shape is None else layer_sizes[1:]
        slots = [len(s) + (_GAP - 1) * (len(s) < n) for s, n in zip(drawn, sizes, strict=True)]
        # few units stand further apart
        steps = [min(1.8, max(1.0, 0.8 * max(slots) / s)) for s in slots]
        height = max([3.0, *(s * step for s, step in zip(slots, steps, strict=True))])
        width = aspect * max(height, 5.0)
        left = 0.0
        image = None
        if image_shape is not None:
            size = 0.5 * height
            image, left = (size / 2, 0.0, size), size
        n_gaps = len(drawn) - (image_shape is None)
        gap = max((width - left) / n_gaps, _LAYERS)
        width = left + gap * n_gaps
        first = left + (gap if image_shape is not None else 0.0)
        places, dots = [], []
        for i, (units, n, step) in enumerate(zip(drawn, sizes, steps, strict=True)):
            column, middle = _column(len(units), n, step)
            x = first + i * gap
            places.append(np.column_stack([np.full(len(units), x), column]))
            if middle is not None:
                dots.append(np.array([[x, middle + d] for d in (0.3, 0.0, -0.3)]))
        if image_shape is not None:
            places.insert(0, np.empty((0, 2)))
        return cls(shown, places, dots, height, width, gap, image, image_shape)

    @property
    def chain(self) -> bool:
        """Whether every layer is of one unit."""
        return all(len(places) == 1 for places in self.places)

    def pixel_places(self, inputs: np.ndarray) -> np.ndarray:
        """(n, 2): the centres of the pixels that inputs are (a colour) of."""
        assert self.image is not None
        assert self.image_shape is not None
        x, y, size = self.image
        height, width, *colours = self.image_shape
        scale = size / max(height, width)
        row, column = np.divmod(inputs // (colours[0] if colours else 1), width)
        return np.column_stack(
            [x + (column + 0.5 - width / 2) * scale, y - (row + 0.5 - height / 2) * scale]
        )

    def pairs(self, strengths: np.ndarray, n_pixels: int) -> list[np.ndarray]:
        """The connections drawn, (n, 2) of (j, k) for each layer 1 … L.

        Between units that are drawn all of them; from an image, to each unit j the `n_pixels`
        with the largest strengths[j].
        """
        drawn = []
        for layer, (before, after) in enumerate(pairwise(self.shown), start=1):
            if layer == 1 and self.image is not None:
                strongest = np.argsort(-np.abs(strengths[after]), axis=1, kind="stable")
                strongest = strongest[:, :n_pixels]
                drawn.append(
                    np.column_stack([np.repeat(after, strongest.shape[1]), strongest.ravel()])
                )
            else:
                j, k = np.meshgrid(after, before, indexing="ij")
                drawn.append(np.column_stack([j.ravel(), k.ravel()]))
        return drawn

    def segments(self, layer: int, pairs: np.ndarray) -> np.ndarray:
        """(n, 2, 2): the ends of connections (j, k) into a layer, from circle to circle."""
        ends = self._places_of(layer, pairs[:, 0])
        if from_image := layer == 1 and self.image is not None:
            starts = self.pixel_places(pairs[:, 1])
        else:
            starts = self._places_of(layer - 1, pairs[:, 1])
        along = ends - starts
        edge = RADIUS * along / np.linalg.norm(along, axis=1, keepdims=True)
        return np.stack([starts if from_image else starts + edge, ends - edge], axis=1)

    def _places_of(self, layer: int, units: np.ndarray) -> np.ndarray:
        return self.places[layer][np.searchsorted(self.shown[layer], units)]


def _column(n_shown: int, n: int, step: float) -> tuple[np.ndarray, float | None]:
    """The heights of a layer's units, the first on top, and that of its dots or None."""
    heights = -step * np.arange(n_shown, dtype=np.float64)
    middle = None
    if n_shown < n:
        half = n_shown // 2
        heights[half:] -= step * (_GAP - 1)
        middle = float(heights[half - 1] + heights[half]) / 2
    shift = (heights[0] + heights[-1]) / 2
    return heights - shift, None if middle is None else middle - shift
