"""The matrix products of every instruction set, and BLAS, against NumPy in double precision."""

import itertools

import numpy as np
import pytest
from instruction_sets import LEVELS, WITH_PAGES, at_the_end
from numpy.testing import assert_array_equal
from tuned import own_products_up_to

from bpcore import Network
from bpcore._core import products, testing

ROWS = (1, 2, 3, 5, 8, 13, 33)
COLUMNS = (1, 2, 3, 7, 10, 16, 17, 31, 48, 49, 70)
DEPTHS = (1, 4, 7, 16, 17, 63, 129, 300)
# More rows than go into one list of where they are; rows that are taken in parts; rows a multiple
# of 1,024 bytes apart, which the lowest level copies.
LONG = ((300, 10, 129), (521, 3, 70), (5, 10, 1100), (9, 7, 2301), (34, 256, 70), (33, 512, 65))


@pytest.fixture(autouse=True)
def restore():
    yield
    products.set_isa()


def rows_apart(matrix, gap):
    """The same matrix as columns of a wider one, NaN beside it."""
    wide = np.full((len(matrix), matrix.shape[1] + gap), np.nan, matrix.dtype)
    wide[:, : matrix.shape[1]] = matrix
    return wide[:, : matrix.shape[1]]


def check_products(dtype, shapes):
    rng = np.random.default_rng(0)
    bound = 8 * np.finfo(dtype).eps
    for m, n, k in shapes:
        gap = (m + n + k) % 2 * 3
        for trans_a, trans_b in ((False, True), (False, False), (True, False)):
            A = rng.standard_normal((k, m) if trans_a else (m, k)).astype(dtype)
            B = rng.standard_normal((n, k) if trans_b else (k, n)).astype(dtype)
            A, B = rows_apart(A, gap), rows_apart(B, gap)
            a, b = (A.T if trans_a else A).astype(float), (B.T if trans_b else B).astype(float)
            size = np.abs(a) @ np.abs(b) + 1
            for alpha, beta in ((1.0, 0.0), (-0.5, 1.0), (0.25, 0.5)):
                C = rows_apart(rng.standard_normal((m, n)).astype(dtype), gap)
                if beta == 0:
                    C[:] = np.nan  # is written without being read
                expected = alpha * a @ b + (beta * C.astype(float) if beta else 0)
                result = testing.multiply(A, B, trans_a, trans_b, alpha, beta, C)
                assert result is C
                error = np.abs(C - expected) / size
                assert error.max() < bound, (m, n, k, trans_a, trans_b, alpha, beta)
                assert gap == 0 or np.isnan(C.base[:, n:]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", LEVELS)
def test_own_products(level, dtype):
    assert products.set_isa(level) == level
    own_products_up_to(1e12)
    check_products(np.dtype(dtype), (*itertools.product(ROWS, COLUMNS, DEPTHS), *LONG))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_through_blas(dtype):
    products.set_isa(4)
    own_products_up_to(0)
    check_products(np.dtype(dtype), itertools.product((1, 2, 33), (1, 10, 49), (1, 17, 129)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("level", "most"), [*((level, 1e12) for level in LEVELS), (4, 0)], ids=lambda x: f"{x:g}"
)
def test_products_with_a_bias(level, most, dtype):
    products.set_isa(level)
    own_products_up_to(most)
    rng = np.random.default_rng(0)
    for m, n, k in itertools.product((1, 3, 33), COLUMNS, (1, 4, 17, 129, 300)):
        A, B, bias = (rng.standard_normal(shape).astype(dtype) for shape in ((m, k), (n, k), n))
        wide = A.astype(float) @ B.T.astype(float) + bias
        size = np.abs(A).astype(float) @ np.abs(B.T).astype(float) + np.abs(bias) + 1
        for own in (None, 2, 3) if most else (None,):
            C = np.full((m, n), np.nan, dtype)  # is written without being read
            result = testing.multiply(A, B, trans_b=True, C=C, bias=bias, own=own)
            error = np.abs(result - wide) / size
            assert error.max() < 8 * np.finfo(dtype).eps, (m, n, k, own)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", LEVELS)
def test_weights_that_are_transposed_in_several_parts(level, dtype):
    """More of them than there is room for at a time; a row has one result in any company."""
    products.set_isa(level)
    rng = np.random.default_rng(0)
    for n, k in ((70, 256), (300, 100), (257, 255), (33, 257), (130, 600)):
        A, B, bias = (rng.standard_normal(shape).astype(dtype) for shape in ((70, k), (n, k), n))
        whole = testing.multiply(A, B, trans_b=True, bias=bias, own=2)
        expected = A.astype(float) @ B.T.astype(float) + bias
        np.testing.assert_allclose(whole, expected, rtol=0, atol=2e3 * np.finfo(dtype).eps)
        dots = testing.multiply(A, B, trans_b=True, bias=bias, own=1)
        assert not np.array_equal(dots, whole)
        for i in (0, 8):
            row = np.ascontiguousarray(A[i : i + 1])
            for own, among in ((1, dots), (2, whole)):
                alone = testing.multiply(row, B, trans_b=True, bias=bias, own=own)
                assert_array_equal(alone[0], among[i])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", LEVELS)
def test_sums_of_columns(level, dtype):
    products.set_isa(level)
    rng = np.random.default_rng(0)
    for n, width, beyond in itertools.product((1, 2, 3, 4, 5, 33), COLUMNS, (0, 3)):
        A = rng.standard_normal((n, width + beyond)).astype(dtype)
        total, size = A.astype(float).sum(0)[:width], np.abs(A).sum(0)[:width] + 1
        for alpha, beta in ((1.0, 0.0), (-0.5, 1.0), (0.25, 0.5)):
            out = rng.standard_normal(width).astype(dtype)
            if beta == 0:
                out[:] = np.nan  # is written without being read
            expected = alpha * total + (beta * out.astype(float) if beta else 0)
            testing.add_rows(A, out, alpha, beta)
            assert (np.abs(out - expected) / size).max() < 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_rounding_hides_nan_and_infinity(dtype):
    for level in LEVELS:
        products.set_isa(level)
        A, B = np.ones((5, 40), dtype), np.ones((6, 40), dtype)
        A[2, 39], B[4, 7] = np.nan, np.inf
        C = testing.multiply(A, B, trans_b=True)
        assert np.isnan(C[2]).all()
        assert np.isinf(C[[0, 1, 3, 4], 4]).all()
        assert (np.delete(np.delete(C, 2, 0), 4, 1) == 40).all()


@WITH_PAGES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", LEVELS)
def test_nothing_behind_the_operands_is_touched(level, dtype):
    """Of what is loaded and stored with a mask AddressSanitizer knows nothing."""
    products.set_isa(level)
    own_products_up_to(1e12)
    rng = np.random.default_rng(0)
    bound = 8 * np.finfo(dtype).eps
    for m, n, k in itertools.product((1, 2, 3, 5, 13), (*range(1, 19), 31, 33, 49), (1, 3, 17, 63)):
        for trans_a, trans_b in ((False, True), (False, False), (True, False)):
            A = at_the_end(np.dtype(dtype), (k, m) if trans_a else (m, k))
            B = at_the_end(np.dtype(dtype), (n, k) if trans_b else (k, n))
            C = at_the_end(np.dtype(dtype), (m, n))
            for matrix in (A, B, C):
                matrix[:] = rng.standard_normal(matrix.shape)
            a, b = (A.T if trans_a else A).astype(float), (B.T if trans_b else B).astype(float)
            size = np.abs(a) @ np.abs(b) + 1
            expected = a @ b + 0.5 * C.astype(float)
            testing.multiply(A, B, trans_a, trans_b, 1.0, 0.5, C)
            error = np.abs(C - expected) / size
            assert error.max() < bound, (m, n, k, trans_a, trans_b)


@WITH_PAGES
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n_in", [64, 70, 256, 259, 262])
def test_nothing_behind_shuffled_rows_is_read(n_in, level, dtype):
    """Rows are read where they lie, and the next batch's are fetched meanwhile."""
    products.set_isa(level)
    rng = np.random.default_rng(0)
    X, Y = at_the_end(np.dtype(dtype), (100, n_in)), rng.random((100, 3))
    X[:] = rng.random(X.shape)
    networks = [Network((n_in, 16, 3), "tanh", dtype=dtype, random_state=0) for _ in range(2)]
    for network, table in zip(networks, (X, X.copy()), strict=True):
        network.fit(table, Y, 2, 32, 0.1)
    assert_array_equal(networks[0].parameters, networks[1].parameters)
    assert_array_equal(networks[0].predict(X[-33:]), networks[1].predict(X[-33:].copy()))


def test_multiply_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="do not fit"):
        testing.multiply(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="do not fit"):
        testing.multiply(np.ones((2, 3)), np.ones((3, 4)), C=np.ones((2, 3)))
    with pytest.raises(ValueError, match="do not fit"):
        testing.multiply(np.ones((2, 3)), np.ones((4, 3)), trans_b=True, bias=np.ones(3))
    with pytest.raises(ValueError, match="do not fit"):
        testing.add_rows(np.ones((2, 3)), np.ones(4))
    with pytest.raises(ValueError, match="must be contiguous"):
        testing.multiply(np.ones((2, 3)), np.ones((4, 3)).T)
    with pytest.raises(ValueError, match="one after the other"):
        testing.multiply(np.ones((2, 3)), np.ones((3, 4))[::-1])
    for wrong in (np.ones((3, 4), "f4"), np.ones((3, 4), int)):
        with pytest.raises(ValueError, match="of one type"):
            testing.multiply(np.ones((2, 3)), wrong)
    with pytest.raises(ValueError, match="float32 or float64"):
        testing.multiply(np.ones((2, 3), int), np.ones((3, 4), int))
    with pytest.raises(ValueError, match="contiguous vectors"):
        testing.add_rows(np.ones((2, 3)), np.ones(6)[::2])
