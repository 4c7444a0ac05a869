"""The matrix products of every instruction set, and BLAS, against NumPy in double precision."""

import itertools

import numpy as np
import pytest

from bpcore import _blas

LEVELS = sorted({_blas.choose_products(level) for level in (2, 3, 4)})
_blas.choose_products()

ROWS = (1, 2, 3, 5, 8, 13, 33)
COLUMNS = (1, 2, 3, 7, 10, 16, 17, 31, 48, 49, 70)
DEPTHS = (1, 4, 7, 16, 17, 63, 129, 300)


@pytest.fixture(autouse=True)
def restore():
    yield
    _blas.choose_products()


def check_products(dtype, shapes):
    rng = np.random.default_rng(0)
    bound = 8 * np.finfo(dtype).eps
    for m, n, k in shapes:
        for trans_a, trans_b in ((False, True), (False, False), (True, False)):
            A = rng.standard_normal((k, m) if trans_a else (m, k)).astype(dtype)
            B = rng.standard_normal((n, k) if trans_b else (k, n)).astype(dtype)
            a, b = (A.T if trans_a else A).astype(float), (B.T if trans_b else B).astype(float)
            size = np.abs(a) @ np.abs(b) + 1
            for alpha, beta in ((1.0, 0.0), (-0.5, 1.0), (0.25, 0.5)):
                C = rng.standard_normal((m, n)).astype(dtype)
                if beta == 0:
                    C[:] = np.nan  # is written without being read
                expected = alpha * a @ b + (beta * C.astype(float) if beta else 0)
                result = _blas.multiply(A, B, trans_a, trans_b, alpha, beta, C)
                assert result is C
                error = np.abs(C - expected) / size
                assert error.max() < bound, (m, n, k, trans_a, trans_b, alpha, beta)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", LEVELS)
def test_own_products(level, dtype):
    assert _blas.choose_products(level, most=1e12) == level
    check_products(np.dtype(dtype), itertools.product(ROWS, COLUMNS, DEPTHS))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_through_blas(dtype):
    _blas.choose_products(4, most=0)
    check_products(np.dtype(dtype), itertools.product((1, 2, 33), (1, 10, 49), (1, 17, 129)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("level", "most"), [*((level, 1e12) for level in LEVELS), (4, 0)], ids=lambda x: f"{x:g}"
)
def test_products_with_a_bias(level, most, dtype):
    _blas.choose_products(level, most=most)
    rng = np.random.default_rng(0)
    for m, n, k in itertools.product((1, 3, 33), COLUMNS, (1, 4, 17, 129, 300)):
        A, B, bias = (rng.standard_normal(shape).astype(dtype) for shape in ((m, k), (n, k), n))
        C = np.full((m, n), np.nan, dtype)  # is written without being read
        result = _blas.multiply(A, B, trans_b=True, C=C, bias=bias)
        wide = A.astype(float) @ B.T.astype(float) + bias
        size = np.abs(A).astype(float) @ np.abs(B.T).astype(float) + np.abs(bias) + 1
        assert (np.abs(result - wide) / size).max() < 8 * np.finfo(dtype).eps, (m, n, k)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("level", LEVELS)
def test_sums_of_columns(level, dtype):
    _blas.choose_products(level)
    rng = np.random.default_rng(0)
    for n, width, beyond in itertools.product((1, 2, 3, 4, 5, 33), COLUMNS, (0, 3)):
        A = rng.standard_normal((n, width + beyond)).astype(dtype)
        total, size = A.astype(float).sum(0)[:width], np.abs(A).sum(0)[:width] + 1
        for alpha, beta in ((1.0, 0.0), (-0.5, 1.0), (0.25, 0.5)):
            out = rng.standard_normal(width).astype(dtype)
            if beta == 0:
                out[:] = np.nan  # is written without being read
            expected = alpha * total + (beta * out.astype(float) if beta else 0)
            _blas.add_rows(A, out, alpha, beta)
            assert (np.abs(out - expected) / size).max() < 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_no_rounding_hides_nan_and_infinity(dtype):
    for level in LEVELS:
        _blas.choose_products(level)
        A, B = np.ones((5, 40), dtype), np.ones((6, 40), dtype)
        A[2, 39], B[4, 7] = np.nan, np.inf
        C = _blas.multiply(A, B, trans_b=True)
        assert np.isnan(C[2]).all()
        assert np.isinf(C[[0, 1, 3, 4], 4]).all()
        assert (np.delete(np.delete(C, 2, 0), 4, 1) == 40).all()


def test_multiply_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="do not fit"):
        _blas.multiply(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(ValueError, match="do not fit"):
        _blas.multiply(np.ones((2, 3)), np.ones((3, 4)), C=np.ones((2, 3)))
    with pytest.raises(ValueError, match="do not fit"):
        _blas.multiply(np.ones((2, 3)), np.ones((4, 3)), trans_b=True, bias=np.ones(3))
    with pytest.raises(ValueError, match="do not fit"):
        _blas.add_rows(np.ones((2, 3)), np.ones(4))
