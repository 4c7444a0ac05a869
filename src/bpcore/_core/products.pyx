"""The one door to matrix products: row-major in; own loops for small layers, BLAS for large ones.

SciPy's ``cython_blas`` takes C ``int``.  Every size that comes here is the width of a layer,
the rows of a block or the ld between two rows of the input; the callers refuse widths
beyond ``MAX_DIMENSION`` once, when a network is made, copy rows that lie further apart than
that, and cut rows into ceil_div.  So the casts below cannot wrap round.
"""

import numpy as np

from libc.stdint cimport int32_t
from scipy.linalg.cython_blas cimport dgemm, dgemv, sgemm, sgemv

from bpcore._core.types cimport real_t

cdef extern from "gemm.h" nogil:
    int bp_set_isa(int limit, double most)
    int bp_isa()
    bint bp_is_small(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k)
    bint bp_loop_depends_on_rows(Py_ssize_t k)
    void bp_product_f32(bint, bint, Py_ssize_t, Py_ssize_t, Py_ssize_t, float, const float*,
                        Py_ssize_t, const float*, Py_ssize_t, const float*, float, float*,
                        Py_ssize_t)
    void bp_product_f64(bint, bint, Py_ssize_t, Py_ssize_t, Py_ssize_t, double, const double*,
                        Py_ssize_t, const double*, Py_ssize_t, const double*, double, double*,
                        Py_ssize_t)
    void bp_product_nt_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, const float**, const float*,
                           Py_ssize_t, const float*, float*, Py_ssize_t, const float**, Py_ssize_t)
    void bp_product_nt_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, const double**, const double*,
                           Py_ssize_t, const double*, double*, Py_ssize_t, const double**,
                           Py_ssize_t)
    void bp_product_tn_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, float, const float*, Py_ssize_t,
                           const float**, float, float*, Py_ssize_t, const float**, Py_ssize_t)
    void bp_product_tn_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, double, const double*, Py_ssize_t,
                           const double**, double, double*, Py_ssize_t, const double**,
                           Py_ssize_t)

    Py_ssize_t bp_compress_f32(Py_ssize_t, const float*, const void*, float*, int32_t*, int32_t*)
    Py_ssize_t bp_compress_f64(Py_ssize_t, const double*, const void*, double*, int32_t*, int32_t*)
    void bp_sparse_dot_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, const float*, const int32_t*,
                           const Py_ssize_t*, const float*, Py_ssize_t, const float*, float*,
                           const float**, Py_ssize_t)
    void bp_sparse_dot_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, const double*, const int32_t*,
                           const Py_ssize_t*, const double*, Py_ssize_t, const double*, double*,
                           const double**, Py_ssize_t)
    void bp_sparse_add_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                           const float*, const int32_t*, const Py_ssize_t*, const int32_t*, float,
                           const float*, float*, Py_ssize_t, const float**, Py_ssize_t)
    void bp_sparse_add_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t, Py_ssize_t,
                           const double*, const int32_t*, const Py_ssize_t*, const int32_t*,
                           double, const double*, double*, Py_ssize_t, const double**, Py_ssize_t)
    void bp_transpose_f32(Py_ssize_t, Py_ssize_t, const float*, Py_ssize_t, float*, Py_ssize_t)
    void bp_transpose_f64(Py_ssize_t, Py_ssize_t, const double*, Py_ssize_t, double*, Py_ssize_t)
    void bp_column_sums_f32(Py_ssize_t, Py_ssize_t, Py_ssize_t, const float*, float, float,
                            float*)
    void bp_column_sums_f64(Py_ssize_t, Py_ssize_t, Py_ssize_t, const double*, double, double,
                            double*)

cdef extern from "elementary.h" nogil:
    void bp_add_bias_f32(Py_ssize_t, Py_ssize_t, const float*, float*)
    void bp_add_bias_f64(Py_ssize_t, Py_ssize_t, const double*, double*)

MAX_DIMENSION = 2**31 - 1

# Multiplications in a product from which on BLAS's packed panels pay.  Without AVX2 or more the own
# loops use a fraction of the processor.
cdef double MOST = 2.5e9
cdef double MOST_OF_THE_BASELINE = 5e7

# The widest vector, and a line of the caches, which no vector then crosses.
cdef Py_ssize_t VECTOR_BYTES = 64


