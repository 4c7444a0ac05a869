cimport numpy as cnp

from bpcore._core.epoch cimport Run
from bpcore._core.parameters cimport Parameters
from bpcore._core.rows cimport Rows

cdef class TransposedWeights:
    cdef cnp.ndarray kept
    cdef unsigned long long changes     # of θ, when `kept` was made
    cdef double inputs                  # read with this θ where the weights lie
    cdef int serve(self, Run run, Parameters network, Rows x) except -1
    cdef cnp.ndarray _take(self, Parameters network, Rows x, bint is_needed)
