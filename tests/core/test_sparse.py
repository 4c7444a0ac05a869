"""A first layer that passes by zeros is the one that does not, but for rounding."""

import itertools
import signal
import sys

import numpy as np
import pytest
from formulas import ReferenceOptimizer
from instruction_sets import LEVELS
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference
from tuned import compress_from, share_always, tune, untune
from zeros import TYPES, blank, close, every_table_is_sparse

from bpcore import DivergenceError, Network
from bpcore._core import products
from bpcore._core.optimizers import Optimizer


class Stop(Exception):
    """What ends a fit before its time."""


sparse = pytest.fixture(autouse=True)(every_table_is_sparse)


def whole_numbers(rng, shape, most=3):
    return rng.integers(-most, most + 1, shape).astype(float)


@TYPES
@pytest.mark.parametrize("level", LEVELS)
def test_sums_that_need_no_rounding_are_exact(level, dtype, rng):
    """With small whole numbers every order of the additions gives the same bits."""
    products.set_isa(level)
    tune(sparse_min_units=1)
    shapes = itertools.product((64, 67, 79, 80, 2000), (2, 7, 16, 17, 30, 65, 150, 301), (1, 9))
    for n_in, n_out, n in shapes:
        network = Network((n_in, n_out), "identity", loss="quadratic", dtype=dtype)
        network.weights[0][:] = whole_numbers(rng, (n_out, n_in))
        network.biases[0][:] = whole_numbers(rng, n_out)
        X = whole_numbers(rng, (n, n_in)) * (rng.random((n, n_in)) < 0.4)
        Y = whole_numbers(rng, (n, n_out))
        a = X @ network.weights[0].T.astype(float) + network.biases[0]
        assert_array_equal(network.predict(X), a)
        g = network.gradient(X, Y)
        dw, db = 2 * (a - Y).T @ X / n, 2 * (a - Y).sum(0) / n
        if n == 1:
            assert_array_equal(g.weights[0], dw)
            assert_array_equal(g.biases[0], db)
        expected = network.weights[0] - 0.25 * dw, network.biases[0] - 0.25 * db
        network.fit(X, Y, 1, None, 0.25)
        for found, want in zip((network.weights[0], network.biases[0]), expected, strict=True):
            assert_allclose(found, want, rtol=8 * np.finfo(dtype).eps, atol=1e-3 * (n > 1))


RULES = [
    {},
    {"l2": 0.3, "l1": 0.1},
    {"weight_decay": 0.2},
    {"clip_norm": 0.05},
    {"clip_norm": 0.05, "l2": 0.3},
]

# a large ε: a quotient of two numbers near zero would make much of their rounding
OPTIMIZERS = [
    ("sgd", {}), ("sgd", {"momentum": 0.9, "nesterov": True}), ("irprop-", {}),
    *((name, {"epsilon": 0.01}) for name in ("adam", "rmsprop", "adagrad", "nadam")),
]  # fmt: skip


@TYPES
@pytest.mark.parametrize("width", [16, 19], ids=["in place", "with gaps"])
@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_epochs_are_the_references(optimizer, rules, width, dtype, rng):
    """Parameters, cost, and afterwards what the optimizer remembers, in the order of θ."""
    name, options = optimizer
    reference = Reference.random((70, width, 5), ["tanh", "sigmoid"], "quadratic", scale=0.2)
    network = reference.network(dtype)
    X, Y = blank(rng, 60, 70), rng.random((60, 5)).astype(np.float32).astype(float)
    s = rng.integers(0, 3, 60) / 2.0
    ours = Optimizer(name, network.n_parameters, dtype, 0.01, **options)
    theirs = ReferenceOptimizer(name, reference.theta.size, 0.01, **options)
    for _ in range(3):
        history = network.fit(X, Y, 1, 16, optimizer=ours, shuffle=False, sample_weight=s, **rules)
        cost = sum(
            reference.epoch(X, Y, theirs, batch_size=16, sample_weight=s / s.mean(), **rules)
        )
        assert_allclose(history.cost, [cost], **close(dtype))
        assert_allclose(network.parameters, reference.theta, **close(dtype))
    dense = reference.network(dtype)
    other = Optimizer(name, network.n_parameters, dtype, 0.01, **options)
    compress_from(-1, 1)
    dense.parameters[:] = Reference.random(
        (70, width, 5), ["tanh", "sigmoid"], "quadratic", scale=0.2
    ).theta
    for _ in range(3):
        dense.fit(X, Y, 1, 16, optimizer=other, shuffle=False, sample_weight=s, **rules)
    for mine, kept in zip(ours.slots, other.slots, strict=True):
        assert np.any(kept != 0)
        assert_allclose(mine, kept, **close(dtype))