def set_isa(int level=4, most=None):
    """Set which of the own loops serve, and up to which size; returns the level taken.

    For tests and measurements; the module calls it once when it is imported.

    Parameters
    ----------
    level : int, default=4
        The highest level of the x86-64 instruction set to use (2, 3 or 4), if the processor
        has it.
    most : float, optional
        Products of more multiplications go to BLAS; 0: all do.  When None: 5e7 on level 2, 2.5e9
        above it.
    """
    level = bp_set_isa(level, 0)
    if most is None:
        most = MOST if level > 2 else MOST_OF_THE_BASELINE
    return bp_set_isa(level, most)


set_isa()


def isa():
    """What the own product loops run on, as text."""
    return {4: "x86-64-v4 (AVX-512)", 3: "x86-64-v3 (AVX2, FMA)",
            2: "the architecture's baseline"}.get(bp_isa(), "none: BLAS does all")


def multiply(A, B, bint trans_a=False, bint trans_b=False, double alpha=1.0, double beta=0.0,
             C=None, bias=None):
    """alpha op(A) op(B) + beta C through ``gemm``, for tests and measurements.

    Parameters
    ----------
    A, B, C : ndarrays of two dimensions, of one type, float32 or float64
        The numbers of a row are neighbours; the rows may be further apart than they are wide.
        C is written and returned; a new array when None.
    trans_a, trans_b : bool
        Whether op transposes.
    bias : ndarray of as many numbers as C has columns, or None
        A Bᵀ + bias through ``affine`` instead, whatever the other arguments.
    """
    m, k = A.shape[::-1] if trans_a else A.shape
    n = B.shape[0] if trans_b else B.shape[1]
    if C is None:
        C = np.zeros((m, n), dtype=A.dtype)
    if C.shape != (m, n) or (B.shape[1] if trans_b else B.shape[0]) != k:
        raise ValueError("the shapes of A, B and C do not fit")
    lda, ldb, ldc = [_ld(matrix) for matrix in (A, B, C)]
    cdef const float[:, :] a32, b32
    cdef const double[:, :] a64, b64
    cdef float[:, :] c32
    cdef double[:, :] c64
    cdef const float[::1] bias32
    cdef const double[::1] bias64
    cdef const float* row32
    cdef const double* row64
    if bias is not None and not (bias.shape == (n,) and ldb == k and ldc == n):
        raise ValueError("the shapes of B, C and bias do not fit")
    if A.dtype == np.float32 and bias is not None:
        a32, b32, c32, bias32 = A, B, C, bias
        row32 = &a32[0, 0]
        affine[float](m, n, k, &row32, lda, &b32[0, 0], &bias32[0], &c32[0, 0], NULL, 0)
    elif bias is not None:
        a64, b64, c64, bias64 = A, B, C, bias
        row64 = &a64[0, 0]
        affine[double](m, n, k, &row64, lda, &b64[0, 0], &bias64[0], &c64[0, 0], NULL, 0)
    elif A.dtype == np.float32:
        a32, b32, c32 = A, B, C
        gemm[float](trans_a, trans_b, m, n, k, <float>alpha, &a32[0, 0], lda,
                    &b32[0, 0], ldb, <float>beta, &c32[0, 0], ldc)
    else:
        a64, b64, c64 = A, B, C
        gemm[double](trans_a, trans_b, m, n, k, alpha, &a64[0, 0], lda,
                     &b64[0, 0], ldb, beta, &c64[0, 0], ldc)
    return C


