from libc.stdint cimport int32_t

from bpcore._core.rows cimport MatrixView
from bpcore._core.types cimport Layer, real_t
from bpcore.kernels.tuning cimport BP_OFFSET_STRIDE

cdef enum:
    OFFSET_STRIDE = BP_OFFSET_STRIDE    # columns from one offset of a compressed row to the next
    ROWS_AT_ONCE = 16                   # that are compressed where none is kept
    FEW_ROWS_AT_ONCE = 512              # likewise, where w^(1) is not transposed
    FEW_ROWS_OF_A_BATCH = 128           # in training, so that threads have something to do

# Rows of a^(0) of which only the numbers that are not zero are kept: row k has counts[k] of them,
# from k * room on, their columns, and n_offsets offsets (`compress`).  w_t: w^(1) transposed,
# (n_in, n_1), its rows ldw numbers apart, and so its gradient, where that is wanted as a whole,
# and what an optimizer remembers of it, where it has slots.
#
# Where the rows come from, for one block of them: rows order[start], … of the view (start, … where
# order is NULL) go to row `row` and the following ones, or where they are not kept, some at a time
# (`rows_at_once`) to the same place.
cdef struct Sparse:
    const MatrixView* view
    const Py_ssize_t* order
    Py_ssize_t start
    Py_ssize_t row
    bint keeps
    Py_ssize_t width        # n_in
    Py_ssize_t room         # numbers that a row keeps at most, rounded up
    void* values
    int32_t* columns
    Py_ssize_t* counts
    int32_t* offsets
    Py_ssize_t n_offsets
    Py_ssize_t ldw
    void* w_t               # NULL: so few numbers are not zero that w^(1) is read where it lies
    bint in_order           # sums by w_t have the bits of those of w^(1) where it lies
    void* gradient_t
    void* slot_1_t
    void* slot_2_t

# How some rows of a^(0) are read: compressed, from `start` on; or where they lie.
cdef struct Inputs:
    const Sparse* sparse    # NULL: not compressed
    const void** rows       # where each begins
    Py_ssize_t ld           # numbers from one to the next: rows[0] tells all; 0: by pointer
    const void** prefetch   # rows that will be read next: every second one, n_prefetch in all, is
    Py_ssize_t n_prefetch   # fetched into the caches meanwhile; only with rows by pointer

cdef inline Py_ssize_t rows_at_once(bint transposes) noexcept nogil:
    """How many rows of a prediction are compressed for one product: transposed weights are read
    anew for each row, others once for all."""
    return ROWS_AT_ONCE if transposes else FEW_ROWS_AT_ONCE

cdef void sparse_inputs(const Layer* first, const Inputs* inputs, Py_ssize_t n, const real_t* w,
                        const real_t* b, real_t* z) noexcept nogil
cdef void sparse_gradient(const Layer* first, const Inputs* inputs, Py_ssize_t begin,
                          Py_ssize_t end, Py_ssize_t n, real_t alpha, const real_t* delta,
                          real_t beta, real_t* of_w) noexcept nogil
cdef void few_inputs_gradient(const Layer* first, const Sparse* x, Py_ssize_t units, Py_ssize_t n,
                              real_t alpha, const real_t* delta, real_t beta,
                              real_t* of_w) noexcept nogil
cdef void transpose_in(const Layer* first, const Sparse* x, const real_t* theta, real_t* slot_1,
                       real_t* slot_2) noexcept nogil
cdef void transpose_out(const Layer* first, const Sparse* x, real_t* theta, real_t* slot_1,
                        real_t* slot_2) noexcept nogil
cdef void transpose_gradient_out(const Layer* first, const Sparse* x,
                                 real_t* gradient) noexcept nogil
