"""Activation functions σ and their derivatives σ', over arrays.

The formulas stand in kernels/activations.h, one row each, in C so that one wheel can hold several
versions of each loop for several instruction sets.
"""

import numpy as np

from libc.math cimport M_2_SQRTPI, M_SQRT1_2
from libc.string cimport memset

from bpcore._core.types cimport Layer, real_t
from bpcore.kernels.activations cimport (
    BP_ELU, BP_EXPONENTIAL, BP_GELU, BP_MISH, BP_N_ACTIVATIONS, BP_SELU, BP_SIGMOID, BP_SILU,
    BP_SOFTMAX, BP_SOFTPLUS, BP_TANH, activate_all, bp_activation_table, bp_vector_level,
    times_da_dz_from_a,
)
from bpcore.kernels.sums cimport softmax_rows

cdef enum:
    AT_ONCE = 256       # numbers whose sigmoid or exponential waits for the rest of σ''

# name: (number, whether training must store σ'(z))
ACTIVATIONS = {
    bp_activation_table[number].name.decode():
        (number, bool(bp_activation_table[number].stores_da_dz))
    for number in range(BP_N_ACTIVATIONS)
}


def vector_level():
    """The instruction set that the elementwise loops run on, as text."""
    return bp_vector_level().decode()


cdef void activate(const Layer* layer, Py_ssize_t n, const real_t* z, real_t* a,
                   real_t* da_dz) noexcept nogil:
    """a = σ(z) for n rows of the layer; σ'(z) into da_dz unless NULL.

    z, a, da_dz: (n, n_out), contiguous.  a or da_dz may be z itself.  Softmax has no
    elementwise derivative: its Jacobian stands in the losses.
    """
    if layer.activation == BP_SOFTMAX:
        softmax_rows(n, layer.n_out, z, a)
    else:
        activate_all(layer.activation, layer.parameter, n * layer.n_out, z, a, da_dz)


cdef void times_da_dz(const Layer* layer, Py_ssize_t n, const real_t* a, const real_t* da_dz,
                      real_t* delta) noexcept nogil:
    """delta *= σ'(z), from da_dz where the layer stores it, else from a."""
    cdef Py_ssize_t i
    cdef Py_ssize_t size = n * layer.n_out
    if da_dz != NULL:
        for i in range(size):
            delta[i] *= da_dz[i]
    else:
        times_da_dz_from_a(layer.activation, layer.parameter, size, a, delta)


cdef inline real_t _mish_second(real_t z, real_t s) noexcept nogil:
    """σ''(z) of z tanh(ln(1 + e^z)): with t the tanh, s the sigmoid, t' = (1 - t²) s."""
    cdef real_t q = (1 - s) * (1 - s)           # t = (1 - q) / (1 + q)
    cdef real_t t = (1 - q) / (1 + q)
    cdef real_t slope = 4 * q / ((1 + q) * (1 + q)) * s
    return slope * (2 + z * (1 - s - 2 * t * s)) if z > -1e30 else 0


cdef void _second_by_exp(int kind, Py_ssize_t n, const real_t* z, real_t* out) noexcept nogil:
    """σ''(z) of gelu, silu and mish for at most AT_ONCE numbers."""
    cdef Py_ssize_t i
    cdef real_t s[AT_ONCE]
    if kind == BP_GELU:                         # φ(z) (2 - z²)
        for i in range(n):
            s[i] = <real_t>-0.5 * z[i] * z[i]
        activate_all(BP_EXPONENTIAL, 0.0, n, <const real_t*>s, s, <real_t*>NULL)
        for i in range(n):
            out[i] = <real_t>(0.5 * M_2_SQRTPI * M_SQRT1_2) * s[i] * (2 - z[i] * z[i])
        return
    activate_all(BP_SIGMOID, 0.0, n, z, s, <real_t*>NULL)
    if kind == BP_SILU:
        for i in range(n):
            out[i] = s[i] * (1 - s[i]) * (2 + z[i] * (1 - 2 * s[i]))
    else:
        for i in range(n):
            out[i] = _mish_second(z[i], s[i])


cdef void second_derivatives(const Layer* layer, Py_ssize_t n, const real_t* z, const real_t* a,
                             const real_t* da_dz, real_t* out) noexcept nogil:
    """out = σ''(z) for n rows of a layer that is not softmax; 0 of what is straight, and at a kink.

    All (n, n_out), contiguous; out may be z itself.
    """
    cdef Py_ssize_t i
    cdef Py_ssize_t size = n * layer.n_out
    cdef int kind = layer.activation
    if kind == BP_SIGMOID:
        for i in range(size):
            out[i] = da_dz[i] * (1 - 2 * a[i])
    elif kind == BP_TANH:
        for i in range(size):
            out[i] = -2 * a[i] * da_dz[i]
    elif kind == BP_ELU or kind == BP_SELU:
        for i in range(size):
            out[i] = da_dz[i] if z[i] < 0 else 0
    elif kind == BP_SOFTPLUS:
        for i in range(size):
            out[i] = da_dz[i] * (1 - da_dz[i])
    elif kind == BP_EXPONENTIAL:
        for i in range(size):
            out[i] = a[i]
    elif kind == BP_GELU or kind == BP_SILU or kind == BP_MISH:
        i = 0
        while i < size:
            _second_by_exp(kind, min(<Py_ssize_t>AT_ONCE, size - i), z + i, out + i)
            i += AT_ONCE
    else:
        memset(out, 0, size * sizeof(real_t))


def apply(str name, z, parameter=None):
    """σ(z) and σ'(z) of one activation function, elementwise, from the training kernels.

    Parameters
    ----------
    name : str
        A key of ``ACTIVATIONS`` other than "softmax".
    z : array-like of float32 or float64, any shape
        Other types are converted to float64.
    parameter : float or None, default=None
        Slope of leaky_relu, alpha of elu, which have to be given; the others have none.

    Returns
    -------
    a, da_dz : ndarrays of z's shape and type

    Raises
    ------
    ValueError
        If the name is unknown, or softmax, which has no elementwise derivative.

    Examples
    --------
    >>> a, da_dz = apply("sigmoid", [0.0])
    >>> a, da_dz
    (array([0.5]), array([0.25]))
    """
    if name not in ACTIVATIONS or name == "softmax":
        names = ", ".join(key for key in ACTIVATIONS if key != "softmax")
        raise ValueError(f"apply takes one of {names}, got {name!r}")
    cdef Layer layer
    layer.activation = ACTIVATIONS[name][0]
    layer.n_out = 1
    layer.parameter = 0.0 if parameter is None else parameter
    z = np.asarray(z, order="C")
    if z.dtype not in (np.float32, np.float64):
        z = z.astype(np.float64)
    a = np.empty_like(z)
    da_dz = np.empty_like(z)
    cdef const float[::1] z32
    cdef const double[::1] z64
    cdef float[::1] a32, s32
    cdef double[::1] a64, s64
    if z.size == 0:
        return a, da_dz
    if z.dtype == np.float32:
        z32, a32, s32 = z.reshape(-1), a.reshape(-1), da_dz.reshape(-1)
        activate[float](&layer, z32.shape[0], &z32[0], &a32[0], &s32[0])
    else:
        z64, a64, s64 = z.reshape(-1), a.reshape(-1), da_dz.reshape(-1)
        activate[double](&layer, z64.shape[0], &z64[0], &a64[0], &s64[0])
    return a, da_dz
