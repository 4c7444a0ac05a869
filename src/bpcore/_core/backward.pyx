"""δ^(L) → δ^(1) and ∇C.

The one backward pass: training, ``gradient``, the sensitivities and the trace call it.
"""

from libc.string cimport memcpy

from bpcore._core.activations cimport times_da_dz
from bpcore._core.products cimport column_sums, gemm, gemm_tn_rows
from bpcore._core.types cimport Layer, Layout, real_t


cdef void delta_recursion(const Layout* layout, const real_t* theta, Py_ssize_t n,
                          Py_ssize_t row, Py_ssize_t microbatch_rows, const real_t* a,
                          const real_t* da_dz, real_t* delta, real_t* dC_da,
                          real_t* dC_dx) noexcept nogil:
    """∂C/∂a^(l-1) = δ^(l) w^(l);  δ^(l-1) = ∂C/∂a^(l-1) · σ'(z^(l-1)), for l = L .. 2.

    Rows row : row + n of buffers made for `microbatch_rows` rows, laid out as in `forward`.
    delta: δ^(L) in, the others out.  dC_da: ∂C/∂a^(l) for l < L, for the trace, or NULL.
    dC_dx: (n, n_0), ∂C/∂a^(0), or NULL.
    """
    cdef Py_ssize_t i, at, below
    cdef const Layer* layer
    cdef const Layer* lower
    cdef const real_t* da_dz_l
    for i in range(layout.n_layers - 1, 0, -1):
        layer = &layout.layers[i]
        lower = &layout.layers[i - 1]
        at = microbatch_rows * layer.unit + row * layer.n_out
        below = microbatch_rows * lower.unit + row * lower.n_out
        gemm(False, False, n, layer.n_in, layer.n_out, 1, delta + at, layer.n_out,
             theta + layer.w, layer.n_in, 0, delta + below, layer.n_in)
        if dC_da != NULL:
            memcpy(dC_da + below, delta + below, n * layer.n_in * sizeof(real_t))
        da_dz_l = NULL
        if da_dz != NULL and lower.stores_da_dz:
            da_dz_l = da_dz + below
        times_da_dz(lower, n, a + below, da_dz_l, delta + below)
    if dC_dx != NULL:
        layer = &layout.layers[0]
        gemm(False, False, n, layer.n_in, layer.n_out, 1, delta + row * layer.n_out,
             layer.n_out, theta + layer.w, layer.n_in, 0, dC_dx, layer.n_in)


cdef void weight_gradient(const Layout* layout, Py_ssize_t l, Py_ssize_t first, Py_ssize_t units,
                         const real_t** x, Py_ssize_t ldx, const real_t** prefetch,
                         Py_ssize_t n_prefetch, Py_ssize_t n, Py_ssize_t row, Py_ssize_t microbatch_rows,
                         const real_t* a, const real_t* delta, real_t alpha, real_t beta,
                         real_t* of_w, real_t beta_b, real_t* of_b) noexcept nogil:
    """Of layer l + 1 of 1..L, the units first : first + units:
    of_w = alpha δ^(l)ᵀ a^(l-1) + beta of_w,  of_b = alpha Σ δ^(l) + beta_b of_b.

    Rows row : row + n of buffers made for `microbatch_rows` rows.  x, ldx, prefetch, n_prefetch: a^(0), as in
    `forward`, from row `row` on.  of_w (units, n_in), of_b (units,): those units' own; they may lie
    in θ.
    """
    cdef const Layer* layer = &layout.layers[l]
    cdef const real_t* delta_l = delta + microbatch_rows * layer.unit + row * layer.n_out + first
    if l > 0:
        gemm(True, False, units, layer.n_in, n, alpha, delta_l, layer.n_out,
             a + microbatch_rows * layout.layers[l - 1].unit + row * layer.n_in, layer.n_in,
             beta, of_w, layer.n_in)
    elif ldx > 0:
        gemm(True, False, units, layer.n_in, n, alpha, delta_l, layer.n_out, x[0], ldx,
             beta, of_w, layer.n_in)
    else:
        gemm_tn_rows(units, layer.n_in, n, alpha, delta_l, layer.n_out, x, beta, of_w,
                              layer.n_in, prefetch, n_prefetch)
    column_sums(n, units, layer.n_out, delta_l, alpha, beta_b, of_b)
