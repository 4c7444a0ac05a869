from bpcore._core.job cimport Job
from bpcore._core.sparse cimport Inputs, Sparse
from bpcore._core.types cimport real_t

# How a thread reads the rows of a task, and the memory that this takes.
cdef struct Reading:
    Inputs inputs
    Sparse sparse
    const void* first       # the only row of `inputs.rows` where they lie one after the other

cdef Py_ssize_t buffer_row(const Job* job, Py_ssize_t start) noexcept nogil
cdef Py_ssize_t read_inputs(const Job* job, Py_ssize_t start, Py_ssize_t row, Reading* reading,
                            const real_t* of_type) noexcept nogil
cdef Py_ssize_t prefetched(const Job* job, Py_ssize_t next_start, Py_ssize_t row,
                           Py_ssize_t n) noexcept nogil
cdef void zero_units(const Job* job, void* numbers, Py_ssize_t at,
                     const real_t* of_type) noexcept nogil
cdef void forward_rows(const Job* job, Py_ssize_t start, Py_ssize_t row, Py_ssize_t n,
                       Py_ssize_t next_start, const real_t* theta) noexcept nogil
cdef void backward_rows(const Job* job, Py_ssize_t start, Py_ssize_t row, Py_ssize_t n,
                        double scale, const real_t* theta, double* costs) noexcept nogil
cdef void predict_rows(const Job* job, Py_ssize_t task, int thread,
                       const real_t* theta) noexcept nogil
cdef double sum_of_rows(const double* numbers, const Py_ssize_t* order, Py_ssize_t start,
                        Py_ssize_t n) noexcept nogil
