"""Which tables a first layer that passes by zeros takes, and how it reads them."""

import numpy as np
import pytest
import scipy.sparse
from instruction_sets import LEVELS, WITH_PAGES, at_the_end
from numpy.testing import assert_allclose, assert_array_equal
from tuned import compress_from
from zeros import TYPES, blank, close, every_table_is_sparse

from bpcore import MLPClassifier, Network, scaled
from bpcore._core import products
from bpcore._core.rows import Rows

sparse = pytest.fixture(autouse=True)(every_table_is_sparse)


def tables(X):
    """The same numbers as every kind of table."""
    wide = np.full((len(X), 2 * X.shape[1]), np.nan)
    wide[:, ::2] = X
    csr = scipy.sparse.csr_array(X)
    yield "rows", X.copy()
    yield "float32", X.astype(np.float32)
    yield "apart", wide[:, ::2]
    yield "backwards", X[::-1].copy()[::-1]
    yield "columns", np.asfortranarray(X)
    yield "csr", csr
    yield "csr of float32", csr.astype(np.float32)
    far = csr.copy()
    far.indices, far.indptr = far.indices.astype(np.int64), far.indptr.astype(np.int64)
    yield "csr, wide indices", far
    turned = csr.copy()
    for k in range(len(X)):
        row = slice(turned.indptr[k], turned.indptr[k + 1])
        turned.indices[row] = turned.indices[row][::-1].copy()
        turned.data[row] = turned.data[row][::-1].copy()
    turned.has_sorted_indices = False
    yield "csr, unsorted", turned
    twice = np.repeat(csr.indices, 2)
    halves = np.repeat(csr.data / 2, 2)
    yield "csr, twice", scipy.sparse.csr_array((halves, twice, 2 * csr.indptr), X.shape)


@TYPES
@pytest.mark.parametrize(
    ("n_in", "width", "optimizer"),
    [(68, 16, "sgd"), (700, 100, ("adam", {"epsilon": 0.01}))],
    ids=["straight into the weights", "several pieces"],
)
def test_every_kind_of_table(n_in, width, optimizer, dtype, rng):
    X, Y = blank(rng, 90, n_in, 0.3), rng.random((90, 3))

    def learn(table, shuffle=True):
        network = Network((n_in, width, 3), "tanh", dtype=dtype, random_state=0)
        network.fit(table, Y, 3, 20, 0.01, optimizer=optimizer, shuffle=shuffle, random_state=1)
        gradient = network.gradient(table, Y).vector
        return network.parameters, network.predict(table), gradient, network.cost(table, Y)

    for shuffle in (True, False):
        compress_from(-1, 1)
        whole = learn(X, shuffle)
        compress_from(1.0, 1)
        ours = learn(X, shuffle)
        for a, b in zip(ours, whole, strict=True):
            assert_allclose(a, b, **close(dtype))
        for kind, table in tables(X):
            for a, b in zip(learn(table, shuffle), ours, strict=True):
                assert_allclose(a, b, err_msg=kind, **close(dtype))
                if "twice" not in kind:  # x w + x w is rounded otherwise than (2 x) w
                    assert_array_equal(a, b, err_msg=kind)


def test_a_row_may_have_more_entries_than_columns(rng):
    X, Y = blank(rng, 30, 64), rng.random((30, 3))
    X[3] = rng.standard_normal(64)
    csr = scipy.sparse.csr_array(X)
    entries = np.repeat(csr.data / 2, 2), np.repeat(csr.indices, 2), 2 * csr.indptr
    networks = [Network((64, 19, 3), dtype="float64", random_state=0) for _ in range(2)]
    for network, table in zip(networks, (X, scipy.sparse.csr_array(entries, X.shape)), strict=True):
        network.fit(table, Y, 2, 8, 0.1, random_state=1)
    assert_allclose(*(network.parameters for network in networks), rtol=1e-12)


@TYPES
def test_bytes_are_divided_first(dtype, rng):
    images = rng.integers(0, 256, (80, 100), np.uint8) * (rng.random((80, 100)) < 0.2)
    Y = rng.random((80, 4))
    networks = [Network((100, 19, 4), "tanh", dtype=dtype, random_state=0) for _ in range(2)]
    divided = (images / 255).astype(dtype) if dtype == "float64" else images / np.float32(255)
    for network, X in zip(networks, (scaled(images.astype(np.uint8)), divided), strict=True):
        network.fit(X, Y, 2, 16, 0.1, random_state=3)
    assert_array_equal(networks[0].parameters, networks[1].parameters)


