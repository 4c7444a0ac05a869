"""IDX files written out independently of the reader."""

import struct

import numpy as np

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: "i2", 0x0C: "i4", 0x0D: "f4", 0x0E: "f8"}


def idx_bytes(array, code):
    """The format written out independently of the reader: magic, sizes, elements."""
    header = struct.pack(">BBBB", 0, 0, code, array.ndim)
    header += b"".join(struct.pack(">I", size) for size in array.shape)
    return header + array.astype(">" + TYPES[code]).tobytes()


def sample(shape, dtype):
    """Values over the whole range of the type, with its extremes first."""
    rng = np.random.default_rng(0)
    dtype = np.dtype(dtype)
    n = int(np.prod(shape))
    if dtype.kind == "f":
        values = rng.standard_normal(n)
        extremes = [np.inf, -np.inf, np.finfo(dtype).tiny]
    else:
        info = np.iinfo(dtype)
        values = rng.integers(info.min, info.max, size=n, endpoint=True)
        extremes = [info.min, info.max, 1]
    array = np.array(values, dtype)
    array[:3] = extremes[:n]
    return array.reshape(shape)
