"""The loop over epochs: order, one compiled epoch, record, callback."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore._core.optimizers import Optimizer
from bpcore._core.threads import one_blas_thread
from bpcore.exceptions import DivergenceError
from bpcore.functions import OPTIMIZERS, OPTIONS
from bpcore.history import History
from bpcore.network import scores
from bpcore.network.initialisation import as_generator

# Entries of a schedule that are lengths: given in epochs, used in updates.
_LENGTHS = ("every", "total", "warmup")


@dataclass
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


def make_optimizer(
    spec: Any,
    learning_rate: Any,
    schedule: Any,
    epochs: int,
    updates_an_epoch: int,
    network: Any,
) -> Optimizer:
    """The Optimizer that ``Network.fit``'s arguments ask for."""
    if isinstance(spec, Optimizer):
        if learning_rate is not None:
            spec.learning_rate = check.as_number(learning_rate, "learning_rate")
        return spec
    name, options = spec, {}
    if isinstance(spec, tuple | list) and len(spec) == 2 and isinstance(spec[1], dict):
        name, options = spec
    if not isinstance(name, str) or name not in OPTIMIZERS:
        raise ValueError(f"optimizer must be one of {', '.join(OPTIMIZERS)}, got {spec!r}")
    unknown = set(options) - set(OPTIONS)
    if unknown:
        raise ValueError(
            f"the optimizer {name} has no option {', '.join(sorted(unknown))}; there are "
            f"{', '.join(OPTIONS)}"
        )
    eta = OPTIMIZERS[name].learning_rate if learning_rate is None else learning_rate
    return Optimizer(
        name,
        network.n_parameters,
        dtype=network.dtype,
        learning_rate=check.as_number(eta, "learning_rate"),
        schedule=in_updates(schedule, epochs, updates_an_epoch),
        **options,
    )


def in_updates(schedule: Any, epochs: int, updates_an_epoch: int) -> Any:
    """A schedule given in epochs, as the optimizer counts, in updates."""
    if schedule is None:
        return None
    if not isinstance(schedule, str | dict):
        raise TypeError(f"schedule must be None, a name or a dict, got {schedule!r}")
    plan = {"kind": schedule} if isinstance(schedule, str) else dict(schedule)
    if plan.get("kind") in ("cosine", "one_cycle"):
        plan.setdefault("total", epochs)
    for key in _LENGTHS:
        if key in plan:
            plan[key] = check.as_number(plan[key], f"schedule: {key}") * updates_an_epoch
    return plan


@dataclass
class _Run:
    """One fit, its arguments checked."""

    network: Any
    history: History
    epochs: int
    rng: np.random.Generator
    order: np.ndarray | None
    # the arguments of Network._train_epochs
    epoch: dict[str, Any]
    validation: Any
    every: int
    checkpoints: Any = None
    found: Any = None


def fit(network: Any, X: Any, Y: Any, settings: Settings) -> History:
    """Train a Network; ``Network.fit`` says how."""
    run = _prepare(network, X, Y, settings)
    network._begin_fit()
    try:
        if run.found is not None:
            run.found.install(run.checkpoints)
        network.history_ = run.history
        with one_blas_thread():
            _train(run, settings)
    except KeyboardInterrupt:
        run.history.stopped = "interrupt"
        raise
    finally:
        network._end_fit()
        if settings.progress and run.history.epochs:
            print(file=sys.stderr)
    return run.history


