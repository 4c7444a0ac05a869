from bpcore._core.backward cimport Shard, Target
from bpcore._core.job cimport Job
from bpcore._core.types cimport real_t

cdef void output_derivatives(const Job* job, Py_ssize_t row, Py_ssize_t n,
                             const real_t* theta) noexcept nogil
cdef void slope_tangents(const Job* job, Py_ssize_t row, Py_ssize_t n,
                         const real_t* theta) noexcept nogil
cdef void add_pass(const Job* job, Py_ssize_t row, Py_ssize_t j, double* gradient) noexcept nogil
cdef double slope_rows(const Job* job, Py_ssize_t row, Py_ssize_t n,
                       const real_t* theta) noexcept nogil
cdef void slope_shard(const Job* job, const Shard* shard, const Target* target,
                      const real_t* of_type) noexcept nogil
