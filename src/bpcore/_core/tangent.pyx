"""Products with second derivatives: how everything moves when θ moves along a vector v.

R{·} = d/dε at θ + ε v (Pearlmutter 1994), the tangents of the forward and of the backward pass:

    R{z^(l)} = v_w a^(l-1) + w R{a^(l-1)} + v_b,   R{a^(l)} = σ'(z) R{z},
    R{∂C/∂a^(l-1)} = R{δ^(l)} w + δ^(l) v_w,        R{δ} = σ''(z) R{z} ∂C/∂a + σ'(z) R{∂C/∂a},
    R{∂C/∂w} = R{δ}ᵀ a + δᵀ R{a}.

Gauss and Newton's matrix leaves out what does not go through the curvature of the loss: R{δ^(L)} is
that alone, and it goes back as δ^(L) does (Schraudolph 2002).
"""

from libc.string cimport memset

from bpcore._core.activations cimport second_derivatives
from bpcore._core.backward cimport Target, delta_recursion, weight_gradient
from bpcore._core.batch cimport Reading, read_inputs, zero_units
from bpcore._core.job cimport Memory
from bpcore._core.losses cimport OutputRows, cost_curvature, output_delta
from bpcore._core.products cimport affine, gemm
from bpcore._core.types cimport Buffers, Layer, Layout
from bpcore.kernels.activations cimport BP_SOFTMAX


cdef Buffers _tangents(const Memory* m) noexcept nogil:
    """The buffers with R{a} and R{δ} in the place of a and δ."""
    cdef Buffers buffers = m.rows
    buffers.a = m.tangent_a
    buffers.delta = m.tangent_delta
    buffers.dC_da = NULL
    return buffers


cdef void _forward(const Job* job, const Reading* reading, Py_ssize_t row, Py_ssize_t n,
                   const real_t* theta) noexcept nogil:
    """R{z} and R{a} of every layer."""
    cdef const Layout* layout = job.layout
    cdef const Memory* m = &job.memory
    cdef const real_t* v = <const real_t*>job.direction
    cdef const real_t* below = <const real_t*>reading.inputs.rows[0]
    cdef const real_t* tangent_below = NULL
    cdef const real_t* a
    cdef const real_t* da_dz
    cdef real_t* r_z
    cdef real_t* r_a
    cdef real_t dot
    cdef Py_ssize_t ld = reading.inputs.ld
    cdef Py_ssize_t l, at, i, k
    cdef const Layer* layer
    cdef int own
    for l in range(layout.n_layers):
        layer = &layout.layers[l]
        own = m.rows.own[l].forward
        at = m.rows.rows * layer.unit + row * layer.n_out
        r_z, r_a = <real_t*>m.tangent_z + at, <real_t*>m.tangent_a + at
        a, da_dz = <const real_t*>m.rows.a + at, <const real_t*>m.rows.da_dz + at
        affine(own, n, layer.n_out, layer.n_in, &below, ld, v + layer.w, v + layer.b, r_z,
               <const real_t**>NULL, 0)
        if tangent_below != NULL:
            gemm(own != 0, False, True, n, layer.n_out, layer.n_in, <real_t>1, tangent_below,
                 layer.n_in, theta + layer.w, layer.n_in, <real_t>1, r_z, layer.n_out)
        if layer.activation == BP_SOFTMAX:
            for k in range(n):
                dot = 0
                for i in range(k * layer.n_out, (k + 1) * layer.n_out):
                    dot += a[i] * r_z[i]
                for i in range(k * layer.n_out, (k + 1) * layer.n_out):
                    r_a[i] = a[i] * (r_z[i] - dot)
        else:
            for i in range(n * layer.n_out):
                r_a[i] = da_dz[i] * r_z[i]
        below, tangent_below, ld = a, r_a, layer.n_out


cdef void _bend(const Job* job, const Layer* layer, Py_ssize_t row, Py_ssize_t n,
                const real_t* of_type) noexcept nogil:
    """R{∂C/∂a} → R{δ} of a layer's rows, in place: σ'' R{z} ∂C/∂a + σ' R{∂C/∂a}."""
    cdef const Memory* m = &job.memory
    cdef Py_ssize_t i, k, first
    cdef Py_ssize_t at = m.rows.rows * layer.unit + row * layer.n_out
    cdef real_t* z = <real_t*>m.rows.z + at
    cdef const real_t* a = <const real_t*>m.rows.a + at
    cdef const real_t* da_dz = <const real_t*>m.rows.da_dz + at
    cdef const real_t* g = <const real_t*>m.rows.dC_da + at
    cdef const real_t* r_z = <const real_t*>m.tangent_z + at
    cdef const real_t* r_a = <const real_t*>m.tangent_a + at
    cdef real_t* r = <real_t*>m.tangent_delta + at
    cdef real_t dot, r_dot
    if layer.activation != BP_SOFTMAX:
        second_derivatives(layer, n, <const real_t*>z, a, da_dz, z)     # z has done its part
        for i in range(n * layer.n_out):
            r[i] = da_dz[i] * r[i] + z[i] * r_z[i] * g[i]
        return
    # δ_j = a_j (g_j - Σ g a), and so R{δ_j} = R{a_j} (g_j - Σ g a) + a_j (R{g_j} - R{Σ g a})
    for k in range(n):
        dot = r_dot = 0
        first = k * layer.n_out
        for i in range(first, first + layer.n_out):
            dot += g[i] * a[i]
            r_dot += r[i] * a[i] + g[i] * r_a[i]
        for i in range(first, first + layer.n_out):
            r[i] = r_a[i] * (g[i] - dot) + a[i] * (r[i] - r_dot)


