"""The owner of θ: what `Network` is made of, and the door from Python to the kernels.

Every method here takes what `bpcore/checks` has checked: `Rows` of the right width, without NaN,
weights of the right length.  The kernels run without the interpreter, on buffers that belong to
the call; so several threads may predict with one network at the same time.
"""

import numpy as np

cimport numpy as cnp
from libc.string cimport memset

from bpcore._core.job cimport (
    COST, GRADIENT, JACOBIAN, PARAMETER_JACOBIAN, PER_SAMPLE, PREDICT, PRODUCT, TRAIN, Memory,
    Plan,
)
from bpcore._core.plan cimport make_plan
from bpcore._core.small_batch cimport NO_UPDATES
from bpcore._core.workspace cimport make_workspace
from bpcore.kernels.tuning cimport BP_SHORT_INPUTS

cnp.import_array()

cdef enum:
    MANY_ROWS = 32      # from which on their number chooses no loop; see gemm_paths.h


cdef const double* numbers_of_rows(cnp.ndarray numbers, Py_ssize_t n) except? NULL:
    """Where n rows have a number each; NULL for None."""
    if numbers is None:
        return NULL
    if cnp.PyArray_TYPE(numbers) != cnp.NPY_FLOAT64 \
            or not cnp.PyArray_ISCARRAY_RO(numbers) or cnp.PyArray_NDIM(numbers) != 1 \
            or cnp.PyArray_DIM(numbers, 0) != n:
        raise ValueError("sample_weight must be a contiguous vector of float64, one a row of X")
    return <const double*>cnp.PyArray_DATA(numbers)


