"""Levenberg and Marquardt's iteration on the sum of squares, in double precision.

(JᵀJ + λ + μ) p = -(Jᵀr + λ θ).  μ begins as a share of the mean of JᵀJ's diagonal, and moves by how
much of the reduction that the linear model promises has come (Nielsen 1999).  λ is ½ l2 over the
loss's factor.

One μ for all parameters, as Levenberg had it: those of a network are of one scale.  With Moré's, a
scale for each parameter, a pendulum's 3-8-1 comes to a root mean square error of 7.4e-4 in 100
iterations, with one μ to 2.0e-4 (medians of 16 seeds).
"""

import time
from contextlib import ExitStack

import numpy as np

from bpcore._core.threads import one_blas_thread
from bpcore._core.training import Diverged, Epoch

cimport numpy as cnp
from libc.float cimport DBL_EPSILON, DBL_MAX
from libc.math cimport fabs, isfinite, sqrt
from libc.string cimport memcpy, memset
from scipy.linalg.cython_lapack cimport dpotrf, dpotrs

from bpcore._core.evidence cimport determined
from bpcore._core.job cimport COST, NORMAL
from bpcore._core.plan cimport Request
from bpcore._core.tuning cimport TUNING

cnp.import_array()

# The share of the promised reduction from which on a step is taken, as MINPACK has it.
cdef double LEAST_GAIN = 1e-4
# Beyond it a step is nothing.
cdef double MOST_DAMPING = 1e30
# λ over the trace of JᵀJ: beyond it nothing is left of θ.
cdef double MOST_PENALTY = 1e6
# The first λ is so much of what the evidence says at θ⁰, where it takes for noise what has not been
# learned yet.  λ stays below as long as iterations gain more than a thousandth: else the weights of
# some problems vanish before they have learned anything (sinc of the benchmark, from 0.1 on).
cdef double FIRST_PENALTY = 0.03
cdef double SETTLED = 1e-3


cdef inline double* _numbers(cnp.ndarray array) noexcept:
    return <double*>cnp.PyArray_DATA(array)


