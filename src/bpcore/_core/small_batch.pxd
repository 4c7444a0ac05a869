cimport numpy as cnp

from bpcore._core.job cimport Job
from bpcore._core.optimizers cimport Optimizer, UpdateCoefficients
from bpcore._core.parameters cimport Parameters
from bpcore._core.rows cimport MatrixView
from bpcore._core.workspace cimport Workspace

cdef Optimizer NO_UPDATES       # for what makes no update

cdef class SmallBatches(Parameters):
    cdef Workspace step_workspace   # what `_step_small` keeps between calls
    cdef Py_ssize_t step_rows       # the rows that it is for
    cdef cnp.ndarray step_gradient      # ∇C, for an optimizer that wants to see it
    cdef bint _predict_plain(self, const MatrixView* x, Py_ssize_t block, int way,
                             void* out) noexcept nogil
    cdef bint _is_small_batch(self, Py_ssize_t n, Py_ssize_t block) noexcept
    cdef bint _is_small_step(self, Py_ssize_t n) noexcept
    cdef bint _takes_targets(self, cnp.ndarray y) noexcept
    cdef int _prepare_step(self, Job* job, const MatrixView* x, const MatrixView* y) except -1
    cdef bint _takes_rule(self, learning_rate, optimizer) except -1
    cdef double _step_plain(self, Job* job, Optimizer optimizer,
                            const UpdateCoefficients* update) except? -1
