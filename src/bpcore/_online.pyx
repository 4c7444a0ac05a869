"""One example at a time, without overhead, for control, simulation and search."""

from libc.math cimport isfinite
from libc.string cimport memset

from bpcore._backward cimport layer_gradient
from bpcore._data cimport Table
from bpcore._forward cimport Dropout, forward
from bpcore._train cimport TRAIN, Job, Workspace, row_block
from bpcore._types cimport Layer, Layout, real_t


cdef void predict_one(const Layout* layout, const real_t* theta, const real_t* x,
                      real_t* out) noexcept nogil:
    """out (n_L,) = a^(L) of one row x (n_0,), for at most STACK_UNITS units."""
    cdef real_t buffer[STACK_UNITS]
    cdef const real_t* row = x
    forward(layout, theta, NULL, &row, layout.n_inputs, <const real_t**>NULL, 0, 1, 0, 1, buffer,
            <real_t*>NULL, <real_t*>NULL, <real_t*>NULL, out, <const Dropout*>NULL, NULL)


cdef double step_one(const Layout* layout, const Table* x, const Table* y, double eta,
                     real_t* theta, Workspace workspace) noexcept nogil:
    """θ ← θ - η ∇C of one plain row; no change where C is not finite.  Returns C."""
    cdef Py_ssize_t l
    cdef const real_t* row = <const real_t*>x.data
    cdef const Layer* layer
    cdef Job job
    cdef double cost
    memset(&job, 0, sizeof(job))
    job.layout = layout
    job.task = TRAIN
    job.n_rows = job.batch_size = 1
    job.examples.x = x
    job.examples.y = y
    row_block(&job, workspace, 0, 0, 1, -1, 1.0, <const real_t*>theta, &cost)
    if isfinite(cost):
        for l in range(layout.n_layers):
            layer = &layout.layers[l]
            layer_gradient(layout, l, 0, layer.n_out, &row, layout.n_inputs,
                           <const real_t**>NULL, 0, 1, 0, workspace.capacity,
                           <const real_t*>workspace.a, <const real_t*>workspace.delta,
                           <real_t>-eta, <real_t>1,
                           theta + layer.w, <real_t>1, theta + layer.b)
    return cost