@TYPES
@pytest.mark.parametrize("width", [16, 100])
def test_bitwise_the_same_for_any_number_of_threads(width, dtype, rng):
    X, Y = blank(rng, 500, 130), rng.random((500, 3))
    share_always()

    def everything(n_threads, rules):
        network = Network((130, width, 3), "tanh", dtype=dtype, random_state=0, n_threads=n_threads)
        history = network.fit(X, Y, 2, 150, 0.01, optimizer="adam", **rules)
        gradient = network.gradient(X, Y).vector
        return [network.parameters, history.cost, network.predict(X), network.cost(X, Y), gradient]

    try:
        for rules in ({}, {"clip_norm": 0.1}):
            one = everything(1, rules)
            for n_threads in (2, 3, 4, 8):
                for a, b in zip(everything(n_threads, rules), one, strict=True):
                    assert_array_equal(a, b)
    finally:
        untune()


@TYPES
def test_more_rows_than_a_pass(dtype, rng):
    """A batch of several passes, whose gradient is added up as a whole."""
    X, Y = blank(rng, 4600, 64, 0.1), rng.random((4600, 2)).astype(np.float32).astype(float)
    reference = Reference.random((64, 19, 2), ["tanh", "identity"], "quadratic", scale=0.2)
    network, rule = reference.network(dtype), ReferenceOptimizer("adam", reference.theta.size, 0.01)
    gradient = network.gradient(X, Y)
    assert_allclose(gradient.vector, reference.gradient(X, Y).vector, **close(dtype))
    network.fit(X, Y, 1, None, 0.01, optimizer="adam")
    reference.epoch(X, Y, rule)
    assert_allclose(network.parameters, reference.theta, **close(dtype))
    assert_allclose(network.predict(X), reference.predict(X), **close(dtype))
    assert_allclose(network.cost(X, Y), reference.cost(X, Y), **close(dtype))


@TYPES
def test_gradients_of_single_rows_add_up_to_the_whole(dtype, rng):
    X, Y = blank(rng, 40, 64), rng.random((40, 3))
    network = Network((64, 19, 3), "tanh", dtype=dtype, random_state=0)
    single, whole = network.per_sample_gradients(X, Y), network.gradient(X, Y).vector
    assert_allclose(single.mean(axis=0), whole, **close(dtype))
    compress_from(-1, 1)
    assert_array_equal(single, network.per_sample_gradients(X, Y))


@pytest.mark.parametrize(("most", "other"), [(0.05, 1.0), (0.9, 0.0)])
def test_rows_from_first_to_last_tell_how_many_are_zero(most, other, rng):
    """Not the first one alone; which way a table goes shows in the rounding."""
    X, network = blank(rng, 300, 200, most), Network((200, 20, 3), "tanh", random_state=0)
    X[0] = rng.random(200) * other
    found = []
    for density in (0.25, -1, 1.0):
        compress_from(density, 1)
        found.append(network.predict(X).tobytes())
    assert found[1] != found[2]
    assert found[0] == found[2 if most < 0.25 else 1]


@TYPES
def test_a_trace_of_zeros_has_every_input(dtype, rng):
    network = Network((70, 20, 3), "tanh", random_state=0, dtype=dtype)
    X, Y = blank(rng, 300, 70), rng.random((300, 3))
    t = network.trace(X, Y)
    assert_array_equal(t.a[0], X)
    assert_allclose(t.dC_dw[1], network.gradient(X, Y).weights[0], **close(dtype))


