from bpcore._core.sparse cimport Inputs
from bpcore._core.types cimport Buffers, Layout, real_t

# Which units a training step leaves out: a hash of (seed, row, unit), so that the choice does
# not depend on how rows are cut into blocks.
cdef struct Dropout:
    unsigned long long seed
    unsigned long long first_row    # of the buffers' row 0, counted through the epoch

cdef bint forward(const Layout* layout, const real_t* theta, const Inputs* inputs,
                  const Buffers* buffers, Py_ssize_t row, Py_ssize_t n, const Dropout* dropout,
                  real_t* out) noexcept nogil
