from bpcore._core.job cimport Job
from bpcore._core.optimizers cimport Optimizer
from bpcore._core.pool cimport ThreadPool
from bpcore._core.types cimport Layout
from bpcore._core.workspace cimport Workspace

cdef class Run:
    cdef Job job
    cdef Workspace workspace
    cdef Optimizer optimizer
    cdef ThreadPool pool
    cdef object owners          # what owns the memory that the job points to
    cdef object error           # what a signal handler, or the user's loss, has raised
    cdef bint raised            # whether there is one
    cdef object lock            # let go of while the signals are handled, or None
    cdef object ask             # the user's loss, from a and the first row to costs and ∂C/∂a
    cdef Layout given_layout    # the network's, with the loss that takes ∂C/∂a for y
    cdef int take_given(self) except -1
    cdef double work_done       # multiplications since the signals were last looked at
    cdef int take_workspace(self, Workspace workspace) except -1
    cdef int run(self) except -1
    cdef int _run_alone(self) except -1
    cdef int start(self) except -1
    cdef void work(self) noexcept nogil
    cdef int check(self) except -1
    cdef void join(self) noexcept
