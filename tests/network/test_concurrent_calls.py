"""Two at once: a network that is being trained refuses or waits, and is never wrong."""

import threading
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from refusals import GOOD_X, GOOD_Y, make

from bpcore import Network


def test_two_fits_at_once():
    """From inside a callback, and from another thread: RuntimeError, and the first goes on."""
    network, errors = make(), []

    def second():
        try:
            network.fit(GOOD_X, GOOD_Y, 1)
        except RuntimeError as error:
            errors.append(str(error))

    def callback(net, history):
        if history.epochs == 1:
            second()
            thread = threading.Thread(target=second)
            thread.start()
            thread.join()

    history = network.fit(GOOD_X, GOOD_Y, 3, callback=callback)
    assert history.epochs == 3
    assert len(errors) == 2
    assert all("fit" in error for error in errors)
    assert network.history_ is history
    assert network.fit(GOOD_X, GOOD_Y, 1).epochs == 1


def test_two_fits_from_two_threads():
    """Both start at once: one trains as if alone, or both do, one after the other."""
    X = np.random.default_rng(0).standard_normal((3000, 12))
    Y = np.random.default_rng(1).uniform(size=(3000, 3))
    network, outcomes, start = make(), [], threading.Barrier(2)

    def train():
        start.wait()
        try:
            network.fit(X, Y, 5, 1, 0.1, random_state=1)
        except RuntimeError:
            outcomes.append("busy")
        else:
            outcomes.append("done")

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = make()
    assert "done" in outcomes
    for _ in range(outcomes.count("done")):
        alone.fit(X, Y, 5, 1, 0.1, random_state=1)
    assert_array_equal(network.parameters, alone.parameters)


# what the other thread does may leave nothing to learn with
@pytest.mark.filterwarnings("ignore:the network has learned nothing")
@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.step(GOOD_X, GOOD_Y, 0.1),
        lambda net: net.apply(np.ones(net.n_parameters), 0.1),
        lambda net: net.set_parameters(np.zeros(net.n_parameters)),
    ],
    ids=["step", "apply", "set"],
)
def test_changes_while_another_thread_trains(change):
    """They are refused or they wait; they do not crash, and θ stays finite."""
    network, stop, answers = make(), threading.Event(), []
    X = np.random.default_rng(0).standard_normal((4000, 12))
    Y = np.random.default_rng(1).uniform(size=(4000, 3))

    def disturb():
        while not stop.is_set():
            try:
                change(network)
                answers.append("changed")
            except RuntimeError:
                answers.append("busy")

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        history = network.fit(X, Y, 10, 4, 0.1)
    finally:
        stop.set()
        thread.join()
    assert history.epochs == 10
    assert answers
    assert np.isfinite(network.parameters).all()


def test_threads_may_read_while_one_trains():
    """Predictions from other threads during a fit neither crash nor disturb it."""
    network, alone = make(), make()
    X = np.random.default_rng(0).standard_normal((400, 12))
    Y = np.random.default_rng(1).uniform(size=(400, 3))
    stop, failures = threading.Event(), []

    def read():
        while not stop.is_set():
            try:
                if not np.isfinite(network.predict(X)).all():
                    failures.append("not finite")
                network.cost(X, Y)
            except RuntimeError:
                pass  # busy is an answer
            except Exception as error:
                failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    network.fit(X, Y, 20, 16, 0.1, random_state=1)
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    alone.fit(X, Y, 20, 16, 0.1, random_state=1)
    assert_array_equal(network.parameters, alone.parameters)


@pytest.mark.parametrize("call", ["trace", "jacobian", "per_sample_gradients"])
def test_a_long_answer_lets_other_threads_run(call):
    """None of them keeps the interpreter's lock while it computes."""
    network = Network((20, 400, 400, 3), "tanh", random_state=0)
    n = 500 if call == "per_sample_gradients" else 5000  # some time slices of a busy machine
    X = np.random.default_rng(0).standard_normal((n, 20))
    begun, turns = threading.Event(), []

    def other():
        begun.wait()
        while begun.is_set():
            turns.append(time.perf_counter())

    thread = threading.Thread(target=other)
    thread.start()
    try:
        arguments = (X,) if call == "jacobian" else (X, np.zeros((n, 3)))
        begun.set()
        start = time.perf_counter()
        getattr(network, call)(*arguments)
        middle = (start + time.perf_counter()) / 2
        inside = [turn for turn in turns if start < turn < middle]
    finally:
        begun.clear()
        thread.join()
    assert inside
