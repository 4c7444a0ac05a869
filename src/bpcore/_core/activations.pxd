from bpcore._core.types cimport Layer, real_t

cdef void activate(const Layer* layer, Py_ssize_t n, const real_t* z, real_t* a,
                   real_t* da_dz) noexcept nogil
cdef void second_derivatives(const Layer* layer, Py_ssize_t n, const real_t* z, const real_t* a,
                             const real_t* da_dz, real_t* out) noexcept nogil
cdef void times_da_dz(const Layer* layer, Py_ssize_t n, const real_t* a, const real_t* da_dz,
                      real_t* delta) noexcept nogil
