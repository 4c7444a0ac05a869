"""Data as people have it: every type and layout gives the same numbers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from table_problem import COUNTS, WIDTH, N, Y, assert_same, make, results
from tuned import own_products_up_to, tune, untune

from bpcore import Network
from bpcore._core.rows import Rows

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def misaligned(array):
    raw = np.zeros(array.nbytes + 1, np.uint8)
    view = raw[1:].view(array.dtype).reshape(array.shape)
    view[:] = array
    assert not view.flags.aligned
    return view


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def wide_rows(array):
    """Rows that lie apart, as columns of a larger table do."""
    table = np.full((len(array), WIDTH + 5), 99, array.dtype)
    table[:, 2 : 2 + WIDTH] = array
    return table[:, 2 : 2 + WIDTH]


LAYOUTS = {
    "contiguous": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "part of a table": wide_rows,
    "every second row": lambda a: np.repeat(a, 2, axis=0)[::2],
    "every third column": lambda a: np.repeat(a, 3, axis=1)[:, ::3],
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "swapped axes": lambda a: a.T.copy().T,
    "read-only": read_only,
}

ELEMENTS = [
    "float64",
    "float32",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint16",
    "uint32",
    "uint64",
    "float16",
    "longdouble",
    ">f8",
    ">f4",
    ">i4",
    ">u2",
]


@TYPES
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("element", ["float64", "float32", "uint8", ">f8"])
def test_every_layout(element, layout, dtype):
    X = LAYOUTS[layout](COUNTS.astype(element))
    kept = X.copy()
    assert_same(X, dtype=dtype)
    assert_array_equal(X, kept)


@TYPES
@pytest.mark.parametrize("element", ELEMENTS)
def test_every_element_type(element, dtype):
    assert_same(COUNTS.astype(element), dtype=dtype)
    assert_same(wide_rows(COUNTS.astype(element)), dtype=dtype)


@pytest.mark.parametrize("element", ["float64", "float32", ">f8"])
def test_misaligned_arrays(element):
    assert_same(misaligned(COUNTS.astype(element)))


@TYPES
def test_booleans(dtype):
    assert_same(COUNTS > 0, dtype=dtype, expected_of=(COUNTS > 0).astype(float))
    assert_same(np.asfortranarray(COUNTS > 0), dtype=dtype, expected_of=(COUNTS > 0).astype(float))


def test_pixels_are_plain_numbers():
    """uint8 is 0 … 255: nobody divides by 255 unasked."""
    network = Network((2, 1), "identity", dtype="float64", init="zeros")
    network.weights[0][:] = [[1.0, 1000.0]]
    assert_array_equal(
        network.forward(np.array([[255, 3], [0, 128]], np.uint8)), [[3255.0], [128000.0]]
    )


def test_lists_and_array_likes():
    class Table:
        def __array__(self, dtype=None, copy=None):
            return np.array(COUNTS, dtype)

    assert_same(COUNTS.tolist(), Y.tolist())
    assert_same(tuple(map(tuple, COUNTS)))
    assert_same(Table())


def test_data_frames():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    assert_same(pandas.DataFrame(COUNTS), pandas.DataFrame(Y))


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
@pytest.mark.parametrize("element", ["float64", "float32", "uint8"])
def test_memory_maps(tmp_path, element, mode):
    path = tmp_path / "table.npy"
    np.save(path, COUNTS.astype(element))
    X = np.load(path, mmap_mode=mode)
    assert_same(X)
    del X
    assert_array_equal(np.load(path), COUNTS)


@TYPES
def test_repeated_rows_without_memory(dtype):
    row = COUNTS[3].astype(float)
    assert_same(np.broadcast_to(row, (N, WIDTH)), dtype=dtype, expected_of=np.tile(row, (N, 1)))


@TYPES
@pytest.mark.parametrize("products", ["own", "BLAS"])
def test_rows_further_apart_than_blas_can_count(tmp_path, request, products, dtype):
    """Two rows 2³¹ numbers apart, in a file with a hole between them."""
    if products == "BLAS":
        own_products_up_to(0)
        request.addfinalizer(untune)
    distance = (2**31 + 8) * np.dtype(dtype).itemsize
    path = tmp_path / "hole"
    try:
        with path.open("wb") as file:
            file.truncate(distance + 4096)
        raw = np.memmap(path, np.uint8, "r+")
    except OSError as error:
        pytest.skip(f"no room for a file with a hole: {error}")
    X = np.lib.stride_tricks.as_strided(
        raw[:8].view(dtype), (2, WIDTH), (distance, np.dtype(dtype).itemsize)
    )
    X[:] = COUNTS[:2]
    network = make(dtype)
    assert_allclose(network.forward(X), network.forward(COUNTS[:2]), rtol=1e-6)
    assert_allclose(
        network.gradient(X, Y[:2]).vector,
        network.gradient(COUNTS[:2], Y[:2]).vector,
        rtol=1e-4,
        atol=1e-6,
    )


# ---------------------------------------------------------------- targets and weights


@TYPES
@pytest.mark.parametrize("layout", [name for name in LAYOUTS if name != "part of a table"])
def test_layouts_of_targets(layout, dtype):
    assert_same(COUNTS.astype(float), LAYOUTS[layout](Y), dtype=dtype)


@pytest.mark.parametrize("element", [*ELEMENTS, "bool"])
def test_element_types_of_targets(element):
    labels = np.eye(3)[np.arange(N) % 3]
    X = COUNTS.astype(float)
    for ours, theirs in zip(results(X, labels.astype(element)), results(X, labels), strict=True):
        assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("element", ["float32", "int64", "uint8", ">f8", "bool", "float16"])
def test_element_types_of_weights(element):
    s = (np.arange(N) % 2).astype(element)
    for given in (s, np.repeat(s, 2)[::2], s.tolist()):
        for ours, theirs in zip(
            results(COUNTS, s=given), results(COUNTS, s=np.arange(N) % 2.0), strict=True
        ):
            assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -2.0])
def test_the_first_row_beyond_a_limit_in_any_part_of_a_table(bad):
    """A table is looked through in parts, here of four rows."""
    tune(signal_scanned=29)
    n = 43
    table = np.ones((n, 7))
    assert Rows(table).first_row_beyond(1.0) == -1
    for first in range(n):
        table[:] = 1.0
        table[first, first % 7] = bad
        assert Rows(table).first_row_beyond(1.0) == first
        table[first + 1 :: 3, 2] = bad
        assert Rows(table).first_row_beyond(1.0) == first
