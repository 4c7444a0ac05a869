"""One epoch: rows, forward, backward, update; no interpreter inside.

A batch is gone through in two phases, each cut into tasks that the threads take as they come:
blocks of rows for the forward pass and the deltas, then shards of the layers for the gradient and
the update, which are done while a shard of the gradient is in cache.  Nothing is added up across
threads, and blocks and shards depend on the network and the batch only, so that the result is
bitwise the same for any number of threads.  Where a task has several blocks of rows it does so
only with loops that treat every row alike, and adds up their costs apart.

A batch that is larger than the buffers goes through in several microbatches; its gradient is then
accumulated as a whole before the update, and so it is where it has to be clipped.
"""

from bpcore._core.threads import one_blas_thread

from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isfinite, sqrt

from bpcore._core.batch cimport backward_rows, forward_rows, predict_rows, sum_of_rows
from bpcore._core.asked cimport ask_for_costs
from bpcore._core.backward cimport Shard
from bpcore._core.inspect cimport example_gradients, jacobian_rows
from bpcore._core.job cimport (
    ACCUMULATE, APPLY, BACKWARD_ROWS, EXAMPLE_GRADIENTS, FORWARD_ROWS, FUSED_UPDATE, GRADIENT,
    JACOBIAN, JACOBIAN_ROWS, NORMAL, NORMAL_ROWS, NORMAL_TILES, PENALISE, PER_SAMPLE, PREDICT,
    PREDICT_ROWS, PRODUCT, TRAIN, TRAIN_ROWS, Examples, Phase,
    work_a_row,
)
from bpcore._core.losses cimport given_loss
from bpcore._core.normal cimport normal_rows, normal_tile, normal_tiles
from bpcore._core.optimizers cimport next_coefficients
from bpcore._core.sobolev cimport slope_rows
from bpcore._core.sparse cimport transpose_gradient_out, transpose_in, transpose_out
from bpcore._core.tangent cimport tangent_rows, tangent_shard
from bpcore._core.tuning cimport TUNING
from bpcore._core.types cimport Layer, ceil_div, real_t
from bpcore._core.update cimport accumulate, apply_gradient, fused_update, penalise
from bpcore.kernels.pool cimport bp_pool_close, bp_pool_done, bp_pool_open, bp_pool_take


# ---------------------------------------------------------------- tasks

cdef void _run_rows(Job* job, Py_ssize_t task, const real_t* theta) noexcept nogil:
    """Some blocks of rows, forward, back, or both."""
    cdef Py_ssize_t rows = job.plan.blocks_per_task * job.plan.block
    cdef Py_ssize_t n = min(rows, job.phase.rows - task * rows)
    cdef double* costs = &job.memory.costs[job.phase.first_cost + task * job.plan.blocks_per_task]
    cdef double of_slopes = 0.0
    if job.phase.kind != BACKWARD_ROWS:
        forward_rows(job, job.phase.start, task * rows, n, job.phase.next_start, theta)
    if job.phase.kind == FORWARD_ROWS:
        return
    if job.plan.fits_slopes:
        of_slopes = slope_rows(job, task * rows, n, theta)
    backward_rows(job, job.phase.start, task * rows, n, job.phase.scale, theta, costs)
    if job.plan.fits_slopes:        # what the user says is added up elsewhere
        costs[0] = of_slopes if job.asks else costs[0] + of_slopes
    if job.plan.task == PRODUCT:
        tangent_rows(job, task * rows, n, theta)


cdef void _run_task(Job* job, Py_ssize_t task, int thread, real_t* theta) noexcept nogil:
    """A task of the phase that is open."""
    cdef int kind = job.phase.kind
    cdef const Shard* shard = &job.memory.shards[task]     # where it is one
    cdef double* sums = &job.memory.partial_sums[task]
    if kind == PREDICT_ROWS:
        predict_rows(job, task, thread, <const real_t*>theta)
    elif kind == JACOBIAN_ROWS:
        jacobian_rows(job, task, thread, <const real_t*>theta)
    elif kind == EXAMPLE_GRADIENTS:
        example_gradients(job, task, <const real_t*>theta)
    elif kind <= BACKWARD_ROWS:
        _run_rows(job, task, <const real_t*>theta)
    elif kind == ACCUMULATE and job.plan.task == PRODUCT:
        tangent_shard(job, shard, <const real_t*>theta)
    elif kind == ACCUMULATE:
        accumulate(job, shard, <const real_t*>theta)
    elif kind == PENALISE:
        sums[job.plan.n_shards] = penalise(job, shard, <const real_t*>theta, sums)
    elif kind == APPLY:
        apply_gradient(job, shard, theta)
    else:
        sums[0] = fused_update(job, shard, thread, theta)


