"""The handwritten digits that scikit-learn carries."""

import numpy as np

from bpcore.datasets.dataset import Dataset

__all__ = ["load_digits"]


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
