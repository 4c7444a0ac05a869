from bpcore._core.types cimport Layer, Loss, real_t

cdef double cost_and_delta(const Loss* loss, const Layer* layer, Py_ssize_t n,
                           const real_t* z, const real_t* a, const real_t* da_dz,
                           const real_t* y, const double* weights, double scale,
                           real_t* delta, real_t* dC_da, double* costs) noexcept nogil
cdef void output_delta(const Layer* layer, Py_ssize_t n, const real_t* a, const real_t* da_dz,
                       real_t* delta) noexcept nogil
