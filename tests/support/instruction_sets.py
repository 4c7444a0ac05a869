"""What the tests of the own loops share: this processor's instruction sets, and closed pages."""

import ctypes
import math
import mmap
import sys

import numpy as np
import pytest

from bpcore._core import products

LEVELS = sorted({products.set_isa(level) for level in (2, 3, 4)})
products.set_isa()

WITH_PAGES = pytest.mark.skipif(sys.platform == "win32", reason="pages are closed by mprotect")


def at_the_end(dtype, shape):
    """An array with a page behind it that nobody may touch: who reads or writes there, crashes."""
    size = math.prod(shape) * dtype.itemsize
    pages = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
    memory = mmap.mmap(-1, pages + mmap.PAGESIZE)
    page = ctypes.addressof(ctypes.c_char.from_buffer(memory)) + pages
    none = 0  # PROT_NONE
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(page), mmap.PAGESIZE, none) == 0
    return np.frombuffer(memory, dtype, math.prod(shape), pages - size).reshape(shape)
