"""The worked examples of the source text, with their numbers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from reference import central_differences

from bpcore import Network

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


# ------------------------------------------------------ the recogniser: 13,002 parameters


def test_the_recogniser_has_13002_parameters():
    network = Network((784, 16, 16, 10), random_state=0)
    assert network.n_parameters == 784 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10 == 13_002
    assert network.parameters.shape == (13_002,)
    assert network.gradient(np.zeros(784), np.zeros(10)).vector.shape == (13_002,)
    assert network.activations == ("sigmoid",) * 3


def test_it_takes_an_image_to_ten_activations():
    network = Network((784, 16, 16, 10), init="normal", random_state=0)
    a = network.forward(np.linspace(0, 1, 784))
    assert a.shape == (10,)
    assert ((a > 0) & (a < 1)).all()


# ------------------------------------------------------ one unit a layer


@pytest.fixture(params=["float32", "float64"])
def chain(request):
    """C(w1, b1, w2, b2, w3, b3): four units in a row, with the terms written out by hand."""
    w1, b1, w2, b2, w3, b3 = theta = np.array([0.8, -0.3, 1.7, 0.4, -1.2, 0.9])
    x, y = 0.35, 1.0
    z1 = w1 * x + b1
    a1 = sigmoid(z1)
    z2 = w2 * a1 + b2
    a2 = sigmoid(z2)
    z3 = w3 * a2 + b3
    a3 = sigmoid(z3)
    dC_da3 = 2 * (a3 - y)
    dC_da2 = w3 * sigmoid_prime(z3) * dC_da3
    dC_da1 = w2 * sigmoid_prime(z2) * dC_da2
    hand = {
        "C": (a3 - y) ** 2,
        "z": [z1, z2, z3],
        "a": [a1, a2, a3],
        "dC_da": [dC_da1, dC_da2, dC_da3],
        "dC_dx": w1 * sigmoid_prime(z1) * dC_da1,
        "gradient": [
            x * sigmoid_prime(z1) * dC_da1,
            sigmoid_prime(z1) * dC_da1,
            a1 * sigmoid_prime(z2) * dC_da2,
            sigmoid_prime(z2) * dC_da2,
            a2 * sigmoid_prime(z3) * dC_da3,
            sigmoid_prime(z3) * dC_da3,
        ],
    }
    network = Network((1, 1, 1, 1), dtype=request.param)
    network.set_parameters(theta)
    rtol = 1e-5 if request.param == "float32" else 1e-13
    return network, [[x]], [[y]], hand, rtol


def test_cost_of_the_chain(chain):
    network, x, y, hand, rtol = chain
    assert_allclose(network.cost(x, y), hand["C"], rtol=rtol)
    assert_allclose(network.forward(x), [[hand["a"][2]]], rtol=rtol)


def test_each_partial_derivative_of_the_chain(chain):
    """∂C/∂w^(L) = ∂z/∂w ∂a/∂z ∂C/∂a = a^(L-1) σ'(z^(L)) 2 (a^(L) - y); ∂C/∂b and ∂C/∂a alike."""
    network, x, y, hand, rtol = chain
    t = network.trace(x, y)
    for layer in (1, 2, 3):
        before = x[0][0] if layer == 1 else hand["a"][layer - 2]
        slope = sigmoid_prime(hand["z"][layer - 1])
        dC_da = hand["dC_da"][layer - 1]
        assert_allclose(t.z[layer], [[hand["z"][layer - 1]]], rtol=rtol)
        assert_allclose(t.a[layer], [[hand["a"][layer - 1]]], rtol=rtol)
        assert_allclose(t.dz_dw[layer], [[before]], rtol=rtol)
        assert_allclose(t.dz_da[layer], network.weights[layer - 1], rtol=rtol)
        assert t.dz_db[layer] == 1
        assert_allclose(t.da_dz[layer], [[slope]], rtol=rtol)
        assert_allclose(t.dC_da[layer], [[dC_da]], rtol=rtol)
        assert_allclose(t.dC_dz[layer], [[slope * dC_da]], rtol=rtol)
        assert_allclose(t.dC_dw[layer], [[before * slope * dC_da]], rtol=rtol)
        assert_allclose(t.dC_db[layer], [slope * dC_da], rtol=rtol)
    assert_allclose(t.dC_da[0], [[hand["dC_dx"]]], rtol=rtol)


def test_gradient_of_the_chain_is_ordered_as_the_text_orders_it(chain):
    """∇C = (∂C/∂w1, ∂C/∂b1, ∂C/∂w2, ∂C/∂b2, ∂C/∂w3, ∂C/∂b3)."""
    network, x, y, hand, rtol = chain
    assert_allclose(network.gradient(x, y).vector, hand["gradient"], rtol=rtol)


def test_gradient_of_the_chain_by_nudging_each_parameter(chain):
    chained, x, y, hand, _ = chain
    network = Network((1, 1, 1, 1), dtype="float64")
    theta = chained.parameters.astype("float64")

    def cost(nudged):
        network.set_parameters(nudged)
        return network.cost(x, y)

    assert_allclose(hand["gradient"], central_differences(cost, theta), rtol=1e-6)


