"""Bytes that are read as shares of a number: images in their own eight bits."""

import math
from typing import Any

import numpy as np

from bpcore.checks.tables import refuse_masked

__all__ = ["Scaled", "scaled"]


class Scaled:
    """An array of bytes and what each byte is divided by when it is read; see `scaled`."""

    __slots__ = ("array", "divisor")

    def __init__(self, array: np.ndarray, divisor: float) -> None:
        self.array = array
        self.divisor = divisor

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        shape: tuple[int, ...] = self.array.shape
        return shape

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, rows: Any) -> "Scaled":
        """Some rows of the array, of which a slice makes no copy."""
        return Scaled(self.array[rows], self.divisor)

    def __repr__(self) -> str:
        return f"scaled(<array of shape {self.array.shape}>, {self.divisor:g})"


def scaled(X: Any, divisor: float = 255.0) -> Scaled:
    """Images in their own bytes, read as numbers from 0 to 1.

    A `Network` takes the result wherever it takes X. Each row is divided when it is needed, so
    that no second array is made: MNIST trains from its 47 MB. Results are those of
    ``X.astype(dtype) / divisor``, to the last bit.

    Parameters
    ----------
    X : ndarray of shape (n, n_features) or (n_features,), dtype uint8
        The bytes, in any strides, also memory-mapped. Kept, not copied.
    divisor : float, default=255.0
        What a byte is divided by.

    Returns
    -------
    Scaled
        With a length, a shape, and slices by rows.

    Raises
    ------
    TypeError
        If X is no array of bytes, or has masked ones: divide other arrays yourself.
    ValueError
        If the divisor is 0 or not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcore import Network, scaled
    >>> images = np.array([[0, 51, 255]], dtype=np.uint8)
    >>> net = Network((3, 2), dtype="float64", random_state=0)
    >>> bool((net.predict(scaled(images)) == net.predict(images / 255)).all())
    True
    """
    refuse_masked(X, "X")
    if not isinstance(X, np.ndarray) or X.dtype != np.uint8:
        kind = f"an array of {X.dtype}" if isinstance(X, np.ndarray) else type(X).__name__
        raise TypeError(f"scaled takes an array of bytes (uint8), got {kind}; divide it yourself")
    if not math.isfinite(divisor) or divisor == 0:
        raise ValueError(f"divisor must be a finite number other than 0, got {divisor}")
    return Scaled(X, float(divisor))
