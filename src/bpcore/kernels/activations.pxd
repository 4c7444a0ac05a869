"""The activation functions' loops; see activations.h."""

from bpcore._core.types cimport real_t

cdef extern from "activations.h" nogil:
    enum:
        BP_SOFTMAX
        BP_SIGMOID
        BP_TANH
        BP_ELU
        BP_SOFTPLUS
        BP_SELU
        BP_GELU
        BP_SILU
        BP_MISH
        BP_EXPONENTIAL
        BP_N_ACTIVATIONS
    ctypedef struct bp_activation:
        const char* name
        int stores_da_dz
    const bp_activation bp_activation_table[]
    const char* bp_vector_level()
    void bp_activate_f32(int, float, Py_ssize_t, const float*, float*, float*)
    void bp_activate_f64(int, double, Py_ssize_t, const double*, double*, double*)
    void bp_times_da_dz_f32(int, float, Py_ssize_t, const float*, float*)
    void bp_times_da_dz_f64(int, double, Py_ssize_t, const double*, double*)


cdef inline void activate_all(int kind, double parameter, Py_ssize_t n, const real_t* z,
                              real_t* a, real_t* da_dz) noexcept nogil:
    """a = σ(z), and σ'(z) into da_dz unless NULL, for n numbers."""
    if real_t is float:
        bp_activate_f32(kind, <float>parameter, n, z, a, da_dz)
    else:
        bp_activate_f64(kind, parameter, n, z, a, da_dz)


cdef inline void times_da_dz_from_a(int kind, double parameter, Py_ssize_t n, const real_t* a,
                                    real_t* delta) noexcept nogil:
    """delta *= σ'(z), told from a."""
    if real_t is float:
        bp_times_da_dz_f32(kind, <float>parameter, n, a, delta)
    else:
        bp_times_da_dz_f64(kind, parameter, n, a, delta)
