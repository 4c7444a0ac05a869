"""One example at a time or a few, without overhead, for control, simulation and search.

They meet the kernels of the long way, in the same order: the bits are the same.
"""

import numpy as np

cimport numpy as cnp
from libc.float cimport DBL_MAX
from libc.math cimport isfinite
from libc.string cimport memset

from bpcore._core.backward cimport Shard, Target, weight_gradient
from bpcore._core.batch cimport Reading, backward_rows, forward_rows, read_inputs
from bpcore._core.forward cimport Dropout, forward
from bpcore._core.job cimport GRADIENT, Job, Plan
from bpcore._core.optimizers cimport (
    Optimizer, UpdateCoefficients, is_plain_sgd, next_coefficients, update_range,
)
from bpcore._core.plan cimport (
    Request, is_parallel, is_small_work, make_plan, prediction_rows,
)
from bpcore._core.rows cimport MatrixView
from bpcore._core.sparse cimport Inputs
from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport BY_BLOCK, Buffers, Layout, real_t
from bpcore._core.workspace cimport make_workspace
from bpcore.kernels.gemm cimport BP_DOTS

cnp.import_array()

cdef enum:
    # Units times rows of a prediction whose buffer is on the stack.
    STACK_UNITS = 8192

NO_UPDATES = Optimizer("sgd", 0)


cdef bint _predict_small(const Layout* layout, const real_t* theta, const real_t* x, Py_ssize_t n,
                         Py_ssize_t block, int way, real_t* out) noexcept nogil:
    """out (n, n_L) = a^(L) of the rows of x (n, n_0), so many at a time: at most STACK_UNITS by
    the network's units.

    way: of the own loops, to z = x wᵀ + b.
    Returns False where some z^(1) is not finite, as it is for every row that is not.
    """
    cdef real_t stack[STACK_UNITS]
    cdef Buffers buffers
    cdef Inputs inputs
    cdef const void* row
    cdef Py_ssize_t first = 0
    cdef bint finite = True
    memset(&buffers, 0, sizeof(buffers))
    memset(&inputs, 0, sizeof(inputs))
    buffers.rows = block
    buffers.a = stack
    buffers.forward = way
    inputs.rows = &row
    inputs.ld = layout.n_inputs
    while first < n:
        row = x + first * layout.n_inputs
        if not forward(layout, theta, &inputs, &buffers, 0, min(block, n - first),
                       <const Dropout*>NULL, out + first * layout.n_outputs):
            finite = False
        first += block
    return finite


cdef double _step_small(const Job* job, Optimizer optimizer, const UpdateCoefficients* step,
                        real_t* gradient, real_t* theta) noexcept nogil:
    """An update of θ from the plain rows of a job that are one block; none where C is not finite.

    gradient: takes ∇C, as long as θ; NULL for plain descent, which needs none.
    Returns C.
    """
    cdef Py_ssize_t i
    cdef Reading reading
    cdef const Shard* shard
    cdef Target target
    cdef real_t* to
    cdef double cost
    forward_rows(job, 0, 0, job.n_rows, -1, <const real_t*>theta)
    backward_rows(job, 0, 0, job.n_rows, 1.0 / job.n_rows, <const real_t*>theta, &cost)
    if isfinite(cost):
        read_inputs(job, 0, 0, &reading, <const real_t*>theta)
        target.alpha = -step.eta if gradient == NULL else 1.0
        target.beta = target.beta_b = 1.0 if gradient == NULL else 0.0
        to = theta if gradient == NULL else gradient
        for i in range(job.plan.n_shards):
            shard = &job.memory.shards[i]
            target.w = to + shard.w
            target.b = to + shard.b
            weight_gradient(job.layout, shard, &reading.inputs, &job.memory.rows, 0, job.n_rows,
                            &target, <const real_t*>theta)
            if gradient != NULL:
                update_range(optimizer, step, shard.w, shard.n_w, theta, gradient + shard.w)
                update_range(optimizer, step, shard.b, shard.n_b, theta, gradient + shard.b)
    return cost


