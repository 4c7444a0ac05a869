"""Large tables and bytes that are scaled: read where they lie."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from table_problem import COUNTS, WIDTH, N, Y, make, results

from bpcore import Network, scaled

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


# ---------------------------------------------------------------- nothing is copied as a whole


@pytest.mark.parametrize("element", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_large_arrays_are_read_where_they_lie(element, layout):
    """Passes over n × 100 numbers take far less memory than a copy of them would."""
    n = 60_000
    X = (
        np.ones((n, 200), element)[:, ::2]
        if layout == "strided"
        else np.ones((n, 100), element, order=layout)
    )
    network, Y = Network((100, 4, 1), random_state=0), np.zeros((n, 1), "float32")
    out = np.empty((n, 1), "float32")
    for call in (
        lambda: network.forward(X, out=out),
        lambda: network.cost(X, Y),
        lambda: network.fit(X, Y, 1, 32, 0.1),
    ):
        call()
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < n * 100 / 3  # bytes; a uint8 copy would take n * 100


# ---------------------------------------------------------------- bytes, scaled


@TYPES
@pytest.mark.parametrize("layout", ["C", "F", "strided", "one"])
def test_scaled_bytes_are_those_divided_beforehand(dtype, layout):
    pixels = (COUNTS * 2).astype(np.uint8)
    if layout == "F":
        pixels = np.asfortranarray(pixels)
    elif layout == "strided":
        pixels = np.repeat(np.repeat(pixels, 2, axis=0), 3, axis=1)[::2, ::3]
    for divisor in (255.0, 16.0):
        if layout == "one":
            network = make(dtype)
            got = network.predict(scaled(pixels[3], divisor))
            want = network.predict(pixels[3].astype(dtype) / np.dtype(dtype).type(divisor))
            assert_array_equal(got, want)
            continue
        got = results(scaled(pixels, divisor), dtype=dtype)
        want = results(pixels.astype(dtype) / np.dtype(dtype).type(divisor), dtype=dtype)
        for a, b in zip(got, want, strict=True):
            assert_array_equal(a, b)


def test_scaled_bytes_as_validation_data_and_by_rows():
    pixels = scaled((COUNTS * 2).astype(np.uint8))
    assert (len(pixels), pixels.shape) == (N, (N, WIDTH))
    assert repr(pixels) == f"scaled(<array of shape {(N, WIDTH)}>, 255)"
    history = make().fit(pixels[5:], Y[5:], 2, 8, 0.5, validation_data=(pixels[:5], Y[:5]))
    plain = COUNTS * 2 / 255
    other = make().fit(plain[5:], Y[5:], 2, 8, 0.5, validation_data=(plain[:5], Y[:5]))
    assert history.validation_cost == other.validation_cost


def test_scaled_bytes_are_not_copied(tmp_path):
    """Training reads them where they lie, also in a file."""
    pixels = np.memmap(tmp_path / "pixels", dtype=np.uint8, mode="w+", shape=(20_000, 100))
    pixels[:] = np.random.default_rng(0).integers(0, 256, pixels.shape)
    Y = np.zeros((len(pixels), 1), np.float32)
    network = Network((100, 4, 1), random_state=0)
    tracemalloc.start()
    network.fit(scaled(pixels), Y, epochs=2, batch_size=50, learning_rate=0.1)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < pixels.size / 2


@pytest.mark.parametrize(
    ("X", "divisor", "error", "words"),
    [
        (COUNTS, 255, TypeError, "bytes.*array of int64"),
        ([[1, 2]], 255, TypeError, "got list"),
        (COUNTS.astype(np.uint8), 0, ValueError, "divisor"),
        (COUNTS.astype(np.uint8), np.nan, ValueError, "divisor"),
    ],
)
def test_what_cannot_be_scaled_is_refused(X, divisor, error, words):
    with pytest.raises(error, match=words):
        scaled(X, divisor)
    wrong = scaled(COUNTS[:, :-1].astype(np.uint8))
    with pytest.raises(ValueError, match="features"):
        make().predict(wrong)
