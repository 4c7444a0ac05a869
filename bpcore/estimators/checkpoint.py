"""Checkpoints of an estimator's ``fit``: its model file with the state of its training.

Such a file holds what ``save`` writes of the estimator between two epochs, the best weights so far
among it, and beside it the order of the examples and the random state: that from which the fit
began, which draws the same held-out rows again, and that of now.
"""

from dataclasses import fields
from typing import Any

import numpy as np

from bpcore.estimators.data import Split
from bpcore.estimators.record import OF_EVIDENCE, FitRecord, attributes_shown
from bpcore.estimators.sections import describe_estimator, read_estimator
from bpcore.estimators.state import State
from bpcore.estimators.views import has_coefs
from bpcore.files import checkpoint as files
from bpcore.files import values
from bpcore.files.reader import ModelReader, library
from bpcore.files.replace import check_target
from bpcore.files.sections import expected_tensors

__all__ = ["EstimatorCheckpoints", "begin"]

_ENTRIES = ("arguments", "random", "random_before", "order", "finished")
# Parameters that may differ in a resumed fit, since no bit of an epoch depends on them. (Schedules
# depend on max_iter; they are compared themselves. Layers stand in layer_sizes.)
_FREE = {
    "max_iter", "verbose", "callback", "random_state", "warm_start", "hidden_layer_sizes", "n_jobs",
}  # fmt: skip
_OPTIMIZER = ("momentum", "nesterov", "beta_1", "beta_2", "epsilon", "schedule")
# Entries of the record that no epoch changes, or that the file has in a place of their own.
_NOT_WRITTEN = {"split_seed", "optimizer", "rate", *OF_EVIDENCE}
# Those that only some fits have: with early stopping, with dropout.
_NOT_ALWAYS = {"best_theta", "dropout_seed"}
_SHOWN = attributes_shown(State)


def begin(
    est: Any, rng: np.random.RandomState, checkpoint: Any, resume: Any
) -> tuple[np.random.RandomState, dict[str, Any]]:
    """Before a fit that writes or reads such files: the random state that it begins from.

    Returns it, the file's for one that resumes, and its JSON from before anything is drawn.

    Raises
    ------
    TypeError, ValueError
        If the fit is one of L-BFGS, goes on from an earlier one, or no file can hold ``rng``.
    OSError
        If there can be no file.
    """
    if est.solver == "lbfgs":
        raise ValueError(
            "checkpoint and resume: L-BFGS keeps its state inside SciPy. "
            "Use another solver, or save the estimator from a callback"
        )
    if est.warm_start and has_coefs(est):
        raise ValueError(
            "checkpoint and resume: a warm start goes on from weights that no checkpoint tells. "
            "Use a new estimator, or warm_start=False"
        )
    library()
    if checkpoint is not None:
        check_target(checkpoint)
    if resume is not None:
        with ModelReader(resume) as reader:
            rng = _training(reader)["random_before"]
    return rng, values.encode(rng, "random_state")


def _training(reader: ModelReader) -> dict[str, Any]:
    """The section "training" of an estimator's checkpoint."""
    if not {"training", "optimizer", "estimator"} <= set(reader.sections):
        raise reader.fault(
            "no checkpoint of an estimator; fit(…, checkpoint=…) of one writes files to resume from"
        )
    there = reader.sections["training"]
    more = ("solver",) if isinstance(there, dict) and "solver" in there else ()
    return files.read_training(reader, (*_ENTRIES, *more), np.random.RandomState)


