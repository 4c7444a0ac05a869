from bpcore.kernels.pool cimport bp_pool

# A task of a phase, done by a thread.
ctypedef void (*Work)(void* argument, Py_ssize_t task, int thread) noexcept nogil

cdef struct Worker:
    bp_pool* shared
    Work work
    void* argument
    int thread              # among all, of whom 0 leads

cdef class ThreadPool:
    cdef bp_pool* shared    # borrowed from the job
    cdef Worker* workers
    cdef int start(self, bp_pool* shared, int n_threads, Work work, void* argument) except -1
    cdef void join(self) noexcept
