"""Shards of the layers: their gradient, penalties, clipping, and the optimizer's step."""

from libc.math cimport fabs

from bpcore._core.backward cimport Target, weight_gradient
from bpcore._core.batch cimport Reading, buffer_row, prefetched, read_inputs
from bpcore._core.job cimport GRADIENT, Regularisation
from bpcore._core.optimizers cimport (
    Optimizer, UpdateCoefficients, at_rate, is_plain_sgd, offset, update, update_range,
)
from bpcore._core.sobolev cimport slope_shard
from bpcore._core.types cimport Layer


cdef inline bint _is_transposed(const Job* job, const Shard* shard) noexcept nogil:
    return job.plan.transposes and shard.layer == 0


cdef real_t* _weights(const Job* job, const Shard* shard, const real_t* theta) noexcept nogil:
    """The weights of a shard."""
    if _is_transposed(job, shard):
        return <real_t*>job.memory.sparse.w_t + shard.w
    return <real_t*>theta + shard.w


cdef real_t* _whole_gradient(const Job* job, const real_t* of_type) noexcept nogil:
    """∂C/∂θ of a batch whose gradient is accumulated."""
    return <real_t*>(job.gradient if job.plan.task == GRADIENT else job.memory.gradient)


cdef real_t* _gradient(const Job* job, const Shard* shard, const real_t* of_type) noexcept nogil:
    """Where the whole gradient has the weights of a shard."""
    if _is_transposed(job, shard):
        return <real_t*>job.memory.sparse.gradient_t + shard.w
    return _whole_gradient(job, of_type) + shard.w


cdef void _shard_gradient(const Job* job, const Shard* shard, const Target* target,
                          const real_t* of_type) noexcept nogil:
    """A shard of the gradient of the microbatch, to its target.

    A shard of layer 1 fetches its part of what the row blocks have left of the next microbatch's
    rows.
    """
    cdef Reading reading
    cdef Py_ssize_t start = job.phase.start
    cdef Py_ssize_t n = job.phase.rows
    cdef const Layer* layer = &job.layout.layers[shard.layer]
    cdef Py_ssize_t all_units = layer.n_in if _is_transposed(job, shard) else layer.n_out
    cdef Py_ssize_t left, begin
    read_inputs(job, start, 0, &reading, of_type)
    if job.plan.by_pointer:
        left = prefetched(job, job.phase.next_start, 0, n) // 2
        begin = left * shard.first // all_units
        reading.inputs.n_prefetch = left * (shard.first + shard.units) // all_units - begin
        reading.inputs.prefetch = job.memory.prefetch + 1 + 2 * begin
    weight_gradient(job.layout, shard, &reading.inputs, &job.memory.rows, buffer_row(job, start),
                    n, target, of_type)
    if job.plan.fits_slopes:
        slope_shard(job, shard, target, of_type)


cdef double _add_penalty(const Regularisation* regularisation, double scale, Py_ssize_t n,
                         const real_t* w, real_t* g) noexcept nogil:
    """Add scale (l2 w + l1 sign w) to the gradient of n weights; returns
    scale (½ l2 Σ w² + l1 Σ |w|)."""
    cdef Py_ssize_t i
    cdef real_t of_w = <real_t>(scale * regularisation.l2)
    cdef real_t of_sign = <real_t>(scale * regularisation.l1)
    cdef double squares = 0.0
    cdef double sizes = 0.0
    for i in range(n):
        squares += <double>w[i] * w[i]
        g[i] += of_w * w[i]
    if regularisation.l1 != 0:
        for i in range(n):
            sizes += fabs(w[i])
            g[i] += of_sign if w[i] > 0 else (-of_sign if w[i] < 0 else 0)
    return scale * (0.5 * regularisation.l2 * squares + regularisation.l1 * sizes)


