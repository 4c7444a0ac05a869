"""fit: what History records, validation, callbacks, and how a fit ends."""

import gc
import json
import os
import signal
import threading

import numpy as np
import pytest
from fit_problem import TYPES, problem
from numpy.testing import assert_allclose, assert_array_equal

from bpcore import DivergenceError, History, Network
from bpcore._core.training import Diverged, Epoch
from bpcore.estimators.fit import announced
from bpcore.network.epochs import Sampler, epochs, follow

# ---------------------------------------------------------------- History


def test_history():
    reference, X, Y, _ = problem()
    network = reference.network()
    history = network.fit(X, Y, 4, 8, 0.25)
    assert isinstance(history, History)
    assert network.history_ is history
    assert history.epochs == len(history.cost) == len(history.seconds) == 4
    assert history.learning_rate == [0.25] * 4
    assert history.validation_cost == history.validation_score == []
    assert history.n_examples == 23
    assert history.stopped is None
    assert all(second >= 0 for second in history.seconds)
    assert history.total_seconds == sum(history.seconds)
    assert_allclose(history.examples_per_second, 4 * 23 / history.total_seconds, rtol=1e-6)
    record = json.loads(json.dumps(history.to_dict()))
    assert record["cost"] == history.cost
    assert record["stopped"] is None
    assert network.fit(X, Y, 0).epochs == 0


def test_validation():
    reference, X, Y, s = problem(loss="categorical_cross_entropy", output="softmax")
    network, alone = reference.network(), reference.network()
    V = X[:9] + 0.1
    history = network.fit(X, Y, 3, 8, 0.1, shuffle=False, validation_data=(V, Y[:9], s[:9]))
    for epoch in range(3):
        alone.fit(X, Y, 1, 8, 0.1, shuffle=False)
        assert history.validation_cost[epoch] == alone.cost(V, Y[:9], s[:9])
        assert history.validation_score[epoch] == alone.score(V, Y[:9], sample_weight=s[:9])
    assert_array_equal(network.parameters, alone.parameters)  # it does not train
    history = network.fit(X, Y, 1, 8, 0.1, validation_data=(V, Y[:9]), metric="cost")
    assert history.validation_score == history.validation_cost


# ---------------------------------------------------------------- how a fit ends


def test_a_callback_sees_each_epoch_and_can_stop():
    reference, X, Y, _ = problem()
    network, seen = reference.network(), []

    def callback(net, history):
        assert net is network
        seen.append((history.epochs, net.cost(X, Y)))
        return len(seen) == 3

    history = network.fit(X, Y, 10, 8, 0.25, callback=callback)
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    assert seen[2][1] == network.cost(X, Y)
    assert history.epochs == 3
    assert history.stopped == "callback"


def test_an_error_in_a_callback_leaves_a_usable_network():
    reference, X, Y, _ = problem()
    network = reference.network()

    def callback(net, history):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        network.fit(X, Y, 3, callback=callback)
    assert network.history_.epochs == 1
    assert network.fit(X, Y, 1).epochs == 1


def test_progress_goes_to_stderr(capsys):
    reference, X, Y, _ = problem()
    network = reference.network()
    network.fit(X, Y, 3, progress=True, validation_data=(X, Y))
    captured = capsys.readouterr()
    assert captured.out == ""
    for number in (network.history_.cost[-1], network.history_.validation_cost[-1]):
        assert str(number)[:4] in captured.err
    assert "3/3" in captured.err
    network.fit(X, Y, 3)
    assert capsys.readouterr() == ("", "")


@TYPES
def test_divergence_restores_the_last_finite_parameters(dtype):
    reference, X, Y, _ = problem(output="identity")
    network, theta = reference.network(dtype), []
    with pytest.raises(DivergenceError, match=r"epoch \d+.*learning_rate") as error:
        network.fit(
            1e3 * X,
            Y,
            50,
            8,
            1e3,
            shuffle=False,
            callback=lambda net, h: theta.append(net.parameters.copy()),
        )
    assert isinstance(error.value, FloatingPointError)
    assert isinstance(error.value, ValueError)
    assert f"epoch {network.history_.epochs + 1}" in str(error.value)
    assert network.history_.stopped == "diverged"
    assert np.isfinite(network.parameters).all()
    assert np.isfinite(network.history_.cost).all()
    assert_array_equal(network.parameters, theta[-1] if theta else reference.theta.astype(dtype))
    network.set_parameters(reference.theta)
    assert network.fit(X, Y, 1, 8, 1e-6).epochs == 1


@TYPES
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_epochs_that_nobody_looks_at_go_as_those_that_are_looked_at(optimizer, dtype):
    """Without a callback the engine goes through many epochs at a time."""
    reference, X, Y, s = problem()
    alone, watched = reference.network(dtype), reference.network(dtype)
    schedule = {"kind": "step", "every": 100, "factor": 0.5}
    options = {"optimizer": optimizer, "schedule": schedule, "l2": 0.1, "sample_weight": s}
    history = alone.fit(X, Y, 1500, None, 0.01, **options)
    seen = watched.fit(X, Y, 1500, None, 0.01, callback=lambda net, history: None, **options)
    assert_array_equal(alone.parameters, watched.parameters)
    assert history.cost == seen.cost
    assert history.learning_rate == seen.learning_rate
    assert history.epochs == len(history.seconds) == 1500
    assert min(history.seconds) > 0


