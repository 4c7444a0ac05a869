"""Methods that take all examples in every iteration: Levenberg-Marquardt and L-BFGS.

Each stands where a ``Training`` stands in a fit: entered, it has the network; ``run`` makes
iterations. They compute in double precision, on a copy of a network of float32.
"""

import contextlib
import time
import warnings
from collections import deque
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.linalg

from bpcore import checks as check
from bpcore._core.least_squares import LeastSquares
from bpcore._core.rows import Rows
from bpcore._core.threads import one_blas_thread
from bpcore._core.training import Diverged, Epoch

__all__ = [
    "SOLVERS",
    "Lbfgs",
    "LevenbergMarquardt",
    "Posterior",
    "Solver",
    "check_squares",
    "is_evidence",
    "l2_of",
    "make_solver",
    "refuse_parts",
]

# What C_k is of Σ (a - y)².
_FACTORS = {"quadratic": 1.0, "squared_error": 0.5}
# Of JᵀJ and its factor together.
_MOST_BYTES = 2**31
_PAIRS = 10


class Solver:
    """What both have in common.

    Parameters
    ----------
    network : Network
    rows, targets : Rows
    weights : ndarray of float64 or None
        s_k, of mean 1.
    l2 : float
        Penalty ½ l2 Σ w², divided by the number of examples.
    epochs : int
        How many iterations a run may make.

    Attributes
    ----------
    converged : str or None
        Why no iteration is worth while any more.
    iterations : int
        Made so far.
    """

    order = None

    def __init__(
        self,
        network: Any,
        rows: Rows,
        targets: Rows,
        weights: np.ndarray | None,
        *,
        l2: float = 0.0,
        epochs: int = 1,
    ) -> None:
        self.network, self.rows, self.targets, self.weights = network, rows, targets, weights
        self.l2 = l2
        self.is_double = network.dtype == np.float64
        self.twin = network if self.is_double else network.astype(np.float64)
        # θ of float32 is rounded after every iteration: no bit depends on how long one takes
        self.epochs = epochs if self.is_double else 1
        self.iterations = 0
        self.converged: str | None = None

    def __enter__(self) -> Self:
        self.network._begin_fit()
        return self

    def __exit__(self, *exception: object) -> None:
        self.network._end_fit()

    def run(self, most: int = 1, seed: int = 0, done: list[Epoch] | None = None) -> list[Epoch]:
        """At least one iteration, at most `most`, until it has converged; see ``Training``."""
        done = [] if done is None else done
        before, theta = len(done), self.network.parameters.copy()
        if not self.is_double:
            self.twin.parameters[:] = theta
        try:
            self._run(most, done)
        finally:
            self.iterations += len(done) - before
            if not self.is_double:
                with np.errstate(over="ignore"):
                    self.network.parameters[:] = self.twin.parameters
        if not np.isfinite(self.network.parameters).all():
            self.network.parameters[:] = theta
            raise Diverged(done.pop().cost)
        return done

    def _run(self, most: int, done: list[Epoch]) -> None:
        raise NotImplementedError


def check_squares(network: Any) -> float:
    """What the network's loss is of Σ (a - y)²; refused where it is none, or θ is too long."""
    factor = _FACTORS.get(network._loss_name)
    if factor is None:
        raise ValueError(
            "lm takes a loss that is a sum of squares, quadratic or squared_error: this "
            f"network's is {network.loss if network._loss_name else 'a function'}; lbfgs takes any"
        )
    n = network.n_parameters
    size = 2 * 8 * (n + 1) ** 2
    if size > _MOST_BYTES:
        raise ValueError(
            f"lm keeps JᵀJ and its factor, {n:,} × {n:,} numbers each: {size / 2**30:.1f} GiB, "
            f"of which {_MOST_BYTES / 2**30:.0f} are allowed. Take lbfgs, adam or fewer units"
        )
    return factor


class Posterior(NamedTuple):
    """What the evidence has found: the penalty, γ, σ, and how sure the data make of θ.

    Attributes
    ----------
    l2 : float
    effective : float
        γ.
    noise : float
        σ of an example of weight 1.
    root : ndarray of float64, shape (n_parameters, n_parameters), or None
        R, with R Rᵀ the covariance of θ; None where the rows leave an output's bias open.
    """

    l2: float
    effective: float
    noise: float
    root: np.ndarray | None


