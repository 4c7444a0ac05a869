"""The benchmarks: the check that peers learn the same thing, the clock, the worker processes.

Nothing here looks at a time; the networks are tiny. Libraries other than NumPy and scikit-learn
are loaded in worker processes only.
"""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace

import benchmark_modules
import numpy as np
import pytest

client, data, machine, peers, same, tasks, turns, bpcore_peer, numpy_peer = benchmark_modules.load(
    "client",
    "data",
    "machine",
    "peers",
    "same",
    "tasks",
    "turns",
    "peers.bpcore_peer",
    "peers.numpy_peer",
)
Task = tasks.Task

SIGMOID = Task("tiny sigmoid", (784, 5, 10), 60, 4)
SOFTMAX = tasks.softmax_task("tiny softmax", (784, 6, 5, 10), 120, 10)
FULL = tasks.expm_task(30, 5)
ONE_ROW = Task("one row", (784, 5, 10), 1, None, learning_rate=0.1, steps=3)


# ---------------------------------------------------------------- the same thing learned


@pytest.fixture(scope="module")
def worker():
    worker = client.Worker(1, "float32")
    yield worker
    worker.close()


WAYS = [*peers.TRAINERS, *peers.TRAINING_WAYS]
INSTALLED = [n for n in WAYS if not peers.ALL[peers.TRAINING_WAYS.get(n, (n,))[0]].missing]


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("task", [SIGMOID, SOFTMAX, FULL], ids=lambda task: task.name)
def test_peers_learn_the_same_thing(worker, name, task):
    found = worker.do("agreement", task=task, names=[name], threads=1)
    assert found["wrong"] == {}
    assert found["same"][name]["difference"] < same.TOLERANCE
    assert found["same"][name]["after"] < 0.999 * found["same"][name]["before"]


def test_every_peer_answers_and_steps(worker):
    options = {"threads": 1, "rounds": 1, "seconds": 0.0}
    names = peers.present(peers.TRAINERS)
    found = worker.do("steps", task=ONE_ROW, names=names, **options)
    assert found["wrong"] == {}
    assert set(found["peers"]) == set(names)
    names = peers.present()
    task = tasks.prediction_task((784, 5, 10), 3)
    found = worker.do("prediction", task=task, names=names, **options)
    assert found["wrong"] == {}
    assert {*names, "bpcore-out"} <= set(found["peers"])


def test_doubles_agree_much_better():
    task = replace(SOFTMAX, dtype="float64")
    for name in ("bpcore", "sklearn"):
        found = same.differences(task, [name], 1)[name]
        assert found["difference"] < 1e-10, name


@pytest.mark.parametrize("fault", ["rate", "order", "start", "loss", "nan", "shuffle"])
def test_a_peer_that_learns_something_else_is_found(monkeypatch, fault):
    class Faulty(numpy_peer.Trainer):
        def __init__(self, task, examples, layers, threads, shuffle=True):
            if fault == "rate":
                task = replace(task, learning_rate=1.01 * task.learning_rate)
            elif fault == "loss":
                task = replace(task, loss="squared_error")
            elif fault == "order":
                parts = (examples.X[::-1], examples.Y[::-1], examples.labels[::-1])
                examples = data.Examples(*parts)
            elif fault == "start":
                layers = [(w, b + 0.01) for w, b in layers]
            elif fault == "shuffle" and shuffle:  # one row twice, another never
                X, Y = examples.X.copy(), examples.Y.copy()
                X[0], Y[0] = X[1], Y[1]
                examples = data.Examples(X, Y)
            super().__init__(task, examples, layers, threads, shuffle)

        def layers(self):
            scale = math.nan if fault == "nan" else 1
            return [(w * scale, b) for w, b in super().layers()]

    monkeypatch.setattr(peers, "trainer", lambda name: Faulty)
    assert same.complaint(same.differences(SIGMOID, ["numpy"], 1)["numpy"]) is not None


def test_agreement_without_progress_says_nothing():
    task = replace(SIGMOID, learning_rate=1e-9)
    found = same.differences(task, ["bpcore"], 1)["bpcore"]
    assert found["difference"] < same.TOLERANCE
    assert "hardly learned" in same.complaint(found)