cdef double _squares(Py_ssize_t n, const real_t* g) noexcept nogil:
    cdef Py_ssize_t i
    cdef double total = 0.0
    for i in range(n):
        total += <double>g[i] * g[i]
    return total


cdef bint _has_penalty(const Job* job) noexcept nogil:
    return job.regularisation.l2 != 0 or job.regularisation.l1 != 0


cdef bint _is_scaled(const Job* job, const Shard* shard) noexcept nogil:
    """Whether the weights of a shard, then a whole layer, are w = v diag(s)."""
    return shard.layer == 0 and job.scale.v != NULL


cdef void _scale_gradient(const Job* job, const Shard* shard, real_t* of_w) noexcept nogil:
    """∂C/∂w → ∂C/∂v_jk = s_k ∂C/∂w_jk, in its place, and ∂C/∂s_k = Σ_j v_jk ∂C/∂w_jk."""
    cdef Py_ssize_t j, k
    cdef Py_ssize_t n_in = job.layout.n_inputs
    cdef const real_t* v = <const real_t*>job.scale.v
    cdef const real_t* s = <const real_t*>job.scale.s
    cdef real_t* of_s = <real_t*>job.scale.gradient
    for k in range(n_in):
        of_s[k] = 0
    for j in range(shard.units):
        for k in range(n_in):
            of_s[k] += v[j * n_in + k] * of_w[j * n_in + k]
            of_w[j * n_in + k] *= s[k]


cdef void _scale_weights(const Job* job, const Shard* shard, real_t* w) noexcept nogil:
    """w = v diag(s)."""
    cdef Py_ssize_t j, k
    cdef Py_ssize_t n_in = job.layout.n_inputs
    cdef const real_t* v = <const real_t*>job.scale.v
    cdef const real_t* s = <const real_t*>job.scale.s
    for j in range(shard.units):
        for k in range(n_in):
            w[j * n_in + k] = v[j * n_in + k] * s[k]


cdef double _rate_factor(const Job* job, const Shard* shard, int which) noexcept nogil:
    """What η is multiplied by for the weights (0) or the biases (1) of a shard."""
    return 1.0 if job.rate_factors == NULL else job.rate_factors[2 * shard.layer + which]


cdef void _step(const Job* job, const Shard* shard, real_t* of_w, const real_t* of_b,
                real_t* theta) noexcept nogil:
    """Update a shard of θ from its gradient, which is overwritten where inputs are scaled."""
    cdef Py_ssize_t i
    cdef bint scaled = _is_scaled(job, shard)
    cdef UpdateCoefficients step = at_rate(&job.phase.step, _rate_factor(job, shard, 0))
    cdef real_t* weights = <real_t*>job.scale.v if scaled else _weights(job, shard, theta)
    cdef real_t keep = <real_t>(1.0 - job.phase.step.eta * job.regularisation.decay)
    if scaled:
        _scale_gradient(job, shard, of_w)
    if job.regularisation.decay != 0:    # biases are spared (Loshchilov and Hutter 2019)
        for i in range(shard.n_w):
            weights[i] *= keep
    if _is_transposed(job, shard):
        update(<Optimizer>job.optimizer, &step, shard.n_w, weights, <const real_t*>of_w,
               offset(<real_t*>job.memory.sparse.slot_1_t, shard.w),
               offset(<real_t*>job.memory.sparse.slot_2_t, shard.w))
    else:
        update(<Optimizer>job.optimizer, &step, shard.n_w, weights, <const real_t*>of_w,
               offset(<real_t*>(<Optimizer>job.optimizer).slot_1, shard.w),
               offset(<real_t*>(<Optimizer>job.optimizer).slot_2, shard.w))
    if scaled:
        step = at_rate(&job.phase.step, job.scale.rate)
        update(<Optimizer>job.optimizer, &step, job.layout.n_inputs, <real_t*>job.scale.s,
               <const real_t*>job.scale.gradient, <real_t*>job.scale.slot_1,
               <real_t*>job.scale.slot_2)
        _scale_weights(job, shard, theta + shard.w)
    step = at_rate(&job.phase.step, _rate_factor(job, shard, 1))
    update_range(<Optimizer>job.optimizer, &step, shard.b, shard.n_b, theta, of_b)


