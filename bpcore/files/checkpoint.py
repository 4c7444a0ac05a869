"""What the checkpoints of networks and of estimators have in common.

A checkpoint is a model file with one section more, "training": the arguments of the fit that wrote
it, its random state, and how many examples it puts into a new order, which a tensor "order" holds
as the last epoch had it.
"""

from hashlib import sha256
from typing import Any

import numpy as np

from bpcore._core.rows import Rows
from bpcore.files import values
from bpcore.files.reader import ModelReader
from bpcore.files.writer import write

__all__ = ["compare", "fingerprint", "read_order", "write_checkpoint"]

# Rows of the data that a fingerprint looks at.
_ROWS = 64
# What an error quotes of a file that may come from anybody.
_LONGEST_NAME = 40
_MOST_NAMES = 10


def fingerprint(*tables: Rows | np.ndarray | None) -> str:
    """A hash of the shapes of some tables and of rows spread over them.

    It tells other data from the same data, not a single number changed from none.
    """
    digest = sha256()
    for table in tables:
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


# ---------------------------------------------------------------- the section "training"


def write_checkpoint(
    path: Any,
    sections: dict[str, Any],
    tensors: dict[str, np.ndarray],
    training: dict[str, Any],
    order: np.ndarray | None,
) -> None:
    """Write a model's sections and tensors, with the state of its training in addition.

    ``training`` is that section; its entry "order" is made from ``order``: the rows
    in the order of the last epoch, or None where they are not shuffled.
    """
    n_rows = None if order is None else len(order)
    sections = {**sections, "training": {**training, "order": n_rows}}
    if order is not None:
        tensors = {**tensors, "order": order.astype(np.int64, copy=False)}
    write(path, sections, tensors)


def read_order(reader: ModelReader, order: np.ndarray | None, which: str) -> np.ndarray | None:
    """The order in a checkpoint whose tensors have been checked.

    Parameters
    ----------
    reader : ModelReader
    order : ndarray of intp or None
        That of this fit, which has the same numbers.
    which : str
        What numbers those are, for the error.

    Raises
    ------
    ModelFileError
        If the file has other numbers, or none, or some where this fit has none.
    """
    with reader.reading("order"):
        if order is None:
            if "order" in reader.tensors:
                raise ValueError("there is one, but the examples are not shuffled")
            return None
        if "order" not in reader.tensors:
            raise ValueError("there is none")
        if reader.tensors["order"][1] != order.shape:
            raise ValueError(f"expected {len(order)} numbers")
        found = reader.tensor("order")
        if not np.array_equal(np.sort(found), np.sort(order)):
            raise ValueError(f"the numbers are not those {which}, each once")
    return found.astype(np.intp, copy=False)


def compare(name: str, there: dict[str, Any], here: dict[str, Any], what: str) -> None:
    """Compare the fit that wrote a checkpoint with the one that is to go on from it.

    Parameters
    ----------
    name : str
        The file, for the error.
    there, here : dict
        What decides the bits of an epoch, plain values by name, in the file and in this fit.
    what : str
        What these values are called.

    Raises
    ------
    ValueError
        If a value differs, or one of them has a name that the other has not.
    """
    differences = [
        f"{key[:_LONGEST_NAME]} was {_short(there.get(key))} there and is {_short(here.get(key))} "
        "here"
        for key in {**here, **there}
        if key not in there or key not in here or not _equal(there[key], here[key])
    ]
    if differences:
        raise ValueError(
            f"the checkpoint {name} is of another fit: {'; '.join(differences[:_MOST_NAMES])}. A "
            f"resumed fit takes the {what} and the data of the one it goes on with"
        )


def _equal(one: Any, other: Any) -> bool:
    """Whether two plain values are the same, arrays among them too."""
    return bool(values.dumps(values.encode(one, "")) == values.dumps(values.encode(other, "")))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
