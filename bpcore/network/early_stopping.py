"""When a fit has come to its best, and what the weights were there."""

from typing import Any

import numpy as np

from bpcore import checks as check
from bpcore.network.scores import are_the_same, choose

__all__ = ["EarlyStopping", "make_stopping"]


class EarlyStopping:
    """Counts the epochs since a number was last better than before, and keeps the best θ.

    Parameters
    ----------
    patience : int
        How many may miss in a row.
    tol : float
        By how much a number has to be better.
    lower : bool
        Whether lower is better.

    Attributes
    ----------
    missed : int
        Epochs since the last one that was better by more than ``tol``.
    theta : ndarray or None
        The parameters after the best epoch; None before a number that is one.
    """

    def __init__(self, patience: int, tol: float, lower: bool) -> None:
        self.patience, self.tol, self.sign = patience, tol, -1.0 if lower else 1.0
        self.best = -np.inf
        self.missed = 0
        self.theta: np.ndarray | None = None

    def see(self, number: float) -> bool:
        """Count an epoch; whether it is the best so far. NaN and infinity are never better."""
        number = self.sign * number
        if not np.isfinite(number):
            number = -np.inf
        self.missed = 0 if number > self.best + self.tol else self.missed + 1
        is_best = number > self.best
        self.best = max(self.best, number)
        return is_best

    def keep(self, theta: np.ndarray) -> None:
        """Copy the parameters of the best epoch."""
        if self.theta is None:
            self.theta = np.empty_like(theta)
        np.copyto(self.theta, theta)

    @property
    def is_over(self) -> bool:
        """Whether too many epochs have missed."""
        return self.missed >= self.patience


def make_stopping(network: Any, settings: Any, validation: Any) -> EarlyStopping | None:
    """What a fit's ``patience`` asks for; None where there is none."""
    if settings.stop_on not in ("cost", "score"):
        raise ValueError(f"stop_on must be 'cost' or 'score', got {settings.stop_on!r}")
    tol = check.as_number(settings.tol, "tol")
    if settings.patience is None:
        return None
    patience = check.as_integer(settings.patience, "patience")
    if validation is None:
        raise ValueError("patience waits for a better validation cost: give validation_data=(X, Y)")
    _, targets, weights = validation
    score = settings.stop_on == "score"
    metric = choose(network, targets, settings.metric) if score else "cost"
    if metric == "r2" and are_the_same(targets, weights):
        raise ValueError(
            "all examples of the validation data have the same Y, so that their r2 cannot tell "
            "good parameters from others: give more examples, or stop_on='cost'"
        )
    return EarlyStopping(patience, tol, metric == "cost")
