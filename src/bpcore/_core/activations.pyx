"""Activation functions σ and their derivatives σ', over arrays.

The formulas stand in kernels/activations.h, one row each, in C so that one wheel can hold several
versions of each loop for several instruction sets.
"""

import numpy as np

from bpcore._core.types cimport Layer, real_t
from bpcore.kernels.activations cimport (
    BP_N_ACTIVATIONS, BP_SOFTMAX, activate_all, bp_activation_table, bp_vector_level,
    times_da_dz_from_a,
)
from bpcore.kernels.sums cimport softmax_rows

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