def test_the_parameter_with_the_larger_slope_matters_more():
    """Where ∂C/∂w is 32 times ∂C/∂v, nudging w changes C 32 times as much."""
    network = Network((2, 1), output_activation="identity", dtype="float64", init="zeros")
    x, y = np.array([3.2, 0.1]), np.array([1.0])
    g = network.gradient(x, y)
    assert_allclose(g.weights[0][0, 0] / g.weights[0][0, 1], 32)
    base, changes = network.cost(x, y), []
    for k in range(2):
        network.set_parameters(weights=[np.eye(2)[[k]] * 1e-7], biases=[[0.0]])
        changes.append(network.cost(x, y) - base)
    assert_allclose(changes[0] / changes[1], 32, rtol=1e-4)


# ------------------------------------------------------ a = 0.66, y = 1: C₀ = 0.1156


@TYPES
def test_a_066_y_1_costs_01156(dtype):
    network = Network((1, 1), "identity", dtype=dtype, init="zeros")
    network.biases[0][:] = 0.66
    rtol = 1e-6 if dtype == "float32" else 1e-15
    assert_allclose(network.cost([[5.0]], [[1.0]]), 0.1156, rtol=rtol)
    assert_allclose(network.trace([[5.0]], [[1.0]]).dC_da[1], [[2 * (0.66 - 1)]], rtol=rtol)


@TYPES
def test_the_same_number_from_a_sigmoid(dtype):
    network = Network((1, 1), dtype=dtype, init="zeros")
    network.biases[0][:] = np.log(0.66 / 0.34)
    t = network.trace([[5.0]], [[1.0]])
    rtol = 1e-6 if dtype == "float32" else 1e-14
    assert_allclose(t.cost, 0.1156, rtol=rtol)
    assert_allclose(t.da_dz[1], [[0.66 * 0.34]], rtol=rtol)
    assert_allclose(t.dC_dz[1], [[0.66 * 0.34 * 2 * (0.66 - 1)]], rtol=rtol)


def test_cost_of_one_example_sums_the_squares_of_all_outputs():
    """An untrained network's guess at a 3: the cost is the sum of ten squares."""
    a = np.array([0.43, 0.28, 0.19, 0.88, 0.72, 0.01, 0.64, 0.86, 0.99, 0.63])
    y = np.eye(10)[3]
    network = Network((1, 10), "identity", dtype="float64", init="zeros")
    network.biases[0][:] = a
    by_hand = sum((a_j - y_j) ** 2 for a_j, y_j in zip(a, y, strict=True))
    assert_allclose(network.cost([0.0], y), by_hand, rtol=1e-15)
    assert_allclose(by_hand, 3.3585)


# ------------------------------------------------------ several units a layer


@TYPES
def test_sum_over_outgoing_connections(dtype):
    """∂C/∂a_k^(L-1) = Σ_j w_jk^(L) σ'(z_j^(L)) 2 (a_j^(L) - y_j): every path counts."""
    network = Network((2, 3, 4), dtype=dtype, init="normal", random_state=5)
    x, y = np.array([0.5, -1.0]), np.array([1.0, 0.0, 0.0, 1.0])
    t = network.trace(x, y)
    w = network.weights[1].astype(float)
    z, a = t.z[2][0].astype(float), t.a[2][0].astype(float)
    for k in range(3):
        paths = [w[j, k] * sigmoid_prime(z[j]) * 2 * (a[j] - y[j]) for j in range(4)]
        assert_allclose(t.dC_da[1][0, k], sum(paths), rtol=2e-5 if dtype == "float32" else 1e-12)


@TYPES
def test_weight_w_jk_connects_unit_k_to_unit_j(dtype):
    """z_j = Σ_k w_jk a_k + b_j, and ∂C/∂w_jk = a_k σ'(z_j) ∂C/∂a_j."""
    network = Network((3, 2), "identity", dtype=dtype, init="zeros")
    network.weights[0][1, 2] = 5.0
    network.biases[0][0] = 7.0
    assert_allclose(network.forward([1.0, 2.0, 3.0]), [7.0, 15.0])
    g = network.gradient([1.0, 2.0, 3.0], [6.5, 15.0])
    assert_allclose(g.weights[0], [[1.0, 2.0, 3.0], [0, 0, 0]])
    assert_allclose(g.biases[0], [1.0, 0.0])


@TYPES
def test_cost_and_gradient_are_means_over_the_examples(dtype):
    """C = (1/n) Σ_k C_k and ∂C/∂w = (1/n) Σ_k ∂C_k/∂w."""
    network = Network((3, 4, 2), dtype=dtype, init="normal", random_state=1)
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((5, 3)), rng.uniform(size=(5, 2))
    costs = [network.cost(X[k], Y[k]) for k in range(5)]
    gradients = [network.gradient(X[k], Y[k]).vector.astype(float) for k in range(5)]
    rtol = 2e-5 if dtype == "float32" else 1e-12
    assert_allclose(network.cost(X, Y), sum(costs) / 5, rtol=rtol)
    assert_allclose(network.gradient(X, Y).vector, sum(gradients) / 5, rtol=rtol, atol=1e-7)


def test_gradient_descent_goes_downhill():
    """θ ← θ - η ∇C: a small step lowers C by η |∇C|²."""
    network = Network((3, 4, 2), dtype="float64", init="normal", random_state=1)
    X, Y = np.random.default_rng(0).uniform(size=(2, 6, 3))
    Y = Y[:, :2]
    g = network.gradient(X, Y)
    theta = network.parameters.copy()
    network.apply(g, 1e-5)
    assert_allclose(network.parameters, theta - 1e-5 * g.vector, rtol=1e-14)
    assert_allclose(g.cost - network.cost(X, Y), 1e-5 * (g.vector @ g.vector), rtol=1e-3)
