LOSSES: dict[str, tuple[int, tuple[str, ...] | None]]
