"""A cost that knows the outputs' derivatives by the inputs (Czarnecki et al. 2017); its gradient.

To the cost of an example comes P = λ Σ_jk (∂a_j/∂x_k - F_jk)², x = a^(0).  For every output j, with
v^(l) = ∂a_j/∂z^(l) and g^(l) = ∂a_j/∂a^(l), one more backward pass gives the derivative:

    g^(L) = e_j,   v^(l) = σ'(z^(l)) g^(l),   g^(l-1) = v^(l) w^(l),   ∂a_j/∂x = g^(0).

This pass is differentiated in its turn (double backpropagation, Drucker and LeCun 1992).  What
comes back through it, ∂P/∂g, goes upwards as a tangent does, along R{x} = 2λ (∂a_j/∂x - F_j):

    R{z^(l)} = w^(l) R{a^(l-1)} = ∂P/∂v^(l),   R{a^(l)} = σ'(z^(l)) R{z^(l)} = ∂P/∂g^(l),

and leaves behind, in each layer,

    ∂P/∂w^(l) = v^(l) R{a^(l-1)}ᵀ,   its bend ∂P/∂z^(l) = σ''(z^(l)) g^(l) R{z^(l)},

which the one delta recursion takes along to the layers below: δ^(l) = σ'(z) ∂C/∂a + bend.  It is
three products for each output and layer, whatever the number of inputs.

The n_L passes of a row go together: in the buffers the rows of v, g and R{a} are the outputs j of
row 0, of row 1, …
"""

from libc.string cimport memset

from bpcore._core.activations cimport second_derivatives
from bpcore._core.backward cimport weight_gradient
from bpcore._core.batch cimport zero_units
from bpcore._core.job cimport COST, Memory
from bpcore._core.losses cimport output_delta
from bpcore._core.products cimport gemm
from bpcore._core.rows cimport gather
from bpcore._core.sparse cimport Inputs
from bpcore._core.types cimport Buffers, Layer, Layout
from bpcore.kernels.activations cimport BP_SOFTMAX


cdef inline double _weight(const Job* job, Py_ssize_t row) noexcept nogil:
    """What the cost of a row of the microbatch is multiplied by."""
    cdef Py_ssize_t k = job.phase.start + row
    if job.examples.weights == NULL:
        return job.phase.scale
    return job.phase.scale * job.examples.weights[
        k if job.examples.order == NULL else job.examples.order[k]]


cdef inline Py_ssize_t _at(const Job* job, const Layer* layer, Py_ssize_t row) noexcept nogil:
    """Where the passes of a row begin in the buffers of a layer."""
    return job.layout.n_outputs * (job.memory.rows.rows * layer.unit + row * layer.n_out)


cdef void _of_outputs(const Job* job, Py_ssize_t row, Py_ssize_t n,
                      const real_t* of_type) noexcept nogil:
    """v^(L): σ' of a_j alone, or a row of softmax's Jacobian a_i (δ_ij - a_j)."""
    cdef const Layer* layer = &job.layout.layers[job.layout.n_layers - 1]
    cdef Py_ssize_t i, j, k
    cdef Py_ssize_t width = layer.n_out
    cdef Py_ssize_t at = job.memory.rows.rows * layer.unit + row * width
    cdef const real_t* a = <const real_t*>job.memory.rows.a + at
    cdef const real_t* da_dz = <const real_t*>job.memory.rows.da_dz + at
    cdef real_t* v = <real_t*>job.memory.slopes.v + _at(job, layer, row)
    memset(v, 0, n * width * width * sizeof(real_t))
    for k in range(n):
        at = k * width
        for j in range(width):
            if layer.activation == BP_SOFTMAX:
                for i in range(width):
                    v[i] = a[at + i] * ((1 if i == j else 0) - a[at + j])
            else:
                v[j] = da_dz[at + j]
            v += width


cdef void output_derivatives(const Job* job, Py_ssize_t row, Py_ssize_t n,
                             const real_t* theta) noexcept nogil:
    """v^(l) and g^(l) of every layer, down to ∂a_j/∂x."""
    cdef const Layout* layout = job.layout
    cdef const Memory* m = &job.memory
    cdef const Layer* layer
    cdef const Layer* lower
    cdef const real_t* da_dz
    cdef real_t* g
    cdef real_t* v
    cdef Py_ssize_t l, i, j, k, at
    _of_outputs(job, row, n, theta)
    for l in range(layout.n_layers - 1, -1, -1):
        layer = &layout.layers[l]
        g = <real_t*>m.slopes.x + layout.n_outputs * row * layout.n_inputs
        if l > 0:
            lower = &layout.layers[l - 1]
            g = <real_t*>m.slopes.g + _at(job, lower, row)
        gemm(m.rows.own[l].delta, False, False, n * layout.n_outputs, layer.n_in, layer.n_out,
             <real_t>1, <const real_t*>m.slopes.v + _at(job, layer, row), layer.n_out,
             theta + layer.w, layer.n_in, <real_t>0, g, layer.n_in)
        if l == 0:
            return
        v = <real_t*>m.slopes.v + _at(job, lower, row)
        da_dz = <const real_t*>m.rows.da_dz + m.rows.rows * lower.unit + row * lower.n_out
        for k in range(n):
            for j in range(layout.n_outputs):
                at = (k * layout.n_outputs + j) * lower.n_out
                for i in range(lower.n_out):
                    v[at + i] = da_dz[k * lower.n_out + i] * g[at + i]


