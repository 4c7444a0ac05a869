"""BLAS for either element type, as Fortran has it: columns are neighbours, sizes are C ints."""

from scipy.linalg.cython_blas cimport dgemm, dgemv, dsyrk, sgemm, sgemv, ssyrk

from bpcore._core.types cimport real_t


cdef inline void blas_gemm(char op_a, char op_b, int m, int n, int k, real_t alpha,
                           const real_t* A, int lda, const real_t* B, int ldb, real_t beta,
                           real_t* C, int ldc) noexcept nogil:
    """C (m, n) = alpha op(A) op(B) + beta C."""
    if real_t is float:
        sgemm(&op_a, &op_b, &m, &n, &k, &alpha, <float*>A, &lda, <float*>B, &ldb, &beta, C, &ldc)
    else:
        dgemm(&op_a, &op_b, &m, &n, &k, &alpha, <double*>A, &lda, <double*>B, &ldb, &beta, C,
              &ldc)


cdef inline void blas_gemv(char op_a, int m, int n, real_t alpha, const real_t* A, int lda,
                           const real_t* x, real_t beta, real_t* y) noexcept nogil:
    """y = alpha op(A) x + beta y, A (m, n)."""
    cdef int one = 1
    if real_t is float:
        sgemv(&op_a, &m, &n, &alpha, <float*>A, &lda, <float*>x, &one, &beta, y, &one)
    else:
        dgemv(&op_a, &m, &n, &alpha, <double*>A, &lda, <double*>x, &one, &beta, y, &one)


cdef inline void blas_syrk(char triangle, char op, int n, int k, real_t alpha, const real_t* A,
                           int lda, real_t beta, real_t* C, int ldc) noexcept nogil:
    """A triangle of C (n, n) = alpha A Aᵀ + beta C, A (n, k); with op T of Aᵀ A, A (k, n)."""
    if real_t is float:
        ssyrk(&triangle, &op, &n, &k, &alpha, <float*>A, &lda, &beta, C, &ldc)
    else:
        dsyrk(&triangle, &op, &n, &k, &alpha, <double*>A, &lda, &beta, C, &ldc)
