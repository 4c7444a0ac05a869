"""A fit that is stopped and resumed ends with the same bits as one that never stopped."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

import bpcore
from bpcore import DivergenceError, Network
from bpcore._core.optimizers import Optimizer
from bpcore.functions import OPTIMIZERS

pytest.importorskip("safetensors", reason='model files need the extra "files"')
from model_files import parts
from resumable import S, X, Y, network
from safetensors.numpy import load_file


class Stop(Exception):
    """What ends a part of a run, where a real one would be killed."""


def stop_after(epochs):
    def callback(network, history):
        if history.epochs == epochs:
            raise Stop

    return callback


def end_of(path):
    """All that a checkpoint says, but for the times."""
    sections, tensors = parts(path)
    del sections["history"]["seconds"]
    return sections, {name: one.tobytes() for name, one in tensors.items()}


def whole_and_in_parts(tmp_path, make, arguments, stops=(2, 3, 6), epochs=8):
    """The checkpoints that end one run, and another in parts; and the networks."""
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    reference = make()
    reference.fit(X, Y, epochs, checkpoint=whole, **arguments())
    part = make()
    for epoch in stops:
        with pytest.raises(Stop):
            part.fit(
                X, Y, epochs, checkpoint=stopped, resume=stopped if stopped.exists() else None,
                callback=stop_after(epoch), **arguments(),
            )  # fmt: skip
        part = make()
    history = part.fit(X, Y, epochs, checkpoint=stopped, resume=stopped, **arguments())
    assert history is part.history_
    return whole, stopped, reference, part


WAYS = {
    "plain": {},
    "momentum": {"optimizer": ("sgd", {"momentum": 0.9, "nesterov": True})},
    "adam": {"optimizer": "adam", "schedule": "cosine"},
    "nadam": {"optimizer": "nadam", "schedule": {"kind": "step", "every": 3, "factor": 0.5}},
    "rmsprop": {"optimizer": "rmsprop", "schedule": {"kind": "one_cycle", "warmup": 1}},
    "adagrad": {"optimizer": "adagrad", "l1": 1e-3, "l2": 1e-2, "weight_decay": 1e-3},
    "irprop-": {"optimizer": "irprop-", "batch_size": None},
    "in order": {"shuffle": False, "clip_norm": 0.1},
    "one by one": {"batch_size": 1, "learning_rate": 0.1},
    "validated": {"validation_data": (X[:9], Y[:9], S[:9]), "metric": "r2", "sample_weight": S},
    "seed": {"random_state": 11},
    "often": {"checkpoint_every": 2},
    "seldom": {"checkpoint_every": 100},
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("way", WAYS)
def test_a_resumed_run_ends_with_the_same_bits(way, dtype, tmp_path):
    # a run that writes nothing on its way starts anew
    stops = (2, 3, 6) if way not in ("seldom", "often") else (2, 5) if way == "often" else ()
    if way == "seldom":
        with pytest.raises(Stop):
            network(dtype).fit(X, Y, 8, checkpoint=tmp_path / "x", callback=stop_after(7),
                               **WAYS[way])  # fmt: skip
        assert not (tmp_path / "x").exists()
        return
    whole, stopped, reference, part = whole_and_in_parts(
        tmp_path, lambda: network(dtype), lambda: WAYS[way], stops
    )
    assert end_of(whole) == end_of(stopped)
    assert part.parameters.tobytes() == reference.parameters.tobytes()
    assert part._rng.bit_generator.state == reference._rng.bit_generator.state
    one, other = part.history_.to_dict(), reference.history_.to_dict()
    assert {k: v for k, v in one.items() if "second" not in k} == (
        {k: v for k, v in other.items() if "second" not in k}
    )
    assert len(one["seconds"]) == 8


def test_checkpoints_change_nothing(tmp_path):
    with_them, without = network(), network()
    one = with_them.fit(X, Y, 5, checkpoint=tmp_path / "x")
    other = without.fit(X, Y, 5)
    assert one.cost == other.cost
    assert_array_equal(with_them.parameters, without.parameters)


def test_the_callers_generator_and_optimizer_go_on_too(tmp_path):
    """They are the fit's own, and other fits may follow with them."""
    kept = []

    def arguments():
        kept.append((np.random.default_rng(4), Optimizer("adam", network().n_parameters)))
        return {"random_state": kept[-1][0], "optimizer": kept[-1][1], "learning_rate": 0.01}

    whole, stopped, _, _ = whole_and_in_parts(tmp_path, network, arguments)
    assert end_of(whole) == end_of(stopped)
    (rng, optimizer), (other, another) = kept[0], kept[-1]
    assert rng.bit_generator.state == other.bit_generator.state
    assert optimizer.t == another.t == 16
    assert [one.tobytes() for one in optimizer.slots] == [one.tobytes() for one in another.slots]
    assert optimizer.slots[0].any()


