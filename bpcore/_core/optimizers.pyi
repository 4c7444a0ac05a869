from typing import Any

import numpy as np
import numpy.typing as npt

OPTIMIZERS: dict[str, tuple[int, int]]

class Optimizer:
    learning_rate: float
    t: int
    def __init__(
        self,
        name: str,
        n_parameters: int,
        dtype: npt.DTypeLike = "float32",
        learning_rate: float = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        schedule: str | dict[str, Any] | None = None,
    ) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def dtype(self) -> np.dtype[Any]: ...
    @property
    def momentum(self) -> float: ...
    @property
    def nesterov(self) -> bool: ...
    @property
    def beta_1(self) -> float: ...
    @property
    def beta_2(self) -> float: ...
    @property
    def epsilon(self) -> float: ...
    @property
    def schedule(self) -> dict[str, Any]: ...
    @property
    def slots(self) -> tuple[np.ndarray, ...]: ...
    @property
    def current_rate(self) -> float: ...
    def reset(self) -> None: ...
    def update(self, theta: np.ndarray, gradient: np.ndarray) -> None: ...
