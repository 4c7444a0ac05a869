"""Optimizers: θ ← θ - η ∇C and its relatives."""

from typing import NamedTuple

__all__ = ["OPTIMIZERS", "OPTIONS", "Optimizer"]


class Optimizer(NamedTuple):
    """One optimizer.

    Attributes
    ----------
    name : str
    text : str
        What it does, in words.
    learning_rate : float
        η where none is given.
    options : tuple of str
        The arguments of the compiled ``Optimizer`` that it reads, beside η and its schedule.
    """

    name: str
    text: str
    learning_rate: float
    options: tuple[str, ...] = ()


_ROWS = (
    Optimizer(
        name="sgd",
        text="stochastic gradient descent, with momentum or without",
        learning_rate=1.0,
        options=("momentum", "nesterov"),
    ),
    Optimizer(
        name="adam",
        text="a step for each parameter, from decaying means of its gradient and of its square",
        learning_rate=1e-3,
        options=("beta_1", "beta_2", "epsilon"),
    ),
    Optimizer(
        name="rmsprop",
        text="a step for each parameter, from a decaying mean of its gradient's square",
        learning_rate=1e-3,
        options=("beta_2", "epsilon"),
    ),
    Optimizer(
        name="adagrad",
        text="a step for each parameter, from the sum of its gradient's squares",
        learning_rate=1e-2,
        options=("epsilon",),
    ),
    Optimizer(
        name="nadam",
        text="adam with Nesterov's momentum",
        learning_rate=1e-3,
        options=("beta_1", "beta_2", "epsilon"),
    ),
    Optimizer(
        name="irprop-",
        text="a step for each parameter, longer while its gradient keeps its sign, shorter when "
        "that turns; for the whole data as one batch",
        learning_rate=1e-2,
    ),
)

OPTIMIZERS = {row.name: row for row in _ROWS}
# every option there is, in the order of the rows
OPTIONS = tuple(dict.fromkeys(option for row in _ROWS for option in row.options))
