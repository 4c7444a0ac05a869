"""Sections that several kinds of model files have: a history, an optimizer, as JSON and back.

``expected_tensors`` tells from all sections of a file which tensors it has to hold.
"""

import math
from typing import Any

import numpy as np

from bpcore._core.optimizers import Optimizer
from bpcore.checks import as_integer, as_layer_sizes
from bpcore.files import values
from bpcore.files.reader import ModelReader
from bpcore.history import History

__all__ = [
    "NETWORK_ENTRIES",
    "describe_history",
    "describe_optimizer",
    "expected_tensors",
    "read_history",
    "read_optimizer",
]

# The entries of the section "network".
NETWORK_ENTRIES = {"layer_sizes", "activations", "loss", "dropout", "dtype", "random"}
_RECORDS = ("cost", "validation_cost", "validation_score", "learning_rate", "seconds")
# In the histories of fits with l2="evidence"; the others stay as they always were.
_ESTIMATES = ("l2", "effective_parameters", "noise_std")
_RATES = ("learning_rate", "momentum", "nesterov", "beta_1", "beta_2", "epsilon", "schedule")
_OPTIMIZER = {"name", *_RATES, "t", "mu_product", "slots"}
_MOST_SLOTS = 2


# ---------------------------------------------------------------- tensors


def expected_tensors(reader: ModelReader) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name → (dtype, shape) of every tensor that the file's metadata describes."""
    network = reader.section("network", NETWORK_ENTRIES)
    with reader.reading("network"):
        sizes = as_layer_sizes(network["layer_sizes"])
        # two tensors a layer: a short file cannot ask for a long list
        if len(sizes) - 1 > len(reader.tensors):
            raise ValueError(f"{len(sizes)} layers, but only {len(reader.tensors)} tensors")
        dtype = network["dtype"]
        if dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    expected: dict[str, tuple[str, tuple[int, ...]]] = {}
    n_parameters = 0
    for layer in range(1, len(sizes)):
        expected[f"weights.{layer}"] = (dtype, (sizes[layer], sizes[layer - 1]))
        expected[f"biases.{layer}"] = (dtype, (sizes[layer],))
        n_parameters += sizes[layer] * (sizes[layer - 1] + 1)
    vectors = []
    with reader.reading("its parts"):
        optimizer = reader.sections.get("optimizer")
        if optimizer is not None:
            slots = as_integer(optimizer["slots"], "slots", least=0)
            vectors += [f"optimizer.{i}" for i in range(min(slots, _MOST_SLOTS + 1))]
        holder = reader.sections
        if "estimator" in holder:
            own = holder["estimator"]
            holder = {"best": own["best"]}
            if own.get("posterior") is True:
                expected["posterior"] = ("float64", (n_parameters, n_parameters))
        if holder.get("best") is True:
            vectors.append("best_parameters")
        if "tabular" in reader.sections:
            others = as_integer(reader.sections["tabular"]["n_members"], "n_members") - 1
            if others > len(reader.tensors):
                raise ValueError(f"{others + 1} members, but only {len(reader.tensors)} tensors")
            vectors += [f"member.{k}" for k in range(1, others + 1)]
        if "training" in reader.sections:
            n_rows = reader.sections["training"]["order"]
            if n_rows is not None:
                expected["order"] = ("int64", (as_integer(n_rows, "order"),))
    return expected | dict.fromkeys(vectors, (dtype, (n_parameters,)))


# ---------------------------------------------------------------- history


def describe_history(history: History) -> dict[str, Any]:
    """The section "history"."""
    section: dict[str, Any] = {"n_examples": history.n_examples, "stopped": history.stopped}
    for name in (*_RECORDS, *(_ESTIMATES if history.l2 else ())):
        section[name] = values.encode(list(map(float, getattr(history, name))), name)
    return section


def read_history(reader: ModelReader) -> History:
    """The history of a file that has one."""
    there = reader.sections["history"]
    records = (*_RECORDS, *(_ESTIMATES if isinstance(there, dict) and "l2" in there else ()))
    section = reader.section("history", {"n_examples", "stopped", *records})
    with reader.reading("history"):
        for name in records:
            if not all(type(one) is float for one in _as_a_list(section[name], name)):
                raise ValueError(f"{name} holds something that is no float")
        if not (section["stopped"] is None or isinstance(section["stopped"], str)):
            raise ValueError("stopped must be null or a string")
        as_integer(section["n_examples"], "n_examples")
        return History(**section)


def _as_a_list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name} must be a list")
    return value


# ---------------------------------------------------------------- optimizer


def describe_optimizer(optimizer: Optimizer) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The section "optimizer", and the slots as tensors optimizer.0 and so on."""
    section = {"name": optimizer.name, "t": optimizer.t, "slots": len(optimizer.slots)}
    section |= {name: values.encode(getattr(optimizer, name), name) for name in _RATES}
    section["mu_product"] = values.encode(_state_of(optimizer)["mu_product"], "mu_product")
    return section, {f"optimizer.{i}": slot for i, slot in enumerate(optimizer.slots)}


def _state_of(optimizer: Optimizer) -> dict[str, Any]:
    state: dict[str, Any] = optimizer.__getstate__()  # type: ignore[assignment]
    return state


def read_optimizer(
    reader: ModelReader, n_parameters: int, dtype: np.dtype[Any], cls: Any = Optimizer
) -> Any:
    """The optimizer, an object of ``cls``, of a file whose tensors have been checked."""
    section = reader.section("optimizer", _OPTIMIZER)
    with reader.reading("optimizer"):
        optimizer = cls.__new__(cls)
        Optimizer.__init__(
            optimizer,
            section["name"],
            n_parameters,
            dtype=dtype,
            **{name: section[name] for name in _RATES},
        )
        if section["slots"] != len(optimizer.slots):
            raise ValueError(f"{section['name']} has {len(optimizer.slots)} slots")
        if as_integer(section["t"], "t", least=0) >= 2**62:
            raise ValueError("t is beyond what can be counted")
        mu_product = section["mu_product"]
        if type(mu_product) is not float or not 0 <= mu_product <= 1 or math.isnan(mu_product):
            raise ValueError("mu_product must lie between 0 and 1")
    state = _state_of(optimizer)
    state |= {
        "t": section["t"],
        "mu_product": mu_product,
        "slots": [reader.tensor(f"optimizer.{i}") for i in range(section["slots"])],
    }
    optimizer.__setstate__(state)
    return optimizer
