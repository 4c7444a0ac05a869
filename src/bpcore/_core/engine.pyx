"""The owner of θ: what `Network` is made of, and the door from Python to the kernels.

Every method here takes what `bpcore/checks/arrays.py` has checked: `Rows` of the right width,
without NaN, weights of the right length.  The kernels run without the interpreter, on buffers
that belong to the call; so several threads may predict with one network at the same time.
"""

import time

import numpy as np

cimport numpy as cnp
from cpython.pythread cimport PyThread_get_thread_ident
from libc.float cimport DBL_MAX, FLT_MAX
from libc.math cimport isfinite
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from bpcore._core.products cimport has_sparse_loops
from bpcore._core.pool cimport ThreadPool
from bpcore._core.rows cimport FLOAT32, FLOAT64, Rows, MatrixView
from bpcore._core.inspect cimport jacobian, per_sample_gradients, trace
from bpcore._core.small_batch cimport STACK_UNITS, predict_small, step_small
from bpcore._core.optimizers cimport Optimizer
from bpcore._core.epoch cimport (
    COST, GRADIENT, PREDICT, TRAIN, Examples, Regularisation, Workspace, ceil_div, make_workspace,
    prediction_rows, weight_sum,
)
from bpcore._core.types cimport (
    BINARY_CROSS_ENTROPY, CATEGORICAL_CROSS_ENTROPY, POISSON, Layer,
)

from bpcore._core.products import MAX_DIMENSION

cdef extern from "elementary.h" nogil:
    bint bp_all_within_f32(Py_ssize_t, const float*, float)
    bint bp_all_within_f64(Py_ssize_t, const double*, double)

cnp.import_array()

# An optimizer for the jobs that make no update.
cdef Optimizer NO_STEPS = Optimizer("sgd", 0)

# Floating-point operations from which on another thread pays: in a batch, which has two
# phases; and in a call, for which the thread is started.
cdef double OPERATIONS_A_BATCH = 1e7
cdef double OPERATIONS_A_CALL = 1e7

# Up to which share of inputs that are not zero the first layer goes through those only, from how
# many inputs, units and rows on: turning w^(1) round has to pay, and looking for zeros.  Measured
# with 784 inputs, 8 to 512 units, both types, all levels of the product loops: a quarter or less is
# worth it from 16 units on, with 8 units a tenth.
cdef double SPARSE_DENSITY = 0.25
cdef Py_ssize_t SPARSE_INPUTS = 64
cdef Py_ssize_t SPARSE_UNITS = 16
cdef Py_ssize_t SPARSE_ROWS = 256

# A small_workspace rows are predicted without the interpreter's lock, so that other threads may go on, where
# that takes so long (parameters times rows) that giving it up is cheap; a step on a small_workspace rows keeps
# it, unless the network is so large that others would wait too long.
cdef Py_ssize_t UNLOCKED_PARAMETERS = 100_000
cdef Py_ssize_t LOCKED_STEP_PARAMETERS = 2_000_000

# How long `_train_epochs` may keep the interpreter waiting.
cdef double SECONDS_BETWEEN_LOOKS = 0.01


def share_from(double a_batch, double a_call):
    """Set the operations from which on another thread pays; returns what was set before.

    For tests and measurements; 0 and 0: always.
    """
    global OPERATIONS_A_BATCH, OPERATIONS_A_CALL
    before = OPERATIONS_A_BATCH, OPERATIONS_A_CALL
    OPERATIONS_A_BATCH, OPERATIONS_A_CALL = a_batch, a_call
    return before


def sparse_from(double density, Py_ssize_t rows):
    """Set up to which density and from how many rows on the first layer passes by zeros; returns
    what was set before.

    For tests and measurements; -1 and any: never.
    """
    global SPARSE_DENSITY, SPARSE_ROWS
    before = SPARSE_DENSITY, SPARSE_ROWS
    SPARSE_DENSITY, SPARSE_ROWS = density, rows
    return before


cdef bint _apart(const MatrixView* x, const char* bytes, Py_ssize_t n) noexcept nogil:
    """Whether plain rows share no memory with n bytes."""
    return bytes + n <= x.data or x.data + x.n_rows * x.row_stride <= bytes


