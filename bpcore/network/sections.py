"""A network as the sections and tensors of a model file, and back.

The section "network" says what the constructor is told and where the random generator stands; θ
follows layer by layer as tensors weights.1, biases.1, weights.2, …
"""

from typing import Any, TypeVar

import numpy as np

from bpcore import checks as check
from bpcore._core import optimizers
from bpcore.files import values
from bpcore.files.reader import ModelReader
from bpcore.files.sections import (
    NETWORK_ENTRIES,
    describe_history,
    describe_optimizer,
    read_history,
    read_optimizer,
)
from bpcore.network.architecture import Architecture
from bpcore.network.optimizer import Optimizer

__all__ = ["check_loss", "describe_network", "network_file", "read_best", "read_network"]

N = TypeVar("N", bound=Architecture)


# ---------------------------------------------------------------- out


def network_file(
    network: Architecture, optimizer: optimizers.Optimizer | None = None
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The sections and the tensors of a network's file.

    optimizer: the one that trains it; None: ``optimizer_``, where there is one.
    """
    section, tensors = describe_network(network)
    sections: dict[str, Any] = {"kind": "Network", "network": section}
    if "history_" in vars(network):
        sections["history"] = describe_history(network.history_)
    if optimizer is None:
        optimizer = vars(network).get("optimizer_")
    if optimizer is not None:
        sections["optimizer"], slots = describe_optimizer(optimizer)
        tensors |= slots
    return sections, tensors


def describe_network(network: Architecture) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The section "network", and θ as tensors weights.1, biases.1 and so on."""
    activations = [list(one) if isinstance(one, tuple) else one for one in network.activations]
    section = {
        "layer_sizes": list(network.layer_sizes),
        "activations": activations,
        "loss": values.encode(_as_list(network.loss), "loss"),
        "dropout": list(network.dropout),
        "dtype": network.dtype.name,
        "random": values.encode(network._rng, "the network's random_state"),
    }
    return section, _layers(network)


def check_loss(loss: Any) -> None:
    """Refuse a function, which no file can hold."""
    if callable(loss):
        raise TypeError(
            f"the network's loss is the function {check.loss_in_words(loss)}, which a model file "
            "cannot hold: save one with a loss by name, or keep theta = network.parameters and "
            "set_parameters(theta)"
        )


def _as_list(loss: Any) -> Any:
    check_loss(loss)
    return loss if isinstance(loss, str) else list(loss)


def _layers(network: Architecture) -> dict[str, np.ndarray]:
    pairs = zip(network.weights, network.biases, strict=True)
    return {
        f"{what}.{layer}": array
        for layer, pair in enumerate(pairs, start=1)
        for what, array in zip(("weights", "biases"), pair, strict=True)
    }


# ---------------------------------------------------------------- in


def read_network(
    reader: ModelReader, cls: type[N], allow_nonfinite: bool = False, last: bool = False
) -> N:
    """The network, an object of ``cls``, of a file whose tensors have been checked.

    last: whether a checkpoint's θ is that of its last epoch, to go on from, and not that of the
    best one, which its fit would have left.
    """
    section = reader.section("network", NETWORK_ENTRIES)
    with reader.reading("network"):
        *hidden, output = section["activations"]
        network = cls(
            section["layer_sizes"],
            activation=hidden,
            output_activation=output,
            loss=section["loss"],
            dtype=section["dtype"],
            init="zeros",
            random_state=0,
            dropout=section["dropout"],
        )
        if not isinstance(section["random"], np.random.Generator):
            raise ValueError("random is not the state of a generator")
        network._rng = section["random"]
    for name, array in _layers(network).items():
        array[...] = tensor = reader.tensor(name)
        if not (allow_nonfinite or np.isfinite(tensor).all()):
            raise reader.fault(
                f"the tensor {name} holds NaN or infinity; load(…, allow_nonfinite=True) takes "
                "it as it is"
            )
    if not last and (best := read_best(reader)) is not None:
        network.parameters[:] = best
    if "history" in reader.sections:
        network.history_ = read_history(reader)
    if "optimizer" in reader.sections and "estimator" not in reader.sections:
        network.optimizer_ = read_optimizer(reader, network.n_parameters, network.dtype, Optimizer)
    return network


def read_best(reader: ModelReader) -> np.ndarray | None:
    """θ of the best epoch, in a checkpoint of a fit with patience."""
    if reader.sections.get("best") is not True:
        return None
    best = reader.tensor("best_parameters")
    if not np.isfinite(best).all():
        raise reader.fault("the tensor best_parameters holds NaN or infinity")
    return best
