"""Threads that are started for one call and end with it.

Nothing keeps running between two calls, so a process may fork at any time, and nothing has to be
shut down.  They never hold the interpreter: to start one and to wait for its end takes 20
microseconds, of `threading.Thread` 90.  A pool knows no job: it hands the tasks of whatever phase
is open to a function.
"""

from libc.stdlib cimport calloc, free

from bpcore.kernels.pool cimport (
    BP_HAS_POOL, bp_pool_done, bp_pool_join, bp_pool_leave, bp_pool_next, bp_pool_quit,
)

cdef extern from "pythread.h":
    const unsigned long PYTHREAD_INVALID_THREAD_ID
    unsigned long PyThread_start_new_thread(void (*run)(void*) noexcept, void* argument)

# Threads that were started since the module was loaded.
cdef long long started = 0


def threads_started():
    """How many threads were started so far, by all calls; for tests."""
    return started


cdef void _life(void* argument) noexcept nogil:
    """Take tasks, of whatever phase is open, until the work is over."""
    cdef Worker* worker = <Worker*>argument
    cdef bp_pool* shared = worker.shared
    cdef Py_ssize_t task = bp_pool_next(shared)
    while task >= 0:
        worker.work(worker.argument, task, worker.thread)
        bp_pool_done(shared)
        task = bp_pool_next(shared)
    bp_pool_leave(shared)       # after this all of it may be gone


cdef class ThreadPool:
    """The threads of one call beside the one that calls, which leads."""

    def __dealloc__(self):
        free(self.workers)

    cdef int start(self, bp_pool* shared, int n_threads, Work work, void* argument) except -1:
        """Start n_threads - 1 threads, which wait for a phase; they end with `join`, which has to
        come, even if this raises.

        shared: set to zeros, and there until `join` returns.
        """
        global started
        cdef int thread
        cdef Worker* worker
        self.shared = shared
        shared.size = 1
        if n_threads == 1 or not BP_HAS_POOL:
            return 0
        self.workers = <Worker*>calloc(n_threads, sizeof(Worker))
        if self.workers == NULL:
            raise MemoryError("no memory for the threads of a job")
        for thread in range(1, n_threads):
            worker = &self.workers[thread]
            worker.shared = shared
            worker.work = work
            worker.argument = argument
            worker.thread = thread
            if PyThread_start_new_thread(_life, worker) == PYTHREAD_INVALID_THREAD_ID:
                break       # no more threads to be had: fewer do the same
            shared.size += 1
            started += 1
        return 0

    cdef void join(self) noexcept:
        """Let the threads end, and wait for it."""
        if self.shared != NULL:
            with nogil:
                bp_pool_quit(self.shared)
                bp_pool_join(self.shared)
