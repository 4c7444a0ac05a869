import numpy as np
import numpy.typing as npt

ACTIVATIONS: dict[str, tuple[int, bool]]

def vector_level() -> str: ...
def apply(
    name: str, z: npt.ArrayLike, parameter: float | None = None
) -> tuple[np.ndarray, np.ndarray]: ...
