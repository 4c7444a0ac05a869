"""The normal equations of least squares: JᵀJ, Jᵀr and rᵀr over all rows, in one symmetric product.

r is appended to J = ∂r/∂θ as a column more, so that [J r]ᵀ[J r] holds all three.  Some rows of
[J r] are computed at a time, by blocks; then each tile of the product adds them, always in the
same order: the threads change no bit.
"""

from bpcore._core.inspect cimport output_gradients
from bpcore._core.products cimport gemm, own_loops_serve
from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport ceil_div
from bpcore.kernels.blas cimport blas_syrk


cdef inline bint _by_own(const Layout* layout) noexcept nogil:
    """Whether the own loops compute the product, in narrow tiles whose diagonal is whole."""
    return layout.n_parameters < TUNING.normal_own_parameters \
        and own_loops_serve(TUNING.normal_own_tile, layout.n_parameters, TUNING.normal_min_rows)


cdef inline Py_ssize_t _tile(const Layout* layout) noexcept nogil:
    """Rows of a tile."""
    return TUNING.normal_own_tile if _by_own(layout) else TUNING.normal_tile


cdef Py_ssize_t normal_tiles(const Layout* layout) noexcept nogil:
    """How many tiles the product has: some rows of its upper triangle each."""
    return ceil_div(layout.n_parameters + 1, _tile(layout))


cdef void normal_rows(const Job* job, Py_ssize_t task, int thread,
                      const real_t* theta) noexcept nogil:
    """[J r] of a block of rows: √s_k ∂a_j/∂θ and √s_k (a_j - y_j)."""
    cdef Py_ssize_t block = job.plan.block
    cdef Py_ssize_t n = min(block, job.phase.rows - task * block)
    cdef Py_ssize_t width = job.layout.n_parameters + 1
    output_gradients(job, job.phase.start + task * block, n, thread,
                     <real_t*>job.memory.normal + task * block * job.layout.n_outputs * width,
                     True, theta)


cdef void normal_tile(const Job* job, Py_ssize_t tile, const real_t* theta) noexcept nogil:
    """Some rows of the upper triangle of [J r]ᵀ[J r], to which the rows of this phase are added."""
    cdef Py_ssize_t width = job.layout.n_parameters + 1
    cdef Py_ssize_t first = tile * _tile(job.layout)
    cdef Py_ssize_t n = min(_tile(job.layout), width - first)
    cdef Py_ssize_t right = first + n
    cdef Py_ssize_t rows = job.phase.rows * job.layout.n_outputs
    cdef const real_t* J = <const real_t*>job.memory.normal + first
    cdef real_t* out = <real_t*>job.out + first * width
    cdef real_t beta = 1 if job.phase.add else 0
    cdef char lower = b"L"
    cdef char plain = b"N"
    if _by_own(job.layout):
        gemm(True, True, False, n, width - first, rows, <real_t>1, J, width, J, width, beta,
             out + first, width)
        return
    # row-major is the transpose: Fortran's lower triangle is the upper one here
    blas_syrk(lower, plain, <int>n, <int>rows, <real_t>1, J, <int>width, beta, out + first,
              <int>width)
    if right < width:
        gemm(False, True, False, n, width - right, rows, <real_t>1, J, width, J + n, width, beta,
             out + right, width)
