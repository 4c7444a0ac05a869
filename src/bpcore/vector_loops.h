/* Included by vector_math.h once for float and once for double (BP_REAL, BP_(), BP_C()).
 *
 * `activate`: z -> a = sigma(z), and sigma'(z) into `slope` where that is not NULL.  a and
 * slope may each be the same array as z (the loops read z[i] before they write), but not
 * the same as each other.
 */

BP_INLINE BP_REAL BP_(sigmoid)(BP_REAL z)
{
    /* e = e^-|z| never overflows; both branches keep their relative accuracy. */
    BP_REAL e = BP_(exp)(-BP_(abs)(z));
    BP_REAL d = 1 / (1 + e);
    return z >= 0 ? d : e * d;
}

BP_INLINE BP_REAL BP_(tanh)(BP_REAL z)
{
    /* tanh |z| = m / (m + 2), m = e^(2|z|) - 1; past the limit it is 1 in this type. */
    BP_REAL x = BP_(abs)(z);
    x = x > BP_C(TANH_LIMIT) ? BP_C(TANH_LIMIT) : x;
    BP_REAL m = BP_(expm1)(2 * x);
    BP_REAL t = m / (m + 2);
    return z < 0 ? -t : (z == 0 ? z : t);
}

BP_INLINE BP_REAL BP_(softplus)(BP_REAL z)
{
    /* ln(1 + e^z) = max(z, 0) + ln(1 + e^-|z|); written so that NaN stays NaN. */
    return (z < 0 ? 0 : z) + BP_(log1p)(BP_(exp)(-BP_(abs)(z)));
}

/* sigma'(z) from a = sigma(z), where a tells enough. */
BP_INLINE BP_REAL BP_(slope_of)(int kind, BP_REAL parameter, BP_REAL a)
{
    switch (kind) {
    case BP_SIGMOID: return a * (1 - a);
    case BP_TANH: return (1 - a) * (1 + a);
    case BP_RELU: return a > 0 ? 1 : (a == a ? 0 : a);
    case BP_LEAKY_RELU: return a > 0 ? 1 : (a == a ? parameter : a);
    case BP_ELU: return a > 0 ? 1 : a + parameter;
    case BP_SOFTPLUS: return -BP_(expm1)(-a);
    case BP_EXPONENTIAL: return a;
    default: return 1;
    }
}

#define BP_LOOP(expression)                                                    \
    for (ptrdiff_t i = 0; i < n; i++) { BP_REAL x = z[i]; a[i] = (expression); }

#define BP_LOOP_WITH_SLOPE(kind_, expression)                                  \
    for (ptrdiff_t i = 0; i < n; i++) {                                        \
        BP_REAL x = z[i];                                                      \
        BP_REAL y = (expression);                                              \
        a[i] = y;                                                              \
        slope[i] = BP_(slope_of)(kind_, parameter, y);                         \
    }

#define BP_CASE(kind_, expression)                                             \
    case kind_:                                                                \
        if (slope) { BP_LOOP_WITH_SLOPE(kind_, expression) }                   \
        else { BP_LOOP(expression) }                                           \
        break;

BP_CLONES
static void BP_(activate)(int kind, BP_REAL parameter, ptrdiff_t n, const BP_REAL *z,
                          BP_REAL *a, BP_REAL *slope)
{
    switch (kind) {
    BP_CASE(BP_SIGMOID, BP_(sigmoid)(x))
    BP_CASE(BP_TANH, BP_(tanh)(x))
    BP_CASE(BP_RELU, x < 0 ? 0 : x)
    BP_CASE(BP_LEAKY_RELU, x < 0 ? parameter * x : x)
    BP_CASE(BP_ELU, x < 0 ? parameter * BP_(expm1)(x < 0 ? x : 0) : x)
    BP_CASE(BP_EXPONENTIAL, BP_(exp)(x))
    case BP_SOFTPLUS: /* sigma'(z) is the sigmoid: better than 1 - e^-a where a underflows */
        for (ptrdiff_t i = 0; i < n; i++) {
            BP_REAL x = z[i];
            a[i] = BP_(softplus)(x);
            if (slope) slope[i] = BP_(sigmoid)(x);
        }
        break;
    case BP_SILU: /* z s(z), s the sigmoid; (z s)' = s (1 + z (1 - s)) */
        for (ptrdiff_t i = 0; i < n; i++) {
            BP_REAL x = z[i];
            BP_REAL s = BP_(sigmoid)(x);
            /* beyond the exponent's range z s(z) is 0, also at -infinity */
            a[i] = x < -1e30f ? 0 : x * s;
            if (slope) slope[i] = s == 0 ? 0 : (s == 1 ? 1 : s * (1 + x * (1 - s)));
        }
        break;
    case BP_GELU: /* z Phi(z); Phi(z) + z phi(z), Phi and phi of the normal distribution */
        for (ptrdiff_t i = 0; i < n; i++) {
            BP_REAL x = z[i];
            BP_REAL cdf = (BP_REAL)0.5 * BP_(erfc)(-x * BP_C(SQRT_HALF));
            a[i] = x < -1e30f ? 0 : x * cdf;
            if (slope) {
                BP_REAL c = x > 1000 ? 1000 : (x < -1000 ? -1000 : x);
                slope[i] = cdf + c * BP_C(INV_SQRT_2PI) * BP_(exp)((BP_REAL)-0.5 * c * c);
            }
        }
        break;
    default: /* identity */
        if (a != z) memcpy(a, z, (size_t)n * sizeof(BP_REAL));
        if (slope) for (ptrdiff_t i = 0; i < n; i++) slope[i] = 1;
    }
}