def add_rows(A, out, double alpha=1.0, double beta=0.0):
    """out = alpha Σ_k A_k + beta out through ``column_sums``, for tests.

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


cdef void gemm(bint trans_a, bint trans_b, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
               real_t alpha, const real_t* A, Py_ssize_t lda,
               const real_t* B, Py_ssize_t ldb,
               real_t beta, real_t* C, Py_ssize_t ldc) noexcept nogil:
    """C = alpha op(A) op(B) + beta C, where op(A) is (m, k), op(B) is (k, n), C is (m, n).

    Row-major matrices are the transposes of Fortran's: Cᵀ = op(B)ᵀ op(A)ᵀ.  With beta = 0,
    C is written without being read.
    """
    cdef int m_ = <int>m
    cdef int n_ = <int>n
    cdef int k_ = <int>k
    cdef int lda_ = <int>lda
    cdef int ldb_ = <int>ldb
    cdef int ldc_ = <int>ldc
    cdef int one = 1
    cdef char op_a = b"T" if trans_a else b"N"
    cdef char op_b = b"T" if trans_b else b"N"
    cdef char op_v

    if bp_is_small(m, n, k):
        if real_t is float:
            bp_product_f32(trans_a, trans_b, m, n, k, alpha, A, lda, B, ldb, NULL, beta, C,
                           ldc)
        else:
            bp_product_f64(trans_a, trans_b, m, n, k, alpha, A, lda, B, ldb, NULL, beta, C,
                           ldc)
        return

    if m == 1 and not trans_a:
        # One row: c = op(B)ᵀ a.  Fortran sees op(B) transposed once already.
        op_v = b"T" if trans_b else b"N"
        if trans_b:
            m_, k_ = k_, n_
        else:
            m_, k_ = n_, k_
        if real_t is float:
            sgemv(&op_v, &m_, &k_, &alpha, <float*>B, &ldb_, <float*>A, &one, &beta, C, &one)
        else:
            dgemv(&op_v, &m_, &k_, &alpha, <double*>B, &ldb_, <double*>A, &one, &beta, C, &one)
        return

    if real_t is float:
        sgemm(&op_b, &op_a, &n_, &m_, &k_, &alpha, <float*>B, &ldb_, <float*>A, &lda_,
              &beta, C, &ldc_)
    else:
        dgemm(&op_b, &op_a, &n_, &m_, &k_, &alpha, <double*>B, &ldb_, <double*>A, &lda_,
              &beta, C, &ldc_)


cdef bint is_small(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Whether the own loops serve a product of (m, k) by (k, n), also with by_pointer rows."""
    return bp_is_small(m, n, k)


cdef bint loop_depends_on_rows(Py_ssize_t n_in) noexcept nogil:
    """Whether the bits of a row of small `affine` depend on how many rows there are."""
    return bp_loop_depends_on_rows(n_in)


cdef void affine(Py_ssize_t n, Py_ssize_t n_out, Py_ssize_t n_in, const real_t** x,
                          Py_ssize_t ldx, const real_t* w, const real_t* b, real_t* z,
                          const real_t** prefetch, Py_ssize_t n_prefetch) noexcept nogil:
    """z = x wᵀ + b, z (n, n_out), w (n_out, n_in).

    x: where the n rows are.  ldx: how far they are apart, so that x[0] tells all; 0 where they
    are by_pointer, which only a small product can be.
    prefetch: a list of which every second row, n_prefetch in all, of n_in numbers, is fetched into the
    caches meanwhile; with by_pointer rows only.
    """
    if ldx == 0:
        if real_t is float:
            bp_product_nt_f32(n, n_out, n_in, x, w, n_in, b, z, n_out, prefetch, n_prefetch)
        else:
            bp_product_nt_f64(n, n_out, n_in, x, w, n_in, b, z, n_out, prefetch, n_prefetch)
    elif bp_is_small(n, n_out, n_in):
        if real_t is float:
            bp_product_f32(False, True, n, n_out, n_in, 1, x[0], ldx, w, n_in, b, 0, z, n_out)
        else:
            bp_product_f64(False, True, n, n_out, n_in, 1, x[0], ldx, w, n_in, b, 0, z, n_out)
    else:
        gemm(False, True, n, n_out, n_in, 1, x[0], ldx, w, n_in, 0, z, n_out)
        if real_t is float:
            bp_add_bias_f32(n, n_out, b, z)
        else:
            bp_add_bias_f64(n, n_out, b, z)


cdef void column_sums(Py_ssize_t n, Py_ssize_t width, Py_ssize_t step, const real_t* A,
                      real_t alpha, real_t beta, real_t* out) noexcept nogil:
    """out = alpha Σ_k A_k + beta out, A (n, width), its rows `step` apart."""
    if real_t is float:
        bp_column_sums_f32(n, width, step, A, alpha, beta, out)
    else:
        bp_column_sums_f64(n, width, step, A, alpha, beta, out)


cdef void gemm_tn_rows(Py_ssize_t m, Py_ssize_t n, Py_ssize_t k, real_t alpha,
                                const real_t* A, Py_ssize_t lda, const real_t** B, real_t beta,
                                real_t* C, Py_ssize_t ldc, const real_t** prefetch,
                                Py_ssize_t n_prefetch) noexcept nogil:
    """C = alpha Aᵀ B + beta C for a small product, A (k, m), B (k, n) given by its rows.

    prefetch, n_prefetch: as for `affine`, rows of n numbers.
    """
    if real_t is float:
        bp_product_tn_f32(m, n, k, alpha, A, lda, B, beta, C, ldc, prefetch, n_prefetch)
    else:
        bp_product_tn_f64(m, n, k, alpha, A, lda, B, beta, C, ldc, prefetch, n_prefetch)


