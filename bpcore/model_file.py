"""Model files: networks and estimators on disk, in the safetensors format.

A file holds θ layer by layer (tensors weights.1 of shape (n_1, n_0), biases.1, weights.2, …)
and, in its metadata, one entry "bpcore" of JSON: format version, architecture, loss, random
state, history, and for estimators their parameters, classes and feature names. The checkpoints
of ``Network.fit`` are the same files with the state of the training in addition: optimizer,
its slots, the order of the examples. Nothing in a file can run code.
"""

import importlib
from typing import Any

from bpcore.exceptions import ModelFileError
from bpcore.files.reader import ModelReader
from bpcore.files.sections import expected_tensors
from bpcore.files.writer import kind_of

__all__ = ["ModelFileError", "load", "save"]

# kind: (package with the class of that name, function of its module ``sections`` that reads one,
# the section that such a file has beside "network", if any);
# imported when a file asks for it, since the estimators bring scikit-learn with them
_KINDS = {
    "Network": ("bpcore.network", "read_network", None),
    "MLPClassifier": ("bpcore.estimators", "read_estimator", "estimator"),
    "MLPRegressor": ("bpcore.estimators", "read_estimator", "estimator"),
    "TabularClassifier": ("bpcore.tabular", "read_tabular", "tabular"),
    "TabularRegressor": ("bpcore.tabular", "read_tabular", "tabular"),
}


def save(path: Any, model: Any) -> None:
    """Write a network or a fitted estimator to a file; ``model.save(path)`` says the same.

    The file is there as a whole or not at all: it is written beside the target, flushed to the
    disk, and then renamed.

    Parameters
    ----------
    path : str or path-like
        By custom it ends in ".safetensors". What is there is replaced.
    model : Network, MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor

    Raises
    ------
    TypeError
        If the model holds what a file cannot: a callback, labels that are no plain values.
    ImportError
        If safetensors is not installed: ``pip install "bpcore[files]"``.
    OSError
        If the file cannot be written.
    """
    kind_of(model)
    model.save(path)


def load(path: Any, *, allow_nonfinite: bool = False) -> Any:
    """Read a network or an estimator from a model file or a checkpoint.

    The file may come from anybody: reading it runs no code that it brings, and takes memory in
    proportion to its length.

    Parameters
    ----------
    path : str or path-like
    allow_nonfinite : bool, default=False
        Whether parameters may be NaN or infinite.

    Returns
    -------
    Network, MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
        As it was saved, in the same dtype. A network's random state, ``history_`` and
        ``optimizer_`` come back with it, an estimator's parameters, its fitted attributes, and
        the state of its optimizer for ``partial_fit``.

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
    ...     copy = bpcore.load(path)
    >>> copy
    <Network 784-16-16-10: 13,002 parameters, sigmoid, sigmoid, sigmoid; loss quadratic; float32>
    >>> bool((copy.parameters == net.parameters).all())
    True
    """
    with ModelReader(path) as reader:
        kind = reader.sections["kind"]
        if not isinstance(kind, str) or kind not in _KINDS:
            raise reader.fault(f"it holds a {kind!r}, expected a network or an estimator")
        room, read, own = _KINDS[kind]
        there = {"estimator", "tabular"} & set(reader.sections)
        if there != ({own} - {None}):
            raise reader.fault(f"it holds a {kind}, and its sections are those of another kind")
        reader.check_tensors(expected_tensors(reader))
        cls = getattr(importlib.import_module(room), kind)
        sections = importlib.import_module(f"{room}.sections")
        return getattr(sections, read)(reader, cls, allow_nonfinite)