@pytest.mark.parametrize("random_state", [np.random.RandomState, np.random.default_rng])
def test_a_network_of_any_generator_resumes(random_state, tmp_path):
    whole, stopped, _, _ = whole_and_in_parts(
        tmp_path, lambda: network(random_state=random_state(5)), dict
    )
    assert end_of(whole) == end_of(stopped)


@pytest.mark.parametrize("table", [
    lambda: scipy.sparse.csr_matrix(X * (X > 0)), lambda: X.astype(np.float64)[:, ::-1],
    lambda: np.broadcast_to(X[:1], X.shape),
], ids=["sparse", "strided", "broadcast"])  # fmt: skip
def test_tables_of_any_kind(table, tmp_path):
    path = tmp_path / "x"
    reference, stopped = network(), network()
    reference.fit(table(), Y, 4)
    with pytest.raises(Stop):
        stopped.fit(table(), Y, 4, checkpoint=path, callback=stop_after(3))
    resumed = network()
    resumed.fit(table(), Y, 4, resume=path)
    assert_array_equal(resumed.parameters, reference.parameters)


def test_the_number_of_threads_may_change(tmp_path):
    path = tmp_path / "x"
    reference = network()
    reference.fit(X, Y, 6)
    network(n_threads=1).fit(X, Y, 3, checkpoint=path)
    resumed = network(n_threads=2)
    resumed.fit(X, Y, 6, resume=path)
    assert_array_equal(resumed.parameters, reference.parameters)
    assert resumed.n_threads == 2


def test_what_bpcore_load_gives_resumes_as_well(tmp_path):
    path = tmp_path / "x"
    reference = network()
    reference.fit(X, Y, 6)
    with pytest.raises(Stop):
        network().fit(X, Y, 6, checkpoint=path, callback=stop_after(4))
    loaded = bpcore.load(path)
    assert loaded.history_.epochs == 3
    loaded.fit(X, Y, 6, resume=path)
    assert_array_equal(loaded.parameters, reference.parameters)


def test_when_checkpoints_are_written(tmp_path):
    path = tmp_path / "x"
    seen = []

    def callback(network, history):
        seen.append(bpcore.load(path).history_.epochs if path.exists() else 0)

    network().fit(X, Y, 7, checkpoint=path, checkpoint_every=3, callback=callback)
    assert seen == [0, 0, 0, 3, 3, 3, 6]
    assert bpcore.load(path).history_.epochs == 7


def test_a_run_that_has_ended_stays_as_it_is(tmp_path):
    path = tmp_path / "x"
    reference = network()
    reference.fit(X, Y, 5, checkpoint=path)
    before = path.read_bytes()
    resumed = network(random_state=99)
    history = resumed.fit(X, Y, 5, checkpoint=path, resume=path)
    assert history.to_dict() == reference.history_.to_dict()
    assert_array_equal(resumed.parameters, reference.parameters)
    assert path.read_bytes() == before


