"""δ^(L) → δ^(1) and ∇C.

The one backward pass: training, ``gradient``, the sensitivities and the trace call it.
"""

from libc.string cimport memcpy

from bpcore._core.activations cimport times_da_dz
from bpcore._core.products cimport column_sums, gemm, gemm_tn_rows
from bpcore._core.sparse cimport few_inputs_gradient, sparse_gradient
from bpcore._core.types cimport Layer, Layout, real_t


cdef inline void _bend(const Layer* layer, const Buffers* buffers, Py_ssize_t row, Py_ssize_t n,
                       const real_t* of_type) noexcept nogil:
    """Add a layer's bend to its deltas, where there is one."""
    cdef Py_ssize_t i
    cdef Py_ssize_t at = buffers.rows * layer.unit + row * layer.n_out
    if buffers.bend != NULL:
        for i in range(at, at + n * layer.n_out):
            (<real_t*>buffers.delta)[i] += (<const real_t*>buffers.bend)[i]


cdef void delta_recursion(const Layout* layout, const real_t* theta, const Buffers* buffers,
                          Py_ssize_t row, Py_ssize_t n, real_t* dC_dx) noexcept nogil:
    """∂C/∂a^(l-1) = δ^(l) w^(l);  δ^(l-1) = ∂C/∂a^(l-1) · σ'(z^(l-1)), for l = L .. 2.

    Rows row : row + n of the buffers, which hold a, σ' where it is stored, and δ^(L).  Written:
    buffers.delta of the other layers, and buffers.dC_da for l < L unless NULL.  Where the buffers
    have bends, they are added to the δ of all layers.
    dC_dx: (n, n_0), ∂C/∂a^(0), or NULL.
    """
    cdef Py_ssize_t i, at, below
    cdef const Layer* layer
    cdef const Layer* lower
    cdef const real_t* da_dz
    cdef real_t* delta = <real_t*>buffers.delta
    _bend(&layout.layers[layout.n_layers - 1], buffers, row, n, theta)
    for i in range(layout.n_layers - 1, 0, -1):
        layer = &layout.layers[i]
        lower = &layout.layers[i - 1]
        at = buffers.rows * layer.unit + row * layer.n_out
        below = buffers.rows * lower.unit + row * lower.n_out
        gemm(buffers.own == NULL or buffers.own[i].delta, False, False, n, layer.n_in,
             layer.n_out, <real_t>1, <const real_t*>delta + at, layer.n_out, theta + layer.w,
             layer.n_in, <real_t>0, delta + below, layer.n_in)
        if buffers.dC_da != NULL:
            memcpy(<real_t*>buffers.dC_da + below, delta + below,
                   n * layer.n_in * sizeof(real_t))
        da_dz = NULL
        if buffers.da_dz != NULL and lower.stores_da_dz:
            da_dz = <const real_t*>buffers.da_dz + below
        times_da_dz(lower, n, <const real_t*>buffers.a + below, da_dz, delta + below)
        _bend(lower, buffers, row, n, theta)
    if dC_dx != NULL:
        layer = &layout.layers[0]
        gemm(buffers.own == NULL or buffers.own[0].delta, False, False, n, layer.n_in,
             layer.n_out, <real_t>1, <const real_t*>delta + row * layer.n_out, layer.n_out,
             theta + layer.w, layer.n_in, <real_t>0, dC_dx, layer.n_in)


cdef void weight_gradient(const Layout* layout, const Shard* shard, const Inputs* inputs,
                          const Buffers* buffers, Py_ssize_t row, Py_ssize_t n,
                          const Target* target, const real_t* of_type) noexcept nogil:
    """∂C/∂w = δ^(l)ᵀ a^(l-1) and ∂C/∂b = Σ δ^(l) of a shard of layer l, to its target.

    Of rows row : row + n of the buffers.  inputs: a^(0) from row `row` on.  of_type only names the
    element type.
    """
    cdef const Layer* layer = &layout.layers[shard.layer]
    cdef const real_t* delta = <const real_t*>buffers.delta + buffers.rows * layer.unit \
        + row * layer.n_out
    cdef const real_t* below
    cdef real_t alpha = <real_t>target.alpha
    cdef real_t beta = <real_t>target.beta
    cdef real_t* w = <real_t*>target.w
    cdef bint own = buffers.own == NULL or buffers.own[shard.layer].gradient
    if shard.layer == 0 and inputs.sparse != NULL and inputs.sparse.w_t != NULL:
        sparse_gradient(layer, inputs, shard.first, shard.first + shard.units, n, alpha, delta,
                        beta, w)
        column_sums(n, shard.n_b, layer.n_out, delta, alpha, <real_t>target.beta_b,
                    <real_t*>target.b)
        return
    delta += shard.first
    if shard.layer == 0 and inputs.sparse != NULL:
        few_inputs_gradient(layer, inputs.sparse, shard.units, n, alpha, delta, beta, w)
    elif shard.layer == 0 and inputs.ld == 0:
        gemm_tn_rows(shard.units, layer.n_in, n, alpha, delta, layer.n_out,
                     <const real_t**>inputs.rows, beta, w, layer.n_in,
                     <const real_t**>inputs.prefetch, inputs.n_prefetch)
    elif shard.layer == 0:
        gemm(own, True, False, shard.units, layer.n_in, n, alpha, delta, layer.n_out,
             <const real_t*>inputs.rows[0], inputs.ld, beta, w, layer.n_in)
    else:
        below = <const real_t*>buffers.a + buffers.rows * layout.layers[shard.layer - 1].unit \
            + row * layer.n_in
        gemm(own, True, False, shard.units, layer.n_in, n, alpha, delta, layer.n_out, below,
             layer.n_in, beta, w, layer.n_in)
    column_sums(n, shard.n_b, layer.n_out, delta, alpha, <real_t>target.beta_b,
                <real_t*>target.b)
