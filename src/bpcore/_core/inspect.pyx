"""What a user looks into a network for, as tasks of the run that trains it: the gradient of every
example, and the Jacobians of the outputs, by the inputs and by θ.  (A trace is the task
GRADIENT, whose buffers are kept.)
"""

from libc.math cimport sqrt
from libc.string cimport memcpy, memset

from bpcore._core.backward cimport Shard, Target, delta_recursion, weight_gradient
from bpcore._core.batch cimport Reading, read_inputs
from bpcore._core.forward cimport Dropout, forward
from bpcore._core.job cimport JACOBIAN, Memory
from bpcore._core.losses cimport output_delta
from bpcore._core.rows cimport gather
from bpcore._core.types cimport Buffers, Layer, Layout


cdef void example_gradients(const Job* job, Py_ssize_t task, const real_t* theta) noexcept nogil:
    """∇C_k of every example of a block of the microbatch, to its row of job.out."""
    cdef const Layout* layout = job.layout
    cdef const Layer* layer
    cdef Reading reading
    cdef Shard whole_layer
    cdef Target target
    cdef Py_ssize_t k, l
    cdef Py_ssize_t first = task * job.plan.block
    cdef Py_ssize_t end = min(first + job.plan.block, job.phase.rows)
    cdef real_t* g
    target.alpha = 1.0
    target.beta = target.beta_b = 0.0
    for k in range(first, end):
        read_inputs(job, job.phase.start, k, &reading, theta)
        g = <real_t*>job.out + (job.phase.start + k) * layout.n_parameters
        for l in range(layout.n_layers):
            layer = &layout.layers[l]
            whole_layer.layer = l
            whole_layer.first = 0
            whole_layer.units = whole_layer.n_b = layer.n_out
            target.w = g + layer.w
            target.b = g + layer.b
            weight_gradient(layout, &whole_layer, &reading.inputs, &job.memory.rows, k, 1,
                            &target, theta)


cdef const real_t* row_of_inputs(const Reading* reading, Py_ssize_t k,
                                        const real_t* of_type) noexcept nogil:
    """a^(0) of row k of what is read, dense."""
    return <const real_t*>reading.inputs.rows[0] + k * reading.inputs.ld


cdef void row_gradient(const Layout* layout, const Buffers* buffers, Py_ssize_t row,
                       const real_t* x, real_t* g) noexcept nogil:
    """g (n_parameters,) from the deltas of one row: δ_j a_k for each weight, δ_j for each bias."""
    cdef Py_ssize_t l, j, k
    cdef const Layer* layer
    cdef const real_t* below = x
    cdef const real_t* delta
    cdef real_t* w
    cdef real_t delta_j
    for l in range(layout.n_layers):
        layer = &layout.layers[l]
        delta = <const real_t*>buffers.delta + buffers.rows * layer.unit + row * layer.n_out
        w = g + layer.w
        for j in range(layer.n_out):
            delta_j = delta[j]
            for k in range(layer.n_in):
                w[k] = delta_j * below[k]
            w += layer.n_in
        memcpy(g + layer.b, delta, layer.n_out * sizeof(real_t))
        below = <const real_t*>buffers.a + buffers.rows * layer.unit + row * layer.n_out


cdef double root_weight(const Job* job, Py_ssize_t row) noexcept nogil:
    """√s_k."""
    return 1.0 if job.examples.weights == NULL else sqrt(job.examples.weights[row])


cdef void output_gradients(const Job* job, Py_ssize_t start, Py_ssize_t n, int thread, real_t* out,
                           bint residuals, const real_t* theta) noexcept nogil:
    """∂a_j/∂θ of each output of rows start : start + n, one after the other: the delta recursion
    from ∂C/∂a^(L) = e_j.

    residuals: [J r] of least squares, all times √s_k, is wanted instead, a number more each.
    Without parameters (a JACOBIAN) it is ∂a_j/∂a^(0).
    """
    cdef const Layout* layout = job.layout
    cdef const Layer* last = &layout.layers[layout.n_layers - 1]
    cdef const Memory* m = &job.memory
    cdef Buffers plain = m.rows     # without the bends of derivatives
    cdef Reading reading
    cdef Py_ssize_t j, k
    cdef Py_ssize_t own = thread * job.plan.block
    cdef Py_ssize_t end = m.rows.rows * last.unit + own * last.n_out
    cdef real_t* delta = <real_t*>m.rows.delta + end
    cdef const real_t* da_dz = NULL
    cdef bint by_inputs = job.plan.task == JACOBIAN
    cdef real_t* dC_dx = NULL
    cdef Py_ssize_t width = layout.n_inputs if by_inputs else layout.n_parameters + residuals
    cdef real_t* to
    if by_inputs:
        dC_dx = <real_t*>m.scratch + own * layout.n_inputs
    if last.stores_da_dz:
        da_dz = <const real_t*>m.rows.da_dz + end
    if read_inputs(job, start, 0, &reading, theta) >= 0:
        reading.first = <const real_t*>m.rows.x + own * job.plan.ld_x
        gather(job.examples.x, <const Py_ssize_t*>NULL, 0, start, n, job.plan.ld_x,
               <real_t*>reading.first)
    forward(layout, theta, &reading.inputs, &m.rows, own, n, <const Dropout*>NULL, <real_t*>NULL)
    plain.bend = NULL
    for j in range(layout.n_outputs):
        memset(delta, 0, n * layout.n_outputs * sizeof(real_t))
        for k in range(n):
            delta[k * layout.n_outputs + j] = \
                <real_t>root_weight(job, start + k) if residuals else 1
        output_delta(last, n, <const real_t*>m.rows.a + end, da_dz, delta)
        delta_recursion(layout, theta, &plain, own, n, dC_dx)
        for k in range(n):
            to = out + (k * layout.n_outputs + j) * width
            if by_inputs:
                memcpy(to, dC_dx + k * layout.n_inputs, width * sizeof(real_t))
            else:
                row_gradient(layout, &plain, own + k, row_of_inputs(&reading, k, theta), to)


cdef void jacobian_rows(const Job* job, Py_ssize_t task, int thread,
                        const real_t* theta) noexcept nogil:
    """∂a^(L)/∂a^(0), or ∂a^(L)/∂θ, of a block of rows."""
    cdef Py_ssize_t start = task * job.plan.block
    cdef Py_ssize_t width = job.layout.n_inputs if job.plan.task == JACOBIAN \
        else job.layout.n_parameters
    output_gradients(job, start, min(job.plan.block, job.n_rows - start), thread,
                     <real_t*>job.out + start * job.layout.n_outputs * width, False, theta)
