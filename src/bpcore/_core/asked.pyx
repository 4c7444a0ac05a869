"""A loss of the user's, asked with the interpreter's lock between forward and backward."""

import numpy as np

cimport numpy as cnp
from libc.string cimport memcpy

from bpcore._core.types cimport Layer

cnp.import_array()


cdef int ask_for_costs(Job* job, object ask, double* total, const real_t* of_type) except -1:
    """Let `ask` say the costs of a microbatch and ∂C/∂a^(L), which goes where the buffers have
    targets.

    total: in and out, Σ of scale s_k C_k.
    """
    cdef const Layer* last = &job.layout.layers[job.layout.n_layers - 1]
    cdef Py_ssize_t k, row
    cdef Py_ssize_t n = job.phase.rows
    cdef Py_ssize_t size = n * last.n_out * sizeof(real_t)
    cdef void* a = <real_t*>job.memory.rows.a + job.memory.rows.rows * last.unit
    cdef double weight
    # a copy: the user may keep it, and the buffers go on
    outputs = np.frombuffer((<char*>a)[:size], "f4" if job.layout.is_single else "f8")
    costs, dC_da = ask(outputs.reshape(n, last.n_out), job.phase.start)
    memcpy(job.memory.rows.y, cnp.PyArray_DATA(dC_da), size)
    for k in range(n):
        row = job.phase.start + k
        if job.examples.order != NULL:
            row = job.examples.order[row]
        weight = job.phase.scale
        if job.examples.weights != NULL:
            weight *= job.examples.weights[row]
        # a row of weight zero is left out, whatever its cost
        if weight != 0:
            total[0] += weight * (<const double*>cnp.PyArray_DATA(costs))[k]
    return 0
