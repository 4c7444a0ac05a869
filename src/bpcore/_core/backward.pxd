from bpcore._core.sparse cimport Inputs
from bpcore._core.types cimport Buffers, Layout, real_t

# Some units of layer l + 1 of 1..L, whose parameters one thread updates; of a first layer whose
# weights are transposed (sparse inputs) some inputs.  In θ, or in w_t, its n_w weights start at w;
# its n_b biases start at b of θ.
cdef struct Shard:
    Py_ssize_t layer
    Py_ssize_t first
    Py_ssize_t units
    Py_ssize_t w
    Py_ssize_t n_w
    Py_ssize_t b
    Py_ssize_t n_b

# Where a shard's gradient goes: w = alpha ∂C/∂w + beta w, b = alpha ∂C/∂b + beta_b b.
cdef struct Target:
    double alpha
    double beta
    double beta_b
    void* w
    void* b

cdef void delta_recursion(const Layout* layout, const real_t* theta, const Buffers* buffers,
                          Py_ssize_t row, Py_ssize_t n, real_t* dC_dx) noexcept nogil
cdef void weight_gradient(const Layout* layout, const Shard* shard, const Inputs* inputs,
                          const Buffers* buffers, Py_ssize_t row, Py_ssize_t n,
                          const Target* target, const real_t* of_type) noexcept nogil
