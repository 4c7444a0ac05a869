from bpcore._core.sparse cimport Sparse
from bpcore._core.types cimport Layer, Layout, real_t

# Which units a training step leaves out: a hash of (seed, row, unit), so that the choice does
# not depend on how rows are cut into ceil_div.
cdef struct Dropout:
    unsigned long long seed
    unsigned long long first_row    # of the block's row 0, counted through the epoch

cdef void forward(const Layout* layout, const real_t* theta, const Sparse* sparse,
                  const real_t** x, Py_ssize_t ldx, const real_t** prefetch, Py_ssize_t n_prefetch,
                  Py_ssize_t n, Py_ssize_t row, Py_ssize_t microbatch_rows, real_t* a, real_t* da_dz,
                  real_t* z, real_t* z_out, real_t* out, const Dropout* dropout,
                  bint* finite) noexcept nogil
