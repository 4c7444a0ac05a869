"""Network: forward, score, single steps."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, examples
from sklearn.metrics import accuracy_score, r2_score
from tuned import share_always, untune

from bpcore import Network

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def some(dtype="float64", **options):
    return Network((3, 5, 4, 2), "tanh", dtype=dtype, init="normal", random_state=3, **options)


# ---------------------------------------------------------------- forward


@TYPES
@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 257, 1500])
def test_forward(n, dtype):
    reference = Reference.random((11, 9, 6, 4), ["relu", "tanh", "sigmoid"], "quadratic", seed=1)
    network = reference.network(dtype)
    X = np.random.default_rng(n).standard_normal((n, 11)).astype(dtype)
    a = network.forward(X)
    assert a.shape == (n, 4)
    assert a.dtype == np.dtype(dtype)
    close = {"rtol": 2e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12}
    assert_allclose(a, reference.predict(X), **close)
    assert_array_equal(network.predict(X), a)


@TYPES
def test_a_single_example_has_no_row_axis(dtype):
    network = some(dtype)
    X = np.random.default_rng(0).standard_normal((4, 3))
    assert network.forward(X[1]).shape == (2,)
    assert_allclose(network.forward(X[1]), network.forward(X)[1], rtol=1e-5)
    assert network.forward([1, 2, 3]).shape == (2,)
    assert Network((1, 1)).forward([0.5]).shape == (1,)


@TYPES
def test_out(dtype):
    network = some(dtype)
    X = np.random.default_rng(0).standard_normal((6, 3))
    out = np.full((6, 2), np.nan, dtype)
    assert network.forward(X, out=out) is out
    assert_array_equal(out, network.forward(X))
    row = np.empty(2, dtype)
    assert network.predict(X[0], out=row) is row
    assert_allclose(row, out[0], rtol=1e-5)
    part = np.zeros((8, 2), dtype)
    network.forward(X, out=part[1:7])
    assert_array_equal(part[1:7], out)
    assert not part[[0, 7]].any()


def test_results_belong_to_the_caller():
    network = some()
    X = np.ones((3, 3))
    a = network.forward(X)
    kept = a.copy()
    network.forward(-X)
    assert_array_equal(a, kept)
    a[:] = 7
    assert_array_equal(network.forward(X), kept)
    assert_array_equal(X, 1)


# ---------------------------------------------------------------- score


def test_score():
    rng = np.random.default_rng(0)
    X, s = rng.standard_normal((60, 3)), rng.uniform(size=60)
    network = some()
    a = network.forward(X)
    labels = np.eye(2)[rng.integers(0, 2, 60)]
    right = accuracy_score(labels.argmax(1), a.argmax(1))
    assert network.score(X, labels) == network.score(X, labels, "accuracy") == right
    assert_allclose(
        network.score(X, labels, sample_weight=s),
        accuracy_score(labels.argmax(1), a.argmax(1), sample_weight=s),
    )
    assert network.score(X, labels, "cost") == network.cost(X, labels)
    Y = (a + 0.3 * rng.standard_normal((60, 2))) * [1.0, 1.0]
    assert_allclose(network.score(X, Y), network.score(X, Y, metric="r2"))
    one = Network((3, 4, 1), "tanh", "identity", dtype="float64", random_state=0)
    y = one.forward(X)[:, 0] + 0.2 * rng.standard_normal(60)
    assert_allclose(one.score(X, y), r2_score(y, one.forward(X)[:, 0]))
    assert_allclose(one.score(X, y, "r2", s), r2_score(y, one.forward(X)[:, 0], sample_weight=s))
    assert one.score(X, one.forward(X)) == 1.0
    assert isinstance(one.score(X, y), float)


def test_r2_of_several_outputs():
    """1 - Σ(a - y)² / Σ(y - ȳ)² over all outputs: scikit-learn's variance-weighted mean."""
    rng = np.random.default_rng(0)
    network = some()
    X = rng.standard_normal((50, 3))
    Y = network.forward(X) + [0.1, 1.0] * rng.standard_normal((50, 2))
    assert_allclose(
        network.score(X, Y, "r2"), r2_score(Y, network.forward(X), multioutput="variance_weighted")
    )


def test_accuracy_of_one_output():
    network = Network((1, 1), "sigmoid", loss="binary_cross_entropy", dtype="float64")
    network.set_parameters([1.0, 0.0])
    X, y = np.array([[-2.0], [-1.0], [1.0], [3.0]]), np.array([0, 1, 1, 1])
    assert network.score(X, y) == 0.75
    assert network.score(X, y, sample_weight=[1, 3, 1, 1]) == 0.5
    with pytest.raises(ValueError, match="accuracy"):
        network.score(X, y, metric="f1")


