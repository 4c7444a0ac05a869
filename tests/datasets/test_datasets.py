"""bpcore.datasets: MNIST, scikit-learn's digits, openml.org, one_hot."""

import gzip
import os
from http.client import IncompleteRead
from urllib.error import URLError

import numpy as np
import pytest
from idx_files import idx_bytes, sample
from numpy.testing import assert_array_equal

from bpcore import datasets
from bpcore.datasets import Dataset, load_digits, load_mnist, one_hot

# ---------------------------------------------------------------- MNIST

NAMES = {
    "X_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "X_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


@pytest.fixture
def small_mnist(tmp_path):
    """Four files in MNIST's form, 12 and 5 images of 4 x 3; returns folder and arrays."""
    arrays = {
        "X_train": sample((12, 4, 3), "u1"),
        "y_train": np.arange(12, dtype="u1") % 10,
        "X_test": sample((5, 4, 3), "u1")[::-1],
        "y_test": np.arange(5, dtype="u1"),
    }
    for part, name in NAMES.items():
        (tmp_path / name).write_bytes(idx_bytes(arrays[part], 0x08))
    return tmp_path, arrays


def check_small_mnist(data, arrays):
    assert_array_equal(data.X_train, arrays["X_train"].reshape(12, 12))
    assert_array_equal(data.X_test, arrays["X_test"].reshape(5, 12))
    assert_array_equal(data.y_train, arrays["y_train"])
    assert_array_equal(data.y_test, arrays["y_test"])
    assert data.X_train.dtype == data.y_test.dtype == np.uint8


def test_load_mnist(small_mnist):
    folder, arrays = small_mnist
    data = load_mnist(folder)
    check_small_mnist(data, arrays)
    assert data.name == "MNIST"
    assert (data.image_shape, data.n_classes) == ((4, 3), 10)
    assert repr(data) == "<Dataset MNIST: 12 training and 5 test images of 4 x 3, 10 classes>"


@pytest.mark.parametrize("rename", [str, lambda name: name.replace("-idx", ".idx")])
def test_load_mnist_compressed_and_by_the_other_name(small_mnist, rename):
    folder, arrays = small_mnist
    for name in NAMES.values():
        content = (folder / name).read_bytes()
        (folder / name).unlink()
        (folder / (rename(name) + ".gz")).write_bytes(gzip.compress(content))
    check_small_mnist(load_mnist(str(folder)), arrays)


def test_load_mnist_lists_what_is_missing(small_mnist):
    folder, _ = small_mnist
    (folder / NAMES["y_train"]).unlink()
    (folder / NAMES["X_test"]).unlink()
    with pytest.raises(FileNotFoundError) as caught:
        load_mnist(folder)
    message = str(caught.value)
    assert folder.name in message
    assert NAMES["y_train"] in message
    assert NAMES["X_test"] in message
    assert NAMES["X_train"] not in message
    assert NAMES["y_test"] not in message


def test_load_mnist_without_its_directory(tmp_path):
    with pytest.raises(FileNotFoundError, match="the directory does not exist"):
        load_mnist(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "part, array, code, message",
    [
        ("X_train", np.zeros((12, 12)), 0x08, "t.*rank 3 .*got uint8 of rank 2"),
        ("X_test", np.zeros((5, 4, 3)), 0x0D, "unsigned bytes of rank 3 .*got float32 of rank 3"),
        ("y_train", np.zeros((12, 1)), 0x08, "rank 1 .*got uint8 of rank 2"),
        ("y_test", np.zeros(4), 0x08, "4 labels for the 5 images of .*t10k-images"),
        ("X_test", np.zeros((5, 3, 4)), 0x08, r"\(3, 4\), but .*train-images.*\(4, 3\)"),
        ("X_train", np.zeros((0, 4, 3)), 0x08, r"empty, its shape is \(0, 4, 3\)"),
    ],
)
def test_load_mnist_names_the_file_that_does_not_fit(small_mnist, part, array, code, message):
    folder, _ = small_mnist
    (folder / NAMES[part]).write_bytes(idx_bytes(array, code))
    with pytest.raises(ValueError, match=rf"{NAMES[part]}: .*{message}"):
        load_mnist(folder)


def test_load_mnist_passes_on_the_fault_of_a_file(small_mnist):
    folder, _ = small_mnist
    path = folder / NAMES["y_test"]
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=rf"{NAMES['y_test']}: truncated"):
        load_mnist(folder)