class LevenbergMarquardt(Solver):
    """Levenberg's and Marquardt's iterations, all of them in the engine.

    Parameters
    ----------
    tol : float
        The relative change of the cost, or of θ, at which it has converged.
    evidence : bool
        Whether l2 is found from the data.
    examples : float
        How many examples the rows count for; 0: as many as there are.

    See ``Solver`` for the others.
    """

    def __init__(
        self,
        *arguments: Any,
        tol: float = 1e-8,
        evidence: bool = False,
        examples: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.squares = LeastSquares(
            self.twin, self.rows, self.targets, sample_weight=self.weights, l2=self.l2, ftol=tol,
            xtol=tol, half=check_squares(self.network), epochs=self.epochs, evidence=evidence,
            examples=examples,
        )  # fmt: skip
        self.mean_weight = examples / len(self.rows) if examples else 1.0

    def go_on(self, damping: float = 0.0, state: Any = None) -> None:
        """Begin with what another fit has ended with: the damping, or with evidence all of it."""
        self.squares.state = np.array([damping, 2.0, 1.0]) if state is None else state

    def posterior(self) -> Posterior:
        """Of the evidence at θ."""
        if not self.is_double:
            self.twin.parameters[:] = self.network.parameters
        l2, effective, noise, A = self.squares.posterior()
        scale, root = self.mean_weight, None
        with one_blas_thread(), contextlib.suppress(scipy.linalg.LinAlgError):
            factor = scipy.linalg.cholesky(A)
            root = scipy.linalg.solve_triangular(factor, np.eye(len(A)))
            root = np.ascontiguousarray(np.sqrt(noise) * root)
        return Posterior(l2 * scale, effective, np.sqrt(noise * scale), root)

    def __enter__(self) -> Self:
        if not self.is_double:
            super().__enter__()
        try:
            self.squares.__enter__()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        if self.squares.is_entered:
            self.squares.__exit__()
        if not self.is_double:
            super().__exit__()

    def _run(self, most: int, done: list[Epoch]) -> None:
        self.squares.run(most, 0, done)
        self.converged = self.squares.converged


class Lbfgs(Solver):
    """The quasi-Newton method of limited memory (Nocedal 1980; Liu and Nocedal 1989).

    The direction comes from the last changes of θ and of the gradient; the length of the step from
    SciPy's line search, by Wolfe's strong conditions.

    Parameters
    ----------
    tol : float
        The relative reduction of the cost at which it has converged, and the largest entry of
        the gradient.

    See ``Solver`` for the others.
    """

    def __init__(self, *arguments: Any, tol: float = 1e-8, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.tol = tol
        self.pairs: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=_PAIRS)
        self.at: tuple[np.ndarray, float, float, np.ndarray] | None = None
        self.seen: tuple[np.ndarray, float, float, np.ndarray] | None = None

    def _run(self, most: int, done: list[Epoch]) -> None:
        start = time.perf_counter()
        with one_blas_thread(), np.errstate(over="ignore", invalid="ignore"):
            for _ in range(most):
                begun = time.perf_counter()
                cost, penalty, length = self._iterate()
                done.append(Epoch(cost, penalty, length, time.perf_counter() - begun))
                if self.converged is not None or time.perf_counter() > start + 0.01:
                    return

    def _look(self, theta: np.ndarray) -> tuple[np.ndarray, float, float, np.ndarray]:
        """(θ, cost, penalty, gradient), the last one kept: a line search asks for both in turn."""
        if self.seen is None or not np.array_equal(self.seen[0], theta):
            own = self.twin.parameters
            before = own.copy()
            own[:] = theta
            try:
                found = self.twin._cost_gradient(self.rows, self.targets, self.weights, l2=self.l2)
            finally:
                own[:] = before
            self.seen = (theta.copy(), *found)
        return self.seen

    def _direction(self, gradient: np.ndarray) -> np.ndarray:
        """-H ∇C by the two loops over the pairs (Nocedal 1980)."""
        q = gradient.copy()
        factors = []
        for s, y in reversed(self.pairs):
            alpha = (s @ q) / (s @ y)
            factors.append(alpha)
            q -= alpha * y
        if self.pairs:
            s, y = self.pairs[-1]
            q *= (s @ y) / (y @ y)
        for (s, y), alpha in zip(self.pairs, reversed(factors), strict=True):
            q += (alpha - (y @ q) / (s @ y)) * s
        return -q

    def _length(
        self, theta: np.ndarray, direction: np.ndarray, gradient: np.ndarray, cost: float
    ) -> float | None:
        """How far to go, by Wolfe's conditions; None where the search finds nothing."""
        import scipy.optimize  # here, since it takes as long as all else that `import bpcore` does

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            length: float | None = scipy.optimize.line_search(
                lambda t: sum(self._look(t)[1:3]), lambda t: self._look(t)[3],
                theta, direction, gfk=gradient, old_fval=cost, maxiter=25,
            )[0]  # fmt: skip
        return length

    def _iterate(self) -> tuple[float, float, float]:
        """One step; its cost, penalty and length."""
        theta = self.twin.parameters.copy()
        if self.at is None or not np.array_equal(self.at[0].astype(self.network.dtype), theta):
            self.pairs.clear()  # somebody has moved θ
            self.at = self._look(theta)
        elif not self.is_double:
            self.at = self._look(theta)
        _, cost, penalty, gradient = self.at
        if not np.isfinite(cost + penalty) or not np.isfinite(gradient).all():
            raise Diverged(cost)
        largest = float(np.abs(gradient).max())
        if largest <= self.tol**2:
            self.converged = "the gradient is nothing"
            return cost, penalty, 0.0
        direction = self._direction(gradient)
        if not self.pairs:
            direction /= max(1.0, float(np.abs(gradient).sum()))
        length = self._length(theta, direction, gradient, cost + penalty)
        if length is None:
            if self.pairs:  # the memory has led astray: once more along the gradient
                self.pairs.clear()
                return cost, penalty, 0.0
            self.converged = "no step makes the cost less"
            return cost, penalty, 0.0
        self.at = self._look(theta + length * direction)
        moved, change = self.at[0] - theta, self.at[3] - gradient
        if moved @ change > 1e-10 * (change @ change):
            self.pairs.append((moved, change))
        before, now = cost + penalty, self.at[1] + self.at[2]
        if before - now <= self.tol * abs(before):
            self.converged = "the cost changes no more"
        self.twin.parameters[:] = self.at[0]
        return self.at[1], self.at[2], float(length)


SOLVERS: dict[str, Any] = {"lm": LevenbergMarquardt, "lbfgs": Lbfgs}


def make_solver(network: Any, settings: Any) -> tuple[str | None, dict[str, Any]]:
    """(name, options) of the method that a fit's arguments ask for; (None, {}) for an optimizer."""
    name, options = settings.optimizer, {}
    if isinstance(name, tuple | list) and len(name) == 2 and isinstance(name[1], dict):
        name, options = name
    evidence = {"evidence": True} if is_evidence(settings.l2) else {}
    if evidence and name != "lm":
        raise ValueError(
            f"l2='evidence' is found by lm alone, got the optimizer {name!r}: take "
            "optimizer='lm', or give l2 as a number"
        )
    if evidence and settings.dY_dX is not None:
        raise ValueError(
            "l2='evidence' knows one level of noise, that of Y, and takes no dY_dX: give l2 as a "
            "number"
        )
    if not isinstance(name, str) or name not in SOLVERS:
        return None, {}
    if unknown := sorted(set(options) - {"tol"}):
        raise ValueError(f"{name} has no option {', '.join(unknown)}; there is tol")
    options = {key: check.as_number(value, f"{name}: {key}") for key, value in options.items()}
    for what in ("learning_rate", "schedule", "clip_norm", "rate_factors", "input_scale"):
        if getattr(settings, what) is not None:
            raise ValueError(f"{name} takes no {what}, got {getattr(settings, what)!r}")
    refuse_parts(name, network, l1=settings.l1, weight_decay=settings.weight_decay)
    return name, options | evidence


def is_evidence(l2: Any) -> bool:
    """Whether a penalty is to be found from the data."""
    return isinstance(l2, str) and l2 == "evidence"


def l2_of(l2: Any) -> float:
    """The number that a fit was given, 0 where it is to be found."""
    if isinstance(l2, str) and l2 != "evidence":
        raise ValueError(f"l2 must be a number or 'evidence', got {l2!r}")
    return 0.0 if is_evidence(l2) else check.as_number(l2, "l2")


def refuse_parts(name: str, network: Any, **numbers: Any) -> None:
    """Refuse what has no meaning where every iteration takes all examples alike."""
    for what, value in (*numbers.items(), ("dropout", network.dropout)):
        if np.any(np.asarray(value) != 0):
            raise ValueError(f"{name} takes no {what}, got {value!r}")
    if name == "lm":
        check_squares(network)
