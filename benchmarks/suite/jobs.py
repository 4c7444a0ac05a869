"""What a worker measures: each function takes plain values and gives back plain values."""

from dataclasses import replace

import numpy as np

from suite import machine, peers, same
from suite.data import bytes_of, examples
from suite.tasks import Task, initial_layers
from suite.turns import blocks_of, calls_of, epochs_of, in_turns, products_of, size_of_block


def _with_products(players: dict, task: Task, rounds: int, seconds: float) -> tuple[dict, dict]:
    """The players' laps, and what the machine's limit was in the same rounds."""
    products, flops = products_of(task.dtype)
    laps = in_turns({**players, "products": products}, rounds, seconds)
    lap = laps.pop("products")
    return laps, {"gflops": flops / lap["best"] / 1e9, "median_gflops": flops / lap["median"] / 1e9}


def _checked(task: Task, names: list[str], threads: int, way: str) -> tuple[dict, dict]:
    """The differences of all peers, and the complaints about those that must not be timed."""
    found = same.differences(task, names, threads, way)
    complaints = {name: same.complaint(entry) for name, entry in found.items()}
    return found, {name: words for name, words in complaints.items() if words}


def _with_ways(names: list[str], ways: dict[str, tuple[str, str]]) -> list[str]:
    """The names, and the other ways to use the libraries among them."""
    return [*names, *(way for way, (library, _) in ways.items() if library in names)]


def _player(trainer, task: Task):
    if task.batch is None or task.whole_fit:
        return blocks_of(trainer.run, task.steps), []
    return epochs_of(trainer)


def training(
    task: Task, names: list[str], threads: int, rounds: int, seconds: float, check: bool = True
) -> dict:
    """Seconds of an epoch, or of a step where a step takes all rows."""
    found, wrong = {}, {}
    if check:
        if task.optimizer == "adam":
            names = _with_ways(names, peers.TRAINING_WAYS)
        found, wrong = _checked(task, names, threads, "run")
    data, layers = examples(task), initial_layers(task)
    players, starts = {}, {}
    for name in names:
        if name not in wrong:
            trainer = peers.trainer(name)(task, data, layers, threads)
            players[name], starts[name] = _player(trainer, task)
    laps, products = _with_products(players, task, rounds, seconds)
    for name, lap in laps.items():
        if starts[name]:
            lap["once_a_fit"] = float(np.median(starts[name]))
    return _result(task, threads, laps, products, found, wrong)


def steps(task: Task, names: list[str], threads: int, rounds: int, seconds: float) -> dict:
    """Seconds of one update by the door for single steps."""
    found, wrong = _checked(task, names, threads, "step")
    data, layers = examples(task), initial_layers(task)
    players = {}
    for name in names:
        if name not in wrong:
            trainer = peers.trainer(name)(task, data, layers, threads, shuffle=False)
            players[name] = calls_of(trainer.step, task.steps)
    laps, products = _with_products(players, task, rounds, seconds)
    return _result(task, threads, laps, products, found, wrong)


def prediction(task: Task, names: list[str], threads: int, rounds: int, seconds: float) -> dict:
    """Seconds of one call that predicts the task's rows."""
    layers = initial_layers(task)
    X = np.ascontiguousarray(examples(task).X)
    players, found, wrong = {}, {}, {}
    for name in _with_ways(names, peers.PREDICTION_WAYS):
        predictor = peers.predictor(name)(task, layers, threads)
        apart = same.answers_apart(task, predictor, X)
        found[name] = {"difference": apart}
        if not apart <= same.TOLERANCE:
            wrong[name] = f"its answers are {apart:.1e} from the reference's"
            continue
        call = predictor.bind(X)
        players[name] = calls_of(call, size_of_block(call))
    laps, products = _with_products(players, task, rounds, seconds)
    return _result(task, threads, laps, products, found, wrong)


def scaling(task: Task, names: list[str], threads: int, rounds: int, seconds: float) -> dict:
    """One point of a sweep; left out, with a word, where memory would not do."""
    # Inputs, the generator's and a peer's copy, and room for the rest.
    needed, free = 3 * bytes_of(task) + 20 * 4 * task.parameters, machine.available_memory()
    if needed > 0.8 * free:
        words = f"needs {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        return {"task": task.as_dict(), "threads": threads, "left_out": words}
    return training(task, names, threads, rounds, seconds, check=False)


def agreement(task: Task, names: list[str], threads: int) -> dict:
    """The check alone, for the sweeps: once a sweep, not at every point."""
    found, wrong = _checked(replace(task, steps=1), names, threads, "run")
    return {"same": found, "wrong": wrong}


def _result(task, threads, laps, products, found, wrong) -> dict:
    return {
        "task": task.as_dict(),
        "threads": threads,
        "peers": laps,
        "products": products,
        "same": found,
        "wrong": wrong,
        "load": machine.load(),
    }


def describe(names: list[str]) -> dict:
    """The libraries of this process, with every peer loaded."""
    for name in names:
        peers.ALL[name].load()
    return machine.libraries()


JOBS = {job.__name__: job for job in (training, steps, prediction, scaling, agreement, describe)}
