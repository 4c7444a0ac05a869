"""Doors to the products for tests and measurements; the engine does not come this way."""

import numpy as np

from bpcore._core.products cimport affine, column_sums, gemm, own_loops_serve


def multiply(A, B, bint trans_a=False, bint trans_b=False, double alpha=1.0, double beta=0.0,
             C=None, bias=None, Py_ssize_t repeat=1, own=None):
    """alpha op(A) op(B) + beta C through ``gemm``.

    Parameters
    ----------
    A, B, C : ndarrays of two dimensions, of one type, float32 or float64
        The numbers of a row are neighbours; the rows may be further apart than they are wide.
        C is written and returned; a new array when None.
    trans_a, trans_b : bool
        Whether op transposes.
    bias : ndarray of as many numbers as C has columns, or None
        A Bᵀ + bias through ``affine`` instead, whatever the other arguments.
    repeat : int, default=1
        How often it is done, one time after the other, to measure without the call.
    own : bool or None, default=None
        By the own loops, or by BLAS; None: by the own loops where they serve such a product.
    """
    m, k = A.shape[::-1] if trans_a else A.shape
    n = B.shape[0] if trans_b else B.shape[1]
    if C is None:
        C = np.zeros((m, n), dtype=A.dtype)
    if C.shape != (m, n) or (B.shape[1] if trans_b else B.shape[0]) != k:
        raise ValueError("the shapes of A, B and C do not fit")
    cdef bint by_own = own_loops_serve(m, n, k) if own is None else own
    cdef Py_ssize_t m_ = m
    cdef Py_ssize_t n_ = n
    cdef Py_ssize_t k_ = k
    cdef Py_ssize_t[3] ld = [_ld(A), _ld(B), _ld(C)]
    cdef Py_ssize_t _
    cdef const float[:, :] a32, b32
    cdef const double[:, :] a64, b64
    cdef float[:, :] c32
    cdef double[:, :] c64
    cdef const float[::1] bias32
    cdef const double[::1] bias64
    cdef const float* row32
    cdef const double* row64
    if bias is not None and not (bias.shape == (n,) and ld[1] == k and ld[2] == n):
        raise ValueError("the shapes of B, C and bias do not fit")
    if A.dtype == np.float32:
        a32, b32, c32, bias32 = A, B, C, np.zeros(n, A.dtype) if bias is None else bias
        row32 = &a32[0, 0]
        for _ in range(repeat):
            if bias is None:
                gemm[float](by_own, trans_a, trans_b, m_, n_, k_, <float>alpha, row32, ld[0],
                            &b32[0, 0], ld[1], <float>beta, &c32[0, 0], ld[2])
            else:
                affine[float](by_own, m_, n_, k_, &row32, ld[0], &b32[0, 0], &bias32[0],
                              &c32[0, 0], NULL, 0)
    else:
        a64, b64, c64, bias64 = A, B, C, np.zeros(n, A.dtype) if bias is None else bias
        row64 = &a64[0, 0]
        for _ in range(repeat):
            if bias is None:
                gemm[double](by_own, trans_a, trans_b, m_, n_, k_, alpha, row64, ld[0],
                             &b64[0, 0], ld[1], beta, &c64[0, 0], ld[2])
            else:
                affine[double](by_own, m_, n_, k_, &row64, ld[0], &b64[0, 0], &bias64[0],
                               &c64[0, 0], NULL, 0)
    return C


def add_rows(A, out, double alpha=1.0, double beta=0.0):
    """out = alpha Σ_k A_k + beta out through ``column_sums``.

    Parameters
    ----------
    A, out : ndarrays of two and one dimensions, of one type, float32 or float64, contiguous
        Of A as many columns as out has are added up, from the first on.
    """
    if A.shape[1] < len(out):
        raise ValueError("the shapes of A and out do not fit")
    cdef const float[:, ::1] a32
    cdef const double[:, ::1] a64
    cdef float[::1] out32
    cdef double[::1] out64
    if A.dtype == np.float32:
        a32, out32 = A, out
        column_sums[float](a32.shape[0], out32.shape[0], a32.shape[1], &a32[0, 0], <float>alpha,
                           <float>beta, &out32[0])
    else:
        a64, out64 = A, out
        column_sums[double](a64.shape[0], out64.shape[0], a64.shape[1], &a64[0, 0], alpha, beta,
                            &out64[0])


def _ld(matrix):
    """From one row of a matrix to the next, in numbers."""
    row, number = matrix.strides
    if number != matrix.itemsize or row % number or row < number * matrix.shape[1]:
        raise ValueError("the rows of A, B and C must be contiguous and lie one after the other")
    return row // number
