"""The loop over epochs: order, one compiled epoch, record, callback."""

import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore._core import optimizers
from bpcore._core.training import Diverged, Epoch, Training
from bpcore.exceptions import DivergenceError
from bpcore.history import History
from bpcore.network.early_stopping import EarlyStopping, make_stopping
from bpcore.network.epochs import After, Sampler, epochs, follow
from bpcore.network.initialisation import as_generator
from bpcore.network.optimizer import make_optimizer
from bpcore.network.progress import line, say
from bpcore.network.saturation import warn_where_nothing_was_learned
from bpcore.network.scores import Scorer, check_metric
from bpcore.network.solvers import SOLVERS, l2_of, make_solver

__all__ = ["Settings", "fit"]


@dataclass(eq=False, repr=False)
class Settings:
    """The arguments of ``Network.fit``, which documents them."""

    epochs: Any
    batch_size: Any
    learning_rate: Any
    shuffle: Any
    sample_weight: Any
    dY_dX: Any
    derivative_weight: Any
    validation_data: Any
    metric: Any
    patience: Any
    stop_on: Any
    tol: Any
    optimizer: Any
    schedule: Any
    l2: Any
    l1: Any
    weight_decay: Any
    clip_norm: Any
    rate_factors: Any
    input_scale: Any
    random_state: Any
    callback: Any
    progress: Any
    checkpoint: Any
    checkpoint_every: Any
    resume: Any


@dataclass(eq=False, repr=False)
class _Fit:
    """One fit, its arguments checked."""

    network: Any
    settings: Settings
    history: History
    epochs: int
    # as they were checked: rows, targets, weights
    examples: tuple[Any, Any, np.ndarray | None]
    optimizer: optimizers.Optimizer
    # "lm" or "lbfgs", which take its place, and all examples in each iteration
    solver: str | None
    solver_options: dict[str, Any]
    # None: the optimizer's own
    rate: float | None
    sampler: Sampler
    penalties: dict[str, Any]
    rate_factors: np.ndarray | None
    input_scale: float | None
    batch_size: int
    validation: Any
    every: int
    callbacks: list[Callable[..., Any]]
    stopping: EarlyStopping | None
    checkpoints: Any = None
    resumed: Any = None
    # both made by the first validation
    evaluation: Any = None
    scorer: Any = None
    # made when all else is in order: it binds the optimizer to the network
    training: Any = None
    recorded: int = 0

    def begin(self) -> None:
        """The fit has the network: take over what a resumed one had reached."""
        if self.rate is not None:
            self.optimizer.learning_rate = self.rate
        if self.resumed is not None:
            self.resumed.install(self.checkpoints)
            if self.solver == "lm" and self.history.epochs:
                self.training.go_on(self.history.learning_rate[-1], self.resumed.solver)
            if self.history.stopped not in ("early_stopping", "converged"):
                self.history.stopped = None  # a callback's wish was for that fit
            if self.stopping is not None:
                for number in self.watched():
                    self.stopping.see(number)
        self.network.history_ = self.history
        if self.settings.optimizer is self.optimizer:
            self.network.optimizer_ = self.optimizer
        else:
            vars(self.network).pop("optimizer_", None)

    # ------------------------------------------------------------ what follows an epoch

    def record(self, epoch: Epoch) -> None:
        """The cost with the penalty, η, the time."""
        self.history.cost.append(epoch.cost + epoch.penalty)
        self.history.learning_rate.append(epoch.learning_rate)
        self.history.seconds.append(epoch.seconds)
        self.recorded += 1
        if self.solver is not None and self.recorded == self.training.iterations:
            # a run may have made some that are recorded one after the other
            self.history.stopped = self.training.converged and "converged"
        if "evidence" in self.solver_options:
            self.history.add_estimate(*self.training.squares.estimates[self.recorded - 1])

    def validate(self, _: Epoch) -> None:
        """Cost and score of the validation data."""
        if self.evaluation is None:
            rows, targets, weights = self.validation
            self.evaluation = self.network._evaluation(rows, targets, weights)
            self.scorer = Scorer(self.network, targets, self.settings.metric, weights)
        cost = self.evaluation.cost()
        by_cost = self.scorer.metric == "cost"
        score = cost if by_cost else self.scorer.of(self.evaluation.outputs)
        self.history.validation_cost.append(cost)
        self.history.validation_score.append(score)
        if self.stopping is None:
            return
        if self.stopping.see(self.watched()[-1]):
            self.stopping.keep(self.network.parameters)
        if self.stopping.is_over:
            self.history.stopped = "early_stopping"

    def watched(self) -> list[float]:
        """The numbers, one an epoch, by which early stopping goes."""
        history = self.history
        by_cost = self.settings.stop_on == "cost"
        return history.validation_cost if by_cost else history.validation_score

    def restore_best(self) -> None:
        """Put back the weights of the best epoch, where they were to be kept."""
        if self.stopping is None or not self.history.epochs:
            return
        if self.stopping.theta is None:
            warnings.warn(
                f"no validation {self.settings.stop_on} was finite: the network keeps the weights "
                "of the last epoch",
                stacklevel=4,
            )
            return
        np.copyto(self.network.parameters, self.stopping.theta)

    def report(self, _: Epoch) -> None:
        """A line with a bar, written over the one of the epoch before."""
        say(line(self.history, self.epochs), sys.stderr, end="")

    def call_back(self, _: Epoch) -> None:
        """Ask the user whether to stop."""
        answers = [bool(one(self.network, self.history)) for one in self.callbacks]
        if any(answers) and self.history.stopped is None:
            self.history.stopped = "callback"

    def checkpoint(self, _: Epoch) -> None:
        """Write one, where it is due."""
        done = self.history.epochs
        if done % self.every == 0 or done == self.epochs or self.history.stopped:
            self.checkpoints.write(self.settings.checkpoint)

    def stopped(self, _: Epoch) -> bool:
        """Whether a callback, or the fit that is resumed, was the end."""
        return self.history.stopped is not None

    def after(self) -> list[After]:
        """What follows every epoch, in order."""
        settings = self.settings
        wanted: list[tuple[Any, After]] = [
            (self.validation is not None, self.validate),
            (settings.progress, self.report),
            (self.callbacks, self.call_back),
            (settings.checkpoint is not None, self.checkpoint),
        ]
        return [self.record, *(one for is_wanted, one in wanted if is_wanted), self.stopped]


