"""Model files: networks and estimators on disk, in the safetensors format.

A file holds θ layer by layer (tensors weights.1 of shape (n_1, n_0), biases.1, weights.2, …)
and, in its metadata, one entry "bpcore" of JSON: format version, architecture, loss, random
state, history, and for estimators their parameters, classes and feature names. The checkpoints
of ``Network.fit`` are the same files with the state of the training in addition: optimizer,
its slots, the order of the examples. Nothing in a file can run code.
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from bpcore._version import __version__
from bpcore.estimators.sections import describe_estimator, read_estimator
from bpcore.exceptions import ModelFileError
from bpcore.files import values as plain
from bpcore.files.reader import (
    FORMAT_VERSION,
    LONGEST_HEADER,
    METADATA_KEY,
    ModelReader,
    library,
    reserve,
)
from bpcore.files.replace import replace_file
from bpcore.files.sections import (
    describe_history,
    describe_network,
    expected_tensors,
    read_network,
    read_optimizer,
)
from bpcore.network import Network

__all__ = ["ModelFileError", "load", "save"]


def save(path: Any, model: Any) -> None:
    """Write a network or a fitted estimator to a file; ``model.save(path)`` says the same.

    The file is there as a whole or not at all: it is written beside the target, flushed to the
    disk, and then renamed.

    Parameters
    ----------
    path : str or path-like
        By custom it ends in ".safetensors". What is there is replaced.
    model : Network, MLPClassifier or MLPRegressor

    Raises
    ------
    TypeError
        If the model holds what a file cannot: a callback, labels that are no plain values.
    ImportError
        If safetensors is not installed: ``pip install "bpcore[files]"``.
    OSError
        If the file cannot be written.
    """
    if type(model) is Network:
        write(path, *network_file(model))
    else:
        write(path, *describe_estimator(model))


def network_file(network: Network) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The sections and the tensors of a network's file."""
    section, tensors = describe_network(network)
    sections: dict[str, Any] = {"kind": "Network", "network": section}
    if "history_" in vars(network):
        sections["history"] = describe_history(network.history_)
    return sections, tensors


def write(path: Any, sections: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
    """Write these sections and tensors as a model file."""
    safetensors = library()
    save_file = importlib.import_module("safetensors.numpy").save_file
    text = plain.dumps(
        {"format_version": FORMAT_VERSION, "bpcore_version": __version__, **sections}
    )

    def write_to(new: Path) -> None:
        reserve(2 * len(text))
        try:
            save_file(tensors, new, metadata={METADATA_KEY: text})
        except safetensors.SafetensorError as error:  # the disk is full, say
            raise OSError(f"{path} could not be written: {error}") from error
        with new.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
        if length > LONGEST_HEADER:
            raise ValueError(
                f"what {path} is to hold beside tensors (history, classes, names of features) "
                f"takes {length:,} bytes, and {LONGEST_HEADER:,} is the most"
            )

    replace_file(path, write_to)


def load(path: Any, *, allow_nonfinite: bool = False) -> Any:
    """Read a network or an estimator from a model file, or a network from a checkpoint.

    The file may come from anybody: reading it runs no code that it brings, and takes memory in
    proportion to its length.

    Parameters
    ----------
    path : str or path-like
    allow_nonfinite : bool, default=False
        Whether parameters may be NaN or infinite.

    Returns
    -------
    Network, MLPClassifier or MLPRegressor
        As it was saved, in the same dtype. A network's random state and ``history_`` come back
        with it, an estimator's parameters, its fitted attributes, and the state of its optimizer
        for ``partial_fit``.

    Raises
    ------
    ModelFileError
        If it is no model file, or a damaged one, or one of a newer format; the message names
        the file and the fault. It is a ValueError.
    ImportError
        If safetensors is not installed: ``pip install "bpcore[files]"``.
    OSError
        If the file cannot be opened or read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import bpcore
    >>> net = bpcore.Network((784, 16, 16, 10), random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "digits.safetensors")
    ...     net.save(path)
    ...     twin = bpcore.load(path)
    >>> twin
    <Network 784-16-16-10: 13,002 parameters, sigmoid, sigmoid, sigmoid; loss quadratic; float32>
    >>> bool((twin.parameters == net.parameters).all())
    True
    """
    with ModelReader(path) as reader:
        kind = reader.sections["kind"]
        if kind not in ("Network", "MLPClassifier", "MLPRegressor"):
            raise reader.fault(f"it holds a {kind!r}, expected a network or an estimator")
        is_estimator = kind != "Network"
        if is_estimator != ("estimator" in reader.sections):
            raise reader.fault(f"it holds a {kind}, and its sections are those of another kind")
        reader.check_tensors(expected_tensors(reader))
        network = read_network(reader, allow_nonfinite)
        optimizer = read_optimizer(reader, network) if "optimizer" in reader.sections else None
        if not is_estimator:
            return network
        return read_estimator(reader, kind, network, optimizer, allow_nonfinite)
