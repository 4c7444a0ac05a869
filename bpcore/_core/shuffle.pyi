from typing import Any

import numpy as np

class Shuffle:
    lock: Any
    def __init__(self, rng: np.random.Generator | np.random.RandomState) -> None: ...
    def shuffle(self, order: np.ndarray) -> None: ...

def shuffle_of(rng: Any, order: np.ndarray | None) -> Shuffle | None: ...