cdef void _work(void* argument, Py_ssize_t task, int thread) noexcept nogil:
    """A task, for the pool's threads."""
    cdef Job* job = <Job*>argument
    if job.phase.kind == NORMAL_ROWS:       # of float64 alone, like the tiles
        normal_rows(job, task, thread, <const double*>job.theta)
    elif job.phase.kind == NORMAL_TILES:
        normal_tile(job, task)
    elif job.layout.is_single:
        _run_task[float](job, task, thread, <float*>job.theta)
    else:
        _run_task[double](job, task, thread, <double*>job.theta)


# ---------------------------------------------------------------- phases

cdef bint _poll_signals(Run run, double work) noexcept nogil:
    """Whether a signal handler has raised (Ctrl-C), looked at once in a while.

    work: multiplications until the next call.  What was raised is kept in the run: the caller
    unwinds, and its caller raises it.
    """
    run.work_done += work
    if run.work_done > TUNING.signal_work:
        run.work_done = 0
        with gil:
            _handle_signals(run)
    return run.raised


cdef void _handle_signals(Run run) noexcept:
    """Let the handlers run, without the generator's lock, since they may draw from it."""
    cdef bint handled = False
    cdef bint held = run.lock is None
    if not held:
        run.lock.release()
    while not handled or not held:
        try:
            if not handled:
                handled = True
                PyErr_CheckSignals()
            if not held:
                run.lock.acquire()      # which may be interrupted as well
                held = True
        except BaseException as error:
            run.error = error
            run.raised = True


cdef bint _run_phase(Run run, int kind, Py_ssize_t n, double work,
                     real_t* theta) noexcept nogil:
    """All n tasks of a phase, with the threads there are; False where a signal handler raised.

    work: multiplications in a task, where the phase may be left in the middle because it changes
    nothing that lasts: the leader then looks at the signals between its tasks, and once one has
    raised takes the tasks that are left and leaves them undone.  0: it may not.
    """
    cdef Job* job = &run.job
    cdef Py_ssize_t task = 0
    cdef bint stop = False
    cdef bint alone = job.pool.size == 1
    job.phase.kind = kind
    if not alone:
        bp_pool_open(&job.pool, n)
        task = bp_pool_take(&job.pool)
    while 0 <= task < n:
        if work > 0 and not stop:
            stop = _poll_signals(run, work)
        if not stop:
            _work(job, task, 0)
        if alone:
            task += 1
        else:
            bp_pool_done(&job.pool)
            task = bp_pool_take(&job.pool)
    if not alone:
        bp_pool_close(&job.pool, n)
    return not stop


cdef bint _ask_for_costs(Run run, double* total, real_t* theta) noexcept nogil:
    """`ask_for_costs`; False where the user's loss has raised."""
    with gil:
        try:
            ask_for_costs(&run.job, run.ask, total, theta)
        except BaseException as error:
            run.error = error
            run.raised = True
    return not run.raised


cdef bint _accumulates(const Job* job, Py_ssize_t n) noexcept nogil:
    """Whether the gradient of a batch of n rows is wanted as a whole."""
    return job.plan.task == GRADIENT or job.plan.task == PRODUCT or (
        job.plan.task == TRAIN
        and (n > job.plan.microbatch_rows or job.regularisation.clip != 0))


