from typing import Any

import numpy as np

from bpcore._core.parameters import Parameters

class SmallBatches(Parameters):
    def _predict_small(
        self, X: Any, out: np.ndarray | None = None, alike: bool = False
    ) -> np.ndarray | None: ...
    def _step_small(
        self,
        X: Any,
        Y: Any,
        learning_rate: float | None,
        sample_weight: Any = None,
        optimizer: Any = None,
    ) -> float | None: ...
