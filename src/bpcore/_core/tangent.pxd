from bpcore._core.backward cimport Shard
from bpcore._core.job cimport Job
from bpcore._core.types cimport real_t

cdef void tangent_rows(const Job* job, Py_ssize_t row, Py_ssize_t n,
                       const real_t* theta) noexcept nogil
cdef void tangent_shard(const Job* job, const Shard* shard, const real_t* of_type) noexcept nogil
