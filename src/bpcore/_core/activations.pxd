from bpcore._core.types cimport Layer, real_t

cdef void activate(const Layer* layer, Py_ssize_t n, const real_t* z, real_t* a,
                   real_t* slope) noexcept nogil
cdef void times_slope(const Layer* layer, Py_ssize_t n, const real_t* a, const real_t* slope,
                      real_t* delta) noexcept nogil
