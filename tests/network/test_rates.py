"""Rates of their own for layers, and learned scales of the inputs: by hand and by PyTorch."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tuned import share_always, tune

from bpcore import Network

FACTORS = np.array([[0.5, 0.1], [2.0, 0.3]])


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 5)), rng.normal(size=(60, 2))


def network(dtype="float64", n_threads=1, sizes=(5, 7, 2)):
    return Network(sizes, "tanh", "identity", dtype=dtype, random_state=0, n_threads=n_threads)


def by_torch(net, X, Y, n_epochs, batch_size, rate, scale):
    """The weights that AdamW of PyTorch finds, with the inputs times s."""
    torch = pytest.importorskip("torch")
    w = [torch.tensor(one.copy(), requires_grad=True) for one in net.weights]
    b = [torch.tensor(one.copy(), requires_grad=True) for one in net.biases]
    s = torch.ones(X.shape[1], dtype=torch.float64, requires_grad=True)
    groups = [{"params": [s], "lr": rate * scale}]
    for layer, (of_w, of_b) in enumerate(FACTORS):
        groups += [
            {"params": [w[layer]], "lr": rate * of_w},
            {"params": [b[layer]], "lr": rate * of_b},
        ]
    # bpcore's epsilon stands in another place: next to none
    adam = torch.optim.Adam(groups, eps=1e-30)
    for _ in range(n_epochs):
        for start in range(0, len(X), batch_size):
            x, y = (torch.tensor(one[start : start + batch_size]) for one in (X, Y))
            adam.zero_grad()
            a = torch.tanh((x * s) @ w[0].T + b[0]) @ w[1].T + b[1]
            ((a - y) ** 2).sum(dim=1).mean().backward()
            adam.step()
    w[0] = w[0] * s
    return [one.detach().numpy() for one in w], [one.detach().numpy() for one in b]


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("clip", [None, 1e9])  # with a limit the gradient is accumulated
def test_rates_and_scale_are_pytorchs(rows, clip, shared):
    X, Y = rows
    if shared:  # the first layer, over all units of which ∂C/∂s adds up, is one shard all the same
        share_always()
        tune(shard_min_numbers=0)
    net = network(sizes=(5, 24, 2))
    weights, biases = by_torch(net, X, Y, 5, 20, 0.01, 6.0)
    net.fit(
        X, Y, epochs=5, batch_size=20, learning_rate=0.01, shuffle=False, clip_norm=clip,
        optimizer=("adam", {"epsilon": 1e-30}), rate_factors=FACTORS, input_scale=6.0,
    )  # fmt: skip
    for ours, theirs in zip((*net.weights, *net.biases), (*weights, *biases), strict=True):
        assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_plain_descent_takes_the_factors_as_rates(rows):
    X, Y = rows
    net, other = network(), network()
    gradient = net.gradient(X, Y)
    net.fit(X, Y, epochs=1, batch_size=None, learning_rate=0.1, rate_factors=FACTORS)
    for layer, (of_w, of_b) in enumerate(FACTORS):
        assert_allclose(
            net.weights[layer],
            other.weights[layer] - 0.1 * of_w * gradient.weights[layer],
            rtol=1e-12,
        )
        assert_allclose(
            net.biases[layer], other.biases[layer] - 0.1 * of_b * gradient.biases[layer], rtol=1e-12
        )


def test_plain_descent_on_v_and_s(rows):
    X, Y = rows
    net, other = network(), network()
    v = other.weights[0].copy()
    of_w = net.gradient(X, Y).weights[0]
    net.fit(X, Y, epochs=1, batch_size=None, learning_rate=0.1, input_scale=3.0)
    # s is 1: ∂C/∂v = ∂C/∂w, ∂C/∂s_k = Σ_j v_jk ∂C/∂w_jk
    s = 1 - 0.3 * (v * of_w).sum(axis=0)
    assert_allclose(net.weights[0], (v - 0.1 * of_w) * s, rtol=1e-12)


def test_decay_goes_by_the_rate_itself(rows):
    X, Y = rows
    plain, decayed = network(), network()
    for net, decay in ((plain, 0.0), (decayed, 0.5)):
        net.fit(
            X, Y, epochs=1, batch_size=None, learning_rate=0.1, rate_factors=FACTORS,
            weight_decay=decay, input_scale=1.0,
        )  # fmt: skip
    start = network()
    lost = plain.weights[1] - decayed.weights[1]
    assert_allclose(lost, 0.05 * start.weights[1], rtol=1e-9, atol=1e-12)
    assert_allclose(plain.biases[1], decayed.biases[1], rtol=0)


def test_factors_of_one_change_no_bit(rows):
    X, Y = rows
    plain, ones = network("float32"), network("float32")
    for net, factors in ((plain, None), (ones, np.ones((2, 2)))):
        net.fit(X, Y, optimizer="adam", learning_rate=0.01, rate_factors=factors, random_state=1)
    assert_array_equal(plain.parameters, ones.parameters)


@pytest.mark.parametrize("name", ["sgd", "adam", "nadam", "rmsprop", "adagrad", "irprop-"])
def test_the_same_factor_everywhere_is_another_rate(rows, name):
    X, Y = rows
    nets = [network(), network()]
    for net, rate, factor in zip(nets, (0.004, 0.002), (1.0, 2.0), strict=True):
        net.fit(
            X, Y, epochs=3, optimizer=(name, {"momentum": 0.5}), learning_rate=rate,
            rate_factors=np.full((2, 2), factor), random_state=1,
        )  # fmt: skip
    assert_allclose(nets[0].parameters, nets[1].parameters, rtol=1e-9, atol=1e-12)
    assert not np.array_equal(nets[0].parameters, network().parameters)


def test_threads_change_no_bit():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(512, 40)), rng.normal(size=(512, 2))
    ends = []
    for n_threads in (1, 2, 3):
        net = network("float32", n_threads, (40, 256, 2))
        net.fit(
            X, Y, epochs=2, batch_size=256, optimizer="adam", input_scale=6.0, random_state=1,
            rate_factors=FACTORS,
        )  # fmt: skip
        ends.append(net.parameters.copy())
    assert_array_equal(ends[0], ends[1])
    assert_array_equal(ends[0], ends[2])


def test_mostly_zeros_are_scaled_as_well():
    """A first layer that would pass by the zeros does not, and its scales are learned."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 100)) * (rng.random((300, 100)) < 0.05)
    Y = rng.normal(size=(300, 1))
    start = Network((100, 32, 1), "tanh", "identity", random_state=0)
    net = Network((100, 32, 1), "tanh", "identity", random_state=0)
    net.fit(X, Y, epochs=1, batch_size=300, learning_rate=0.1, input_scale=3.0)
    of_w = start.gradient(X, Y).weights[0]
    v = start.weights[0]
    expected = (v - 0.1 * of_w) * (1 - 0.3 * (v * of_w).sum(axis=0))
    assert_allclose(net.weights[0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rate_factors": [[1.0, 1.0]]}, "2 layers"),
        ({"rate_factors": [[1.0, -1.0], [1.0, 1.0]]}, "at least 0"),
        ({"rate_factors": [[1.0, np.nan], [1.0, 1.0]]}, "finite"),
        ({"input_scale": -1.0}, "input_scale"),
        ({"input_scale": 1.0, "checkpoint": "file"}, "checkpoints"),
    ],
)
def test_refused(rows, arguments, words):
    net = network()
    before = net.parameters.copy()
    with pytest.raises(ValueError, match=words):
        net.fit(*rows, **arguments)
    assert_array_equal(net.parameters, before)


def test_weights_that_a_callback_sets_stay_so(rows):
    X, Y = rows

    def prune(net, history):
        if history.epochs == 1:
            net.weights[0][:, 0] = 0
            net.weights[0][1] *= 2

    found = []
    for scale in (None, 1.0):
        net = network()
        net.fit(X, Y, epochs=3, learning_rate=1e-7, input_scale=scale, callback=prune)
        assert abs(net.weights[0][:, 0]).max() < 1e-5
        found.append(net.weights[0].copy())
    assert_allclose(*found, atol=1e-5)


def test_weights_that_a_callback_sets_when_the_scale_has_moved(rows):
    X, Y = rows
    after = []

    def replace(net, history):
        if history.epochs == 1:
            net.weights[0][:] = 0.25
        after.append(net.weights[0].copy())

    # one epoch that moves s, and one that moves nothing
    network().fit(
        X, Y, epochs=2, learning_rate=0.01, optimizer="adam", input_scale=6.0, callback=replace,
        schedule={"kind": "step", "every": 1, "factor": 1e-12},
    )  # fmt: skip
    assert_allclose(after[1], 0.25, rtol=1e-6)
