cimport numpy as cnp

from bpcore._core.rows cimport MatrixView, Rows
from bpcore._core.types cimport Layout

cdef class Parameters:
    cdef Layout layout
    cdef double* quantiles
    cdef object _theta              # the ndarray that owns θ
    cdef void* theta
    cdef object lease               # what views of θ hold, and nothing else
    cdef unsigned long long changes     # of θ, at least so many that it had in all
    cdef readonly object dtype
    cdef bint fitting
    cdef unsigned long fit_thread   # the thread whose fit has the network
    cdef bint training              # inside a compiled epoch
    cdef int _check(self) except -1
    cdef bint _may_be_written(self) noexcept
    cdef void _end_training(self) noexcept
    cdef int _check_idle(self) except -1
    cdef int _check_rows(self, Rows x) except -1
    cdef int _type_number(self) noexcept
    cdef bint _is_finite(self, Py_ssize_t n, const void* numbers) noexcept nogil
    cdef object _in_own_type(self, X, Py_ssize_t most)
    cdef bint _as_plain_rows(self, MatrixView* view, X, Py_ssize_t width)
