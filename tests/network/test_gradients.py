"""Gradients against central differences and the reference: θ, inputs, per example, Jacobian."""

import numpy as np
import pytest
from formulas import ACTIVATIONS, pairs
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, central_differences, examples

from bpcore import Gradient, Network
from bpcore._core.activations import ACTIVATIONS as ENGINE_ACTIVATIONS

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
PAIRS = pytest.mark.parametrize(("output", "loss"), pairs())
HIDDEN = [name for name in ENGINE_ACTIVATIONS if name != "softmax"]


def close(dtype):
    return {"rtol": 2e-4, "atol": 3e-6} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}


def engine_differences(network, X, Y, s):
    """Central differences of the engine's own cost, in float64."""
    theta = network.parameters.copy()

    def cost(t):
        network.parameters[:] = t
        return network.cost(X, Y, s)

    slopes = central_differences(cost, theta)
    network.parameters[:] = theta
    return slopes


# ---------------------------------------------------------------- every pair


@PAIRS
def test_gradient_is_the_slope_of_the_engines_cost(output, loss):
    reference = Reference.random((3, 4, 2), ["tanh", output], loss, seed=11)
    network = reference.network()
    X, Y, s = examples(reference, 6)
    for weights in (None, s):
        g = network.gradient(X, Y, weights)
        assert isinstance(g, Gradient)
        assert g.cost == pytest.approx(network.cost(X, Y, weights), rel=1e-14)
        assert_allclose(g.vector, engine_differences(network, X, Y, weights), rtol=1e-6, atol=1e-8)
        by_inputs = central_differences(lambda x, w=weights: network.cost(x, Y, w), X)
        assert_allclose(g.inputs, by_inputs, rtol=1e-6, atol=1e-8)


@TYPES
@PAIRS
def test_gradient_is_the_references(output, loss, dtype):
    reference = Reference.random((5, 4, 6, 3), ["tanh", "silu", output], loss, seed=12)
    network = reference.network(dtype)
    X, Y, s = examples(reference, 37)
    for weights in (None, s):
        g, expected = network.gradient(X, Y, weights), reference.gradient(X, Y, weights)
        assert g.vector.dtype == g.inputs.dtype == np.dtype(dtype)
        assert_allclose(g.cost, expected.cost, **close(dtype))
        assert_allclose(g.vector, expected.vector, **close(dtype))
        assert_allclose(g.inputs, expected.inputs, **close(dtype))


@TYPES
@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_hidden_activation(hidden, dtype):
    reference = Reference.random((4, 5, 3, 2), [hidden, hidden, "sigmoid"], "quadratic", seed=13)
    network = reference.network(dtype)
    X, Y, s = examples(reference, 19)
    g, expected = network.gradient(X, Y, s), reference.gradient(X, Y, s)
    assert_allclose(g.vector, expected.vector, **close(dtype))
    assert_allclose(g.inputs, expected.inputs, **close(dtype))


@pytest.mark.parametrize("hidden", HIDDEN)
def test_every_hidden_activation_by_differences(hidden):
    reference = Reference.random(
        (3, 4, 3, 2), [hidden, hidden, "identity"], "quadratic", seed=14, scale=0.4
    )
    network = reference.network()
    X, Y, s = examples(reference, 5)
    g = network.gradient(X, Y, s)
    assert_allclose(g.vector, engine_differences(network, X, Y, s), rtol=1e-6, atol=1e-7)


# ---------------------------------------------------------------- shapes of networks and batches


@TYPES
@pytest.mark.parametrize(
    "sizes",
    [
        (1, 1),
        (1, 1, 1, 1),
        (7, 1),
        (1, 9),
        (2, 40, 3),
        (65, 33, 17),
        (3, 2, 2, 2, 2, 2, 2),
        (130, 3, 130),
    ],
)
@pytest.mark.parametrize("n", [1, 2, 7, 64])
def test_shapes_of_networks(sizes, n, dtype):
    reference = Reference.random(sizes, ["tanh"] * (len(sizes) - 1), "quadratic", seed=n, scale=0.4)
    network = reference.network(dtype)
    X, Y, s = examples(reference, n, seed=n)
    g, expected = network.gradient(X, Y, s), reference.gradient(X, Y, s)
    assert_allclose(g.vector, expected.vector, **close(dtype))
    assert_allclose(g.inputs, expected.inputs, **close(dtype))


@TYPES
@pytest.mark.parametrize("n", [255, 256, 257, 1000, 3001])
def test_many_rows(n, dtype):
    """More rows than one block holds, and ends that fill no block."""
    reference = Reference.random((20, 16, 12, 4), ["sigmoid"] * 3, "quadratic", seed=1)
    network = reference.network(dtype)
    X, Y, s = examples(reference, n)
    g, expected = network.gradient(X, Y, s), reference.gradient(X, Y, s)
    assert_allclose(g.cost, expected.cost, rtol=1e-5)
    assert_allclose(g.vector, expected.vector, **close(dtype))
    assert_allclose(g.inputs, expected.inputs, rtol=2e-4, atol=1e-8 if dtype == "float32" else 0)