cdef bint _rows_exist(Py_ssize_t n, const Py_ssize_t* order,
                          Py_ssize_t n_rows) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint exist = True
    for i in range(n):
        exist = exist and 0 <= order[i] < n_rows
    return exist


cdef class Engine:
    """θ and the shape of the network; see ``bpcore.Network``, which is this with words."""

    def __cinit__(self, *args, **kwargs):
        self.max_threads = 1
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
        activations : list of (number, parameter, stores_da_dz), one a layer
        dtype : numpy dtype, float32 or float64
        loss : (number, clip, parameter, quantiles)
            quantiles: a list of n_L numbers for the quantile loss, else empty.
        dropout : list of float, one a layer
        """
        cdef Py_ssize_t l
        cdef Layer* layer
        if self.theta != NULL:
            raise RuntimeError("this network is already built: make a new Network instead of "
                               "calling __init__ again")
        for size in sizes:
            if size > MAX_DIMENSION:
                raise ValueError(f"a layer has {size} units; BLAS's integers hold at most "
                                 f"{MAX_DIMENSION}")
        units = sum(sizes[1:])
        parameters = sum(sizes[l] * (sizes[l - 1] + 1) for l in range(1, len(sizes)))
        if parameters > 2**58:
            raise ValueError(f"a network of {parameters} parameters is beyond what can be "
                             "addressed: give smaller layers")
        theta = np.zeros(parameters, dtype=dtype)
        self.layout.n_layers = len(sizes) - 1
        self.layout.n_inputs = sizes[0]
        self.layout.n_outputs = sizes[len(sizes) - 1]
        self.layout.n_units = units
        self.layout.n_parameters = parameters
        self.layout.layers = <Layer*>calloc(self.layout.n_layers, sizeof(Layer))
        self.quantiles = <double*>calloc(self.layout.n_outputs, sizeof(double))
        if self.layout.layers == NULL or self.quantiles == NULL:
            raise MemoryError("no memory for the layers of the network")
        offset = unit = 0
        for l in range(self.layout.n_layers):
            layer = &self.layout.layers[l]
            layer.n_in, layer.n_out = sizes[l], sizes[l + 1]
            layer.w = offset
            layer.b = offset + layer.n_in * layer.n_out
            layer.unit = unit
            layer.activation, layer.parameter, stores = activations[l]
            layer.dropout = dropout[l]
            layer.stores_da_dz = stores or layer.dropout > 0
            self.stores_da_dz = self.stores_da_dz or layer.stores_da_dz
            self.applies_dropout = self.applies_dropout or layer.dropout > 0
            offset = layer.b + layer.n_out
            unit += layer.n_out
        self.layout.loss.kind, clip, self.layout.loss.parameter, quantiles = loss
        self.layout.loss.clip = clip
        for l in range(len(quantiles)):
            self.quantiles[l] = quantiles[l]
        self.layout.loss.quantiles = self.quantiles
        self.dtype = theta.dtype
        self.single = theta.dtype == np.float32
        self._theta = theta
        self.theta = cnp.PyArray_DATA(theta)

    cdef int _check(self) except -1:
        if self.theta == NULL:
            raise RuntimeError("this network was never built: its __init__ did not run")
        return 0

    cdef int _check_idle(self) except -1:
        self._check()
        if self.training or (
                self.fitting and self.fit_thread != PyThread_get_thread_ident()):
            raise RuntimeError("this network is being trained in another thread: wait for that "
                               "fit to end, or work on a copy")
        return 0

    cdef int _check_rows(self, Rows x) except -1:
        self._check()
        if x.view.n_columns != self.layout.n_inputs:
            raise ValueError(f"X has {x.view.n_columns} features, but this network takes "
                             f"{self.layout.n_inputs} (its first layer)")
        return 0

    cdef int _point(self, Examples* examples, Rows x, Rows y, cnp.ndarray weights) except -1:
        """Point at all rows, having checked once more what would run_job outside the arrays."""
        self._check_rows(x)
        if y.view.n_columns != self.layout.n_outputs:
            raise ValueError(f"Y has {y.view.n_columns} columns, but this network has "
                             f"{self.layout.n_outputs} outputs (its last layer)")
        if x.view.n_rows == 0 or y.view.n_rows != x.view.n_rows:
            raise ValueError(f"X has {x.view.n_rows} rows and Y {y.view.n_rows}: expected the "
                             "same number, and at least one")
        examples.x = &x.view
        examples.y = &y.view
        examples.order = NULL
        examples.weights = NULL
        if weights is not None:
            if cnp.PyArray_TYPE(weights) != cnp.NPY_FLOAT64 \
                    or not cnp.PyArray_ISCARRAY_RO(weights) or cnp.PyArray_NDIM(weights) != 1 \
                    or cnp.PyArray_DIM(weights, 0) != x.view.n_rows:
                raise ValueError("sample_weight must be a contiguous vector of float64, one a "
                                 "row of X")
            examples.weights = <const double*>cnp.PyArray_DATA(weights)
        return 0

    def _rows_per_task(self, Py_ssize_t n_rows, int n_threads):
        """How many rows a thread goes through with each product of a training batch, and how many
        are a block; for tests."""
        w = make_workspace(&self.layout, n_rows, n_rows, TRAIN, self.stores_da_dz, False,
                           self._is_parallel(n_rows), False, NO_STEPS, n_threads,
                           4 if self.single else 8)
        return w.blocks_per_task * w.block, w.block

    cdef Workspace _workspace(self, Py_ssize_t n_rows):
        """Buffers for one thread to go forward and back through n_rows rows."""
        return make_workspace(&self.layout, n_rows, n_rows, GRADIENT, self.stores_da_dz, False,
                              self._is_parallel(n_rows), False, NO_STEPS, 1,
                              4 if self.single else 8)

    cdef ThreadPool _crew(self, int task, Rows x, Rows y, cnp.ndarray weights, object order,
                    Py_ssize_t batch_size, bint clips, int* n_threads, Py_ssize_t times=1,
                    Optimizer optimizer=NO_STEPS):
        """A job over the rows, checked once more, with its buffers.

        n_threads: out, how many threads it is worth.  times: how often it may be done by them.
        """
        cdef ThreadPool pool = ThreadPool.__new__(ThreadPool)
        cdef cnp.ndarray rows
        cdef Py_ssize_t n = x.view.n_rows
        memset(&pool.job, 0, sizeof(pool.job))
        if task == PREDICT:
            self._check_rows(x)
            pool.job.examples.x = &x.view
        else:
            self._point(&pool.job.examples, x, y, weights)
        if order is not None:
            rows = np.ascontiguousarray(order, dtype=np.intp)
            if rows.ndim != 1 or not _rows_exist(
                    rows.size, <const Py_ssize_t*>cnp.PyArray_DATA(rows), n):
                raise ValueError(f"order must be a vector of row numbers from 0 to {n - 1}")
            n = rows.size
            pool.job.examples.order = <const Py_ssize_t*>cnp.PyArray_DATA(rows)
            order = rows
        pool.keeps = (self._theta, x, y, weights, order)
        pool.job.layout = &self.layout
        pool.job.task = task
        pool.job.n_rows = n
        pool.job.batch_size = max(1, batch_size if task == TRAIN else n)
        pool.theta = self.theta
        pool.single = self.single
        pool.optimizer = optimizer
        n_threads[0] = self._n_threads(task, n, pool.job.batch_size, times)
        pool.job.sparse = self._is_sparse(x, n)
        # Within a fit the epochs are alike: their buffers are made once.
        key = (n, pool.job.batch_size, clips, n_threads[0], pool.job.sparse,
               <size_t>optimizer.slot_1)
        keeps = task == TRAIN and self.fitting
        if keeps and self.spare is not None and self.spare_key == key:
            pool.workspace = self.spare
        else:
            pool.workspace = make_workspace(
                &self.layout, n, pool.job.batch_size, task, self.stores_da_dz, clips,
                self._is_parallel(min(n, pool.job.batch_size)), pool.job.sparse, optimizer,
                n_threads[0], 4 if self.single else 8)
            if keeps:
                self.spare, self.spare_key = pool.workspace, key
        pool.job.by_pointer = pool.reads_by_pointer()
        return pool

    cdef bint _is_sparse(self, Rows x, Py_ssize_t n_rows) except -1:
        """Whether the first layer passes by the zeros of x."""
        cdef const Layer* first = &self.layout.layers[0]
        return (
            has_sparse_loops() and n_rows >= SPARSE_ROWS
            and first.n_in >= SPARSE_INPUTS and first.n_out >= SPARSE_UNITS
            and x.density() <= SPARSE_DENSITY
        )

    cdef bint _is_parallel(self, Py_ssize_t batch) noexcept:
        """Whether `batch` rows are so much work that `_n_threads` may let two threads share it."""
        return 6.0 * self.layout.n_parameters * batch >= 2 * OPERATIONS_A_BATCH

    cdef int _n_threads(self, int task, Py_ssize_t n_rows, Py_ssize_t batch_size,
                      Py_ssize_t times):
        """How many threads a job that is done so many times is worth."""
        cdef double one_row = (2.0 if task <= COST else 6.0) * self.layout.n_parameters
        cdef double most = min(
            one_row * min(n_rows, batch_size) / max(OPERATIONS_A_BATCH, 1e-9),
            one_row * n_rows * times / max(OPERATIONS_A_CALL, 1e-9))
        if task == PREDICT:
            most = min(most, ceil_div(n_rows, prediction_rows(n_rows, &self.layout,
                                                            4 if self.single else 8)))
        return max(1, min(self.max_threads, <int>min(most, 1024.0)))

    # ------------------------------------------------------------ θ

    @property
    def parameters(self):
        """θ = (w^(1), b^(1), …, w^(L), b^(L)), a writable view of shape (n_parameters,)."""
        self._check()
        return self._theta[:]

    @property
    def n_parameters(self):
        """The length of θ."""
        return self.layout.n_parameters

    @property
    def n_layers(self):
        """L, the number of layers that have weights."""
        return self.layout.n_layers

    def _set_threads(self, int most):
        """Let the work be shared by at most so many threads."""
        self.max_threads = max(1, most)

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

    def _descend(self, cnp.ndarray gradient, double learning_rate):
        """θ ← θ - η ∇C, or no change at all where that is not finite; whether it was done."""
        self._check_idle()
        with np.errstate(over="ignore", invalid="ignore"):
            moved = self._theta - self._theta.dtype.type(learning_rate) * gradient
        if not np.isfinite(moved).all():
            return False
        self._theta[:] = moved
        return True

    # ------------------------------------------------------------ forward

    def predict(self, X, out=None):
        """a^(L) for every row of X; see ``Network.predict``, which documents it."""
        cdef MatrixView x
        cdef cnp.ndarray a
        cdef int type_number = cnp.NPY_FLOAT32 if self.single else cnp.NPY_FLOAT64
        cdef int rank
        cdef cnp.npy_intp shape[2]
        cdef Py_ssize_t block
        cdef bint finite
        if self.theta == NULL or not self._as_plain_rows(&x, X, self.layout.n_inputs):
            return self._predict_checked(X, out)
        block = prediction_rows(x.n_rows, &self.layout, 4 if self.single else 8)
        if not self._is_small_batch(x.n_rows, block):
            return self._predict_checked(X, out)
        rank = cnp.PyArray_NDIM(X)
        if out is None:
            shape[0] = x.n_rows
            shape[rank - 1] = self.layout.n_outputs
            a = cnp.PyArray_EMPTY(rank, shape, type_number, 0)
        elif cnp.PyArray_CheckExact(out):
            a = out
            if not (
                cnp.PyArray_NDIM(a) == rank and cnp.PyArray_TYPE(a) == type_number
                and cnp.PyArray_ISCARRAY(a)
                and (rank == 1 or cnp.PyArray_DIM(a, 0) == x.n_rows)
                and cnp.PyArray_DIM(a, rank - 1) == self.layout.n_outputs
                and (x.n_rows == 1 or _apart(&x, cnp.PyArray_BYTES(a), cnp.PyArray_NBYTES(a)))
                and self._is_finite(x.n_rows * x.n_columns, x.data)
            ):
                return self._predict_checked(X, out)
        else:
            return self._predict_checked(X, out)
        if x.n_rows * self.layout.n_parameters > UNLOCKED_PARAMETERS:
            with nogil:
                finite = self._predict_rows_small(&x, block, cnp.PyArray_DATA(a))
        else:
            finite = self._predict_rows_small(&x, block, cnp.PyArray_DATA(a))
        if not finite and out is None:
            return self._predict_checked(X, out)
        return a

    cdef bint _predict_rows_small(self, const MatrixView* x, Py_ssize_t block, void* out) noexcept nogil:
        if self.single:
            return predict_small[float](&self.layout, <float*>self.theta, <const float*>x.data,
                                      x.n_rows, block, <float*>out)
        return predict_small[double](&self.layout, <double*>self.theta, <const double*>x.data,
                                   x.n_rows, block, <double*>out)

    cdef bint _is_small_batch(self, Py_ssize_t n, Py_ssize_t block) noexcept:
        """Whether a prediction of n rows, `block` at a time, is for `predict_small`: neither threads
        nor zeros would help it."""
        return self.layout.n_units * block <= STACK_UNITS and (
            n == 1 or n < SPARSE_ROWS
            and 2.0 * self.layout.n_parameters * n < 2 * OPERATIONS_A_CALL)

    def _predict_into(self, Rows x, cnp.ndarray out):
        """out (n, n_L), contiguous, of θ's type = a^(L) for every row of x.

        Returns
        -------
        finite : bool
            False where some z^(1) was not finite, as it is for every row that is not: so x need
            not be looked through beforehand.
        """
        cdef int n_threads, thread
        cdef ThreadPool pool = self._crew(PREDICT, x, None, None, None, 0, False, &n_threads)
        if cnp.PyArray_TYPE(out) != (cnp.NPY_FLOAT32 if self.single else cnp.NPY_FLOAT64) \
                or not cnp.PyArray_ISCARRAY(out) \
                or cnp.PyArray_SIZE(out) != x.view.n_rows * self.layout.n_outputs:
            raise ValueError("out must be a contiguous array of the network's type with one row "
                             "for each row of X and one column for each output")
        pool.job.out = cnp.PyArray_DATA(out)
        pool.keeps += (out,)
        if x.view.n_rows > 0:
            pool.run(n_threads)
        for thread in range(n_threads):
            if pool.workspace.partial_sums[thread] != 0:
                return False
        return True

    def _cost(self, Rows x, Rows y, sample_weight=None):
        """C = Σ s_k C_k / Σ s_k over all rows."""
        cdef int n_threads
        cdef ThreadPool pool = self._crew(COST, x, y, sample_weight, None, 0, False, &n_threads)
        pool.run(n_threads)
        return pool.job.cost

    # ------------------------------------------------------------ backward

    def _cost_gradient(self, Rows x, Rows y, sample_weight=None, double l2=0.0, double l1=0.0,
                       cnp.ndarray out=None, cnp.ndarray dC_dx=None):
        """(cost, penalty, ∇C) of all rows; ∇C, in θ's order, holds the penalty's part too.

        out : ndarray of shape (n_parameters,), contiguous, of θ's type, or None
            Takes ∇C.
        dC_dx : ndarray of shape (n, n_0), contiguous, of θ's type, or None
            Takes ∂C/∂a^(0).
        """
        cdef int n_threads
        cdef ThreadPool pool = self._crew(GRADIENT, x, y, sample_weight, None, 0, False, &n_threads)
        if out is None:
            out = np.empty(self.layout.n_parameters, dtype=self.dtype)
        pool.job.gradient = cnp.PyArray_DATA(out)
        if dC_dx is not None:
            pool.job.dC_dx = cnp.PyArray_DATA(dC_dx)
        pool.job.regularisation.l2, pool.job.regularisation.l1 = l2, l1
        pool.keeps += (out, dC_dx)
        pool.run(n_threads)
        return pool.job.cost, pool.job.penalty, out

    def _per_sample_gradients(self, Rows x, Rows y):
        """∇C_k of every example, (n, n_parameters)."""
        cdef int n_threads
        cdef ThreadPool pool = self._crew(GRADIENT, x, y, None, None, 0, False, &n_threads)
        cdef cnp.ndarray out = np.empty((x.view.n_rows, self.layout.n_parameters),
                                        dtype=self.dtype)
        pool.job.sparse = False     # each row's gradient is wanted as it lies in θ
        if self.single:
            with nogil:
                per_sample_gradients[float](&pool.job, <float*>self.theta, pool.workspace,
                                            <float*>cnp.PyArray_DATA(out))
        else:
            with nogil:
                per_sample_gradients[double](&pool.job, <double*>self.theta, pool.workspace,
                                             <double*>cnp.PyArray_DATA(out))
        if pool.workspace.error is not None:
            raise pool.workspace.error
        return out

    def _jacobian(self, Rows x):
        """∂a^(L)/∂a^(0) of every row, (n, n_L, n_0)."""
        self._check_rows(x)
        cdef Workspace workspace = self._workspace(max(1, x.view.n_rows))
        cdef cnp.ndarray out = np.empty(
            (x.view.n_rows, self.layout.n_outputs, self.layout.n_inputs), dtype=self.dtype)
        cdef cnp.ndarray dC_dx = np.empty((workspace.microbatch_rows, self.layout.n_inputs),
                                          dtype=self.dtype)
        if self.single:
            with nogil:
                jacobian[float](&self.layout, &x.view, <float*>self.theta, workspace,
                                <float*>cnp.PyArray_DATA(dC_dx),
                                <float*>cnp.PyArray_DATA(out))
        else:
            with nogil:
                jacobian[double](&self.layout, &x.view, <double*>self.theta, workspace,
                                 <double*>cnp.PyArray_DATA(dC_dx),
                                 <double*>cnp.PyArray_DATA(out))
        if workspace.error is not None:
            raise workspace.error
        return out

    def _trace(self, Rows x, Rows y, sample_weight=None):
        """Every term of one step, as a dict of arrays by layer (see ``bpcore.Trace``)."""
        self._check()
        cdef Examples examples
        cdef Py_ssize_t n = x.view.n_rows
        cdef Py_ssize_t l
        cdef double scale, cost
        cdef Workspace workspace
        sizes = {"z": self.layout.n_units, "a": self.layout.n_units,
                 "da_dz": self.layout.n_units, "dC_da": self.layout.n_units,
                 "delta": self.layout.n_units, "x": self.layout.n_inputs,
                 "dC_dx": self.layout.n_inputs, "y": self.layout.n_outputs}
        flat = {name: np.empty(n * width, dtype=self.dtype) for name, width in sizes.items()}
        gradient = np.empty(self.layout.n_parameters, dtype=self.dtype)
        costs = np.empty(n)
        cdef double[::1] costs_view = costs
        self._point(&examples, x, y, sample_weight)
        scale = 1.0 / weight_sum(&examples, 0, n)
        workspace = self._workspace(n)
        cdef void* at[8]
        for l, name in enumerate(("x", "y", "z", "a", "da_dz", "dC_da", "delta", "dC_dx")):
            at[l] = cnp.PyArray_DATA(flat[name])
        if self.single:
            cost = trace[float](
                &self.layout, &x.view, &y.view, examples.weights, scale, <float*>self.theta,
                workspace, <float*>at[0], <float*>at[1], <float*>at[2], <float*>at[3],
                <float*>at[4], <float*>at[5], <float*>at[6], <float*>at[7], &costs_view[0],
                <float*>cnp.PyArray_DATA(gradient))
        else:
            cost = trace[double](
                &self.layout, &x.view, &y.view, examples.weights, scale, <double*>self.theta,
                workspace, <double*>at[0], <double*>at[1], <double*>at[2], <double*>at[3],
                <double*>at[4], <double*>at[5], <double*>at[6], <double*>at[7], &costs_view[0],
                <double*>cnp.PyArray_DATA(gradient))
        terms = {"cost": cost, "costs": costs, "gradient": gradient}
        for name in ("x", "dC_dx", "y"):
            terms[name] = flat[name].reshape(n, sizes[name])
        for name in ("z", "a", "da_dz", "dC_da", "delta"):
            terms[name] = []
            for l in range(self.layout.n_layers):
                layer = self.layout.layers[l]
                part = flat[name][n * layer.unit:n * (layer.unit + layer.n_out)]
                terms[name].append(part.reshape(n, layer.n_out))
        return terms

    # ------------------------------------------------------------ training

    def step(self, X, Y, learning_rate, sample_weight=None):
        """One step of gradient descent; see ``Network.step``, which documents it."""
        cdef double eta, cost
        cdef MatrixView x, y
        if sample_weight is not None or self.theta == NULL \
                or not isinstance(learning_rate, float) \
                or not self._as_plain_rows(&x, X, self.layout.n_inputs) \
                or not self._as_plain_rows(&y, Y, self.layout.n_outputs) \
                or x.n_rows != y.n_rows or not self._is_small_step(x.n_rows) \
                or not self._is_finite(x.n_rows * x.n_columns, x.data) \
                or not self._is_finite(y.n_rows * y.n_columns, y.data) \
                or not self._y_in_domain(&y):
            return self._step_checked(X, Y, learning_rate, sample_weight)
        eta = learning_rate
        if not 0 <= eta < DBL_MAX:
            return self._step_checked(X, Y, learning_rate, sample_weight)
        self._check_idle()
        if self.small_workspace is None or self.small_workspace.microbatch_rows != x.n_rows:
            self.small_workspace = self._workspace(x.n_rows)
        if self.single:
            cost = step_small[float](&self.layout, &x, &y, eta, <float*>self.theta, self.small_workspace)
        else:
            cost = step_small[double](&self.layout, &x, &y, eta, <double*>self.theta, self.small_workspace)
        if not isfinite(cost):
            return self._step_checked(X, Y, learning_rate, sample_weight)
        return cost

    cdef bint _is_small_step(self, Py_ssize_t n) noexcept:
        """Whether a step on n rows is for `step_small`."""
        return self.layout.n_parameters <= LOCKED_STEP_PARAMETERS and (
            n == 1 or n < SPARSE_ROWS and not self._is_parallel(n))

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
            and cnp.PyArray_TYPE(x) == (cnp.NPY_FLOAT32 if self.single else cnp.NPY_FLOAT64)
            and cnp.PyArray_ISCARRAY_RO(x)
        ):
            return False
        view.kind = FLOAT32 if self.single else FLOAT64
        view.divisor = 1.0
        view.data = <const char*>cnp.PyArray_DATA(x)
        view.column_stride = 4 if self.single else 8
        view.row_stride = width * view.column_stride
        view.n_rows = 1 if rank == 1 else cnp.PyArray_DIM(x, 0)
        view.n_columns = width
        return True

    cdef bint _y_in_domain(self, const MatrixView* y) noexcept:
        """Whether plain targets suit the loss: none negative, none beyond 1."""
        cdef Py_ssize_t i
        cdef double y_i
        cdef double most = 1.0 if self.layout.loss.kind == BINARY_CROSS_ENTROPY else DBL_MAX
        if self.layout.loss.kind not in (BINARY_CROSS_ENTROPY, CATEGORICAL_CROSS_ENTROPY,
                                         POISSON):
            return True
        for i in range(y.n_rows * y.n_columns):
            y_i = (<const float*>y.data)[i] if self.single else (<const double*>y.data)[i]
            if not 0 <= y_i <= most:
                return False
        return True

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
            while self.training:        # a single step in another thread, prefetch over
                time.sleep(1e-4)
        except BaseException:
            self.fitting = False
            raise

    def _end_fit(self):
        """Give the network back."""
        self.spare = None
        self.fitting = False

    def _train_epoch(self, Rows x, Rows y, Optimizer optimizer, order=None,
                     Py_ssize_t batch_size=32, sample_weight=None, double l2=0.0,
                     double l1=0.0, double weight_decay=0.0,
                     double clip_norm=0.0, unsigned long long seed=0, bint applies_dropout=True):
        """One epoch; returns (cost, penalty), each the mean over the epoch's batches.

        Parameters
        ----------
        x, y : Rows
        optimizer : Optimizer
            Of θ's length and type.
        order : ndarray of intp or None
            The rows to go through, in this order; all, as they lie, when None.
        batch_size : int
            Rows a step, at least 1.
        sample_weight : ndarray of float64, shape (n,), or None
            s_k.
        l2, l1 : float
            Penalties ½ l2 Σ w² and l1 Σ |w|, each divided by the batch's Σ s_k.
        weight_decay : float
            w ← (1 - η weight_decay) w at every step.
        clip_norm : float
            The largest_shard norm of ∇C; 0: no limit.
        seed : int
            Draws the units that dropout leaves out.
        applies_dropout : bool
            Whether it leaves out any.

        Raises
        ------
        RuntimeError
            If θ is being trained in another thread.
        """
        cdef int n_threads
        cdef Regularisation regularisation = Regularisation(l2, l1, weight_decay, clip_norm)
        cdef ThreadPool pool = self._training(x, y, optimizer, order, batch_size, sample_weight, regularisation,
                                        seed, &n_threads)
        pool.job.applies_dropout = pool.job.applies_dropout and applies_dropout
        self.training = True
        try:
            pool.run(n_threads)
        finally:
            self.training = False
        return pool.job.cost, pool.job.penalty

    def _train_epochs(self, Py_ssize_t most, list costs, list rates, list seconds, Rows x, Rows y,
                      Optimizer optimizer, order=None, Py_ssize_t batch_size=32,
                      sample_weight=None, double l2=0.0, double l1=0.0,
                      double weight_decay=0.0, double clip_norm=0.0,
                      unsigned long long seed=0):
        """Epochs one after the other, all in the same order: at least one, and more until `most`
        are done or a hundredth of a second is over.

        The interpreter looks in once a call, not once an epoch, which is most of the time where
        a view is small.

        Parameters
        ----------
        most : int
        costs, rates, seconds : lists
            Of every epoch its cost with the penalty, η at its end and its time are appended.

        The others are those of ``_train_epoch``, and so are the errors.

        Returns
        -------
        finite : bool
            False where the last epoch left the finite numbers: it is not in the lists, and θ is
            what it was before it.
        """
        cdef int n_threads
        cdef double cost, begun, start
        cdef double now = 0.0
        cdef Regularisation regularisation = Regularisation(l2, l1, weight_decay, clip_norm)
        cdef ThreadPool pool = self._training(x, y, optimizer, order, batch_size, sample_weight, regularisation,
                                        seed, &n_threads, most)
        cdef cnp.ndarray before = np.empty_like(self._theta)
        self.training = True
        try:
            pool.start(n_threads)
            begun = time.perf_counter()
            while most > 0 and now < begun + SECONDS_BETWEEN_LOOKS:
                most -= 1
                memcpy(cnp.PyArray_DATA(before), self.theta, cnp.PyArray_NBYTES(before))
                pool.job.cost = pool.job.penalty = 0.0
                start = time.perf_counter()
                pool.run_once()
                now = time.perf_counter()
                cost = pool.job.cost + pool.job.penalty
                if not (isfinite(cost) and self._is_finite(self.layout.n_parameters, self.theta)):
                    memcpy(self.theta, cnp.PyArray_DATA(before), cnp.PyArray_NBYTES(before))
                    return False
                costs.append(cost)
                rates.append(optimizer.current_rate)
                seconds.append(now - start)
        finally:
            self.training = False   # first: a signal may interrupt the wait for the workers' ends
            pool.join()
        return True

    cdef bint _is_finite(self, Py_ssize_t n, const void* numbers) noexcept:
        """Whether n numbers of θ's type all are."""
        if self.single:
            return bp_all_within_f32(n, <const float*>numbers, FLT_MAX)
        return bp_all_within_f64(n, <const double*>numbers, DBL_MAX)

    cdef ThreadPool _training(self, Rows x, Rows y, Optimizer optimizer, object order,
                        Py_ssize_t batch_size, object sample_weight, Regularisation regularisation,
                        unsigned long long seed, int* n_threads, Py_ssize_t epochs=1):
        """The job of an epoch; see `_train_epoch`.  n_threads, epochs: n_threads and times of `_crew`.
        """
        cdef ThreadPool pool
        self._check_idle()
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if optimizer.n_parameters != self.layout.n_parameters or optimizer.dtype != self.dtype:
            raise ValueError(f"the optimizer is for {optimizer.n_parameters} parameters of "
                             f"{optimizer.dtype}, the network has {self.layout.n_parameters} of "
                             f"{self.dtype}")
        pool = self._crew(TRAIN, x, y, sample_weight, order, batch_size, regularisation.clip != 0, n_threads,
                          epochs, optimizer)
        pool.job.seed = seed
        pool.job.regularisation = regularisation
        pool.job.applies_dropout = self.applies_dropout
        return pool
