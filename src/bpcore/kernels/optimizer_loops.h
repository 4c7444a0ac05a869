/* Included by optimizers.h once for float and once for double: updates of n parameters. */

/* theta <- theta - eta g */
BP_CLONES
static void BP_(sgd)(ptrdiff_t n, BP_REAL eta, BP_REAL *BP_RESTRICT theta,
                     const BP_REAL *BP_RESTRICT g)
{
    for (ptrdiff_t i = 0; i < n; i++) theta[i] -= eta * g[i];
}

/* v <- mu v - eta g;  theta <- theta + v, or theta + mu v - eta g (Nesterov; Sutskever et al.
 * 2013). */
BP_CLONES
static void BP_(momentum)(ptrdiff_t n, BP_REAL eta, BP_REAL mu, int nesterov,
                          BP_REAL *BP_RESTRICT theta, const BP_REAL *BP_RESTRICT g,
                          BP_REAL *BP_RESTRICT velocity)
{
    if (nesterov) {
        for (ptrdiff_t i = 0; i < n; i++) {
            BP_REAL v = mu * velocity[i] - eta * g[i];
            velocity[i] = v;
            theta[i] += mu * v - eta * g[i];
        }
    } else {
        for (ptrdiff_t i = 0; i < n; i++) {
            BP_REAL v = mu * velocity[i] - eta * g[i];
            velocity[i] = v;
            theta[i] += v;
        }
    }
}

/* m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  theta <- theta - eta m / (sqrt v + eps) */
BP_CLONES
static void BP_(adam)(ptrdiff_t n, BP_REAL eta, BP_REAL beta_1, BP_REAL gain_1, BP_REAL beta_2,
                      BP_REAL gain_2, BP_REAL epsilon, BP_REAL *BP_RESTRICT theta,
                      const BP_REAL *BP_RESTRICT g, BP_REAL *BP_RESTRICT mean,
                      BP_REAL *BP_RESTRICT square)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        BP_REAL m = beta_1 * mean[i] + gain_1 * g[i];
        BP_REAL v = beta_2 * square[i] + gain_2 * g[i] * g[i];
        mean[i] = m;
        square[i] = v;
        theta[i] -= eta * m / (BP_(root)(v) + epsilon);
    }
}

/* v <- rho v + (1 - rho) g^2;  theta <- theta - eta g / (sqrt v + eps) (Tieleman and Hinton
 * 2012).  With rho = gain = 1 this is AdaGrad (Duchi et al. 2011). */
BP_CLONES
static void BP_(rmsprop)(ptrdiff_t n, BP_REAL eta, BP_REAL rho, BP_REAL gain, BP_REAL epsilon,
                        BP_REAL *BP_RESTRICT theta, const BP_REAL *BP_RESTRICT g,
                        BP_REAL *BP_RESTRICT square)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        BP_REAL v = rho * square[i] + gain * g[i] * g[i];
        square[i] = v;
        theta[i] -= eta * g[i] / (BP_(root)(v) + epsilon);
    }
}

/* Adam with Nesterov's look-ahead: theta <- theta - (cg g + cm m) / (sqrt(v / correction) + eps)
 * (Dozat 2016). */
BP_CLONES
static void BP_(nadam)(ptrdiff_t n, BP_REAL gradient_factor, BP_REAL mean_factor, BP_REAL beta_1,
                       BP_REAL gain_1, BP_REAL beta_2, BP_REAL gain_2, BP_REAL correction,
                       BP_REAL epsilon, BP_REAL *BP_RESTRICT theta,
                       const BP_REAL *BP_RESTRICT g, BP_REAL *BP_RESTRICT mean,
                       BP_REAL *BP_RESTRICT square)
{
    for (ptrdiff_t i = 0; i < n; i++) {
        BP_REAL m = beta_1 * mean[i] + gain_1 * g[i];
        BP_REAL v = beta_2 * square[i] + gain_2 * g[i] * g[i];
        mean[i] = m;
        square[i] = v;
        theta[i] -= (gradient_factor * g[i] + mean_factor * m) / (BP_(root)(v / correction) + epsilon);
    }
}
