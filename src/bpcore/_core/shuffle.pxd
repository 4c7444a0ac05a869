from numpy.random cimport bitgen_t

cdef class Shuffle:
    cdef object generator       # owns what bits points to
    cdef readonly object lock   # NumPy's own, held while the bits are drawn
    cdef bitgen_t* bits
    cdef void draw(self, Py_ssize_t* order, Py_ssize_t n) noexcept nogil
