"""Cost functions: (z, a, y) -> the cost and δ^(L) = ∂C/∂z^(L), together.

A cost is summed over the outputs of an example and averaged over examples; the average (and
the weight of an example) enters here, once, as the factor ``scale * weights[k]`` of its row.
The entropies and Poisson with their canonical output activation are computed from z: the cost
stays finite where a rounds to 0 or 1, and δ has no quotient.

A new cost gets a number, a line in ``LOSSES`` and its three formulas in ``_cost``, ``_derivative``
and ``_second_derivative``; what users are told of it stands in bpcore/functions/losses.py.
"""

from libc.float cimport DBL_MAX
from libc.math cimport exp, fabs, log, log1p

from bpcore._core.activations cimport times_da_dz
from bpcore._core.types cimport Layer, Loss, real_t
from bpcore.kernels.activations cimport BP_EXPONENTIAL, BP_SOFTMAX
from bpcore.kernels.sums cimport binary_cross_entropy, epsilon, squares, tiny

cdef enum LossKind:
    QUADRATIC = 0
    SQUARED_ERROR
    ABSOLUTE
    HUBER
    QUANTILE
    BINARY_CROSS_ENTROPY
    CATEGORICAL_CROSS_ENTROPY
    POISSON
    GIVEN       # a user's: y holds ∂C/∂a^(L), of which Σ a y is the linear cost

# name: number
LOSSES = {
    "quadratic": QUADRATIC,
    "squared_error": SQUARED_ERROR,
    "absolute": ABSOLUTE,
    "huber": HUBER,
    "quantile": QUANTILE,
    "binary_cross_entropy": BINARY_CROSS_ENTROPY,
    "categorical_cross_entropy": CATEGORICAL_CROSS_ENTROPY,
    "poisson": POISSON,
}


cdef Loss make_loss(int kind, bint clips_probabilities, double parameter,
                    int output_activation) noexcept:
    """What the kernels ask of a loss; its quantiles are the caller's to fill in."""
    cdef Loss loss
    loss.kind = kind
    loss.clips_probabilities = clips_probabilities
    loss.given = kind == GIVEN
    loss.parameter = parameter
    loss.quantiles = NULL
    loss.canonical = (
        kind == BINARY_CROSS_ENTROPY or kind == CATEGORICAL_CROSS_ENTROPY
        or (kind == POISSON and output_activation == BP_EXPONENTIAL)
    )
    loss.bounds_targets = kind in (BINARY_CROSS_ENTROPY, CATEGORICAL_CROSS_ENTROPY, POISSON)
    loss.max_target = 1.0 if kind == BINARY_CROSS_ENTROPY else DBL_MAX
    return loss


cdef Loss given_loss() noexcept:
    """That of targets which are ∂C/∂a^(L) themselves."""
    return make_loss(GIVEN, False, 0.0, 0)


cdef inline double _xlogy(double x, double y) noexcept nogil:
    return 0.0 if x == 0.0 else x * log(y)


cdef inline double _clipped(real_t a) noexcept nogil:
    """a within [eps, 1 - eps] of its type, as scikit-learn's log loss clips it; NaN stays."""
    cdef double eps = epsilon(a)
    if a < eps:
        return eps
    if a > 1.0 - eps:
        return 1.0 - eps
    return a


cdef inline double _clipped_row(bint binary, Py_ssize_t width, const real_t* a,
                                const real_t* y) noexcept nogil:
    """The entropies as scikit-learn reports them, from a: -Σ y ln a, and for independent
    outputs - Σ (1 - y) ln(1 - a) too.  L-BFGS compares such costs to the last digit."""
    cdef Py_ssize_t j
    cdef double p, cost = 0.0
    for j in range(width):
        p = _clipped(a[j])
        if y[j] != 0 or p != p:
            cost -= y[j] * log(p)
        if binary and y[j] != 1:
            cost -= (1.0 - y[j]) * log(1.0 - p)
    return cost


