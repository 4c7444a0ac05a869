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
