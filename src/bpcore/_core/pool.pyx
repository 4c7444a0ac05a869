"""A job, and the threads that do it together.

The threads are started for one call and end with it.  Nothing keeps running between two calls, so
a process may fork at any time, and nothing has to be shut down.  They never hold the interpreter:
to start one and to wait for its end takes 20 microseconds, of `threading.Thread` 90.
"""

from bpcore._core.threads import one_blas_thread

from libc.stdlib cimport calloc, free

from bpcore._core.products cimport is_small
from bpcore._core.rows cimport has_plain_rows
from bpcore._core.pool_header cimport BP_HAS_POOL, bp_pool_join, bp_pool_leave, bp_pool_quit
from bpcore._core.epoch cimport COST, Shard, Workspace, work, run_job
from bpcore._core.types cimport Layer

cdef extern from "pythread.h":
    const unsigned long PYTHREAD_INVALID_THREAD_ID
    unsigned long PyThread_start_new_thread(void (*run)(void*) noexcept, void* argument)

# From how many inputs on rows are read through pointers instead of being copied.
cdef Py_ssize_t SCATTERED_INPUTS = 64

# Threads that were started since the module was loaded.
cdef long long started = 0


def threads_started():
    """How many threads were started so far, by all calls; for tests."""
    return started


cdef void _life(void* argument) noexcept nogil:
    """A worker's life."""
    cdef Worker* worker = <Worker*>argument
    cdef Job* job = worker.job
    if worker.single:
        work[float](job, <Workspace>worker.workspace, <Optimizer>worker.optimizer,
                      worker.number, <float*>worker.theta)
    else:
        work[double](job, <Workspace>worker.workspace, <Optimizer>worker.optimizer,
                       worker.number, <double*>worker.theta)
    bp_pool_leave(&job.pool)    # after this all of it may be gone


cdef class ThreadPool:
    """Holds a job while it is done; `_engine` fills it in."""

    def __dealloc__(self):
        free(self.workers)

    cdef bint reads_by_pointer(self) noexcept:
        """Whether shuffled rows can be read where they lie: plain rows, small products."""
        cdef const Layer* first = &self.job.layout.layers[0]
        cdef Py_ssize_t units = self.workspace.shards[0].units
        if self.job.examples.order == NULL or first.n_in < SCATTERED_INPUTS \
                or not is_small(self.workspace.block, first.n_out, first.n_in) \
                or not is_small(units, first.n_in, self.workspace.microbatch_rows):
            return False
        if self.single:
            return has_plain_rows[float](self.job.examples.x, <float*>self.theta)
        return has_plain_rows[double](self.job.examples.x, <double*>self.theta)

    cdef bint uses_blas(self) noexcept:
        """Whether a product of the job is too large for the own loops."""
        cdef Py_ssize_t l
        cdef const Layer* layer
        cdef const Shard* shard
        cdef Workspace w = self.workspace
        for l in range(self.job.layout.n_layers):
            layer = &self.job.layout.layers[l]
            if not is_small(w.block * w.blocks_per_task, layer.n_out, layer.n_in):
                return True
        if self.job.task > COST:
            for l in range(w.n_shards):
                shard = &w.shards[l]
                layer = &self.job.layout.layers[shard.layer]
                if not is_small(shard.units, layer.n_in, w.microbatch_rows):
                    return True
        return False

    cdef int run(self, int n_threads) except -1:
        """Do the job with at most so many threads, this one being the leader; BLAS has one for
        each of them.

        Raises what a signal handler has raised meanwhile.
        """
        if self.uses_blas():
            with one_blas_thread():
                return self.run_on(n_threads)
        return self.run_on(n_threads)

    cdef int run_on(self, int n_threads) except -1:
        """As `run`, whatever BLAS does."""
        try:
            self.start(n_threads)
            self.run_once()
        finally:
            self.join()
        return 0

    cdef int start(self, int n_threads) except -1:
        """Start the threads; they wait for `run_once`, which may come many times, and end with
        `join`, which has to come."""
        global started
        cdef int number
        cdef Worker* worker
        self.job.pool.size = 1
        if n_threads == 1 or not BP_HAS_POOL:
            return 0
        self.workers = <Worker*>calloc(n_threads, sizeof(Worker))
        if self.workers == NULL:
            raise MemoryError("no memory for the threads of a job")
        for number in range(1, n_threads):
            worker = &self.workers[number]
            worker.job = &self.job
            worker.workspace = <void*>self.workspace
            worker.optimizer = <void*>self.optimizer
            worker.theta = self.theta
            worker.single = self.single
            worker.number = number
            if PyThread_start_new_thread(_life, worker) == PYTHREAD_INVALID_THREAD_ID:
                break       # no more threads to be had: fewer do the same
            self.job.pool.size += 1
            started += 1
        return 0

    cdef int run_once(self) except -1:
        """Do the job; raises what a signal handler has raised meanwhile."""
        with nogil:
            if self.single:
                run_job[float](&self.job, self.workspace, self.optimizer, <float*>self.theta)
            else:
                run_job[double](&self.job, self.workspace, self.optimizer, <double*>self.theta)
        if self.workspace.error is not None:
            error, self.workspace.error = self.workspace.error, None
            raise error
        return 0

    cdef void join(self) noexcept:
        """Let the threads end, and wait for it."""
        with nogil:
            bp_pool_quit(&self.job.pool)
            bp_pool_join(&self.job.pool)
