"""The normal equations of least squares: JᵀJ, Jᵀr and rᵀr over all rows, in one symmetric product.

r is what the outputs miss, and where derivatives are fitted, what those miss by the inputs; it is
appended to J = ∂r/∂θ as a column more, so that [J r]ᵀ[J r] holds all three.  Some rows of
[J r] are computed at a time, by blocks; then each tile of the product adds them, always in the
same order: the threads change no bit.  All in float64, as the networks are that it serves.
"""

from libc.math cimport sqrt
from libc.string cimport memset

from bpcore._core.backward cimport delta_recursion
from bpcore._core.batch cimport Reading, read_inputs
from bpcore._core.inspect cimport output_gradients, root_weight, row_gradient, row_of_inputs
from bpcore._core.job cimport Memory
from bpcore._core.products cimport gemm, own_loops_serve
from bpcore._core.rows cimport gather
from bpcore._core.sobolev cimport add_pass, output_derivatives, slope_tangents
from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport Layer, ceil_div
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


cdef void _residuals(const Job* job, Py_ssize_t start, Py_ssize_t n, Py_ssize_t own,
                     double* out) noexcept nogil:
    """The last column of [J r]: √s_k (a_j - y_j) of rows that have gone forward."""
    cdef const Layout* layout = job.layout
    cdef Py_ssize_t k, j
    cdef Py_ssize_t width = layout.n_outputs
    cdef const double* a = <const double*>job.memory.rows.a + job.memory.rows.rows \
        * layout.layers[layout.n_layers - 1].unit + own * width
    cdef double* y = <double*>job.memory.rows.y + own * width
    gather(job.examples.y, <const Py_ssize_t*>NULL, 0, start, n, width, y)
    for k in range(n):
        for j in range(width):
            out[(k * width + j + 1) * (layout.n_parameters + 1) - 1] = \
                root_weight(job, start + k) * (a[k * width + j] - y[k * width + j])


cdef void _slope_residuals(const Job* job, Py_ssize_t start, Py_ssize_t n, int thread, double* out,
                           const double* theta) noexcept nogil:
    """√(λ s_k) ∂/∂θ of D = ∂a_j/∂x_i and √(λ s_k) (D - F_ji) of rows that have gone forward, output
    by output, input by input; 0 of what is not known.

    ∂D/∂θ is what sobolev finds of ∂P/∂θ where R{x} is e_i for output j and 0 for the others, and no
    δ comes from the loss.
    """
    cdef const Layout* layout = job.layout
    cdef const Memory* m = &job.memory
    cdef const Layer* last = &layout.layers[layout.n_layers - 1]
    cdef Reading reading
    cdef Py_ssize_t i, k
    cdef Py_ssize_t own = thread * job.plan.block
    cdef Py_ssize_t wide = layout.n_outputs * layout.n_inputs
    cdef double* x = <double*>m.slopes.x + own * wide
    cdef double* y = <double*>m.slopes.y + own * wide
    cdef double* to
    cdef double root
    if read_inputs(job, start, 0, &reading, theta) >= 0:    # where output_gradients has them
        reading.first = <const double*>m.rows.x + own * job.plan.ld_x
    output_derivatives(job, own, n, theta)
    gather(job.examples.slopes, <const Py_ssize_t*>NULL, 0, start, n,
           job.examples.slopes.n_columns, y)
    for i in range(n * wide):
        y[i] = x[i] - y[i]
    for i in range(wide):
        memset(x, 0, n * wide * sizeof(double))
        for k in range(n):
            root = 1 if job.examples.weights == NULL else job.examples.weights[start + k]
            root = sqrt(job.examples.slope_weight * root)
            x[k * wide + i] = root if y[k * wide + i] == y[k * wide + i] else 0
        slope_tangents(job, own, n, theta)
        memset(<double*>m.rows.delta + m.rows.rows * last.unit + own * last.n_out, 0,
               n * last.n_out * sizeof(double))
        delta_recursion(layout, theta, &m.rows, own, n, <double*>NULL)
        for k in range(n):
            to = out + (k * wide + i) * (layout.n_parameters + 1)
            row_gradient(layout, &m.rows, own + k, row_of_inputs(&reading, k, theta), to)
            add_pass(job, own + k, i // layout.n_inputs, to)
            root = x[k * wide + i]
            to[layout.n_parameters] = root * y[k * wide + i] if root != 0 else 0


cdef void normal_rows(const Job* job, Py_ssize_t task, int thread,
                      const double* theta) noexcept nogil:
    """[J r] of a block of rows: √s_k ∂a_j/∂θ and √s_k (a_j - y_j), then those of derivatives."""
    cdef Py_ssize_t block = job.plan.block
    cdef Py_ssize_t n = min(block, job.phase.rows - task * block)
    cdef Py_ssize_t width = job.layout.n_parameters + 1
    cdef Py_ssize_t start = job.phase.start + task * block
    cdef double* out = <double*>job.memory.normal + task * block * job.plan.residuals * width
    output_gradients(job, start, n, thread, out, True, theta)
    _residuals(job, start, n, thread * block, out)
    if job.plan.fits_slopes:
        _slope_residuals(job, start, n, thread, out + n * job.layout.n_outputs * width, theta)


cdef void normal_tile(const Job* job, Py_ssize_t tile) noexcept nogil:
    """Some rows of the upper triangle of [J r]ᵀ[J r], to which the rows of this phase are added."""
    cdef Py_ssize_t width = job.layout.n_parameters + 1
    cdef Py_ssize_t first = tile * _tile(job.layout)
    cdef Py_ssize_t n = min(_tile(job.layout), width - first)
    cdef Py_ssize_t right = first + n
    cdef Py_ssize_t rows = job.phase.rows * job.plan.residuals
    cdef const double* J = <const double*>job.memory.normal + first
    cdef double* out = <double*>job.out + first * width
    cdef double beta = 1 if job.phase.add else 0
    cdef char lower = b"L"
    cdef char plain = b"N"
    if _by_own(job.layout):
        gemm(True, True, False, n, width - first, rows, 1.0, J, width, J, width, beta,
             out + first, width)
        return
    # row-major is the transpose: Fortran's lower triangle is the upper one here
    blas_syrk(lower, plain, <int>n, <int>rows, 1.0, J, <int>width, beta, out + first,
              <int>width)
    if right < width:
        gemm(False, True, False, n, width - right, rows, 1.0, J, width, J + n, width, beta,
             out + right, width)