@TYPES
def test_dropout_leaves_out_the_same_units(dtype, rng):
    X, Y = blank(rng, 200, 64), rng.random((200, 3))
    found = []
    for density in (-1, 1.0):
        compress_from(density, 1)
        network = Network((64, 40, 3), "tanh", dtype=dtype, random_state=0, dropout=0.5)
        network.fit(X, Y, 3, 32, 0.1, random_state=5)
        found.append(network.parameters)
    assert_allclose(*found, **close(dtype))


@TYPES
def test_without_a_hidden_layer_and_without_anything(dtype, rng):
    """The first layer may be the last; tables may be empty of numbers."""
    Y = np.eye(16)[rng.integers(0, 16, 50)]
    for X in (blank(rng, 50, 64), np.zeros((50, 64))):
        found = []
        for density in (-1, 1.0):
            compress_from(density, 1)
            network = Network((64, 16), output_activation="softmax", dtype=dtype, random_state=0)
            network.fit(X, Y, 3, 16, 0.1, random_state=5)
            found.append((network.parameters, network.predict(X)))
        for a, b in zip(*found, strict=True):
            assert_allclose(a, b, **close(dtype))


def test_divergence_keeps_the_parameters_of_the_epoch_before(rng):
    X, Y = 1e3 * blank(rng, 300, 64), rng.random((300, 3))
    network = Network((64, 19, 3), "identity", loss="quadratic", dtype="float32", random_state=0)
    before = network.parameters.copy()
    with pytest.raises(DivergenceError, match="epoch 1"):
        network.fit(X, Y, 3, 8, 1e9, optimizer=("sgd", {"momentum": 0.9}))
    assert_array_equal(network.parameters, before)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no timers that send signals")
@pytest.mark.parametrize("width", [200, 208])
def test_an_interrupted_epoch_leaves_everything_in_its_place(width, rng):
    """Stopped between two batches, w^(1) and the slots are turned back: with η = 0 they are what
    they were, and the gradient's mean grows from the same side as in a whole epoch."""
    X, Y = blank(rng, 60_000, 64), rng.random((60_000, 3))
    network = Network((64, width, 3), "tanh", dtype="float32", random_state=0, n_threads=1)
    before = network.parameters.copy()
    optimizer = Optimizer("adam", network.n_parameters, "float32", 0.0, beta_1=0.0, beta_2=0.0)
    network.fit(X[:1000], Y[:1000], 1, None, optimizer=optimizer)
    full = optimizer.slots[0].copy()
    assert_allclose(full, network.gradient(X[:1000], Y[:1000]).vector, rtol=1e-4, atol=1e-7)

    def stop(number, frame):
        raise Stop

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(Stop):
            network.fit(X, Y, 1000, 1000, optimizer=optimizer)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert_array_equal(network.parameters, before)
    # the mean is now the gradient of some batch: not the first one's, but in the same order
    assert np.corrcoef(optimizer.slots[0], full)[0, 1] > 0.8


def test_a_killed_run_goes_on_as_it_would_have(tmp_path, rng):
    pytest.importorskip("safetensors", reason='model files need the extra "files"')
    X, Y = blank(rng, 300, 64), rng.random((300, 3))
    path = tmp_path / "run.safetensors"

    def network():
        return Network((64, 19, 3), "tanh", random_state=0)

    def stop(network, history):
        if history.epochs == 3:
            raise Stop

    whole, first, second = network(), network(), network()
    options = {"batch_size": 32, "optimizer": "adam", "random_state": 1}
    whole.fit(X, Y, 6, **options)
    with pytest.raises(Stop):
        first.fit(X, Y, 6, checkpoint=path, callback=stop, **options)
    second.fit(X, Y, 6, resume=path, **options)
    assert_array_equal(second.parameters, whole.parameters)
    assert second.history_.cost == whole.history_.cost
