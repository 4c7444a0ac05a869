from bpcore._optimizers cimport Optimizer
from bpcore._train cimport Job, Workspace

cdef class Crew:
    cdef Job job
    cdef Workspace workspace
    cdef Optimizer optimizer
    cdef void* theta
    cdef bint single
    cdef object keeps           # what owns the memory that the job points to
    cdef bint scatter(self) noexcept
    cdef int run(self, int members) except -1
