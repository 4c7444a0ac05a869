"""IDX files, the format in which MNIST is published.

A header is a claim: its sizes are compared with what the file holds before an array of that
size exists, so a damaged or hostile file costs no more memory than its own contents.
"""

import gzip
import math
import os
import sys
import zlib
from typing import IO, Any

import numpy as np

__all__ = ["load_idx"]

# Third byte of the magic number: the type of an element, big-endian in the file.
_IDX_DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype(">u1"),
    0x09: np.dtype(">i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
    0x0D: np.dtype(">f4"),
    0x0E: np.dtype(">f8"),
}
_IDX_TYPE_NAMES = (
    "0x08 unsigned byte, 0x09 signed byte, 0x0B short, 0x0C int, 0x0D float, 0x0E double"
)
_MAX_RANK = 64
_GZIP_MAGIC = b"\x1f\x8b"
_CHUNK = 1 << 20


def load_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file, the format in which MNIST is published.

    Parameters
    ----------
    path : str or path-like
        A plain or gzip-compressed IDX file; which of the two is seen from its first bytes,
        not from its name.

    Returns
    -------
    ndarray
        Of the file's rank and sizes, in the machine's own byte order: uint8, int8, int16,
        int32, float32 or float64. It owns its memory and is writable.

    Raises
    ------
    ValueError
        The file is not IDX, is cut short, holds bytes after its end, or is damaged gzip. The
        message names the file and the fault.
    OSError
        The file cannot be opened or read.

    Notes
    -----
    The format is a magic number of four bytes (0, 0, element type, rank), one big-endian
    unsigned 32-bit size a dimension, then the elements, big-endian, last index fastest
    (http://yann.lecun.com/exdb/mnist/).

    What the header claims is never allocated up front. Memory grows with the bytes that
    arrive, and reading stops one byte after what the header announced, which also bounds what
    a gzip file can unpack to.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from bpcore.datasets import load_idx
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "shorts.idx")
    ...     _ = path.write_bytes(bytes([0, 0, 0x0B, 2, 0, 0, 0, 1, 0, 0, 0, 2, 1, 0, 255, 254]))
    ...     load_idx(path)
    array([[256,  -2]], dtype=int16)
    """
    name = os.fspath(path)
    with open(name, "rb") as raw:
        compressed = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        if not compressed:
            return _read_idx(raw, name)
        try:
            with gzip.GzipFile(fileobj=raw, mode="rb") as stream:
                return _read_idx(stream, name)
        except EOFError:
            raise ValueError(f"{name}: the gzip stream is cut short") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{name}: damaged gzip file ({error})") from None


def _read_idx(stream: IO[bytes] | gzip.GzipFile, name: str) -> np.ndarray:
    dtype, shape = _read_idx_header(stream, name)
    count = math.prod(shape)  # Python's integers: the product cannot wrap round
    expected = count * dtype.itemsize
    payload = _read_at_most(stream, expected + 1)
    sizes = " x ".join(map(str, shape)) or "one element"
    if len(payload) < expected:
        raise ValueError(
            f"{name}: truncated: the header announces {sizes} elements of {dtype.itemsize} "
            f"byte(s), {expected} bytes, but only {len(payload)} follow"
        )
    if len(payload) > expected:
        raise ValueError(
            f"{name}: trailing bytes: the header announces {sizes} elements of "
            f"{dtype.itemsize} byte(s), {expected} bytes, but more follow"
        )
    array: np.ndarray = np.frombuffer(payload, dtype)
    if dtype.itemsize > 1 and sys.byteorder == "little":
        array = array.byteswap(inplace=True).view(dtype.newbyteorder("="))
    try:
        return array.reshape(shape)
    except ValueError as error:  # an empty array, yet with sizes beyond NumPy's index type
        raise ValueError(f"{name}: NumPy cannot hold an array of {sizes}: {error}") from None


def _read_idx_header(
    stream: IO[bytes] | gzip.GzipFile, name: str
) -> tuple[np.dtype[Any], tuple[int, ...]]:
    magic = _read_at_most(stream, 4)
    if len(magic) < 4:
        raise ValueError(
            f"{name}: not an IDX file: {len(magic)} byte(s) long, and the magic number alone is 4"
        )
    if magic[0] or magic[1]:
        raise ValueError(
            f"{name}: not an IDX file: it begins with the bytes {magic.hex(' ')}, expected 00 00, "
            "an element type and a rank"
        )
    if magic[2] not in _IDX_DTYPES:
        raise ValueError(
            f"{name}: unknown IDX element type 0x{magic[2]:02X}; expected one of {_IDX_TYPE_NAMES}"
        )
    rank = magic[3]
    if rank > _MAX_RANK:
        raise ValueError(
            f"{name}: the header announces {rank} dimensions, NumPy holds at most {_MAX_RANK}"
        )
    sizes = _read_at_most(stream, 4 * rank)
    if len(sizes) < 4 * rank:
        raise ValueError(
            f"{name}: truncated header: rank {rank} needs {4 * rank} bytes of sizes, "
            f"but only {len(sizes)} follow"
        )
    return _IDX_DTYPES[magic[2]], tuple(np.frombuffer(sizes, ">u4").tolist())


def _read_at_most(stream: IO[bytes] | gzip.GzipFile, n_bytes: int) -> bytearray:
    """Up to `n_bytes` bytes; memory grows with what arrives, not with what was asked for."""
    data = bytearray()
    while len(data) < n_bytes:
        chunk = stream.read(min(_CHUNK, n_bytes - len(data)))
        if not chunk:
            break
        data += chunk
    return data