def test_wrong_answers_are_found():
    task = tasks.prediction_task((784, 5, 10), 3)
    X = data.examples(task).X
    layers = tasks.initial_layers(task)
    assert same.answers_apart(task, bpcore_peer.Predictor(task, layers, 1), X) < 1e-6
    wrong = [(-w, b) for w, b in layers]
    assert same.answers_apart(task, bpcore_peer.Predictor(task, wrong, 1), X) > 1e-2
    half = bpcore_peer.Predictor(task, layers, 1)
    half.outputs = lambda answer: answer[:1]
    assert same.answers_apart(task, half, X) == math.inf


# ---------------------------------------------------------------- tasks and data


@pytest.mark.parametrize("task", tasks.TRAINING.values(), ids=lambda task: task.name)
def test_flops_are_those_of_the_products(task):
    flops = 0
    for i, (n_in, n_out) in enumerate(zip(task.sizes, task.sizes[1:], strict=False)):
        product = 2 * n_in * n_out
        flops += product  # z = w a
        flops += product  # ∂C/∂w = δ a
        flops += product if i else 0  # δ of the layer below, which the inputs do not need
    assert task.flops_a_row == flops


def test_a_task_survives_its_way_to_a_worker():
    for task in (SIGMOID, FULL, *tasks.TRAINING.values()):
        assert Task.of(json.loads(json.dumps(task.as_dict()))) == task


@pytest.mark.parametrize("axis", tasks.SWEEPS)
def test_sweeps_are_whole_batches_of_what_they_say(axis):
    make, values = tasks.SWEEPS[axis]
    for value in values:
        task = make(value)
        assert task.name == f"{axis} {value}"
        assert task.rows >= task.batch or axis == "rows"
        assert axis == "rows" or task.rows % task.batch == 0 or axis == "epochs"
    assert list(values) == sorted(values)


def test_generated_images_look_like_mnist():
    pixels, labels = data.generated_images(500)
    again, labels_again = data.generated_images(500)
    assert pixels.shape == (500, 784)
    assert pixels.dtype == labels.dtype == np.uint8
    assert set(labels[:10].tolist()) == set(range(10))
    assert 0.1 < (pixels > 0).mean() < 0.3
    np.testing.assert_array_equal(pixels, again)
    np.testing.assert_array_equal(labels, labels_again)


def test_matrix_exponentials_are_sums_of_powers():
    few = data.examples(replace(FULL, dtype="float64"))
    for x, y in zip(few.X[:5].reshape(-1, 2, 2), few.Y[:5].reshape(-1, 2, 2), strict=True):
        total, term = np.eye(2), np.eye(2)
        for k in range(1, 60):
            term = term @ x / k
            total = total + term
        np.testing.assert_allclose(y, total, rtol=1e-9)


# ---------------------------------------------------------------- the clock


