"""A loss that is a function: held to the built-in one of the same formula, wherever it is asked."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import bpcore
from bpcore import DivergenceError, MLPRegressor, Network, Optimizer
from bpcore._core import tuning

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def squares(a, y):
    return ((a - y) ** 2).sum(axis=1), 2 * (a - y)


def gaussian(a, y):
    """-ln N(y; μ, e^2s) but for a constant, of outputs μ and s: targets of one column."""
    mu, s = a[:, :1], a[:, 1:]
    r = (y - mu) * np.exp(-s)
    return (r**2 / 2 + s)[:, 0], np.hstack([-r * np.exp(-s), 1 - r**2])


def pair(dtype="float64", output="identity", **options):
    return [
        Network((3, 6, 2), "tanh", output, loss, dtype=dtype, random_state=0, **options)
        for loss in ("quadratic", squares)
    ]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 3)), rng.normal(size=(300, 2)), rng.uniform(size=300)


@TYPES
@pytest.mark.parametrize("output", ["identity", "softmax", "gelu"])
def test_cost_and_derivatives(data, dtype, output):
    X, Y, s = data
    known, own = pair(dtype, output)
    close = {"rtol": 2e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-14}
    for weights in (None, s, np.where(s < 0.5, 0, s)):
        assert_allclose(own.cost(X, Y, weights), known.cost(X, Y, weights), **close)
        g, expected = own.gradient(X, Y, weights), known.gradient(X, Y, weights)
        assert_allclose(g.cost, expected.cost, **close)
        assert_allclose(g.vector, expected.vector, **close)
        assert_allclose(g.inputs, expected.inputs, **close)
        one, other = own.trace(X, Y, weights), known.trace(X, Y, weights)
        assert_allclose(one.cost, other.cost, **close)
        assert_allclose(one.costs, other.costs, **close)
        assert_array_equal(one.targets, other.targets)
        for name in ("dC_dw", "dC_db", "dC_dz", "dC_da"):
            for mine, theirs in zip(getattr(one, name)[1:], getattr(other, name)[1:], strict=True):
                assert_allclose(mine, theirs, **close)
    assert_allclose(own.per_sample_gradients(X, Y), known.per_sample_gradients(X, Y), **close)
    assert own.check_gradient(X[:5], Y[:5], s[:5]) < 1e-7


@TYPES
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("batch_size", [None, 64, 1])
def test_fit(data, dtype, optimizer, batch_size):
    """Shuffled, weighted, with penalties, clipping, dropout and validation: the same θ."""
    X, Y, s = data
    histories = []
    networks = pair(dtype, dropout=0.25)
    for network in networks:
        histories.append(
            network.fit(
                X,
                Y,
                epochs=3,
                batch_size=batch_size,
                optimizer=optimizer,
                learning_rate=0.01,
                sample_weight=s,
                l2=0.1,
                clip_norm=0.5,
                validation_data=(X[:50], Y[:50]),
            )
        )
    close = {"rtol": 1e-4, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-10, "atol": 1e-12}
    assert_allclose(networks[1].parameters, networks[0].parameters, **close)
    for name in ("cost", "validation_cost", "validation_score"):
        assert_allclose(getattr(histories[1], name), getattr(histories[0], name), **close)


def test_a_batch_is_one_call(data):
    X, Y, _ = data
    calls = []

    def counted(a, y):
        calls.append(len(a))
        return squares(a, y)

    network = Network((3, 6, 2), "tanh", "identity", counted, random_state=0)
    with tuning.override(microbatch_bytes=1, microbatch_min_rows=8):
        network.fit(X, Y, epochs=2, batch_size=128, shuffle=False)
    assert calls == [128, 128, 44] * 2
    calls.clear()
    network.step(X[:7], Y[:7], 0.1)
    network.gradient(X, Y)
    assert calls == [7, 300]


def test_threads_change_no_bit(data):
    X, Y, _ = data
    found = []
    with tuning.override(parallel_batch_operations=0, parallel_call_operations=0):
        for n in (1, 2, 3):
            network = Network(
                (3, 6, 2), "tanh", "identity", squares, random_state=0, n_threads=n, dropout=0.1
            )
            network.fit(X, Y, epochs=3, batch_size=100)
            found.append(network.parameters.copy())
    assert_array_equal(found[1], found[0])
    assert_array_equal(found[2], found[0])


def test_targets_of_another_width(data):
    X, Y, s = data
    network = Network((3, 8, 2), "tanh", "identity", gaussian, dtype="float64", random_state=0)
    y = X[:, 0] + Y[:, 0] * np.where(X[:, 1] > 0, 1.0, 0.1)
    assert network.check_gradient(X[:5], y[:5], s[:5]) < 1e-7
    history = network.fit(X, y, epochs=100, optimizer="adam", learning_rate=0.01, batch_size=50)
    assert history.cost[-1] < history.cost[0] - 0.5
    spread = np.exp(network.predict(X)[:, 1])
    assert spread[X[:, 1] > 0.5].mean() > 3 * spread[X[:, 1] < -0.5].mean()
    assert network.score(X, y) == network.cost(X, y)  # r2 has no targets for the second output
    with pytest.raises(ValueError, match="2 outputs and 1 targets"):
        network.score(X, y, metric="r2")
    assert np.isfinite(network.step(X[0], y[0], 0.01))


def test_steps(data):
    X, Y, s = data
    known, own = pair()
    for options in ({"learning_rate": 0.1}, {"learning_rate": 0.1, "sample_weight": s}):
        assert own.step(X, Y, **options) == pytest.approx(known.step(X, Y, **options), rel=1e-12)
        assert_allclose(own.parameters, known.parameters, rtol=1e-10, atol=1e-13)
    own.step(X[:4], Y[:4], optimizer=Optimizer("adam"))
    assert own.optimizer_.t == 1


def test_what_a_function_may_not_answer(data):
    X, Y, _ = data
    for answer, error, words in (
        (lambda a, y: (a - y) ** 2, TypeError, "must return"),
        (lambda a, y: (1.0, a - y), ValueError, r"costs have shape \(\), expected"),
        (lambda a, y: (a[:, 0], a[:, 0]), ValueError, r"∂C/∂a have shape"),
        (lambda a, y: (a[:, 0], a.astype(complex)), TypeError, "complex"),
        (lambda a, y: 1 / 0, ZeroDivisionError, "zero"),
    ):
        asked = [answer]
        network = Network(
            (3, 2),
            activation="identity",
            loss=lambda a, y, asked=asked: asked[0](a, y),
            random_state=0,
        )
        before = network.parameters.copy()
        for ask in (network.cost, network.gradient, network.fit):
            with pytest.raises(error, match=words):
                ask(X, Y)
        assert_array_equal(network.parameters, before)
        assert network.fit  # and it is free again
        asked[0] = squares
        network.fit(X, Y, epochs=1)


def test_costs_that_are_not_finite(data):
    X, Y, _ = data
    for answer in (
        lambda a, y: (np.full(len(a), np.nan), a - y),
        lambda a, y: (a[:, 0], np.full(a.shape, np.inf)),
    ):
        network = Network((3, 2), activation="identity", loss=answer, random_state=0)
        before = network.parameters.copy()
        with pytest.raises(DivergenceError):
            network.fit(X, Y, epochs=1)
        assert_array_equal(network.parameters, before)


def test_outputs_may_be_kept_and_not_written(data):
    X, Y, _ = data
    kept = []

    def keeps(a, y):
        kept.append(a)
        with pytest.raises(ValueError, match="read-only"):
            a += 1
        return squares(a, y)

    Network((3, 2), activation="identity", loss=keeps, random_state=0).fit(X, Y, epochs=1)
    assert len({one.tobytes() for one in kept}) == len(kept)


def test_what_shows_a_network_knows_it(data, tmp_path):
    X, Y, _ = data
    network = pair("float64")[1]
    assert callable(network.loss)
    assert network.loss.__name__ in str(network.summary())
    trace = network.trace(X[:3], Y[:3])
    assert "∂C/∂a" in str(trace.table())
    with pytest.raises(ValueError, match="the loss is a function, whose formula a page"):
        trace.to_html(tmp_path / "page.html")
    assert not list(tmp_path.iterdir())


def test_files_refuse_it_by_name(data, tmp_path):
    pytest.importorskip("safetensors")
    X, Y, _ = data
    network = pair()[1]
    path = tmp_path / "model.safetensors"
    for write in (lambda: network.save(path), lambda: network.fit(X, Y, checkpoint=path)):
        with pytest.raises(TypeError, match="the function squares"):
            write()
    assert not path.exists()
    assert "history_" not in vars(network)
    with pytest.raises(ValueError, match="is a function"):
        MLPRegressor.from_network(network)


def test_the_rest_of_the_network(data, tmp_path):
    X, Y, _ = data
    network = pair()[1]
    assert "loss squares" in repr(network)
    for copy in (pickle.loads(pickle.dumps(network)), network.astype("float32")):
        assert copy.loss is squares
        assert copy.cost(X, Y) == pytest.approx(network.cost(X, Y), rel=1e-6)
    network.to_c(tmp_path / "network.h")  # a forward pass needs no loss
    with pytest.raises(ValueError, match="is a function"):
        network.trace(X, Y).explain("a", layer=2, j=0, example=0)
    with pytest.raises(ValueError, match="a function"):
        bpcore.Network((2, 1), loss=3)


def test_a_function_may_not_write_to_what_it_is_given(data):
    """Whose arrays these are differs from call to call."""
    X, Y, _ = data

    def in_place(a, y):
        y -= a
        return (y**2).sum(axis=1), -2 * y

    network = Network((3, 2), "identity", loss=in_place, dtype="float64", random_state=0)
    kept = Y.copy()
    for ask in (network.cost, network.gradient, network.trace, network.fit):
        with pytest.raises(ValueError, match="read-only"):
            ask(X, Y)
    assert_array_equal(Y, kept)


def test_its_trace_is_checked(data):
    X, Y, s = data
    for weights in (None, s[:3]):
        known, own = (one.trace(X[:3], Y[:3], weights) for one in pair("float64"))
        found = own.check()
        assert found.keys() == known.check().keys()
        assert max(found.values()) < 1e-6
        own.dC_da[2][1, 0] *= 1.1
        assert own.check()["dC_da"] > 0.01
        with pytest.raises(ValueError, match="the loss is a function, whose formula is not known"):
            own.check("w", layer=2, j=0, k=0, example=1)


def test_a_step_whose_loss_fails_leaves_the_optimizer_as_it_was(data):
    X, Y, _ = data

    def fails(a, y):
        raise ZeroDivisionError

    network = Network((3, 2), "identity", loss=fails, random_state=0)
    rule = Optimizer("sgd", learning_rate=0.5)
    with pytest.raises(ZeroDivisionError):
        network.step(X, Y, 0.1, optimizer=rule)
    assert rule.learning_rate == 0.5
