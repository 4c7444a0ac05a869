"""Checkpoints of an ensemble's ``fit``: its model file with the members that are trained.

What a member draws comes from a seed of its own, so that a fit which has some from a file and
trains the others ends with the bits of one that trained them all. A member that was cut short
begins anew. The file holds the members as they are before calibration.
"""

import copy
from typing import Any

from bpcore.files import checkpoint as files
from bpcore.files import values
from bpcore.files.fingerprint import fingerprint
from bpcore.files.reader import ModelReader, library
from bpcore.files.replace import check_target
from bpcore.files.sections import expected_tensors
from bpcore.files.writer import write
from bpcore.tabular.members import Member, Problem
from bpcore.tabular.sections import describe_tabular, read_tabular

__all__ = ["Checkpoints", "seed_of"]

_ENTRIES = ("arguments", "members", "order", "seed")
# Parameters on which no bit of a member depends.
_FREE = {"callback", "n_jobs", "random_state", "time_limit", "verbose"}


def seed_of(path: Any) -> int:
    """The seed of the fit that wrote a checkpoint.

    Raises
    ------
    ModelFileError
        If it is no checkpoint of an ensemble, or a damaged one.
    """
    with ModelReader(path) as reader:
        seed: int = _training(reader)["seed"]
        return seed


def _training(reader: ModelReader) -> dict[str, Any]:
    """The section "training" of an ensemble's checkpoint."""
    if not {"training", "tabular"} <= set(reader.sections):
        raise reader.fault(
            "no checkpoint of a TabularClassifier or TabularRegressor; fit(…, checkpoint=…) of one "
            "writes files to resume from"
        )
    found = files.read_training(reader, _ENTRIES, object)
    with reader.reading("training"):
        seed, members = found["seed"], found["members"]
        if type(seed) is not int or not 0 <= seed < 2**31:
            raise ValueError("seed must be an integer from 0 to 2**31 - 1")
        if not isinstance(members, list) or not all(type(k) is int and k >= 0 for k in members):
            raise ValueError("members must be a list of integers")
    return found


class Checkpoints:
    """What a fit writes after every member, and may go on from.

    Parameters
    ----------
    est : TabularClassifier or TabularRegressor
        Prepared for its first epoch.
    problem : Problem
    seed : int
        Of all that the fit draws.
    path : str, path-like or None
        Where to write; None: nowhere.
    """

    def __init__(self, est: Any, problem: Problem, seed: int, path: Any) -> None:
        library()
        if est.time_limit is not None:
            raise ValueError(
                "checkpoint and resume: with a time_limit the epochs of a member depend on the "
                "machine. Leave it out"
            )
        if path is not None:
            check_target(path)
        self.est, self.seed, self.path = est, seed, path
        parameters = est.get_params(deep=False)
        tables = (problem.X, problem.Y, problem.weights, *(problem.validation or ()))
        self.arguments = {
            **files.normalised({k: one for k, one in parameters.items() if k not in _FREE}),
            "data": fingerprint(*tables),
        }
        values.encode(self.arguments, "a parameter")  # what no file can hold is refused here
        self.members: dict[int, Member] = {}

    def add(self, k: int, member: Member) -> None:
        """Member k is trained: write the file anew."""
        self.members[k] = member
        if self.path is None:
            return
        numbers = sorted(self.members)
        training = {
            "arguments": values.encode(self.arguments, "a parameter"),
            "members": numbers,
            "order": None,
            "seed": self.seed,
        }
        so_far = copy.copy(self.est).set_params(callback=None)
        so_far._keep([self.members[k] for k in numbers])
        sections, tensors = describe_tabular(so_far)
        write(self.path, {**sections, "training": training}, tensors)

    def resume(self, path: Any) -> None:
        """Take over the members of a checkpoint.

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
            files.compare(
                reader.name,
                {
                    "kind": reader.sections["kind"],
                    "seed": training["seed"],
                    **files.normalised(training["arguments"]),
                },
                {"kind": type(est).__name__, "seed": self.seed, **self.arguments},
                "parameters",
            )
            there = read_tabular(reader, type(est))
            numbers = training["members"]
            with reader.reading("training"):
                if len(set(numbers)) != len(there._members) or max(numbers) >= est.n_members:
                    raise ValueError("members must be the number of each member, once")
                records = (there.loss_curves_, there.validation_scores_, there.best_epochs_)
                for k, network, *record in zip(numbers, there._members, *records, strict=True):
                    self.members[k] = Member(network, *record)
                    self.members[k].number = k
