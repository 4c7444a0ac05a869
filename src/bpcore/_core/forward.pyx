"""a^(0) → a^(L): z^(l) = w^(l) a^(l-1) + b^(l), a^(l) = σ(z^(l)).

The one forward pass: training, prediction and the trace call it.
"""

from libc.float cimport DBL_MAX, FLT_MAX

from bpcore._core.activations cimport activate
from bpcore._core.products cimport affine
from bpcore._core.sparse cimport Sparse, sparse_inputs
from bpcore._core.types cimport Layer, Layout, real_t

cdef extern from "elementary.h" nogil:
    bint bp_all_within_f32(Py_ssize_t, const float*, float)
    bint bp_all_within_f64(Py_ssize_t, const double*, double)


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


cdef bint _all_finite(Py_ssize_t n, const real_t* z) noexcept nogil:
    if real_t is float:
        return bp_all_within_f32(n, z, FLT_MAX)
    else:
        return bp_all_within_f64(n, z, DBL_MAX)


cdef void forward(const Layout* layout, const real_t* theta, const Sparse* sparse,
                  const real_t** x, Py_ssize_t ldx, const real_t** prefetch, Py_ssize_t n_prefetch,
                  Py_ssize_t n, Py_ssize_t row, Py_ssize_t microbatch_rows, real_t* a, real_t* da_dz,
                  real_t* z, real_t* z_out, real_t* out, const Dropout* dropout,
                  bint* finite) noexcept nogil:
    """Rows row : row + n of a buffer made for `microbatch_rows` rows.

    sparse: NULL, or where to read the input rows and w^(1), x then being left alone.
    x: where the n input rows are.  ldx: how far they are apart, so that x[0] tells all; 0 where
    they are by_pointer, which only the own product loops take.
    prefetch: rows that will be the input prefetch; every second one, n_prefetch in all, is fetched into the
    caches meanwhile.
    a: (microbatch_rows, n_l) for each layer, one after the other.  Written.
    da_dz: like a, or NULL.  Written for the layers that store σ'(z) (for all in a trace).
    z: like a, or NULL: the pre-activations, for the trace.  Written.
    z_out: (microbatch_rows, n_L) or NULL: z^(L) alone, for the losses.  Written.
    out: (n, n_L) or NULL: takes a^(L) instead of a.  Written.
    dropout: NULL but in a training step.
    finite: NULL, or set to False where z^(1) is not finite, which it cannot be where x is not:
    no activation has hidden it yet.
    """
    cdef Py_ssize_t i, at
    cdef const Layer* layer
    cdef const real_t* previous = NULL
    cdef real_t* z_l
    cdef real_t* a_l
    cdef real_t* da_dz_l
    for i in range(layout.n_layers):
        layer = &layout.layers[i]
        at = microbatch_rows * layer.unit + row * layer.n_out
        a_l = a + at
        if out != NULL and i == layout.n_layers - 1:
            a_l = out
        z_l = a_l
        if z != NULL:
            z_l = z + at
        elif z_out != NULL and i == layout.n_layers - 1:
            z_l = z_out + row * layer.n_out
        da_dz_l = NULL
        if da_dz != NULL and (layer.stores_da_dz or z != NULL):
            da_dz_l = da_dz + at
        if i == 0 and sparse != NULL:
            sparse_inputs(layer, sparse, n, theta + layer.b, z_l, prefetch, n_prefetch)
        else:
            affine(n, layer.n_out, layer.n_in, x if i == 0 else &previous,
                            ldx if i == 0 else layer.n_in, theta + layer.w, theta + layer.b, z_l,
                            prefetch, n_prefetch if i == 0 else 0)
        if i == 0 and finite != NULL and not _all_finite(n * layer.n_out, z_l):
            finite[0] = False
        activate(layer, n, z_l, a_l, da_dz_l)
        if dropout != NULL and layer.dropout > 0:
            _drop(layer, layout.n_units, n, row, dropout, a_l, da_dz_l)
        previous = a_l
