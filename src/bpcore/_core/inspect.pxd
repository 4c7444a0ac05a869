from bpcore._core.job cimport Job
from bpcore._core.types cimport real_t

cdef void example_gradients(const Job* job, Py_ssize_t task, const real_t* theta) noexcept nogil
cdef void jacobian_rows(const Job* job, Py_ssize_t task, int thread,
                        const real_t* theta) noexcept nogil
