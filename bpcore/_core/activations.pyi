import numpy as np
import numpy.typing as npt

ACTIVATIONS: dict[str, tuple[int, float | None, bool]]

def vector_level() -> str: ...
def apply(
    name: str, z: npt.ArrayLike, parameter: float | None = None
) -> tuple[np.ndarray, np.ndarray]: ...