@TYPES
def test_divergence_after_epochs_that_nobody_looked_at(dtype):
    """η grows from epoch to epoch, until θ is no longer finite."""
    reference, X, Y, _ = problem(output="identity")
    network, watched, theta = reference.network(dtype), reference.network(dtype), []
    arguments = (X, Y, 2000, None, 1e-3)
    options = {"schedule": {"kind": "step", "every": 5, "factor": 10}, "optimizer": "sgd"}
    with pytest.raises(DivergenceError, match=r"epoch \d+.*learning_rate") as error:
        network.fit(*arguments, **options)
    with pytest.raises(DivergenceError) as other:
        watched.fit(
            *arguments, callback=lambda net, h: theta.append(net.parameters.copy()), **options
        )
    assert str(error.value) == str(other.value)
    assert network.history_.epochs == len(theta) > 2
    assert network.history_.cost == watched.history_.cost
    assert network.history_.stopped == "diverged"
    assert_array_equal(network.parameters, theta[-1])


def test_ctrl_c_among_epochs_that_nobody_looks_at():
    # a second's collection of other tests' garbage may begin within the fit, and Python loses a
    # Ctrl-C that falls into the end of a weak reference
    gc.collect()
    network = Network((3, 4, 1), random_state=0)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        # a minute of them, should the signal be lost
        network.fit(np.zeros((5, 3)), np.zeros(5), 5 * 10**6, None, 0.01)
    timer.join()
    history = network.history_
    assert history.stopped == "interrupt"
    assert history.epochs > 100
    assert len(history.seconds) == len(history.learning_rate) == history.epochs
    assert np.isfinite(network.parameters).all()


class EndsWith:
    """A training whose run ends three epochs, and then so."""

    epochs = 3

    def __init__(self, error):
        self.error = error

    def run(self, most, seed, done):
        done += [Epoch(0.5, 0.0, 0.1, 0.01)] * 3
        raise self.error


@pytest.mark.parametrize("last", [1, 3, 4])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), Diverged(1.0), OSError()])
@pytest.mark.parametrize("through", [lambda ended: ended, lambda ended: announced(ended, int, 9)])
def test_an_epoch_that_ends_the_fit_loses_no_ctrl_c(last, error, through):
    """The engine has gone on; that it diverged there is nobody's concern."""
    seen = []
    ended = through(epochs(EndsWith(error), Sampler(None, None, False), 9))
    after = [lambda epoch: seen.append(epoch) or len(seen) == last]
    if isinstance(error, Diverged) and last <= 3:
        assert follow(ended, after)
    else:
        with pytest.raises(type(error)):
            follow(ended, after)
    assert len(seen) == min(last, 3)


def test_divergence_in_the_last_update_is_noticed():
    """The cost of the only batch is finite; the step from it is not."""
    network = Network((1, 1), "identity", dtype="float32", init="zeros")
    with pytest.raises(DivergenceError):
        network.fit([[1e30]], [1e5], 1, 1, 1e30)
    assert_array_equal(network.parameters, 0)


def test_a_keyboard_interrupt_between_epochs():
    reference, X, Y, _ = problem()
    network = reference.network()

    def callback(net, history):
        if history.epochs == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network.fit(X, Y, 9, callback=callback)
    assert network.history_.stopped == "interrupt"
    assert network.history_.epochs == 2
    assert np.isfinite(network.forward(X)).all()
    assert network.fit(X, Y, 1).stopped is None


@pytest.mark.skipif(os.name == "nt", reason="sends a POSIX signal")
def test_ctrl_c_inside_an_epoch():
    """A timer that the first epoch's callback starts sends the signal in the second epoch."""
    network = Network((64, 64, 10), random_state=0)
    X = np.broadcast_to(np.float32(0.5), (400_000, 64))
    Y = np.random.default_rng(0).random((400_000, 10), np.float32)
    timer = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
    theta = []

    def callback(net, history):
        theta.append(net.parameters.copy())
        if history.epochs == 1:
            timer.start()

    with pytest.raises(KeyboardInterrupt):
        network.fit(X, Y, 50, 1, 0.01, shuffle=False, callback=callback)
    timer.join()
    assert network.history_.stopped == "interrupt"
    assert network.history_.epochs == 1
    assert not np.array_equal(network.parameters, theta[-1])
    assert np.isfinite(network.parameters).all()
    assert network.fit(X[:100], Y[:100], 1).epochs == 1


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "coslog"])
def test_no_epochs_with_a_schedule_of_as_many(schedule):
    network = Network((2, 1), random_state=0)
    theta = network.parameters.copy()
    history = network.fit(np.ones((4, 2)), np.ones(4), epochs=0, schedule=schedule)
    assert history.epochs == 0
    assert_array_equal(network.parameters, theta)