def fit(network: Any, X: Any, Y: Any, settings: Settings) -> History:
    """Train a Network; ``Network.fit`` says how."""
    run = _prepare(network, X, Y, settings)
    history, after = run.history, run.after()
    try:
        with run.training:
            run.begin()
            try:
                if history.stopped is None:
                    left = run.epochs - history.epochs
                    follow(epochs(run.training, run.sampler, left), after)
            finally:
                run.restore_best()
    except KeyboardInterrupt:
        history.stopped = "interrupt"
        raise
    except Diverged:
        history.stopped = "diverged"
        is_best = run.stopping is not None and run.stopping.theta is not None
        rate = f" (learning rate {run.optimizer.current_rate:g})"
        advice = "a smaller learning_rate, scaled inputs, or clip_norm"
        if run.solver is not None:
            rate, advice = "", "inputs and targets scaled to about 1"
        kept = "of the best epoch" if is_best else "it had before that epoch"
        raise DivergenceError(
            f"training diverged in epoch {history.epochs + 1}: the cost or a parameter is no "
            f"longer finite{rate}. The network keeps the parameters {kept}. Try {advice}"
        ) from None
    finally:
        if settings.progress and history.epochs:
            say("", sys.stderr)
    warn_where_nothing_was_learned(network, history.cost, X, *run.examples[:2])
    return history


