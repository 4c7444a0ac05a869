"""What a training came to: accuracy, mistakes, speed, and the speed that the machine has."""

import itertools
import math
import os
import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bpcore import History, Network
from bpcore._core.threads import usable_processors
from bpcore.datasets import Dataset

__all__ = ["GemmRate", "Outcome", "flops_per_image", "measure_gemm"]

_BLAS_NAMES = {"openblas": "OpenBLAS", "mkl": "MKL", "blis": "BLIS"}


@dataclass(frozen=True)
class GemmRate:
    """A measured rate of matrix products, and on what it was measured."""

    flops: float
    description: str


@dataclass(frozen=True)
class Outcome:
    """A trained network on its test images, with everything that the report derives from it."""

    data: Dataset
    network: Network
    history: History
    outputs: np.ndarray  # (n_test, n_classes): a^(L) of every test image
    gemm: GemmRate
    interrupted: bool = False

    @cached_property
    def guesses(self) -> np.ndarray:
        """The class of the largest output."""
        return np.asarray(self.outputs.argmax(axis=1))

    @cached_property
    def certainties(self) -> np.ndarray:
        """The output of the guessed class."""
        return np.asarray(self.outputs.max(axis=1))

    @cached_property
    def misread(self) -> np.ndarray:
        """Rows of the test images misread, the most certain first."""
        rows = np.flatnonzero(self.guesses != self.data.y_test)
        return rows[np.argsort(-self.certainties[rows], kind="stable")]

    @property
    def accuracy(self) -> float:
        """Share of the test images correct."""
        return float(np.mean(self.guesses == self.data.y_test))

    @property
    def best_epoch(self) -> int:
        """The first epoch, counted from 1, with the highest test accuracy."""
        return int(np.argmax(self.history.validation_score)) + 1

    @property
    def best_accuracy(self) -> float:
        """Test accuracy after the best epoch."""
        return float(self.history.validation_score[self.best_epoch - 1])

    @property
    def images_per_second(self) -> float:
        """Training images gone through in a second of training."""
        return float(self.history.examples_per_second)

    @property
    def threads(self) -> int:
        """The most threads that training may have used; fewer where there is little to share."""
        return self.network.n_threads or usable_processors()

    @property
    def flop_rate(self) -> float:
        """Floating-point operations a second of the training's matrix products."""
        return self.images_per_second * flops_per_image(self.network.layer_sizes)

    def confusions(self, most: int = 3) -> list[tuple[int, int, int]]:
        """The most frequent mistakes as (class, guess, how often)."""
        n = self.data.n_classes
        pairs = self.data.y_test[self.misread].astype(np.intp) * n + self.guesses[self.misread]
        counts = np.bincount(pairs, minlength=n * n)
        order = np.argsort(-counts, kind="stable")[:most]
        return [(int(p // n), int(p % n), int(counts[p])) for p in order if counts[p]]


def flops_per_image(layer_sizes: tuple[int, ...]) -> int:
    """Operations of the matrix products for one training image.

    Forward, weight gradient and delta take 2 a weight each; there is no delta below the first
    layer of weights.
    """
    products = [m * n for m, n in itertools.pairwise(layer_sizes)]
    return 6 * sum(products) - 2 * products[0]


def measure_gemm(dtype: str = "float32", n: int = 1024, repeats: int = 7) -> GemmRate:
    """The rate of NumPy's n x n matrix product on one thread, the best of `repeats`."""
    from threadpoolctl import threadpool_info, threadpool_limits

    rng = np.random.default_rng(0)
    a, b = (rng.random((n, n)).astype(dtype) for _ in range(2))
    product = np.empty_like(a)
    best = math.inf
    with threadpool_limits(1, user_api="blas"):
        for _ in range(repeats + 1):  # the first warms up
            start = time.perf_counter()
            np.matmul(a, b, out=product)
            best = min(best, time.perf_counter() - start)
        pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    # SciPy may bring a BLAS of its own; what was timed is NumPy's.
    pools.sort(key=lambda pool: "numpy" not in pool["filepath"])
    words = [f"NumPy, {n} x {n} {dtype}, one thread"]
    for pool in pools[:1]:
        name = _BLAS_NAMES.get(pool["internal_api"], pool["internal_api"])
        words.append(" ".join(filter(None, [name, pool["version"], pool.get("architecture")])))
    preset = [v for v in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE") if os.environ.get(v)]
    if preset:
        words.append(f"with {' and '.join(preset)} set in the environment")
    return GemmRate(2 * n**3 / best, ", ".join(words))
