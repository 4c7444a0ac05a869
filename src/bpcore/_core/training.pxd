cimport numpy as cnp

from bpcore._core.engine cimport Engine
from bpcore._core.epoch cimport Run
from bpcore._core.optimizers cimport Optimizer
from bpcore._core.rows cimport Rows
from bpcore._core.shuffle cimport Shuffle

# What one epoch gave; see Epoch.
cdef struct EpochNumbers:
    double cost
    double penalty
    double learning_rate
    double seconds

# After which epochs the caller wants to be asked: where more than `limit` in a row have not been
# better than the best by tol.
cdef struct Patience:
    double divisor      # of the cost, to which the penalty is added
    double best
    double tol
    double missed       # so far
    double limit

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
    cdef object ask
    cdef bint entered
    cdef bint diverged              # the epoch that was the last one
    cdef object blas                # holds BLAS at one thread from __enter__ to __exit__
    cdef cnp.ndarray previous       # room for θ as it was before an epoch, from the first entry on
    cdef void* before               # its numbers
    cdef int _prepare(self, object penalties, Py_ssize_t batch_size) except -1
    cdef int _run(self, Py_ssize_t most, list done, Shuffle shuffle, Patience* limits) except -1
    cdef Py_ssize_t _epochs(self, Py_ssize_t most, double until, Shuffle shuffle,
                            Patience* patience, EpochNumbers* done) noexcept nogil
    cdef bint _epoch(self) noexcept nogil
    cdef int _take_rates(self, Run run) except -1
    cdef int _take_changed_weights(self) except -1
