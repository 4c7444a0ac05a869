from bpcore._data cimport Table
from bpcore._train cimport Workspace
from bpcore._types cimport Layout, real_t

cdef enum:
    # The units of a network that predicts one row with its buffer on the stack.
    STACK_UNITS = 1024

cdef void predict_one(const Layout* layout, const real_t* theta, const real_t* x,
                      real_t* out) noexcept nogil
cdef double step_one(const Layout* layout, const Table* x, const Table* y, double eta,
                     real_t* theta, Workspace workspace) noexcept nogil
