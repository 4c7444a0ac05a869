"""Saturated layers, and what is said where a network trains and learns nothing."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from bpcore import Network, scaled
from bpcore.datasets import load_digits, one_hot


@pytest.fixture(scope="module")
def digits():
    data = load_digits()
    return data.X_train, one_hot(data.y_train)


def silent_fit(network, X, Y, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network.fit(X, Y, **options)


def test_its_numbers_are_those_of_the_trace(rng):
    network = Network((5, 4, 3), "tanh", "softmax", "categorical_cross_entropy", random_state=0)
    X = rng.normal(size=(7, 5))
    trace = network.trace(X, np.eye(3)[[0, 1, 2, 0, 1, 2, 0]])
    found = network.saturation(X)
    assert_array_equal(found.a[0], trace.a[1])
    assert_array_equal(found.da_dz[0], trace.da_dz[1])
    assert found.da_dz[1] is None
    assert found.stuck == (0.0, 0.0)
    assert (found.layer, found.in_words()) == (None, "")
    assert len(str(found).splitlines()) == 4


def test_a_unit_is_stuck_where_its_mean_slope_is_below_a_hundredth():
    network = Network((1, 4, 1), dtype="float64", init="zeros")
    # σ' = 0.0099, 0.0101 on average, and halves
    network.biases[0][:] = 4.606, 4.575, 0.0, -9.0
    assert network.saturation([[0.0]]).stuck == (0.5, 0.0)
    network.weights[0][3] = 18.0  # saturated on both sides
    found = network.saturation([[0.0], [1.0]])
    assert found.stuck[0] == 0.5
    assert found.layer is None


def test_pixels_that_are_not_divided_are_told(digits):
    X, Y = digits
    for activation in ("sigmoid", "tanh"):
        network = Network((784, 16, 16, 10), activation, "sigmoid", random_state=0)
        with pytest.warns(UserWarning, match="learned nothing") as record:
            network.fit(X, Y, epochs=5, learning_rate=0.5)
        (one,) = record
        words = str(one.message)
        assert words.startswith("the network has learned nothing: 16 of the 16 units of layer 1")
        assert "from 0 to 255: divide pixels by 255 (X / 255, or bpcore.scaled(X)" in words
        assert one.filename == __file__


@pytest.mark.parametrize("form", [lambda X: X / 255, scaled], ids=["divided", "scaled"])
def test_nothing_is_said_where_they_are(form, digits):
    X, Y = digits
    silent_fit(Network((784, 16, 16, 10), random_state=0), form(X), Y, epochs=5, learning_rate=2.0)


def test_nothing_is_said_of_a_start_that_is_slow_for_other_reasons(digits):
    X, Y = digits
    network = Network((784, 16, 16, 10), random_state=0)
    silent_fit(network, X / 255, Y, epochs=1, learning_rate=1e-6)
    assert network.history_.cost[-1] > 0.9


def test_nothing_is_said_before_the_cost_stands_still(digits):
    X, Y = digits
    silent_fit(Network((784, 16, 16, 10), random_state=0), X, Y, epochs=2, learning_rate=1e-3)
    network = Network((784, 16, 16, 10), random_state=0)
    silent_fit(network, X, Y, epochs=4, learning_rate=0.005)
    assert network.history_.cost[-1] < 0.9 * network.history_.cost[1]
    assert network.saturation(X).layer == 1


def test_nor_of_a_saturated_layer_that_has_learned():
    X = np.array([[0.0], [1.0]])
    network = Network((1, 2, 1), output_activation="identity", dtype="float64", random_state=0)
    network.set_parameters(weights=[[[40.0], [40.0]], [[1.0, 0.0]]], biases=[[-20.0, -20.0], [0.0]])
    silent_fit(network, X, X, epochs=5, learning_rate=1e-3)
    assert network.saturation(X).layer == 1


def test_nor_where_there_is_nothing_to_learn():
    network = Network((1, 2, 1), dtype="float64", random_state=0)
    silent_fit(network, [[1000.0], [2000.0]], [[0.5], [0.5]], epochs=5, learning_rate=0.1)


def test_other_inputs_and_other_layers_are_told_apart(rng):
    X, Y = rng.normal(0, 1e4, (50, 3)), rng.uniform(size=(50, 1))
    with pytest.warns(UserWarning, match="scale them to about -1 to 1"):
        Network((3, 5, 1), random_state=0).fit(X, Y, epochs=5, learning_rate=1e-3)
    network = Network((3, 5, 5, 1), random_state=0, dtype="float64")
    network.biases[1][:] = 60.0
    with pytest.warns(UserWarning, match="5 of the 5 units of layer 2 are saturated") as record:
        network.fit(X / 1e4, Y, epochs=5, learning_rate=1e-3)
    assert "smaller weights" in str(record[0].message)
    network = Network((3, 5, 1), "relu", "sigmoid", random_state=0, dtype="float64")
    network.biases[0][:] = -60.0
    with pytest.warns(UserWarning, match="are dead"):
        network.fit(X / 1e4, Y, epochs=5, learning_rate=1e-3)


@pytest.mark.parametrize(
    "loss", ["huber", ("quantile", [0.2, 0.8]), "binary_cross_entropy", "categorical_cross_entropy",
             "absolute", "squared_error"],
    ids=str,
)  # fmt: skip
def test_every_kind_of_cost_and_table_can_be_asked(loss, rng):
    X = rng.integers(0, 256, (300, 20))
    Y = np.eye(2)[rng.integers(0, 2, 300)]
    for table in (X, X.tolist(), scipy.sparse.csr_array(X.astype(float))):
        network = Network((20, 4, 2), loss=loss, random_state=0)
        with pytest.warns(UserWarning, match="learned nothing"):
            network.fit(table, Y, epochs=5, learning_rate=1e-3)


def test_a_single_example_and_wrong_data():
    network = Network((2, 3, 1), random_state=0)
    assert len(network.saturation([1.0, 2.0]).a[0]) == 1
    with pytest.raises(ValueError, match="3 features"):
        network.saturation([[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="empty"):
        network.saturation(np.empty((0, 2)))


def test_the_users_loss_is_not_asked_and_targets_are_none_of_its_business():
    def of_two_columns(a, y):
        return ((a - y[:, :1]) / y[:, 1:])[:, 0] ** 2, a

    network = Network((2, 3, 1), loss=of_two_columns, random_state=0)
    known = Network((2, 3, 1), random_state=0)
    X = np.ones((3, 2))
    assert str(network.saturation(X)) == str(known.saturation(X))
    network = Network((1, 1), "exponential")
    network.set_parameters([50.0, 0.0])
    assert np.isinf(network.saturation([[2.0]]).a[0]).all()
