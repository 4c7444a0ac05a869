"""The columns of a table as users have it: numbers with NaN for what is missing, or texts.

A column is a number or a category by its type, never by its values alone: integers, floats and
booleans are numbers; text and the types that data frames have for categories are categories. What
can be neither is refused by name.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from bpcore.checks.tables import DATES
from bpcore.estimators.labels import is_missing

__all__ = [
    "categories_of",
    "columns_of",
    "is_frame",
    "kind_of",
    "names_for",
    "numbers_of",
    "plain_numbers_of",
]

NUMBER, CATEGORY = "number", "category"


def is_frame(X: Any) -> bool:
    """Whether X is a data frame of pandas or polars."""
    return hasattr(X, "columns") and (hasattr(X, "iloc") or hasattr(X, "get_columns"))


def columns_of(X: Any) -> list[Any]:
    """The columns of a frame, as its library has them, or of an array of two dimensions."""
    if not is_frame(X):
        return list(X.T)
    if hasattr(X, "iloc"):
        return [column for _, column in X.items()]
    return list(X.get_columns())


def names_for(X: Any) -> list[str]:
    """What the columns are called in messages."""
    if is_frame(X):
        return [f"column {name!r}" for name in X.columns]
    return [f"column {k}" for k in range(X.shape[1])]


def plain_numbers_of(X: Any) -> np.ndarray | None:
    """All of a table as float64, where every column is of NumPy's numbers; else None."""
    if is_frame(X) and not hasattr(X, "iloc"):
        return None
    dtypes = X.dtypes if is_frame(X) else [X.dtype]
    if not all(isinstance(one, np.dtype) and one.kind in "fiub" for one in dtypes):
        return None
    return np.asarray(X, dtype=np.float64)


# ---------------------------------------------------------------- kinds


def kind_of(column: Any, name: str) -> str:
    """NUMBER or CATEGORY.

    Raises
    ------
    ValueError, TypeError
        If the column holds what is neither.
    """
    dtype = column.dtype
    kind = getattr(dtype, "kind", None)
    words = str(dtype)
    if kind == "c":
        raise ValueError(
            f"Complex data not supported: {name} holds complex numbers; give their real and "
            "imaginary parts as two columns"
        )
    if kind in ("M", "m") or words.startswith(("Date", "Time", "Duration", "datetime", "period")):
        raise _about_dates(name, words)
    if words == "category" or words.startswith(("Categorical", "Enum")):
        return CATEGORY
    if kind in ("b", "i", "u", "f") or words.startswith(
        ("Int", "UInt", "Float", "Bool", "Decimal")
    ):
        return NUMBER
    if kind in ("U", "S", "T") or words in ("str", "string", "String"):
        return CATEGORY
    if kind == "O" or words == "Object":
        return _kind_of_objects(_listed(column), name)
    if words == "Null":  # polars: nothing but missing values
        return NUMBER
    raise TypeError(
        f"{name} is of type {words}: expected numbers, booleans, texts or categories; drop it or "
        "turn it into such columns"
    )


def _kind_of_objects(values: list[Any], name: str) -> str:
    kinds = {type(one) for one in values if not is_missing(one)}
    if any(issubclass(one, DATES) for one in kinds):
        raise _about_dates(name, "objects")
    if all(issubclass(one, (bool, int, float, np.number, np.bool_)) for one in kinds):
        return NUMBER
    if all(issubclass(one, (str, bool, int, float, np.number, np.bool_)) for one in kinds):
        return CATEGORY
    if all(hasattr(one, "__float__") for one in kinds):  # decimals, fractions
        return NUMBER
    found = ", ".join(sorted(one.__name__ for one in kinds if not hasattr(one, "__float__")))
    raise TypeError(
        f"{name}: argument must be a string or a real number, but it holds objects of type "
        f"{found}; drop the column or turn it into numbers and texts"
    )


def _about_dates(name: str, words: str) -> ValueError:
    return ValueError(
        f"{name} holds dates or times ({words}): turn them into numbers, such as year, month, day "
        "of the week, or days since an event, and drop the column"
    )


def _listed(column: Any) -> list[Any]:
    return list(column.to_list() if hasattr(column, "to_list") else column.tolist())


# ---------------------------------------------------------------- values


def numbers_of(column: Any, name: str) -> np.ndarray:
    """A column as float64, NaN where a value is missing.

    Raises
    ------
    ValueError
        If a value is no number, or infinite.
    """
    if kind_of(column, name) != NUMBER:
        raise ValueError(
            f"{name} holds texts ({_listed(column)[0]!r}, say), but it held numbers when the model "
            "was fitted"
        )
    try:
        values = _as_doubles(column)
    except OverflowError as error:  # integers of Python have no limit
        raise ValueError(f"{name} holds an integer too large for float64: {error}") from error
    _refuse_infinity(values, name)
    return values


def _as_doubles(column: Any) -> np.ndarray:
    if hasattr(column, "iloc"):
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    elif hasattr(column, "to_list"):  # polars
        values = np.array([np.nan if one is None else float(one) for one in column.to_list()])
        values = values.astype(np.float64)
    elif column.dtype == object:
        values = np.array([np.nan if is_missing(one) else float(one) for one in column])
    else:
        values = np.asarray(column, dtype=np.float64)
    return np.asarray(values)


def _refuse_infinity(values: np.ndarray, name: str) -> None:
    beyond = np.isinf(values)
    if beyond.any():
        raise ValueError(
            f"{name} holds infinity in row {int(beyond.argmax())}: a value that is not known is "
            "NaN; cut others to the largest that can occur"
        )


def categories_of(column: Any, name: str) -> list[str | None]:
    """A column as texts, None where a value is missing.

    Raises
    ------
    ValueError, TypeError
        If it holds what is no category.
    """
    kind_of(column, name)  # which refuses what is neither
    return _texts(_listed(column))


def _texts(values: Iterable[Any]) -> list[str | None]:
    return [one if type(one) is str else None if is_missing(one) else _text(one) for one in values]


def _text(value: Any) -> str:
    """The text of what is no text: of 1.0 that of 1, as which integers beside a gap come."""
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value)
