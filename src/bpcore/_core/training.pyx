"""One network trained on one set of rows: what a fit, a step and a resumed fit have in common."""

from collections import namedtuple
from contextlib import ExitStack

import numpy as np

from bpcore._core.threads import one_blas_thread

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport INFINITY, isfinite
from libc.string cimport memcpy, memset

from bpcore._core.engine cimport numbers_of_rows
from bpcore._core.job cimport TRAIN, Job
from bpcore._core.plan cimport Request
from bpcore._core.schedules cimport rate_at
from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport Layout
from bpcore.kernels.clock cimport bp_seconds

cnp.import_array()

cdef enum:
    EPOCHS_AT_ONCE = 256    # whose numbers wait to be told to the interpreter

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
        y may have targets for the outputs' derivatives as well; dropout is then refused.
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
        How many a run may make, with the threads that it starts.
    ask : callable, optional
        A user's loss, asked once a batch: ask(a, start) → (costs, ∂C/∂a^(L)) of the rows from
        position `start` of the order, contiguous arrays of shape (n,), float64, and (n, n_L),
        θ's type. For a network that was built with no other; y is not read.

    Raises
    ------
    ValueError
        If the parts do not fit.
    """

    def __init__(self, Engine network, Rows x, Rows y, Optimizer optimizer, *,
                 Py_ssize_t batch_size, cnp.ndarray order=None, cnp.ndarray sample_weight=None,
                 cnp.ndarray normaliser=None, double l2=0.0, double l1=0.0,
                 double weight_decay=0.0, double clip_norm=0.0, bint applies_dropout=True,
                 cnp.ndarray rate_factors=None, object input_scale=None, Py_ssize_t epochs=1,
                 object ask=None):
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
        self.ask = ask
        self._prepare((l2, l1, weight_decay, clip_norm), batch_size)

    cdef int _prepare(self, object penalties, Py_ssize_t batch_size) except -1:
        """The job, its plan and its buffers."""
        cdef Run run = self.network._run(TRAIN, self.x, None if self.ask is not None else self.y,
                                         self.sample_weight)
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
        run.ask, run.job.asks = self.ask, self.ask is not None
        self._take_rates(run)
        request = self.network._request(TRAIN, run.job.n_rows)
        if self.y.slopes is not None and self.applies_dropout:
            raise ValueError("with dropout the outputs' derivatives are those of another network")
        request.scales_inputs = self.scale_state is not None
        request.fits_slopes = self.network._point_slopes(run, self.y)
        request.batch_size = batch_size
        request.epochs = self.epochs
        request.keeps_batch = self.ask is not None
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

    cdef int _take_changed_weights(self) except -1:
        """v where w^(1) is no longer v diag(s): a callback has set it."""
        if self.scale_state is None:
            return 0
        v, s = self.scale_state["v"], self.scale_state["s"]
        w = self.network._theta[:self.network.layout.layers[0].b].reshape(-1, len(s))
        v = v.reshape(w.shape)
        changed = w != v * s
        if changed.any():
            columns = changed.any(axis=0)
            v[:, columns] = w[:, columns]
            s[columns] = 1
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
            if self.previous is None:
                self.previous = np.empty_like(self.network._theta)
            self.before = cnp.PyArray_DATA(self.previous)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exception):
        """Give the network back."""
        self.entered = False
        try:
            self.blas.close()
        finally:
            self.network._end_fit()

    def run(self, Py_ssize_t most=1, unsigned long long seed=0, list done=None,
            Shuffle shuffle=None, tuple patience=None):
        """At least one epoch, and more, until `most` are done or a hundredth of a second is over.

        The interpreter looks in once a call, not once an epoch, which is most of the time where
        a table is small.

        Parameters
        ----------
        most : int, default=1
        seed : int, default=0
            Draws the units that dropout leaves out.
        done : list, optional
            Takes every epoch that ends, and has it whatever is raised afterwards.
        shuffle : Shuffle, optional
            Shuffles the order before every epoch; else they all have the same.
        patience : tuple, optional
            (divisor, best, tol, missed, limit): come back where ``cost / divisor + penalty`` has
            not been below best - tol, best being the least of them, for more than `limit` epochs
            in a row, of which `missed` have been.

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
        cdef Py_ssize_t before = self.optimizer.t
        cdef Run run = self.job
        cdef Patience limits
        limits.limit = INFINITY
        if patience is not None:
            limits.divisor, limits.best, limits.tol, limits.missed, limits.limit = patience
        if done is None:
            done = []
        if shuffle is not None and (self.order is None or not cnp.PyArray_ISWRITEABLE(self.order)):
            raise ValueError("a shuffle takes an order that can be written to")
        self.network._check_idle()
        self._take_changed_weights()
        run.job.seed = seed
        memset(&run.job.pool, 0, sizeof(run.job.pool))
        with ExitStack() as stack:
            if run.job.plan.uses_blas and not self.entered:
                stack.enter_context(one_blas_thread())
            if shuffle is not None:
                stack.enter_context(shuffle.lock)
            run.lock = None if shuffle is None else shuffle.lock
            self.network.training = True
            try:
                run.start()
                self._run(most, done, shuffle, &limits)
            finally:
                # first: a signal may interrupt the wait for the threads' ends
                self.network._end_training()
                run.join()
        self.optimizer.made_updates(before)
        return done

    cdef int _run(self, Py_ssize_t most, list done, Shuffle shuffle, Patience* limits) except -1:
        """The epochs of `run`, with the threads that there are."""
        cdef EpochNumbers[EPOCHS_AT_ONCE] numbers
        cdef Py_ssize_t i, n
        cdef double until = bp_seconds() + TUNING.seconds_in_engine
        cdef Py_ssize_t here = EPOCHS_AT_ONCE
        while most > 0 and here == EPOCHS_AT_ONCE:
            with nogil:
                n = self._epochs(min(most, here), until, shuffle, limits, numbers)
            try:
                # before anything is made: garbage may be collected then, and Python loses a Ctrl-C
                # that falls into the end of a weak reference
                PyErr_CheckSignals()
            finally:
                for i in range(n):
                    done.append(Epoch(numbers[i].cost, numbers[i].penalty,
                                      numbers[i].learning_rate, numbers[i].seconds))
            self.job.check()
            if self.diverged:
                raise Diverged(self.job.job.cost)
            most -= n
            here = n
        return 0

    cdef Py_ssize_t _epochs(self, Py_ssize_t most, double until, Shuffle shuffle,
                            Patience* patience, EpochNumbers* done) noexcept nogil:
        """So many epochs, or fewer; returns how many have ended as they should."""
        cdef Py_ssize_t n = 0
        cdef double begun, now, loss
        self.diverged = False
        while n < most:
            if shuffle is not None:
                shuffle.draw(<Py_ssize_t*>self.job.job.examples.order, self.job.job.n_rows)
            begun = bp_seconds()
            self.diverged = not self._epoch()
            now = bp_seconds()
            if self.diverged or self.job.raised:
                break
            done[n].cost, done[n].penalty = self.job.job.cost, self.job.job.penalty
            done[n].learning_rate = rate_at(&self.optimizer.rate_schedule,
                                            self.optimizer.learning_rate, max(self.optimizer.t, 1))
            done[n].seconds = now - begun
            n += 1
            if now >= until:
                break
            if patience.limit < INFINITY:
                loss = self.job.job.cost / patience.divisor + self.job.job.penalty
                patience.missed = patience.missed + 1 if loss > patience.best - patience.tol else 0
                patience.best = min(patience.best, loss)
                if patience.missed > patience.limit:
                    break
        return n

    cdef bint _epoch(self) noexcept nogil:
        """One epoch; False where it has left the finite numbers, from which θ is put back."""
        cdef Job* job = &self.job.job
        cdef Py_ssize_t n = self.network.layout.n_parameters
        cdef Py_ssize_t n_bytes = n * self.network.layout.itemsize
        cdef bint is_finite
        if self.entered:
            memcpy(self.before, job.theta, n_bytes)
        job.cost = job.penalty = 0.0
        self.job.work()
        if self.job.raised:
            return True
        is_finite = isfinite(job.cost + job.penalty) and (
            not self.entered or self.network._is_finite(n, job.theta))
        if not is_finite and self.entered:
            memcpy(job.theta, self.before, n_bytes)
        return is_finite
