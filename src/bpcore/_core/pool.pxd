from bpcore._core.optimizers cimport Optimizer
from bpcore._core.epoch cimport Job, Workspace

cdef struct Helper:
    Job* job
    void* workspace             # borrowed from the crew
    void* optimizer
    void* theta
    bint single
    int number                  # among the members, of whom 0 leads

cdef class Crew:
    cdef Job job
    cdef Workspace workspace
    cdef Optimizer optimizer
    cdef void* theta
    cdef bint single
    cdef object keeps           # what owns the memory that the job points to
    cdef Helper* helpers        # one a member
    cdef bint scatter(self) noexcept
    cdef bint uses_blas(self) noexcept
    cdef int run(self, int members) except -1
    cdef int run_on(self, int members) except -1
    cdef int gather_helpers(self, int members) except -1
    cdef int lead_once(self) except -1
    cdef void dismiss(self) noexcept
