"""bpcore alone, under pytest-benchmark, to compare one commit with another.

`make bench ARGS="-k bench_bpcore --benchmark-autosave"` keeps a run,
`make bench ARGS="-k bench_bpcore --benchmark-compare"` holds the next one against it.
"""

from dataclasses import replace

import numpy as np
import pytest
from suite.data import examples
from suite.peers.bpcore_peer import OutPredictor, Predictor, Trainer
from suite.tasks import PREDICTION_SIZES, TRAINING, Task, initial_layers, prediction_task

THREADS = (1, 2)


@pytest.fixture(autouse=True)
def _not_quick(settings):
    if settings.quick:
        pytest.skip("compares commits, not libraries")


def _trainer(task, threads):
    return Trainer(task, examples(task), initial_layers(task), threads)


@pytest.mark.parametrize("threads", THREADS)
@pytest.mark.parametrize("name", ["seed", "nielsen", "default", "wide"])
def test_epoch(benchmark, name, threads):
    task = TRAINING[name]
    trainer = _trainer(task, threads)
    benchmark.extra_info["flops"] = task.rows * task.flops_a_row
    rounds = 2 if name == "wide" else 5
    benchmark.pedantic(trainer.run, args=(1,), rounds=rounds, warmup_rounds=1)


@pytest.mark.parametrize("rows", [200, 10_000])
def test_full_batch_steps(benchmark, rows):
    task = TRAINING[f"expm-{rows}"]
    trainer = _trainer(task, 1)
    benchmark.extra_info["flops"] = task.steps * task.rows * task.flops_a_row
    benchmark.pedantic(trainer.run, args=(task.steps,), rounds=5, warmup_rounds=1)


def test_step(benchmark):
    task = Task("one row", (784, 16, 16, 10), 1, None, learning_rate=0.1)
    benchmark(_trainer(task, 1).step)


@pytest.mark.parametrize("kind", [Predictor, OutPredictor])
@pytest.mark.parametrize("rows", [1, 2000])
def test_predict(benchmark, rows, kind):
    task = prediction_task(PREDICTION_SIZES[0], rows)
    X = np.ascontiguousarray(examples(task).X)
    benchmark(kind(task, initial_layers(task), 1).bind(X))


def test_gradient(benchmark):
    task = replace(TRAINING["default"], rows=200)
    data = examples(task)
    network = _trainer(task, 1).network
    benchmark(network.gradient, data.X, data.Y)
