from bpcore._core.backward cimport Shard
from bpcore._core.job cimport Job
from bpcore._core.types cimport real_t

cdef void accumulate(const Job* job, const Shard* shard, const real_t* of_type) noexcept nogil
cdef double penalise(const Job* job, const Shard* shard, const real_t* theta,
                     double* squares) noexcept nogil
cdef void apply_gradient(const Job* job, const Shard* shard, real_t* theta) noexcept nogil
cdef double fused_update(const Job* job, const Shard* shard, int thread,
                         real_t* theta) noexcept nogil
