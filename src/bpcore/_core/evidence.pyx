"""How many parameters the data determine against a penalty, from the curvature JᵀJ (MacKay 1992;
Foresee and Hagan 1997)."""

from libc.string cimport memcpy
from scipy.linalg.cython_lapack cimport dpotrf, dpotri


cdef double determined(const double* normal, double* work, const double* penalised, Py_ssize_t n,
                       double penalty) noexcept nogil:
    """Σ_i d_i (1 - λ (A⁻¹)_ii) with A = JᵀJ + λ diag(d); -1 where A is not positive definite.

    Parameters
    ----------
    normal, work : of shape (n + 1, n + 1)
        JᵀJ, the upper triangle, in the first n rows and columns; the second is overwritten.
    penalised : of shape (n,)
        d, 1 where the penalty holds and 0 elsewhere.
    """
    cdef Py_ssize_t i
    cdef int size = <int>n
    cdef int ld = size + 1
    cdef int info = 0
    cdef char triangle = b"L"       # Fortran's, the upper one here
    cdef double total = 0.0
    memcpy(work, normal, n * (n + 1) * sizeof(double))
    for i in range(n):
        work[i * (n + 1) + i] += penalised[i] * penalty
    dpotrf(&triangle, &size, work, &ld, &info)
    if info == 0:
        dpotri(&triangle, &size, work, &ld, &info)
    if info != 0:
        return -1.0
    for i in range(n):
        # each is a share, but for rounding
        total += penalised[i] * max(0.0, 1 - penalty * work[i * (n + 1) + i])
    return total
