cimport numpy as cnp

from bpcore._core.epoch cimport Run
from bpcore._core.job cimport Examples
from bpcore._core.optimizers cimport Optimizer
from bpcore._core.plan cimport Request
from bpcore._core.rows cimport Rows
from bpcore._core.small_batch cimport SmallBatches
from bpcore._core.transposed cimport TransposedWeights
from bpcore._core.workspace cimport Workspace

cdef const double* numbers_of_rows(cnp.ndarray numbers, Py_ssize_t n) except? NULL

cdef class Engine(SmallBatches):
    cdef int max_threads
    cdef TransposedWeights transposed
    cdef int _point(self, Examples* examples, Rows x, Rows y, cnp.ndarray weights) except -1
    cdef int _point_slopes(self, Run run, Rows y) except -1
    cdef Request _request(self, int task, Py_ssize_t n_rows) noexcept
    cdef Workspace _workspace(self, const Request* request, Rows x, Optimizer optimizer)
    cdef Run _run(self, int task, Rows x, Rows y, cnp.ndarray weights)
