"""The benchmarks: tasks, data, the clock, the file of results.

Nothing here looks at a time.
"""

import json
from dataclasses import replace

import benchmark_modules
import numpy as np
import pytest

client, data, machine, tasks, turns = benchmark_modules.load(
    "client", "data", "machine", "tasks", "turns"
)
Task = tasks.Task

SIGMOID = Task("tiny sigmoid", (784, 5, 10), 60, 4)
FULL = tasks.expm_task(30, 5)


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


def test_workers_are_free_of_preset_openblas_settings(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("OPENBLAS_L2_SIZE", "1")
    assert not set(machine.OPENBLAS_SETTINGS) & set(client.environment(2))
    assert client.environment(2)["OPENBLAS_NUM_THREADS"] == "2"
    assert client.environment(2, keep=True)["OPENBLAS_CORETYPE"] == "Haswell"


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