cdef void accumulate(const Job* job, const Shard* shard, const real_t* of_type) noexcept nogil:
    """A shard of the whole gradient, added to what earlier microbatches have found."""
    cdef Target target
    target.alpha = 1.0
    target.beta = target.beta_b = 1.0 if job.phase.add else 0.0
    target.w = _gradient(job, shard, of_type)
    target.b = _whole_gradient(job, of_type) + shard.b
    _shard_gradient(job, shard, &target, of_type)


cdef double penalise(const Job* job, const Shard* shard, const real_t* theta,
                     double* squares) noexcept nogil:
    """Add the penalties' part to a shard of the whole gradient; returns the penalty.

    squares: out, the sum of the shard's squares.
    """
    cdef double penalty = 0.0
    cdef real_t* of_w = _gradient(job, shard, theta)
    if _has_penalty(job):
        penalty = _add_penalty(&job.regularisation, job.phase.scale, shard.n_w,
                               <const real_t*>_weights(job, shard, theta), of_w)
    squares[0] = _squares(shard.n_w, <const real_t*>of_w) \
        + _squares(shard.n_b, <const real_t*>_whole_gradient(job, theta) + shard.b)
    return penalty


cdef void _clip(const Job* job, const Shard* shard, const real_t* of_type) noexcept nogil:
    """Multiply a shard of the whole gradient by the factor that makes it as long as it may be."""
    cdef Py_ssize_t i
    cdef real_t* of_w = _gradient(job, shard, of_type)
    cdef real_t* of_b = _whole_gradient(job, of_type) + shard.b
    cdef real_t factor = <real_t>job.phase.factor
    for i in range(shard.n_w):
        of_w[i] *= factor
    for i in range(shard.n_b):
        of_b[i] *= factor


cdef void apply_gradient(const Job* job, const Shard* shard, real_t* theta) noexcept nogil:
    """Update a shard of θ from the whole gradient."""
    if job.phase.factor != 1.0:
        _clip(job, shard, <const real_t*>theta)
    _step(job, shard, _gradient(job, shard, <const real_t*>theta),
          <const real_t*>_whole_gradient(job, <const real_t*>theta) + shard.b, theta)


cdef double fused_update(const Job* job, const Shard* shard, int thread,
                         real_t* theta) noexcept nogil:
    """Gradient and update of a shard in one go; returns its penalty."""
    cdef Target target
    cdef double eta = job.phase.step.eta
    cdef real_t* weights = _weights(job, shard, <const real_t*>theta)
    cdef real_t* g = <real_t*>job.memory.scratch + thread * job.plan.largest_shard
    cdef double penalty = 0.0
    if is_plain_sgd(<Optimizer>job.optimizer) and job.rate_factors == NULL \
            and not _has_penalty(job) and not _is_scaled(job, shard):
        # Plain descent needs no ∇C in memory: the product goes straight into θ.
        target.alpha = -eta
        target.beta = 1.0 - eta * job.regularisation.decay
        target.beta_b = 1.0
        target.w = weights
        target.b = theta + shard.b
        _shard_gradient(job, shard, &target, <const real_t*>theta)
        return 0.0
    target.alpha = 1.0
    target.beta = target.beta_b = 0.0
    target.w = g
    target.b = g + shard.n_w
    _shard_gradient(job, shard, &target, <const real_t*>theta)
    if _has_penalty(job):
        penalty = _add_penalty(&job.regularisation, job.phase.scale, shard.n_w,
                               <const real_t*>weights, g)
    _step(job, shard, g, <const real_t*>g + shard.n_w, theta)
    return penalty
