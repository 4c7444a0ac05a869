"""Numbers of tuning.h that the engine needs too."""

cdef extern from "tuning.h" nogil:
    enum:
        BP_BY_POINTER_INPUTS
        BP_SHORT_INPUTS
        BP_OFFSET_STRIDE
        BP_RUN
