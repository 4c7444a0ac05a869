from bpcore._core.types cimport Layer, Loss, real_t

# Rows of the output layer, each (n, n_L) and contiguous; what is not wanted is NULL.
cdef struct OutputRows:
    const void* z
    const void* a
    const void* da_dz       # σ'(z), where the layer stores it
    const void* y
    const double* weights   # (n,); NULL: ones
    void* delta             # out: δ^(L)
    void* dC_da             # out: ∂C/∂a^(L), for a trace
    double* costs           # out, (n,): each C_k without its factor

cdef Loss make_loss(int kind, bint clips_probabilities, double parameter,
                    int output_activation) noexcept
cdef Loss given_loss() noexcept
cdef double cost_and_delta(const Loss* loss, const Layer* layer, Py_ssize_t n, double scale,
                           const real_t* a, const OutputRows* rows) noexcept nogil
cdef void cost_curvature(const Loss* loss, Py_ssize_t width, Py_ssize_t n, double scale,
                         const real_t* r_a, const OutputRows* rows) noexcept nogil
cdef void output_delta(const Layer* layer, Py_ssize_t n, const real_t* a, const real_t* da_dz,
                       real_t* delta) noexcept nogil
