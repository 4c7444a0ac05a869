/* Included by sums.h once for float and once for double (BP_REAL, BP_()). */

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