cdef bint _forward_backward_batch(Run run, Py_ssize_t start, Py_ssize_t n, double* cost,
                     real_t* theta) noexcept nogil:
    """Forward and back through the n rows of a batch, one microbatch after the other; the gradient
    too, where it is accumulated.  False where a signal handler raised.

    cost: out.
    """
    cdef Job* job = &run.job
    cdef Phase* phase = &job.phase
    cdef Py_ssize_t first = 0
    cdef Py_ssize_t n_blocks = 0
    cdef Py_ssize_t rows_per_task = job.plan.blocks_per_task * job.plan.block
    cdef double a_row = work_a_row(job)
    cdef bint whole = _accumulates(job, n)
    cdef double asked = 0.0
    while first < n:
        phase.start = start + first
        phase.rows = min(job.plan.microbatch_rows, n - first)
        phase.next_start = phase.start + phase.rows
        phase.first_cost = n_blocks
        if job.asks:
            if not _run_phase(run, FORWARD_ROWS, ceil_div(phase.rows, rows_per_task),
                              a_row * rows_per_task, theta) \
                    or not _ask_for_costs(run, &asked, theta):
                return False
        if not _run_phase(run, BACKWARD_ROWS if job.asks else TRAIN_ROWS,
                          ceil_div(phase.rows, rows_per_task), 2 * a_row * rows_per_task, theta):
            return False
        if whole:
            phase.add = first > 0
            if not _run_phase(run, ACCUMULATE, job.plan.n_shards,
                              a_row * phase.rows / job.plan.n_shards, theta):
                return False
        elif job.plan.task == PER_SAMPLE:
            # a number of new memory takes the time of some ten multiplications
            if not _run_phase(run, EXAMPLE_GRADIENTS, ceil_div(phase.rows, job.plan.block),
                              30 * a_row * job.plan.block, theta):
                return False
        n_blocks += ceil_div(phase.rows, job.plan.block)
        first += phase.rows
    cost[0] = asked
    if not job.asks or job.plan.fits_slopes:
        cost[0] += sum_of_rows(job.memory.costs, NULL, 0, n_blocks)
    return True


cdef bint _update(Run run, Py_ssize_t n, real_t* theta) noexcept nogil:
    """The step of a batch of n rows; False where a signal handler raised."""
    cdef Job* job = &run.job
    cdef Phase* phase = &job.phase
    cdef Py_ssize_t n_shards = job.plan.n_shards
    cdef const double* sums = job.memory.partial_sums
    cdef double norm
    cdef double work = work_a_row(job) * n
    phase.step = next_coefficients(run.optimizer, phase.step.t + 1, phase.step.mu_product)
    if _accumulates(job, n):
        norm = sqrt(sum_of_rows(sums, NULL, 0, n_shards))
        phase.factor = 1.0
        if job.regularisation.clip != 0 and norm > job.regularisation.clip:
            phase.factor = job.regularisation.clip / norm   # Pascanu, Mikolov and Bengio 2013
        _run_phase(run, APPLY, n_shards, 0, theta)
    else:
        work = work / n_shards if work > TUNING.signal_update_work else 0
        if not _run_phase(run, FUSED_UPDATE, n_shards, work, theta):
            return False
        job.penalty += sum_of_rows(sums, NULL, 0, n_shards) * (<double>n / job.n_rows)
    run.optimizer.t = phase.step.t
    run.optimizer.mu_product = phase.step.mu_product
    return True


cdef void _run_batches(Run run, real_t* theta) noexcept nogil:
    """Every batch, w^(1) being as it is to be.

    A batch whose weights are all zero changes nothing.  Training stops before the update at a
    cost that is not finite, which job.cost then shows, and where a signal handler has raised; an
    update that has begun is finished, unless it takes longer than one may wait.
    """
    cdef Job* job = &run.job
    cdef Py_ssize_t i, start, n
    cdef Py_ssize_t n_shards = job.plan.n_shards
    cdef double cost
    cdef const Examples* examples = &job.examples
    job.phase.step.t = run.optimizer.t
    job.phase.step.mu_product = run.optimizer.mu_product
    for i in range(ceil_div(job.n_rows, job.batch_size)):
        start = i * job.batch_size
        n = min(job.batch_size, job.n_rows - start)
        if sum_of_rows(examples.weights, examples.order, start, n) == 0:
            continue
        job.phase.scale = 1.0
        if job.plan.task != PER_SAMPLE and not job.sums:
            job.phase.scale /= sum_of_rows(examples.normalisers, examples.order, start, n)
        if not _forward_backward_batch(run, start, n, &cost, theta):
            return
        job.cost += cost * (<double>n / job.n_rows)
        if _accumulates(job, n) and (
                job.regularisation.l2 != 0 or job.regularisation.l1 != 0
                or job.regularisation.clip != 0):
            _run_phase(run, PENALISE, n_shards, 0, theta)
            job.penalty += sum_of_rows(job.memory.partial_sums + n_shards, NULL, 0, n_shards) \
                * (<double>n / job.n_rows)
        if job.plan.task == TRAIN:
            if not isfinite(cost) or not _update(run, n, theta):
                return


