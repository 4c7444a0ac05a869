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
from bpcore.files import values
from bpcore.files.checkpoint import compare, read_order, write_checkpoint
from bpcore.files.reader import ModelReader, library
from bpcore.files.replace import check_target
from bpcore.files.sections import describe_optimizer, expected_tensors, read_optimizer
from bpcore.history import History
from bpcore.network.architecture import Architecture
from bpcore.network.epochs import Sampler
from bpcore.network.sections import network_file, read_network

__all__ = ["Checkpoints", "LoadedCheckpoint"]

_TRAINING = {"arguments", "random", "order"}
_ARRAYS = ("cost", "learning_rate", "seconds")


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
    """

    network: Architecture
    optimizer: Optimizer
    history: History
    sampler: Sampler
    arguments: dict[str, Any]

    def __post_init__(self) -> None:
        library()
        started = describe_optimizer(self.optimizer)[0]
        for name in ("t", "mu_product", "slots"):
            del started[name]
        rng, order = self.sampler.rng, self.sampler.order
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
        sections, tensors = network_file(self.network)
        sections["optimizer"], slots = describe_optimizer(self.optimizer)
        training = {
            "arguments": self.arguments,
            "random": values.encode(self.sampler.rng, "random_state"),
        }
        write_checkpoint(path, sections, tensors | slots, training, self.sampler.order)

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
            if "training" not in reader.sections or "optimizer" not in reader.sections:
                raise reader.fault(
                    "a model file without the state of a training; fit(checkpoint=…) writes files "
                    "to resume from"
                )
            if "estimator" in reader.sections:
                raise reader.fault(
                    f"a checkpoint of an {reader.sections['kind']}, which resumes it, no Network's"
                )
            reader.check_tensors(expected_tensors(reader))
            arguments, rng = self._read_training(reader)
            network = read_network(reader, Architecture)
            compare(
                reader.name,
                {**arguments, **_described(network)},
                {**_described(self.network), **self._decoded(self.arguments)},
                "arguments",
            )
            history = self._read_history(reader, network)
            if history.epochs > epochs:
                raise ValueError(
                    f"the checkpoint {reader.name} has {history.epochs} epochs behind it, but "
                    f"this call asks for {epochs} in all"
                )
            optimizer = read_optimizer(reader, network.n_parameters, network.dtype)
            order = self.sampler.order
            if order is not None:
                order = read_order(reader, order, f"from 0 to {len(order) - 1}")
            return LoadedCheckpoint(network, optimizer, history, order, rng)

    def _read_training(self, reader: ModelReader) -> tuple[dict[str, Any], np.random.Generator]:
        """The arguments of the fit that wrote the file, and where its generator stood."""
        training = reader.sections["training"]
        with reader.reading("training"):
            if not isinstance(training, dict) or set(training) != _TRAINING:
                raise ValueError(f"expected the entries {', '.join(sorted(_TRAINING))}")
            arguments = training["arguments"]
            if not isinstance(arguments, dict):
                raise ValueError("arguments must be an object")
            rng = values.decode(training["random"])
            if not isinstance(rng, np.random.Generator):
                raise ValueError("random is not the state of a generator")
            return self._decoded(arguments), rng

    @staticmethod
    def _decoded(arguments: dict[str, Any]) -> dict[str, Any]:
        """As they were given, so that an error shows 0.5 and not how JSON has it."""
        return {key: values.decode(arguments[key]) for key in sorted(arguments)}

    @staticmethod
    def _read_history(reader: ModelReader, network: Architecture) -> History:
        with reader.reading("history"):
            if "history_" not in vars(network):
                raise ValueError("there is none")
            history = network.history_
            if len({len(getattr(history, name)) for name in _ARRAYS}) > 1 or not {
                len(history.validation_cost),
                len(history.validation_score),
            } <= {0, history.epochs}:
                raise ValueError("its lists are not of one length")
        return history


@dataclass
class LoadedCheckpoint:
    """What a checkpoint holds, checked; see ``Checkpoints``."""

    network: Architecture
    optimizer: Optimizer
    history: History
    order: np.ndarray | None
    rng: np.random.Generator

    def install(self, into: Checkpoints) -> None:
        """Overwrite the state of a fit with this one."""
        into.network.parameters[:] = self.network.parameters
        into.optimizer.__setstate__(self.optimizer.__getstate__())  # type: ignore[attr-defined]
        for name in ("cost", "validation_cost", "validation_score", *_ARRAYS[1:]):
            getattr(into.history, name)[:] = getattr(self.history, name)
        into.history.stopped = self.history.stopped
        if into.sampler.order is not None:
            into.sampler.order[:] = self.order
        # the generator's state, not another generator: the caller may hold it too
        into.sampler.rng.bit_generator.state = self.rng.bit_generator.state
        if into.sampler.rng is not into.network._rng:
            into.network._rng = self.network._rng


def _described(network: Architecture) -> dict[str, Any]:
    """What a network is made of, but for the number of threads, on which no bit depends."""
    description = {**network._description(), "dtype": network.dtype.name}
    del description["n_threads"]
    return description
