"""What a table may not be made of: masked numbers, dates; and data frames, column by column."""

import datetime
from typing import Any

import numpy as np

from bpcore._core.rows import Rows

__all__ = [
    "DATES",
    "check_finite",
    "fault_of_frame",
    "frame_as_array",
    "is_frame",
    "names_of",
    "refuse_dates",
    "refuse_masked",
]

# pandas' Timestamp, Timedelta and NaT are among them, its Period only by name
DATES = (datetime.date, datetime.time, datetime.timedelta, np.datetime64, np.timedelta64)
_WORDS_OF_DATES = ("date", "time", "duration", "period")


def is_frame(X: Any) -> bool:
    """Whether X is a DataFrame or a Series of pandas, which need not be installed."""
    return hasattr(X, "iloc") and hasattr(X, "to_numpy")


def _columns(frame: Any) -> list[tuple[Any, Any]]:
    """(name, dtype) of each column of a frame; a series is one."""
    if frame.ndim == 1:
        return [(frame.name, frame.dtype)]
    return list(zip(frame.columns, frame.dtypes, strict=True))


def names_of(X: Any) -> list[Any] | None:
    """The names of a frame's columns; None for what has none."""
    return list(X.columns) if is_frame(X) and X.ndim == 2 else None


def _column(frame: Any, k: int) -> Any:
    return frame if frame.ndim == 1 else frame.iloc[:, k]


def _types(values: Any) -> set[type]:
    """The types of the objects of an array or a column."""
    return set(map(type, np.asarray(values, dtype=object).ravel().tolist()))


def _is_of_objects(dtype: Any) -> bool:
    return isinstance(dtype, np.dtype) and dtype.kind == "O"


# ---------------------------------------------------------------- masks


def refuse_masked(X: Any, what: str) -> None:
    """Refuse masked arrays, also as rows of a list, in which a number is masked."""
    if _is_masked(X):
        raise ValueError(
            f"{what} is a masked array, and the numbers under its mask would be read like any "
            f"other: fill them first, for instance with numpy.ma.filled({what}, value), or leave "
            "their rows out"
        )


def _is_masked(X: Any) -> bool:
    if isinstance(X, (list, tuple)):
        # np.asarray forgets the masks of rows; of masked numbers among others it makes NaN
        rows_may_be = any(issubclass(one, np.ma.MaskedArray) for one in set(map(type, X)))
        return rows_may_be and any(map(_is_masked, X))
    return isinstance(X, np.ma.MaskedArray) and bool(np.ma.is_masked(X))


# ---------------------------------------------------------------- dates


def refuse_dates(X: Any, what: str) -> None:
    """Refuse arrays and frames with dates and durations, counts of some unit to NumPy."""
    if is_frame(X):
        columns = _columns(X)
        # a table has many columns, but few types
        types = {dtype for _, dtype in columns}
        suspects = {one for one in types if _are_dates(one) or _is_of_objects(_categories(one))}
        for k, (name, dtype) in enumerate(columns if suspects else ()):
            if dtype in suspects and (_are_dates(dtype) or _holds_dates(_column(X, k))):
                where = what if X.ndim == 1 else f"{what}, column {name!r},"
                raise TypeError(_about_dates(where, dtype))
    elif (named := _types_of_columns(X)) is not None:
        for name, dtype in named:
            if _are_dates(dtype):
                raise TypeError(_about_dates(f"{what}, column {name!r},", dtype))
    else:
        dtype = getattr(X, "dtype", None)
        if dtype is None and type(X).__module__.startswith("pyarrow"):
            dtype = X.type
        objects = _is_of_objects(_categories(dtype)) and not hasattr(X, "tocsr")
        if _are_dates(dtype) or (objects and _holds_dates(X)):
            raise TypeError(_about_dates(what, dtype))


def _types_of_columns(X: Any) -> list[tuple[str, Any]] | None:
    """(name, type) of each column of a data frame of polars or a table of pyarrow; else None."""
    if hasattr(X, "get_columns"):
        return [(column.name, column.dtype) for column in X.get_columns()]
    if hasattr(X, "column_names") and hasattr(X, "schema"):
        return list(zip(X.column_names, X.schema.types, strict=True))
    return None


def _categories(dtype: Any) -> Any:
    """The type of what a column holds: of its categories, where it has any."""
    return getattr(getattr(dtype, "categories", None), "dtype", dtype)


def _are_dates(dtype: Any) -> bool:
    dtype = _categories(dtype)
    if isinstance(dtype, np.dtype):
        return dtype.kind in "Mm"
    words = str(dtype).lower()  # of pandas, polars, pyarrow
    return getattr(dtype, "kind", "") in ("M", "m") or words.startswith(_WORDS_OF_DATES)


