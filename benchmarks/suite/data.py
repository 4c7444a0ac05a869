"""What the networks learn from: MNIST or images like it, matrix exponentials, plain noise."""

import os
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from suite.tasks import Task


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs, targets and, where the targets are classes, their numbers."""

    X: np.ndarray
    Y: np.ndarray
    labels: np.ndarray | None = None

    def first(self, rows: int) -> "Examples":
        labels = None if self.labels is None else self.labels[:rows]
        return Examples(self.X[:rows], self.Y[:rows], labels)


def examples(task: Task) -> Examples:
    """The task's rows, in its dtype; the same numbers in every run."""
    if task.data == "expm":
        return _matrix_exponentials(task.rows, task.dtype)
    if task.data == "noise":
        return _noise(task.rows, task.sizes[0], task.sizes[-1], task.dtype)
    if task.data in ("table", "categories"):
        return _table(task.rows, task.sizes[0], task.sizes[-1], task.dtype, task.data)
    return _scaled_images(task.dtype).first(task.rows)


def bytes_of(task: Task) -> int:
    """What the task's examples take."""
    return task.rows * (task.sizes[0] + task.sizes[-1]) * np.dtype(task.dtype).itemsize


def images_name() -> str:
    directory = os.environ.get("BPCORE_MNIST")
    return "MNIST" if directory else "generated images of MNIST's shape"


@lru_cache(maxsize=1)
def _scaled_images(dtype: str) -> Examples:
    directory = os.environ.get("BPCORE_MNIST")
    if directory:
        from bpcore.datasets import load_mnist

        mnist = load_mnist(directory)
        pixels, labels = mnist.X_train, mnist.y_train
    else:
        pixels, labels = generated_images(60_000)
    X = np.empty(pixels.shape, dtype)
    np.multiply(pixels, np.asarray(1 / 255, dtype), out=X)
    return Examples(X, _one_hot(labels, 10, dtype), labels.astype(np.int64))


def generated_images(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Ten figures with noise, 28 x 28 bytes, most pixels blank, as in MNIST.

    One label in ten is wrong, so that the cost stays away from 0 however long one learns.
    """
    rng = np.random.default_rng(20_262)
    grid = np.arange(28.0)
    ink = np.zeros((10, 28, 28))
    for digit in ink:
        for x, y in rng.uniform(6, 21, (6, 2)):
            digit += np.exp(-((grid - x) ** 2 + (grid[:, None] - y) ** 2) / 5)
    ink = 255 * np.minimum(ink.reshape(10, 784), 1)
    labels = rng.integers(0, 10, rows).astype(np.uint8)
    pixels = np.empty((rows, 784), np.uint8)
    for start in range(0, rows, 10_000):
        part = slice(start, start + 10_000)
        drawn = ink[labels[part]] * rng.uniform(0.4, 1.2, (len(labels[part]), 784))
        drawn[drawn < 50] = 0
        pixels[part] = np.minimum(drawn, 255)
    wrong = np.flatnonzero(rng.random(rows) < 0.1)
    labels[wrong] = rng.integers(0, 10, len(wrong))
    labels[:10] = np.arange(10)[:rows]  # every class among the first rows
    return pixels, labels


@lru_cache(maxsize=4)
def _matrix_exponentials(rows: int, dtype: str) -> Examples:
    from scipy.linalg import expm

    A = np.random.default_rng(3).standard_normal((rows, 2, 2))
    return Examples(A.reshape(-1, 4).astype(dtype), expm(A).reshape(-1, 4).astype(dtype))


@lru_cache(maxsize=1)
def _noise(rows: int, n_inputs: int, n_outputs: int, dtype: str) -> Examples:
    rng = np.random.default_rng(4)
    X = rng.standard_normal((rows, n_inputs), dtype=np.dtype(dtype))
    labels = rng.integers(0, n_outputs, rows)
    labels[:n_outputs] = np.arange(n_outputs)
    return Examples(X, _one_hot(labels, n_outputs, dtype), labels)


@lru_cache(maxsize=1)
def _table(rows: int, n_inputs: int, n_outputs: int, dtype: str, data: str) -> Examples:
    """Numbers, and targets that they say something about; "categories": 100 inputs are ten
    columns of ten categories."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((rows, n_inputs), dtype=np.dtype(dtype))
    if data == "categories":
        columns = 10 * np.arange(10) + rng.integers(0, 10, (rows, 10))
        X[:, :100] = 0
        np.put_along_axis(X, columns, 1, axis=1)
    Y = X[:, :n_outputs] * X[:, -n_outputs:] + 0.5 * rng.standard_normal((rows, n_outputs))
    return Examples(X, Y.astype(dtype))


def _one_hot(labels: np.ndarray, n_classes: int, dtype: str) -> np.ndarray:
    Y = np.zeros((len(labels), n_classes), dtype)
    Y[np.arange(len(labels)), labels] = 1
    return Y
