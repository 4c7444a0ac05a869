/* Included by elementary.h once for float and once for double (BP_REAL, BP_(), BP_C()).
 *
 * `activate`: z -> a = sigma(z), and sigma'(z) into `da_dz` where that is not NULL.  a and
 * da_dz may each be the same array as z (the loops read z[i] before they write), but not
 * the same as each other.
 */

BP_INLINE BP_REAL BP_(sigmoid)(BP_REAL z)
{
    /* 1 / (1 + e) or e / (1 + e) with e = e^-|z|, which never overflows. */
    BP_REAL d;
    BP_REAL e = BP_(odds)(BP_(signed)(BP_(abs)(z), -1), &d);
    return (z >= 0 ? 1 : e) / d;
}

BP_INLINE BP_REAL BP_(tanh)(BP_REAL z)
{
    /* tanh |z| = -m / (2 + m), m = e^(-2|z|) - 1 = s q + (s - 1) with s = 2^k, q = e^r - 1;
     * past the limit it is 1 in this type.  `rest` is what d = 2 + m leaves out when it is
     * rounded: t rest / s goes into q, whose low digits are still at hand (t / s by x + 2 x^2). */
    BP_C(INT) k;
    BP_REAL c;
    BP_REAL x = BP_(abs)(z);
    x = x > BP_C(TANH_LIMIT) ? BP_C(TANH_LIMIT) : x;
    BP_REAL r = BP_(reduce)(-2 * x, &k, &c);
    BP_REAL s = BP_(power)(k);
    BP_REAL low = BP_(expm1_tail)(r) + c;
    BP_REAL q = r + low;
    BP_REAL d = (1 + s) + s * q;
    BP_REAL rest = s * q - (d - (1 + s));
    q = r + (low + (x + 2 * x * x) * rest);
    BP_REAL t = ((1 - s) - s * q) / d;
    return BP_(signed)(t, z);
}

BP_INLINE BP_REAL BP_(softplus)(BP_REAL z)
{
    /* ln(1 + e^z) = max(z, 0) + ln(1 + e^-|z|); written so that NaN stays NaN. */
    return (z < 0 ? 0 : z) + BP_(log1p)(BP_(exp)(-BP_(abs)(z)));
}

/* sigma'(z) from a = sigma(z), where a tells enough. */
BP_INLINE BP_REAL BP_(da_dz_from_a)(int kind, BP_REAL parameter, BP_REAL a)
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

#define BP_LOOP_WITH_DA_DZ(kind_, expression)                                  \
    for (ptrdiff_t i = 0; i < n; i++) {                                        \
        BP_REAL x = z[i];                                                      \
        BP_REAL y = (expression);                                              \
        a[i] = y;                                                              \
        da_dz[i] = BP_(da_dz_from_a)(kind_, parameter, y);                         \
    }

#define BP_CASE(kind_, expression)                                             \
    case kind_:                                                                \
        if (da_dz) { BP_LOOP_WITH_DA_DZ(kind_, expression) }                   \
        else { BP_LOOP(expression) }                                           \
        break;

BP_CLONES
static void BP_(activate)(int kind, BP_REAL parameter, ptrdiff_t n, const BP_REAL *z,
                          BP_REAL *a, BP_REAL *da_dz)
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
            if (da_dz) da_dz[i] = BP_(sigmoid)(x);
        }
        break;
    case BP_SILU: /* z s(z), s the sigmoid; (z s)' = s (1 + z (1 - s)) */
        for (ptrdiff_t i = 0; i < n; i++) {
            BP_REAL x = z[i];
            BP_REAL s = BP_(sigmoid)(x);
            /* beyond the exponent's range z s(z) is 0, also at -infinity */
            a[i] = x < -1e30f ? 0 : x * s;
            if (da_dz) da_dz[i] = s == 0 ? 0 : (s == 1 ? 1 : s * (1 + x * (1 - s)));
        }
        break;
    case BP_GELU: /* z Phi(z); Phi(z) + z phi(z), Phi and phi of the normal distribution */
        for (ptrdiff_t i = 0; i < n; i++) {
            BP_REAL x = z[i];
            BP_REAL cdf = (BP_REAL)0.5 * BP_(erfc)(-x * BP_C(SQRT_HALF));
            a[i] = x < -1e30f ? 0 : x * cdf;
            if (da_dz) {
                BP_REAL c = x > 1000 ? 1000 : (x < -1000 ? -1000 : x);
                da_dz[i] = cdf + c * BP_C(INV_SQRT_2PI) * BP_(exp)((BP_REAL)-0.5 * c * c);
            }
        }
        break;
    default: /* identity */
        if (a != z) memcpy(a, z, (size_t)n * sizeof(BP_REAL));
        if (da_dz) for (ptrdiff_t i = 0; i < n; i++) da_dz[i] = 1;
    }
}