def _holds_dates(objects: Any) -> bool:
    return any(issubclass(one, DATES) or one.__name__ == "Period" for one in _types(objects))


def _about_dates(where: str, dtype: Any) -> str:
    return (
        f"{where} holds dates or durations (dtype {dtype}), not numbers: convert them to a number "
        "that means something, like the days since a date, or the year and the month"
    )


# ---------------------------------------------------------------- frames


def frame_as_array(frame: Any, what: str) -> np.ndarray:
    """A frame's numbers, columns of booleans and nullable numbers among them; no copy if possible.

    Missing values become NaN.
    """
    dtypes = []
    for k, (name, dtype) in enumerate(_columns(frame)):
        kind = getattr(dtype, "kind", "O")
        # a row of a table with booleans and numbers is of objects
        if kind not in "fiub" and not (
            _is_of_objects(dtype) and all(map(_is_real, _types(_column(frame, k))))
        ):
            where = what if frame.ndim == 1 else f"{what}, column {name!r},"
            raise TypeError(
                f"{where} must hold real numbers, got dtype {dtype}; convert it first, and fill "
                "what is missing"
            )
        dtypes.append(dtype)
    plain = {one.kind if isinstance(one, np.dtype) else "O" for one in dtypes}
    if "O" not in plain and ("b" not in plain or plain == {"b"}):
        return np.asarray(frame)
    wide = np.result_type(np.float32, *map(_numpy_dtype, dtypes))
    array: np.ndarray = frame.to_numpy(dtype=wide, na_value=np.nan)
    return array


def _is_real(kind: type) -> bool:
    return issubclass(kind, (int, float, np.bool_, np.integer, np.floating))


def _numpy_dtype(dtype: Any) -> np.dtype:
    """NumPy's type for the numbers of a column, which may be of Int64, boolean, Sparse[float]."""
    if isinstance(dtype, np.dtype):
        return np.dtype(np.float64) if _is_of_objects(dtype) else dtype
    return np.dtype(getattr(dtype, "numpy_dtype", getattr(dtype, "subtype", np.float64)))


def fault_of_frame(frame: Any, what: str) -> str | None:
    """What keeps a DataFrame of pandas or polars from being a table of finite numbers.

    In words that name the column; None where nothing does, and for anything but a DataFrame.
    """
    for name, column in _named_columns(frame):
        where = f"{what}, column {name!r}:"
        missing = np.flatnonzero(_which_are_missing(column))
        if missing.size:
            return f"{where} a value is missing in row {missing[0]}"
        try:
            values = np.asarray(column, dtype=np.float64)
        except OverflowError:
            return f"{where} an integer is too large for float64"
        except (TypeError, ValueError):
            return f"{where} holds something else than numbers (dtype {column.dtype})"
        infinite = np.flatnonzero(~np.isfinite(values))
        if infinite.size:
            return f"{where} {values[infinite[0]]} in row {infinite[0]}"
    return None


def _named_columns(frame: Any) -> list[tuple[Any, Any]]:
    """(name, column) of each column of a DataFrame of pandas or polars; else none."""
    if hasattr(frame, "get_columns"):
        return [(column.name, column) for column in frame.get_columns()]
    return [(name, frame.iloc[:, k]) for k, name in enumerate(names_of(frame) or ())]


def _which_are_missing(column: Any) -> np.ndarray:
    if hasattr(column, "isna"):
        return np.asarray(column.isna())
    return np.array([one is None or one != one for one in column.to_list()])


# ---------------------------------------------------------------- numbers


def check_finite(
    rows: Rows,
    what: str,
    dtype: np.dtype,
    *,
    given: Any = None,
    first_row: int = 0,
) -> None:
    """Refuse NaN, infinity, and numbers that dtype cannot hold.

    given: the table as it came, whose columns may have names. first_row: the row of the whole
    table with which these rows begin.
    """
    limit = float(np.finfo(dtype).max)
    row = rows.first_row_beyond(limit)
    if row >= 0:
        column = _first_column_beyond(rows.array, row, limit)
        names = names_of(given)
        name = "" if names is None else f" ({names[column]!r})"
        raise ValueError(
            f"{what} holds NaN, infinity or a number too large for {dtype} in column "
            f"{column}{name}, in row {first_row + row}: remove or replace it first"
        )


def _first_column_beyond(table: Any, row: int, limit: float) -> int:
    if hasattr(table, "indptr"):
        part = slice(table.indptr[row], table.indptr[row + 1])
        return int(table.indices[part][_beyond(table.data[part], limit)].min())
    return int(np.flatnonzero(_beyond(table[row], limit))[0])


def _beyond(values: np.ndarray, limit: float) -> np.ndarray:
    return ~(np.abs(values.astype(np.float64)) <= limit)
