from typing import Any

class Rows:
    array: Any
    slopes: Rows | None
    slope_weight: float
    def __init__(
        self,
        array: Any,
        divisor: float = 1.0,
        slopes: Rows | None = None,
        slope_weight: float = 1.0,
    ) -> None: ...
    def __len__(self) -> int: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    def first_row_beyond(self, limit: float) -> int: ...
