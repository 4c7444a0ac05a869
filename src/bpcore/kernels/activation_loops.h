/* Included by activations.h once for float and once for double (BP_REAL, BP_(), BP_C()). */

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

/* z s(z) with s the sigmoid; beyond the exponent's range it is 0, also at -infinity. */
BP_INLINE BP_REAL BP_(silu)(BP_REAL z)
{
    BP_REAL s = BP_(sigmoid)(z);
    return z < -1e30f ? 0 : z * s;
}

/* (z s)' = s (1 + z (1 - s)) */
BP_INLINE BP_REAL BP_(silu_prime)(BP_REAL z)
{
    BP_REAL s = BP_(sigmoid)(z);
    return s == 0 ? 0 : (s == 1 ? 1 : s * (1 + z * (1 - s)));
}

/* Phi(z), the distribution function of the standard normal distribution. */
BP_INLINE BP_REAL BP_(normal_cdf)(BP_REAL z)
{
    return (BP_REAL)0.5 * BP_(erfc)(-z * BP_C(SQRT_HALF));
}

BP_INLINE BP_REAL BP_(gelu)(BP_REAL z)
{
    BP_REAL cdf = BP_(normal_cdf)(z);
    return z < -1e30f ? 0 : z * cdf;
}

/* Phi(z) + z phi(z), phi the density */
BP_INLINE BP_REAL BP_(gelu_prime)(BP_REAL z)
{
    BP_REAL c = z > 1000 ? 1000 : (z < -1000 ? -1000 : z);
    return BP_(normal_cdf)(z) + c * BP_C(INV_SQRT_2PI) * BP_(exp)((BP_REAL)-0.5 * c * c);
}

/* a = sigma(z), and sigma'(z) into da_dz unless NULL.  a and da_dz may each be the same array as
 * z (the loops read z[i] before they write), but not the same as each other. */
#define BP_CASE(NAME_, name_, stores_, sigma_, from_z_, from_a_)               \
    case BP_##NAME_:                                                           \
        if (da_dz)                                                             \
            for (ptrdiff_t i = 0; i < n; i++) {                                \
                const BP_REAL x = z[i];                                        \
                const BP_REAL y = (sigma_);                                    \
                a[i] = y;                                                      \
                da_dz[i] = (from_z_);                                          \
                (void)y;                                                       \
            }                                                                  \
        else                                                                   \
            for (ptrdiff_t i = 0; i < n; i++) {                                \
                const BP_REAL x = z[i];                                        \
                a[i] = (sigma_);                                               \
            }                                                                  \
        break;

BP_CLONES
static void BP_(activate)(int kind, BP_REAL p, ptrdiff_t n, const BP_REAL *z, BP_REAL *a,
                          BP_REAL *da_dz)
{
    switch (kind) {
    BP_ACTIVATIONS(BP_CASE)
    default: /* identity */
        if (a != z) memcpy(a, z, (size_t)n * sizeof(BP_REAL));
        if (da_dz) for (ptrdiff_t i = 0; i < n; i++) da_dz[i] = 1;
    }
}

#undef BP_CASE

/* delta *= sigma'(z), with sigma' from a: the delta recursion's elementwise half. */
#define BP_CASE(NAME_, name_, stores_, sigma_, from_z_, from_a_)               \
    case BP_##NAME_:                                                           \
        if (stores_) break;                                                    \
        for (ptrdiff_t i = 0; i < n; i++) {                                    \
            const BP_REAL y = a[i];                                            \
            delta[i] *= (from_a_);                                             \
            (void)y;                                                           \
        }                                                                      \
        break;

BP_CLONES
static void BP_(times_da_dz)(int kind, BP_REAL p, ptrdiff_t n, const BP_REAL *BP_RESTRICT a,
                             BP_REAL *BP_RESTRICT delta)
{
    switch (kind) {
    BP_ACTIVATIONS(BP_CASE)
    default: break; /* identity: sigma' = 1 */
    }
}

#undef BP_CASE