# ---------------------------------------------------------------- rows that are mostly zero

cdef bint has_sparse_loops() noexcept nogil:
    """Whether the functions below do anything: not where BLAS does all."""
    return bp_isa() > 0


cdef Py_ssize_t compress(Py_ssize_t n, const real_t* x, const void* prefetch, real_t* values,
                        int32_t* columns, int32_t* offsets) noexcept nogil:
    """The numbers of x (n,) that are not zero, in their order, and their columns, from 0 on.

    values, columns: (n,), written.  values may be x itself.
    offsets: (⌈n / OFFSET_STRIDE⌉,), written: how many stand before column 0, OFFSET_STRIDE, 2 OFFSET_STRIDE, …
    prefetch: n numbers that are fetched into the caches meanwhile.
    Returns how many there are; NaN is one of them.
    """
    if real_t is float:
        return bp_compress_f32(n, x, prefetch, values, columns, offsets)
    else:
        return bp_compress_f64(n, x, prefetch, values, columns, offsets)


cdef void sparse_affine(Py_ssize_t n, Py_ssize_t n_out, Py_ssize_t width,
                                 const real_t* values, const int32_t* columns,
                                 const Py_ssize_t* counts, const real_t* w_t,
                                 Py_ssize_t ldw, const real_t* b,
                                 real_t* z, const real_t** prefetch,
                                 Py_ssize_t n_prefetch) noexcept nogil:
    """z = x wᵀ + b, z (n, n_out), of x (n, width) only what `compress` has kept.

    values, columns: row i has counts[i], from i * width on.  w_t: (width, n_out), w transposed round,
    its rows ldw apart: whole vectors (`padded_width`), zeros at their end.
    prefetch, n_prefetch: as for `affine`.
    """
    if real_t is float:
        bp_sparse_dot_f32(n, n_out, width, values, columns, counts, w_t, ldw, b, z,
                          prefetch, n_prefetch)
    else:
        bp_sparse_dot_f64(n, n_out, width, values, columns, counts, w_t, ldw, b, z,
                          prefetch, n_prefetch)


cdef void add_sparse_outer(Py_ssize_t n, Py_ssize_t n_out, Py_ssize_t first, Py_ssize_t end,
                           Py_ssize_t width, const real_t* values, const int32_t* columns,
                           const Py_ssize_t* counts, const int32_t* offsets, real_t alpha,
                           const real_t* delta, real_t* out, Py_ssize_t ldo,
                           const real_t** prefetch, Py_ssize_t n_prefetch) noexcept nogil:
    """out += alpha xᵀ delta, out (width, n_out) but only its rows first to end, delta (n, n_out).

    first, end: multiples of OFFSET_STRIDE, or end is `width`.  offsets: as `compress` writes them, one row
    after the other.  out: where row 0 would be, its rows ldo apart, whole vectors.  The others as
    for `sparse_affine`; the columns of a row rise.
    """
    if real_t is float:
        bp_sparse_add_f32(n, width, n_out, first, end, width, values, columns, counts, offsets,
                          alpha, delta, out, ldo, prefetch, n_prefetch)
    else:
        bp_sparse_add_f64(n, width, n_out, first, end, width, values, columns, counts, offsets,
                          alpha, delta, out, ldo, prefetch, n_prefetch)


cdef Py_ssize_t padded_width(Py_ssize_t n_out, Py_ssize_t itemsize) noexcept nogil:
    """n_out rounded up to whole vectors."""
    cdef Py_ssize_t lanes = VECTOR_BYTES // itemsize
    return (n_out + lanes - 1) // lanes * lanes


cdef void transpose(Py_ssize_t rows, Py_ssize_t columns, const real_t* A, Py_ssize_t lda, real_t* out,
               Py_ssize_t ldo) noexcept nogil:
    """out (columns, rows) = the transpose of A (rows, columns), their rows lda and ldo apart."""
    if real_t is float:
        bp_transpose_f32(rows, columns, A, lda, out, ldo)
    else:
        bp_transpose_f64(rows, columns, A, lda, out, ldo)
