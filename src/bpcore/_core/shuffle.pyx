"""A new order of the rows before an epoch, without the interpreter.

The permutations are those of ``shuffle`` of NumPy's generators, drawn from the same bits: Fisher
and Yates's (R. Durstenfeld, *Algorithm 235: random permutation*, CACM 7, 1964), where a number up
to i is the lowest bits that can hold it, drawn until they do not exceed it. Whether this NumPy
shuffles so is looked at once; where it does not, the engine does not either.
"""

from functools import cache

import numpy as np

cimport numpy as cnp
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport uint32_t, uint64_t

cnp.import_array()


cdef inline uint32_t _number(bitgen_t* bits, uint32_t most, uint32_t mask) noexcept nogil:
    """One from 0 to `most`; mask: the least 2**k - 1 that is not below it."""
    cdef uint32_t value = bits.next_uint32(bits.state) & mask
    while value > most:
        value = bits.next_uint32(bits.state) & mask
    return value


cdef class Shuffle:
    """What shuffles an order as a generator would.

    Parameters
    ----------
    rng : numpy.random.Generator or RandomState
        Its bits are drawn from. Others wait for its lock meanwhile.
    """

    def __init__(self, rng):
        self.generator = rng._bit_generator
        self.lock = self.generator.lock
        self.bits = <bitgen_t*>PyCapsule_GetPointer(self.generator.capsule, "BitGenerator")

    cdef void draw(self, Py_ssize_t* order, Py_ssize_t n) noexcept nogil:
        """Shuffle an order of less than 2**32 rows; the lock is held."""
        cdef Py_ssize_t i, j
        cdef uint32_t mask = 1
        if n < 2:
            return
        while mask < <uint64_t>(n - 1):
            mask = 2 * mask + 1
        for i in range(n - 1, 0, -1):
            if <uint64_t>i <= mask >> 1:
                mask >>= 1
            j = <Py_ssize_t>_number(self.bits, <uint32_t>i, mask)
            order[i], order[j] = order[j], order[i]

    def shuffle(self, cnp.ndarray order):
        """Shuffle a contiguous vector of intp in place."""
        if cnp.PyArray_TYPE(order) != cnp.NPY_INTP or not cnp.PyArray_ISCARRAY(order):
            raise ValueError("order must be a contiguous, writable vector of intp")
        with self.lock:
            self.draw(<Py_ssize_t*>cnp.PyArray_DATA(order), cnp.PyArray_SIZE(order))


@cache
def _is_numpys(kind):
    """Whether a generator of NumPy shuffles in the same way, as far as 3,000 numbers show."""
    rng = np.random.RandomState(0) if kind is np.random.RandomState else np.random.default_rng(0)
    copy = type(rng)(type(rng._bit_generator)())
    copy._bit_generator.state = rng._bit_generator.state
    orders = np.arange(3000), np.arange(3000)
    rng.shuffle(orders[0])
    Shuffle(copy).shuffle(orders[1])
    return np.array_equal(*orders)


def shuffle_of(rng, order):
    """A ``Shuffle`` that draws what ``rng.shuffle(order)`` would; None where there is none."""
    if order is None or type(rng) not in (np.random.Generator, np.random.RandomState) \
            or len(order) >= 2**31 or not _is_numpys(type(rng)):
        return None
    return Shuffle(rng)
