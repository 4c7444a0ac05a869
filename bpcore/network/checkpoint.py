"""Checkpoints of ``Network.fit``: a network's file with the state of its training.

What an epoch changes is θ, the optimizer, the history, the random state and the order of the
examples, which each shuffle starts from. A fit that takes all of them from a file goes on as if
it had never stopped. What an epoch must not change, the fit's arguments, stands in the file
too, and is compared.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from bpcore._core.optimizers import Optimizer
from bpcore._core.rows import Rows
from bpcore.files import values as plain
from bpcore.files.reader import ModelReader, library
from bpcore.files.replace import check_target
from bpcore.files.sections import (
    describe_optimizer,
    expected_tensors,
    read_network,
    read_optimizer,
)
from bpcore.history import History
from bpcore.model_file import network_file, write
from bpcore.network import Network

__all__ = ["Checkpoints", "Found", "fingerprint"]

_TRAINING = {"arguments", "random", "order"}
_ARRAYS = ("cost", "learning_rate", "seconds")
# Rows of the data that a fingerprint looks at.
_ROWS = 64


def fingerprint(*tables: Rows | np.ndarray | None) -> str:
    """A hash of the shapes of some tables and of rows spread over them.

    It tells other data from the same data, not a single number changed from none.
    """
    digest = sha256()
    for table in tables:
        array = table.array if isinstance(table, Rows) else table
        digest.update(f"{None if array is None else array.shape};".encode())
        if array is None:
            continue
        n = array.shape[0]
        rows = np.unique(np.linspace(0, n - 1, min(n, _ROWS)).astype(np.intp))
        some: Any = array[rows]
        parts = (some.indptr, some.indices, some.data) if hasattr(some, "indptr") else (some,)
        for part in parts:
            digest.update(np.ascontiguousarray(part, dtype=np.float64).tobytes())
    return digest.hexdigest()


@dataclass
class Checkpoints:
    """What a fit has in its hands, as a checkpoint sees it.

    Attributes
    ----------
    network : Network
    optimizer : Optimizer
    history : History
    order : ndarray of intp or None
        The order of the examples in the last epoch; None where they are not shuffled.
    rng : Generator
        Draws the shuffles and dropout; the network's own or another.
    arguments : dict
        The fit's arguments, plain values by name; the same in every part of a run.
    """

    network: Network
    optimizer: Optimizer
    history: History
    order: np.ndarray | None
    rng: np.random.Generator
    arguments: dict[str, Any]

    def __post_init__(self) -> None:
        library()
        started = describe_optimizer(self.optimizer)[0]
        for name in ("t", "mu_product", "slots"):
            del started[name]
        own = self.rng is self.network._rng
        self.arguments = {
            **{name: plain.encode(value, name) for name, value in self.arguments.items()},
            **{f"optimizer's {name}": value for name, value in started.items()},
            "shuffle": self.order is not None,
            "random_state": "the network's" if own else "its own",
            "bit_generator": type(self.rng.bit_generator).__name__,
        }

    def check(self, path: Any) -> None:
        """Before the fit: whether a checkpoint could be written there."""
        check_target(path)
        plain.state_of(self.network._rng, "the network's random_state")

    def write(self, path: Any) -> None:
        """Write a checkpoint: the state between two epochs."""
        sections, tensors = network_file(self.network)
        sections["optimizer"], slots = describe_optimizer(self.optimizer)
        sections["training"] = {
            "arguments": self.arguments,
            "random": plain.encode(self.rng, "random_state"),
            "order": None if self.order is None else len(self.order),
        }
        tensors |= slots
        if self.order is not None:
            tensors["order"] = self.order.astype(np.int64, copy=False)
        write(path, sections, tensors)

    def read(self, path: Any, epochs: int) -> "Found":
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
            training = reader.sections["training"]
            with reader.reading("training"):
                if not isinstance(training, dict) or set(training) != _TRAINING:
                    raise ValueError(f"expected the entries {', '.join(sorted(_TRAINING))}")
                arguments = training["arguments"]
                if not isinstance(arguments, dict):
                    raise ValueError("arguments must be an object")
                # decoded, so that a message shows 0.5 and not how JSON has it
                arguments = {key: plain.decode(value) for key, value in arguments.items()}
                rng = plain.decode(training["random"])
                if not isinstance(rng, np.random.Generator):
                    raise ValueError("random is not the state of a generator")
            network = read_network(reader, allow_nonfinite=False)
            self._compare(reader.name, network, arguments)
            history = self._read_history(reader, network)
            if history.epochs > epochs:
                raise ValueError(
                    f"the checkpoint {reader.name} has {history.epochs} epochs behind it, but "
                    f"this call asks for {epochs} in all"
                )
            optimizer = read_optimizer(reader, network)
            order = self._read_order(reader, len(self.order)) if self.order is not None else None
            return Found(network, optimizer, history, order, rng)

    def _compare(self, name: str, network: Network, arguments: dict[str, Any]) -> None:
        here, there = self.network._description(), network._description()
        here["dtype"], there["dtype"] = self.network.dtype.name, network.dtype.name
        # the bits do not depend on the number of threads
        pairs = [(key, there[key], here[key]) for key in here if key != "n_threads"]
        pairs += [
            (key, arguments.get(key), plain.decode(self.arguments.get(key)))
            for key in sorted({*arguments, *self.arguments})
        ]
        differences = [
            f"{key} was {_short(old)} there and is {_short(new)} here"
            for key, old, new in pairs
            if not _equal(old, new)
        ]
        if differences:
            raise ValueError(
                f"the checkpoint {name} is of another fit: {'; '.join(differences)}. A resumed "
                "fit takes the arguments and the data of the one it goes on with"
            )

    @staticmethod
    def _read_history(reader: ModelReader, network: Network) -> History:
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

    @staticmethod
    def _read_order(reader: ModelReader, n: int) -> np.ndarray:
        with reader.reading("order"):
            if reader.tensors["order"][1] != (n,):
                raise ValueError(f"expected {n} numbers")
            order = reader.tensor("order")
            if not np.array_equal(np.sort(order), np.arange(n)):
                raise ValueError(f"the numbers are not those from 0 to {n - 1}, each once")
        return order


@dataclass
class Found:
    """What a checkpoint holds, checked; see ``Checkpoints``, whose attributes these are."""

    network: Network
    optimizer: Optimizer
    history: History
    order: np.ndarray | None
    rng: np.random.Generator

    def install(self, into: Checkpoints) -> None:
        """Put all of it in the place of what the fit has in its hands."""
        into.network.parameters[:] = self.network.parameters
        into.optimizer.__setstate__(self.optimizer.__getstate__())  # type: ignore[attr-defined]
        for name in ("cost", "validation_cost", "validation_score", *_ARRAYS[1:]):
            getattr(into.history, name)[:] = getattr(self.history, name)
        into.history.stopped = self.history.stopped
        if into.order is not None:
            into.order[:] = self.order
        # the generators' states and not the generators: the caller may hold them too
        into.rng.bit_generator.state = self.rng.bit_generator.state
        if into.rng is not into.network._rng:
            into.network._rng = self.network._rng


def _equal(one: Any, other: Any) -> bool:
    """Whether two plain values are the same, arrays among them too."""
    return bool(plain.dumps(plain.encode(one, "")) == plain.dumps(plain.encode(other, "")))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