@TYPES
def test_a_wide_network(dtype):
    reference = Reference.random(
        (784, 100, 10), ["relu", "softmax"], "categorical_cross_entropy", seed=1, scale=0.05
    )
    network = reference.network(dtype)
    X, Y, _ = examples(reference, 50)
    assert_allclose(network.gradient(X, Y).vector, reference.gradient(X, Y).vector, **close(dtype))


# ---------------------------------------------------------------- views, single examples


def test_layers_of_a_gradient_are_views():
    network = Network((3, 4, 2), random_state=0)
    X, Y = np.ones((2, 3)), np.zeros((2, 2))
    g = network.gradient(X, Y)
    assert [w.shape for w in g.weights] == [(4, 3), (2, 4)]
    assert [b.shape for b in g.biases] == [(4,), (2,)]
    parts = [g.weights[0], g.biases[0], g.weights[1], g.biases[1]]
    assert all(np.shares_memory(part, g.vector) for part in parts)
    assert_array_equal(np.concatenate([part.ravel() for part in parts]), g.vector)
    # a gradient is the caller's: the next one does not write into it
    kept = g.vector.copy()
    network.gradient(2 * X, Y + 1)
    assert_array_equal(g.vector, kept)
    assert not np.shares_memory(g.vector, network.parameters)


def test_a_single_example():
    reference = Reference.random((3, 4, 2), ["tanh", "identity"], "quadratic")
    network = reference.network()
    X, Y, _ = examples(reference, 1)
    one, batch = network.gradient(X[0], Y[0]), network.gradient(X, Y)
    assert_array_equal(one.vector, batch.vector)
    assert one.cost == batch.cost
    assert_array_equal(one.inputs.ravel(), batch.inputs.ravel())


def test_targets_of_one_output_may_be_flat():
    reference = Reference.random((3, 4, 1), ["tanh", "identity"], "quadratic")
    network = reference.network()
    X, Y, s = examples(reference, 9)
    assert_array_equal(network.gradient(X, Y[:, 0], s).vector, network.gradient(X, Y, s).vector)


def test_weights_count_rows():
    """An example of weight 3 is three examples; one of weight 0 is none; a factor is nothing."""
    reference = Reference.random((3, 4, 2), ["gelu", "identity"], "huber")
    network = reference.network()
    X, Y, _ = examples(reference, 4)
    rows = [0, 1, 1, 1, 3, 3]
    g = network.gradient(X, Y, [1, 3, 0, 2])
    repeated = network.gradient(X[rows], Y[rows])
    assert_allclose(g.vector, repeated.vector, rtol=1e-12)
    assert_allclose(g.cost, repeated.cost, rtol=1e-12)
    assert_array_equal(g.inputs[2], 0)
    assert_allclose(network.gradient(X, Y, [0.1, 0.3, 0, 0.2]).vector, g.vector, rtol=1e-12)
    X[2] = 1e3  # what has weight 0 has no say
    assert_allclose(network.gradient(X, Y, [1, 3, 0, 2]).vector, g.vector, rtol=1e-12)


@pytest.mark.parametrize("loss", ["quadratic", "huber", "poisson"])
def test_an_example_of_weight_zero_may_even_overflow(loss):
    """Its outputs are infinite in float32, and nothing of it is in C or in ∇C."""
    output = "exponential" if loss == "poisson" else "identity"
    network = Network((1, 2, 1), "identity", output, loss, init="zeros")
    network.parameters[:] = 100.0 if output == "identity" else 0.1
    X, Y = np.array([[1.0], [1e38], [2.0]]), np.ones((3, 1))
    g, without = network.gradient(X, Y, [1, 0, 1]), network.gradient(X[[0, 2]], Y[[0, 2]])
    assert g.cost == pytest.approx(without.cost, rel=1e-6)
    assert_allclose(g.vector, without.vector, rtol=1e-5)
    assert_array_equal(g.inputs[1], 0)


@pytest.mark.parametrize("hidden", ["silu", "gelu"])
def test_an_example_of_weight_zero_may_have_no_derivative(hidden):
    """Its σ'(z), which these functions store, is NaN, and nothing of it is in ∇C."""
    network = Network((1, 2, 1, 1), ["identity", hidden], "identity", "quadratic", init="zeros")
    network.weights[0][:] = [[100.0], [-100.0]]
    network.weights[1][:] = network.weights[2][:] = 1.0
    X, Y = np.array([[1.0], [1e38], [2.0]]), np.ones((3, 1))
    assert np.isnan(network.trace(X, Y, [1, 0, 1]).da_dz[2][1])
    g, without = network.gradient(X, Y, [1, 0, 1]), network.gradient(X[[0, 2]], Y[[0, 2]])
    assert g.cost == pytest.approx(without.cost, rel=1e-6)
    assert_allclose(g.vector, without.vector, rtol=1e-5)
    assert_array_equal(g.inputs[1], 0)


# ---------------------------------------------------------------- per example


