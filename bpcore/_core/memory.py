"""Where arrays begin that products read again and again."""

from typing import Any

import numpy as np

__all__ = ["LINE", "zeros"]

# Bytes of a line of the caches, and of AVX-512's vectors.
LINE = 64


def zeros(n: int, dtype: Any) -> np.ndarray:
    """N zeros that begin where a line of the caches does.

    NumPy's begin 16 or 32 bytes behind one, so that every vector of 64 bytes lies in two lines,
    and a load of it is two.
    """
    n_bytes = n * np.dtype(dtype).itemsize
    room = np.zeros(n_bytes + LINE, dtype=np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + n_bytes].view(dtype)