# ---------------------------------------------------------------- single steps


@TYPES
def test_step_is_one_step_of_gradient_descent(dtype):
    reference = Reference.random((3, 4, 2), ["tanh", "sigmoid"], "quadratic")
    X, Y, s = examples(reference, 9)
    close = {"rtol": 1e-4, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12}
    for rows, weights in [(slice(None), None), (slice(None), s), (slice(0, 1), None)]:
        network = reference.network(dtype)
        g = reference.gradient(X[rows], Y[rows], weights)
        cost = network.step(X[rows], Y[rows], 0.3, weights)
        assert isinstance(cost, float)
        assert_allclose(cost, g.cost, **close)
        assert_allclose(network.parameters, reference.theta - 0.3 * g.vector, **close)
    network, other = reference.network(dtype), reference.network(dtype)
    assert network.step(X[2], Y[2], 0.3) == pytest.approx(other.step(X[2:3], Y[2:3], 0.3))
    assert_allclose(network.parameters, other.parameters, rtol=1e-6)
    row = np.ascontiguousarray(X[3].astype(dtype))
    target = np.ascontiguousarray(Y[3].astype(dtype))
    network.step(row, target, 0.2)
    other.step(X[3:4], Y[3:4], 0.2)
    assert_allclose(network.parameters, other.parameters, rtol=1e-5, atol=1e-7)


@TYPES
@pytest.mark.parametrize("loss", ["quadratic", "categorical_cross_entropy", "poisson"])
def test_many_steps(loss, dtype):
    """Online learning, row by row: the reference's way, for every activation of the output."""
    reference = Reference.random(
        (3, 6, 3),
        ["silu", {"quadratic": "sigmoid", "poisson": "exponential"}.get(loss, "softmax")],
        loss,
        scale=0.3,
    )
    network = reference.network(dtype)
    X, Y, _ = examples(reference, 30)
    for k in range(30):
        network.step(X[k], Y[k], 0.1)
        reference.theta -= 0.1 * reference.gradient(X[k : k + 1], Y[k : k + 1]).vector
    close = {"rtol": 1e-3, "atol": 1e-5} if dtype == "float32" else {"rtol": 1e-10}
    assert_allclose(network.parameters, reference.theta, **close)


def test_apply():
    network = some()
    X, Y = np.ones((2, 3)), np.zeros((2, 2))
    theta, g = network.parameters.copy(), network.gradient(X, Y)
    network.apply(g, 0.5)
    assert_allclose(network.parameters, theta - 0.5 * g.vector, rtol=1e-15)
    network.apply(-g.vector, 0.5)
    assert_allclose(network.parameters, theta, rtol=1e-14)
    network.apply(g, 0.0)
    assert_allclose(network.parameters, theta, rtol=1e-14)


# ---------------------------------------------------------------- copies


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_number_that_is_none_is_found_behind_any_activation(bad, threads, dtype):
    """σ makes 0 or 1 of infinity; the row is named all the same, and ``out`` is not touched."""
    network = Network((70, 5, 3), "sigmoid", dtype=dtype, random_state=0, n_threads=threads)
    X = np.random.default_rng(0).standard_normal((3000, 70)).astype(dtype)
    X[2718, 69] = bad
    network.weights[0][:, 69] = 0  # 0 times infinity is NaN
    share_always()
    try:
        with pytest.raises(ValueError, match="in row 2718"):
            network.predict(X)
        out = np.full((3000, 3), 7, dtype)
        with pytest.raises(ValueError, match="in row 2718"):
            network.predict(X, out)
        assert (out == 7).all()
        with pytest.raises(ValueError, match="in row 0"):
            network.predict(X[2718:2719])
        assert np.isfinite(network.predict(X[:2718])).all()
    finally:
        untune()


@TYPES
def test_a_number_that_is_none_in_the_last_row_before_the_only_unit(dtype):
    network = Network((70, 1), "sigmoid", dtype=dtype, random_state=0)
    for n in (1, 9, 300):
        X = np.zeros((n, 70), dtype)
        X[-1, 69] = np.nan
        with pytest.raises(ValueError, match=f"in row {n - 1}:"):
            network.predict(X)


def test_sums_beyond_the_type_are_no_fault_of_the_data():
    network = Network((2, 2), "sigmoid", init="zeros")
    network.set_parameters(weights=[[[3e38, 3e38], [-3e38, -3e38]]])
    with np.errstate(over="ignore"):
        assert_array_equal(network.predict([[1.0, 1.0], [0.0, 0.0]]), [[1, 0], [0.5, 0.5]])
