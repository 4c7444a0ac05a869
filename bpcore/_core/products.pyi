import numpy as np

MAX_DIMENSION: int

def set_isa(level: int = 4, most: float | None = None) -> int: ...
def isa() -> str: ...
def multiply(
    A: np.ndarray,
    B: np.ndarray,
    trans_a: bool = False,
    trans_b: bool = False,
    alpha: float = 1.0,
    beta: float = 0.0,
    C: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> np.ndarray: ...
def add_rows(A: np.ndarray, out: np.ndarray, alpha: float = 1.0, beta: float = 0.0) -> None: ...
