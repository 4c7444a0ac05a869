"""One network trained on one set of rows: what a fit, a step and a resumed fit have in common."""

import time
from collections import namedtuple
from contextlib import ExitStack

import numpy as np

from bpcore._core.threads import one_blas_thread

cimport numpy as cnp
from libc.math cimport isfinite
from libc.string cimport memcpy, memset

from bpcore._core.engine cimport numbers_of_rows
from bpcore._core.job cimport TRAIN
from bpcore._core.plan cimport Request
from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport Layout

cnp.import_array()

Epoch = namedtuple("Epoch", ["cost", "penalty", "learning_rate", "seconds"])
Epoch.__doc__ = """What one epoch gave.

Attributes
----------
cost, penalty : float
    Each the mean over the epoch's batches.
learning_rate : float
    η at its end.
seconds : float
"""


class Diverged(Exception):
    """An epoch left the finite numbers; θ is what it was before.

    Attributes
    ----------
    cost : float
        Of that epoch, up to where it was left.
    """

    def __init__(self, cost):
        super().__init__(f"the cost or a parameter is no longer finite (cost {cost})")
        self.cost = cost


cdef bint _rows_exist(Py_ssize_t n, const Py_ssize_t* order, Py_ssize_t n_rows) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint exist = True
    for i in range(n):
        exist = exist and 0 <= order[i] < n_rows
    return exist