class EstimatorCheckpoints:
    """The state of an estimator's fit that checkpoints are written of, or that one is read into.

    Parameters
    ----------
    est : estimator
        Prepared for its first epoch, with its optimizer.
    data : Split
    standing : Standing
    before : dict
        The fit's random state before anything was drawn, as JSON has it.
    more : dict, optional
        What else decides the bits of an epoch, beside the parameters and the data.
    solver : LevenbergMarquardt, optional
        What makes the iterations of lm.
    """

    def __init__(
        self,
        est: Any,
        data: Split,
        standing: files.Standing,
        before: Any,
        more: dict[str, Any] | None = None,
        solver: Any = None,
    ) -> None:
        self.est, self.standing, self.before, self.solver = est, standing, before, solver
        describe_estimator(est, callback=False)  # what no file can hold is refused here
        parameters = est.get_params(deep=False)
        optimizer = standing.optimizer
        arguments = {
            **{name: one for name, one in parameters.items() if name not in _FREE},
            **{f"optimizer's {name}": getattr(optimizer, name) for name in _OPTIMIZER},
            "layer_sizes": list(est._network.layer_sizes),
            "dtype": est._network.dtype.name,
            "n_rows": data.training.n,
            "data": data.fingerprint(),
            **(more or {}),
        }
        self.arguments = files.normalised(arguments)

    def write(self, path: Any, finished: bool) -> None:
        """Write a checkpoint: the state between two epochs."""
        training = {
            **dict.fromkeys(_ENTRIES),
            "arguments": values.encode(self.arguments, "a parameter"),
            "random_before": self.before,
            "finished": finished,
        }
        if self.solver is not None:
            training["solver"] = values.encode(self.solver.squares.state, "the solver's state")
        self.standing.write(path, *describe_estimator(self.est, callback=False), training)

    def resume(self, path: Any) -> bool:
        """Take over a checkpoint; whether that fit had come to its end before max_iter.

        Raises
        ------
        ModelFileError
            If the file is damaged.
        ValueError
            If it is of another fit.
        """
        est, own = self.est, self.est._network
        with ModelReader(path) as reader:
            training = _training(reader)
            reader.check_tensors(expected_tensors(reader))
            files.compare(
                reader.name,
                {"kind": reader.sections["kind"], **training["arguments"]},
                {"kind": type(est).__name__, **self.arguments},
                "parameters",
            )
            there = read_estimator(reader, type(est), last=True)
            network, optimizer = there._network, there._record.optimizer
            with reader.reading("training"):
                if (network.layer_sizes, network.dtype) != (own.layer_sizes, own.dtype):
                    raise ValueError("the network is not the one that it describes")
                if optimizer.name != self.standing.optimizer.name:
                    raise ValueError(f"{optimizer.name} is not the solver that it describes")
                entries = _written(vars(there._record), vars(est._record))
                state = _state_of(self.solver, training.get("solver"))
            order = files.read_order(reader, self.standing.order, "of the training rows")
        asked = f"max_iter is {est.max_iter}"
        files.refuse_more_epochs(reader.name, entries["n_iter"], est.max_iter, asked)
        own.parameters[:] = network.parameters
        vars(est._record).update(entries)
        if "dropout_seed" not in entries:
            vars(est._record).pop("dropout_seed", None)
        self.standing.move_to(files.Standing(optimizer, training["random"], order))
        if self.solver is not None:
            self.solver.go_on(state=state)
        finished: bool = training["finished"]
        return finished


def _state_of(solver: Any, state: Any) -> Any:
    """The state of lm in a file, which has one where this fit has lm."""
    if solver is None and state is None:
        return None
    if solver is None or not (
        isinstance(state, np.ndarray)
        and (state.shape, state.dtype) == (solver.squares.state.shape, np.float64)
        and np.isfinite(state).all()
        and (state >= 0).all()
    ):
        raise ValueError("the solver's state is not that of this fit's")
    return state


def _written(there: dict[str, Any], here: dict[str, Any]) -> dict[str, Any]:
    """What epochs write to a record, from the file's: as much as this fit has."""
    found = {}
    for name in (one.name for one in fields(FitRecord)):
        if name in _NOT_WRITTEN or (name in _NOT_ALWAYS and name not in here):
            continue
        if name == "dropout_seed" and name not in there:
            continue  # a file from before it was kept: dropout is drawn as it was then
        shown = _SHOWN.get(name, name)
        if name not in there:
            raise ValueError(f"{shown} is missing")
        found[name] = there[name]
        if name in here and name != "best_theta" and (here[name] is None) != (found[name] is None):
            raise ValueError(f"{shown} is of another kind of fit")
    if found["loss"] is None or found["n_iter"] < 1:
        raise ValueError("no epoch has ended")
    for name, value in found.items():
        if isinstance(value, list) and len(value) != found["n_iter"]:
            raise ValueError(f"{_SHOWN[name]} has not one entry an epoch")
    return found