#undef BP_LOOP
#undef BP_LOOP_WITH_DA_DZ
#undef BP_CASE

#define BP_CASE(kind_)                                                         \
    case kind_:                                                                \
        for (ptrdiff_t i = 0; i < n; i++)                                      \
            delta[i] *= BP_(da_dz_from_a)(kind_, parameter, a[i]);                 \
        break;

/* delta *= sigma'(z), with sigma' from a: the delta recursion's elementwise half. */
BP_CLONES
static void BP_(times_da_dz)(int kind, BP_REAL parameter, ptrdiff_t n, const BP_REAL *BP_RESTRICT a,
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

/* Sums in double precision, several at a time: one alone would wait for its last addition. */
#define BP_SUMS 8
BP_INLINE double BP_(total)(const double *sum)
{
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

#define BP_SUM_OVER(term)                                                      \
    for (; i + BP_SUMS <= n; i += BP_SUMS)                                     \
        for (int j = 0; j < BP_SUMS; j++) {                                    \
            const ptrdiff_t at = i + j;                                        \
            term                                                               \
        }                                                                      \
    for (int j = 0; i < n; i++, j++) {                                         \
        const ptrdiff_t at = i;                                                \
        term                                                                   \
    }

/* Sum of (a - y)^2; delta = factor (a - y), unless NULL. */
BP_CLONES
static double BP_(squares)(ptrdiff_t n, const BP_REAL *BP_RESTRICT a,
                           const BP_REAL *BP_RESTRICT y, BP_REAL factor,
                           BP_REAL *BP_RESTRICT delta)
{
    double sum[BP_SUMS] = {0};
    ptrdiff_t i = 0;
    if (delta) for (ptrdiff_t k = 0; k < n; k++) delta[k] = factor * (a[k] - y[k]);
    BP_SUM_OVER(double r = (double)a[at] - (double)y[at]; sum[j] += r * r;)
    return BP_(total)(sum);
}

/* Sum of -y ln s(z) - (1 - y) ln(1 - s(z)), s the sigmoid, with -ln s(z) = ln(1 + e^-z);
 * delta = factor (a - y), unless NULL. */
BP_CLONES
static double BP_(binary_cross_entropy)(ptrdiff_t n, const BP_REAL *BP_RESTRICT z,
                                        const BP_REAL *BP_RESTRICT a,
                                        const BP_REAL *BP_RESTRICT y, BP_REAL factor,
                                        BP_REAL *BP_RESTRICT delta)
{
    double sum[BP_SUMS] = {0};
    ptrdiff_t i = 0;
    if (delta) for (ptrdiff_t k = 0; k < n; k++) delta[k] = factor * (a[k] - y[k]);
    BP_SUM_OVER(
        double x = z[at]; double t = y[at];
        double tail = bp_log1p_f64(bp_exp_f64(-bp_abs_f64(x)));
        sum[j] += t * ((x < 0 ? -x : 0.0) + tail) + (1.0 - t) * ((x > 0 ? x : 0.0) + tail);
    )
    return BP_(total)(sum);
}

#undef BP_SUM_OVER
#undef BP_SUMS

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
