"""What a fit recorded."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["History"]


@dataclass(eq=False)
class History:
    """The record of a fit, one entry an epoch.

    Attributes
    ----------
    n_examples : int
        Rows of the training data.
    cost : list of float
        Mean cost of the epoch's batches, each taken before its own update.
    validation_cost, validation_score : list of float
        On the validation data, after the epoch; empty where none was given.
    learning_rate : list of float
        η at the end of the epoch.
    seconds : list of float
        Wall time of the epoch's training, without validation and callbacks.
    stopped : None or str
        Why the fit ended early: "callback", "interrupt" or "diverged".

    Examples
    --------
    >>> from bpcore import Network
    >>> net = Network((2, 2, 1), random_state=0)
    >>> history = net.fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], epochs=3)
    >>> history.epochs, history.n_examples, history.stopped
    (3, 2, None)
    """

    n_examples: int
    cost: list[float] = field(default_factory=list)
    validation_cost: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str | None = None

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(self.cost)

    @property
    def total_seconds(self) -> float:
        """Wall time of all epochs' training."""
        return sum(self.seconds)

    @property
    def examples_per_second(self) -> float:
        """Training examples gone through a second; 0 before the first epoch has ended."""
        if not self.seconds:
            return 0.0
        return self.n_examples * self.epochs / max(self.total_seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """The record as plain lists and numbers, ready for JSON."""
        return {
            "n_examples": self.n_examples,
            "epochs": self.epochs,
            "cost": list(self.cost),
            "validation_cost": list(self.validation_cost),
            "validation_score": list(self.validation_score),
            "learning_rate": list(self.learning_rate),
            "seconds": list(self.seconds),
            "total_seconds": self.total_seconds,
            "examples_per_second": self.examples_per_second,
            "stopped": self.stopped,
        }
