"""A clock that needs no interpreter; see clock.h."""

cdef extern from "clock.h" nogil:
    double bp_seconds()
