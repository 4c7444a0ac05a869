"""Do the peers learn the same thing?  Asked before anything is timed.

Each starts from the same θ⁰ and takes the same rows in the same order. After some updates the
cost of its parameters, computed in float64 by the NumPy reference, has to agree with that of
the reference's own parameters.

Where a peer computes in float32 that may be too much to ask: Adam divides a gradient by its size,
and makes a step of η of one that is nothing but rounding. A peer that is off there is asked for the
same updates in float64, where rounding is no excuse.
"""

import math
from dataclasses import replace

import numpy as np

from suite import peers
from suite.data import Examples, examples
from suite.peers import numpy_peer
from suite.tasks import Task, initial_layers

TOLERANCE = 1e-4
# Of float32 where the same updates in float64 are off by no more than that.
ROUNDING_TOLERANCE = 1e-3
DOUBLE_TOLERANCE = 1e-9
# Fewer than this share of the cost gone, and agreement would say nothing.
LEAST_PROGRESS = 1e-3
UPDATES = 20
# FLOPs that they may take where all rows are one batch: a large network makes fewer updates, at
# least so many, on fewer rows. (On too few rows it would learn them by heart, and nothing would be
# left of the cost to compare.)
MOST_FLOPS = 3e11
LEAST_UPDATES = 4


def _few(task: Task) -> tuple[Task, Examples]:
    """Rows for UPDATES whole batches and a half one."""
    rows = task.rows
    if task.batch is not None:
        rows = min(rows, UPDATES * task.batch + (task.batch + 1) // 2)
    data = examples(task).first(rows)
    return replace(task, rows=rows), data


def _trained(trainer, way: str | int) -> list:
    """The layers after UPDATES single steps ("step"), or so many epochs."""
    if way == "step":
        for _ in range(UPDATES):
            trainer.step()
    else:
        trainer.run(way)
    return trainer.layers()


def _double(data: Examples) -> Examples:
    return Examples(data.X.astype(np.float64), data.Y.astype(np.float64), data.labels)


def _apart(layers: list, expected: list) -> float:
    """The largest difference between two lists of (w, b)."""
    pairs = (
        (a, b)
        for one, other in zip(layers, expected, strict=True)
        for a, b in zip(one, other, strict=True)
    )
    return max(float(np.abs(np.asarray(a, np.float64) - b).max()) for a, b in pairs)


class _Reference:
    """The costs that the NumPy reference reaches: what several peers train is asked once."""

    def __init__(self, data: Examples, threads: int) -> None:
        self.data, self.threads = _double(data), threads
        self.reached: dict = {}

    def cost(self, task: Task, way: str | int) -> float:
        """The cost after the updates, in order."""
        if (task, way) not in self.reached:
            trainer = numpy_peer.Trainer(
                replace(task, dtype="float64"),
                self.data,
                initial_layers(task),
                self.threads,
                shuffle=False,
            )
            self.reached[task, way] = numpy_peer.cost(task, _trained(trainer, way), self.data)
        return self.reached[task, way]


def _difference(
    kind,
    task: Task,
    data: Examples,
    threads: int,
    way: str | int,
    shuffle: bool,
    reference: _Reference,
) -> dict:
    layers = initial_layers(task)
    trained, doubled = kind.trained(task), reference.data
    expected = reference.cost(trained, way)
    trainer = kind(task, data, layers, threads, shuffle=shuffle)
    start = _apart(trainer.layers(), layers)
    reached = numpy_peer.cost(trained, _trained(trainer, way), doubled)
    found = {
        "loss": trained.loss,
        "start": start,
        "before": numpy_peer.cost(trained, layers, doubled),
        "after": reached,
        "expected": expected,
        "difference": abs(reached - expected) / abs(expected),
    }
    if task.dtype == "float32" and found["difference"] > TOLERANCE:
        task = replace(task, dtype="float64")
        twin = _difference(kind, task, doubled, threads, way, shuffle, reference)
        found["difference_in_float64"] = twin["difference"]
    return found


def differences(task: Task, names: list[str], threads: int, way: str = "run") -> dict[str, dict]:
    """Of each peer: what it trained, the cost before and after, and how far that is off.

    Batches are taken in order, and then, shuffled as when they are timed, rows in one batch, where
    the order must not matter. The worse of the two counts.
    """
    few, data = _few(task)
    epochs = UPDATES if task.batch is None else 1
    found = {}
    reference = _Reference(data, threads)
    updates = int(MOST_FLOPS / (few.rows * few.flops_a_row))
    updates = max(LEAST_UPDATES, min(UPDATES, updates))
    rows = min(few.rows, int(MOST_FLOPS / (updates * few.flops_a_row)))
    whole, its_data = replace(few, rows=rows, batch=rows), data.first(rows)
    its_reference = _Reference(its_data, threads)
    for name in names:
        kind = peers.trainer(name)
        tries = [
            _difference(
                kind, few, data, threads, "step" if way == "step" else epochs, False, reference
            )
        ]
        if way == "run" and task.batch is not None:
            tries.append(_difference(kind, whole, its_data, threads, updates, True, its_reference))
        # A wrong start, or a cost that is not a number, is the worst; then what is no rounding.
        found[name] = max(
            tries,
            key=lambda t: (
                t["start"] != 0,
                not t["difference"] <= 1,
                not _is_near(t),
                t["difference"],
            ),
        )
    return found


def _is_near(entry: dict) -> bool:
    if entry.get("difference_in_float64", math.inf) <= DOUBLE_TOLERANCE:
        return entry["difference"] <= ROUNDING_TOLERANCE
    return entry["difference"] <= TOLERANCE


def complaint(entry: dict) -> str | None:
    """What is wrong with one peer's entry of `differences`."""
    if entry["start"] != 0:
        return f"did not start from the weights it was given: up to {entry['start']:.1e} away"
    if not math.isfinite(entry["after"]) or not _is_near(entry):
        words = (
            f"reached the cost {entry['after']:.8g}, the reference {entry['expected']:.8g}: "
            f"{entry['difference']:.1e} apart, allowed are {TOLERANCE:.0e}"
        )
        if "difference_in_float64" not in entry:
            return words
        return (
            f"{words}; {ROUNDING_TOLERANCE:.0e} where it is at most {DOUBLE_TOLERANCE:.0e} in "
            f"float64, where it is {entry['difference_in_float64']:.1e}"
        )
    if not abs(entry["before"] - entry["expected"]) > LEAST_PROGRESS * entry["before"]:
        return "the reference hardly learned in these updates: agreement would say nothing"
    return None


def answers_apart(task: Task, predictor, X: np.ndarray) -> float:
    """The largest difference between a predictor's outputs and the reference's, in float64."""
    layers = [(w.astype(np.float64), b.astype(np.float64)) for w, b in initial_layers(task)]
    expected = numpy_peer.forward(task, layers, X.astype(np.float64))[-1]
    got = np.asarray(predictor.outputs(predictor.bind(X)()), np.float64)
    if got.shape != expected.shape:
        return math.inf
    return float(np.abs(got - expected).max())
