"""What a user looks into a network for, as tasks of the run that trains it: the gradient of every
example, and the Jacobians of the outputs, by the inputs and by θ.  (A trace is the task
GRADIENT, whose buffers are kept.)
"""

from libc.string cimport memcpy, memset

from bpcore._core.backward cimport Shard, Target, delta_recursion, weight_gradient
from bpcore._core.batch cimport Reading, read_inputs
from bpcore._core.forward cimport Dropout, forward
from bpcore._core.job cimport PARAMETER_JACOBIAN, Memory
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


cdef inline const real_t* row_of_inputs(const Reading* reading, Py_ssize_t k,
                                        const real_t* of_type) noexcept nogil:
    """a^(0) of row k of what is read, dense."""
    return <const real_t*>reading.inputs.rows[0] + k * reading.inputs.ld


cdef void _row_gradient(const Layout* layout, const Buffers* buffers, Py_ssize_t row,
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


cdef void jacobian_rows(const Job* job, Py_ssize_t task, int thread,
                        const real_t* theta) noexcept nogil:
    """∂a^(L)/∂a^(0), or ∂a^(L)/∂θ, of a block of rows: the delta recursion from ∂C/∂a^(L) = e_j,
    for each j."""
    cdef const Layout* layout = job.layout
    cdef const Layer* last = &layout.layers[layout.n_layers - 1]
    cdef const Memory* m = &job.memory
    cdef Reading reading
    cdef Py_ssize_t j, k
    cdef Py_ssize_t block = job.plan.block
    cdef Py_ssize_t own = thread * block
    cdef Py_ssize_t start = task * block
    cdef Py_ssize_t n = min(block, job.n_rows - start)
    cdef Py_ssize_t end = m.rows.rows * last.unit + own * last.n_out
    cdef real_t* delta = <real_t*>m.rows.delta + end
    cdef const real_t* da_dz = NULL
    cdef bint by_parameters = job.plan.task == PARAMETER_JACOBIAN
    cdef real_t* dC_dx = NULL
    if not by_parameters:
        dC_dx = <real_t*>m.scratch + own * layout.n_inputs
    if last.stores_da_dz:
        da_dz = <const real_t*>m.rows.da_dz + end
    if read_inputs(job, start, 0, &reading, theta) >= 0:
        reading.first = <const real_t*>m.rows.x + own * layout.n_inputs
        gather(job.examples.x, <const Py_ssize_t*>NULL, start, n, <real_t*>reading.first)
    forward(layout, theta, &reading.inputs, &m.rows, own, n, <const Dropout*>NULL, <real_t*>NULL)
    for j in range(layout.n_outputs):
        memset(delta, 0, n * layout.n_outputs * sizeof(real_t))
        for k in range(n):
            delta[k * layout.n_outputs + j] = 1
        output_delta(last, n, <const real_t*>m.rows.a + end, da_dz, delta)
        delta_recursion(layout, theta, &m.rows, own, n, dC_dx)
        if by_parameters:
            for k in range(n):
                _row_gradient(layout, &m.rows, own + k, row_of_inputs(&reading, k, theta),
                              <real_t*>job.out + ((start + k) * layout.n_outputs + j)
                              * layout.n_parameters)
            continue
        for k in range(n):
            memcpy(<real_t*>job.out + ((start + k) * layout.n_outputs + j) * layout.n_inputs,
                   dC_dx + k * layout.n_inputs, layout.n_inputs * sizeof(real_t))