cdef void _leave_out(const Job* job, Py_ssize_t k, const real_t* of_type) noexcept nogil:
    """Zero what else there is of a row that weighs nothing: 0 times an infinite z adds nothing."""
    cdef const Memory* m = &job.memory
    zero_units(job, m.rows.z, k, of_type)
    zero_units(job, m.rows.dC_da, k, of_type)
    zero_units(job, m.tangent_z, k, of_type)
    zero_units(job, m.tangent_a, k, of_type)


cdef void tangent_rows(const Job* job, Py_ssize_t row, Py_ssize_t n,
                       const real_t* theta) noexcept nogil:
    """R{a} and R{δ} of rows that have gone forward and back, or with Gauss and Newton R{δ} of the
    loss's curvature alone."""
    cdef const Layout* layout = job.layout
    cdef const Memory* m = &job.memory
    cdef const real_t* v = <const real_t*>job.direction
    cdef const Layer* layer = &layout.layers[layout.n_layers - 1]
    cdef const Layer* lower
    cdef Reading reading
    cdef Buffers tangents = _tangents(m)
    cdef OutputRows outputs
    cdef Py_ssize_t k, l, at, below
    cdef real_t* r = <real_t*>m.tangent_delta
    cdef const real_t* delta = <const real_t*>m.rows.delta
    cdef bint own
    read_inputs(job, job.phase.start, row, &reading, theta)
    _forward(job, &reading, row, n, theta)
    at = m.rows.rows * layer.unit + row * layer.n_out
    memset(&outputs, 0, sizeof(outputs))
    outputs.a, outputs.delta = <const real_t*>m.rows.a + at, r + at
    outputs.y = <const real_t*>m.rows.y + row * layer.n_out
    if job.examples.weights != NULL:
        outputs.weights = m.weights + row
        for k in range(row, row + n):
            if m.weights[k] == 0:
                _leave_out(job, k, theta)
    cost_curvature(&layout.loss, layer.n_out, n, job.phase.scale,
                   <const real_t*>m.tangent_a + at, &outputs)
    if job.gauss_newton:
        if not layout.loss.canonical:
            output_delta(layer, n, <const real_t*>m.rows.a + at, <const real_t*>m.rows.da_dz + at
                         if layer.stores_da_dz else NULL, r + at)
        tangents.a = m.rows.a
        delta_recursion(layout, theta, &tangents, row, n, <real_t*>NULL)
        return
    if not layout.loss.canonical:
        _bend(job, layer, row, n, theta)
    for l in range(layout.n_layers - 1, 0, -1):
        layer, lower = &layout.layers[l], &layout.layers[l - 1]
        own = m.rows.own[l].delta
        at = m.rows.rows * layer.unit + row * layer.n_out
        below = m.rows.rows * lower.unit + row * lower.n_out
        gemm(own, False, False, n, layer.n_in, layer.n_out, <real_t>1, <const real_t*>r + at,
             layer.n_out, theta + layer.w, layer.n_in, <real_t>0, r + below, layer.n_in)
        gemm(own, False, False, n, layer.n_in, layer.n_out, <real_t>1, delta + at, layer.n_out,
             v + layer.w, layer.n_in, <real_t>1, r + below, layer.n_in)
        _bend(job, lower, row, n, theta)


cdef void tangent_shard(const Job* job, const Shard* shard, const real_t* of_type) noexcept nogil:
    """R{∂C/∂w} and R{∂C/∂b} of a shard, added to what earlier microbatches have found."""
    cdef Reading reading
    cdef Target target
    cdef Shard weights = shard[0]
    cdef Buffers buffers = job.memory.rows
    read_inputs(job, job.phase.start, 0, &reading, of_type)
    target.alpha = 1.0
    target.beta = target.beta_b = 1.0 if job.phase.add else 0.0
    target.w = <real_t*>job.gradient + shard.w
    target.b = <real_t*>job.gradient + shard.b
    buffers.delta = job.memory.tangent_delta
    weight_gradient(job.layout, shard, &reading.inputs, &buffers, 0, job.phase.rows, &target,
                    of_type)
    if job.gauss_newton or shard.layer == 0:
        return
    weights.n_b = 0
    target.beta = 1.0
    buffers.delta = job.memory.rows.delta
    buffers.a = job.memory.tangent_a
    weight_gradient(job.layout, &weights, &reading.inputs, &buffers, 0, job.phase.rows, &target,
                    of_type)
