"""Between users' y and the network's Y where they are numbers; labels are in ``targets``."""

from typing import Any

import numpy as np

from bpcore.estimators.targets import Encoding

__all__ = ["Numbers"]


class Numbers(Encoding):
    """Real numbers; with several quantiles, one output for each of them.

    Parameters
    ----------
    n_targets : int
        Columns of y.
    n_quantiles : int, default=1
        More than 1 only for one target.
    """

    kind = "continuous"

    def __init__(self, n_targets: int, n_quantiles: int = 1) -> None:
        if n_targets > 1 and n_quantiles > 1:
            raise ValueError(
                f"several quantiles take a y of one column, got {n_targets} columns: fit one "
                "regressor for each"
            )
        self.n_targets = n_targets
        self.n_quantiles = n_quantiles
        self.width = n_targets * n_quantiles

    def check(self, y: np.ndarray, warm_start: bool) -> None:
        """Refuse another number of columns."""
        n_targets = 1 if y.ndim == 1 else y.shape[1]
        if n_targets != self.n_targets:
            raise ValueError(f"y has {n_targets} targets, but this regressor has {self.n_targets}")

    def levels(self, quantiles: list[float]) -> tuple[float, ...]:
        """A quantile for each output; refused where there are more or fewer than before."""
        if len(quantiles) != self.n_quantiles:
            raise ValueError(
                f"this call asks for {len(quantiles)} outputs a target, the weights from before "
                f"have {self.n_quantiles}, one a quantile: keep their number, or fit with "
                "warm_start=False"
            )
        return tuple(quantiles * self.n_targets)

    def encode(self, y: np.ndarray) -> np.ndarray:
        """(n,) or (n, n_targets) numbers → (n, width) floats, copied only to convert them."""
        if y.dtype not in (np.float32, np.float64) or not y.dtype.isnative:
            y = y.astype(np.float64)
        if y.ndim == 1:
            y = y.reshape(-1, 1)
        return y if self.n_quantiles == 1 else np.broadcast_to(y, (len(y), self.width))

    def dtype_of(self, y: np.ndarray) -> Any:
        """The type of what ``encode`` makes of y."""
        return y.dtype if y.dtype.char in "fd" else np.dtype(np.float64)

    def encode_into(self, Y: np.ndarray, y: np.ndarray) -> bool:
        """Y = the encoded y, where that plainly is made of numbers; whether it is."""
        if y.shape[1:] != ((self.n_targets,) if self.n_targets > 1 else ()):
            return False
        if y.dtype.char not in "fd" and y.dtype.kind not in "iu":
            return False
        Y[...] = y.reshape(-1, self.n_targets)
        return True

    def decode(self, a: np.ndarray) -> np.ndarray:
        """(n, width) outputs → (n,) for one output, else as they are."""
        return a.ravel() if self.width == 1 else a