def _prepare(network: Any, X: Any, Y: Any, settings: Settings) -> _Fit:
    """Everything before the first epoch; the network stays as it is."""
    rows, targets, weights = _examples(network, X, Y, settings)
    n = len(rows)
    n_epochs = check.as_integer(settings.epochs, "epochs", least=0)
    solver, solver_options = make_solver(network, settings)
    whole = solver is not None or settings.batch_size in (None, "full")
    batch_size = n if whole else settings.batch_size
    batch_size = min(n, check.as_integer(batch_size, "batch_size"))
    updates = -(-n // batch_size)
    named = "sgd" if solver else settings.optimizer
    optimizer = make_optimizer(named, settings.learning_rate, settings.schedule, n_epochs, updates)
    rate = settings.learning_rate
    if rate is not None:
        rate = check.as_number(rate, "learning_rate")
    penalties: dict[str, Any] = {
        "l2": l2_of(settings.l2),
        "l1": check.as_number(settings.l1, "l1"),
        "weight_decay": check.as_number(settings.weight_decay, "weight_decay"),
        "clip_norm": check.as_clip_norm(settings.clip_norm),
    }
    validation = _validation_data(network, settings)
    stopping = make_stopping(network, settings, validation)
    callbacks = check.as_callbacks(settings.callback)
    rng = network._rng
    if settings.random_state is not None:
        rng = as_generator(settings.random_state)
    # None where a batch is all examples: their order changes nothing then
    order = np.arange(n) if settings.shuffle and batch_size < n else None
    every = check.as_integer(settings.checkpoint_every, "checkpoint_every")
    run = _Fit(
        network=network,
        settings=settings,
        history=History(n_examples=n),
        epochs=n_epochs,
        examples=(rows, targets, weights),
        optimizer=optimizer,
        solver=solver,
        solver_options=solver_options,
        rate=rate,
        sampler=Sampler(rng, order, any(network.dropout)),
        penalties=penalties,
        rate_factors=check.as_rate_factors(settings.rate_factors, network.n_layers),
        input_scale=_input_scale(settings),
        batch_size=batch_size,
        validation=validation,
        every=every,
        callbacks=callbacks,
        stopping=stopping,
    )
    if settings.checkpoint is not None or settings.resume is not None:
        _prepare_checkpoints(run)
    run.training = _training(run)
    if run.checkpoints is not None and "evidence" in solver_options:
        run.checkpoints.solver = run.training
    return run


def _examples(network: Any, X: Any, Y: Any, settings: Settings) -> Any:
    """Rows, targets, weights, checked."""
    if settings.dY_dX is not None and any(network.dropout):
        raise ValueError(
            f"fit takes no dY_dX where the network has dropout, here {network.dropout}: with units "
            "left out the outputs' derivatives are those of another network. Make one without"
        )
    return network._examples(
        X, Y, settings.sample_weight, settings.dY_dX, settings.derivative_weight
    )


def _training(run: _Fit) -> Any:
    rows, targets, weights = run.examples
    one_by_one = (
        run.settings.progress
        or run.sampler.draws_dropout
        or not (run.validation is run.settings.callback is run.settings.checkpoint is None)
    )
    most = 1 if one_by_one else max(1, run.epochs)
    if run.solver is not None:
        run.optimizer.bind(run.network.n_parameters, run.network.dtype)
        return SOLVERS[run.solver](
            run.network, rows, targets, _in_proportion(weights), l2=run.penalties["l2"],
            epochs=most, **run.solver_options,
        )  # fmt: skip
    return Training(
        run.network, rows, targets, run.optimizer, batch_size=run.batch_size,
        order=run.sampler.order, sample_weight=_in_proportion(weights), **run.penalties,
        ask=run.network._asking(targets, run.sampler.order),
        rate_factors=run.rate_factors, input_scale=run.input_scale,
        # where only the record is kept of an epoch, the engine may run several
        epochs=most,
    )  # fmt: skip


def _in_proportion(weights: np.ndarray | None) -> np.ndarray | None:
    """Weights over their mean; those that are all the same become 1, without rounding."""
    if weights is None:
        return None
    weights = weights / weights.max()
    scaled: np.ndarray = weights / weights.mean()
    return scaled


def _prepare_checkpoints(run: _Fit) -> None:
    """Look at the files that the fit is to write and to go on from."""
    # imported only where a file is named: they need the safetensors library
    from bpcore.files.fingerprint import fingerprint
    from bpcore.network.checkpoint import Checkpoints

    settings = run.settings
    looked_at = (*run.examples, *(run.validation or ()))
    arguments = {
        "batch_size": run.batch_size,
        **run.penalties,
        "metric": settings.metric,
        "data": fingerprint(*looked_at),
    }
    if run.solver == "lbfgs":
        raise ValueError(
            "lbfgs remembers more than a checkpoint holds: take lm or another optimizer, or save "
            "the network from a callback"
        )
    if run.solver is not None:
        arguments |= {"optimizer": run.solver, **run.solver_options}
    if run.examples[1].slopes is not None:
        arguments["derivative_weight"] = run.examples[1].slope_weight
    if run.rate_factors is not None:
        arguments["rate_factors"] = run.rate_factors.tolist()
    if run.stopping is not None:
        arguments |= {
            "patience": run.stopping.patience,
            "stop_on": settings.stop_on,
            "tol": run.stopping.tol,
        }
    run.checkpoints = Checkpoints(
        run.network, run.optimizer, run.history, run.sampler, arguments, run.stopping, run.rate
    )
    if settings.checkpoint is not None:
        run.checkpoints.check(settings.checkpoint)
    if settings.resume is not None:
        run.resumed = run.checkpoints.read(settings.resume, run.epochs)


def _input_scale(settings: Settings) -> float | None:
    if settings.input_scale is None:
        return None
    if settings.checkpoint is not None or settings.resume is not None:
        raise ValueError(
            "a fit with input_scale writes no checkpoints and resumes from none: leave one of "
            "them out"
        )
    return check.as_number(settings.input_scale, "input_scale")


def _validation_data(network: Any, settings: Settings) -> Any:
    check_metric(settings.metric)
    if (parts := settings.validation_data) is None:
        return None
    if not isinstance(parts, tuple | list) or len(parts) not in (2, 3, 4):
        raise TypeError(
            "validation_data must be (X, Y), (X, Y, sample_weight) or "
            "(X, Y, sample_weight or None, dY_dX)"
        )
    X, Y, weights, dY_dX = (*parts, None, None)[:4]
    try:
        return network._examples(X, Y, weights, dY_dX, settings.derivative_weight)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from error
