"""The members of an ensemble: each a network, trained on all folds but one, side by side.

A member is a task for a thread: the engine works without the interpreter, the rows are one table
for all of them, and what a member draws comes from a seed of its own. So the bits of an ensemble do
not depend on how many threads there are.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bpcore._core.rows import Rows
from bpcore._core.training import Diverged, Epoch, Training
from bpcore.exceptions import DivergenceError
from bpcore.network import Network
from bpcore.network.epochs import Sampler, epochs, follow
from bpcore.network.optimizer import make_optimizer
from bpcore.tabular import recipe
from bpcore.tabular.initial import draw

__all__ = ["Member", "Problem", "Progress", "train"]

# Of a time limit, what is left for the predictions of the last epoch and the like.
_MARGIN = 0.97


@dataclass(frozen=True)
class Progress:
    """What a callback is told after an epoch.

    Attributes
    ----------
    member, epoch : int
        From 1 on.
    epochs : int
        How many this member is to have.
    cost : float
        Of the training rows, with the penalty.
    score : float or None
        Of the validation rows; larger is better. None where there are none.
    """

    member: int
    epoch: int
    epochs: int
    cost: float
    score: float | None


@dataclass(eq=False, repr=False)
class Problem:
    """Encoded rows and what is to be learned from them, the same for every member.

    Attributes
    ----------
    X : ndarray of shape (n, n_inputs), float32
        The rows of a fold stand together.
    Y : ndarray of shape (n, n_outputs), float32
    weights : ndarray of shape (n,) or None
    folds : list of slice
        Rows that a member leaves out; empty where all train.
    validation : (X, Y, weights) or None
        Rows of the user's own to look at instead.
    score : callable
        (outputs, Y, weights) → a tuple that grows with how good they are.
    output_activation, loss : str
    hidden : tuple of int
    """

    X: np.ndarray
    Y: np.ndarray
    weights: np.ndarray | None
    folds: list[slice]
    validation: tuple[np.ndarray, np.ndarray, np.ndarray | None] | None
    score: Callable[..., tuple[float, ...]]
    output_activation: str
    loss: Any
    hidden: tuple[int, ...]
    epochs: int
    batch_size: int
    learning_rate: float
    dropout: float
    smooth: Callable[[np.ndarray], np.ndarray]
    # asked after every epoch of every member, one at a time; a true answer ends the fit
    after_epoch: Callable[[Progress], bool] | None = None
    deadline: float | None = None
    targets: Rows = field(init=False)

    def __post_init__(self) -> None:
        self.rows = Rows(self.X)
        self.targets = Rows(self.smooth(self.Y))
        self.lock = threading.Lock()
        self.ended = False

    def is_over(self) -> bool:
        """Whether a callback or the deadline has ended the fit."""
        return self.ended or (self.deadline is not None and time.monotonic() >= self.deadline)

    @property
    def sizes(self) -> list[int]:
        """(n_0, …, n_L)."""
        return [self.X.shape[1], *self.hidden, self.Y.shape[1]]

    def held_out(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None] | None:
        """The rows that member k is looked at with; None where there are none."""
        if self.validation is not None or not self.folds:
            return self.validation
        rows = self.folds[k % len(self.folds)]
        return self.X[rows], self.Y[rows], None if self.weights is None else self.weights[rows]

    def order(self, k: int) -> np.ndarray:
        """The rows that member k learns from."""
        rows = np.arange(len(self.X), dtype=np.intp)
        if self.validation is not None or not self.folds:
            return rows
        return np.delete(rows, self.folds[k % len(self.folds)])


@dataclass
class Member:
    """A trained network and the record of its training.

    Attributes
    ----------
    network : Network
        With the weights of its best epoch.
    costs, scores : list of float
        An entry an epoch; scores are those of the validation rows.
    best_epoch : int
        From 1 on.
    is_whole : bool
        Whether no callback, other member or deadline cut it short.
    is_late : bool
        Whether the fit was over before its first epoch was.
    number : int
        Which one it is, from 0 on.
    """

    network: Network
    costs: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    best_epoch: int = 0
    is_whole: bool = True
    is_late: bool = False
    number: int = 0


class _Best:
    """The best epoch so far: of equal ones the last."""

    def __init__(self) -> None:
        self.score: tuple[float, ...] | None = None
        self.theta: np.ndarray | None = None

    def see(self, score: tuple[float, ...], theta: np.ndarray) -> bool:
        """Keep θ if it is as good as any before."""
        if not np.isfinite(score).all() or (self.score is not None and score < self.score):
            return False
        self.score = score
        if self.theta is None:
            self.theta = theta.copy()
        else:
            np.copyto(self.theta, theta)
        return True


def train_member(problem: Problem, k: int, seed: Any, n_threads: int, n_epochs: int) -> Member:
    """Train member k.

    Raises
    ------
    DivergenceError
        If its cost leaves the finite numbers before one epoch was good.
    """
    rng = np.random.default_rng(seed)
    network = Network(
        problem.sizes, activation=recipe.ACTIVATION,
        output_activation=problem.output_activation, loss=problem.loss, init="zeros",
        random_state=rng, dropout=problem.dropout, n_threads=n_threads,
    )  # fmt: skip
    order = problem.order(k)
    draw(network, problem.X, rng)
    batch_size = min(problem.batch_size, len(order))
    weights = problem.weights
    if weights is not None:
        weights = weights / weights[order].mean()
    optimizer = make_optimizer(
        ("adam", {"beta_2": recipe.BETA_2}), problem.learning_rate, recipe.SCHEDULE, n_epochs,
        -(-len(order) // batch_size),
    )  # fmt: skip
    training = Training(
        network, problem.rows, problem.targets, optimizer, batch_size=batch_size, order=order,
        sample_weight=weights, weight_decay=recipe.WEIGHT_DECAY,
        rate_factors=recipe.rate_factors(problem.sizes), input_scale=recipe.SCALE_RATE,
    )  # fmt: skip
    member, best = Member(network, number=k), _Best()
    held_out = problem.held_out(k)

    def record(epoch: Epoch) -> None:
        member.costs.append(epoch.cost + epoch.penalty)
        if held_out is None:
            member.best_epoch = len(member.costs)
            return
        a = outputs_of(network, held_out[0])
        score = problem.score(a, *held_out[1:])
        member.scores.append(score[0])
        if best.see(score, network.parameters):
            member.best_epoch = len(member.costs)

    def ended(_: Epoch) -> bool:
        member.is_late = problem.is_over() and len(member.costs) == 1
        if problem.after_epoch is not None:
            score = member.scores[-1] if member.scores else None
            told = Progress(k + 1, len(member.costs), n_epochs, member.costs[-1], score)
            with problem.lock:
                problem.ended = problem.ended or problem.after_epoch(told)
        return problem.is_over()

    sampler = Sampler(rng, order, problem.dropout > 0)
    try:
        with training:
            member.is_whole = not follow(epochs(training, sampler, n_epochs), [record, ended])
    except Diverged as error:
        if best.theta is None:
            raise DivergenceError(
                f"training diverged in epoch {len(member.costs) + 1} (cost {error.cost}): try a "
                "smaller learning_rate"
            ) from None
    if best.theta is not None:
        np.copyto(network.parameters, best.theta)
    return member


def outputs_of(network: Network, X: np.ndarray) -> np.ndarray:
    """a^(L) of rows in float32, of each the same bits among any others."""
    a = np.empty((len(X), network.layer_sizes[-1]), dtype=network.dtype)
    network._predict_into(Rows(X), a, alike=True)
    return a


def _epochs_within(problem: Problem, seeds: list[Any], waves: int, n_threads: int) -> int:
    """How many epochs a member can have before the deadline, told by one that is thrown away."""
    if problem.deadline is None:
        return problem.epochs
    start = time.monotonic()
    callback, problem.after_epoch = problem.after_epoch, None
    train_member(problem, 0, seeds[0], n_threads, 1)
    problem.after_epoch = callback
    now = time.monotonic()
    fit = int(_MARGIN * (problem.deadline - now) / (waves * (now - start)))
    return max(1, min(problem.epochs, fit))


def train(
    problem: Problem,
    n_members: int,
    seed: np.random.SeedSequence,
    n_jobs: int,
    checkpoints: Any = None,
) -> list[Member]:
    """Train the members, at most ``n_jobs`` at a time.

    Those that ``checkpoints`` has are taken from there, the others are told to it as they end. An
    exception, Ctrl-C too, ends all of them. Those whose first epoch the end of the fit comes before
    are left out, unless there are no others: they would count as much as the trained ones.
    """
    seeds = seed.spawn(n_members)
    side_by_side = min(n_jobs, n_members)
    waves = -(-n_members // side_by_side)
    n_threads = max(1, n_jobs // side_by_side)
    n_epochs = _epochs_within(problem, seeds, waves, n_threads)
    known = {} if checkpoints is None else dict(checkpoints.members)

    def member(k: int) -> Member | None:
        if k in known:
            return known[k]
        if k > 0 and problem.is_over():
            return None  # there is another one, which has begun
        one = train_member(problem, k, seeds[k], n_threads, n_epochs)
        if checkpoints is not None and one.is_whole:
            with problem.lock:
                checkpoints.add(k, one)
        return one

    if side_by_side == 1:
        found = [member(k) for k in range(n_members)]
    else:
        with ThreadPoolExecutor(side_by_side) as pool:
            tasks = [pool.submit(member, k) for k in range(n_members)]
            try:
                found = [task.result() for task in tasks]
            except BaseException:
                problem.ended = True
                for task in tasks:
                    task.cancel()
                raise
    begun = [one for one in found if one is not None]
    return [one for one in begun if not one.is_late] or begun