cdef bint _apart(const MatrixView* x, const char* bytes, Py_ssize_t n) noexcept nogil:
    """Whether plain rows share no memory with n bytes."""
    return bytes + n <= x.data or x.data + x.n_rows * x.row_stride <= bytes


cdef class SmallBatches(Parameters):
    """The short way through a network, for arrays that need no conversion."""

    def _predict_small(self, X, out=None, bint alike=False):
        """a^(L) of a small batch of plain rows; None where the long way has to be taken, which
        also says what is wrong.

        alike: with the same bits for a row however many there are.
        """
        cdef int way = BP_DOTS if alike else BY_BLOCK
        cdef MatrixView x
        cdef cnp.ndarray a
        cdef int rank
        cdef cnp.npy_intp shape[2]
        cdef Py_ssize_t block
        cdef bint finite
        if self.theta == NULL:
            return None
        X = self._in_own_type(X, TUNING.small_batch_rows)
        if not self._as_plain_rows(&x, X, self.layout.n_inputs):
            return None
        block = prediction_rows(x.n_rows, &self.layout)
        if not self._is_small_batch(x.n_rows, block):
            return None
        if not alike and is_small_work(&self.layout, x.n_rows):
            way = 1
        rank = cnp.PyArray_NDIM(X)
        if out is None:
            shape[0] = x.n_rows
            shape[rank - 1] = self.layout.n_outputs
            a = cnp.PyArray_EMPTY(rank, shape, self._type_number(), 0)
        elif cnp.PyArray_CheckExact(out):
            a = out
            if not (
                cnp.PyArray_NDIM(a) == rank and cnp.PyArray_TYPE(a) == self._type_number()
                and cnp.PyArray_ISCARRAY(a)
                and (rank == 1 or cnp.PyArray_DIM(a, 0) == x.n_rows)
                and cnp.PyArray_DIM(a, rank - 1) == self.layout.n_outputs
                # a row is in the units of a hidden layer before any output is written
                and (x.n_rows == 1 and self.layout.n_layers > 1
                     or _apart(&x, cnp.PyArray_BYTES(a), cnp.PyArray_NBYTES(a)))
                and self._is_finite(x.n_rows * x.n_columns, x.data)
            ):
                return None
        else:
            return None
        if x.n_rows * self.layout.n_parameters > TUNING.unlocked_parameters:
            with nogil:
                finite = self._predict_plain(&x, block, way, cnp.PyArray_DATA(a))
        else:
            finite = self._predict_plain(&x, block, way, cnp.PyArray_DATA(a))
        return a if finite or out is not None else None

    cdef bint _predict_plain(self, const MatrixView* x, Py_ssize_t block, int way,
                             void* out) noexcept nogil:
        if self.layout.is_single:
            return _predict_small[float](&self.layout, <float*>self.theta, <const float*>x.data,
                                         x.n_rows, block, way, <float*>out)
        return _predict_small[double](&self.layout, <double*>self.theta, <const double*>x.data,
                                      x.n_rows, block, way, <double*>out)

    cdef bint _is_small_batch(self, Py_ssize_t n, Py_ssize_t block) noexcept:
        """Whether a prediction of n rows, `block` at a time, goes the short way: neither threads
        nor zeros would help it."""
        return self.layout.n_units * block <= STACK_UNITS and (
            n == 1 or n < TUNING.small_batch_rows
            and 2.0 * self.layout.n_parameters * n < 2 * TUNING.parallel_call_operations)

    def _step_small(self, X, Y, learning_rate, sample_weight=None, optimizer=None):
        """One step on a small batch of plain rows, of gradient descent or of an optimizer; returns
        C, or None where the long way has to be taken, which also says what is wrong."""
        cdef double cost
        cdef MatrixView x, y
        cdef Job job
        cdef UpdateCoefficients update
        cdef Optimizer rule = None
        if sample_weight is not None or self.theta == NULL or self.layout.loss.given \
                or not self._takes_rule(learning_rate, optimizer):
            return None
        X = self._in_own_type(X, TUNING.small_batch_rows)
        own_Y = self._in_own_type(Y, TUNING.small_batch_rows)
        if not self._as_plain_rows(&x, X, self.layout.n_inputs) \
                or not self._as_plain_rows(&y, own_Y, self.layout.n_outputs) \
                or x.n_rows != y.n_rows or not self._is_small_step(x.n_rows) \
                or not self._is_finite(x.n_rows * x.n_columns, x.data) \
                or not self._is_finite(y.n_rows * y.n_columns, y.data) \
                or not self._takes_targets(Y):
            return None
        self._check_idle()
        self._prepare_step(&job, &x, &y)
        if optimizer is None:
            update.eta = learning_rate
        else:
            rule = optimizer
            update = next_coefficients(rule, rule.t + 1, rule.mu_product)
        cost = self._step_plain(&job, rule, &update)
        if not isfinite(cost):
            return None
        if rule is not None:
            rule.t = update.t
            rule.mu_product = update.mu_product
            rule.made_updates(update.t - 1)
        return cost

    cdef bint _takes_rule(self, learning_rate, optimizer) except -1:
        """Whether a step is told a rate in range and nothing else, or an optimizer of this θ."""
        cdef Optimizer rule
        if optimizer is None:
            return isinstance(learning_rate, float) and 0 <= <double>learning_rate < DBL_MAX
        if learning_rate is not None or not isinstance(optimizer, Optimizer):
            return False
        rule = optimizer
        return rule.length == self.layout.n_parameters and rule.is_single == self.layout.is_single

    cdef double _step_plain(self, Job* job, Optimizer optimizer,
                            const UpdateCoefficients* update) except? -1:
        """The step of a job that is prepared; returns C."""
        cdef void* gradient = NULL
        if optimizer is None:
            optimizer = NO_UPDATES
        elif not is_plain_sgd(optimizer):
            if self.step_gradient is None:
                self.step_gradient = np.empty(self.layout.n_parameters, dtype=self.dtype)
            gradient = cnp.PyArray_DATA(self.step_gradient)
        self.changes += 1
        if self.layout.is_single:
            return _step_small[float](job, optimizer, update, <float*>gradient,
                                      <float*>self.theta)
        return _step_small[double](job, optimizer, update, <double*>gradient,
                                   <double*>self.theta)

    cdef int _prepare_step(self, Job* job, const MatrixView* x, const MatrixView* y) except -1:
        """The job of a step, its buffers kept from the last step on as many rows."""
        cdef Request request
        cdef list shards = []
        cdef list own = []
        cdef Plan plan
        if self.step_workspace is None or self.step_rows != x.n_rows:
            memset(&request, 0, sizeof(request))
            request.task = GRADIENT
            request.n_rows = request.batch_size = x.n_rows
            request.epochs = request.max_threads = 1
            plan = make_plan(&self.layout, &request, None, shards, own)
            self.step_workspace = make_workspace(&self.layout, plan, shards, own, x.n_rows,
                                                 NO_UPDATES)
            self.step_rows = x.n_rows
        memset(job, 0, sizeof(Job))
        job.layout = &self.layout
        job.plan = self.step_workspace.plan
        job.memory = self.step_workspace.memory
        job.examples.x = x
        job.examples.y = y
        job.n_rows = job.batch_size = x.n_rows
        return 0

    cdef bint _is_small_step(self, Py_ssize_t n) noexcept:
        """Whether a step on n rows goes the short way."""
        return self.layout.n_parameters <= TUNING.locked_step_parameters and (
            n == 1 or n < TUNING.small_batch_rows and is_small_work(&self.layout, n)
            and not is_parallel(&self.layout, n))

    cdef bint _takes_targets(self, cnp.ndarray y) noexcept:
        """Whether plain targets suit the loss, before any of them is rounded."""
        cdef Py_ssize_t i
        cdef double y_i
        cdef bint is_single = cnp.PyArray_TYPE(y) == cnp.NPY_FLOAT32
        if not self.layout.loss.bounds_targets:
            return True
        for i in range(cnp.PyArray_SIZE(y)):
            y_i = (<const float*>cnp.PyArray_DATA(y))[i] if is_single \
                else (<const double*>cnp.PyArray_DATA(y))[i]
            if not 0 <= y_i <= self.layout.loss.max_target:
                return False
        return True
