"""A data set as arrays, and labels as targets."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Dataset", "one_hot"]


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels, split into a training and a test part.

    Parameters
    ----------
    X_train, X_test : ndarray of shape (n, n_pixels), dtype uint8
        One image a row, pixels row by row, 0 (paper) to 255 (ink).
    y_train, y_test : ndarray of shape (n,), dtype uint8
        The class of each image.
    name : str
        What the data are called, for reports.
    image_shape : tuple of int
        (height, width) of an image; their product is ``n_pixels``.
    description : str
        Where the data come from and what was done to them.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcore.datasets import Dataset
    >>> data = Dataset(
    ...     X_train=np.zeros((3, 4), np.uint8), y_train=np.array([0, 1, 1], np.uint8),
    ...     X_test=np.zeros((1, 4), np.uint8), y_test=np.array([2], np.uint8),
    ...     name="blank squares", image_shape=(2, 2),
    ... )
    >>> data.n_classes
    3
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    name: str
    image_shape: tuple[int, int]
    description: str = ""

    @property
    def n_classes(self) -> int:
        """One more than the largest label of either part."""
        return int(max(self.y_train.max(), self.y_test.max())) + 1

    def __repr__(self) -> str:
        height, width = self.image_shape
        return (
            f"<Dataset {self.name}: {len(self.X_train):,} training and {len(self.X_test):,} "
            f"test images of {height} x {width}, {self.n_classes} classes>"
        )


def one_hot(
    labels: npt.ArrayLike, n_classes: int | None = None, dtype: npt.DTypeLike = "float32"
) -> np.ndarray:
    """Targets y for a network with one output a class: 1 at the label, 0 elsewhere.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        Classes, counted from 0.
    n_classes : int or None, default=None
        Width of the result; None takes one more than the largest label.
    dtype : dtype, default="float32"
        Of the result; choose the network's.

    Returns
    -------
    ndarray of shape (n, n_classes)

    Raises
    ------
    TypeError
        The labels are not integers, or ``n_classes`` is none.
    ValueError
        The labels are not one-dimensional, are masked, lie outside 0 .. ``n_classes`` - 1, or
        there are none and ``n_classes`` is not given.

    Examples
    --------
    >>> from bpcore.datasets import one_hot
    >>> one_hot([2, 0], n_classes=4)
    array([[0., 0., 1., 0.],
           [1., 0., 0., 0.]], dtype=float32)
    """
    if np.ma.is_masked(labels):
        raise ValueError("labels is a masked array: leave out the rows whose label is masked")
    if isinstance(n_classes, bool) or not isinstance(n_classes, int | np.integer | None):
        raise TypeError(f"n_classes must be an integer or None, got {n_classes!r}")
    y = np.asarray(labels)
    if y.ndim != 1:
        raise ValueError(f"labels must be one-dimensional, got shape {y.shape}")
    if y.size == 0 and n_classes is None:
        raise ValueError("labels is empty: give n_classes, the width of the result")
    if y.size and y.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got dtype {y.dtype}")
    lowest, highest = (int(y.min()), int(y.max())) if y.size else (0, -1)
    if lowest < 0:
        raise ValueError(f"labels are counted from 0, got {lowest}")
    width = highest + 1 if n_classes is None else n_classes
    if width < 1:
        raise ValueError(f"n_classes must be at least 1, got {n_classes}")
    if highest >= width:
        raise ValueError(
            f"labels must lie in 0 .. {width - 1} (n_classes={width}), got {lowest} .. {highest}"
        )
    targets = np.zeros((len(y), width), dtype)
    targets[np.arange(len(y)), y.astype(np.intp)] = 1
    return targets
