from bpcore._core.job cimport Job
from bpcore._core.types cimport real_t

cdef int ask_for_costs(Job* job, object ask, double* total, const real_t* of_type) except -1
