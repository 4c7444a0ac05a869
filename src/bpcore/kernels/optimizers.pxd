"""The optimizers' loops over flat vectors; see optimizers.h."""

from bpcore._core.types cimport real_t

cdef extern from "optimizers.h" nogil:
    void bp_sgd_f32(Py_ssize_t, float, float*, const float*)
    void bp_sgd_f64(Py_ssize_t, double, double*, const double*)
    void bp_momentum_f32(Py_ssize_t, float, float, bint, float*, const float*, float*)
    void bp_momentum_f64(Py_ssize_t, double, double, bint, double*, const double*, double*)
    void bp_adam_f32(Py_ssize_t, float, float, float, float, float, float, float*, const float*,
                     float*, float*)
    void bp_adam_f64(Py_ssize_t, double, double, double, double, double, double, double*,
                     const double*, double*, double*)
    void bp_rmsprop_f32(Py_ssize_t, float, float, float, float, float*, const float*, float*)
    void bp_rmsprop_f64(Py_ssize_t, double, double, double, double, double*, const double*,
                        double*)
    void bp_nadam_f32(Py_ssize_t, float, float, float, float, float, float, float, float, float*,
                      const float*, float*, float*)
    void bp_nadam_f64(Py_ssize_t, double, double, double, double, double, double, double, double,
                      double*, const double*, double*, double*)


cdef inline void sgd(Py_ssize_t n, double eta, real_t* theta, const real_t* g) noexcept nogil:
    """θ ← θ - η g."""
    if real_t is float:
        bp_sgd_f32(n, eta, theta, g)
    else:
        bp_sgd_f64(n, eta, theta, g)


cdef inline void sgd_momentum(Py_ssize_t n, double eta, double mu, bint nesterov, real_t* theta,
                              const real_t* g, real_t* velocity) noexcept nogil:
    """Steps with a velocity, Nesterov's or plain."""
    if real_t is float:
        bp_momentum_f32(n, eta, mu, nesterov, theta, g, velocity)
    else:
        bp_momentum_f64(n, eta, mu, nesterov, theta, g, velocity)


cdef inline void adam(Py_ssize_t n, double eta, double beta_1, double beta_2, double epsilon,
                      real_t* theta, const real_t* g, real_t* mean,
                      real_t* square) noexcept nogil:
    """Adam, η holding both bias corrections."""
    if real_t is float:
        bp_adam_f32(n, eta, beta_1, <float>(1 - beta_1), beta_2, <float>(1 - beta_2), epsilon,
                    theta, g, mean, square)
    else:
        bp_adam_f64(n, eta, beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon, theta, g, mean,
                    square)


cdef inline void rmsprop(Py_ssize_t n, double eta, double rho, double gain, double epsilon,
                         real_t* theta, const real_t* g, real_t* square) noexcept nogil:
    """RMSProp; AdaGrad where rho and gain are 1."""
    if real_t is float:
        bp_rmsprop_f32(n, eta, rho, <float>gain, epsilon, theta, g, square)
    else:
        bp_rmsprop_f64(n, eta, rho, gain, epsilon, theta, g, square)


cdef inline void nadam(Py_ssize_t n, double gradient_factor, double mean_factor, double beta_1,
                       double beta_2, double correction, double epsilon, real_t* theta,
                       const real_t* g, real_t* mean, real_t* square) noexcept nogil:
    """Adam with Nesterov's look-ahead."""
    if real_t is float:
        bp_nadam_f32(n, gradient_factor, mean_factor, beta_1, <float>(1 - beta_1), beta_2,
                     <float>(1 - beta_2), correction, epsilon, theta, g, mean, square)
    else:
        bp_nadam_f64(n, gradient_factor, mean_factor, beta_1, 1 - beta_1, beta_2, 1 - beta_2,
                     correction, epsilon, theta, g, mean, square)
