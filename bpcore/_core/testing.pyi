import numpy as np

def multiply(
    A: np.ndarray,
    B: np.ndarray,
    trans_a: bool = False,
    trans_b: bool = False,
    alpha: float = 1.0,
    beta: float = 0.0,
    C: np.ndarray | None = None,
    bias: np.ndarray | None = None,
    repeat: int = 1,
    own: bool | int | None = None,
) -> np.ndarray: ...
def add_rows(A: np.ndarray, out: np.ndarray, alpha: float = 1.0, beta: float = 0.0) -> None: ...
