"""The loop over epochs: order, one compiled epoch, record, callback."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore._core.training import Diverged, Epoch, Training
from bpcore.exceptions import DivergenceError
from bpcore.history import History
from bpcore.network.epochs import After, Sampler, epochs, follow
from bpcore.network.initialisation import as_generator
from bpcore.network.optimizer import make_optimizer
from bpcore.network.scores import check_metric, evaluate

__all__ = ["Settings", "fit"]


@dataclass(eq=False, repr=False)
class Settings:
    """The arguments of ``Network.fit``, which documents them."""

    epochs: Any
    batch_size: Any
    learning_rate: Any
    shuffle: Any
    sample_weight: Any
    validation_data: Any
    metric: Any
    optimizer: Any
    schedule: Any
    l2: Any
    l1: Any
    weight_decay: Any
    clip_norm: Any
    random_state: Any
    callback: Callable[..., Any] | None
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
    training: Training
    sampler: Sampler
    penalties: dict[str, Any]
    batch_size: int
    validation: Any
    every: int
    checkpoints: Any = None
    resumed: Any = None

    # ------------------------------------------------------------ what follows an epoch

    def record(self, epoch: Epoch) -> None:
        """The cost with the penalty, η, the time."""
        self.history.cost.append(epoch.cost + epoch.penalty)
        self.history.learning_rate.append(epoch.learning_rate)
        self.history.seconds.append(epoch.seconds)

    def validate(self, _: Epoch) -> None:
        """Cost and score of the validation data."""
        rows, targets, weights = self.validation
        score = evaluate(self.network, rows, targets, self.settings.metric, weights)
        self.history.validation_cost.append(float(self.network._cost(rows, targets, weights)))
        self.history.validation_score.append(score)

    def report(self, _: Epoch) -> None:
        """A line with a bar, written over the one of the epoch before."""
        print(_line(self.history, self.epochs), end="", file=sys.stderr, flush=True)

    def call_back(self, _: Epoch) -> None:
        """Ask the user whether to stop."""
        assert self.settings.callback is not None
        if self.settings.callback(self.network, self.history):
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
            (settings.callback is not None, self.call_back),
            (settings.checkpoint is not None, self.checkpoint),
        ]
        return [self.record, *(one for is_wanted, one in wanted if is_wanted), self.stopped]


def fit(network: Any, X: Any, Y: Any, settings: Settings) -> History:
    """Train a Network; ``Network.fit`` says how."""
    run = _prepare(network, X, Y, settings)
    history, after = run.history, run.after()
    try:
        with run.training:
            if run.resumed is not None:
                run.resumed.install(run.checkpoints)
            network.history_ = history
            if history.stopped is None:
                left = run.epochs - history.epochs
                follow(epochs(run.training, run.sampler, left), after)
    except KeyboardInterrupt:
        history.stopped = "interrupt"
        raise
    except Diverged:
        history.stopped = "diverged"
        raise DivergenceError(
            f"training diverged in epoch {history.epochs + 1}: the cost or a parameter is no "
            f"longer finite (learning rate {run.training.optimizer.current_rate:g}). The network "
            "keeps the parameters it had before that epoch. Try a smaller learning_rate, scaled "
            "inputs, or clip_norm"
        ) from None
    finally:
        if settings.progress and history.epochs:
            print(file=sys.stderr)
    return history


def _prepare(network: Any, X: Any, Y: Any, settings: Settings) -> _Fit:
    """Everything before the first epoch; the network stays as it is."""
    rows, targets, weights = network._examples(X, Y, settings.sample_weight)
    n = len(rows)
    n_epochs = check.as_integer(settings.epochs, "epochs", least=0)
    batch_size = n if settings.batch_size in (None, "full") else settings.batch_size
    batch_size = min(n, check.as_integer(batch_size, "batch_size"))
    updates = -(-n // batch_size)
    optimizer = make_optimizer(
        settings.optimizer, settings.learning_rate, settings.schedule, n_epochs, updates, network
    )
    penalties: dict[str, Any] = {
        "l2": check.as_number(settings.l2, "l2"),
        "l1": check.as_number(settings.l1, "l1"),
        "weight_decay": check.as_number(settings.weight_decay, "weight_decay"),
        "clip_norm": _clip_norm(settings.clip_norm),
    }
    validation = _validation_data(network, settings)
    if settings.callback is not None and not callable(settings.callback):
        raise TypeError(f"callback must be callable, got {settings.callback!r}")
    rng = network._rng
    if settings.random_state is not None:
        rng = as_generator(settings.random_state)
    # None where a batch is all examples: their order changes nothing then
    order = np.arange(n) if settings.shuffle and batch_size < n else None
    every = check.as_integer(settings.checkpoint_every, "checkpoint_every")
    sampler = Sampler(rng, order, any(network.dropout))
    one_by_one = (
        settings.progress
        or sampler.draws
        or not (validation is settings.callback is settings.checkpoint is None)
    )
    training = Training(
        network, rows, targets, optimizer, batch_size=batch_size, order=order,
        sample_weight=weights, **penalties,
        # where only the record is kept of an epoch, the engine may run several
        epochs=1 if one_by_one else max(1, n_epochs),
    )  # fmt: skip
    run = _Fit(
        network=network,
        settings=settings,
        history=History(n_examples=n),
        epochs=n_epochs,
        training=training,
        sampler=sampler,
        penalties=penalties,
        batch_size=batch_size,
        validation=validation,
        every=every,
    )
    if settings.checkpoint is not None or settings.resume is not None:
        _prepare_checkpoints(run)
    return run


def _prepare_checkpoints(run: _Fit) -> None:
    """Look at the files that the fit is to write and to go on from."""
    # imported only where a file is named: they need the safetensors library
    from bpcore.files.checkpoint import fingerprint
    from bpcore.network.checkpoint import Checkpoints

    settings, training = run.settings, run.training
    looked_at = (training.x, training.y, training.sample_weight, *(run.validation or ()))
    arguments = {
        "batch_size": run.batch_size,
        **run.penalties,
        "metric": settings.metric,
        "data": fingerprint(*looked_at),
    }
    run.checkpoints = Checkpoints(
        run.network, training.optimizer, run.history, run.sampler, arguments
    )
    if settings.checkpoint is not None:
        run.checkpoints.check(settings.checkpoint)
    if settings.resume is not None:
        run.resumed = run.checkpoints.read(settings.resume, run.epochs)


def _clip_norm(clip_norm: Any) -> float:
    if clip_norm is None:
        return 0.0
    limit = check.as_number(clip_norm, "clip_norm")
    if limit == 0:
        raise ValueError("clip_norm must be positive, or None for no limit, got 0")
    return limit


def _validation_data(network: Any, settings: Settings) -> Any:
    check_metric(settings.metric)
    if settings.validation_data is None:
        return None
    parts = settings.validation_data
    if not isinstance(parts, tuple | list) or len(parts) not in (2, 3):
        raise TypeError("validation_data must be (X, Y) or (X, Y, sample_weight)")
    X, Y, *weights = parts
    try:
        return network._examples(X, Y, weights[0] if weights else None)
    except (TypeError, ValueError) as error:
        raise type(error)(f"validation_data: {error}") from error


def _line(history: History, epochs: int) -> str:
    done = history.epochs
    bar = "█" * (24 * done // epochs)
    line = f"\repoch {done:>{len(str(epochs))}}/{epochs} |{bar:<24}| cost {history.cost[-1]:.6g}"
    if history.validation_cost:
        line += (
            f"  validation cost {history.validation_cost[-1]:.6g}"
            f"  score {history.validation_score[-1]:.4f}"
        )
    return line + "  "
