cimport numpy as cnp

from bpcore._core.epoch cimport Run
from bpcore._core.job cimport Examples, Regularisation
from bpcore._core.optimizers cimport Optimizer
from bpcore._core.plan cimport Request
from bpcore._core.rows cimport Rows
from bpcore._core.small_batch cimport SmallBatches
from bpcore._core.workspace cimport Workspace

cdef class Engine(SmallBatches):
    cdef int max_threads
    cdef Workspace fit_workspace    # what a fit keeps between epochs
    cdef tuple fit_key
    cdef int _point(self, Examples* examples, Rows x, Rows y, cnp.ndarray weights) except -1
    cdef Request _request(self, int task, Py_ssize_t n_rows) noexcept
    cdef Workspace _workspace(self, const Request* request, Rows x, Optimizer optimizer)
    cdef Run _run(self, int task, Rows x, Rows y, cnp.ndarray weights)
    cdef Run _training(self, Rows x, Rows y, Optimizer optimizer, object order,
                       Py_ssize_t batch_size, object sample_weight,
                       const Regularisation* regularisation, Py_ssize_t repeats)