cdef inline double _cost(int kind, double parameter, real_t a_j, double y) noexcept nogil:
    """The cost of one output, from a."""
    cdef double a = a_j
    cdef double r = a - y
    if kind == QUADRATIC:
        return r * r
    if kind == SQUARED_ERROR:
        return 0.5 * r * r
    if kind == ABSOLUTE:
        return fabs(r)
    if kind == HUBER:
        if fabs(r) <= parameter:
            return 0.5 * r * r
        return parameter * (fabs(r) - 0.5 * parameter)
    if kind == QUANTILE:
        return -parameter * r if r < 0 else (1.0 - parameter) * r
    if kind == GIVEN:
        return a * y
    # POISSON with softplus: half the deviance, y ln(y / a) - y + a
    if a < tiny(a_j):
        a = tiny(a_j)
    return _xlogy(y, y) - _xlogy(y, a) - y + a


cdef inline real_t _derivative(int kind, real_t parameter, real_t a, real_t y) noexcept nogil:
    """∂C/∂a of one output."""
    cdef real_t r = a - y
    if kind == QUADRATIC:
        return 2 * r
    if kind == SQUARED_ERROR:
        return r
    if kind == ABSOLUTE:
        return 1 if r > 0 else (-1 if r < 0 else r)
    if kind == HUBER:
        return parameter if r > parameter else (-parameter if r < -parameter else r)
    if kind == QUANTILE:
        return -parameter if r < 0 else (1 - parameter if r > 0 else r)
    if kind == BINARY_CROSS_ENTROPY:    # (1 - y) / (1 - a) - y / a, also where a = y = 0 or 1
        return (-y / a if y != 0 else 0) + ((1 - y) / (1 - a) if y != 1 else 0)
    if kind == CATEGORICAL_CROSS_ENTROPY:
        return -y / a if y != 0 else 0
    if kind == GIVEN:
        return y
    if a < <real_t>tiny(a):
        a = <real_t>tiny(a)
    return 1 - y / a


cdef inline double _binary_row(Py_ssize_t width, const real_t* z,
                               const real_t* y) noexcept nogil:
    """-Σ y ln σ(z) + (1 - y) ln(1 - σ(z)), with -ln σ(z) = ln(1 + e^-z)."""
    cdef Py_ssize_t j
    cdef double positive, negative, tail, x
    cdef double cost = 0.0
    for j in range(width):
        x = z[j]
        tail = log1p(exp(-fabs(x)))
        positive = (-x if x < 0 else 0.0) + tail
        negative = (x if x > 0 else 0.0) + tail
        cost += y[j] * positive + (1.0 - y[j]) * negative
    return cost


cdef inline double _categorical_row(Py_ssize_t width, const real_t* z, const real_t* a,
                                    const real_t* y) noexcept nogil:
    """-Σ y_j (z_j - ln Σ e^z); the log of the sum is z - ln a at the largest z, where a is
    no less than 1 / width."""
    cdef Py_ssize_t j
    cdef Py_ssize_t top = 0
    cdef double log_sum, cost = 0.0
    for j in range(1, width):
        if z[j] > z[top]:
            top = j
    log_sum = z[top] - log(a[top])
    for j in range(width):
        if y[j] != 0:
            cost += y[j] * (log_sum - z[j])
    return cost


cdef inline double _poisson_row(Py_ssize_t width, const real_t* z, const real_t* a,
                                const real_t* y) noexcept nogil:
    """Σ y ln(y / a) - y + a with a = e^z: y (ln y - z) - y + a."""
    cdef Py_ssize_t j
    cdef double cost = 0.0
    for j in range(width):
        cost += _xlogy(y[j], y[j]) - <double>y[j] * z[j] - y[j] + a[j]
    return cost


cdef inline void _canonical_delta(int kind, Py_ssize_t width, const real_t* a, const real_t* y,
                                real_t factor, real_t* delta) noexcept nogil:
    """δ = a - y; for softmax a Σy - y, which is the same where Σy = 1."""
    cdef Py_ssize_t j
    cdef real_t total = 1
    if kind == CATEGORICAL_CROSS_ENTROPY:
        total = 0
        for j in range(width):
            total += y[j]
    for j in range(width):
        delta[j] = factor * (a[j] * total - y[j])


