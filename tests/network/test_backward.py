"""Backpropagation from a ∂C/∂a^(L) of the caller's, and steps from one."""

import numpy as np
import pytest
from formulas import ACTIVATIONS
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, examples

from bpcore import DivergenceError, Network, Optimizer
from bpcore._core import tuning

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@TYPES
@pytest.mark.parametrize("output", ["identity", "softmax", "gelu", "sigmoid"])
@pytest.mark.parametrize("n", [1, 7, 1000])
def test_it_is_the_jacobians_transpose(n, output, dtype):
    reference = Reference.random((3, 6, 4, 2), ["tanh", "silu", output], "quadratic", seed=5)
    network = reference.network(dtype)
    X, _, _ = examples(reference, n)
    dC_da = np.random.default_rng(1).normal(size=(n, 2))
    g = network.backward(X, dC_da)
    exact = reference.network("float64")
    size = {"rtol": 2e-4, "atol": 2e-5 * n**0.5} if dtype == "float32" else {
        "rtol": 1e-10, "atol": 1e-12}  # fmt: skip
    expected = np.einsum("kj,kjp->p", dC_da, exact.parameter_jacobian(X))
    assert_allclose(g.vector, expected, **size)
    assert_allclose(g.inputs, np.einsum("kj,kji->ki", dC_da, exact.jacobian(X)), **size)
    assert np.isnan(g.cost)
    assert_array_equal(np.concatenate([g.weights[0].ravel(), g.biases[0]]), g.vector[:24])
    assert g.vector.dtype == np.dtype(dtype)


@pytest.mark.parametrize(
    ("output", "loss"),
    [("sigmoid", "binary_cross_entropy"), ("softmax", "categorical_cross_entropy")],
)
def test_whatever_the_networks_own_loss_is(output, loss):
    reference = Reference.random((3, 4, 2), ["tanh", output], loss)
    X, Y, _ = examples(reference, 9)
    network = reference.network()
    a = network.predict(X)
    dC_da = (a - Y) / (a * (1 - a)) / 9 if loss == "binary_cross_entropy" else -Y / a / 9
    assert_allclose(
        network.backward(X, dC_da).vector, network.gradient(X, Y).vector, rtol=1e-9, atol=1e-12
    )


def test_small_derivatives_lose_no_digit():
    """Through a made-up target 11 % would be lost."""
    network = Network((3, 8, 1), "tanh", "identity", random_state=0)
    X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    d = np.random.default_rng(1).normal(size=(20, 1)).astype("float32")
    large, small = network.backward(X, d).vector, network.backward(X, d * np.float32(2**-24)).vector
    assert_array_equal(small * np.float32(2**24), large)


def test_threads_change_no_bit():
    network = Network((6, 40, 3), "tanh", "identity", dtype="float64", random_state=0)
    rng = np.random.default_rng(0)
    X, d = rng.normal(size=(5000, 6)), rng.normal(size=(5000, 3))
    network.n_threads = 1
    with tuning.override(parallel_batch_operations=0, parallel_call_operations=0):
        g = network.backward(X, d)
        for n in (2, 3):
            network.n_threads = n
            other = network.backward(X, d)
            assert_array_equal(other.vector, g.vector)
            assert_array_equal(other.inputs, g.inputs)


@TYPES
@pytest.mark.parametrize("optimizer", [None, "adam", "sgd"])
def test_a_step_goes_along_it(optimizer, dtype):
    networks = [Network((3, 5, 2), "tanh", "identity", dtype=dtype, random_state=0) for _ in "ab"]
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(16, 3)).astype(dtype), rng.normal(size=(16, 2)).astype(dtype)
    options = [{} for _ in networks]
    if optimizer is None:
        options = [{"learning_rate": 0.1} for _ in networks]
    else:
        options = [{"optimizer": Optimizer(optimizer, learning_rate=0.1)} for _ in networks]
    for _ in range(3):
        networks[0].step(X, Y, **options[0])
        dC_da = 2 * (networks[1].predict(X) - Y) / np.asarray(16, dtype)
        assert np.isnan(networks[1].step(X, dC_da=dC_da, **options[1]))
    close = {"rtol": 2e-5, "atol": 2e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-14}
    assert_allclose(networks[1].parameters, networks[0].parameters, **close)


def test_weights_of_a_step():
    one, other = (Network((2, 1), activation="identity", random_state=0) for _ in "ab")
    X, d = np.eye(2), np.array([[1.0], [2.0]])
    one.step(X, dC_da=d * [[0.5], [0.0]], learning_rate=0.5)
    other.step(X, dC_da=d, learning_rate=0.5, sample_weight=[0.5, 0.0])
    assert_array_equal(one.parameters, other.parameters)


def test_what_is_refused():
    network = Network((2, 3, 2), random_state=0)
    before = network.parameters.copy()
    X = np.zeros((3, 2))
    for dC_da, words in (
        (np.zeros((3, 1)), r"dC_da.*shape \(3, 1\).*2 outputs"),
        (np.zeros((2, 2)), "dC_da.*3 examples"),
        (np.full((3, 2), np.inf), "dC_da.*infinity"),
    ):
        with pytest.raises(ValueError, match=words):
            network.backward(X, dC_da)
        with pytest.raises(ValueError, match=words):
            network.step(X, dC_da=dC_da, learning_rate=1.0)
    with pytest.raises(TypeError, match="dC_da"):
        network.step(X, learning_rate=1.0)
    with pytest.raises(TypeError, match="in its place"):
        network.step(X, np.zeros((3, 2)), 1.0, dC_da=np.zeros((3, 2)))
    with pytest.raises(DivergenceError):
        network.step(np.ones((99, 2)), dC_da=np.full((99, 2), 3e38), learning_rate=1.0)
    assert_array_equal(network.parameters, before)


def test_a_controller_learns_through_a_model_of_the_plant():
    """What inputs hold goes on to the network before: two networks, one gradient."""
    controller = Network((2, 4, 1), "tanh", "identity", dtype="float64", random_state=0)
    plant = Network((3, 5, 2), "tanh", "identity", dtype="float64", random_state=1)
    x = np.random.default_rng(0).normal(size=(6, 2))

    def cost():
        u = controller.predict(x)
        return (plant.predict(np.hstack([x, u])) ** 2).sum()

    both = np.hstack([x, controller.predict(x)])
    dC_du = plant.backward(both, 2 * plant.predict(both)).inputs[:, 2:]
    g = controller.backward(x, dC_du).vector
    theta = controller.parameters
    for i in range(0, len(theta), 3):
        value, sides = theta[i], []
        for shift in (1e-6, -1e-6):
            theta[i] = value + shift
            sides.append(cost())
        theta[i] = value
        assert g[i] == pytest.approx((sides[0] - sides[1]) / 2e-6, rel=1e-6, abs=1e-8)


def test_every_activation_of_the_outputs():
    for name in ACTIVATIONS:
        reference = Reference.random((2, 3, 2), ["tanh", name], "quadratic", seed=8)
        X, Y, _ = examples(reference, 5)
        network = reference.network()
        d = 2 * (network.predict(X) - Y) / 5
        assert_allclose(
            network.backward(X, d).vector, network.gradient(X, Y).vector, rtol=1e-12, atol=1e-14
        )
