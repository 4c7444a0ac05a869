from typing import Self

import numpy as np

from bpcore._core.engine import Engine
from bpcore._core.rows import Rows
from bpcore._core.training import Epoch

class LeastSquares:
    network: Engine
    x: Rows
    y: Rows
    sample_weight: np.ndarray | None
    converged: str | None
    is_entered: bool
    damping: float
    l2: float
    evidence: bool
    effective: float
    noise: float
    estimates: list[tuple[float, float, float]]
    epochs: int
    state: np.ndarray
    def __init__(
        self,
        network: Engine,
        x: Rows,
        y: Rows,
        *,
        sample_weight: np.ndarray | None = None,
        half: float = 1.0,
        l2: float = 0.0,
        evidence: bool = False,
        examples: float = 0.0,
        damping: float = 1e-3,
        ftol: float = 1e-8,
        xtol: float = 1e-8,
        epochs: int = 1,
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def run(self, most: int = 1, seed: int = 0, done: list[Epoch] | None = None) -> list[Epoch]: ...
    def posterior(self) -> tuple[float, float, float, np.ndarray]: ...
