"""Loops that add up or look through; see sums.h."""

from libc.float cimport DBL_EPSILON, DBL_MAX, DBL_MIN, FLT_EPSILON, FLT_MAX, FLT_MIN

from bpcore._core.types cimport real_t

cdef extern from "sums.h" nogil:
    bint bp_all_within_f32(Py_ssize_t, const float*, float)
    bint bp_all_within_f64(Py_ssize_t, const double*, double)
    void bp_add_bias_f32(Py_ssize_t, Py_ssize_t, const float*, float*)
    void bp_add_bias_f64(Py_ssize_t, Py_ssize_t, const double*, double*)
    void bp_softmax_rows_f32(Py_ssize_t, Py_ssize_t, const float*, float*)
    void bp_softmax_rows_f64(Py_ssize_t, Py_ssize_t, const double*, double*)
    double bp_squares_f32(Py_ssize_t, const float*, const float*, float, float*)
    double bp_squares_f64(Py_ssize_t, const double*, const double*, double, double*)
    double bp_binary_cross_entropy_f32(Py_ssize_t, const float*, const float*, const float*,
                                       float, float*)
    double bp_binary_cross_entropy_f64(Py_ssize_t, const double*, const double*, const double*,
                                       double, double*)


cdef inline double largest(const real_t* of_type) noexcept nogil:
    """The largest finite number of the element type."""
    if real_t is float:
        return FLT_MAX
    else:
        return DBL_MAX


cdef inline double tiny(real_t of_type) noexcept nogil:
    """The smallest normal number of the element type."""
    if real_t is float:
        return FLT_MIN
    else:
        return DBL_MIN


cdef inline double epsilon(real_t of_type) noexcept nogil:
    """The distance from 1 to the next number of the element type."""
    if real_t is float:
        return FLT_EPSILON
    else:
        return DBL_EPSILON


cdef inline bint all_within(Py_ssize_t n, const real_t* x, double limit) noexcept nogil:
    """Whether every |x| is at most `limit`, which NaN and infinity are not."""
    if real_t is float:
        return bp_all_within_f32(n, x, <float>min(limit, <double>FLT_MAX))
    else:
        return bp_all_within_f64(n, x, limit)


cdef inline bint all_finite(Py_ssize_t n, const real_t* x) noexcept nogil:
    return all_within(n, x, largest(x))


cdef inline void add_bias(Py_ssize_t n, Py_ssize_t width, const real_t* b,
                          real_t* z) noexcept nogil:
    """z (n, width) += b, to every row."""
    if real_t is float:
        bp_add_bias_f32(n, width, b, z)
    else:
        bp_add_bias_f64(n, width, b, z)


cdef inline void softmax_rows(Py_ssize_t n, Py_ssize_t width, const real_t* z,
                              real_t* a) noexcept nogil:
    """a = softmax(z), row by row."""
    if real_t is float:
        bp_softmax_rows_f32(n, width, z, a)
    else:
        bp_softmax_rows_f64(n, width, z, a)


cdef inline double squares(Py_ssize_t n, const real_t* a, const real_t* y, real_t factor,
                           real_t* delta) noexcept nogil:
    """Σ (a - y)²; factor (a - y) into delta unless NULL."""
    if real_t is float:
        return bp_squares_f32(n, a, y, factor, delta)
    else:
        return bp_squares_f64(n, a, y, factor, delta)


cdef inline double binary_cross_entropy(Py_ssize_t n, const real_t* z, const real_t* a,
                                        const real_t* y, real_t factor,
                                        real_t* delta) noexcept nogil:
    """-Σ y ln σ(z) + (1 - y) ln(1 - σ(z)); factor (a - y) into delta unless NULL."""
    if real_t is float:
        return bp_binary_cross_entropy_f32(n, z, a, y, factor, delta)
    else:
        return bp_binary_cross_entropy_f64(n, z, a, y, factor, delta)
