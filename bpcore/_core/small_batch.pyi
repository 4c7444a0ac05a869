from typing import Any

import numpy as np

from bpcore._core.parameters import Parameters

class SmallBatches(Parameters):
    def _predict_small(self, X: Any, out: np.ndarray | None = None) -> np.ndarray | None: ...
    def _step_small(
        self, X: Any, Y: Any, learning_rate: float, sample_weight: Any = None
    ) -> float | None: ...
