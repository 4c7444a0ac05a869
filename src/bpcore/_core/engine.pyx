"""The owner of θ: what `Network` is made of, and the door from Python to the kernels.

Every method here takes what `bpcore/checks` has checked: `Rows` of the right width, without NaN,
weights of the right length.  The kernels run without the interpreter, on buffers that belong to
the call; so several threads may predict with one network at the same time.
"""

import time

import numpy as np

cimport numpy as cnp
from libc.math cimport isfinite
from libc.string cimport memcpy, memset

from bpcore._core.job cimport COST, GRADIENT, JACOBIAN, PER_SAMPLE, PREDICT, TRAIN, Memory, Plan
from bpcore._core.plan cimport make_plan
from bpcore._core.tuning cimport TUNING
from bpcore._core.workspace cimport make_workspace

cnp.import_array()

# An optimizer for the runs that make no update.
cdef Optimizer NO_UPDATES = Optimizer("sgd", 0)


cdef bint _rows_exist(Py_ssize_t n, const Py_ssize_t* order, Py_ssize_t n_rows) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint exist = True
    for i in range(n):
        exist = exist and 0 <= order[i] < n_rows
    return exist


cdef class Engine(SmallBatches):
    """θ and the shape of the network; see ``bpcore.Network``, which is this with words."""

    def __cinit__(self, *args, **kwargs):
        self.max_threads = 1

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
        examples.weights = NULL
        if y is None:
            return 0
        if y.view.n_columns != self.layout.n_outputs:
            raise ValueError(f"Y has {y.view.n_columns} columns, but this network has "
                             f"{self.layout.n_outputs} outputs (its last layer)")
        if x.view.n_rows == 0 or y.view.n_rows != x.view.n_rows:
            raise ValueError(f"X has {x.view.n_rows} rows and Y {y.view.n_rows}: expected the "
                             "same number, and at least one")
        examples.y = &y.view
        if weights is not None:
            if cnp.PyArray_TYPE(weights) != cnp.NPY_FLOAT64 \
                    or not cnp.PyArray_ISCARRAY_RO(weights) or cnp.PyArray_NDIM(weights) != 1 \
                    or cnp.PyArray_DIM(weights, 0) != x.view.n_rows:
                raise ValueError("sample_weight must be a contiguous vector of float64, one a "
                                 "row of X")
            examples.weights = <const double*>cnp.PyArray_DATA(weights)
        return 0

    cdef Request _request(self, int task, Py_ssize_t n_rows) noexcept:
        """A request for all rows as one batch, once."""
        cdef Request request
        memset(&request, 0, sizeof(request))
        request.task = task
        request.n_rows = n_rows
        request.batch_size = max(1, n_rows)
        request.repeats = 1
        request.max_threads = self.max_threads
        return request

    cdef Workspace _workspace(self, const Request* request, Rows x, Optimizer optimizer):
        """The buffers for a request, and its plan."""
        cdef list shards = []
        cdef Plan plan = make_plan(&self.layout, request, x, shards)
        return make_workspace(&self.layout, plan, shards,
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
        request.repeats = 1000
        plan = make_plan(&self.layout, &request, None, [])
        return plan.blocks_per_task * plan.block, plan.block

    # ------------------------------------------------------------ forward

    def _predict_into(self, Rows x, cnp.ndarray out):
        """out (n, n_L), contiguous, of θ's type = a^(L) for every row of x.

        Returns
        -------
        finite : bool
            False where some z^(1) was not finite, as it is for every row that is not: so x need
            not be looked through beforehand.
        """
        cdef int thread
        cdef Run run = self._run(PREDICT, x, None, None)
        cdef Request request = self._request(PREDICT, x.view.n_rows)
        if cnp.PyArray_TYPE(out) != self._type_number() or not cnp.PyArray_ISCARRAY(out) \
                or cnp.PyArray_SIZE(out) != x.view.n_rows * self.layout.n_outputs:
            raise ValueError("out must be a contiguous array of the network's type with one row "
                             "for each row of X and one column for each output")
        run.job.out = cnp.PyArray_DATA(out)
        run.owners += (out,)
        run.take_workspace(self._workspace(&request, x, NO_UPDATES))
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
        run.owners += (out, dC_dx)
        run.take_workspace(self._workspace(&request, x, NO_UPDATES))
        run.run()
        return run.job.cost, run.job.penalty, out

    def _per_sample_gradients(self, Rows x, Rows y):
        """∇C_k of every example, (n, n_parameters)."""
        return self._inspect(PER_SAMPLE, x, y, (self.layout.n_parameters,))

    def _jacobian(self, Rows x):
        """∂a^(L)/∂a^(0) of every row, (n, n_L, n_0)."""
        return self._inspect(JACOBIAN, x, None, (self.layout.n_outputs, self.layout.n_inputs))

    def _inspect(self, int task, Rows x, Rows y, tuple shape):
        """What a task finds of every row: an array of this shape each."""
        cdef Run run = self._run(task, x, y, None)
        cdef Request request = self._request(task, x.view.n_rows)
        cdef cnp.ndarray out = np.empty((x.view.n_rows, *shape), dtype=self.dtype)
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

    # ------------------------------------------------------------ training

    def _end_fit(self):
        """Give the network back."""
        self.fit_workspace = None
        SmallBatches._end_fit(self)

    def _train_epoch(self, Rows x, Rows y, Optimizer optimizer, order=None,
                     Py_ssize_t batch_size=32, sample_weight=None, double l2=0.0,
                     double l1=0.0, double weight_decay=0.0, double clip_norm=0.0,
                     unsigned long long seed=0, bint applies_dropout=True):
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
            The largest norm of ∇C; 0: no limit.
        seed : int
            Draws the units that dropout leaves out.
        applies_dropout : bool
            Whether it leaves out any.

        Raises
        ------
        RuntimeError
            If θ is being trained in another thread.
        """
        cdef Regularisation regularisation = Regularisation(l2, l1, weight_decay, clip_norm)
        cdef Run run = self._training(x, y, optimizer, order, batch_size, sample_weight,
                                      &regularisation, 1)
        run.job.seed = seed
        run.job.applies_dropout = run.job.applies_dropout and applies_dropout
        self.training = True
        try:
            run.run()
        finally:
            self.training = False
        return run.job.cost, run.job.penalty

    def _train_epochs(self, Py_ssize_t most, list costs, list rates, list seconds, Rows x, Rows y,
                      Optimizer optimizer, order=None, Py_ssize_t batch_size=32,
                      sample_weight=None, double l2=0.0, double l1=0.0,
                      double weight_decay=0.0, double clip_norm=0.0,
                      unsigned long long seed=0):
        """Epochs one after the other, all in the same order: at least one, and more until `most`
        are done or a hundredth of a second is over.

        The interpreter looks in once a call, not once an epoch, which is most of the time where
        a table is small.

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
        cdef double cost, begun, start
        cdef double now = 0.0
        cdef Regularisation regularisation = Regularisation(l2, l1, weight_decay, clip_norm)
        cdef Run run = self._training(x, y, optimizer, order, batch_size, sample_weight,
                                      &regularisation, most)
        cdef cnp.ndarray before = np.empty_like(self._theta)
        run.job.seed = seed
        self.training = True
        try:
            run.start()
            begun = time.perf_counter()
            while most > 0 and now < begun + TUNING.seconds_in_engine:
                most -= 1
                memcpy(cnp.PyArray_DATA(before), self.theta, cnp.PyArray_NBYTES(before))
                run.job.cost = run.job.penalty = 0.0
                start = time.perf_counter()
                run.once()
                now = time.perf_counter()
                cost = run.job.cost + run.job.penalty
                if not (isfinite(cost) and self._is_finite(self.layout.n_parameters, self.theta)):
                    memcpy(self.theta, cnp.PyArray_DATA(before), cnp.PyArray_NBYTES(before))
                    return False
                costs.append(cost)
                rates.append(optimizer.current_rate)
                seconds.append(now - start)
        finally:
            self.training = False   # first: a signal may interrupt the wait for the threads' ends
            run.join()
        return True

    cdef Run _training(self, Rows x, Rows y, Optimizer optimizer, object order,
                       Py_ssize_t batch_size, object sample_weight,
                       const Regularisation* regularisation, Py_ssize_t repeats):
        """The run of an epoch that may be repeated; see `_train_epoch`."""
        cdef Run run
        cdef cnp.ndarray rows
        cdef Request request
        self._check_idle()
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if optimizer.n_parameters != self.layout.n_parameters or optimizer.dtype != self.dtype:
            raise ValueError(f"the optimizer is for {optimizer.n_parameters} parameters of "
                             f"{optimizer.dtype}, the network has {self.layout.n_parameters} of "
                             f"{self.dtype}")
        run = self._run(TRAIN, x, y, sample_weight)
        if order is not None:
            rows = np.ascontiguousarray(order, dtype=np.intp)
            if rows.ndim != 1 or not _rows_exist(
                    rows.size, <const Py_ssize_t*>cnp.PyArray_DATA(rows), x.view.n_rows):
                raise ValueError("order must be a vector of row numbers from 0 to "
                                 f"{x.view.n_rows - 1}")
            run.job.n_rows = rows.size
            run.job.examples.order = <const Py_ssize_t*>cnp.PyArray_DATA(rows)
            run.owners += (rows,)
        run.optimizer = optimizer
        run.job.batch_size = batch_size
        run.job.regularisation = regularisation[0]
        run.job.applies_dropout = self.layout.has_dropout
        request = self._request(TRAIN, run.job.n_rows)
        request.batch_size = batch_size
        request.repeats = repeats
        request.clips = regularisation.clip != 0
        request.shuffled = order is not None
        # Within a fit the epochs are alike: their buffers are made once.
        key = (id(x), request.n_rows, batch_size, repeats > 1, request.clips, request.shuffled,
               <size_t>optimizer.slot_1, self.max_threads)
        if not self.fitting or self.fit_workspace is None or self.fit_key != key:
            workspace = self._workspace(&request, x, optimizer)
            if self.fitting:
                self.fit_workspace, self.fit_key = workspace, key
            run.owners += (workspace,)
            run.take_workspace(workspace)
        else:
            run.take_workspace(self.fit_workspace)
        return run