cdef class Training:
    """A network, the rows that it learns from, an optimizer, and the buffers and plan for them.

    Within a ``with`` block the network is claimed, so that no other fit changes it, and BLAS is
    held at one thread where a product goes to it; a run outside one claims nothing.

    Parameters
    ----------
    network : Engine
        Borrowed: θ, layout, how many threads.
    x, y : Rows
    optimizer : Optimizer
        Bound to θ's length and type here, where it is new. Shared: it may have run before, and
        goes on after.
    batch_size : int
        Rows a step, at least 1.
    order : ndarray of intp, contiguous, or None
        The rows to go through, in this order; all, as they lie, when None. Borrowed: it may be
        written to between two runs.
    sample_weight : ndarray of float64, shape (n,), or None
        s_k, by which C_k is multiplied. A batch whose s_k are all 0 is left out.
    normaliser : ndarray of float64, shape (n,), or None
        Σ s_k C_k and the penalties of a batch are divided by the sum of its rows' numbers here, by
        the number of its rows when None.
    l2, l1 : float
        Penalties ½ l2 Σ w² and l1 Σ |w|.
    weight_decay : float
        w ← (1 - η weight_decay) w at every step.
    clip_norm : float
        The largest norm of ∇C; 0: no limit.
    applies_dropout : bool
        Whether the layers' dropout leaves units out.
    rate_factors : ndarray of float64, shape (L, 2), or None
        What η is multiplied by for the weights and the biases of each layer.
    input_scale : float or None
        Update w^(1) as v diag(s), s with η times this number. Where a training begins v is w^(1)
        and s is 1.
    epochs : int, default=1
        How many a run may make, all in one order, with the threads that it starts.

    Raises
    ------
    ValueError
        If the parts do not fit.
    """

    def __init__(self, Engine network, Rows x, Rows y, Optimizer optimizer, *,
                 Py_ssize_t batch_size, cnp.ndarray order=None, cnp.ndarray sample_weight=None,
                 cnp.ndarray normaliser=None, double l2=0.0, double l1=0.0,
                 double weight_decay=0.0, double clip_norm=0.0, bint applies_dropout=True,
                 cnp.ndarray rate_factors=None, object input_scale=None, Py_ssize_t epochs=1):
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        optimizer.bind(network.layout.n_parameters, network.dtype)
        self.network = network
        self.x, self.y = x, y
        self.optimizer = optimizer
        self.order = order
        self.sample_weight = sample_weight
        self.normaliser = normaliser
        self.applies_dropout = applies_dropout and network.layout.has_dropout
        self.rate_factors = rate_factors
        self.scale_state = None if input_scale is None else {"rate": float(input_scale)}
        self.epochs = epochs
        self._prepare((l2, l1, weight_decay, clip_norm), batch_size)

    cdef int _prepare(self, object penalties, Py_ssize_t batch_size) except -1:
        """The job, its plan and its buffers."""
        cdef Run run = self.network._run(TRAIN, self.x, self.y, self.sample_weight)
        cdef Py_ssize_t n = self.x.view.n_rows
        cdef Request request
        run.job.examples.normalisers = numbers_of_rows(self.normaliser, n)
        # the buffers may point into the slots, whatever becomes of the optimizer meanwhile
        run.owners += (self.normaliser, self.optimizer._slots)
        if self.order is not None:
            if cnp.PyArray_TYPE(self.order) != cnp.NPY_INTP \
                    or cnp.PyArray_NDIM(self.order) != 1 \
                    or not cnp.PyArray_ISCARRAY_RO(self.order) or not _rows_exist(
                        cnp.PyArray_SIZE(self.order),
                        <const Py_ssize_t*>cnp.PyArray_DATA(self.order), n):
                raise ValueError("order must be a contiguous vector of row numbers (intp) from 0 "
                                 f"to {n - 1}")
            run.job.examples.order = <const Py_ssize_t*>cnp.PyArray_DATA(self.order)
            run.job.n_rows = cnp.PyArray_SIZE(self.order)
            run.owners += (self.order,)
        run.optimizer = self.optimizer
        run.job.batch_size = batch_size
        (run.job.regularisation.l2, run.job.regularisation.l1, run.job.regularisation.decay,
         run.job.regularisation.clip) = penalties
        run.job.applies_dropout = self.applies_dropout
        self._take_rates(run)
        request = self.network._request(TRAIN, run.job.n_rows)
        request.scales_inputs = self.scale_state is not None
        request.batch_size = batch_size
        request.epochs = self.epochs
        request.clips = run.job.regularisation.clip != 0
        request.shuffled = self.order is not None
        run.take_workspace(self.network._workspace(&request, self.x, self.optimizer))
        self.job = run
        return 0

    cdef int _take_rates(self, Run run) except -1:
        """What the layers' rates are multiplied by, and the scales of the inputs."""
        cdef Layout* layout = &self.network.layout
        if self.rate_factors is not None:
            if cnp.PyArray_TYPE(self.rate_factors) != cnp.NPY_FLOAT64 \
                    or not cnp.PyArray_ISCARRAY_RO(self.rate_factors) \
                    or cnp.PyArray_SIZE(self.rate_factors) != 2 * layout.n_layers:
                raise ValueError("rate_factors must be a contiguous array of float64 of shape "
                                 f"({layout.n_layers}, 2)")
            run.job.rate_factors = <const double*>cnp.PyArray_DATA(self.rate_factors)
            run.owners += (self.rate_factors,)
        if self.scale_state is None:
            return 0
        n_slots = len(self.optimizer.slots)
        state = {name: np.zeros(layout.n_inputs, dtype=self.network.dtype)
                 for name in ("s", "gradient", "slot_1", "slot_2")}
        state["s"][:] = 1
        state["v"] = np.array(self.network._theta[:layout.layers[0].b])
        self.scale_state |= state
        run.job.scale.rate = self.scale_state["rate"]
        run.job.scale.v = cnp.PyArray_DATA(state["v"])
        run.job.scale.s = cnp.PyArray_DATA(state["s"])
        run.job.scale.gradient = cnp.PyArray_DATA(state["gradient"])
        run.job.scale.slot_1 = cnp.PyArray_DATA(state["slot_1"]) if n_slots > 0 else NULL
        run.job.scale.slot_2 = cnp.PyArray_DATA(state["slot_2"]) if n_slots > 1 else NULL
        run.owners += (state,)
        return 0

    def __enter__(self):
        """Claim the network.

        Raises
        ------
        RuntimeError
            If another fit has it.
        """
        self.network._begin_fit()
        self.blas = ExitStack()
        self.entered = True
        try:
            if self.job.job.plan.uses_blas:
                self.blas.enter_context(one_blas_thread())
            self.previous = np.empty_like(self.network._theta)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exception):
        """Give the network back."""
        self.entered = False
        self.previous = None
        try:
            self.blas.close()
        finally:
            self.network._end_fit()

    def run(self, Py_ssize_t most=1, unsigned long long seed=0, list done=None):
        """At least one epoch, and more, all in the same order, until `most` are done or a
        hundredth of a second is over.

        The interpreter looks in once a call, not once an epoch, which is most of the time where
        a table is small.

        Parameters
        ----------
        most : int, default=1
        seed : int, default=0
            Draws the units that dropout leaves out.
        done : list, optional
            Takes every epoch that ends, and has it whatever is raised afterwards.

        Returns
        -------
        list of Epoch
            ``done`` where that is given.

        Raises
        ------
        Diverged
            If an epoch leaves the finite numbers. Within a ``with`` block θ is what it was before
            that epoch; outside one it is left where the cost was not finite.
        RuntimeError
            If θ is being trained in another thread.
        KeyboardInterrupt or what else a signal handler raises
            θ then keeps what the updates so far have made.
        """
        cdef double begun
        cdef Py_ssize_t before = self.optimizer.t
        cdef Run run = self.job
        if done is None:
            done = []
        self.network._check_idle()
        run.job.seed = seed
        memset(&run.job.pool, 0, sizeof(run.job.pool))
        with ExitStack() as stack:
            if run.job.plan.uses_blas and not self.entered:
                stack.enter_context(one_blas_thread())
            self.network.training = True
            try:
                run.start()
                begun = time.perf_counter()
                while most > 0:
                    done.append(self._epoch())
                    most -= 1
                    if time.perf_counter() >= begun + TUNING.seconds_in_engine:
                        break
            finally:
                # first: a signal may interrupt the wait for the threads' ends
                self.network.training = False
                run.join()
        self.optimizer.made_updates(before)
        return done

    cdef object _epoch(self):
        """One epoch with the threads that there are."""
        cdef double cost, start, seconds
        cdef Run run = self.job
        cdef void* theta = self.network.theta
        if self.previous is not None:
            memcpy(cnp.PyArray_DATA(self.previous), theta, cnp.PyArray_NBYTES(self.previous))
        run.job.cost = run.job.penalty = 0.0
        start = time.perf_counter()
        run.once()
        seconds = time.perf_counter() - start
        cost = run.job.cost + run.job.penalty
        if not isfinite(cost) or self.previous is not None and not self.network._is_finite(
                self.network.layout.n_parameters, theta):
            if self.previous is not None:
                memcpy(theta, cnp.PyArray_DATA(self.previous),
                       cnp.PyArray_NBYTES(self.previous))
            raise Diverged(run.job.cost)
        return Epoch(run.job.cost, run.job.penalty, self.optimizer.current_rate, seconds)