cdef inline double _plain_row(int kind, const Loss* loss, Py_ssize_t width, const real_t* a,
                              const real_t* y, real_t factor, real_t* delta) noexcept nogil:
    """The cost of one example from a, and factor ∂C/∂a into delta unless NULL."""
    cdef Py_ssize_t j
    cdef double cost = 0.0
    cdef double parameter = loss.parameter
    for j in range(width):
        if kind == QUANTILE:
            parameter = loss.quantiles[j]
        cost += _cost(kind, parameter, a[j], y[j])
        if delta != NULL:
            delta[j] = factor * _derivative(kind, <real_t>parameter, a[j], y[j])
    return cost


cdef void _softmax_jacobian(Py_ssize_t n, Py_ssize_t width, const real_t* a,
                            real_t* delta) noexcept nogil:
    """δ_j = a_j (g_j - Σ_k g_k a_k), in place of g = ∂C/∂a."""
    cdef Py_ssize_t k, j
    cdef real_t dot
    for k in range(n):
        dot = 0
        for j in range(width):
            dot += delta[k * width + j] * a[k * width + j]
        for j in range(width):
            delta[k * width + j] = a[k * width + j] * (delta[k * width + j] - dot)


cdef void output_delta(const Layer* layer, Py_ssize_t n, const real_t* a, const real_t* da_dz,
                       real_t* delta) noexcept nogil:
    """∂C/∂a^(L) → δ^(L) = ∂C/∂z^(L) for n rows, in place."""
    if layer.activation == BP_SOFTMAX:
        _softmax_jacobian(n, layer.n_out, a, delta)
    else:
        times_da_dz(layer, n, a, da_dz, delta)


cdef double _vectorised_cost(int kind, Py_ssize_t n, double scale, const real_t* a,
                             const OutputRows* rows) noexcept nogil:
    """scale Σ C of n outputs that all weigh the same, and scale ∂C/∂a (of the binary cross-entropy
    ∂C/∂z) into delta unless NULL: the costs that vectorise."""
    cdef real_t factor = <real_t>scale
    cdef const real_t* y = <const real_t*>rows.y
    cdef real_t* delta = <real_t*>rows.delta
    if kind == BINARY_CROSS_ENTROPY:
        return scale * binary_cross_entropy(n, <const real_t*>rows.z, a, y, factor, delta)
    if kind == QUADRATIC:
        factor = 2 * factor
    else:
        scale = 0.5 * scale
    return scale * squares(n, a, y, factor, delta)


cdef inline double _row(const Loss* loss, Py_ssize_t width, const real_t* z, const real_t* a,
                        const real_t* y, real_t factor, real_t* delta) noexcept nogil:
    """The cost of one example; factor ∂C/∂a, or with the canonical activation factor ∂C/∂z, into
    delta unless NULL."""
    cdef int kind = loss.kind
    cdef double cost
    if not loss.canonical:
        if kind == QUADRATIC:       # each call with a constant becomes a loop of its own
            return _plain_row(QUADRATIC, loss, width, a, y, factor, delta)
        if kind == SQUARED_ERROR:
            return _plain_row(SQUARED_ERROR, loss, width, a, y, factor, delta)
        return _plain_row(kind, loss, width, a, y, factor, delta)
    if loss.clips_probabilities:
        cost = _clipped_row(kind == BINARY_CROSS_ENTROPY, width, a, y)
    elif kind == BINARY_CROSS_ENTROPY:
        cost = _binary_row(width, z, y)
    elif kind == CATEGORICAL_CROSS_ENTROPY:
        cost = _categorical_row(width, z, a, y)
    else:
        cost = _poisson_row(width, z, a, y)
    if delta != NULL:
        _canonical_delta(kind, width, a, y, factor, delta)
    return cost


