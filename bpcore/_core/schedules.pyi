from typing import Any

SCHEDULES: dict[str, int]

def checked(schedule: str | dict[str, Any] | None) -> dict[str, Any]: ...