cdef class Engine(SmallBatches):
    """θ and the shape of the network; see ``bpcore.Network``, which is this with words."""

    def __cinit__(self, *args, **kwargs):
        self.max_threads = 1
        self.transposed = TransposedWeights.__new__(TransposedWeights)

    def _set_threads(self, int most):
        """Let the work be shared by at most so many threads."""
        self.max_threads = max(1, most)

    # ------------------------------------------------------------ runs

    cdef int _point(self, Examples* examples, Rows x, Rows y, cnp.ndarray weights) except -1:
        """Point at all rows, having checked once more what would lead outside the arrays."""
        self._check_rows(x)
        examples.x = &x.view
        examples.y = NULL
        examples.order = NULL
        examples.weights = examples.normalisers = numbers_of_rows(weights, x.view.n_rows)
        if y is None:
            return 0
        if y.view.n_columns != self.layout.n_outputs:
            raise ValueError(f"Y has {y.view.n_columns} columns, but this network has "
                             f"{self.layout.n_outputs} outputs (its last layer)")
        if x.view.n_rows == 0 or y.view.n_rows != x.view.n_rows:
            raise ValueError(f"X has {x.view.n_rows} rows and Y {y.view.n_rows}: expected the "
                             "same number, and at least one")
        examples.y = &y.view
        return 0

    cdef int _point_slopes(self, Run run, Rows y) except -1:
        """Point at the targets that y has for ∂a^(L)/∂a^(0); whether there are any."""
        cdef Rows slopes = y.slopes
        if slopes is None:
            return False
        if slopes.view.n_columns != self.layout.n_outputs * self.layout.n_inputs \
                or slopes.view.n_rows != run.job.examples.x.n_rows:
            raise ValueError(
                f"dY_dX has {slopes.view.n_rows} rows of {slopes.view.n_columns} numbers: expected "
                f"{run.job.examples.x.n_rows} of {self.layout.n_outputs} × {self.layout.n_inputs}")
        run.job.examples.slopes, run.job.examples.slope_weight = &slopes.view, y.slope_weight
        return True

    cdef Request _request(self, int task, Py_ssize_t n_rows) noexcept:
        """A request for all rows as one batch, once."""
        cdef Request request
        memset(&request, 0, sizeof(request))
        request.task = task
        request.n_rows = n_rows
        request.batch_size = max(1, n_rows)
        request.epochs = 1
        request.max_threads = self.max_threads
        return request

    cdef Workspace _workspace(self, const Request* request, Rows x, Optimizer optimizer):
        """The buffers for a request, and its plan."""
        cdef list shards = []
        cdef list own = []
        cdef Plan plan = make_plan(&self.layout, request, x, shards, own)
        return make_workspace(&self.layout, plan, shards, own,
                              min(request.n_rows, request.batch_size), optimizer)

    cdef Run _run(self, int task, Rows x, Rows y, cnp.ndarray weights):
        """A run over the rows as they lie, without buffers."""
        cdef Run run = Run.__new__(Run)
        memset(&run.job, 0, sizeof(run.job))
        self._point(&run.job.examples, x, y, weights)
        run.owners = (self._theta, x, y, weights)
        run.optimizer = NO_UPDATES
        run.job.layout = &self.layout
        run.job.theta = self.theta
        run.job.n_rows = x.view.n_rows
        run.job.batch_size = max(1, x.view.n_rows)
        return run

    def _rows_per_task(self, Py_ssize_t n_rows, int n_threads):
        """How many rows a thread goes through with each product of a training batch, and how many
        are a block; for tests."""
        cdef Request request = self._request(TRAIN, n_rows)
        cdef Plan plan
        request.max_threads = n_threads
        plan = make_plan(&self.layout, &request, None, [], [])
        return plan.blocks_per_task * plan.block, plan.block

    def _own_products(self, Py_ssize_t n_rows, Py_ssize_t batch_size):
        """Of every layer, whether the own loops compute its (forward, delta, gradient) in training;
        for tests and measurements.

        forward: 0: BLAS; 1: the loop that suits the rows of each product; 2: w transposed first;
        3: dot products.
        """
        cdef Request request = self._request(TRAIN, n_rows)
        cdef list own = []
        request.batch_size = batch_size
        make_plan(&self.layout, &request, None, [], own)
        return own

    def _has_transposed(self):
        """Whether w^(1) is kept transposed for the next prediction; for tests."""
        return self.transposed.kept is not None and self.transposed.changes == self.changes \
            and not self._may_be_written()

    # ------------------------------------------------------------ forward

    def _predict_into(self, Rows x, cnp.ndarray out, bint alike=False):
        """out (n, n_L), contiguous, of θ's type = a^(L) for every row of x.

        alike: with the same bits for a row however many there are.

        Returns
        -------
        finite : bool
            False where some z^(1) was not finite, as it is for every row that is not: so x need
            not be looked through beforehand.
        """
        cdef int thread
        cdef Run run = self._run(PREDICT, x, None, None)
        cdef Request request = self._request(PREDICT, x.view.n_rows)
        request.alike = alike
        if cnp.PyArray_TYPE(out) != self._type_number() or not cnp.PyArray_ISCARRAY(out) \
                or cnp.PyArray_SIZE(out) != x.view.n_rows * self.layout.n_outputs:
            raise ValueError("out must be a contiguous array of the network's type with one row "
                             "for each row of X and one column for each output")
        run.job.out = cnp.PyArray_DATA(out)
        run.owners += (out,)
        run.take_workspace(self._workspace(&request, x, NO_UPDATES))
        if run.job.plan.sparse:
            self.transposed.serve(run, self, x)
        if x.view.n_rows > 0:
            run.run()
        for thread in range(run.job.plan.n_threads):
            if run.job.memory.partial_sums[thread] != 0:
                return False
        return True

    def _cost(self, Rows x, Rows y, sample_weight=None):
        """C = Σ s_k C_k / Σ s_k over all rows."""
        cdef Run run = self._run(COST, x, y, sample_weight)
        cdef Request request = self._request(COST, x.view.n_rows)
        request.fits_slopes = self._point_slopes(run, y)
        run.take_workspace(self._workspace(&request, x, NO_UPDATES))
        run.run()
        return run.job.cost

    # ------------------------------------------------------------ backward

    def _cost_gradient(self, Rows x, Rows y, sample_weight=None, double l2=0.0, double l1=0.0,
                       cnp.ndarray out=None, cnp.ndarray dC_dx=None):
        """(cost, penalty, ∇C) of all rows; ∇C, in θ's order, holds the penalty's part too.

        out : ndarray of shape (n_parameters,), contiguous, of θ's type, or None
            Takes ∇C.
        dC_dx : ndarray of shape (n, n_0), contiguous, of θ's type, or None
            Takes ∂C/∂a^(0).
        """
        cdef Run run = self._run(GRADIENT, x, y, sample_weight)
        cdef Request request = self._request(GRADIENT, x.view.n_rows)
        if out is None:
            out = np.empty(self.layout.n_parameters, dtype=self.dtype)
        run.job.gradient = cnp.PyArray_DATA(out)
        if dC_dx is not None:
            run.job.dC_dx = cnp.PyArray_DATA(dC_dx)
        run.job.regularisation.l2, run.job.regularisation.l1 = l2, l1
        request.fits_slopes = self._point_slopes(run, y)
        run.owners += (out, dC_dx)
        run.take_workspace(self._workspace(&request, x, NO_UPDATES))
        run.run()
        return run.job.cost, run.job.penalty, out

    def _backward(self, Rows x, Rows dC_da, cnp.ndarray dC_dx=None, sample_weight=None):
        """(Σ a ∂C/∂a^(L), ∂C/∂θ) from ∂C/∂a^(L) of all rows, whatever the network's loss.

        dC_dx : ndarray of shape (n, n_0), contiguous, of θ's type, or None
            Takes ∂C/∂a^(0).
        """
        cdef Run run = self._run(GRADIENT, x, dC_da, sample_weight)
        cdef Request request = self._request(GRADIENT, x.view.n_rows)
        cdef cnp.ndarray out = np.empty(self.layout.n_parameters, dtype=self.dtype)
        run.take_given()
        run.job.gradient = cnp.PyArray_DATA(out)
        if dC_dx is not None:
            run.job.dC_dx = cnp.PyArray_DATA(dC_dx)
        run.owners += (out, dC_dx)
        run.take_workspace(self._workspace(&request, x, NO_UPDATES))
        # where all rows have the weight 0 nothing is written
        out[...] = 0
        run.run()
        return run.job.cost, out

    def _product(self, Rows x, Rows y, cnp.ndarray vector, sample_weight=None,
                 bint gauss_newton=False):
        """The Hessian of C, or its Gauss-Newton matrix, times a vector of θ's length and type."""
        cdef Run run = self._run(PRODUCT, x, y, sample_weight)
        cdef Request request = self._request(PRODUCT, x.view.n_rows)
        cdef cnp.ndarray out = np.empty(self.layout.n_parameters, dtype=self.dtype)
        if cnp.PyArray_TYPE(vector) != self._type_number() \
                or not cnp.PyArray_ISCARRAY_RO(vector) \
                or cnp.PyArray_SIZE(vector) != self.layout.n_parameters:
            raise ValueError("the vector must be contiguous, of θ's type and length")
        run.job.direction = cnp.PyArray_DATA(vector)
        run.job.gradient = cnp.PyArray_DATA(out)
        run.job.gauss_newton = gauss_newton
        run.owners += (vector, out)
        run.take_workspace(self._workspace(&request, x, NO_UPDATES))
        run.run()
        return out

    def _per_sample_gradients(self, Rows x, Rows y):
        """∇C_k of every example, (n, n_parameters)."""
        return self._inspect(PER_SAMPLE, x, y, (self.layout.n_parameters,), None)

    def _jacobian(self, Rows x):
        """∂a^(L)/∂a^(0) of every row, (n, n_L, n_0)."""
        return self._inspect(JACOBIAN, x, None, (self.layout.n_outputs, self.layout.n_inputs),
                             None)

    def _parameter_jacobian(self, Rows x, cnp.ndarray out=None):
        """∂a^(L)/∂θ of every row, (n, n_L, n_parameters); into out where that is given,
        contiguous, of θ's type."""
        return self._inspect(PARAMETER_JACOBIAN, x, None,
                             (self.layout.n_outputs, self.layout.n_parameters), out)

    def _inspect(self, int task, Rows x, Rows y, tuple shape, cnp.ndarray out):
        """What a task finds of every row: an array of this shape each."""
        cdef Run run = self._run(task, x, y, None)
        cdef Request request = self._request(task, x.view.n_rows)
        if out is None:
            out = np.empty((x.view.n_rows, *shape), dtype=self.dtype)
        elif cnp.PyArray_TYPE(out) != self._type_number() or not cnp.PyArray_ISCARRAY(out) \
                or (<object>out).shape != (x.view.n_rows, *shape):
            raise ValueError("out must be a contiguous array of the network's type, of shape "
                             f"{(x.view.n_rows, *shape)}")
        run.job.out = cnp.PyArray_DATA(out)
        run.owners += (out,)
        if x.view.n_rows > 0:
            run.take_workspace(self._workspace(&request, x, NO_UPDATES))
            run.run()
        return out

    def _trace(self, Rows x, Rows y, sample_weight=None):
        """Every term of one step, as a dict of arrays by layer (see ``bpcore.Trace``): the gradient
        of a batch whose buffers are arrays that are kept."""
        cdef Run run = self._run(GRADIENT, x, y, sample_weight)
        cdef Request request = self._request(GRADIENT, x.view.n_rows)
        cdef Memory* m = &run.job.memory
        cdef Py_ssize_t n = x.view.n_rows
        cdef Py_ssize_t l
        widths = dict.fromkeys(("z", "a", "da_dz", "dC_da", "delta"), self.layout.n_units)
        widths |= {"x": self.layout.n_inputs, "dC_dx": self.layout.n_inputs,
                   "y": self.layout.n_outputs}
        flat = {name: np.empty(n * width, dtype=self.dtype) for name, width in widths.items()}
        gradient = np.empty(self.layout.n_parameters, dtype=self.dtype)
        costs = np.empty(n)
        request.keeps_terms = True
        run.take_workspace(self._workspace(&request, x, NO_UPDATES))
        m.rows.rows = n
        m.rows.x, m.rows.y = cnp.PyArray_DATA(flat["x"]), cnp.PyArray_DATA(flat["y"])
        m.rows.z, m.rows.a = cnp.PyArray_DATA(flat["z"]), cnp.PyArray_DATA(flat["a"])
        m.rows.da_dz = cnp.PyArray_DATA(flat["da_dz"])
        m.rows.dC_da = cnp.PyArray_DATA(flat["dC_da"])
        m.rows.delta = cnp.PyArray_DATA(flat["delta"])
        run.job.dC_dx = cnp.PyArray_DATA(flat["dC_dx"])
        run.job.gradient = cnp.PyArray_DATA(gradient)
        run.job.example_costs = <double*>cnp.PyArray_DATA(costs)
        run.owners += (flat, gradient, costs)
        run.run()
        terms = {"cost": run.job.cost, "costs": costs, "gradient": gradient}
        for name in ("x", "dC_dx", "y"):
            terms[name] = flat[name].reshape(n, widths[name])
        for name in ("z", "a", "da_dz", "dC_da", "delta"):
            terms[name] = []
            for l in range(self.layout.n_layers):
                layer = self.layout.layers[l]
                part = flat[name][n * layer.unit:n * (layer.unit + layer.n_out)]
                terms[name].append(part.reshape(n, layer.n_out))
        return terms


