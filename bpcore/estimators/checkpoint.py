"""Checkpoints of an estimator's ``fit``: its model file with the state of its training.

Such a file holds what ``save`` writes of the estimator between two epochs, the best weights so far
among it, and beside it the order of the examples and the random state: that from which the fit
began, which draws the same held-out rows again, and that of now.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from bpcore._core.rows import Rows
from bpcore.checks import as_integer
from bpcore.estimators.data import Split
from bpcore.estimators.record import FitRecord, attributes_shown
from bpcore.estimators.sections import describe_estimator, read_estimator
from bpcore.estimators.state import State
from bpcore.files import values
from bpcore.files.checkpoint import compare, fingerprint, read_order, write_checkpoint
from bpcore.files.reader import ModelReader, library
from bpcore.files.replace import check_target
from bpcore.files.sections import expected_tensors

__all__ = ["EstimatorCheckpoints", "LoadedCheckpoint", "check_arguments", "random_before"]

_TRAINING = {"arguments", "random", "random_before", "order", "finished"}
# Parameters that may differ in a resumed fit, since no bit of an epoch depends on them. (Schedules
# depend on max_iter; they are compared themselves. Layers stand in layer_sizes.)
_FREE = {
    "max_iter", "verbose", "callback", "random_state", "warm_start", "hidden_layer_sizes", "n_jobs",
}  # fmt: skip
_OPTIMIZER = ("momentum", "nesterov", "beta_1", "beta_2", "epsilon", "schedule")
# Entries of the record that no epoch changes, or that the file has in a place of their own.
_NOT_WRITTEN = {"split_seed", "optimizer", "rate"}
_SHOWN = attributes_shown(State)


def check_arguments(est: Any, checkpoint: Any, every: Any, resume: Any) -> None:
    """Before a fit: whether it can write and read such files.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or the fit is one of L-BFGS or goes on from an earlier one.
    OSError
        If there can be no file.
    """
    as_integer(every, "checkpoint_every")
    if checkpoint is None and resume is None:
        return
    if est.solver == "lbfgs":
        raise ValueError(
            "checkpoint and resume: L-BFGS keeps its state inside SciPy, which does not show it. "
            "Use a stochastic solver, or save the estimator from a callback"
        )
    if est.warm_start and hasattr(est, "coefs_"):
        raise ValueError(
            "checkpoint and resume: a warm start goes on from weights that no checkpoint tells. "
            "Use a new estimator, or warm_start=False"
        )
    library()
    if checkpoint is not None:
        check_target(checkpoint)


def random_before(path: Any) -> np.random.RandomState:
    """The random state from which the run began whose checkpoint this is."""
    with ModelReader(path) as reader:
        state: np.random.RandomState = _training(reader)["random_before"]
    return state


def _training(reader: ModelReader) -> dict[str, Any]:
    """The section "training" of an estimator's checkpoint, decoded and checked."""
    if not {"training", "optimizer", "estimator"} <= set(reader.sections):
        raise reader.fault(
            "no checkpoint of an estimator; fit(…, checkpoint=…) of one writes files to resume from"
        )
    training = reader.section("training", _TRAINING)
    with reader.reading("training"):
        for name in ("random", "random_before"):
            if not isinstance(training[name], np.random.RandomState):
                raise ValueError(f"{name} is not the state of a RandomState")
        arguments = training["arguments"]
        if not isinstance(arguments, dict) or not all(isinstance(one, str) for one in arguments):
            raise ValueError("arguments must be a dict of names and values")
        if not isinstance(training["finished"], bool):
            raise ValueError("finished must be true or false")
    return training


