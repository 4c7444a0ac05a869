"""fit(optimizer="lm") and "lbfgs": to the minimum that is known, by the rules of every fit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import least_squares, minimize

from bpcore import DivergenceError, Network
from bpcore._core import tuning
from bpcore._core.training import Epoch
from bpcore.network.solvers import SOLVERS as SOLVERS_BY_NAME

SOLVERS = pytest.mark.parametrize("optimizer", ["lm", "lbfgs"])
TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def squares(a, y):
    return ((a - y) ** 2).sum(axis=1), 2 * (a - y)


def line(n=50, noise=0.1):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    return X, X @ [[1.0, 0.5], [-2.0, 0.0], [0.3, 4.0]] + [1.0, 2.0] + noise * rng.normal(
        size=(n, 2)
    )


def curve(n=120):
    rng = np.random.default_rng(1)
    X = rng.uniform(-2, 2, size=(n, 2))
    return X, np.column_stack([np.sin(2 * X[:, 0]) * X[:, 1], X[:, 0] - np.cos(X[:, 1])])


@SOLVERS
@TYPES
@pytest.mark.parametrize("loss", ["quadratic", "squared_error"])
def test_a_line_ends_where_ridge_does(optimizer, dtype, loss):
    """Weighted, two outputs, penalised: the normal equations have the same solution."""
    X, Y = line()
    s = np.random.default_rng(2).uniform(0.1, 2, size=len(X))
    l2 = 3.0
    network = Network((3, 2), activation="identity", loss=loss, dtype=dtype, random_state=0)
    history = network.fit(X, Y, epochs=200, optimizer=optimizer, sample_weight=s, l2=l2)
    s = s / s.mean()
    A = np.hstack([X, np.ones((len(X), 1))])
    penalty = np.diag([1.0, 1, 1, 0]) * (l2 / 2 if loss == "quadratic" else l2)
    expected = np.linalg.solve(A.T @ (s[:, None] * A) + penalty, A.T @ (s[:, None] * Y))
    close = 2e-3 if optimizer == "lbfgs" else 1e-5
    assert_allclose(network.weights[0], expected[:3].T, rtol=close, atol=close)
    assert_allclose(network.biases[0], expected[3], rtol=close, atol=close)
    assert history.stopped == "converged"
    assert history.epochs < 200
    total = network.cost(X, Y, s) + l2 / 2 * (network.weights[0] ** 2).sum() / len(X)
    assert history.cost[-1] == pytest.approx(total, rel=1e-5)


def test_lm_is_as_good_as_minpack():
    X, Y = curve()
    ours, theirs = [], []
    for seed in range(24):
        network = Network((2, 6, 2), "tanh", "identity", dtype="float64", random_state=seed)
        start = network.parameters.copy()
        network.fit(X, Y, epochs=300, optimizer="lm")
        ours.append(network.cost(X, Y))

        def residuals(theta, network=network):
            network.parameters[:] = theta
            return (network.predict(X) - Y).ravel()

        def jacobian(theta, network=network):
            network.parameters[:] = theta
            return network.parameter_jacobian(X).reshape(-1, len(theta))

        found = least_squares(residuals, start, jacobian, method="lm", max_nfev=300)
        theirs.append(2 * found.cost / len(X))
    # one seed alone tells nothing: each ends in another minimum
    assert (
        np.quantile(ours, [0.25, 0.5, 0.75]) < 1.1 * np.quantile(theirs, [0.25, 0.5, 0.75])
    ).all()


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "gelu"])
def test_lm_makes_less_of_the_cost_whatever_the_outputs(output):
    X, Y = curve()
    Y = (Y - Y.min()) / (Y.max() - Y.min()) * 0.5
    network = Network((2, 6, 2), "silu", output, dtype="float64", random_state=0)
    costs = network.fit(X, Y, epochs=60, optimizer="lm").cost
    assert (np.diff(costs) <= 0).all()
    assert costs[-1] < 0.7 * costs[0]


def test_lbfgs_is_as_good_as_scipys():
    X, Y = curve()
    ours, theirs = [], []
    for seed in range(8):
        network = Network((2, 6, 2), "tanh", "identity", dtype="float64", random_state=seed)
        start = network.parameters.copy()
        network.fit(X, Y, epochs=100, optimizer="lbfgs")
        ours.append(network.cost(X, Y))

        def cost(theta, network=network):
            network.parameters[:] = theta
            g = network.gradient(X, Y)
            return g.cost, g.vector

        theirs.append(
            minimize(cost, start, jac=True, method="L-BFGS-B", options={"maxiter": 100}).fun
        )
    assert np.median(ours) < 1.3 * np.median(theirs)


def test_lbfgs_takes_any_loss():
    X, Y = curve()
    labels = (Y > 0).astype(float)
    for loss in (
        "binary_cross_entropy",
        "huber",
        lambda a, y: (((a - y) ** 2).sum(1), 2 * (a - y)),
    ):
        network = Network((2, 6, 2), "tanh", loss=loss, dtype="float64", random_state=0)
        costs = network.fit(X, labels, epochs=50, optimizer="lbfgs").cost
        assert costs[-1] < 0.5 * costs[0]


@SOLVERS
def test_threads_change_no_bit(optimizer):
    X, Y = curve(999)
    found = []
    with tuning.override(
        parallel_batch_operations=0, parallel_call_operations=0, normal_bytes=1, normal_own_tile=4
    ):
        for n in (1, 2, 3):
            network = Network((2, 9, 2), "tanh", "identity", random_state=0, n_threads=n)
            network.fit(X, Y, epochs=15, optimizer=optimizer)
            found.append(network.parameters.copy())
    assert_array_equal(found[1], found[0])
    assert_array_equal(found[2], found[0])


@pytest.mark.parametrize("own", [0, 10**6])
def test_the_ways_to_multiply(own):
    """Tiles by the own loops and by BLAS, of one piece and of many: the same JᵀJ."""
    X, Y = curve(700)
    found = []
    for numbers in (
        {},
        {
            "normal_own_parameters": own,
            "normal_tile": 7,
            "normal_own_tile": 5,
            "normal_bytes": 1,
            "normal_min_rows": 30,
        },
    ):
        with tuning.override(**numbers):
            network = Network((2, 9, 2), "tanh", "identity", dtype="float64", random_state=0)
            network.fit(X, Y, epochs=3, optimizer="lm")
            found.append(network.parameters.copy())
    assert_allclose(found[1], found[0], rtol=1e-6, atol=1e-8)


@SOLVERS
def test_early_stopping_keeps_the_best(optimizer):
    rng = np.random.default_rng(0)
    X, Y = curve(60)
    Y = Y + 0.5 * rng.normal(size=Y.shape)
    network = Network((2, 20, 2), "tanh", "identity", dtype="float64", random_state=0)
    history = network.fit(
        X[:40],
        Y[:40],
        epochs=300,
        optimizer=optimizer,
        validation_data=(X[40:], Y[40:]),
        patience=5,
    )
    assert history.stopped == "early_stopping"
    assert network.cost(X[40:], Y[40:]) == min(history.validation_cost)


@SOLVERS
def test_callbacks_and_one_run_are_the_same_iterations(optimizer):
    X, Y = curve()
    networks = [
        Network((2, 6, 2), "tanh", "identity", dtype="float64", random_state=0) for _ in "ab"
    ]
    seen = []
    one = networks[0].fit(X, Y, epochs=12, optimizer=optimizer)
    other = networks[1].fit(
        X, Y, epochs=12, optimizer=optimizer, callback=lambda n, h: seen.append(n.cost(X, Y))
    )
    assert_array_equal(networks[1].parameters, networks[0].parameters)
    assert one.cost == other.cost
    assert_allclose(seen, other.cost, rtol=1e-12)
    assert len(one.learning_rate) == len(one.seconds) == 12
    ended = networks[0].fit(
        X, Y, epochs=9, optimizer=optimizer, callback=lambda n, h: h.epochs == 2
    )
    assert (ended.epochs, ended.stopped) == (2, "callback")


def test_a_network_of_floats_follows_its_twin():
    X, Y = curve()
    single = Network((2, 6, 2), "tanh", "identity", random_state=0)
    double = single.astype("float64")
    for network in (single, double):
        network.fit(X.astype("float32"), Y.astype("float32"), epochs=20, optimizer="lm")
    assert single.dtype == np.float32
    assert_allclose(single.parameters, double.parameters, rtol=1e-2, atol=1e-3)


def test_lm_resumes_to_the_same_bits(tmp_path):
    pytest.importorskip("safetensors")
    X, Y = curve()
    path = tmp_path / "fit.safetensors"
    for dtype in ("float64", "float32"):
        whole, half, rest = (
            Network((2, 6, 2), "tanh", "identity", dtype=dtype, random_state=0) for _ in "abc"
        )
        options = {"optimizer": ("lm", {"tol": 0.0}), "l2": 0.01}
        expected = whole.fit(X, Y, epochs=20, callback=lambda n, h: False, **options)
        half.fit(X, Y, epochs=8, checkpoint=path, **options)
        history = rest.fit(X, Y, epochs=20, resume=path, callback=lambda n, h: False, **options)
        assert_array_equal(rest.parameters, whole.parameters)
        assert history.cost == expected.cost
    with pytest.raises(ValueError, match="another fit"):
        rest.fit(X, Y, epochs=20, resume=path, optimizer="lm", l2=0.01)
    with pytest.raises(ValueError, match="lbfgs"):
        rest.fit(X, Y, optimizer="lbfgs", checkpoint=path)


@SOLVERS
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"l1": 0.1}, "takes no l1"),
        ({"weight_decay": 0.1}, "takes no weight_decay"),
        ({"clip_norm": 1.0}, "takes no clip_norm"),
        ({"learning_rate": 0.1}, "takes no learning_rate"),
        ({"schedule": "cosine"}, "takes no schedule"),
        ({"rate_factors": np.ones((2, 2))}, "takes no rate_factors"),
        ({"input_scale": 6.0}, "takes no input_scale"),
    ],
)
def test_what_has_no_meaning_is_refused(optimizer, options, words):
    X, Y = line()
    network = Network((3, 2), activation="identity", random_state=0)
    before = network.parameters.copy()
    with pytest.raises(ValueError, match=f"{optimizer} {words}"):
        network.fit(X, Y, optimizer=optimizer, **options)
    with pytest.raises(ValueError, match="no option beta_1"):
        network.fit(X, Y, optimizer=(optimizer, {"beta_1": 0.9}))
    with pytest.raises(ValueError, match="takes no dropout"):
        Network((3, 4, 2), dropout=0.1).fit(X, Y, optimizer=optimizer)
    assert_array_equal(network.parameters, before)


def test_lm_refuses_what_is_no_sum_of_squares_and_what_would_not_fit():
    X, Y = line()
    with pytest.raises(ValueError, match=r"sum of squares.*huber"):
        Network((3, 2), loss="huber").fit(X, Y, optimizer="lm")
    with pytest.raises(ValueError, match=r"13,\d\d\d.*2\.6 GiB.*lbfgs"):
        Network((3, 2200, 2)).fit(X, Y, optimizer="lm")


@SOLVERS
def test_costs_that_are_not_finite(optimizer):
    network = Network((1, 1), activation="identity", dtype="float64", init="zeros")
    before = network.parameters.copy()
    with pytest.raises(DivergenceError):
        network.fit([[1e200], [2.0]], [1e200, 1.0], optimizer=optimizer)
    assert_array_equal(network.parameters, before)
    network.fit([[1.0], [2.0]], [1.0, 2.0], optimizer=optimizer)  # it is free again


@SOLVERS
def test_nothing_to_do(optimizer):
    network = Network((1, 2, 1), "relu", "identity", dtype="float64", init="zeros")
    history = network.fit([[1.0]], [0.0], epochs=50, optimizer=optimizer)
    assert history.epochs < 50
    assert history.cost[-1] == 0
    assert network.fit([[1.0]], [0.0], epochs=0, optimizer=optimizer).epochs == 0


@SOLVERS
def test_what_float32_cannot_hold(optimizer, monkeypatch):
    """A double too large for the network's θ: it keeps that of before."""

    def run(self, most, done):
        self.twin.parameters[:] = 1e300
        done.append(Epoch(1.0, 0.0, 0.0, 0.0))

    monkeypatch.setattr(SOLVERS_BY_NAME[optimizer], "_run", run)
    network = Network((1, 1), activation="identity", init="zeros")
    with pytest.raises(DivergenceError, match="scaled to about 1"):
        network.fit([[1.0]], [1.0], epochs=5, optimizer=optimizer)
    assert_array_equal(network.parameters, 0)
