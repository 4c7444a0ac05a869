from bpcore._core.job cimport Job
from bpcore._core.types cimport real_t

cdef void example_gradients(const Job* job, Py_ssize_t task, const real_t* theta) noexcept nogil
cdef void jacobian_rows(const Job* job, Py_ssize_t task, int thread,
                        const real_t* theta) noexcept nogil
cdef void output_gradients(const Job* job, Py_ssize_t start, Py_ssize_t n, int thread, real_t* out,
                           bint residuals, const real_t* theta) noexcept nogil
