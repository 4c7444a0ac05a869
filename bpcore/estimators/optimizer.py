"""What an estimator's parameters say about a step: optimizer, learning rate, penalties, batch."""

import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore._core.optimizers import Optimizer, level_of_the_caller
from bpcore._core.rows import Rows
from bpcore._core.training import Training
from bpcore.network.optimizer import in_updates
from bpcore.network.progress import say
from bpcore.network.solvers import LevenbergMarquardt, is_evidence, refuse_parts

__all__ = ["LearningRate", "batch_size_of", "make_optimizer", "make_training", "penalties"]

# The weight decay of adamw where that parameter is None.
_ADAMW_DECAY = 0.01
_MIN_ADAPTIVE_RATE = 1e-6


@dataclass
class LearningRate:
    """What happens to an optimizer's learning rate between epochs.

    Attributes
    ----------
    kind : str
        "invscaling", "adaptive", or anything else, which leaves the rate to the optimizer.
    initial, power_t : float
        The parameters of the same names, as they were when the optimizer was made.
    """

    kind: str
    initial: float
    power_t: float

    def after_epoch(self, optimizer: Optimizer, t: int) -> None:
        """invscaling, after t examples."""
        if self.kind == "invscaling":
            optimizer.learning_rate = self.initial / (t + 1) ** self.power_t

    def at_plateau(self, optimizer: Optimizer, message: str, verbose: Any) -> bool:
        """Whether to stop where nothing has improved for long; adaptive goes on more slowly."""
        stop = True
        if self.kind != "adaptive":
            message += " Stopping."
        elif optimizer.learning_rate <= _MIN_ADAPTIVE_RATE:
            message += " Learning rate too small. Stopping."
        else:
            stop = False
            optimizer.learning_rate /= 5.0
            message += f" Setting learning rate to {optimizer.learning_rate:f}"
        if verbose:
            say(message, sys.stdout)
        return stop


def make_training(
    est: Any, network: Any, rows: Any, order: Any, optimizer: Optimizer, size: int, *, epochs: int
) -> Any:
    """What makes the epochs, in batches of that size, so many at a time at most; or lm's steps."""
    if est.solver == "lm":
        return _least_squares(est, network, rows)
    return Training(
        network, rows.x, rows.y, optimizer, batch_size=size, order=order,
        sample_weight=rows.weights, normaliser=rows.normaliser, epochs=epochs, **penalties(est),
    )  # fmt: skip


def _least_squares(est: Any, network: Any, rows: Any) -> LevenbergMarquardt:
    """Of the rows that are trained on, in memory of their own where others were held out."""
    refuse_parts("lm", network)
    x, y, weights = rows.x, rows.y, rows.weights
    if rows.rows is not None:
        x, y = Rows(x.array[rows.rows]), Rows(y.array[rows.rows])
        weights = None if weights is None else weights[rows.rows]
    evidence, examples = is_evidence(est.alpha), 0.0
    l2 = 0.0 if evidence else float(est.alpha)
    if weights is not None:
        examples = float(weights.sum())
        l2 /= float(weights.mean())
        weights = np.ascontiguousarray(weights / weights.mean())
    return LevenbergMarquardt(
        network, x, y, weights, l2=l2, tol=float(est.tol), evidence=evidence, examples=examples
    )


def make_optimizer(est: Any, network: Any, updates: int) -> tuple[Optimizer, LearningRate]:
    """The optimizer of a solver, for epochs of so many updates, and the rule for its rate."""
    plan = est.learning_rate
    plan = {"kind": plan} if isinstance(plan, str) else dict(plan)
    kind = plan.get("kind", "constant")
    if kind in ("invscaling", "adaptive"):
        plan["kind"] = "constant"
    elif kind == "step":
        plan.setdefault("every", max(est.max_iter / 3, 1))
    sgd = est.solver == "sgd"
    try:
        optimizer = Optimizer(
            # lm has none; its place is kept
            {"adamw": "adam", "lm": "sgd"}.get(est.solver, str(est.solver)),
            network.n_parameters,
            dtype=network.dtype,
            learning_rate=est.learning_rate_init,
            momentum=est.momentum if sgd else 0.0,
            nesterov=sgd and est.nesterovs_momentum,
            beta_1=est.beta_1,
            beta_2=est.beta_2,
            epsilon=est.epsilon,
            schedule=in_updates({"warmup": est.warmup, **plan}, est.max_iter, updates),
        )
    except ValueError as error:
        raise ValueError(f"learning_rate={est.learning_rate!r}: {error}") from error
    return optimizer, LearningRate(
        kind if sgd else "constant", float(est.learning_rate_init), float(est.power_t)
    )


def penalties(est: Any) -> dict[str, Any]:
    """The penalties of a ``Training``."""
    decay = est.weight_decay
    if decay is None:
        decay = _ADAMW_DECAY if est.solver == "adamw" else 0.0
    return {
        "l2": float(est.alpha),
        "l1": float(est.l1),
        "weight_decay": float(decay),
        "clip_norm": 0.0 if est.clip_norm is None else float(est.clip_norm),
    }


def batch_size_of(est: Any, n: int) -> int:
    """Rows a step, of n."""
    if est.batch_size == "auto":
        return n if est.solver == "irprop-" else min(200, n)
    if est.batch_size > n:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=level_of_the_caller(),
        )
    if est.solver == "irprop-" and est.batch_size < n:
        raise ValueError(
            "irprop- needs the gradient of all rows in each step: leave batch_size at 'auto', "
            f"got {est.batch_size} for {n} rows"
        )
    return min(int(est.batch_size), n)
