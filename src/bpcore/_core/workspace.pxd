from bpcore._core.job cimport Memory, Plan
from bpcore._core.optimizers cimport Optimizer
from bpcore._core.types cimport Layout

cdef class Workspace:
    cdef Plan plan
    cdef Memory memory
    cdef void* allocation

cdef Workspace make_workspace(const Layout* layout, Plan plan, list shards, list own,
                              Py_ssize_t batch, Optimizer optimizer)