cdef bint _are_many(const Plan* plan, Py_ssize_t n) noexcept nogil:
    """Whether each product of n rows has so many that all such products meet the same loop."""
    cdef Py_ssize_t task = plan.block * plan.blocks_per_task
    cdef Py_ssize_t whole = min(n, task if plan.task == PREDICT else plan.microbatch_rows)
    cdef Py_ssize_t rest = whole % task
    cdef Py_ssize_t last = n % whole % task
    return min(task, whole) >= MANY_ROWS and (rest == 0 or rest >= MANY_ROWS) \
        and (last == 0 or last >= MANY_ROWS)


cdef class Evaluation:
    """The cost of a network on a set of rows and its outputs for them, as often as is asked.

    One forward pass gives both where it computes what a prediction does, to the bit; buffers and
    plan are made once.

    Parameters
    ----------
    network : Engine
        Borrowed, as are the others.
    x, y : Rows
    sample_weight : ndarray of float64, shape (n,), or None

    Attributes
    ----------
    outputs : ndarray of shape (n, n_L)
        a^(L), of the last ``cost``; written anew by the next.
    """

    cdef Engine network
    cdef Rows x
    cdef Run job
    cdef bint is_one_pass
    cdef readonly cnp.ndarray outputs

    def __init__(self, Engine network, Rows x, Rows y, sample_weight=None):
        cdef Request request = network._request(PREDICT, x.view.n_rows)
        cdef Run run = network._run(COST, x, y, sample_weight)
        cdef list own = []
        cdef list of_prediction = []
        cdef Plan plan, prediction
        cdef Py_ssize_t l
        prediction = make_plan(&network.layout, &request, x, [], of_prediction)
        request.task, request.fits_slopes = COST, network._point_slopes(run, y)
        plan = make_plan(&network.layout, &request, x, [], own)
        self.network, self.x, self.job = network, x, run
        self.outputs = np.empty((x.view.n_rows, network.layout.n_outputs), dtype=network.dtype)
        self.is_one_pass = plan.sparse == prediction.sparse \
            and plan.transposes == prediction.transposes
        for l in range(network.layout.n_layers):
            if own[l][0] == 0 or own[l][0] != of_prediction[l][0] \
                    or own[l][0] == 1 and network.layout.layers[l].n_in < BP_SHORT_INPUTS \
                    and not (_are_many(&plan, x.view.n_rows)
                             and _are_many(&prediction, x.view.n_rows)):
                self.is_one_pass = False
        run.take_workspace(network._workspace(&request, x, NO_UPDATES))
        run.owners += (self.outputs,)
        if self.is_one_pass:
            run.job.out = cnp.PyArray_DATA(self.outputs)

    def cost(self):
        """C = Σ s_k C_k / Σ s_k of θ as it is; ``outputs`` are filled in."""
        self.job.job.cost = 0.0
        memset(&self.job.job.pool, 0, sizeof(self.job.job.pool))
        self.job.run()
        if not self.is_one_pass:
            self.network._predict_into(self.x, self.outputs)
        return self.job.job.cost