def test_a_run_that_a_callback_ended_goes_on(tmp_path):
    path = tmp_path / "x"
    reference, resumed = network(), network()
    reference.fit(X, Y, 9)
    arguments = {"checkpoint": path, "checkpoint_every": 10}
    ended = network().fit(X, Y, 9, callback=lambda n, history: history.epochs == 4, **arguments)
    assert (ended.epochs, ended.stopped) == (4, "callback")
    history = resumed.fit(X, Y, 9, resume=path, **arguments)
    assert (history.epochs, history.stopped) == (9, None)
    assert_array_equal(resumed.parameters, reference.parameters)


def test_more_epochs_may_follow(tmp_path):
    path = tmp_path / "x"
    reference = network()
    reference.fit(X, Y, 9)
    network().fit(X, Y, 4, checkpoint=path)
    resumed = network()
    assert resumed.fit(X, Y, 9, resume=path).epochs == 9
    assert_array_equal(resumed.parameters, reference.parameters)


def test_an_interrupt_within_an_epoch_costs_that_epoch_only(tmp_path):
    path = tmp_path / "x"
    many = np.broadcast_to(X, (16000, *X.shape)).reshape(-1, 4)
    targets = np.broadcast_to(Y, (16000, *Y.shape)).reshape(-1, 2)
    reference, stopped = network(), network()
    arguments = {"epochs": 3, "learning_rate": 0.01}
    reference.fit(many, targets, **arguments)

    def interrupt(network, history):
        if history.epochs == 2:  # the checkpoint of epoch 1 is there
            threading.Timer(0.04, os.kill, (os.getpid(), signal.SIGINT)).start()

    with pytest.raises(KeyboardInterrupt):
        stopped.fit(many, targets, checkpoint=path, callback=interrupt, **arguments)
    assert stopped.history_.stopped == "interrupt"
    assert bpcore.load(path).history_.stopped is None
    stopped.fit(many, targets, resume=path, **arguments)
    assert_array_equal(stopped.parameters, reference.parameters)


def test_a_diverged_run_leaves_its_last_checkpoint(tmp_path):
    path = tmp_path / "x"
    wild = Network((4, 2), "identity", random_state=0)
    with pytest.raises(DivergenceError):
        wild.fit(X, Y, 500, learning_rate=30.0, checkpoint=path)
    loaded = bpcore.load(path)
    assert loaded.history_.epochs == wild.history_.epochs > 0
    assert_array_equal(loaded.parameters, wild.parameters)


# ---------------------------------------------------------------- kill -9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_killed_runs_end_with_the_same_bits():
    """``make kill`` does it a hundred times."""
    script = Path(__file__).parents[1] / "programs" / "kill_run.py"
    done = subprocess.run([sys.executable, script, "6", "3"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("6 kills, ")
    assert done.stdout.endswith("every end the same\n")


def test_the_slots_of_a_checkpoint_are_tensors(tmp_path):
    path = tmp_path / "x"
    network().fit(X, Y, 3, optimizer="adam", checkpoint=path)
    tensors = load_file(path)
    assert tensors["optimizer.1"].shape == (network().n_parameters,)
    assert sorted(tensors["order"]) == list(range(50))


@pytest.mark.parametrize("name", OPTIMIZERS)
@pytest.mark.parametrize("hidden", [16, 20])
def test_rows_of_zeros_resume_to_the_same_bits(hidden, name, tmp_path):
    """The first layer's slots are turned in their own place, where its rows need no padding."""
    rng, path = np.random.default_rng(0), tmp_path / "x"
    rows = np.where(rng.random((300, 200)) < 0.05, rng.normal(size=(300, 200)), 0.0)
    targets = rows[:, :2] ** 2
    whole, part, resumed = (
        Network((200, hidden, 2), "tanh", "identity", random_state=0) for _ in range(3)
    )
    options = {"learning_rate": 1e-3, "optimizer": name}
    whole.fit(rows, targets, 4, **options)
    part.fit(rows, targets, 2, checkpoint=path, **options)
    resumed.fit(rows, targets, 4, resume=path, **options)
    assert_array_equal(resumed.parameters, whole.parameters)
