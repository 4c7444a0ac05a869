cimport numpy as cnp

from bpcore._core.engine cimport Engine
from bpcore._core.epoch cimport Run
from bpcore._core.optimizers cimport Optimizer
from bpcore._core.rows cimport Rows

cdef class Training:
    cdef readonly Engine network
    cdef readonly Rows x
    cdef readonly Rows y
    cdef readonly Optimizer optimizer
    cdef readonly cnp.ndarray order
    cdef readonly cnp.ndarray sample_weight
    cdef readonly cnp.ndarray normaliser
    cdef readonly Py_ssize_t epochs
    cdef readonly cnp.ndarray rate_factors
    cdef readonly dict scale_state
    cdef Run job
    cdef bint applies_dropout
    cdef bint entered
    cdef object blas                # holds BLAS at one thread from __enter__ to __exit__
    cdef cnp.ndarray previous       # θ before the epoch
    cdef int _prepare(self, object penalties, Py_ssize_t batch_size) except -1
    cdef int _take_rates(self, Run run) except -1
    cdef object _epoch(self)
