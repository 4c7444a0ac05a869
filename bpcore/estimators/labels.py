"""Labels as users give them, made into arrays in which each column is of one type.

NumPy and pandas make text of ``[["a", 1], ["b", 2]]`` and objects of columns that differ; what
``predict`` returns are to be the labels that were given.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import scipy.sparse

from bpcore import checks as check

__all__ = [
    "are_plain",
    "are_same",
    "as_classes",
    "as_labels",
    "beside",
    "have_one_type",
    "is_indicator",
    "is_missing",
    "typed",
    "unique",
]

_PLAIN_TEXT = {str, np.str_}
_TEXT, _BOOL, _INTEGER, _REAL = "text", "booleans", "integers", "numbers"
_DATE, _DURATION = "dates", "durations"
_KINDS: tuple[tuple[Any, str], ...] = (
    (np.datetime64, _DATE),
    (np.timedelta64, _DURATION),  # an integer to NumPy
    (str, _TEXT),
    ((bool, np.bool_), _BOOL),
    ((int, np.integer), _INTEGER),
    ((float, np.floating), _REAL),
)


def as_labels(y: Any) -> Any:
    """The labels y as an array, of objects only where columns of different types stand together.

    What is no table of labels comes back as it is: scikit-learn's checks know what to say.

    Raises
    ------
    ValueError
        If a column mixes types, lacks labels, or holds what is no label.
    """
    if y is None or scipy.sparse.issparse(y):
        return y
    names = check.names_of(y)
    if names is not None:
        columns = [
            typed(np.asarray(y.iloc[:, k]), f"y, column {name!r},") for k, name in enumerate(names)
        ]
        return _table(columns) if columns else y
    array = _as_array(y)
    if array is None or array.dtype != object or array.ndim not in (1, 2) or not array.size:
        # a frame's column, or an array of pandas, which scikit-learn makes one of floats
        of_pandas = hasattr(y, "dtype") and not isinstance(y.dtype, np.dtype)
        return array if array is not None and (of_pandas or check.is_frame(y)) else y
    if array.ndim == 1:
        return typed(array)
    return _table([typed(column, f"y, column {k},") for k, column in enumerate(array.T)])


def _as_array(y: Any) -> np.ndarray | None:
    """The array that NumPy makes of y, but of objects where it would change labels.

    It makes text of numbers beside text, and cuts the text of an Enum.
    """
    try:
        array = np.asarray(y)
        if array.dtype.kind == "U" and isinstance(y, (list, tuple)):
            objects = np.array(y, dtype=object)
            if not set(map(type, objects.ravel().tolist())) <= _PLAIN_TEXT:
                return objects
    except ValueError:  # ragged
        return None
    return array.astype(object) if array.dtype.kind == "T" else array


def typed(values: np.ndarray, what: str = "y") -> np.ndarray:
    """An array of one dimension whose objects, if they are numbers, become an array of numbers.

    Text stays as objects: in an array of text each would take the room of the longest.
    """
    if values.dtype != object:
        if values.dtype.kind == "f" and np.isnan(values).any():
            _refuse_missing(values.tolist(), what)
        return values
    labels = values.tolist()
    found = {one: _kind(one) for one in set(map(type, labels))}
    kinds = set(found.values())
    if kinds <= {_TEXT}:
        return values if set(found) <= _PLAIN_TEXT else _objects(map(str.__str__, labels))
    if kinds in ({_DATE}, {_DURATION}):
        return np.array(labels)
    if kinds <= {_BOOL, _INTEGER, _REAL}:
        array = np.array(labels)
        if array.dtype.kind in "biu" or _REAL in kinds:
            return typed(array, what)
        raise ValueError(f"{what} holds integers beyond 64 bits: use their text as labels")
    _refuse_missing(labels, what)
    if None in kinds:
        names = sorted(one.__name__ for one, kind in found.items() if kind is None)
        raise ValueError(
            f"{what} holds objects of type {', '.join(names)}: expected labels, which are text, "
            "booleans or whole numbers"
        )
    raise ValueError(
        f"{what} mixes {' and '.join(sorted(map(str, kinds)))}: make its labels all of one type"
    )


def _objects(labels: Iterable[Any]) -> np.ndarray:
    """An array of objects, also where they are sequences."""
    many = list(labels)
    objects = np.empty(len(many), dtype=object)
    objects[:] = many
    return objects


def unique(values: np.ndarray, what: str = "y") -> np.ndarray:
    """The labels of a column, sorted."""
    found = np.unique(typed(values, what))
    return found.astype(str) if found.dtype == object else found


def _kind(one: type) -> str | None:
    return next((name for types, name in _KINDS if issubclass(one, types)), None)


def _refuse_missing(labels: list[Any], what: str) -> None:
    for row, label in enumerate(labels):
        if is_missing(label):
            raise ValueError(
                f"{what} has no label in row {row} ({label!r}, where NaN, None and NA are missing "
                "values): leave such rows out, or give them a label"
            )


def is_missing(label: Any) -> bool:
    """Whether a label or a value of a table is NaN, None or NA."""
    return (
        label is None
        or type(label).__name__ in ("NAType", "NaTType")
        or (isinstance(label, (float, np.floating)) and bool(label != label))
    )


def have_one_type(columns: Sequence[np.ndarray]) -> bool:
    """Whether an array can hold the columns side by side without changing a label."""
    kinds = {column.dtype.kind for column in columns}
    return len(kinds) == 1 or (
        kinds == {"i", "u"} and np.result_type(*(one.dtype for one in columns)).kind in kinds
    )


def beside(columns: Sequence[np.ndarray], one_type: bool) -> np.ndarray:
    """Columns side by side: of one type, or as objects, each of which keeps its own."""
    if one_type:
        return np.column_stack(columns)
    table = np.empty((len(columns[0]), len(columns)), dtype=object)
    for k, column in enumerate(columns):
        table[:, k] = column
    return table


def _table(columns: list[np.ndarray]) -> np.ndarray:
    """Columns of labels as a table; zeros, ones and booleans only are an indicator matrix."""
    one_type = have_one_type(columns) or all(map(_is_binary, columns))
    if not one_type and any(column.dtype.kind in "Mm" for column in columns):
        raise ValueError(
            "y has a column of dates or durations beside columns of other types: use their text "
            "as labels"
        )
    return beside(columns, one_type)


def _is_binary(values: np.ndarray) -> bool:
    kind = values.dtype.kind
    return kind == "b" or (kind in "iuf" and bool(((values == 0) | (values == 1)).all()))


def are_plain(y: np.ndarray) -> bool:
    """Whether y is a column of labels that need not be looked at one by one."""
    return y.ndim == 1 and y.dtype.isnative and y.dtype.kind in "biuU"


def is_indicator(y: np.ndarray) -> bool:
    """Whether y is a matrix of zeros and ones, or booleans, with several columns.

    scikit-learn's ``type_of_target`` takes any two values for one, 1 and 2 as well.
    """
    return y.ndim == 2 and y.shape[1] > 1 and _is_binary(y)


# ---------------------------------------------------------------- classes


def as_classes(classes: Any) -> np.ndarray | list[np.ndarray]:
    """Every label there is, sorted; a list of such arrays for several columns of labels.

    Any collection serves, a set too.

    Raises
    ------
    TypeError, ValueError
        If there are no labels, or their types differ.
    """
    check.refuse_masked(classes, "classes")
    if isinstance(classes, (str, bytes)) or not _is_collection(classes):
        raise TypeError(
            f"classes must be a list of labels, or a list of such lists for several columns of y, "
            f"got {classes!r}"
        )
    given = _listed(classes)
    nested = [_is_collection(one) for one in given]
    if given and all(nested):
        return [_sorted(_listed(one), f"classes[{k}]") for k, one in enumerate(given)]
    if any(nested):
        raise ValueError(f"classes must not mix labels and lists of labels, got {classes!r}")
    return _sorted(given, "classes")


def are_same(given: Any, known: Any) -> bool:
    """Whether what ``as_classes`` returns is what it returned before."""
    if not (isinstance(given, list) and isinstance(known, list)):
        return type(given) is type(known) and np.array_equal(given, known)
    return len(given) == len(known) and all(map(np.array_equal, given, known))


def _is_collection(one: Any) -> bool:
    return (
        isinstance(one, Iterable)
        and not isinstance(one, (str, bytes))
        and getattr(one, "ndim", 1) != 0
    )


def _listed(labels: Any) -> list[Any]:
    """A collection's labels, as NumPy's objects where it has a type of its own."""
    return list(np.asarray(labels) if hasattr(labels, "dtype") else labels)


def _sorted(labels: list[Any], what: str) -> np.ndarray:
    if not labels:
        raise ValueError(f"{what} is empty: expected every label that there will be")
    found = unique(_objects(labels), what)
    if found.dtype.kind == "f" and np.isinf(found).any():
        raise ValueError(f"{what} holds infinity, which is no label, got {labels!r}")
    return found
