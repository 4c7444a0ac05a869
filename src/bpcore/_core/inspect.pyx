"""What a user looks into a network for, built from the kernels that train it: the gradient of
every example, the Jacobian of the outputs, and every term of the chain rule.
"""

from libc.string cimport memcpy, memset

from bpcore._core.backward cimport delta_recursion, weight_gradient
from bpcore._core.rows cimport MatrixView, gather, zero_copy_rows
from bpcore._core.forward cimport Dropout, forward
from bpcore._core.losses cimport cost_and_delta, output_delta
from bpcore._core.epoch cimport Job, Shard, Workspace, ceil_div, poll_signals, forward_backward
from bpcore._core.types cimport Layer, Layout, real_t


cdef void per_sample_gradients(const Job* job, const real_t* theta, Workspace workspace,
                               real_t* out) noexcept nogil:
    """out (n, n_parameters) = ∇C_k of every example; stops where a signal handler raised."""
    cdef const Layout* layout = job.layout
    cdef const Layer* layer
    cdef Py_ssize_t first, rows, k, l
    cdef Py_ssize_t ldx = layout.n_inputs
    cdef const real_t* x
    cdef real_t* g
    first = 0
    while first < job.n_rows:
        # a number of new memory takes the time of some ten multiplications
        if poll_signals(workspace, 30.0 * workspace.microbatch_rows * layout.n_parameters):
            return
        rows = min(workspace.microbatch_rows, job.n_rows - first)
        forward_backward(job, workspace, first, 0, rows, -1, 1.0, theta, workspace.costs)
        for k in range(rows):
            x = zero_copy_rows(job.examples.x, <Py_ssize_t*>NULL, first + k, &ldx, theta)
            if x == NULL:
                x = <const real_t*>workspace.x + k * layout.n_inputs
                ldx = layout.n_inputs
            for l in range(layout.n_layers):
                layer = &layout.layers[l]
                g = out + (first + k) * layout.n_parameters
                weight_gradient(layout, l, 0, layer.n_out, &x, ldx, <const real_t**>NULL, 0, 1,
                               k, workspace.microbatch_rows, <const real_t*>workspace.a,
                               <const real_t*>workspace.delta, <real_t>1, <real_t>0,
                               g + layer.w, <real_t>0, g + layer.b)
        first += rows


cdef void jacobian(const Layout* layout, const MatrixView* x, const real_t* theta,
                   Workspace workspace, real_t* dC_dx, real_t* out) noexcept nogil:
    """out (n, n_L, n_0) = ∂a^(L)/∂a^(0): the delta recursion from ∂C/∂a^(L) = e_j, for each j.

    dC_dx: room for (microbatch_rows, n_0).  Stops where a signal handler raised.
    """
    cdef Py_ssize_t i, first, rows, j, k
    cdef Py_ssize_t microbatch_rows = workspace.microbatch_rows
    cdef const Layer* last = &layout.layers[layout.n_layers - 1]
    cdef Py_ssize_t end = microbatch_rows * last.unit
    cdef real_t* da_dz = <real_t*>workspace.da_dz
    cdef real_t* a = <real_t*>workspace.a
    cdef real_t* delta = <real_t*>workspace.delta
    cdef const real_t* a_0 = <const real_t*>workspace.x
    for i in range(ceil_div(x.n_rows, microbatch_rows)):
        first = i * microbatch_rows
        rows = min(microbatch_rows, x.n_rows - first)
        gather(x, <Py_ssize_t*>NULL, first, rows, <real_t*>workspace.x)
        forward(layout, theta, NULL, &a_0, layout.n_inputs, <const real_t**>NULL, 0, rows, 0,
                microbatch_rows, a, da_dz, <real_t*>NULL, <real_t*>NULL, <real_t*>NULL,
                <const Dropout*>NULL, NULL)
        for j in range(layout.n_outputs):
            if poll_signals(workspace, 1.0 * rows * layout.n_parameters):
                return
            memset(delta + end, 0, rows * layout.n_outputs * sizeof(real_t))
            for k in range(rows):
                delta[end + k * layout.n_outputs + j] = 1
            output_delta(last, rows, a + end,
                         da_dz + end if last.stores_da_dz else <real_t*>NULL, delta + end)
            delta_recursion(layout, theta, rows, 0, microbatch_rows, a, da_dz, delta, <real_t*>NULL,
                            dC_dx)
            for k in range(rows):
                memcpy(out + ((first + k) * layout.n_outputs + j) * layout.n_inputs,
                       dC_dx + k * layout.n_inputs, layout.n_inputs * sizeof(real_t))


cdef double trace(const Layout* layout, const MatrixView* x, const MatrixView* y, const double* weights,
                  double scale, const real_t* theta, Workspace w, real_t* a_0, real_t* y_buffer,
                  real_t* z, real_t* a, real_t* da_dz, real_t* dC_da, real_t* delta,
                  real_t* dC_dx, double* costs, real_t* gradient) noexcept nogil:
    """The terms of one batch, kept: as `train` goes through it, block by block and shard by
    shard, on buffers made for all n rows.  Returns C."""
    cdef Py_ssize_t n = x.n_rows
    cdef Py_ssize_t n_in = layout.n_inputs
    cdef Py_ssize_t n_out = layout.n_outputs
    cdef Py_ssize_t first, rows, row, here, i
    cdef const Layer* last = &layout.layers[layout.n_layers - 1]
    cdef const Layer* layer
    cdef const Shard* shard
    cdef const real_t* x_0
    cdef Py_ssize_t end
    cdef double cost = 0.0
    gather(x, <Py_ssize_t*>NULL, 0, n, a_0)
    gather(y, <Py_ssize_t*>NULL, 0, n, y_buffer)
    first = 0
    while first < n:
        rows = min(w.microbatch_rows, n - first)
        row = first
        while row < first + rows:
            here = min(w.block, first + rows - row)
            x_0 = a_0 + row * n_in
            end = n * last.unit + row * n_out
            forward(layout, theta, NULL, &x_0, n_in, <const real_t**>NULL, 0, here, row, n, a,
                    da_dz, z, <real_t*>NULL, <real_t*>NULL, <const Dropout*>NULL, NULL)
            cost += cost_and_delta(
                &layout.loss, last, here, <const real_t*>(z + end), <const real_t*>(a + end),
                <const real_t*>(da_dz + end if last.stores_da_dz else NULL),
                <const real_t*>(y_buffer + row * n_out),
                weights + row if weights != NULL else weights, scale, delta + end, dC_da + end,
                costs + row)
            delta_recursion(layout, theta, here, row, n, <const real_t*>a,
                            <const real_t*>da_dz, delta, dC_da, dC_dx + row * n_in)
            row += here
        x_0 = a_0 + first * n_in
        for i in range(w.n_shards):
            shard = &w.shards[i]
            layer = &layout.layers[shard.layer]
            weight_gradient(
                layout, shard.layer, shard.first, shard.units, &x_0, n_in,
                <const real_t**>NULL, 0, rows, first, n, <const real_t*>a, <const real_t*>delta,
                <real_t>1, <real_t>(first > 0),
                gradient + layer.w + shard.first * layer.n_in, <real_t>(first > 0),
                gradient + layer.b + shard.first)
        first += rows
    return cost
