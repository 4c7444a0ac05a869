"""∇C by differences, shown beside ∇C by backpropagation."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bpcore import Network


def test_eight_pairs_of_numbers_and_not_eight_zeros():
    network = Network((1, 1, 1, 1, 1), dtype="float64", random_state=0)
    network.set_parameters([1.2, -0.3, 0.8, 0.4, -1.1, 0.6, 1.7, 0.2])
    check = network.numerical_gradient([[0.9]], [[1.0]])
    lines = str(check).splitlines()
    assert len(lines) == 11
    gradient = network.gradient([[0.9]], [[1.0]]).vector
    names = [f"{letter}^({layer})" for layer in range(1, 5) for letter in "wb"]
    for line, name, g, d in zip(lines[2:], names, gradient, check.vector, strict=False):
        assert line.split() == [name, f"{g:.9g}", f"{d:.9g}"]
    assert f"{check.error:.1e}" in lines[-1]
    assert check._repr_html_().count("<tr>") == 9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_the_gradient(dtype, rng):
    network = Network((4, 5, 3), "tanh", "sigmoid", dtype=dtype, random_state=0)
    X, Y, s = rng.normal(size=(6, 4)), rng.uniform(size=(6, 3)), rng.uniform(0.5, 2, 6)
    before = network.parameters.copy()
    check = network.numerical_gradient(X, Y, s)
    double = network.astype("float64").gradient(X, Y, s)
    assert_array_equal(check.analytic, double.vector)
    assert_allclose(check.vector, double.vector, rtol=1e-6, atol=1e-10)
    assert_array_equal(network.parameters, before)
    assert check.error == check.errors.max() == network.check_gradient(X, Y, s)
    for part, layer in zip(check.weights, double.weights, strict=True):
        assert np.shares_memory(part, check.vector)
        assert_allclose(part, layer, rtol=1e-6, atol=1e-10)
    assert_allclose(check.biases[1], double.biases[1], rtol=1e-6, atol=1e-10)


def test_of_many_parameters_those_apart_come_first():
    network = Network((6, 5, 1), "relu", "identity", dtype="float64", random_state=0)
    X = np.ones((1, 6))
    z = network.weights[0] @ X[0]
    network.biases[0][3] = -z[3] + 1e-6  # at the kink of relu, where the two differ
    check = network.numerical_gradient(X, [[1.0]])
    lines = str(check).splitlines()
    assert len(lines) == 2 + 20 + 2
    assert "_3" in lines[2].split()[0]
    assert lines[-2] == f"{network.n_parameters - 20} more, which are less apart."
    assert len(check.table(most=3).rows) == 3
    assert check.names()[:7] == [f"w_0,{k}^(1)" for k in range(6)] + ["w_1,0^(1)"]
    assert check.names()[30] == "b_0^(1)"
    assert len(check.names()) == network.n_parameters


def test_epsilon_is_checked():
    with pytest.raises(ValueError, match="epsilon must be positive"):
        Network((1, 1)).numerical_gradient([[1.0]], [[1.0]], epsilon=0)