cdef void _run_normal(Run run, double* theta) noexcept nogil:
    """[J r]ᵀ[J r] over all rows, some of them at a time."""
    cdef Job* job = &run.job
    cdef Phase* phase = &job.phase
    cdef Py_ssize_t first = 0
    cdef double a_row = job.layout.n_parameters * (1.0 + job.plan.residuals)
    cdef double tiles = normal_tiles(job.layout)
    while first < job.n_rows:
        phase.start = first
        phase.rows = min(job.plan.normal_rows, job.n_rows - first)
        phase.add = first != 0
        if not _run_phase(run, NORMAL_ROWS, ceil_div(phase.rows, job.plan.block),
                          a_row * job.plan.block, theta) \
                or not _run_phase(run, NORMAL_TILES, <Py_ssize_t>tiles,
                                  a_row * job.layout.n_parameters * phase.rows / tiles, theta):
            return
        first += phase.rows


# ---------------------------------------------------------------- runs

cdef void _run_job(Run run, real_t* theta) noexcept nogil:
    """The whole job."""
    cdef Job* job = &run.job
    cdef const Layer* first = &job.layout.layers[0]
    cdef real_t* slot_1 = <real_t*>run.optimizer.slot_1
    cdef real_t* slot_2 = <real_t*>run.optimizer.slot_2
    cdef Py_ssize_t rows = job.plan.blocks_per_task * job.plan.block
    cdef double a_row = job.layout.n_parameters
    if job.plan.transposes and job.plan.task != PREDICT:
        transpose_in(first, &job.memory.sparse, <const real_t*>theta, slot_1, slot_2)
    if job.plan.task == PREDICT:
        _run_phase(run, PREDICT_ROWS, ceil_div(job.n_rows, rows), a_row * rows, theta)
    elif job.plan.task >= JACOBIAN:
        _run_phase(run, JACOBIAN_ROWS, ceil_div(job.n_rows, rows),
                   a_row * rows * (1 + job.layout.n_outputs), theta)
    else:
        _run_batches(run, theta)
    if job.plan.transposes and job.plan.task == TRAIN:
        transpose_out(first, &job.memory.sparse, theta, slot_1, slot_2)
    elif job.plan.transposes and job.plan.task == GRADIENT:
        transpose_gradient_out(first, &job.memory.sparse, <real_t*>job.gradient)


cdef class Run:
    """A job, its buffers and the threads that do it; the engine fills the job in."""

    cdef int take_workspace(self, Workspace workspace) except -1:
        """Work on these buffers, as their plan says."""
        self.workspace = workspace
        self.job.plan = workspace.plan
        self.job.memory = workspace.memory
        return 0

    cdef int take_given(self) except -1:
        """Take y for ∂C/∂a^(L), whatever the network's loss; what is found are sums."""
        self.given_layout = self.job.layout[0]
        self.given_layout.loss = given_loss()
        self.job.layout = &self.given_layout
        self.job.sums = True
        return 0

    cdef int run(self) except -1:
        """Do the job once; BLAS has one thread for each of its threads.

        Raises what a signal handler has raised meanwhile.
        """
        if self.job.plan.uses_blas:
            with one_blas_thread():
                return self._run_alone()
        return self._run_alone()

    cdef int _run_alone(self) except -1:
        """As `run`, whatever BLAS does."""
        try:
            self.start()
            with nogil:
                self.work()
            self.check()
        finally:
            self.join()
        return 0

    cdef int start(self) except -1:
        """Start the threads; they wait for `work`, which may come many times, and end with
        `join`, which has to come."""
        self.job.optimizer = <void*>self.optimizer
        self.pool = ThreadPool.__new__(ThreadPool)
        return self.pool.start(&self.job.pool, self.job.plan.n_threads, _work, &self.job)

    cdef void work(self) noexcept nogil:
        """Do the job, or as much of it as there is time for until a signal handler raises."""
        if self.job.plan.task == NORMAL:    # of float64 alone
            _run_normal(self, <double*>self.job.theta)
        elif self.job.layout.is_single:
            _run_job[float](self, <float*>self.job.theta)
        else:
            _run_job[double](self, <double*>self.job.theta)

    cdef int check(self) except -1:
        """Raise what a signal handler has raised meanwhile."""
        if self.raised:
            error, self.error, self.raised = self.error, None, False
            raise error
        return 0

    cdef void join(self) noexcept:
        """Let the threads end, and wait for it."""
        if self.pool is not None:
            self.pool.join()
