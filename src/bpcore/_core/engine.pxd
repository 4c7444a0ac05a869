cimport numpy as cnp

from bpcore._core.pool cimport ThreadPool
from bpcore._core.rows cimport Rows, MatrixView
from bpcore._core.optimizers cimport Optimizer
from bpcore._core.epoch cimport Examples, Regularisation, Workspace
from bpcore._core.types cimport Layout

cdef class Engine:
    cdef Layout layout
    cdef double* quantiles
    cdef object _theta              # the ndarray that owns θ
    cdef void* theta
    cdef bint single                # float32, else float64
    cdef bint stores_da_dz
    cdef bint applies_dropout                 # some layer has dropout
    cdef int max_threads
    cdef bint fitting
    cdef unsigned long fit_thread   # the thread whose fit has the network
    cdef bint training              # inside a compiled epoch
    cdef readonly object dtype
    cdef Workspace small_workspace              # what `step` keeps between calls
    cdef Workspace spare            # what a fit keeps between epochs
    cdef tuple spare_key
    cdef int _check(self) except -1
    cdef int _check_idle(self) except -1
    cdef int _check_rows(self, Rows x) except -1
    cdef int _point(self, Examples* examples, Rows x, Rows y, cnp.ndarray weights) except -1
    cdef Workspace _workspace(self, Py_ssize_t n_rows)
    cdef ThreadPool _crew(self, int task, Rows x, Rows y, cnp.ndarray weights, object order,
                    Py_ssize_t batch_size, bint clips, int* n_threads, Py_ssize_t times=*,
                    Optimizer optimizer=*)
    cdef bint _is_sparse(self, Rows x, Py_ssize_t n_rows) except -1
    cdef bint _is_parallel(self, Py_ssize_t batch) noexcept
    cdef int _n_threads(self, int task, Py_ssize_t n_rows, Py_ssize_t batch_size,
                      Py_ssize_t times)
    cdef ThreadPool _training(self, Rows x, Rows y, Optimizer optimizer, object order,
                        Py_ssize_t batch_size, object sample_weight, Regularisation regularisation,
                        unsigned long long seed, int* n_threads, Py_ssize_t epochs=*)
    cdef bint _predict_rows_small(self, const MatrixView* x, Py_ssize_t block, void* out) noexcept nogil
    cdef bint _is_small_batch(self, Py_ssize_t n, Py_ssize_t block) noexcept
    cdef bint _is_small_step(self, Py_ssize_t n) noexcept
    cdef bint _as_plain_rows(self, MatrixView* view, X, Py_ssize_t width)
    cdef bint _is_finite(self, Py_ssize_t n, const void* numbers) noexcept
    cdef bint _y_in_domain(self, const MatrixView* y) noexcept
