"""θ: where each layer lies in it, who may change it."""

import time

import numpy as np

from bpcore._core.activations import ACTIVATIONS
from bpcore._core.losses import LOSSES
from bpcore._core.memory import zeros
from bpcore._core.products import MAX_DIMENSION

cimport numpy as cnp
from cpython.pythread cimport PyThread_get_thread_ident
from cpython.ref cimport PyObject
from libc.stdlib cimport calloc, free

from bpcore._core.losses cimport given_loss, make_loss
from bpcore._core.rows cimport FLOAT32, FLOAT64, MatrixView, Rows
from bpcore._core.types cimport Layer
from bpcore.kernels.sums cimport all_finite

cnp.import_array()

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject*)


cdef class Lease:
    """What the views of θ that were handed out keep alive, and θ with it."""

    cdef object theta


cdef class Parameters:
    """θ and the shape of the network."""

    def __cinit__(self, *args, **kwargs):
        self.layout.layers = NULL
        self.quantiles = NULL
        self.theta = NULL

    def __dealloc__(self):
        free(self.layout.layers)
        free(self.quantiles)

    def _build(self, tuple sizes, list activations, dtype, loss, list dropout):
        """Lay out the layers; θ starts as zeros.

        Parameters
        ----------
        sizes : tuple of int
            (n_0, …, n_L), checked to be positive.
        activations : list of (name, parameter), one a layer
        dtype : numpy dtype, float32 or float64
        loss : (name, clips_probabilities, parameter, quantiles)
            quantiles: a list of n_L numbers for the quantile loss, else empty.  name: None for a
            user's, whose ∂C/∂a^(L) takes the place of y.
        dropout : list of float, one a layer
        """
        if self.theta != NULL:
            raise RuntimeError("this network is already built: make a new Network instead of "
                               "calling __init__ again")
        for size in sizes:
            if size > MAX_DIMENSION:
                raise ValueError(f"a layer has {size} units; BLAS's integers hold at most "
                                 f"{MAX_DIMENSION}")
        parameters = sum(sizes[l] * (sizes[l - 1] + 1) for l in range(1, len(sizes)))
        if parameters > 2**58:
            raise ValueError(f"a network of {parameters} parameters is beyond what can be "
                             "addressed: give smaller layers")
        theta = zeros(parameters, dtype)
        self.layout.n_layers = len(sizes) - 1
        self.layout.n_inputs = sizes[0]
        self.layout.n_outputs = sizes[len(sizes) - 1]
        self.layout.n_units = sum(sizes[1:])
        self.layout.n_parameters = parameters
        self.layout.is_single = theta.dtype == np.float32
        self.layout.itemsize = theta.itemsize
        self._build_layers(sizes, activations, dropout)
        name, clips, parameter, quantiles = loss
        if name is None:
            self.layout.loss = given_loss()
        else:
            self.layout.loss = make_loss(
                LOSSES[name], clips, parameter,
                self.layout.layers[self.layout.n_layers - 1].activation)
        for i, quantile in enumerate(quantiles):
            self.quantiles[<Py_ssize_t>i] = quantile
        self.layout.loss.quantiles = self.quantiles
        self.dtype = theta.dtype
        self._theta = theta
        self.theta = cnp.PyArray_DATA(theta)
        self.lease = lease = Lease()
        (<Lease>lease).theta = theta

    def _build_layers(self, tuple sizes, list activations, list dropout):
        cdef Py_ssize_t l
        cdef Py_ssize_t offset = 0
        cdef Py_ssize_t unit = 0
        cdef Layer* layer
        self.layout.layers = <Layer*>calloc(self.layout.n_layers, sizeof(Layer))
        self.quantiles = <double*>calloc(self.layout.n_outputs, sizeof(double))
        if self.layout.layers == NULL or self.quantiles == NULL:
            raise MemoryError("no memory for the layers of the network")
        for l in range(self.layout.n_layers):
            layer = &self.layout.layers[l]
            layer.n_in, layer.n_out = sizes[l], sizes[l + 1]
            layer.w = offset
            layer.b = offset + layer.n_in * layer.n_out
            layer.unit = unit
            name, layer.parameter = activations[l]
            layer.activation, stores = ACTIVATIONS[name]
            layer.dropout = dropout[l]
            layer.stores_da_dz = stores or layer.dropout > 0
            self.layout.stores_da_dz = self.layout.stores_da_dz or layer.stores_da_dz
            self.layout.has_dropout = self.layout.has_dropout or layer.dropout > 0
            offset = layer.b + layer.n_out
            unit += layer.n_out

    # ------------------------------------------------------------ checks

    cdef int _check(self) except -1:
        if self.theta == NULL:
            raise RuntimeError("this network was never built: its __init__ did not run")
        return 0

    cdef int _check_idle(self) except -1:
        self._check()
        if self.training or (
                self.fitting and self.fit_thread != PyThread_get_thread_ident()):
            raise RuntimeError("this network is being trained, in another thread or by the fit "
                               "that asks this loss: wait for it to end, or work on a copy")
        return 0

    cdef int _check_rows(self, Rows x) except -1:
        self._check()
        if x.view.n_columns != self.layout.n_inputs:
            raise ValueError(f"X has {x.view.n_columns} features, but this network takes "
                             f"{self.layout.n_inputs} (its first layer)")
        return 0

    cdef int _type_number(self) noexcept:
        """NumPy's number of θ's type."""
        return cnp.NPY_FLOAT32 if self.layout.is_single else cnp.NPY_FLOAT64

    cdef bint _is_finite(self, Py_ssize_t n, const void* numbers) noexcept nogil:
        """Whether n numbers of θ's type all are."""
        if self.layout.is_single:
            return all_finite(n, <const float*>numbers)
        return all_finite(n, <const double*>numbers)

    cdef object _in_own_type(self, X, Py_ssize_t most):
        """X itself; or, where it is plain, of the other float type, and has no more than `most`
        rows, a copy in θ's type: numbers beyond it become infinite."""
        cdef cnp.ndarray x, copy
        cdef Py_ssize_t i, n
        if not cnp.PyArray_CheckExact(X):
            return X
        x = X
        if cnp.PyArray_TYPE(x) == self._type_number() \
                or cnp.PyArray_TYPE(x) not in (cnp.NPY_FLOAT32, cnp.NPY_FLOAT64) \
                or not cnp.PyArray_ISCARRAY_RO(x) or not 1 <= cnp.PyArray_NDIM(x) <= 2 \
                or cnp.PyArray_NDIM(x) == 2 and cnp.PyArray_DIM(x, 0) > most:
            return X
        copy = cnp.PyArray_EMPTY(cnp.PyArray_NDIM(x), cnp.PyArray_DIMS(x), self._type_number(), 0)
        n = cnp.PyArray_SIZE(x)
        if self.layout.is_single:
            for i in range(n):
                (<float*>cnp.PyArray_DATA(copy))[i] = <float>(<double*>cnp.PyArray_DATA(x))[i]
        else:
            for i in range(n):
                (<double*>cnp.PyArray_DATA(copy))[i] = (<float*>cnp.PyArray_DATA(x))[i]
        return copy

    cdef bint _as_plain_rows(self, MatrixView* view, X, Py_ssize_t width):
        """Describe X where its rows are plain ones of θ's type; False where they are not."""
        cdef cnp.ndarray x
        cdef int rank
        if not cnp.PyArray_CheckExact(X):
            return False
        x = X
        rank = cnp.PyArray_NDIM(x)
        if not (
            (rank == 1 or (rank == 2 and cnp.PyArray_DIM(x, 0) > 0))
            and cnp.PyArray_DIM(x, rank - 1) == width
            and cnp.PyArray_TYPE(x) == self._type_number()
            and cnp.PyArray_ISCARRAY_RO(x)
        ):
            return False
        view.kind = FLOAT32 if self.layout.is_single else FLOAT64
        view.divisor = 1.0
        view.data = <const char*>cnp.PyArray_DATA(x)
        view.column_stride = self.layout.itemsize
        view.row_stride = width * view.column_stride
        view.n_rows = 1 if rank == 1 else cnp.PyArray_DIM(x, 0)
        view.n_columns = width
        return True

    # ------------------------------------------------------------ θ

    @property
    def parameters(self):
        """θ = (w^(1), b^(1), …, w^(L), b^(L)), a writable view of shape (n_parameters,)."""
        cdef cnp.npy_intp n = self.layout.n_parameters
        self._check()
        whole = cnp.PyArray_SimpleNewFromData(1, &n, self._type_number(), self.theta)
        cnp.set_array_base(whole, self.lease)
        self.changes += 1
        # of an array: NumPy lets its flag be cleared and set again
        return whole[:]

    @property
    def n_parameters(self):
        """The length of θ."""
        return self.layout.n_parameters

    @property
    def n_layers(self):
        """L, the number of layers that have weights."""
        return self.layout.n_layers

    def _weights_of(self, cnp.ndarray vector):
        """The weights (n_l, n_{l-1}) of every layer, views into a flat vector."""
        cdef Py_ssize_t l
        views = []
        for l in range(self.layout.n_layers):
            layer = self.layout.layers[l]
            views.append(vector[layer.w:layer.b].reshape(layer.n_out, layer.n_in))
        return tuple(views)

    def _biases_of(self, cnp.ndarray vector):
        """The biases (n_l,) of every layer, views into a flat vector."""
        cdef Py_ssize_t l
        views = []
        for l in range(self.layout.n_layers):
            layer = self.layout.layers[l]
            views.append(vector[layer.b:layer.b + layer.n_out])
        return tuple(views)

    def _assign(self, cnp.ndarray theta):
        """θ = theta, a finite vector of θ's length and type."""
        self._check_idle()
        self._theta[:] = theta
        self.changes += 1

    def _descend(self, cnp.ndarray gradient, double learning_rate):
        """θ ← θ - η ∇C, or no change at all where that is not finite; whether it was done."""
        self._check_idle()
        with np.errstate(over="ignore", invalid="ignore"):
            moved = self._theta - self._theta.dtype.type(learning_rate) * gradient
        if not np.isfinite(moved).all():
            return False
        self._theta[:] = moved
        self.changes += 1
        return True

    # ------------------------------------------------------------ whose it is

    cdef bint _may_be_written(self) noexcept:
        """Whether θ is being trained, or somebody holds a view of it."""
        return self.training or Py_REFCNT(<PyObject*>self.lease) > 1

    cdef void _end_training(self) noexcept:
        """Leave a compiled epoch."""
        self.training = False
        self.changes += 1

    def _begin_fit(self):
        """Claim the network for one fit.

        Raises
        ------
        RuntimeError
            If another fit has it.
        """
        self._check()
        if self.fitting:
            raise RuntimeError("this network is being trained by another fit: wait for that fit "
                               "to end, or train a copy (copy.deepcopy)")
        self.fitting = True
        self.fit_thread = PyThread_get_thread_ident()
        try:
            while self.training:        # a single step in another thread, soon over
                time.sleep(1e-4)
        except BaseException:
            self.fitting = False
            raise

    def _end_fit(self):
        """Give the network back."""
        self.fitting = False
