"""Doors to the products for tests and measurements; the engine does not come this way."""

import numpy as np

cimport numpy as cnp

from bpcore._core.products cimport affine, column_sums, gemm, own_loops_serve
from bpcore._core.types cimport real_t

cnp.import_array()


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
    own : bool, 2 or None, default=None
        By the own loops, or by BLAS; 2: by the own loops with B transposed first, where there is a
        bias; None: by the own loops where they serve such a product.
    """
    m, k = A.shape[::-1] if trans_a else A.shape
    n = B.shape[0] if trans_b else B.shape[1]
    if C is None:
        C = np.zeros((m, n), dtype=A.dtype)
    if C.shape != (m, n) or (B.shape[1] if trans_b else B.shape[0]) != k:
        raise ValueError("the shapes of A, B and C do not fit")
    if bias is not None and not (bias.shape == (n,) and _ld(B) == k and _ld(C) == n):
        raise ValueError("the shapes of B, C and bias do not fit")
    _check_types(A, B, C, *([] if bias is None else [bias]))
    cdef int by_own = own_loops_serve(m, n, k) if own is None else own
    if A.dtype == np.float32:
        _gemm_again[float](repeat, by_own, trans_a, trans_b, m, n, k, alpha, A, B, beta, C, bias,
                           NULL)
    else:
        _gemm_again[double](repeat, by_own, trans_a, trans_b, m, n, k, alpha, A, B, beta, C, bias,
                            NULL)
    return C


cdef int _gemm_again(Py_ssize_t times, int own, bint trans_a, bint trans_b, Py_ssize_t m,
                     Py_ssize_t n, Py_ssize_t k, double alpha, cnp.ndarray A, cnp.ndarray B,
                     double beta, cnp.ndarray C, cnp.ndarray bias,
                     const real_t* of_type) except -1:
    cdef const real_t* a = <const real_t*>cnp.PyArray_DATA(A)
    cdef const real_t* b = <const real_t*>cnp.PyArray_DATA(B)
    cdef real_t* c = <real_t*>cnp.PyArray_DATA(C)
    cdef Py_ssize_t[3] ld = [_ld(A), _ld(B), _ld(C)]
    cdef Py_ssize_t _
    for _ in range(times):
        if bias is None:
            gemm(own, trans_a, trans_b, m, n, k, <real_t>alpha, a, ld[0], b, ld[1], <real_t>beta,
                 c, ld[2])
        else:
            affine(own, m, n, k, &a, ld[0], b, <const real_t*>cnp.PyArray_DATA(bias), c,
                   <const real_t**>NULL, 0)
    return 0


def add_rows(A, out, double alpha=1.0, double beta=0.0):
    """out = alpha Σ_k A_k + beta out through ``column_sums``.

    Parameters
    ----------
    A, out : ndarrays of two and one dimensions, of one type, float32 or float64, contiguous
        Of A as many columns as out has are added up, from the first on.
    """
    if A.shape[1] < len(out):
        raise ValueError("the shapes of A and out do not fit")
    _check_types(A, out)
    cdef Py_ssize_t lda = _ld(A)
    cdef void* sums = cnp.PyArray_DATA(out)
    if A.dtype == np.float32:
        column_sums[float](len(A), len(out), lda, <const float*>cnp.PyArray_DATA(A), <float>alpha,
                           <float>beta, <float*>sums)
    else:
        column_sums[double](len(A), len(out), lda, <const double*>cnp.PyArray_DATA(A), alpha,
                            beta, <double*>sums)


def _check_types(*arrays):
    """All of one type, and vectors contiguous; `_ld` looks at matrices."""
    dtype = arrays[0].dtype
    if dtype not in (np.float32, np.float64) or any(a.dtype != dtype for a in arrays):
        raise ValueError("expected arrays of one type, float32 or float64")
    if any(a.ndim == 1 and not a.flags.c_contiguous for a in arrays):
        raise ValueError("expected contiguous vectors")


def _ld(matrix):
    """From one row of a matrix to the next, in numbers."""
    row, number = matrix.strides
    if number != matrix.itemsize or row % number or row < number * matrix.shape[1]:
        raise ValueError("the rows of A, B and C must be contiguous and lie one after the other")
    return row // number
