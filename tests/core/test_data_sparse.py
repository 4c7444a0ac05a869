"""Sparse tables: every kind of storage gives the same numbers, broken ones are refused."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse
from table_problem import COUNTS, WIDTH, N, Y, assert_same, make

from bpcore import Network

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


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


def test_large_sparse_tables_are_not_spread_out():
    X = sparse.csr_array(
        (np.ones(20_000, "float32"), (np.arange(20_000), np.arange(20_000) * 7 % 5000)),
        (20_000, 5000),
    )
    network, Y = Network((5000, 2, 1), random_state=0), np.zeros((20_000, 1), "float32")
    for call in (lambda: network.forward(X), lambda: network.fit(X, Y, 1, 64, 0.1)):
        call()
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 20_000 * 5000 * 4 / 50
