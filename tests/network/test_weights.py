"""A row's weight counts the same whatever batch it falls into."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bpcore import Network, Optimizer

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
RNG = np.random.default_rng(0)
X = RNG.normal(size=(23, 4))
Y = RNG.normal(size=(23, 2))
S = RNG.uniform(0, 5, 23) * (RNG.random(23) < 0.8)


def network(dtype="float64"):
    return Network((4, 6, 2), "tanh", "identity", dtype=dtype, random_state=0)


@pytest.mark.parametrize("batch_size", [1, 5, 23])
def test_an_epoch_of_tiny_steps_goes_along_the_weighted_gradient(batch_size):
    """With batches of one size: Σ over the batches of their ∇C is n / batch_size · ∇C."""
    X20, Y20, s = X[:20], Y[:20], S[:20]
    batch_size = min(batch_size, 20)
    net = network()
    before, g = net.parameters.copy(), net.gradient(X20, Y20, s)
    history = net.fit(X20, Y20, 1, batch_size, 1e-7, sample_weight=s)
    moved = (net.parameters - before) / (-1e-7 * 20 / batch_size)
    assert_allclose(moved, g.vector, rtol=1e-4, atol=1e-6)
    assert history.cost[0] == pytest.approx(g.cost, rel=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_batches_of_one_row_learn_by_weight(optimizer):
    """Two clouds in one place with other targets: the heavier one wins."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(400, 1)), np.repeat([0.0, 1.0], 200)
    for heavy in (0, 1):
        s = np.where(y == heavy, 9.0, 1.0)
        net = Network((1, 1), activation="identity", dtype="float64", init="zeros")
        net.fit(x, y, 30, 1, 1e-3, sample_weight=s, optimizer=optimizer, random_state=0)
        assert net.biases[0][0] == pytest.approx(0.9 if heavy else 0.1, abs=0.05)


@TYPES
@pytest.mark.parametrize("weight", [1.0, 0.3, 1e-300, 1e300])
def test_equal_weights_are_none_to_the_last_bit(weight, dtype):
    one, other = network(dtype), network(dtype)
    rules = {"l2": 0.1, "optimizer": "adam", "random_state": 0}
    one.fit(X, Y, 3, 4, 0.01, **rules)
    other.fit(X, Y, 3, 4, 0.01, sample_weight=np.full(23, weight), **rules)
    assert_array_equal(one.parameters, other.parameters)


def test_a_batch_of_weight_zero_is_left_out():
    """Neither penalties nor an optimizer's means move θ then."""
    s = np.r_[np.zeros(8), np.full(15, 2.0)]
    adam = Optimizer("adam", learning_rate=0.01)
    net = network()
    net.fit(X, Y, 1, 4, sample_weight=s, optimizer=adam, l2=1.0, shuffle=False)
    assert adam.t == 4


@TYPES
def test_a_step_multiplies_the_gradient_by_the_weight(dtype):
    for rows in (slice(3, 4), slice(0, 6)):
        x, y, s = X[rows], Y[rows], S[rows] + 0.5
        net = network(dtype)
        before, costs = net.parameters.copy(), net.trace(x, y).costs
        gradients = net.per_sample_gradients(x, y)
        cost = net.step(x, y, 0.01, s)
        assert cost == pytest.approx((s * costs).mean(), rel=1e-5)
        moved = (before - net.parameters) / 0.01
        assert_allclose(moved, (s[:, None] * gradients).mean(axis=0), rtol=2e-3, atol=2e-4)


def test_a_step_of_weight_zero_changes_nothing():
    for weights in ([0.0], [0.0] * 4):
        net, adam = network(), Optimizer("adam")
        n = len(weights)
        net.step(X[:n], Y[:n], optimizer=adam)
        theta, t = net.parameters.copy(), adam.t
        assert net.step(X[:n], Y[:n], sample_weight=weights, optimizer=adam) == 0.0
        assert_array_equal(net.parameters, theta)
        assert adam.t == t
