"""a^(0) → a^(L): z^(l) = w^(l) a^(l-1) + b^(l), a^(l) = σ(z^(l)).

The one forward pass: training, prediction and the trace call it.
"""

from bpcore._core.activations cimport activate
from bpcore._core.products cimport affine, turns_weights
from bpcore._core.sparse cimport sparse_inputs
from bpcore._core.types cimport BY_BLOCK, Layer, Layout, real_t
from bpcore.kernels.gemm cimport BP_DOTS, BP_TURNED
from bpcore.kernels.sums cimport all_finite


cdef inline unsigned long long _mix(unsigned long long x) noexcept nogil:
    """splitmix64's finaliser (Steele, Lea and Flood 2014): every input bit moves every output
    bit."""
    x = (x ^ (x >> 30)) * <unsigned long long>0xBF58476D1CE4E5B9
    x = (x ^ (x >> 27)) * <unsigned long long>0x94D049BB133111EB
    return x ^ (x >> 31)


cdef void _drop(const Layer* layer, Py_ssize_t n_units, Py_ssize_t n, Py_ssize_t row,
                const Dropout* dropout, real_t* a, real_t* da_dz) noexcept nogil:
    """Inverted dropout: a unit is left out with chance p, the others are divided by 1 - p,
    and so are their σ'(z), through which the deltas come back (Srivastava et al. 2014)."""
    cdef Py_ssize_t k, j
    cdef unsigned long long first, bits
    cdef unsigned long long limit = <unsigned long long>(layer.dropout * 9007199254740992.0)
    cdef real_t keep = <real_t>(1.0 / (1.0 - layer.dropout))
    cdef real_t factor
    for k in range(n):
        first = (dropout.first_row + <unsigned long long>(row + k)) \
            * <unsigned long long>n_units + <unsigned long long>layer.unit
        for j in range(layer.n_out):
            bits = _mix(dropout.seed + (first + <unsigned long long>j + 1)
                        * <unsigned long long>0x9E3779B97F4A7C15)
            factor = 0 if (bits >> 11) < limit else keep
            a[k * layer.n_out + j] *= factor
            da_dz[k * layer.n_out + j] *= factor


cdef bint forward(const Layout* layout, const real_t* theta, const Inputs* inputs,
                  const Buffers* buffers, Py_ssize_t row, Py_ssize_t n, const Dropout* dropout,
                  real_t* out) noexcept nogil:
    """Rows row : row + n of the buffers, whose inputs are told.

    Written: buffers.a, and where they are not NULL z (all layers), z_out (layer L), da_dz (of the
    layers that store it; beside z of all).
    dropout: NULL but in a training step.
    out: (n, n_L), takes a^(L) of a prediction instead of buffers.a; or NULL.
    Returns whether z^(1) is finite, which it cannot be where a^(0) is not, since no activation has
    hidden it yet; asked for a prediction only.
    """
    cdef Py_ssize_t i, at
    cdef const Layer* layer
    cdef const real_t* previous = NULL
    cdef real_t* z_l
    cdef real_t* a_l
    cdef real_t* da_dz_l
    cdef int own
    cdef bint finite = True
    for i in range(layout.n_layers):
        layer = &layout.layers[i]
        own = buffers.forward if buffers.own == NULL else buffers.own[i].forward
        if own == BY_BLOCK:
            own = BP_TURNED if turns_weights(buffers.rows, layer.n_out, layer.n_in,
                                             layout.itemsize) else BP_DOTS
        at = buffers.rows * layer.unit + row * layer.n_out
        a_l = <real_t*>buffers.a + at
        if out != NULL and i == layout.n_layers - 1:
            a_l = out
        z_l = a_l
        if buffers.z != NULL:
            z_l = <real_t*>buffers.z + at
        elif buffers.z_out != NULL and i == layout.n_layers - 1:
            z_l = <real_t*>buffers.z_out + row * layer.n_out
        da_dz_l = NULL
        if buffers.da_dz != NULL and (layer.stores_da_dz or buffers.z != NULL):
            da_dz_l = <real_t*>buffers.da_dz + at
        if i > 0:
            affine(own, n, layer.n_out, layer.n_in, &previous, layer.n_in, theta + layer.w,
                   theta + layer.b, z_l, <const real_t**>NULL, 0)
        elif inputs.sparse != NULL:
            sparse_inputs(layer, inputs, n, theta + layer.w, theta + layer.b, z_l)
        else:
            affine(own, n, layer.n_out, layer.n_in, <const real_t**>inputs.rows, inputs.ld,
                   theta + layer.w, theta + layer.b, z_l, <const real_t**>inputs.prefetch,
                   inputs.n_prefetch)
        if i == 0 and out != NULL:
            finite = all_finite(n * layer.n_out, <const real_t*>z_l)
        activate(layer, n, <const real_t*>z_l, a_l, da_dz_l)
        if dropout != NULL and layer.dropout > 0:
            _drop(layer, layout.n_units, n, row, dropout, a_l, da_dz_l)
        previous = a_l
    return finite
