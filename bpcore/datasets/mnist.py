"""MNIST from its four IDX files."""

import os
from pathlib import Path

import numpy as np

from bpcore.datasets.dataset import Dataset
from bpcore.datasets.idx import load_idx

__all__ = ["load_mnist"]

# The four files as LeCun named them; some mirrors write a dot for the second hyphen.
_FILES = {
    "X_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "X_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def load_mnist(directory: str | os.PathLike[str]) -> Dataset:
    """Read MNIST, or a data set published in its form, from its four IDX files.

    Parameters
    ----------
    directory : str or path-like
        The folder that holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``,
        ``t10k-images-idx3-ubyte`` and ``t10k-labels-idx1-ubyte``, each plain or with ``.gz``
        (the plain file is taken where both lie there). Names with a dot before ``idx``, as
        some mirrors write them, are found too.

    Returns
    -------
    Dataset
        60,000 training and 10,000 test images of 28 x 28 where the files are MNIST's.

    Raises
    ------
    FileNotFoundError
        Files are missing; the message lists them.
    ValueError
        A file is damaged, or the files do not belong together; the message names it.

    References
    ----------
    Y. LeCun, C. Cortes, C. J. C. Burges, *The MNIST database of handwritten digits*,
    http://yann.lecun.com/exdb/mnist/

    Examples
    --------
    >>> from bpcore.datasets import load_mnist
    >>> mnist = load_mnist("mnist")  # doctest: +SKIP
    >>> mnist.X_train.shape, mnist.y_train[:5]  # doctest: +SKIP
    ((60000, 784), array([5, 0, 4, 1, 9], dtype=uint8))
    """
    folder = Path(directory)
    paths: dict[str, Path] = {}
    for part, stem in _FILES.items():
        dotted = stem.replace("-idx", ".idx")
        candidates = [folder / (s + end) for s in (stem, dotted) for end in ("", ".gz")]
        found = next((path for path in candidates if path.is_file()), None)
        if found is not None:
            paths[part] = found
    missing = [stem for part, stem in _FILES.items() if part not in paths]
    if missing:
        what = "the directory does not exist" if not folder.is_dir() else "missing"
        raise FileNotFoundError(
            f"no MNIST in {os.fspath(folder)!r}: {what}; expected, plain or .gz: "
            + ", ".join(missing)
        )
    arrays = {part: load_idx(path) for part, path in paths.items()}
    for split in ("train", "test"):
        _check_pair(f"X_{split}", f"y_{split}", arrays, paths)
    height, width = arrays["X_train"].shape[1:]
    if arrays["X_test"].shape[1:] != (height, width):
        raise ValueError(
            f"{paths['X_test']}: images of shape {arrays['X_test'].shape[1:]}, but "
            f"{paths['X_train']} holds images of shape {(height, width)}"
        )
    return Dataset(
        X_train=arrays["X_train"].reshape(-1, height * width),
        y_train=arrays["y_train"],
        X_test=arrays["X_test"].reshape(-1, height * width),
        y_test=arrays["y_test"],
        name="MNIST",
        image_shape=(height, width),
        description=f"The MNIST database of handwritten digits, read from {os.fspath(folder)}.",
    )


def _check_pair(
    images_part: str, labels_part: str, arrays: dict[str, np.ndarray], paths: dict[str, Path]
) -> None:
    images, labels = arrays[images_part], arrays[labels_part]
    for array, part, rank, what in (
        (images, images_part, 3, "images, rows and columns"),
        (labels, labels_part, 1, "labels"),
    ):
        if array.ndim != rank or array.dtype != np.uint8:
            raise ValueError(
                f"{paths[part]}: expected unsigned bytes of rank {rank} ({what}), got "
                f"{array.dtype} of rank {array.ndim}"
            )
        if array.size == 0:
            raise ValueError(f"{paths[part]}: empty, its shape is {array.shape}")
    if len(images) != len(labels):
        raise ValueError(
            f"{paths[labels_part]}: {len(labels)} labels for the {len(images)} images of "
            f"{paths[images_part]}"
        )
