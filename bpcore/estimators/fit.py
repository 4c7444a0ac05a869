"""The epochs of an estimator's fit: order, one compiled epoch, what it improved, when to stop.

The epochs are those of ``network/epochs.py``; what follows each here is scikit-learn's
book-keeping.
"""

import copy
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from bpcore._core.optimizers import level_of_the_caller
from bpcore._core.training import Diverged, Epoch
from bpcore.estimators.data import Split
from bpcore.estimators.optimizer import batch_size_of, make_optimizer, make_training
from bpcore.exceptions import DivergenceError
from bpcore.network.epochs import Sampler, epochs, follow
from bpcore.network.progress import say
from bpcore.network.solvers import is_evidence

__all__ = ["EpochFit", "exclusive"]

# id() of every estimator that is being trained; an attribute would go into copies and pickles.
_in_training: set[int] = set()
_lock = threading.Lock()


@contextmanager
def exclusive(est: Any) -> Iterator[None]:
    """Within: no other fit has the estimator.

    Raises
    ------
    RuntimeError
        If one has it, in another thread or around this one.
    """
    with _lock:
        if id(est) in _in_training:
            raise RuntimeError(
                "this estimator is being trained by another fit: wait for that fit to end, or "
                "train a copy (sklearn.base.clone)"
            )
        _in_training.add(id(est))
    try:
        yield
    finally:
        with _lock:
            _in_training.discard(id(est))


def announced(
    ended: Generator[Epoch, None, None], begin: Callable[[], Any], n: int
) -> Generator[Epoch, None, None]:
    """The n epochs, each announced before it begins."""
    with closing(ended):
        for _ in range(n):
            begin()
            yield next(ended)


@dataclass(eq=False, repr=False)
class EstimatorSampler(Sampler):
    """A sampler whose dropout goes on from call to call.

    An integer ``random_state`` begins the generator anew in each fit and partial_fit, as
    scikit-learn's order of the rows wants it: the units that are left out must not be the same
    every time.

    Attributes
    ----------
    record : FitRecord
        Its ``dropout_seed`` is drawn once, from a copy of ``rng``, which orders the rows as it
        does without dropout; from then on it is a generator of its own.
    """

    record: Any

    def __post_init__(self) -> None:
        if self.draws_dropout and not hasattr(self.record, "dropout_seed"):
            self.record.dropout_seed = Sampler(copy.deepcopy(self.rng), None, True).dropout_seed()

    def dropout_seed(self) -> int:
        """The seed of this epoch; Knuth's linear congruential generator makes the next one."""
        if not hasattr(self.record, "dropout_seed"):
            # a fit resumed from a file of before there was one
            return super().dropout_seed()
        seed: int = self.record.dropout_seed
        self.record.dropout_seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**62
        return seed


