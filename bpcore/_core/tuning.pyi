from collections.abc import Iterator
from contextlib import contextmanager

NUMBERS: dict[str, tuple[float, str, str, str]]

@contextmanager
def override(**numbers: float) -> Iterator[None]: ...
