"""The optimizer that a fit's arguments ask for, its schedule counted in updates."""

from typing import Any

from bpcore import checks as check
from bpcore._core.optimizers import Optimizer
from bpcore.functions import OPTIMIZERS, OPTIONS
from bpcore.network.architecture import Architecture

__all__ = ["in_updates", "make_optimizer"]

# Entries of a schedule that are lengths: users give them in epochs, optimizers count updates.
_LENGTHS = ("every", "total", "warmup")


def make_optimizer(
    spec: Any,
    learning_rate: Any,
    schedule: Any,
    epochs: int,
    updates_an_epoch: int,
    network: Architecture,
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
        str(name),
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