def _prepare(network: Any, X: Any, Y: Any, settings: Settings) -> _Run:
    """Everything before the first epoch; the network stays as it is."""
    rows, targets, weights = network._examples(X, Y, settings.sample_weight)
    n = len(rows)
    epochs = check.as_integer(settings.epochs, "epochs", least=0)
    batch_size = n if settings.batch_size in (None, "full") else settings.batch_size
    batch_size = min(n, check.as_integer(batch_size, "batch_size"))
    optimizer = make_optimizer(
        settings.optimizer,
        settings.learning_rate,
        settings.schedule,
        epochs,
        -(-n // batch_size),
        network,
    )
    rules = {
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
    run = _Run(
        network=network,
        history=History(n_examples=n),
        epochs=epochs,
        rng=rng,
        # in a batch of all examples their order changes nothing
        order=np.arange(n) if settings.shuffle and batch_size < n else None,
        epoch={
            "x": rows, "y": targets, "optimizer": optimizer, "batch_size": batch_size,
            "sample_weight": weights, **rules,
        },
        validation=validation,
        every=check.as_integer(settings.checkpoint_every, "checkpoint_every"),
    )  # fmt: skip
    if settings.checkpoint is not None or settings.resume is not None:
        _prepare_checkpoints(run, settings)
    return run


def _train(run: _Run, settings: Settings) -> None:
    """The epochs that are left."""
    network, history = run.network, run.history
    drops = any(network.dropout)
    # Nothing is drawn, shown or asked between two epochs: the engine may go through several.
    alike = not (
        drops
        or run.order is not None
        or run.validation is not None
        or settings.progress
        or settings.callback is not None
        or settings.checkpoint is not None
    )
    while history.epochs < run.epochs and history.stopped is None:
        if run.order is not None:
            run.rng.shuffle(run.order)
        seed = int(run.rng.integers(2**63)) if drops else 0
        most = run.epochs - history.epochs if alike else 1
        _train_epochs(network, history, most, order=run.order, seed=seed, **run.epoch)
        if run.validation is not None:
            _validate(network, history, run.validation, settings.metric)
        if settings.progress:
            _report(history, run.epochs)
        if settings.callback is not None and settings.callback(network, history):
            history.stopped = "callback"
        due = history.epochs % run.every == 0 or history.epochs == run.epochs or history.stopped
        if settings.checkpoint is not None and due:
            run.checkpoints.write(settings.checkpoint)


def _prepare_checkpoints(run: _Run, settings: Settings) -> None:
    """Look at the files that the fit is to write and to go on from."""
    # only here: they take the safetensors library
    from bpcore.network.checkpoint import Checkpoints, fingerprint

    arguments = dict(run.epoch)
    data = [arguments.pop(key) for key in ("x", "y", "sample_weight")]
    arguments["metric"] = settings.metric
    arguments["data"] = fingerprint(*data, *(run.validation or ()))
    optimizer = arguments.pop("optimizer")
    run.checkpoints = Checkpoints(
        run.network, optimizer, run.history, run.order, run.rng, arguments
    )
    if settings.checkpoint is not None:
        run.checkpoints.check(settings.checkpoint)
    if settings.resume is not None:
        run.found = run.checkpoints.read(settings.resume, run.epochs)


def _clip_norm(clip_norm: Any) -> float:
    if clip_norm is None:
        return 0.0
    limit = check.as_number(clip_norm, "clip_norm")
    if limit == 0:
        raise ValueError("clip_norm must be positive, or None for no limit, got 0")
    return limit


def _validation_data(network: Any, settings: Settings) -> Any:
    scores.check_metric(settings.metric)
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


def _train_epochs(
    network: Any, history: History, most: int, optimizer: Optimizer, **options: Any
) -> None:
    """At most so many epochs into the history, at least one."""
    lists = history.cost, history.learning_rate, history.seconds
    if not network._train_epochs(most, *lists, optimizer=optimizer, **options):
        history.stopped = "diverged"
        raise DivergenceError(
            f"training diverged in epoch {history.epochs + 1}: the cost or a parameter is no "
            f"longer finite (learning rate {optimizer.current_rate:g}). The network keeps the "
            "parameters it had before that epoch. Try a smaller learning_rate, scaled inputs, or "
            "clip_norm"
        )


def _validate(network: Any, history: History, validation: Any, metric: str) -> None:
    rows, targets, weights = validation
    history.validation_cost.append(float(network._cost(rows, targets, weights)))
    history.validation_score.append(scores.score(network, rows, targets, metric, weights))


def _report(history: History, epochs: int) -> None:
    """One line that is written over, with a bar."""
    done = history.epochs
    bar = "█" * (24 * done // epochs)
    line = f"\repoch {done:>{len(str(epochs))}}/{epochs} |{bar:<24}| cost {history.cost[-1]:.6g}"
    if history.validation_cost:
        line += (
            f"  validation cost {history.validation_cost[-1]:.6g}"
            f"  score {history.validation_score[-1]:.4f}"
        )
    print(line + "  ", end="", file=sys.stderr, flush=True)
