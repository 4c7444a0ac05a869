"""Real files in, arrays out.

Pixels stay the bytes that they are: scaling to [0, 1] is the caller's one line, ``X / 255``, in
the dtype of the network.
"""

import importlib.util
import os
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bpcore.datasets.idx import load_idx

__all__ = [
    "Dataset",
    "load_digits",
    "load_idx",
    "load_mnist",
    "load_openml_mnist",
    "one_hot",
]

# The four files as LeCun named them; some mirrors write a dot for the second hyphen.
_MNIST_FILES = {
    "X_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "X_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and their labels, split into a training and a test part.

    Parameters
    ----------
    X_train, X_test : ndarray of shape (n, n_pixels), dtype uint8
        One image a row, pixels row by row, 0 (paper) to 255 (ink).
    y_train, y_test : ndarray of shape (n,), dtype uint8
        The class of each image.
    name : str
        What the data are called, for reports.
    image_shape : tuple of int
        (height, width) of an image; their product is ``n_pixels``.
    description : str
        Where the data come from and what was done to them.

    Examples
    --------
    >>> import numpy as np
    >>> from bpcore.datasets import Dataset
    >>> data = Dataset(
    ...     X_train=np.zeros((3, 4), np.uint8), y_train=np.array([0, 1, 1], np.uint8),
    ...     X_test=np.zeros((1, 4), np.uint8), y_test=np.array([2], np.uint8),
    ...     name="blank squares", image_shape=(2, 2),
    ... )
    >>> data.n_classes
    3
    """

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    name: str
    image_shape: tuple[int, int]
    description: str = ""

    @property
    def n_classes(self) -> int:
        """One more than the largest label of either part."""
        return int(max(self.y_train.max(), self.y_test.max())) + 1

    def __repr__(self) -> str:
        height, width = self.image_shape
        return (
            f"<Dataset {self.name}: {len(self.X_train):,} training and {len(self.X_test):,} "
            f"test images of {height} x {width}, {self.n_classes} classes>"
        )


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
    for part, stem in _MNIST_FILES.items():
        dotted = stem.replace("-idx", ".idx")
        candidates = [folder / (s + end) for s in (stem, dotted) for end in ("", ".gz")]
        found = next((path for path in candidates if path.is_file()), None)
        if found is not None:
            paths[part] = found
    missing = [stem for part, stem in _MNIST_FILES.items() if part not in paths]
    if missing:
        what = "the directory does not exist" if not folder.is_dir() else "missing"
        raise FileNotFoundError(
            f"no MNIST in {os.fspath(folder)!r}: {what}; expected, plain or .gz: "
            + ", ".join(missing)
        )
    arrays = {part: load_idx(path) for part, path in paths.items()}
    for split in ("train", "test"):
        _check_mnist_pair(f"X_{split}", f"y_{split}", arrays, paths)
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


def _check_mnist_pair(
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


def load_digits(enlarge: bool = True, random_state: int | None = 0) -> Dataset:
    """The 1,797 real handwritten digits that scikit-learn carries, split 80 to 20.

    Parameters
    ----------
    enlarge : bool, default=True
        Bring the 8 x 8 images to MNIST's format: 28 x 28 with the digit in the middle 20 x 20
        (cubic spline interpolation, :func:`scipy.ndimage.zoom`), so that a network has 784
        inputs. False leaves them at 8 x 8.
    random_state : int, RandomState instance or None, default=0
        Draws the split, which is stratified: each digit's share is the same in both parts.

    Returns
    -------
    Dataset
        1,437 training and 360 test images, pixels 0 to 255.

    Notes
    -----
    The set does not say who wrote which digit, so the same hands are in both parts, and
    accuracies on it are higher than on new writers.

    References
    ----------
    E. Alpaydin, C. Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49

    Examples
    --------
    >>> from bpcore.datasets import load_digits
    >>> load_digits()
    <Dataset scikit-learn's digits: 1,437 training and 360 test images of 28 x 28, 10 classes>
    >>> load_digits(enlarge=False).X_train.shape
    (1437, 64)
    """
    from sklearn.datasets import load_digits as sklearn_digits
    from sklearn.model_selection import train_test_split

    images, labels = sklearn_digits(return_X_y=True)
    ink = images.reshape(-1, 8, 8)  # 0..16: inked pixels in a block of 4 x 4
    if enlarge:
        ink = _enlarge(ink)
    pixels = np.rint(ink * (255 / 16)).astype(np.uint8).reshape(len(ink), -1)
    X_train, X_test, y_train, y_test = train_test_split(
        pixels,
        labels.astype(np.uint8),
        test_size=0.2,
        stratify=labels,
        random_state=random_state,
    )
    height, width = ink.shape[1:]
    enlarged = ", enlarged from 8 x 8 by cubic splines" if enlarge else ""
    return Dataset(
        X_train=X_train,
        y_train=y_train,
        X_test=X_test,
        y_test=y_test,
        name="scikit-learn's digits",
        image_shape=(height, width),
        description=(
            "The test part of Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, "
            f"UCI, 1998), as scikit-learn carries it{enlarged}."
        ),
    )


def _enlarge(ink: np.ndarray) -> np.ndarray:
    """8 x 8 to 28 x 28, framed as MNIST frames its digits: 20 x 20 with a margin of 4."""
    from scipy.ndimage import zoom

    enlarged = np.zeros((len(ink), 28, 28))
    for image, frame in zip(ink, enlarged, strict=True):
        frame[4:24, 4:24] = zoom(image, 20 / 8, order=3, mode="grid-constant", grid_mode=True)
    return enlarged.clip(0, 16)  # splines overshoot at sharp edges


def load_openml_mnist(data_home: str | os.PathLike[str] | None = None) -> Dataset:
    """Download MNIST from openml.org through scikit-learn, which keeps a copy for next time.

    Parameters
    ----------
    data_home : str, path-like or None, default=None
        Where scikit-learn keeps the copy; None is its own folder, ``~/scikit_learn_data``.

    Returns
    -------
    Dataset
        60,000 training and 10,000 test images of 28 x 28, in MNIST's own order.

    Raises
    ------
    OSError
        The download failed (no network, or openml.org does not answer).
    ValueError
        What arrived is not MNIST.

    See Also
    --------
    sklearn.datasets.fetch_openml : does the work.

    Examples
    --------
    >>> from bpcore.datasets import load_openml_mnist
    >>> load_openml_mnist()  # doctest: +SKIP
    <Dataset MNIST: 60,000 training and 10,000 test images of 28 x 28, 10 classes>
    """
    from sklearn.datasets import fetch_openml

    # scikit-learn's faster parser needs pandas; its other one needs nothing.
    parser = "pandas" if importlib.util.find_spec("pandas") else "liac-arff"
    try:
        X, y = fetch_openml(
            "mnist_784",
            version=1,
            as_frame=False,
            return_X_y=True,
            parser=parser,
            data_home=data_home,
        )
    except (OSError, HTTPException) as error:
        raise OSError(
            f"could not download MNIST from openml.org ({error}); where the four IDX files are at "
            "hand, load_mnist(directory), or --mnist DIR on the command line, needs no network"
        ) from error
    if X.shape != (70_000, 784) or len(y) != 70_000:
        raise ValueError(
            f"mnist_784 of openml.org has shape {X.shape} with {len(y)} labels; expected "
            "(70000, 784) with 70000"
        )
    X, y = X.astype(np.uint8), y.astype(np.uint8)
    return Dataset(
        X_train=X[:60_000],
        y_train=y[:60_000],
        X_test=X[60_000:],
        y_test=y[60_000:],
        name="MNIST",
        image_shape=(28, 28),
        description="The MNIST database of handwritten digits, from openml.org (mnist_784).",
    )


def one_hot(
    labels: npt.ArrayLike, n_classes: int | None = None, dtype: npt.DTypeLike = "float32"
) -> np.ndarray:
    """Targets y for a network with one output a class: 1 at the label, 0 elsewhere.

    Parameters
    ----------
    labels : array-like of int, shape (n,)
        Classes, counted from 0.
    n_classes : int or None, default=None
        Width of the result; None takes one more than the largest label.
    dtype : dtype, default="float32"
        Of the result; choose the network's.

    Returns
    -------
    ndarray of shape (n, n_classes)

    Raises
    ------
    TypeError
        The labels are not integers.
    ValueError
        The labels are not one-dimensional, or lie outside 0 .. ``n_classes`` - 1, or there are
        none and ``n_classes`` is not given.

    Examples
    --------
    >>> from bpcore.datasets import one_hot
    >>> one_hot([2, 0], n_classes=4)
    array([[0., 0., 1., 0.],
           [1., 0., 0., 0.]], dtype=float32)
    """
    y = np.asarray(labels)
    if y.ndim != 1:
        raise ValueError(f"labels must be one-dimensional, got shape {y.shape}")
    if y.size == 0 and n_classes is None:
        raise ValueError("labels is empty: give n_classes, the width of the result")
    if y.size and y.dtype.kind not in "iu":
        raise TypeError(f"labels must be integers, got dtype {y.dtype}")
    lowest, highest = (int(y.min()), int(y.max())) if y.size else (0, -1)
    if lowest < 0:
        raise ValueError(f"labels are counted from 0, got {lowest}")
    width = highest + 1 if n_classes is None else n_classes
    if width < 1:
        raise ValueError(f"n_classes must be at least 1, got {n_classes}")
    if highest >= width:
        raise ValueError(
            f"labels must lie in 0 .. {width - 1} (n_classes={width}), got {lowest} .. {highest}"
        )
    targets = np.zeros((len(y), width), dtype)
    targets[np.arange(len(y)), y.astype(np.intp)] = 1
    return targets