cdef double cost_and_delta(const Loss* loss, const Layer* layer, Py_ssize_t n, double scale,
                           const real_t* a, const OutputRows* rows) noexcept nogil:
    """Σ_k scale · weights[k] · C_k of n rows; δ^(L), ∂C/∂a^(L), C_k where `rows` wants them.

    a: rows.a, which names the element type.
    """
    cdef Py_ssize_t k, j, at
    cdef Py_ssize_t width = layer.n_out
    cdef int kind = loss.kind
    cdef double cost, factor = scale
    cdef double total = 0.0
    cdef const real_t* z = <const real_t*>rows.z
    cdef const real_t* y = <const real_t*>rows.y
    cdef real_t* delta = <real_t*>rows.delta
    cdef real_t* dC_da = <real_t*>rows.dC_da
    if (
        rows.weights == NULL and rows.costs == NULL and dC_da == NULL
        and not loss.clips_probabilities
        and (kind == QUADRATIC or kind == SQUARED_ERROR or kind == BINARY_CROSS_ENTROPY)
    ):
        total = _vectorised_cost(kind, n * width, scale, a, rows)
    else:
        for k in range(n):
            at = k * width
            if rows.weights != NULL:
                factor = scale * rows.weights[k]
            cost = _row(loss, width, z + at, a + at, y + at, <real_t>factor,
                        delta + at if delta != NULL else <real_t*>NULL)
            if dC_da != NULL:
                for j in range(width):
                    dC_da[at + j] = <real_t>factor * _derivative(
                        kind, <real_t>(loss.quantiles[j] if kind == QUANTILE else loss.parameter),
                        a[at + j], y[at + j])
            if rows.costs != NULL:
                rows.costs[k] = cost
            # A row of weight zero is left out, whatever its cost.
            total += factor * cost if factor != 0.0 else 0.0
    if delta != NULL and not loss.canonical:
        output_delta(layer, n, a, <const real_t*>rows.da_dz, delta)
    return total


cdef inline double _second_derivative(const Loss* loss, double a, double y, double r_a,
                                      real_t of_type) noexcept nogil:
    """∂²C/∂a² r_a of one output, of a loss whose output activation does not cancel."""
    if loss.kind == QUADRATIC:
        return 2.0 * r_a
    if loss.kind == SQUARED_ERROR:
        return r_a
    if loss.kind == HUBER:
        return r_a if fabs(a - y) <= loss.parameter else 0.0
    if loss.kind == POISSON:        # a² would be 0 before a is; below `tiny` y / a is constant
        return (y / a) * (r_a / a) if a > tiny(of_type) else 0.0
    return 0.0                      # absolute, quantile: straight on both sides


cdef void cost_curvature(const Loss* loss, Py_ssize_t width, Py_ssize_t n, double scale,
                         const real_t* r_a, const OutputRows* rows) noexcept nogil:
    """rows.delta = the change of ∂C/∂a, or with the canonical activation of ∂C/∂z, where a changes
    by r_a.

    Each (n, width); scale and rows.weights, a, y: as for `cost_and_delta`.
    """
    cdef Py_ssize_t k, j
    cdef double factor
    cdef const real_t* a = <const real_t*>rows.a
    cdef const real_t* y = <const real_t*>rows.y
    cdef real_t* r = <real_t*>rows.delta
    for k in range(n):
        factor = scale if rows.weights == NULL else scale * rows.weights[k]
        if loss.kind == CATEGORICAL_CROSS_ENTROPY:
            factor = 0 if factor == 0 else factor * _sum_of(width, y + k * width)
        for j in range(k * width, (k + 1) * width):
            if loss.canonical:
                r[j] = <real_t>(factor * r_a[j])
            else:
                r[j] = <real_t>(factor * _second_derivative(loss, a[j], y[j], r_a[j], a[j]))


cdef inline double _sum_of(Py_ssize_t n, const real_t* y) noexcept nogil:
    cdef Py_ssize_t j
    cdef double total = 0.0
    for j in range(n):
        total += y[j]
    return total
