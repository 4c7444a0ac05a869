from typing import Any

import numpy as np

from bpcore._core.rows import Rows
from bpcore._core.small_batch import SmallBatches

class Engine(SmallBatches):
    def _set_threads(self, most: int) -> None: ...
    def _rows_per_task(self, n_rows: int, n_threads: int) -> tuple[int, int]: ...
    def _own_products(self, n_rows: int, batch_size: int) -> list[tuple[int, bool, bool]]: ...
    def _has_transposed(self) -> bool: ...
    def _predict_into(self, x: Rows, out: np.ndarray, alike: bool = False) -> bool: ...
    def _cost(self, x: Rows, y: Rows, sample_weight: np.ndarray | None = None) -> float: ...
    def _cost_gradient(
        self,
        x: Rows,
        y: Rows,
        sample_weight: np.ndarray | None = None,
        l2: float = 0.0,
        l1: float = 0.0,
        out: np.ndarray | None = None,
        dC_dx: np.ndarray | None = None,
    ) -> tuple[float, float, np.ndarray]: ...
    def _product(
        self,
        x: Rows,
        y: Rows,
        vector: np.ndarray,
        sample_weight: np.ndarray | None = None,
        gauss_newton: bool = False,
    ) -> np.ndarray: ...
    def _per_sample_gradients(self, x: Rows, y: Rows) -> np.ndarray: ...
    def _jacobian(self, x: Rows) -> np.ndarray: ...
    def _parameter_jacobian(self, x: Rows, out: np.ndarray | None = None) -> np.ndarray: ...
    def _backward(
        self,
        x: Rows,
        dC_da: Rows,
        dC_dx: np.ndarray | None = None,
        sample_weight: np.ndarray | None = None,
    ) -> tuple[float, np.ndarray]: ...
    def _inspect(
        self,
        task: int,
        x: Rows,
        y: Rows | None,
        shape: tuple[int, ...],
        out: np.ndarray | None,
    ) -> np.ndarray: ...
    def _trace(
        self, x: Rows, y: Rows, sample_weight: np.ndarray | None = None
    ) -> dict[str, Any]: ...

class Evaluation:
    outputs: np.ndarray
    def __init__(
        self, network: Engine, x: Rows, y: Rows, sample_weight: np.ndarray | None = None
    ) -> None: ...
    def cost(self) -> float: ...
