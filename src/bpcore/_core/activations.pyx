"""Activation functions σ and their derivatives σ', over arrays.

The formulas stand in elementary.h and activation_loops.h, in C so that one wheel can hold
several versions of each loop for several instruction sets.  A new activation gets a number
in ``types.pxd`` and there, a case in ``activation_loops.h``, and a line in ``ACTIVATIONS``;
names, checks and the parametrised tests read that view.
"""

import numpy as np

from bpcore._core.types cimport Layer, real_t
from bpcore._core.types cimport (
    ELU, EXPONENTIAL, GELU, IDENTITY, LEAKY_RELU, RELU, SIGMOID, SILU, SOFTMAX, SOFTPLUS, TANH,
)

cdef extern from "elementary.h" nogil:
    const char* bp_vector_level()
    void bp_activate_f32(int, float, Py_ssize_t, const float*, float*, float*)
    void bp_activate_f64(int, double, Py_ssize_t, const double*, double*, double*)
    void bp_times_da_dz_f32(int, float, Py_ssize_t, const float*, float*)
    void bp_times_da_dz_f64(int, double, Py_ssize_t, const double*, double*)
    void bp_softmax_rows_f32(Py_ssize_t, Py_ssize_t, const float*, float*)
    void bp_softmax_rows_f64(Py_ssize_t, Py_ssize_t, const double*, double*)

# name: (number, default of its parameter or None, whether training must store σ'(z))
ACTIVATIONS = {
    "sigmoid": (SIGMOID, None, False),
    "tanh": (TANH, None, False),
    "relu": (RELU, None, False),
    "identity": (IDENTITY, None, False),
    "leaky_relu": (LEAKY_RELU, 0.01, False),
    "elu": (ELU, 1.0, False),
    "softplus": (SOFTPLUS, None, False),
    "gelu": (GELU, None, True),
    "silu": (SILU, None, True),
    "exponential": (EXPONENTIAL, None, False),
    "softmax": (SOFTMAX, None, False),
}


def vector_level():
    """The instruction set that the elementwise loops run on, as text."""
    return bp_vector_level().decode()


cdef void activate(const Layer* layer, Py_ssize_t n, const real_t* z, real_t* a,
                   real_t* da_dz) noexcept nogil:
    """a = σ(z) for n rows of the layer; σ'(z) into da_dz unless NULL.

    z, a, da_dz: (n, n_out), contiguous.  a or da_dz may be z itself.  Softmax has no
    elementwise da_dz: its Jacobian stands in the losses.
    """
    cdef Py_ssize_t size = n * layer.n_out
    if layer.activation == SOFTMAX:
        if real_t is float:
            bp_softmax_rows_f32(n, layer.n_out, z, a)
        else:
            bp_softmax_rows_f64(n, layer.n_out, z, a)
    elif real_t is float:
        bp_activate_f32(layer.activation, <float>layer.parameter, size, z, a, da_dz)
    else:
        bp_activate_f64(layer.activation, layer.parameter, size, z, a, da_dz)


cdef void times_da_dz(const Layer* layer, Py_ssize_t n, const real_t* a, const real_t* da_dz,
                      real_t* delta) noexcept nogil:
    """delta *= σ'(z), from da_dz where the layer stores it, else from a."""
    cdef Py_ssize_t i
    cdef Py_ssize_t size = n * layer.n_out
    if da_dz != NULL:
        for i in range(size):
            delta[i] *= da_dz[i]
    elif real_t is float:
        bp_times_da_dz_f32(layer.activation, <float>layer.parameter, size, a, delta)
    else:
        bp_times_da_dz_f64(layer.activation, layer.parameter, size, a, delta)


def apply(str name, z, parameter=None):
    """σ(z) and σ'(z) of one activation function, elementwise, from the training kernels.

    Parameters
    ----------
    name : str
        A key of ``ACTIVATIONS`` other than "softmax".
    z : array-like of float32 or float64, any shape
        Other types are converted to float64.
    parameter : float, optional
        Slope of leaky_relu, alpha of elu; the activation's default when None.

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
    kind, default, _ = ACTIVATIONS[name]
    layer.activation = kind
    layer.n_out = 1
    layer.parameter = 0.0 if default is None else default
    if parameter is not None:
        layer.parameter = parameter
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
