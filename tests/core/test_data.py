"""Data as people have it: every type, layout and sparse storage gives the same numbers."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from bpcore import Network, _blas, scaled

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
N, WIDTH = 37, 11
COUNTS = np.random.default_rng(0).integers(0, 120, (N, WIDTH))
COUNTS[np.random.default_rng(1).uniform(size=COUNTS.shape) < 0.6] = 0
Y = np.random.default_rng(2).uniform(size=(N, 3))


def make(dtype="float64"):
    network = Network((WIDTH, 6, 3), "tanh", "sigmoid", dtype=dtype, random_state=0)
    network.weights[0][:] /= 50
    return network


def results(X, Y=Y, s=None, dtype="float64"):
    """What every door of the network makes of the data: outputs, derivatives and trained θ."""
    network = make(dtype)
    g, t = network.gradient(X, Y, s), network.trace(X, Y, s)
    found = [
        network.forward(X),
        network.cost(X, Y, s),
        g.vector,
        g.inputs,
        t.dC_dz[1],
        t.activations[0],
        network.per_sample_gradients(X, Y),
        network.jacobian(X),
        network.score(X, Y, sample_weight=s),
    ]
    network.fit(X, Y, 2, 8, 0.5, sample_weight=s, random_state=1)
    found.append(network.parameters.copy())
    network.fit(X, Y, 1, None, 0.5, sample_weight=s, shuffle=False, validation_data=(X, Y))
    return [*found, network.history_.validation_cost[0], network.parameters.copy()]


def assert_same(X, Y_given=Y, dtype="float64", expected_of=COUNTS):
    expected = results(np.array(expected_of, dtype, order="C"), Y.astype(dtype), dtype=dtype)
    close = {"rtol": 3e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-14}
    for ours, theirs in zip(results(X, Y_given, dtype=dtype), expected, strict=True):
        assert_allclose(ours, theirs, **close)


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
        _blas.choose_products(most=0)
        request.addfinalizer(_blas.choose_products)
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


# ---------------------------------------------------------------- sparse


def with_duplicates(array, dtype=float):
    """Each entry as two that add up, in no order within its row."""
    rows, columns = np.nonzero(array)
    values = array[rows, columns].astype(float)
    shuffled = np.random.default_rng(3).permutation(2 * len(rows))
    data = np.r_[values - 1, np.ones(len(rows))][shuffled].astype(dtype)
    rows, columns = np.r_[rows, rows][shuffled], np.r_[columns, columns][shuffled]
    by_row = np.argsort(rows, kind="stable")
    start = np.r_[0, np.cumsum(np.bincount(rows, minlength=len(array)))]
    table = sparse.csr_matrix((data[by_row], columns[by_row], start), shape=array.shape)
    assert not table.has_canonical_format
    return table


def unsorted(array):
    table = sparse.csr_matrix(array.astype(float))
    for k in range(len(array)):
        part = slice(table.indptr[k], table.indptr[k + 1])
        table.indices[part] = table.indices[part][::-1].copy()
        table.data[part] = table.data[part][::-1].copy()
    table.has_sorted_indices = False
    return table


def with_zeros(array):
    table = sparse.csr_matrix(np.ones_like(array, float))
    table.data[:] = array.ravel()
    return table


def long_indices(array):
    table = sparse.csr_array(array.astype(float))
    table.indices, table.indptr = table.indices.astype(np.int64), table.indptr.astype(np.int64)
    return table


SPARSE = {
    kind: lambda a, kind=kind: sparse.csr_array(a.astype(float)).asformat(kind)
    for kind in ("csr", "csc", "coo", "lil", "dok", "dia", "bsr")
}
SPARSE |= {
    "matrix": lambda a: sparse.csr_matrix(a.astype(float)),
    "CSC matrix": lambda a: sparse.csc_matrix(a.astype(float)),
    "float32": lambda a: sparse.csr_array(a.astype("float32")),
    "CSC float32": lambda a: sparse.csc_array(a.astype("float32")),
    "integers": sparse.csr_array,
    "uint8": lambda a: sparse.csr_array(a.astype("uint8")),
    "duplicates": with_duplicates,
    "float32 duplicates": lambda a: with_duplicates(a, "float32"),
    "CSC duplicates": lambda a: with_duplicates(a.T).T,
    "unsorted": unsorted,
    "explicit zeros": with_zeros,
    "64-bit indices": long_indices,
    "sliced": lambda a: sparse.csr_array(np.r_[a, a].astype(float))[N:],
}


@TYPES
@pytest.mark.parametrize("kind", SPARSE)
def test_sparse(kind, dtype):
    X = SPARSE[kind](COUNTS)
    kept = X.toarray()
    stored = X.nnz
    assert_same(X, dtype=dtype)
    assert_array_equal(X.toarray(), kept)
    assert X.nnz == stored


def test_sparse_rows_without_entries():
    X = COUNTS.copy()
    X[[0, 5, N - 1]] = 0
    assert_same(sparse.csr_array(X.astype(float)), expected_of=X)
    assert_same(sparse.csr_array((N, WIDTH)), expected_of=np.zeros((N, WIDTH)))


@pytest.mark.parametrize("element", ["float32", "float64"])
@pytest.mark.parametrize("column", [0, 3, WIDTH - 1])
def test_a_number_that_is_none_in_a_table_with_gaps(column, element):
    wide = np.zeros((N, 2 * WIDTH), element)
    X = wide[:, ::2]
    assert_array_equal(make().predict(X), make().predict(X.copy()))
    X[5, column] = np.nan
    for call in (make().predict, lambda X: make().fit(X, Y, 1)):
        with pytest.raises(ValueError, match="in row 5:"):
            call(X)


def spoil(part, place, value):
    table = sparse.csr_matrix(COUNTS.astype(float))
    getattr(table, part)[place] = value
    return table


@pytest.mark.parametrize(
    "broken",
    [
        spoil("indices", 7, WIDTH),
        spoil("indices", 7, -1),
        spoil("indices", 0, 2**31 - 1),
        spoil("indptr", -1, 10**6),
        spoil("indptr", -1, np.count_nonzero(COUNTS) + 1),
        spoil("indptr", 3, -5),
        spoil("indptr", 4, 10**5),
    ],
)
def test_sparse_tables_that_point_outside(broken):
    """Indices that would read or write beyond the arrays are refused, not followed."""
    network = make()
    for call in (
        lambda: network.forward(broken),
        lambda: network.cost(broken, Y),
        lambda: network.fit(broken, Y, 1),
    ):
        with pytest.raises((ValueError, IndexError)):
            call()


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


def test_large_sparse_tables_are_not_spread_out():
    # random_array calls its seed rng or random_state, depending on SciPy's version
    X = sparse.csr_array(sparse.random(20_000, 5000, 2e-4, random_state=0, dtype="float32"))
    network, Y = Network((5000, 2, 1), random_state=0), np.zeros((20_000, 1), "float32")
    for call in (lambda: network.forward(X), lambda: network.fit(X, Y, 1, 64, 0.1)):
        call()
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20_000 * 5000 * 4 / 50


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