@pytest.mark.skipif(
    not os.environ.get("BPCORE_MNIST"),
    reason="BPCORE_MNIST does not name a directory with MNIST's IDX files",
)
def test_the_real_mnist():
    data = load_mnist(os.environ["BPCORE_MNIST"])
    assert (data.X_train.shape, data.X_test.shape) == ((60_000, 784), (10_000, 784))
    assert (data.image_shape, data.n_classes) == ((28, 28), 10)
    assert data.y_train[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.X_train.mean() == pytest.approx(33.318421, abs=1e-6)


# ---------------------------------------------------------------- scikit-learn's digits


def test_load_digits_splits_every_image_into_one_part():
    from sklearn.datasets import load_digits as sklearn_digits

    images, labels = sklearn_digits(return_X_y=True)
    data = load_digits(enlarge=False)
    assert (data.X_train.shape, data.X_test.shape) == ((1437, 64), (360, 64))
    assert data.image_shape == (8, 8)
    rows = np.column_stack(
        [np.vstack([data.X_train, data.X_test]), np.hstack([data.y_train, data.y_test])]
    )
    expected = np.column_stack([np.rint(images * 255 / 16), labels])
    assert_array_equal(np.unique(rows, axis=0), np.unique(expected, axis=0))
    share = np.bincount(data.y_test) / np.bincount(labels)
    assert np.ptp(share) < 0.01


def test_load_digits_enlarged_is_the_same_picture_in_mnist_s_frame():
    small, large = load_digits(enlarge=False), load_digits()
    assert large.X_train.shape == (1437, 784)
    assert large.image_shape == (28, 28)
    assert large.X_train.dtype == np.uint8
    assert (large.X_train.min(), large.X_train.max()) == (0, 255)
    assert_array_equal(large.y_train, small.y_train)
    assert_array_equal(large.y_test, small.y_test)
    frames = large.X_train.reshape(-1, 28, 28)
    margin = np.ones((28, 28), bool)
    margin[4:24, 4:24] = False
    assert not frames[:, margin].any()
    # Averaged back over blocks of 5 x 5, the 20 x 20 digit is the 8 x 8 one at 4 x 4.
    back = frames[:, 4:24, 4:24].reshape(-1, 4, 5, 4, 5).mean(axis=(2, 4))
    once = small.X_train.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4))
    assert np.corrcoef(back.ravel(), once.ravel())[0, 1] > 0.99
    assert np.abs(back - once).mean() < 8


def test_load_digits_is_deterministic_and_drawn_from_random_state():
    first, again, other = load_digits(), load_digits(), load_digits(random_state=1)
    assert_array_equal(first.X_train, again.X_train)
    assert_array_equal(first.y_test, again.y_test)
    assert not np.array_equal(first.y_test, other.y_test)


# ---------------------------------------------------------------- openml.org


def test_load_openml_mnist_splits_as_mnist_does(monkeypatch, tmp_path):
    X = np.zeros((70_000, 784), np.float32)
    X[0, 5], X[60_000, 7] = 255, 3
    y = np.full(70_000, "4", object)
    y[0], y[60_000] = "5", "9"
    asked = {}

    def fetch_openml(name, **options):
        asked.update(options, name=name)
        return X, y

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    data = datasets.load_openml_mnist(data_home=tmp_path)
    assert (asked["name"], asked["version"], asked["data_home"]) == ("mnist_784", 1, tmp_path)
    assert asked["as_frame"] is False
    assert data.X_train.shape == (60_000, 784)
    assert data.X_test.shape == (10_000, 784)
    assert data.X_train.dtype == data.y_train.dtype == np.uint8
    assert (data.X_train[0, 5], data.X_test[0, 7]) == (255, 3)
    assert (data.y_train[0], data.y_train[1], data.y_test[0]) == (5, 4, 9)


@pytest.mark.parametrize("fault", [URLError("no route to host"), IncompleteRead(b"half")])
def test_load_openml_mnist_without_a_network(monkeypatch, fault):
    def fetch_openml(name, **options):
        raise fault

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch_openml)
    with pytest.raises(OSError, match=r"openml\.org.*(no route|IncompleteRead).*load_mnist"):
        datasets.load_openml_mnist()


def test_load_openml_mnist_refuses_something_else(monkeypatch):
    monkeypatch.setattr(
        "sklearn.datasets.fetch_openml", lambda name, **_: (np.zeros((10, 784)), ["0"] * 10)
    )
    with pytest.raises(ValueError, match=r"\(10, 784\) with 10 labels; expected \(70000, 784\)"):
        datasets.load_openml_mnist()


# ---------------------------------------------------------------- one_hot and Dataset


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_hot(dtype):
    labels = np.array([3, 0, 3, 1], np.uint8)
    assert_array_equal(one_hot(labels, dtype=dtype), np.eye(4)[labels])
    assert one_hot(labels, dtype=dtype).dtype == dtype
    assert_array_equal(one_hot(labels.tolist(), 6), np.eye(6)[labels])
    assert one_hot(labels).dtype == np.float32
    assert one_hot([], n_classes=3).shape == (0, 3)


@pytest.mark.parametrize(
    "labels, n_classes, error, message",
    [
        ([[1, 2]], None, ValueError, r"one-dimensional, got shape \(1, 2\)"),
        (3, None, ValueError, r"one-dimensional, got shape \(\)"),
        ([0.0, 1.0], None, TypeError, "integers, got dtype float64"),
        (["a"], None, TypeError, "integers"),
        ([], None, ValueError, "give n_classes"),
        ([2, -1], None, ValueError, "counted from 0, got -1"),
        ([0, 4], 4, ValueError, r"0 \.\. 3 \(n_classes=4\), got 0 \.\. 4"),
        (np.ma.masked_equal([0, 1, 2], 1), None, ValueError, "labels is a masked array"),
        ([], 0, ValueError, "n_classes must be at least 1, got 0"),
        ([0, 1], 4.0, TypeError, "n_classes must be an integer or None, got 4.0"),
        ([0, 1], True, TypeError, "n_classes must be an integer or None, got True"),
    ],
)
def test_one_hot_refuses(labels, n_classes, error, message):
    with pytest.raises(error, match=message):
        one_hot(labels, n_classes)


def test_dataset_counts_the_classes_of_both_parts():
    X = np.zeros((2, 4), np.uint8)
    data = Dataset(X, np.array([0, 1]), X, np.array([0, 6]), "squares", (2, 2))
    assert data.n_classes == 7