def test_players_take_turns(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr(turns.time, "perf_counter", lambda: now[0])

    def player(name, seconds):
        def play(repeats):
            calls.append((name, repeats))
            now[0] += 2 * repeats * seconds
            return [seconds * (1 + i) for i in range(repeats)]  # a sample may be part of a call

        return play

    players = {"a": player("a", 1.0), "b": player("b", 0.25), "c": player("c", 0.1)}
    laps = turns.in_turns(players, rounds=3, seconds=1.1, pause=0.0)
    warm, played = calls[:-9], calls[-9:]
    # Those that are quick are asked once more before their repeats are chosen.
    assert warm == [("a", 1), ("b", 1), ("b", 1), ("c", 1), ("c", 1)]
    assert [name for name, _ in played] == list("abcbcacab")
    assert dict(played) == {"a": 1, "b": 2, "c": 5}
    assert laps["a"]["best"] == 1.0
    assert laps["b"]["median"] == 0.375
    assert laps["c"]["turns"] == [[0.1, pytest.approx(0.3), 5]] * 3


def test_an_epoch_is_timed_from_the_end_of_the_last(monkeypatch):
    now = iter([0.0, 7.0, 9.0, 12.0])
    monkeypatch.setattr(turns.time, "perf_counter", lambda: next(now))

    class Trainer:
        def run(self, epochs, tick):
            for _ in range(epochs):
                tick()

    play, starts = turns.epochs_of(Trainer())
    assert play(2) == [2.0, 3.0]
    assert starts == [4.5]  # the first epoch's 7, less the median of the others


def test_missing_epochs_are_noticed():
    class Lazy:
        def run(self, epochs, tick):
            tick()

    play, _ = turns.epochs_of(Lazy())
    with pytest.raises(RuntimeError, match="1 epochs were seen, 4 asked for"):
        play(3)


# ---------------------------------------------------------------- processes and results


def test_a_worker_that_fails_says_why(worker):
    with pytest.raises(client.WorkerError, match="KeyError"):
        worker.do("nothing of the kind", threads=1)
    found = worker.do("agreement", task=SIGMOID, names=["numpy"], threads=1)
    assert found["wrong"] == {}


def test_a_worker_uses_no_more_processors_than_it_may(worker):
    found = worker.do("describe", names=["numpy", "bpcore"])
    assert len(found["processors"]) == 1
    blas = [pool for pool in found["pools"] if pool["internal_api"] == "openblas"]
    assert all(pool["threads"] == 1 for pool in blas)
    assert found["bpcore"]["threads"] == 1


def test_workers_are_free_of_preset_openblas_settings(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "1")
    assert not set(machine.OPENBLAS_SETTINGS) & set(client.environment(2))
    assert client.environment(2)["OPENBLAS_NUM_THREADS"] == "2"
    assert client.environment(2, keep=True)["OPENBLAS_CORETYPE"] == "Haswell"


def test_memory_is_measured_above_the_inputs():
    task = replace(SOFTMAX, sizes=(784, 3000, 10), rows=500)
    found = client.memory("bpcore", 1, task)
    size = 4 * task.parameters
    assert found["inputs"] == 500 * (784 + 10) * 4
    # Parameters and Adam's two moments are there; ten more of them are not.
    assert 2.9 * size < found["peak"] < 13 * size


def test_results_replace_what_is_measured_again(tmp_path):
    path = tmp_path / "deep" / "results.json"
    results = client.Results(path, {"date": "today"})
    results.put("training", "seed", "float32", 1, {"peers": {"a": 1}})
    results.put("training", "seed", "float32", 2, {"peers": {"a": 2}})
    results.put("training", "seed", "float32", 1, {"peers": {"a": 3}})
    content = json.loads(path.read_text(encoding="utf-8"))
    assert [e["peers"]["a"] for e in content["measured"]] == [2, 3]
    later = client.Results(path, {"date": "tomorrow"}, add=True)
    later.put("steps", "one row", "float32", 1, {})
    content = json.loads(path.read_text(encoding="utf-8"))
    assert [e["key"] for e in content["measured"]] == ["seed", "seed", "one row"]
    assert content["date"] == "tomorrow"
    assert client.Results(path, {}).content["measured"] == []


@pytest.mark.slow
def test_the_suite_runs_and_unsets_openblas_settings(tmp_path):
    """One small question through the whole machinery, with a preset that has to go."""
    results = tmp_path / "results.json"
    # A run of its own, whatever runs this test: pytest-benchmark reads what pytest-xdist sets.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    environment["OPENBLAS_CORETYPE"] = "Nehalem"
    pytest_options = ["-p", "no:xdist", "-p", "no:cacheprovider", "-k", "expm-200 or test_steps"]
    options = ["--quick", "--rounds", "1", "--turn", "0", "--peers", "bpcore,numpy"]
    options += ["--results", str(results)]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "benchmarks", *pytest_options, *options],
        cwd=benchmark_modules.SOURCE,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(results.read_text(encoding="utf-8"))
    assert {(e["kind"], e["key"]) for e in content["measured"]} == {
        ("training", "expm-200"),
        ("steps", "seed, one row"),
    }
    assert content["notes"] == [
        "OPENBLAS_CORETYPE=Nehalem was preset here, and was unset for these figures."
    ]
    assert results.with_name("performance.md").read_text(encoding="utf-8").count("Nehalem") == 1
    for found in content["measured"]:
        assert set(found["peers"]) == {"bpcore", "numpy"}
