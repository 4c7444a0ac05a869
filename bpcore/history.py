"""What a fit recorded."""

import html
import math
from dataclasses import dataclass, field
from typing import Any

from bpcore.notebook import curve

__all__ = ["History"]

_ENDINGS = {
    "early_stopping": "stopped early",
    "callback": "stopped by its callback",
    "interrupt": "stopped by Ctrl-C",
    "diverged": "stopped because it diverged",
    "converged": "converged",
}


@dataclass(eq=False, repr=False)
class History:
    """The record of a fit, one entry an epoch.

    Attributes
    ----------
    n_examples : int
        Rows of the training data.
    cost : list of float
        Mean cost of the epoch's batches, each taken before its own update; of lm and lbfgs the
        cost that the iteration has come to.
    validation_cost, validation_score : list of float
        On the validation data, after the epoch; empty where none was given.
    learning_rate : list of float
        η at the end of the epoch; the damping μ of lm, the length of the step of lbfgs.
    seconds : list of float
        Wall time of the epoch's training, without validation and callbacks.
    l2, effective_parameters, noise_std : list of float
        With ``l2="evidence"`` what the data have said after each iteration: the penalty, γ (how
        many parameters they determine), and σ, the standard deviation of the targets' noise; empty
        else. The cost has the penalty of its own iteration.
    stopped : None or str
        Why the fit ended before its last epoch: "early_stopping" (its ``patience`` was over),
        "callback", "interrupt", "diverged", or "converged" (lm and lbfgs).

    Examples
    --------
    >>> from bpcore import Network
    >>> net = Network((2, 2, 1), random_state=0)
    >>> history = net.fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], epochs=3)
    >>> history.epochs, history.n_examples, history.stopped
    (3, 2, None)
    >>> history
    History: 3 epochs, cost ..., ... s
    """

    n_examples: int
    cost: list[float] = field(default_factory=list)
    validation_cost: list[float] = field(default_factory=list)
    validation_score: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    stopped: str | None = None
    l2: list[float] = field(default_factory=list)
    effective_parameters: list[float] = field(default_factory=list)
    noise_std: list[float] = field(default_factory=list)

    def add_estimate(self, l2: float, effective_parameters: float, variance: float) -> None:
        """Enter what the evidence has said after an iteration."""
        self.l2.append(l2)
        self.effective_parameters.append(effective_parameters)
        self.noise_std.append(math.sqrt(variance))

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

    def __repr__(self) -> str:
        words = [f"{self.epochs:,} epoch{'' if self.epochs == 1 else 's'}"]
        for name in ("cost", "validation_cost", "validation_score"):
            if values := getattr(self, name):
                words.append(f"{name.replace('_', ' ')} {float(values[-1]):.4g}")
        words.append(f"{self.total_seconds:.3g} s")
        if self.stopped is not None:
            words.append(_ENDINGS.get(self.stopped, f"stopped: {self.stopped}"))
        return f"History: {', '.join(words)}"

    def _repr_html_(self) -> str:
        """The curves of the costs, and the line of ``repr`` beneath."""
        lines = {"cost": self.cost, "validation cost": self.validation_cost}
        drawn = {name: values for name, values in lines.items() if values}
        words = html.escape(repr(self))
        return f"<div>{curve(drawn, 'epoch', 'cost by epoch') if drawn else ''}<p>{words}</p></div>"

    def to_dict(self) -> dict[str, Any]:
        """The record as plain lists and numbers, ready for JSON and for a table.

        Returns
        -------
        dict
            The lists, all with one entry an epoch; what was never recorded, as validation
            without validation data, is left out. None stands where an interrupted epoch came to no
            entry. Beside them the numbers ``n_examples``, ``epochs``, ``total_seconds`` and
            ``examples_per_second``, and ``stopped``.

        Examples
        --------
        ``pandas.DataFrame(history.to_dict())`` is a row an epoch.

        >>> from bpcore import Network
        >>> net = Network((2, 2, 1), random_state=0)
        >>> record = net.fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0], epochs=3).to_dict()
        >>> {name: len(one) for name, one in record.items() if isinstance(one, list)}
        {'cost': 3, 'learning_rate': 3, 'seconds': 3}
        """
        seldom = ("validation_cost", "validation_score", "l2", "effective_parameters", "noise_std")
        names = ("cost", *seldom[:2], "learning_rate", "seconds", *seldom[2:])
        lists = {name: list(getattr(self, name)) for name in names}
        n = max(map(len, lists.values()))
        kept = {
            name: values + [None] * (n - len(values))
            for name, values in lists.items()
            if values or name not in seldom
        }
        return {
            "n_examples": self.n_examples,
            "epochs": self.epochs,
            **kept,
            "total_seconds": self.total_seconds,
            "examples_per_second": self.examples_per_second,
            "stopped": self.stopped,
        }