cdef class LeastSquares:
    """A network, the rows that it is fitted to, and the matrices of the normal equations.

    As ``Training`` is used: within a ``with`` block the network is claimed, and ``run`` makes
    iterations, each on all rows.

    Parameters
    ----------
    network : Engine
        Of float64; its loss is a sum of squares.
    x, y : Rows
    sample_weight : ndarray of float64, shape (n,), or None
        s_k, of mean 1.
    half : float
        C_k is half Σ_j (a_j - y_j)².
    l2 : float
        Penalty ½ l2 Σ w², divided by the number of rows.
    evidence : bool
        Whether l2 is found from the data, anew after each step.  It then holds for all of θ but the
        biases of the outputs: those only say where the targets' zero lies, while the bias of a
        hidden unit that is not used has nothing else to hold it.
    examples : float
        How many examples the rows count for, by their weights; 0: as many as there are.
    damping : float
        μ before the first iteration, as a share of the mean of JᵀJ's diagonal.
    ftol, xtol : float
        The relative reduction of the cost, or change of θ, at which it has converged.
    epochs : int
        How many iterations a run may make.
    """

    def __init__(self, Engine network, Rows x, Rows y, *, cnp.ndarray sample_weight=None,
                 double half=1.0, double l2=0.0, bint evidence=False, double examples=0.0,
                 double damping=1e-3, double ftol=1e-8, double xtol=1e-8, Py_ssize_t epochs=1):
        cdef Py_ssize_t n = network.layout.n_parameters
        if network.layout.is_single:
            raise ValueError("least squares are for networks of float64")
        self.network, self.x, self.y, self.sample_weight = network, x, y, sample_weight
        self.half, self.l2 = half, l2
        self.evidence, self.estimates = evidence, []
        self.residuals = (examples or x.view.n_rows) * network.layout.n_outputs
        self.first_damping = self.damping = damping
        self.growth, self.ftol, self.xtol = 2.0, ftol, xtol
        self.epochs, self.squares = epochs, -1.0
        self.normal, self.factor = np.empty((n + 1, n + 1)), np.empty((n + 1, n + 1))
        self.step, self.trial, self.penalised = np.empty(n), np.empty(n), np.zeros(n)
        for l in range(network.layout.n_layers):
            layer = network.layout.layers[l]
            self.penalised[layer.w:layer.w + layer.n_in * layer.n_out] = 1
        if evidence:
            self.penalised[:n - network.layout.n_outputs] = 1
        self._prepare()

    def _prepare(self):
        cdef Request request
        cdef Run run
        for task in (NORMAL, COST):
            run = self.network._run(task, self.x, self.y, self.sample_weight)
            request = self.network._request(task, self.x.view.n_rows)
            request.fits_slopes = self.network._point_slopes(run, self.y)
            run.take_workspace(self.network._workspace(&request, self.x, run.optimizer))
            if task == NORMAL:
                run.job.out = cnp.PyArray_DATA(self.normal)
                run.job.examples.slope_weight /= self.half     # of a sum of squares
                self.normal_run = run
            else:
                self.cost_run = run

    @property
    def state(self):
        """What the next iteration depends on, beside θ: μ, ν, whether μ has its unit; with evidence
        l2 and what λ has to stay below."""
        numbers = [self.damping, self.growth, self.is_scaled]
        return np.array(numbers + [self.l2, self.ceiling] if self.evidence else numbers)

    @state.setter
    def state(self, numbers):
        self.damping, self.growth, self.is_scaled = numbers[:3]
        if self.evidence and len(numbers) > 3:
            self.l2, self.ceiling = numbers[3:]
        self.squares = -1.0
        self.is_linearised = False
        self.converged = None

    def __enter__(self):
        """Claim the network, and hold BLAS at one thread."""
        self.network._begin_fit()
        self.blas = ExitStack()
        self.is_entered = True
        try:
            self.blas.enter_context(one_blas_thread())
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *exception):
        """Give the network back."""
        self.is_entered = False
        try:
            self.blas.close()
        finally:
            self.network._end_fit()

    def run(self, Py_ssize_t most=1, seed=0, list done=None):
        """At least one iteration, and more until `most` are done, it has converged, or a hundredth
        of a second is over.

        Returns
        -------
        list of Epoch
            ``done`` where that is given.  The cost is that which the iteration has reached.

        Raises
        ------
        Diverged
            If the cost at θ is not finite.
        """
        cdef double begun
        if done is None:
            done = []
        self.network._check_idle()
        # θ may have been changed since
        self.squares = -1.0
        self.is_linearised = False
        memset(&self.normal_run.job.pool, 0, sizeof(self.normal_run.job.pool))
        memset(&self.cost_run.job.pool, 0, sizeof(self.cost_run.job.pool))
        self.network.training = True
        try:
            self.normal_run.start()
            self.cost_run.start()
            begun = time.perf_counter()
            while most > 0 and self.converged is None:
                done.append(self._iterate())
                most -= 1
                if time.perf_counter() >= begun + TUNING.seconds_in_engine:
                    break
        finally:
            self.network._end_training()
            try:
                self.normal_run.join()
            finally:
                self.cost_run.join()
        return done

    # ------------------------------------------------------------ one iteration

    cdef object _iterate(self):
        """One iteration: steps are tried until one makes the cost less, or none can."""
        cdef double cost, start
        cdef double n = self.x.view.n_rows
        start = time.perf_counter()
        if self.squares < 0:
            self.squares = self._squares(<const double*>self.network.theta)
            if not isfinite(self.squares):
                raise Diverged(self.squares)
        if not self.is_linearised:
            self._linearise()
        if self.evidence and self.l2 == 0:
            self._estimate()
        while self.converged is None and not self._try_step():
            pass
        if self.evidence:
            self._go_by_evidence()
        cost = self.squares * self.half / n
        return Epoch(cost, 0.5 * self.l2 * self._penalty(<const double*>self.network.theta) / n,
                     self.damping, time.perf_counter() - start)

    cdef int _do(self, Run run) except -1:
        """Do the job of a run with the threads that it has."""
        with nogil:
            run.work()
        return run.check()

    cdef double _squares(self, const double* theta) except? -1:
        """Σ s_k Σ_j (a_j - y_j)² at θ."""
        self.cost_run.job.theta = <void*>theta
        self.cost_run.job.cost = 0.0
        self._do(self.cost_run)
        return self.cost_run.job.cost * self.x.view.n_rows / self.half

    cdef double _penalty(self, const double* theta) noexcept:
        """Σ w² of what is penalised."""
        cdef Py_ssize_t i
        cdef double total = 0.0
        cdef const double* counts = _numbers(self.penalised)
        for i in range(self.network.layout.n_parameters):
            total += counts[i] * theta[i] * theta[i]
        return total

    cdef int _linearise(self) except -1:
        """JᵀJ, Jᵀr at θ."""
        self._do(self.normal_run)
        self.is_linearised = True
        if not self.is_scaled:
            self.damping *= self._curvature()
            self.is_scaled = True
        return 0

    cdef double _curvature(self) noexcept:
        """The mean of JᵀJ's diagonal; 1 where that is nothing."""
        cdef Py_ssize_t i
        cdef Py_ssize_t n = self.network.layout.n_parameters
        cdef double mean = 0.0
        for i in range(n):
            mean += _numbers(self.normal)[i * (n + 1) + i] / n
        return mean if 0 < mean < DBL_MAX else 1.0

    cdef bint _solve(self) noexcept:
        """step = p; False where the matrix is not positive definite."""
        cdef Py_ssize_t i
        cdef Py_ssize_t n = self.network.layout.n_parameters
        cdef int size = <int>n
        cdef int ld = size + 1
        cdef int one = 1
        cdef int info = 0
        cdef char triangle = b"L"       # Fortran's, the upper one here
        cdef double penalty = 0.5 * self.l2 / self.half
        cdef const double* a = _numbers(self.normal)
        cdef const double* counts = _numbers(self.penalised)
        cdef const double* theta = <const double*>self.network.theta
        cdef double* m = _numbers(self.factor)
        cdef double* p = _numbers(self.step)
        memcpy(m, a, n * (n + 1) * sizeof(double))
        for i in range(n):
            m[i * (n + 1) + i] += counts[i] * penalty + self.damping
            p[i] = -(a[i * (n + 1) + n] + counts[i] * penalty * theta[i])
        with nogil:
            dpotrf(&triangle, &size, m, &ld, &info)
            if info == 0:
                dpotrs(&triangle, &size, &one, m, &ld, p, &size, &info)
        return info == 0

    cdef bint _try_step(self) except -1:
        """One step from θ, taken where the cost becomes less; μ moves either way.

        Sets `converged` where no further step is worth while.
        """
        cdef Py_ssize_t i
        cdef Py_ssize_t n = self.network.layout.n_parameters
        cdef double penalty = 0.5 * self.l2 / self.half
        cdef double promised = 0.0
        cdef double moved = 0.0
        cdef double size = 0.0
        cdef double total, squares, gained, gain
        cdef const double* a = _numbers(self.normal)
        cdef const double* p = _numbers(self.step)
        cdef const double* counts = _numbers(self.penalised)
        cdef double* theta = <double*>self.network.theta
        cdef double* trial = _numbers(self.trial)
        if not self._solve():
            return self._rejected()
        for i in range(n):
            trial[i] = theta[i] + p[i]
            promised += p[i] * (self.damping * p[i] - a[i * (n + 1) + n]
                                - counts[i] * penalty * theta[i])
            moved += p[i] * p[i]
            size += theta[i] * theta[i]
        total = self.squares + penalty * self._penalty(theta)
        squares = self._squares(trial)
        gained = total - squares - penalty * self._penalty(trial)
        self.gained = gained / total if total > 0 else 0.0
        gain = gained / promised if promised > 0 else 0.0
        if not isfinite(gained):
            return self._rejected()
        if fabs(gained) <= self.ftol * total and promised <= self.ftol * total and gain <= 2:
            self.converged = "the cost changes no more"
        elif moved <= self.xtol * self.xtol * size:
            self.converged = "the parameters change no more"
        if gain < LEAST_GAIN or gained <= 0:
            return self._rejected()
        memcpy(theta, trial, n * sizeof(double))
        self.squares = squares
        self.is_linearised = False
        # Nielsen 1999: a smooth cubic from 1/3 where all has come to 2 where nothing has
        self.damping *= max(1.0 / 3, 1 - (2 * gain - 1) ** 3)
        self.damping = max(self.damping, 1e-300)
        self.growth = 2.0
        return True

    def _rejected(self):
        """μ grows the faster, the more steps in a row were no good."""
        self.damping *= self.growth
        self.growth *= 2
        if not self.damping < MOST_DAMPING:
            self.damping = MOST_DAMPING
            self.converged = self.converged or "no step makes the cost less"
        return False

    # ------------------------------------------------------------ the penalty from the data

    cdef int _go_by_evidence(self) except -1:
        """After an iteration: another λ, with which it may go on where it had converged."""
        cdef double moved
        if not self.is_linearised:
            self._linearise()
        if self.converged is not None or self.gained < SETTLED:
            self.ceiling = DBL_MAX
        moved = self._estimate()
        self.estimates.append((self.l2, self.effective, self.noise))
        # at its maximum the evidence is flat: a change by ε alters it by ε²
        if self.converged is not None and moved > sqrt(self.ftol):
            self.converged = None
            self.growth = 2.0
            if self.damping >= MOST_DAMPING:
                self.damping = self.first_damping * self._curvature()
        return 0

    cdef double _estimate(self) except -1:
        """γ, σ² and λ from the curvature at θ; by how much, as a share, λ has changed.

        γ = n_parameters - λ tr(D A⁻¹), σ² = Σ r² / (n_residuals - γ), λ = σ² (γ - n_free) / Σ θ²,
        with A = JᵀJ + λ D, D being 1 where the penalty holds and 0 for the n_free others.
        """
        cdef double n = self.network.layout.n_parameters
        cdef double weights = self._penalty(<const double*>self.network.theta)
        cdef double trace = self._curvature() * n
        cdef double before = self.l2
        cdef double penalty = 0.5 * before / self.half
        cdef double used = determined(
            _numbers(self.normal), _numbers(self.factor), _numbers(self.penalised),
            self.network.layout.n_parameters, penalty)
        if used >= 0 and before > 0:
            self.effective = used + n - self.penalised.sum()
            self.noise = self.squares / max(self.residuals - self.effective,
                                            DBL_EPSILON * self.residuals)
            penalty = self.noise * used / weights if weights > 0 else DBL_MAX
        elif before > 0:
            penalty *= 10       # it was lost in rounding
        else:
            penalty = self.squares / self.residuals * self.penalised.sum() / max(weights, 1e-300)
            self.ceiling = penalty = FIRST_PENALTY * penalty
        penalty = max(min(penalty, self.ceiling, MOST_PENALTY * trace), DBL_EPSILON * trace)
        self.l2 = 2 * penalty * self.half
        return fabs(self.l2 - before) / self.l2

    def posterior(self):
        """(l2, γ, σ², A) of the evidence at θ, whatever λ has led there.

        A = JᵀJ + λ D is the inverse of the parameters' covariance, times σ².
        """
        cdef Py_ssize_t n = self.network.layout.n_parameters
        self.normal_run.run()
        self.squares, self.ceiling = self.normal[n, n], DBL_MAX
        with one_blas_thread():
            for _ in range(100):
                if self._estimate() < 1e-10:
                    break
        A = np.triu(self.normal[:n, :n])
        A += np.triu(A, 1).T + np.diag(0.5 * self.l2 / self.half * self.penalised)
        return self.l2, self.effective, self.noise, A
