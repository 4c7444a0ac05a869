"""One example at a time or a small_workspace, without overhead, for control, simulation and search."""

from libc.math cimport isfinite
from libc.string cimport memset

from bpcore._core.backward cimport weight_gradient
from bpcore._core.rows cimport MatrixView
from bpcore._core.forward cimport Dropout, forward
from bpcore._core.epoch cimport TRAIN, Job, Shard, Workspace, forward_backward
from bpcore._core.types cimport Layout, real_t


cdef bint predict_small(const Layout* layout, const real_t* theta, const real_t* x, Py_ssize_t n,
                      Py_ssize_t block, real_t* out) noexcept nogil:
    """out (n, n_L) = a^(L) of the rows of x (n, n_0), so many at a time: at most STACK_UNITS by
    the network's units.

    Returns False where some z^(1) is not finite, as it is for every row that is not.
    """
    cdef real_t buffer[STACK_UNITS]
    cdef const real_t* row
    cdef Py_ssize_t first = 0
    cdef bint finite = True
    while first < n:
        row = x + first * layout.n_inputs
        forward(layout, theta, NULL, &row, layout.n_inputs, <const real_t**>NULL, 0,
                min(block, n - first), 0, block, buffer, <real_t*>NULL, <real_t*>NULL,
                <real_t*>NULL, out + first * layout.n_outputs, <const Dropout*>NULL, &finite)
        first += block
    return finite


cdef double step_small(const Layout* layout, const MatrixView* x, const MatrixView* y, double eta,
                     real_t* theta, Workspace workspace) noexcept nogil:
    """θ ← θ - η ∇C of the plain rows that the workspace is for, which are one block; no change
    where C is not finite.

    The bits are those of an epoch of one batch.  Returns C.
    """
    cdef Py_ssize_t i
    cdef Py_ssize_t n = x.n_rows
    cdef const real_t* rows = <const real_t*>x.data
    cdef const Shard* shard
    cdef Job job
    cdef double cost
    memset(&job, 0, sizeof(job))
    job.layout = layout
    job.task = TRAIN
    job.n_rows = job.batch_size = n
    job.examples.x = x
    job.examples.y = y
    forward_backward(&job, workspace, 0, 0, n, -1, 1.0 / n, <const real_t*>theta, &cost)
    if isfinite(cost):
        for i in range(workspace.n_shards):
            shard = &workspace.shards[i]
            weight_gradient(layout, shard.layer, shard.first, shard.units, &rows, layout.n_inputs,
                           <const real_t**>NULL, 0, n, 0, workspace.microbatch_rows,
                           <const real_t*>workspace.a, <const real_t*>workspace.delta,
                           <real_t>-eta, <real_t>1,
                           theta + shard.w, <real_t>1, theta + shard.b)
    return cost
