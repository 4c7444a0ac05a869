"""The benchmarks run: peers that learn the same thing, worker processes, the whole suite.

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
import pytest

client, data, peers, same, tasks, bpcore_peer, numpy_peer = benchmark_modules.load(
    "client", "data", "peers", "same", "tasks", "peers.bpcore_peer", "peers.numpy_peer"
)
Task = tasks.Task

pytestmark = pytest.mark.slow

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


def trainer_that_is_off(share_of):
    """A trainer whose layers cost more by the share that share_of(dtype, shuffle) says."""

    class Off(numpy_peer.Trainer):
        def __init__(self, task, examples, layers, threads, shuffle=True):
            super().__init__(task, examples, layers, threads, shuffle)
            self.given, self.share = (task, examples), share_of(task.dtype, shuffle)
            self.first = True

        def layers(self):
            layers = super().layers()
            if self.first or not self.share:  # the first time it is asked for where it starts
                self.first = False
                return layers
            task, examples = self.given
            cost, more, less = (
                numpy_peer.cost(task, [(w * (1 + s), b) for w, b in layers], same._double(examples))
                for s in (0, 1e-3, -1e-3)
            )
            s = self.share * cost / ((more - less) / 2e-3)
            return [(w.astype(float) * (1 + s), b) for w, b in layers]

    return lambda name: Off


@pytest.mark.parametrize(
    ("in_single", "in_double", "is_right"),
    [(5e-4, 0, True), (5e-4, 1e-7, False), (5e-3, 0, False), (5e-5, 5e-5, True)],
)
def test_rounding_is_told_from_faults_in_float64(monkeypatch, in_single, in_double, is_right):
    shares = {"float32": in_single, "float64": in_double}
    monkeypatch.setattr(peers, "trainer", trainer_that_is_off(lambda dtype, _: shares[dtype]))
    found = same.differences(SIGMOID, ["numpy"], 1)["numpy"]
    assert found["difference"] == pytest.approx(in_single, rel=0.5)
    assert ("difference_in_float64" in found) == (in_single > same.TOLERANCE)
    complaint = same.complaint(found)
    assert (complaint is None) == is_right
    assert is_right or "in float64, where it is" in complaint


def test_rounding_hides_no_fault_of_the_other_order(monkeypatch):
    """Rows in order are off by rounding, and shuffled ones by less, but not by rounding."""

    def share(dtype, shuffle):
        if shuffle:
            return 4e-4
        return 8e-4 if dtype == "float32" else 0

    monkeypatch.setattr(peers, "trainer", trainer_that_is_off(share))
    found = same.differences(SIGMOID, ["numpy"], 1)["numpy"]
    assert found["difference_in_float64"] == pytest.approx(4e-4, rel=0.5)
    assert same.complaint(found) is not None


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


def test_memory_is_measured_above_the_inputs():
    task = replace(SOFTMAX, sizes=(784, 3000, 10), rows=500)
    found = client.memory("bpcore", 1, task)
    size = 4 * task.parameters
    assert found["inputs"] == 500 * (784 + 10) * 4
    # Parameters and Adam's two moments are there; ten more of them are not.
    assert 2.9 * size < found["peak"] < 13 * size


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
