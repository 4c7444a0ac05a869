"""Ctrl-C at any moment, and errors in callbacks."""

import os
import signal
import threading
import traceback

import numpy as np
import pytest
from fault_jobs import LONG, MANY, X, Y, small, usable
from numpy.testing import assert_array_equal
from tuned import poll_signals_always, tune

from bpcore import MLPRegressor, Network
from bpcore._core.optimizers import Optimizer
from bpcore._core.rows import Rows
from bpcore._core.training import Training

# ---------------------------------------------------------------- Ctrl-C


def interrupt_soon(seconds=0.1):
    """SIGINT as from a terminal, while compiled code runs; later than a busy machine needs to get
    there."""
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def interrupted(call, *arguments, seconds=0.1, **options):
    """The call and a SIGINT into it, which on a busy machine may come before the call."""
    interrupt_soon(seconds)
    return call(*arguments, **options)


def inside(error):
    """The names of the functions that an exception came through; some Cython versions give the
    names of compiled ones in full."""
    return [frame.name.rpartition(".")[2] for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize("batch_size", [32, None], ids=["small batches", "one batch"])
@pytest.mark.parametrize(("optimizer", "dtype"), [("sgd", "float32"), ("adam", "float64")])
def test_an_interrupt_within_an_epoch(optimizer, dtype, batch_size):
    network = small(dtype=dtype)

    def callback(net, history):
        if history.epochs == 1:
            interrupt_soon()

    rows = [table[: MANY // 3] if batch_size else table for table in LONG]
    with pytest.raises(KeyboardInterrupt) as caught:
        network.fit(
            *rows, 1000, batch_size, 1e-4, optimizer=optimizer, callback=callback, shuffle=False
        )
    assert "run" in inside(caught.value)
    history = network.history_
    assert history.stopped == "interrupt"
    assert history.epochs == len(history.seconds) == len(history.learning_rate) >= 1
    usable(network)


def repeat(function, *arguments):
    for _ in range(1000):
        function(*arguments)


def interrupted_inside(name, function, *arguments):
    """Calls again and again are interrupted, sooner or later within this function."""
    for _ in range(20):
        with pytest.raises(KeyboardInterrupt) as caught:
            interrupted(repeat, function, *arguments)
        if name in inside(caught.value):
            return
    pytest.fail(f"nothing was ever interrupted within {name}")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", ["predict", "cost", "gradient"])
def test_an_interrupt_within_a_pass(call, dtype):
    network = small(dtype=dtype)
    before = network.parameters.copy()
    arguments = LONG if call != "predict" else LONG[:1]
    # checks of the data come first, and they are long as well
    with pytest.raises(KeyboardInterrupt):
        interrupted(repeat, getattr(network, call), *arguments)
    assert_array_equal(network.parameters, before)
    usable(network)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("clip_norm", [None, 1.0], ids=["update", "whole gradient"])
def test_an_interrupt_in_any_part_of_a_batch(clip_norm, dtype):
    """A long update is left between its pieces, as the search for the gradient is."""
    rng = np.random.default_rng(0)
    table, targets = rng.standard_normal((512, 400)), rng.standard_normal((512, 10))
    arguments = {"batch_size": None, "learning_rate": 1e-4, "clip_norm": clip_norm}
    poll_signals_always()
    for part in range(12):
        network = Network((400, 400, 10), "tanh", dtype=dtype, random_state=0)
        with pytest.raises(KeyboardInterrupt):
            interrupted(
                network.fit, table, targets, 10**5, shuffle=False,
                seconds=0.02 + 0.0028 * part, **arguments,
            )  # fmt: skip
        assert np.isfinite(network.parameters).all()
        assert network.fit(table, targets, 1, **arguments).epochs == 1


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", ["per_sample_gradients", "jacobian"])
def test_an_interrupt_within_a_long_answer(call, dtype):
    network = Network((6, 2000, 2), "tanh", random_state=0, dtype=dtype)
    n = 10**4 if call == "per_sample_gradients" else 10**5
    arguments = [table[:n] for table in LONG[: 2 if call == "per_sample_gradients" else 1]]
    interrupted_inside(f"_{call}", getattr(network, call), *arguments)
    usable(network)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_interrupt_within_a_trace(dtype):
    network = Network((6, 400, 400, 2), "tanh", random_state=0, dtype=dtype)
    interrupted_inside("_trace", network.trace, *(table[:5000] for table in LONG))
    usable(network)


def test_an_interrupt_ends_an_epoch_between_its_batches():
    poll_signals_always()
    network = Network((20, 100, 100, 2), "tanh", random_state=0)
    optimizer = Optimizer("adam", network.n_parameters)
    n = 4_000_000  # seconds on any processor, and no memory
    table = np.broadcast_to(np.random.default_rng(0).standard_normal(22, dtype="f4"), (n, 22))
    rows = Rows(table[:, :20]), Rows(table[:, 20:])
    with pytest.raises(KeyboardInterrupt):
        interrupted(Training(network, *rows, optimizer, batch_size=32).run)
    assert optimizer.t < n // 32


def test_an_interrupt_may_leave_a_long_update_half_done():
    """Sooner or later one comes when some weights have made their step and others have not."""
    poll_signals_always()
    network = Network((2000, 2000), (), "identity", "quadratic", init="zeros")
    rows = Rows(np.ones((1, 2000), "f4")), Rows(np.ones((1, 2000), "f4"))
    for part in range(100):
        network.parameters[:] = 0  # all weights of a step then make the same move, η or so
        optimizer = Optimizer("adam", network.n_parameters)
        training = Training(network, *rows, optimizer, batch_size=1)
        with pytest.raises(KeyboardInterrupt):
            interrupted(repeat, training.run, seconds=0.001 * part)
        weights = network.parameters.reshape(2001, 2000)[:-1]
        if abs(weights[0, 0] - weights[-1, 0]) > 0.0005:
            return
    pytest.fail("every update was done as a whole")


def test_an_interrupt_while_a_table_is_looked_through():
    tune(signal_scanned=1000)
    table = Rows(np.broadcast_to(np.zeros(100), (10**9, 100)))  # seconds, no memory
    with pytest.raises(KeyboardInterrupt) as caught:
        interrupted(table.first_row_beyond, 1.0)
    assert "first_row_beyond" in inside(caught.value)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_an_interrupted_estimator_predicts(solver):
    reg = MLPRegressor(hidden_layer_sizes=(20,), solver=solver, max_iter=10**6, tol=0,
                       n_iter_no_change=10**6, random_state=0)  # fmt: skip
    calls = []

    def callback(est):
        calls.append(est.n_iter_)
        if len(calls) == 3:
            interrupt_soon()

    reg.set_params(callback=callback)
    many = np.tile(X, (50, 1)), np.tile(Y, (50, 1))
    if solver == "lbfgs":
        with pytest.raises(KeyboardInterrupt):
            reg.fit(*many)
    else:
        with pytest.warns(UserWarning, match="Training interrupted by user"):
            reg.fit(*many)
    assert len(calls) >= 3
    assert np.isfinite(reg.predict(X)).all()


# ---------------------------------------------------------------- callbacks


class Own(BaseException):
    """Not even an Exception."""


@pytest.mark.parametrize("error", [ValueError("mine"), Own("mine"), SystemExit(3), MemoryError()])
def test_an_error_of_a_callback_comes_through(error):
    network, reference = small(), small()
    reference.fit(X, Y, 3)

    def callback(net, history):
        if history.epochs == 3:
            raise error

    with pytest.raises(type(error)) as caught:
        network.fit(X, Y, 9, callback=callback)
    assert caught.value is error
    assert network.history_.epochs == 3
    assert network.history_.cost == reference.history_.cost
    assert_array_equal(network.parameters, reference.parameters)
    usable(network)


def test_a_callback_may_use_the_network():
    network = small()
    seen = []

    def callback(net, history):
        seen.append((net.cost(X, Y), net.predict(X[0]).tolist(), net.gradient(X, Y).cost))
        with pytest.raises(RuntimeError, match="being trained"):
            net.fit(X, Y, 1)

    network.fit(X, Y, 3, callback=callback)
    assert [one for one, _, _ in seen] == [one for _, _, one in seen]
    assert seen[-1][0] == network.cost(X, Y)


def test_a_callback_may_replace_the_parameters():
    network = small()
    network.fit(X, Y, 2, callback=lambda net, history: net.set_parameters(net.parameters * 0))
    assert not network.parameters.any()
