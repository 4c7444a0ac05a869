"""What users have called after each epoch."""

from collections.abc import Callable
from typing import Any


def as_callbacks(callback: Any) -> list[Callable[..., Any]]:
    """One callable, several, or None, as a list."""
    if callback is None:
        return []
    many = list(callback) if isinstance(callback, list | tuple) else [callback]
    for one in many:
        if not callable(one):
            raise TypeError(f"callback must be callable, or a list of callables, got {one!r}")
    return many