class EpochFit:
    """One fit, or one partial_fit, of a stochastic solver.

    What scikit-learn keeps as attributes (``loss_curve_``, ``best_loss_``, …) stands in the
    estimator's record, which is read and written after each epoch.
    """

    def __init__(
        self,
        est: Any,
        data: Split,
        rng: np.random.RandomState,
        partial: bool,
        has_files: bool = False,
    ) -> None:
        self.est = est
        # which entries are there, and none of them None, follows from the estimator's parameters
        self.record: Any = est._record
        self.network = est._network
        self.data = data
        self.validation = data.validation
        self.partial = partial
        self.has_files = has_files
        self.early_stopping = est.early_stopping
        # set by use_files
        self.checkpoints: Any = None
        self.path: Any = None
        self.every = 1
        self.first = 0
        self.finished = False
        self._set_up(rng)

    def _set_up(self, rng: np.random.RandomState) -> None:
        """The optimizer, and what runs and draws the epochs."""
        est, partial = self.est, self.partial
        rows, record = self.data.training, self.record
        size = rows.n if est.solver == "lm" else batch_size_of(est, rows.n)
        order = rows.rows
        if order is not None:
            order = order.copy()  # callbacks read the rows as they were split
        elif est.shuffle:
            order = np.arange(rows.n, dtype=np.intp)
        if not (partial and est._fits_optimizer(self.network)):
            updates = -(-rows.n // size)
            record.optimizer, record.rate = make_optimizer(est, self.network, updates)
        self.training = make_training(
            est, self.network, rows, order, record.optimizer, size,
            epochs=1 if self._is_watched() else est.max_iter,
        )  # fmt: skip
        self.sampler = EstimatorSampler(
            rng, order if est.shuffle else None, any(self.network.dropout), record
        )

    def _is_watched(self) -> bool:
        """Whether something has to be done between two epochs, beside their book-keeping."""
        est = self.est
        return bool(
            self.partial
            or self.has_files
            or self.validation is not None
            or est.verbose
            or est.callback is not None
            or getattr(est, "_skl_callbacks", ())
            or self.record.rate.kind == "invscaling"
        )

    # ------------------------------------------------------------ what other ways of training say

    @property
    def rows_an_epoch(self) -> int:
        """How many rows an epoch goes through."""
        return self.data.training.n

    def _epochs(self, most: int) -> Generator[Epoch, None, None]:
        """Train for so many epochs, and yield each when it has ended."""
        return epochs(self.training, self.sampler, most, self._patience)

    def _checkpoints_of(self, before: dict[str, Any]) -> Any:
        """What writes and reads the checkpoints."""
        # imported only where a file is named: they need the safetensors library
        from bpcore.estimators.checkpoint import EstimatorCheckpoints
        from bpcore.files.checkpoint import Standing

        standing = Standing(self.record.optimizer, self.sampler.rng, self.training.order)
        solver = self.training if self.est.solver == "lm" else None
        return EstimatorCheckpoints(self.est, self.data, standing, before, solver=solver)

    # ------------------------------------------------------------ a fit

    def use_files(self, path: Any, every: int, resume: Any, before: dict[str, Any]) -> None:
        """Write checkpoints to a path, and go on from another one; each may be None."""
        if resume is not None and isinstance(self.est.random_state, np.random.RandomState):
            # the caller's own goes on as well
            self.sampler.rng = self.est.random_state
        self.checkpoints = self._checkpoints_of(before)
        self.path, self.every = path, every
        if resume is not None:
            finished = self.checkpoints.resume(resume)
            self.first = self.record.n_iter
            # a plateau or a divergence is an end; a callback's wish was for the fit that it ended
            self.finished = finished and (self.record.stopped_early or np.isnan(self.record.loss))

    def run(self, callbacks: Any) -> None:
        """Every epoch, up to max_iter or until something ends the fit."""
        est, record = self.est, self.record
        record.n_iter = self.first
        if not self.finished:
            record.stopped_early = False
        done = self.finished
        try:
            with self.training:
                if not self.finished:
                    done = self._follow(callbacks)
                if not done:
                    name = "lm" if est.solver == "lm" else "Stochastic Optimizer"
                    warnings.warn(
                        f"{name}: Maximum iterations ({est.max_iter}) reached and "
                        "the optimization hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=level_of_the_caller(),
                    )
        except KeyboardInterrupt:
            if self.partial:  # so that the user's own loop ends
                raise
            warnings.warn("Training interrupted by user.", stacklevel=level_of_the_caller())
        if self.early_stopping and (record.stopped_early or not self.partial):
            self._restore_best()
        if is_evidence(est.alpha):
            record.learn_posterior(self.training)

    def _follow(self, callbacks: Any) -> bool:
        """The epochs, and what follows each; whether something ended them before max_iter."""
        left = 1 if self.partial else self.est.max_iter - self.first
        ended = False

        def after(_: Any = None) -> bool:
            nonlocal ended
            wanted = callbacks.end_epoch()
            self._checkpoint(ended, wanted)
            return ended or wanted or self.partial

        def book(epoch: Epoch) -> None:
            nonlocal ended
            ended = self._book(epoch)

        ended_epochs = self._epochs(left)
        try:
            return follow(announced(ended_epochs, callbacks.begin_epoch, left), [book, after])
        except Diverged:
            self._diverged()
            ended = True
            return after()

    def _patience(self) -> tuple[float, ...] | None:
        """What has to be counted while the engine runs several epochs."""
        est, record = self.est, self.record
        if self.training.epochs == 1:
            return None
        best, missed = record.best_loss, record.no_improvement
        return est._loss_divisor(), best, est.tol, missed, est.n_iter_no_change

    def _checkpoint(self, done: bool, last: bool) -> None:
        n_iter = self.record.n_iter
        due = done or last or n_iter % self.every == 0 or n_iter == self.est.max_iter
        if self.path is not None and due:
            self.checkpoints.write(self.path, done)

    def _book(self, epoch: Epoch) -> bool:
        """An epoch's book-keeping; whether it was the last."""
        est, record = self.est, self.record
        loss = float(epoch.cost / est._loss_divisor() + epoch.penalty)
        record.n_iter += 1
        record.loss = loss
        record.t += self.rows_an_epoch
        record.loss_curve.append(loss)
        if est.verbose:
            say(f"Iteration {record.n_iter}, loss = {loss:.8f}", sys.stdout)
        if self.validation is not None:
            self._validate()
        self._count_improvement()
        record.rate.after_epoch(record.optimizer, record.t)
        if est.solver == "lm" and self.training.converged:
            record.stopped_early = True
            return True
        if record.no_improvement > est.n_iter_no_change:
            return self._plateau()
        return False

    def _diverged(self) -> None:
        """Say so: as a warning where early stopping has better weights to return to."""
        est, record = self.est, self.record
        epoch = record.n_iter + 1
        advice = (
            f"Training diverged in epoch {epoch}: its loss or a weight is not finite. "
            f"Try a smaller learning_rate_init (it was {est.learning_rate_init:g}), "
            "inputs scaled to about 1 (StandardScaler), or clip_norm."
        )
        if self.partial or getattr(record, "best_theta", None) is None:
            raise DivergenceError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                f"values and need to be preprocessed. {advice} The weights from before that epoch "
                "are kept."
            ) from None
        record.n_iter = epoch
        record.loss = float("nan")
        record.loss_curve.append(record.loss)
        record.validation_scores.append(float("nan"))
        record.validation_loss_curve.append(float("nan"))
        warnings.warn(
            f"{advice} The weights with the best validation {est.stop_on} are kept.",
            ConvergenceWarning,
            stacklevel=level_of_the_caller(),
        )

    def _validate(self) -> None:
        est, record, validation = self.est, self.record, self.validation
        assert validation is not None
        score, cost = validation.judge(est)
        record.validation_scores.append(score)
        record.validation_loss_curve.append(cost / est._loss_divisor())
        if est.verbose:
            say(f"Validation score: {score:f}", sys.stdout)

    def _count_improvement(self) -> None:
        """Whether the epoch was better by tol, and whether it was the best (not the same)."""
        est, record = self.est, self.record
        if not self.early_stopping:
            # lm tells itself when it has converged
            missed = est.solver != "lm" and record.loss > record.best_loss - est.tol
            record.best_loss = min(record.best_loss, record.loss)
        elif est.stop_on == "loss":
            loss = record.validation_loss_curve[-1]
            # NaN is no improvement either
            missed = not (loss < np.inf and loss <= record.best_validation_loss - est.tol)
            if loss < record.best_validation_loss:
                record.best_validation_loss = loss
                self._keep_best()
            record.best_validation_score = np.fmax(
                record.best_validation_score, record.validation_scores[-1]
            )
        else:
            score = record.validation_scores[-1]
            missed = not score >= record.best_validation_score + est.tol
            if score > record.best_validation_score:
                record.best_validation_score = score
                self._keep_best()
        record.no_improvement = record.no_improvement + 1 if missed else 0

    def _keep_best(self) -> None:
        if self.record.best_theta is None:
            self.record.best_theta = np.empty_like(self.network.parameters)
        np.copyto(self.record.best_theta, self.network.parameters)

    def _restore_best(self) -> None:
        record = self.record
        best = (
            -record.best_validation_loss
            if self.est.stop_on == "loss"
            else record.best_validation_score
        )
        # None after a warm start in which no epoch was better than those of the fit before it:
        # the last weights stay, as in scikit-learn.
        if record.best_theta is not None:
            np.copyto(self.network.parameters, record.best_theta)
        elif record.n_iter and not np.isfinite(best):
            warnings.warn(
                f"early_stopping: no validation {self.est.stop_on} was finite, so none of the "
                "weights could be chosen by it: those of the last epoch are kept. Look at "
                "validation_scores_, and scale X and y to about 1 (StandardScaler)",
                ConvergenceWarning,
                stacklevel=level_of_the_caller(),
            )
        record.best_theta = None

    def _plateau(self) -> bool:
        est, record = self.est, self.record
        what = "Training loss"
        if self.early_stopping:
            what = f"Validation {est.stop_on}"
        message = (
            f"{what} did not improve more than tol={est.tol:f} for {est.n_iter_no_change} "
            "consecutive epochs."
        )
        if record.rate.at_plateau(record.optimizer, message, est.verbose):
            record.stopped_early = True
            if self.early_stopping and self.partial:
                # the next call starts to count anew
                record.no_improvement = 0
            return True
        record.no_improvement = 0
        return False
