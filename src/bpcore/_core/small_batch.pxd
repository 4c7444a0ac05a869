from bpcore._core.rows cimport MatrixView
from bpcore._core.epoch cimport Workspace
from bpcore._core.types cimport Layout, real_t

cdef enum:
    # Units times rows of a prediction whose buffer is on the stack.
    STACK_UNITS = 8192

cdef bint predict_small(const Layout* layout, const real_t* theta, const real_t* x, Py_ssize_t n,
                      Py_ssize_t block, real_t* out) noexcept nogil
cdef double step_small(const Layout* layout, const MatrixView* x, const MatrixView* y, double eta,
                     real_t* theta, Workspace workspace) noexcept nogil
