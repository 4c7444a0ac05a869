"""Checkpoints of ``Network.fit``: a network's file with the state of its training.

What an epoch changes is θ, the optimizer, the history, the random state and the order of the
examples, which each shuffle starts from. A fit that takes all of them from a file goes on as if
it had never stopped. What an epoch must not change, the fit's arguments, stands in the file
too, and is compared.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore._core.optimizers import Optimizer
from bpcore.files import checkpoint as files
from bpcore.files import values
from bpcore.files.reader import ModelReader, library
from bpcore.files.replace import check_target
from bpcore.files.sections import describe_optimizer, expected_tensors
from bpcore.history import History
from bpcore.network.architecture import Architecture
from bpcore.network.early_stopping import EarlyStopping
from bpcore.network.epochs import Sampler
from bpcore.network.sections import check_loss, network_file, read_best, read_network

__all__ = ["Checkpoints", "LoadedCheckpoint"]

_ENTRIES = ("arguments", "random", "order")


@dataclass
class Checkpoints:
    """The state of a fit that checkpoints are written of, or that one is read into.

    Attributes
    ----------
    network : Architecture
    optimizer : Optimizer
    history : History
    sampler : Sampler
        Its generator is the network's own or another.
    arguments : dict
        The fit's arguments, plain values by name; the same in every part of a run.
    stopping : EarlyStopping or None
        What has the weights of the best epoch.
    rate : float or None
        The optimizer's from the first epoch on; None: the one that it has.
    solver : LevenbergMarquardt or None
        With evidence, whose state θ and history do not tell.
    """

    network: Architecture
    optimizer: Optimizer
    history: History
    sampler: Sampler
    arguments: dict[str, Any]
    stopping: EarlyStopping | None
    rate: float | None
    solver: Any = None

    def __post_init__(self) -> None:
        library()
        check_loss(self.network.loss)
        rng, order = self.sampler.rng, self.sampler.order
        self.standing = files.Standing(self.optimizer, rng, order)
        started = describe_optimizer(self.optimizer)[0]
        for name in ("t", "mu_product", "slots"):
            del started[name]
        if self.rate is not None:
            started["learning_rate"] = self.rate
        own = rng is self.network._rng
        self.arguments = {
            **{name: values.encode(value, name) for name, value in self.arguments.items()},
            **{f"optimizer's {name}": value for name, value in started.items()},
            "shuffle": order is not None,
            "random_state": "the network's" if own else "its own",
            "bit_generator": type(rng.bit_generator).__name__,
        }

    def check(self, path: Any) -> None:
        """Before the fit: whether a checkpoint could be written there."""
        check_target(path)
        values.state_of(self.network._rng, "the network's random_state")

    def write(self, path: Any) -> None:
        """Write a checkpoint: the state between two epochs."""
        sections, tensors = network_file(self.network, self.optimizer)
        if self.stopping is not None and self.stopping.theta is not None:
            sections["best"] = True
            tensors["best_parameters"] = self.stopping.theta
        training = {**dict.fromkeys(_ENTRIES), "arguments": self.arguments}
        if self.solver is not None:
            training["solver"] = values.encode(self.solver.squares.state, "the solver's state")
        self.standing.write(path, sections, tensors, training)

    def read(self, path: Any, epochs: int) -> "LoadedCheckpoint":
        """Read a checkpoint and compare it with this fit, which stays as it is.

        Raises
        ------
        ModelFileError
            If the file is damaged.
        ValueError
            If it is of another network or another fit, or has more epochs than are asked for.
        """
        with ModelReader(path) as reader:
            if not {"training", "optimizer"} <= set(reader.sections):
                raise reader.fault(
                    "a model file without the state of a training; fit(checkpoint=…) writes files "
                    "to resume from"
                )
            if "estimator" in reader.sections:
                raise reader.fault(
                    f"a checkpoint of an {reader.sections['kind']}, which resumes it, no Network's"
                )
            reader.check_tensors(expected_tensors(reader))
            there = reader.sections["training"]
            more = ("solver",) if isinstance(there, dict) and "solver" in there else ()
            training = files.read_training(reader, (*_ENTRIES, *more), np.random.Generator)
            network = read_network(reader, Architecture, last=True)
            here = files.read_arguments(self.arguments)
            files.compare(
                reader.name,
                {**training["arguments"], **_described(network)},
                {**_described(self.network), **here},
                "arguments",
            )
            history = _history(reader, network)
            asked = f"this call asks for {epochs} in all"
            files.refuse_more_epochs(reader.name, history.epochs, epochs, asked)
            which = f"from 0 to {self.history.n_examples - 1}"
            order = files.read_order(reader, self.standing.order, which)
            return LoadedCheckpoint(
                network,
                history,
                files.Standing(network.optimizer_, training["random"], order),
                read_best(reader),
                _solver(reader, training),
            )


@dataclass
class LoadedCheckpoint:
    """What a checkpoint holds, checked; see ``Checkpoints``."""

    network: Architecture
    history: History
    standing: files.Standing
    best: np.ndarray | None
    # what lm with evidence goes on from
    solver: np.ndarray | None

    def install(self, into: Checkpoints) -> None:
        """Overwrite the state of a fit with this one."""
        into.network.parameters[:] = self.network.parameters
        into.history.__dict__ |= {**vars(self.history), "n_examples": into.history.n_examples}
        into.standing.move_to(self.standing)
        if into.stopping is not None:
            into.stopping.theta = self.best
        if into.sampler.rng is not into.network._rng:
            into.network._rng = self.network._rng


def _solver(reader: ModelReader, training: dict[str, Any]) -> np.ndarray | None:
    """The state of lm with evidence, whose arguments have been compared."""
    with reader.reading("the solver's state"):
        state: Any = training.get("solver")
        if ("evidence" in training["arguments"]) != (state is not None):
            raise ValueError("it belongs to l2='evidence', and to nothing else")
        if state is not None and not (
            isinstance(state, np.ndarray)
            and (state.shape, state.dtype) == ((5,), np.float64)
            and (state > 0).all()
            and np.isfinite(state).all()
        ):
            raise ValueError("expected five numbers above 0")
    return state


def _history(reader: ModelReader, network: Architecture) -> History:
    """The network's, its lists of one length."""
    with reader.reading("history"):
        if "history_" not in vars(network):
            raise ValueError("there is none")
        history = network.history_
        lists = (history.cost, history.learning_rate, history.seconds)
        if len(set(map(len, lists))) > 1 or not {
            len(history.validation_cost),
            len(history.validation_score),
            len(history.l2),
            len(history.effective_parameters),
            len(history.noise_std),
        } <= {0, history.epochs}:
            raise ValueError("its lists are not of one length")
    return history


def _described(network: Architecture) -> dict[str, Any]:
    """What a network is made of, but for the number of threads, on which no bit depends."""
    description = {**network._description(), "dtype": network.dtype.name}
    del description["n_threads"]
    return description