def test_which_tables_are_sparse(rng):
    """Up to a quarter of the numbers not zero, 256 rows or more of at least 64 numbers, at least 16
    units."""
    compress_from(0.25, 256)

    for n, n_in, n_out, density, expected in [
        (256, 64, 16, 0.25, True),
        (255, 64, 16, 0.25, False),
        (256, 63, 16, 0.25, False),
        (256, 64, 15, 0.25, False),
        (256, 64, 16, 0.28, False),
    ]:
        X = np.zeros((n, n_in))
        X[:, : round(density * n_in)] = rng.random((n, round(density * n_in))) + 0.5
        network = Network((n_in, n_out), "identity", loss="quadratic", dtype="float64")
        network.weights[0][:, -1] = np.inf  # times zero: NaN, unless it is passed by
        wide = np.ones((n, 2 * n_in))
        wide[:, ::2] = X
        for table in (X, wide[:, ::2]):
            out = np.empty((n, n_out))
            finite = network._predict_into(Rows(table), out)
            assert finite is expected, (n, n_in, n_out, density)
            assert np.isfinite(out).all() == expected


@TYPES
@pytest.mark.parametrize("level", LEVELS)
def test_what_is_not_finite_is_found(level, dtype, rng):
    products.set_isa(level)
    X = blank(rng, 300, 64)
    network = Network((64, 19, 3), "tanh", dtype=dtype, random_state=0)
    for bad in (np.nan, np.inf, -np.inf):
        broken = X.copy()
        broken[200, 63] = bad
        with pytest.raises(ValueError, match=r"row 200|NaN|infinity"):
            network.predict(broken)


@WITH_PAGES
@TYPES
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n_in", [64, 67, 70])
def test_nothing_behind_the_rows_is_read(n_in, level, dtype, rng):
    products.set_isa(level)
    X = at_the_end(np.dtype(dtype), (100, n_in))
    X[:] = blank(rng, 100, n_in)
    Y = rng.random((100, 3))
    networks = [Network((n_in, 16, 3), "tanh", dtype=dtype, random_state=0) for _ in range(2)]
    for network, table in zip(networks, (X, X.copy()), strict=True):
        network.fit(table, Y, 2, 32, 0.1)
    assert_array_equal(networks[0].parameters, networks[1].parameters)
    assert_array_equal(networks[0].predict(X), networks[1].predict(X.copy()))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_on_sparse_matrices(rng):
    """L-BFGS, which takes whole gradients, and Adam; a matrix and its array give the same."""
    X = blank(rng, 400, 90, 0.1)
    y = (X[:, :3].sum(axis=1) > 0).astype(int)
    for solver in ("adam", "sgd", "lbfgs"):
        fits = [
            MLPClassifier((18,), solver=solver, max_iter=15, random_state=0).fit(table, y)
            for table in (X, scipy.sparse.csr_matrix(X))
        ]
        compress_from(-1, 1)
        fits.append(MLPClassifier((18,), solver=solver, max_iter=15, random_state=0).fit(X, y))
        compress_from(1.0, 1)
        assert_array_equal(fits[0].coefs_[0], fits[1].coefs_[0])
        assert_allclose(fits[0].coefs_[0], fits[2].coefs_[0], rtol=1e-6, atol=1e-8)
        assert_array_equal(fits[0].predict_proba(X), fits[1].predict_proba(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_with_more_entries_than_columns(dtype):
    """Entries given more than once may be more than there is room for: the row is spread out."""
    rows, columns = 300, 64
    counts = np.ones(rows, int)
    counts[5] = 70
    indices = np.full(counts.sum(), 3)
    start = np.r_[0, np.cumsum(counts)]
    table = scipy.sparse.csr_array(
        (np.full(len(indices), 0.5, dtype), indices, start), (rows, columns)
    )
    assert table.has_sorted_indices
    network = Network((columns, 16, 3), "tanh", dtype=dtype, random_state=0)
    dense = np.zeros((rows, columns), dtype)
    dense[:, 3] = 0.5 * counts
    assert_allclose(network.predict(table), network.predict(dense), rtol=1e-5, atol=1e-6)