cdef double _misfit(const Job* job, Py_ssize_t row, Py_ssize_t n,
                    const real_t* of_type) noexcept nogil:
    """λ Σ s (∂a_j/∂x_k - F_jk)² of rows, and R{x} in the place of ∂a_j/∂x.  What is NaN in F is
    not known and left out, and so is a row of weight zero, whatever its derivatives."""
    cdef Py_ssize_t k, i
    cdef Py_ssize_t width = job.layout.n_outputs * job.layout.n_inputs
    cdef real_t* x = <real_t*>job.memory.slopes.x + row * width
    cdef real_t* y = <real_t*>job.memory.slopes.y + row * width
    cdef real_t e, factor
    cdef double weight, squares
    cdef double total = 0.0
    gather(job.examples.slopes, job.examples.order, job.n_rows, job.phase.start + row, n,
           job.examples.slopes.n_columns, y)
    for k in range(n):
        weight = job.examples.slope_weight * _weight(job, row + k)
        factor = <real_t>(2 * weight)
        squares = 0.0
        for i in range(width):
            e = x[i] - y[i] if y[i] == y[i] and weight != 0 else 0
            squares += <double>e * e
            x[i] = factor * e
        total += weight * squares
        x += width
        y += width
    return total


cdef void _bend_outputs(const Job* job, Py_ssize_t row, Py_ssize_t n,
                        const real_t* of_type) noexcept nogil:
    """∂P/∂z^(L) from R{z^(L)}: σ'' R{z_j} of pass j; softmax's goes by a through v^(L),

    ∂/∂a_i Σ_m v_m R{z_m} = R{z_i} (δ_ij - a_j) - δ_ij Σ_m a_m R{z_m}, times its Jacobian.
    """
    cdef const Memory* m = &job.memory
    cdef const Layer* layer = &job.layout.layers[job.layout.n_layers - 1]
    cdef Py_ssize_t i, j, k
    cdef Py_ssize_t width = layer.n_out
    cdef Py_ssize_t at = m.rows.rows * layer.unit + row * width
    cdef const real_t* a = <const real_t*>m.rows.a + at
    cdef real_t* bend = <real_t*>m.rows.bend + at
    cdef const real_t* r_z = <const real_t*>m.slopes.tangent + _at(job, layer, row)
    cdef real_t dot
    if layer.activation != BP_SOFTMAX:
        second_derivatives(layer, n, <const real_t*>m.rows.z + at, a,
                           <const real_t*>m.rows.da_dz + at, bend)
        for k in range(n):
            for j in range(width):
                bend[k * width + j] *= r_z[(k * width + j) * width + j]
        return
    memset(bend, 0, n * width * sizeof(real_t))
    for k in range(n):
        at = k * width
        for j in range(at, at + width):
            dot = 0
            for i in range(width):
                dot += a[at + i] * r_z[i]
                bend[at + i] -= a[j] * r_z[i]
            bend[j] += r_z[j - at] - dot
            r_z += width
    output_delta(layer, n, a, <const real_t*>NULL, bend)


cdef void _bend_layer(const Job* job, const Layer* layer, Py_ssize_t row, Py_ssize_t n,
                      const real_t* of_type) noexcept nogil:
    """∂P/∂z^(l) = σ'' Σ_j g R{z}, and R{a^(l)} in the place of R{z^(l)}.

    The sum takes the place of δ^(l), which comes later.
    """
    cdef const Memory* m = &job.memory
    cdef Py_ssize_t i, j, k
    cdef Py_ssize_t width = layer.n_out
    cdef Py_ssize_t at = m.rows.rows * layer.unit + row * width
    cdef const real_t* da_dz = <const real_t*>m.rows.da_dz + at
    cdef const real_t* g = <const real_t*>m.slopes.g + _at(job, layer, row)
    cdef real_t* r = <real_t*>m.slopes.tangent + _at(job, layer, row)
    cdef real_t* bend = <real_t*>m.rows.bend + at
    cdef real_t* total = <real_t*>m.rows.delta + at
    second_derivatives(layer, n, <const real_t*>m.rows.z + at, <const real_t*>m.rows.a + at, da_dz,
                       bend)
    for k in range(n):
        for j in range(job.layout.n_outputs):
            for i in range(width):
                total[i] = g[i] * r[i] if j == 0 else total[i] + g[i] * r[i]
                r[i] *= da_dz[k * width + i]
            g += width
            r += width
        for i in range(width):
            bend[k * width + i] *= total[i]


