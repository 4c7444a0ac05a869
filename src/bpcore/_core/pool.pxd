from bpcore._core.optimizers cimport Optimizer
from bpcore._core.epoch cimport Job, Workspace

cdef struct Worker:
    Job* job
    void* workspace             # borrowed from the pool
    void* optimizer
    void* theta
    bint single
    int number                  # among the n_threads, of whom 0 leads

cdef class ThreadPool:
    cdef Job job
    cdef Workspace workspace
    cdef Optimizer optimizer
    cdef void* theta
    cdef bint single
    cdef object keeps           # what owns the memory that the job points to
    cdef Worker* workers        # one a thread
    cdef bint reads_by_pointer(self) noexcept
    cdef bint uses_blas(self) noexcept
    cdef int run(self, int n_threads) except -1
    cdef int run_on(self, int n_threads) except -1
    cdef int start(self, int n_threads) except -1
    cdef int run_once(self) except -1
    cdef void join(self) noexcept
