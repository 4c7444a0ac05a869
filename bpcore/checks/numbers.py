"""Single numbers."""

from typing import Any

import numpy as np


def as_integer(value: Any, what: str, least: int = 1) -> int:
    """An int of at least `least`; bools and floats are refused."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
        raise TypeError(f"{what} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{what} must be at least {least}, got {value}")
    return int(value)


def as_number(value: Any, what: str, below: float = np.inf) -> float:
    """A float from 0 up to, not including, `below`."""
    if isinstance(value, bool | np.bool_) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        raise TypeError(f"{what} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an int beyond double precision
        number = np.inf if value > 0 else -np.inf
    if not 0 <= number < below:
        upper = "finite" if below == np.inf else f"below {below:g}"
        raise ValueError(f"{what} must be at least 0 and {upper}, got {number}")
    return number