@TYPES
@PAIRS
def test_per_sample_gradients(output, loss, dtype):
    reference = Reference.random((3, 4, 2), ["elu", output], loss, seed=15)
    network = reference.network(dtype)
    X, Y, s = examples(reference, 9)
    G = network.per_sample_gradients(X, Y)
    assert G.shape == (9, network.n_parameters)
    assert G.dtype == np.dtype(dtype)
    assert_allclose(G, reference.per_sample_gradients(X, Y), **close(dtype))
    assert_allclose(G.mean(axis=0), network.gradient(X, Y).vector, **close(dtype))
    assert_allclose(
        np.average(G, axis=0, weights=s), network.gradient(X, Y, s).vector, **close(dtype)
    )


def test_per_sample_gradients_of_many_rows():
    reference = Reference.random((6, 8, 2), ["tanh", "identity"], "quadratic")
    network = reference.network()
    X, Y, _ = examples(reference, 2100)  # more than go through at a time
    G = network.per_sample_gradients(X, Y)
    for k in (0, 1, 255, 256, 2047, 2048, 2099):
        assert_allclose(G[k], network.gradient(X[k], Y[k]).vector, rtol=1e-10, atol=1e-14)


# ---------------------------------------------------------------- the Jacobian


@TYPES
@pytest.mark.parametrize("output", ACTIVATIONS)
def test_jacobian(output, dtype):
    reference = Reference.random((5, 4, 3), ["tanh", output], "quadratic", seed=16)
    network = reference.network(dtype)
    X, _, _ = examples(reference, 7)
    J = network.jacobian(X)
    assert J.shape == (7, 3, 5)
    assert J.dtype == np.dtype(dtype)
    assert_allclose(J, reference.jacobian(X), **close(dtype))
    assert_allclose(network.jacobian(X[2]), J[2], **close(dtype))
    assert network.jacobian(X[2]).shape == (3, 5)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_jacobian_by_differences(hidden):
    reference = Reference.random((3, 4, 4, 2), [hidden, "tanh", hidden], "quadratic", seed=17)
    network = reference.network()
    X, _, _ = examples(reference, 2100)  # more than go through at a time
    J = network.jacobian(X)
    for k in (0, 299, 2047, 2048, 2099):
        for j in range(2):
            slope = central_differences(lambda x, j=j: network.forward(x)[j], X[k])
            assert_allclose(J[k, j], slope, rtol=1e-6, atol=1e-8)


def test_jacobian_carries_the_cost_back():
    """∂C/∂a^(0) of an example is ∂C/∂a^(L) times the Jacobian."""
    reference = Reference.random((4, 6, 3), ["silu", "softmax"], "quadratic")
    network = reference.network()
    X, Y, _ = examples(reference, 5)
    carried = np.einsum("kj,kji->ki", 2 * (network.forward(X) - Y) / 5, network.jacobian(X))
    assert_allclose(network.gradient(X, Y).inputs, carried, rtol=1e-10, atol=1e-15)


# ---------------------------------------------------------------- the network's own check


@TYPES
@PAIRS
def test_check_gradient_finds_no_fault(output, loss, dtype):
    reference = Reference.random((3, 4, 2), ["tanh", output], loss, seed=18)
    network = reference.network(dtype)
    X, Y, s = examples(reference, 4)
    before = network.parameters.copy()
    for weights in (None, s):
        error = network.check_gradient(X, Y, weights)
        assert isinstance(error, float)
        assert 0 <= error < 1e-5
    assert_array_equal(network.parameters, before)


def test_check_gradient_sees_a_kink():
    """Where relu's two sides differ a difference across the kink is no derivative."""
    network = Network((1, 1, 1), "relu", "identity", dtype="float64", init="zeros")
    network.set_parameters([1.0, 0.0, 1.0, 0.0])
    assert network.check_gradient([[2.0]], [[0.0]]) < 1e-6
    assert network.check_gradient([[1e-9]], [[1.0]], epsilon=1e-3) > 0.1


def test_check_gradient_depends_on_epsilon():
    network = Network((3, 4, 2), dtype="float64", random_state=0)
    X, Y = np.ones((3, 3)), np.zeros((3, 2))
    assert network.check_gradient(X, Y, epsilon=0.3) > network.check_gradient(X, Y)
    for epsilon in (0.0, -1e-5, np.nan, np.inf):
        with pytest.raises(ValueError, match="epsilon"):
            network.check_gradient(X, Y, epsilon=epsilon)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["relu", ("leaky_relu", 0.25), ("elu", 0.5), "selu"])
def test_at_the_kink_backpropagation_takes_the_slope_that_a_trace_shows(name, dtype):
    network = Network((1, 1, 1), name, "identity", dtype=dtype, init="zeros")
    network.weights[1][:] = 1
    X, Y = np.ones((40, 1)), -np.ones((40, 1))
    trace = network.trace(X, Y)
    (slope,) = set(trace.da_dz[1].ravel().tolist())
    found = network.gradient(X, Y).vector[1], trace.dC_db[1][0]
    assert_allclose(found, 2 * slope, rtol=1e-6)
