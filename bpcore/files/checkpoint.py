"""What the checkpoints of networks and of estimators have in common.

A checkpoint is a model file with the model's optimizer and one section more, "training": the
arguments of the fit that wrote it, its random state, and how many examples it puts into a new
order, which a tensor "order" holds as the last epoch had it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcore._core.optimizers import Optimizer
from bpcore.files import values
from bpcore.files.reader import ModelReader
from bpcore.files.writer import write

__all__ = [
    "Standing",
    "compare",
    "read_arguments",
    "read_order",
    "read_training",
    "refuse_more_epochs",
]

# What an error quotes of a file that may come from anybody.
_LONGEST_NAME = 40
_MOST_NAMES = 10


# ---------------------------------------------------------------- the section "training"


@dataclass
class Standing:
    """Where a training stands between two epochs, beside the parameters and the records.

    Attributes
    ----------
    optimizer : Optimizer
    rng : Generator or RandomState
    order : ndarray of intp or None
        The rows in the order of the last epoch, which the next shuffle starts from; None where
        they are taken as they lie.
    """

    optimizer: Optimizer
    rng: Any
    order: np.ndarray | None

    def write(
        self, path: Any, sections: Any, tensors: dict[str, np.ndarray], training: dict[str, Any]
    ) -> None:
        """Write a model's sections and tensors, and the section "training".

        Its entries are JSON, in order; what "random" and "order" hold is put in their places.
        """
        order = self.order
        known = {
            "random": values.encode(self.rng, "random_state"),
            "order": None if order is None else len(order),
        }
        sections = {**sections, "training": {**training, **known}}
        if order is not None:
            tensors = {**tensors, "order": order.astype(np.int64, copy=False)}
        write(path, sections, tensors)

    def move_to(self, there: "Standing") -> None:
        """Go on from there, with the caller's own generator and optimizer."""
        state: Any = there.optimizer.__getstate__()
        own: Any = self.optimizer
        # what the constructor was told has been compared; the rate may have changed since
        own.__setstate__(
            own.__getstate__() | {name: state[name] for name in ("t", "mu_product", "slots")}
        )
        own.learning_rate = there.optimizer.learning_rate
        if self.order is not None:
            self.order[:] = there.order
        if isinstance(self.rng, np.random.RandomState):
            self.rng.set_state(there.rng.get_state())
        else:
            self.rng.bit_generator.state = there.rng.bit_generator.state


def read_training(
    reader: ModelReader, entries: tuple[str, ...], random: type[Any]
) -> dict[str, Any]:
    """The section "training": it has these entries, and random states of this type."""
    section = reader.sections["training"]
    with reader.reading("training"):
        if not isinstance(section, dict) or set(section) != set(entries):
            raise ValueError(f"expected an object with the entries {', '.join(sorted(entries))}")
        found = {name: values.decode(section[name]) for name in entries if name != "arguments"}
        found["arguments"] = read_arguments(section["arguments"])
        for name in entries:
            if name.startswith("random") and not isinstance(found[name], random):
                raise ValueError(f"{name} is not the state of a {random.__name__}")
        if not isinstance(found.get("finished", False), bool):
            raise ValueError("finished must be true or false")
    return found


def read_arguments(encoded: Any) -> dict[str, Any]:
    """A fit's arguments from JSON: a network's are values by name, an estimator's one dict."""
    if not isinstance(encoded, dict):
        raise ValueError("arguments must be an object")
    if set(encoded) != {"dict"}:
        return {name: values.decode(one) for name, one in encoded.items()}
    found: dict[str, Any] = values.decode(encoded)
    if not all(isinstance(name, str) for name in found):
        raise ValueError("arguments must be a dict of names and values")
    return found


def read_order(reader: ModelReader, order: np.ndarray | None, which: str) -> np.ndarray | None:
    """The order in a checkpoint whose tensors have been checked.

    Parameters
    ----------
    reader : ModelReader
    order : ndarray of intp or None
        That of this fit, which has the same numbers.
    which : str
        What numbers those are, for the error.

    Raises
    ------
    ModelFileError
        If the file has other numbers, or none, or some where this fit has none.
    """
    with reader.reading("order"):
        if order is None:
            if "order" in reader.tensors:
                raise ValueError("there is one, but the examples are not shuffled")
            return None
        if "order" not in reader.tensors:
            raise ValueError("there is none")
        if reader.tensors["order"][1] != order.shape:
            raise ValueError(f"expected {len(order)} numbers")
        found = reader.tensor("order")
        if not np.array_equal(np.sort(found), np.sort(order)):
            raise ValueError(f"the numbers are not those {which}, each once")
    return found.astype(np.intp, copy=False)


def compare(name: str, there: dict[str, Any], here: dict[str, Any], what: str) -> None:
    """Compare the fit that wrote a checkpoint with the one that is to go on from it.

    Parameters
    ----------
    name : str
        The file, for the error.
    there, here : dict
        What decides the bits of an epoch, plain values by name, in the file and in this fit.
    what : str
        What these values are called.

    Raises
    ------
    ValueError
        If a value differs, or one of them has a name that the other has not.
    """
    differences = [
        f"{key[:_LONGEST_NAME]} was {values.shown(there.get(key))} there and is "
        f"{values.shown(here.get(key))} here"
        for key in {**here, **there}
        if key not in there or key not in here or not _equal(there[key], here[key])
    ]
    if differences:
        raise ValueError(
            f"the checkpoint {name} is of another fit: {'; '.join(differences[:_MOST_NAMES])}. A "
            f"resumed fit takes the {what} and the data of the one it goes on with"
        )


def refuse_more_epochs(name: str, done: int, most: int, asked: str) -> None:
    """Raise ValueError where a checkpoint has gone further than the fit that is to go on."""
    if done > most:
        raise ValueError(f"the checkpoint {name} has {done} epochs behind it, but {asked}")


def normalised(value: Any) -> Any:
    """A parameter in lists and Python's numbers, so that (5,) and np.array([5]) are the same."""
    if isinstance(value, np.generic | np.ndarray):
        return normalised(value.tolist())
    if isinstance(value, list | tuple):
        return [normalised(one) for one in value]
    if isinstance(value, dict):
        return {normalised(key): normalised(one) for key, one in value.items()}
    return value


def _equal(one: Any, other: Any) -> bool:
    """Whether two plain values are the same, arrays among them too."""
    return bool(values.dumps(values.encode(one, "")) == values.dumps(values.encode(other, "")))
