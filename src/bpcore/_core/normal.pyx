"""The normal equations of least squares: JᵀJ, Jᵀr and rᵀr over all rows, in one symmetric product.

r is what the outputs miss, and where derivatives are fitted, what those miss by the inputs; it is
appended to J = ∂r/∂θ as a column more, so that [J r]ᵀ[J r] holds all three.  Some rows of
[J r] are computed at a time, by blocks; then each tile of the product adds them, always in the
same order: the threads change no bit.
"""

from libc.math cimport sqrt
from libc.string cimport memset

from bpcore._core.backward cimport delta_recursion
from bpcore._core.batch cimport Reading, read_inputs
from bpcore._core.inspect cimport output_gradients, row_gradient, row_of_inputs
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


cdef void _slope_residuals(const Job* job, Py_ssize_t start, Py_ssize_t n, int thread, real_t* out,
                           const real_t* theta) noexcept nogil:
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
    cdef real_t* x = <real_t*>m.slopes.x + own * wide
    cdef real_t* y = <real_t*>m.slopes.y + own * wide
    cdef real_t* to
    cdef real_t root
    if read_inputs(job, start, 0, &reading, theta) >= 0:    # where output_gradients has them
        reading.first = <const real_t*>m.rows.x + own * job.plan.ld_x
    output_derivatives(job, own, n, theta)
    gather(job.examples.slopes, <const Py_ssize_t*>NULL, 0, start, n,
           job.examples.slopes.n_columns, y)
    for i in range(n * wide):
        y[i] = x[i] - y[i]
    for i in range(wide):
        memset(x, 0, n * wide * sizeof(real_t))
        for k in range(n):
            root = 1 if job.examples.weights == NULL else <real_t>job.examples.weights[start + k]
            root = <real_t>sqrt(job.examples.slope_weight * root)
            x[k * wide + i] = root if y[k * wide + i] == y[k * wide + i] else 0
        slope_tangents(job, own, n, theta)
        memset(<real_t*>m.rows.delta + m.rows.rows * last.unit + own * last.n_out, 0,
               n * last.n_out * sizeof(real_t))
        delta_recursion(layout, theta, &m.rows, own, n, <real_t*>NULL)
        for k in range(n):
            to = out + (k * wide + i) * (layout.n_parameters + 1)
            row_gradient(layout, &m.rows, own + k, row_of_inputs(&reading, k, theta), to)
            add_pass(job, own + k, i // layout.n_inputs, to)
            root = x[k * wide + i]
            to[layout.n_parameters] = root * y[k * wide + i] if root != 0 else 0


cdef void normal_rows(const Job* job, Py_ssize_t task, int thread,
                      const real_t* theta) noexcept nogil:
    """[J r] of a block of rows: √s_k ∂a_j/∂θ and √s_k (a_j - y_j), then those of derivatives."""
    cdef Py_ssize_t block = job.plan.block
    cdef Py_ssize_t n = min(block, job.phase.rows - task * block)
    cdef Py_ssize_t width = job.layout.n_parameters + 1
    cdef Py_ssize_t start = job.phase.start + task * block
    cdef real_t* out = <real_t*>job.memory.normal + task * block * job.plan.residuals * width
    output_gradients(job, start, n, thread, out, True, theta)
    if job.plan.fits_slopes:
        _slope_residuals(job, start, n, thread, out + n * job.layout.n_outputs * width, theta)


cdef void normal_tile(const Job* job, Py_ssize_t tile, const real_t* theta) noexcept nogil:
    """Some rows of the upper triangle of [J r]ᵀ[J r], to which the rows of this phase are added."""
    cdef Py_ssize_t width = job.layout.n_parameters + 1
    cdef Py_ssize_t first = tile * _tile(job.layout)
    cdef Py_ssize_t n = min(_tile(job.layout), width - first)
    cdef Py_ssize_t right = first + n
    cdef Py_ssize_t rows = job.phase.rows * job.plan.residuals
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
