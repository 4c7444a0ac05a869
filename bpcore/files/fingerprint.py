"""What tells other data from the same data: a hash of some of its rows."""

from hashlib import sha256
from typing import Any

import numpy as np

from bpcore._core.rows import Rows

__all__ = ["fingerprint"]

# Rows of the data that a fingerprint looks at.
_ROWS = 64


def fingerprint(*tables: Rows | np.ndarray | None) -> str:
    """A hash of the shapes of some tables and of rows spread over them.

    It tells other data from the same data, not a single number changed from none.
    """
    digest = sha256()
    slopes = [table.slopes for table in tables if isinstance(table, Rows) and table.slopes]
    for table in (*tables, *slopes):
        array = table.array if isinstance(table, Rows) else table
        digest.update(f"{None if array is None else array.shape};".encode())
        if array is None:
            continue
        n = array.shape[0]
        rows = np.unique(np.linspace(0, n - 1, min(n, _ROWS)).astype(np.intp))
        some: Any = array[rows]
        parts = (some.indptr, some.indices, some.data) if hasattr(some, "indptr") else (some,)
        for part in parts:
            digest.update(np.ascontiguousarray(part, dtype=np.float64).tobytes())
    return digest.hexdigest()