class EstimatorCheckpoints:
    """The state of an estimator's fit that checkpoints are written of, or that one is read into.

    Parameters
    ----------
    est : estimator
        Prepared for its first epoch, with its optimizer.
    data : Split
    before : dict
        The fit's random state before anything was drawn, as JSON has it.
    """

    def __init__(self, est: Any, data: Split, before: dict[str, Any]) -> None:
        self.est = est
        self.before = before
        describe_estimator(est, callback=False)  # what no file can hold is refused here
        training, validation = data.training, data.validation
        looked_at: list[Rows | np.ndarray | None] = [training.x, training.y, training.weights]
        if validation is not None:
            looked_at += [validation.x, validation.y]
        parameters = est.get_params(deep=False)
        optimizer = est._record.optimizer
        self.arguments = {
            **{name: _normalised(one) for name, one in parameters.items() if name not in _FREE},
            **{f"optimizer's {name}": _normalised(getattr(optimizer, name)) for name in _OPTIMIZER},
            "layer_sizes": list(est._network.layer_sizes),
            "dtype": est._network.dtype.name,
            "n_rows": training.n,
            "data": fingerprint(*looked_at),
        }

    def write(self, path: Any, order: np.ndarray | None, rng: Any, finished: bool) -> None:
        """Write a checkpoint: the state between two epochs."""
        sections, tensors = describe_estimator(self.est, callback=False)
        training = {
            "arguments": values.encode(self.arguments, "a parameter"),
            "random": values.encode(rng, "random_state"),
            "random_before": self.before,
            "order": None,  # here since format 1; written in its place
            "finished": finished,
        }
        write_checkpoint(path, sections, tensors, training, order)

    def resume(self, path: Any, order: np.ndarray | None) -> "LoadedCheckpoint":
        """Take over a checkpoint.

        Raises
        ------
        ModelFileError
            If the file is damaged.
        ValueError
            If it is of another fit.
        """
        est = self.est
        with ModelReader(path) as reader:
            training = _training(reader)
            reader.check_tensors(expected_tensors(reader))
            compare(
                reader.name,
                {"kind": reader.sections["kind"], **training["arguments"]},
                {"kind": type(est).__name__, **self.arguments},
                "parameters",
            )
            there = read_estimator(reader, type(est))
            network, optimizer = there._network, there._record.optimizer
            with reader.reading("training"):
                if (network.layer_sizes, network.dtype) != (
                    est._network.layer_sizes,
                    est._network.dtype,
                ):
                    raise ValueError("the network is not the one that it describes")
                if optimizer.name != est._record.optimizer.name:
                    raise ValueError(f"{optimizer.name} is not the solver that it describes")
                entries = self._entries(vars(there._record))
            loaded = LoadedCheckpoint(
                read_order(reader, order, "of the training rows"),
                training["random"],
                training["finished"],
            )
        if there.n_iter_ > est.max_iter:
            raise ValueError(
                f"the checkpoint {reader.name} has {there.n_iter_} epochs behind it, but max_iter "
                f"is {est.max_iter}"
            )
        est._network.parameters[:] = network.parameters
        state: Any = optimizer.__getstate__()
        own: Any = est._record.optimizer
        own.__setstate__(
            own.__getstate__() | {name: state[name] for name in ("t", "mu_product", "slots")}
        )
        own.learning_rate = optimizer.learning_rate
        vars(est._record).update(entries)
        return loaded

    def _entries(self, there: dict[str, Any]) -> dict[str, Any]:
        """What an epoch writes to the record, from the file: as much as this fit has."""
        here, found = vars(self.est._record), {}
        for one in fields(FitRecord):
            name, shown = one.name, _SHOWN.get(one.name, one.name)
            if name in _NOT_WRITTEN or (name == "best_theta" and name not in here):
                continue
            if name not in there:
                raise ValueError(f"{shown} is missing")
            found[name] = there[name]
            if name in here and (here[name] is None) != (found[name] is None):
                raise ValueError(f"{shown} is of another kind of fit")
        if found["loss"] is None or found["n_iter"] < 1:
            raise ValueError("no epoch has ended")
        for name, value in found.items():
            if isinstance(value, list) and len(value) != found["n_iter"]:
                raise ValueError(f"{_SHOWN[name]} has not one entry an epoch")
        return found


@dataclass
class LoadedCheckpoint:
    """What a checkpoint holds beside the estimator.

    Attributes
    ----------
    order : ndarray of intp or None
        The rows in the order of the last epoch.
    random : RandomState
    finished : bool
        Whether the fit had come to its end before max_iter.
    """

    order: np.ndarray | None
    random: np.random.RandomState
    finished: bool


def _normalised(value: Any) -> Any:
    """A parameter in lists and Python's numbers, so that (5,) and np.array([5]) are the same."""
    if isinstance(value, np.generic | np.ndarray):
        return _normalised(value.tolist())
    if isinstance(value, list | tuple):
        return [_normalised(one) for one in value]
    if isinstance(value, dict):
        return {_normalised(key): _normalised(one) for key, one in value.items()}
    return value