#undef BP_LOOP
#undef BP_LOOP_WITH_SLOPE
#undef BP_CASE

#define BP_CASE(kind_)                                                         \
    case kind_:                                                                \
        for (ptrdiff_t i = 0; i < n; i++)                                      \
            delta[i] *= BP_(slope_of)(kind_, parameter, a[i]);                 \
        break;

/* delta *= sigma'(z), with sigma' from a: the delta recursion's elementwise half. */
BP_CLONES
static void BP_(times_slope)(int kind, BP_REAL parameter, ptrdiff_t n, const BP_REAL *BP_RESTRICT a,
                             BP_REAL *BP_RESTRICT delta)
{
    switch (kind) {
    BP_CASE(BP_SIGMOID)
    BP_CASE(BP_TANH)
    BP_CASE(BP_RELU)
    BP_CASE(BP_LEAKY_RELU)
    BP_CASE(BP_ELU)
    BP_CASE(BP_SOFTPLUS)
    BP_CASE(BP_EXPONENTIAL)
    default: break; /* identity: sigma' = 1 */
    }
}

#undef BP_CASE

/* Whether every |x| <= limit, which NaN and infinity are not. */
BP_CLONES
static int BP_(all_within)(ptrdiff_t n, const BP_REAL *x, BP_REAL limit)
{
    int bad = 0;
    for (ptrdiff_t i = 0; i < n; i++) bad |= !(BP_(abs)(x[i]) <= limit);
    return !bad;
}

/* z[k] += b for n rows. */
BP_CLONES
static void BP_(add_bias)(ptrdiff_t n, ptrdiff_t width, const BP_REAL *BP_RESTRICT b,
                          BP_REAL *BP_RESTRICT z)
{
    for (ptrdiff_t k = 0; k < n; k++, z += width)
        for (ptrdiff_t j = 0; j < width; j++) z[j] += b[j];
}

/* out = alpha * the sum of n rows of `width` numbers, `step` apart, + beta * out. */
BP_CLONES
static void BP_(column_sums)(ptrdiff_t n, ptrdiff_t width, ptrdiff_t step,
                             const BP_REAL *BP_RESTRICT delta, BP_REAL alpha, BP_REAL beta,
                             BP_REAL *BP_RESTRICT out)
{
    for (ptrdiff_t j = 0; j < width; j++) out[j] = beta != 0 ? beta * out[j] : 0;
    for (ptrdiff_t k = 0; k < n; k++, delta += step)
        for (ptrdiff_t j = 0; j < width; j++) out[j] += alpha * delta[j];
}

/* a = softmax(z) row by row; subtracting the row's maximum keeps every exponent <= 0.
 * An infinite or NaN entry gives a NaN row, as its formula does. */
BP_CLONES
static void BP_(softmax_rows)(ptrdiff_t n, ptrdiff_t width, const BP_REAL *z, BP_REAL *a)
{
    for (ptrdiff_t k = 0; k < n; k++, z += width, a += width) {
        BP_REAL top = z[0];
        for (ptrdiff_t j = 1; j < width; j++) top = z[j] > top ? z[j] : top;
        for (ptrdiff_t j = 0; j < width; j++) a[j] = BP_(exp)(z[j] - top);
        BP_REAL sum = 0;
        for (ptrdiff_t j = 0; j < width; j++) sum += a[j];
        BP_REAL scale = 1 / sum;
        for (ptrdiff_t j = 0; j < width; j++) a[j] *= scale;
    }
}
