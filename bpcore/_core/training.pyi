from collections.abc import Callable
from typing import Any, NamedTuple, Self

import numpy as np

from bpcore._core.engine import Engine
from bpcore._core.optimizers import Optimizer
from bpcore._core.rows import Rows
from bpcore._core.shuffle import Shuffle

class Epoch(NamedTuple):
    cost: float
    penalty: float
    learning_rate: float
    seconds: float

class Diverged(Exception):
    cost: float
    def __init__(self, cost: float) -> None: ...

class Training:
    network: Engine
    x: Rows
    y: Rows
    optimizer: Optimizer
    order: np.ndarray | None
    sample_weight: np.ndarray | None
    normaliser: np.ndarray | None
    rate_factors: np.ndarray | None
    scale_state: dict[str, Any] | None
    epochs: int
    def __init__(
        self,
        network: Engine,
        x: Rows,
        y: Rows,
        optimizer: Optimizer,
        *,
        batch_size: int,
        order: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
        normaliser: np.ndarray | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        weight_decay: float = 0.0,
        clip_norm: float = 0.0,
        applies_dropout: bool = True,
        rate_factors: np.ndarray | None = None,
        input_scale: float | None = None,
        epochs: int = 1,
        ask: Callable[[np.ndarray, int], tuple[np.ndarray, np.ndarray]] | None = None,
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def run(
        self,
        most: int = 1,
        seed: int = 0,
        done: list[Epoch] | None = None,
        shuffle: Shuffle | None = None,
        patience: tuple[float, float, float, float, float] | None = None,
    ) -> list[Epoch]: ...
