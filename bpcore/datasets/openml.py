"""MNIST from openml.org."""

import importlib.util
import os
from http.client import HTTPException

import numpy as np

from bpcore.datasets.dataset import Dataset

__all__ = ["load_openml_mnist"]


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
