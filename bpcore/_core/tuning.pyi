from collections.abc import Iterator
from contextlib import contextmanager

NUMBERS: dict[str, tuple[float, str, str, str]]
TUNING: dict[str, float]

@contextmanager
def override(**numbers: float) -> Iterator[None]: ...
