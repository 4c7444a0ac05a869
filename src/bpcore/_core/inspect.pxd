from bpcore._core.batch cimport Reading
from bpcore._core.job cimport Job
from bpcore._core.types cimport Buffers, Layout, real_t

cdef double root_weight(const Job* job, Py_ssize_t row) noexcept nogil
cdef const real_t* row_of_inputs(const Reading* reading, Py_ssize_t k,
                                 const real_t* of_type) noexcept nogil
cdef void row_gradient(const Layout* layout, const Buffers* buffers, Py_ssize_t row,
                       const real_t* x, real_t* g) noexcept nogil
cdef void example_gradients(const Job* job, Py_ssize_t task, const real_t* theta) noexcept nogil
cdef void jacobian_rows(const Job* job, Py_ssize_t task, int thread,
                        const real_t* theta) noexcept nogil
cdef void output_gradients(const Job* job, Py_ssize_t start, Py_ssize_t n, int thread, real_t* out,
                           bint residuals, const real_t* theta) noexcept nogil
