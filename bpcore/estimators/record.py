"""What an estimator's fits have recorded, and the attributes that show it.

scikit-learn keeps a dozen attributes of a fit on the estimator itself. Here they are entries of one
object, which a fit replaces as a whole, and which files and checkpoints go through field by field.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore._core.optimizers import Optimizer
from bpcore.estimators.optimizer import LearningRate
from bpcore.estimators.posterior import Covariance
from bpcore.network.solvers import LevenbergMarquardt

__all__ = ["OF_EVIDENCE", "Entry", "FitRecord", "Shown", "attributes_shown", "record_of"]


# Entries that only fits with alpha='evidence' have.
OF_EVIDENCE = ("alpha", "effective_parameters", "noise_std", "posterior")


@dataclass(init=False, eq=False, repr=False)
class FitRecord:
    """The record of all fits since the weights were drawn.

    An entry that nothing has set is not there: reading it raises AttributeError. The attributes
    of the same names, with an underscore behind, are documented with the estimators.

    Attributes
    ----------
    no_improvement : int
        Epochs in a row that were not better by ``tol``.
    split_seed : int
        Draws the rows that every partial_fit holds out.
    dropout_seed : int
        Draws the units that the next epoch leaves out; from call to call.
    best_theta : ndarray or None
        The parameters of the best epoch, with early stopping.
    optimizer : Optimizer
    rate : LearningRate
    posterior : Covariance or None
        Of a fit with alpha='evidence', as the three entries before; None where the data leave a
        bias open.
    """

    # in the order, and of the types, that a model file has them in
    n_iter: int
    t: int
    no_improvement: int
    split_seed: int
    dropout_seed: int
    loss: float | None
    best_loss: float | None
    best_validation_score: float | None
    best_validation_loss: float | None
    loss_curve: list[float]
    validation_scores: list[float] | None
    validation_loss_curve: list[float] | None
    stopped_early: bool
    alpha: float | None
    effective_parameters: float | None
    noise_std: float | None
    best_theta: np.ndarray | None
    optimizer: Optimizer
    rate: LearningRate
    posterior: Covariance | None

    def open(self, est: Any, validates: bool, *, resume: bool, partial: bool) -> None:
        """Begin another fit; one that resumes, from the weights there are, adds to the entries."""
        had: dict[str, Any] = dict(vars(self)) if resume else {}
        self.n_iter, self.t = had.get("n_iter", 0), had.get("t", 0)
        self.no_improvement = had.get("no_improvement", 0)
        self.loss_curve = had.get("loss_curve", [])
        self.validation_scores = (had.get("validation_scores") or []) if validates else None
        self.validation_loss_curve = (had.get("validation_loss_curve") or []) if validates else None
        self.best_loss = self.best_validation_score = self.best_validation_loss = None
        for name in OF_EVIDENCE:
            vars(self).pop(name, None)
        if not resume:
            for name in ("optimizer", "rate", "best_theta", "dropout_seed"):
                vars(self).pop(name, None)

        def best(name: str, worst: float) -> float:
            value: float | None = had.get(name)
            return worst if value is None else value

        if not est.early_stopping or est.solver == "lbfgs":
            self.best_loss = best("best_loss", np.inf)
            return
        self.best_validation_score = best("best_validation_score", -np.inf)
        if est.stop_on == "loss":
            self.best_validation_loss = best("best_validation_loss", np.inf)
        if not (partial and "best_theta" in had):
            self.best_theta = None

    def learn_posterior(self, training: LevenbergMarquardt) -> None:
        """What the evidence says at the weights that a fit has ended with."""
        found = training.posterior()
        self.alpha, self.effective_parameters, self.noise_std = map(float, found[:3])
        self.posterior = None
        if found.root is not None:
            self.posterior = Covariance(found.root, training.network.parameters.copy())


def record_of(est: Any) -> FitRecord:
    """The record of an estimator; of one that has none yet, one without entries."""
    record: FitRecord = vars(est).setdefault("_record", FitRecord())
    return record


class Entry:
    """An attribute of an estimator that stands in an object which it holds.

    Parameters
    ----------
    entry : str
        Its name there.
    holder : callable
        The object of an estimator, None where it has none.
    made : callable
        The same, made where there is none.
    """

    def __init__(
        self, entry: str, holder: Callable[[Any], Any], made: Callable[[Any], Any]
    ) -> None:
        self.entry, self.holder, self.made = entry, holder, made
        self.__doc__ = None  # the classes' docstrings have the attributes

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, est: Any, owner: type | None = None) -> Any:
        if est is None:
            return self
        try:
            return getattr(self.holder(est), self.entry)
        except AttributeError:
            raise AttributeError(
                f"{type(est).__name__!r} object has no attribute {self.name!r}"
            ) from None

    def __set__(self, est: Any, value: Any) -> None:
        setattr(self.made(est), self.entry, value)

    def __delete__(self, est: Any) -> None:
        self.__get__(est)
        delattr(self.made(est), self.entry)


class Shown(Entry):
    """An attribute of an estimator that shows an entry of its record, to be read and written.

    Parameters
    ----------
    entry : str
        The name of a field of ``FitRecord``.
    """

    def __init__(self, entry: str) -> None:
        super().__init__(entry, lambda est: vars(est).get("_record"), record_of)


def attributes_shown(cls: type) -> dict[str, str]:
    """Entry → attribute, of the entries that a class shows."""
    return {one.entry: name for name, one in vars(cls).items() if isinstance(one, Shown)}
