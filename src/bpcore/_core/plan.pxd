from bpcore._core.job cimport Plan
from bpcore._core.rows cimport Rows
from bpcore._core.types cimport Layout

# What a plan is made for.
cdef struct Request:
    int task
    Py_ssize_t n_rows
    Py_ssize_t batch_size
    Py_ssize_t epochs       # that threads are started for once
    int max_threads
    bint clips              # the norm of the gradient counts
    bint shuffled           # rows are taken in an order
    bint keeps_terms        # a trace
    bint keeps_batch        # the buffers hold a whole batch: the user's loss is asked once a batch
    bint scales_inputs      # w^(1) is updated as a whole
    bint fits_slopes        # targets for ∂a^(L)/∂a^(0) are given too
    bint alike              # a row's a^(L) has the same bits however many rows there are

cdef bint is_parallel(const Layout* layout, Py_ssize_t batch) noexcept nogil
cdef Py_ssize_t prediction_rows(Py_ssize_t n_rows, const Layout* layout) noexcept nogil
cdef bint is_small_work(const Layout* layout, Py_ssize_t n_rows) noexcept nogil
cdef Plan make_plan(const Layout* layout, const Request* request, Rows x, list shards, list own)
