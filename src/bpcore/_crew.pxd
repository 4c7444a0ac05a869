from bpcore._optimizers cimport Optimizer
from bpcore._train cimport Job, Workspace

cdef class Crew:
    cdef Job job
    cdef Workspace workspace
    cdef Optimizer optimizer
    cdef void* theta
    cdef bint single
    cdef object keeps           # what owns the memory that the job points to
    cdef list helpers
    cdef bint scatter(self) noexcept
    cdef int run(self, int members) except -1
    cdef int gather_helpers(self, int members) except -1
    cdef int lead_once(self) except -1
    cdef int dismiss(self) except -1