cdef void slope_tangents(const Job* job, Py_ssize_t row, Py_ssize_t n,
                         const real_t* theta) noexcept nogil:
    """R{a^(l)} and the bend of every layer, from R{x}."""
    cdef const Layout* layout = job.layout
    cdef const Memory* m = &job.memory
    cdef const Layer* layer
    cdef const real_t* below = <const real_t*>m.slopes.x + layout.n_outputs * row * layout.n_inputs
    cdef real_t* r
    cdef Py_ssize_t l
    for l in range(layout.n_layers):
        layer = &layout.layers[l]
        r = <real_t*>m.slopes.tangent + _at(job, layer, row)
        gemm(m.rows.own[l].forward != 0, False, True, n * layout.n_outputs, layer.n_out,
             layer.n_in, <real_t>1, below, layer.n_in, theta + layer.w, layer.n_in, <real_t>0, r,
             layer.n_out)
        if l < layout.n_layers - 1:
            _bend_layer(job, layer, row, n, theta)
        below = r
    _bend_outputs(job, row, n, theta)


cdef void _leave_out(const Job* job, Py_ssize_t row, const real_t* of_type) noexcept nogil:
    """Zero what a row of weight zero would add, so that 0 times infinity adds nothing."""
    cdef Py_ssize_t l, size
    cdef const Layer* layer
    cdef const Memory* m = &job.memory
    zero_units(job, m.rows.bend, row, of_type)
    for l in range(job.layout.n_layers):
        layer = &job.layout.layers[l]
        size = job.layout.n_outputs * layer.n_out * sizeof(real_t)
        memset(<real_t*>m.slopes.v + _at(job, layer, row), 0, size)
        memset(<real_t*>m.slopes.tangent + _at(job, layer, row), 0, size)


cdef double slope_rows(const Job* job, Py_ssize_t row, Py_ssize_t n,
                       const real_t* theta) noexcept nogil:
    """P of rows that have gone forward and, but for COST, v^(l), R{a^(l)} and the bends of all
    layers, each row times its weight and the phase's scale."""
    cdef Py_ssize_t k
    cdef double cost
    output_derivatives(job, row, n, theta)
    cost = _misfit(job, row, n, theta)
    if job.plan.task == COST:
        return cost
    slope_tangents(job, row, n, theta)
    if job.examples.weights != NULL:
        for k in range(row, row + n):
            if _weight(job, k) == 0:
                _leave_out(job, k, theta)
    return cost


cdef void add_pass(const Job* job, Py_ssize_t row, Py_ssize_t j, double* gradient) noexcept nogil:
    """v^(l) R{a^(l-1)}ᵀ of one output of one row, added to ∂/∂w of every layer."""
    cdef const Layout* layout = job.layout
    cdef const Memory* m = &job.memory
    cdef const Layer* layer
    cdef const double* below = <const double*>m.slopes.x \
        + (row * layout.n_outputs + j) * layout.n_inputs
    cdef const double* v
    cdef double* w
    cdef Py_ssize_t l, i, k
    for l in range(layout.n_layers):
        layer = &layout.layers[l]
        v = <const double*>m.slopes.v + _at(job, layer, row) + j * layer.n_out
        for i in range(layer.n_out):
            w = gradient + layer.w + i * layer.n_in
            for k in range(layer.n_in):
                w[k] += v[i] * below[k]
        below = <const double*>m.slopes.tangent + _at(job, layer, row) + j * layer.n_out


cdef void slope_shard(const Job* job, const Shard* shard, const Target* target,
                      const real_t* of_type) noexcept nogil:
    """Σ v^(l) R{a^(l-1)}ᵀ over the rows and outputs of a microbatch, added to a shard of ∂C/∂w."""
    cdef const Memory* m = &job.memory
    cdef Buffers passes = m.rows
    cdef Inputs inputs
    cdef Shard weights = shard[0]
    cdef Target more = target[0]
    cdef const void* x = m.slopes.x
    memset(&inputs, 0, sizeof(inputs))
    inputs.rows, inputs.ld = &x, job.layout.n_inputs
    passes.rows = m.rows.rows * job.layout.n_outputs
    passes.a, passes.delta = m.slopes.tangent, m.slopes.v
    weights.n_b = 0
    more.beta = 1.0
    weight_gradient(job.layout, &weights, &inputs, &passes, 0,
                    job.phase.rows * job.layout.n_outputs, &more, of_type)
