"""Bad sizes, options and settings: an error that helps, and nothing has changed after it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from refusals import GOOD_X, GOOD_Y, make, refuses

from bpcore import Network


@pytest.mark.parametrize(
    ("sizes", "error"),
    [
        ((), ValueError),
        ((4,), ValueError),
        ((4, 0), ValueError),
        ((0, 4), ValueError),
        ((4, -3, 2), ValueError),
        ((4, 2.5), TypeError),
        ((4, "2"), TypeError),
        ((4, None), TypeError),
        ((4, True), TypeError),
        ("42", TypeError),
        (7, TypeError),
        (None, TypeError),
        ((4, 2**31), ValueError),
        ((2**63, 2), ValueError),
        ((10**30, 2), ValueError),
    ],
)
def test_wrong_layer_sizes(sizes, error):
    with pytest.raises(error, match="layer"):
        Network(sizes)


@pytest.mark.parametrize(
    "sizes",
    [(2**31 - 1, 2**31 - 1), (2**31 - 1, 2**31 - 1, 2**31 - 1), (1, 2**31 - 1, 2**31 - 1, 1)],
)
def test_networks_beyond_memory(sizes):
    """More than 10¹⁸ numbers: an error, no wrapped-round size."""
    with pytest.raises((ValueError, MemoryError)):
        Network(sizes)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"dtype": "float16"}, ValueError, "float32"),
        ({"dtype": "int32"}, ValueError, "float32"),
        ({"dtype": "complex128"}, ValueError, "float32"),
        ({"dtype": "flot"}, TypeError, "float32"),
        ({"init": "xavier"}, ValueError, "glorot"),
        ({"init": 3}, (TypeError, ValueError), "init"),
        ({"random_state": -1}, ValueError, "random_state"),
        ({"random_state": "seed"}, (TypeError, ValueError), "random_state"),
        ({"random_state": 1.5}, (TypeError, ValueError), "random_state"),
        ({"dropout": 1.0}, ValueError, "dropout"),
        ({"dropout": -0.1}, ValueError, "dropout"),
        ({"dropout": np.nan}, ValueError, "dropout"),
        ({"dropout": "half"}, (TypeError, ValueError), "dropout.*half"),
        ({"dropout": [0.1, 0.2]}, ValueError, "dropout"),
        ({"loss": "hinge"}, ValueError, "quadratic"),
        ({"activation": "swish"}, ValueError, "silu"),
    ],
)
def test_wrong_options(options, error, match):
    with pytest.raises(error, match=match):
        Network((4, 3, 2), **options)


WRONG_FITS = [
    ({"epochs": -1}, ValueError, "epochs"),
    ({"epochs": 2.0}, TypeError, "epochs"),
    ({"batch_size": 0}, ValueError, "batch_size"),
    ({"batch_size": -2}, ValueError, "batch_size"),
    ({"batch_size": 1.5}, TypeError, "batch_size"),
    ({"batch_size": "half"}, (TypeError, ValueError), "batch_size"),
    ({"learning_rate": -0.1}, ValueError, "learning_rate"),
    ({"learning_rate": np.nan}, ValueError, "learning_rate"),
    ({"learning_rate": np.inf}, ValueError, "learning_rate"),
    ({"learning_rate": "fast"}, TypeError, "learning_rate"),
    ({"l2": -1.0}, ValueError, "l2"),
    ({"l1": np.nan}, ValueError, "l1"),
    ({"weight_decay": -1.0}, ValueError, "weight_decay"),
    ({"clip_norm": 0.0}, ValueError, "clip_norm"),
    ({"clip_norm": -1.0}, ValueError, "clip_norm"),
    ({"optimizer": "sdg"}, ValueError, "rmsprop"),
    ({"optimizer": 3}, ValueError, "adam"),
    ({"optimizer": ("sgd", {"moment": 0.9})}, ValueError, "moment"),
    ({"optimizer": ("sgd", {"momentum": 1.5})}, ValueError, "momentum"),
    ({"schedule": "sine"}, ValueError, "cosine"),
    ({"schedule": 3}, TypeError, "schedule"),
    ({"schedule": {"kind": "step"}}, ValueError, "every"),
    ({"schedule": {"kind": "cosine", "totl": 3}}, ValueError, "totl"),
    ({"schedule": {"kind": "step", "every": 0}}, ValueError, "every"),
    ({"random_state": "x"}, (TypeError, ValueError), "random_state"),
    ({"callback": 3}, TypeError, "callback"),
    ({"metric": "f1"}, ValueError, "metric"),
    ({"validation_data": GOOD_X}, (TypeError, ValueError), "validation_data"),
    ({"validation_data": (GOOD_X,)}, (TypeError, ValueError), "validation_data"),
    ({"validation_data": (GOOD_X, GOOD_Y[:3])}, ValueError, "validation_data"),
]


@pytest.mark.parametrize(("options", "error", "match"), WRONG_FITS)
def test_wrong_fits(options, error, match):
    refuses(lambda network: network.fit(GOOD_X, GOOD_Y, **{"epochs": 1, **options}), error, match)


@pytest.mark.parametrize("rate", [-1.0, np.nan, np.inf, "1", None])
def test_wrong_steps(rate):
    gradient = make().gradient(GOOD_X, GOOD_Y)
    for call in (lambda net: net.step(GOOD_X, GOOD_Y, rate), lambda net: net.apply(gradient, rate)):
        refuses(call, (ValueError, TypeError), "learning_rate")


def test_wrong_gradients():
    n = make().n_parameters
    for gradient in (
        np.ones(n - 1),
        np.ones((1, n)),
        np.full(n, np.nan),
        np.ones(n, complex),
        "gradient",
        None,
    ):
        refuses(lambda net, g=gradient: net.apply(g, 0.1), (ValueError, TypeError), "gradient")


def test_steps_that_overflow_leave_the_network():
    """A step to an infinite θ, and one from an infinite cost, are errors."""
    network = make("float32")
    before = network.parameters.copy()
    with pytest.raises(FloatingPointError, match="learning_rate"):
        network.apply(np.full(network.n_parameters, 1e30), 1e30)
    assert_array_equal(network.parameters, before)
    linear = Network((1, 1), "identity", init="zeros")
    linear.parameters[:] = 1e30
    with pytest.raises(FloatingPointError, match="learning_rate"):
        linear.step([1e30], [0.0], 1.0)
    assert_array_equal(linear.parameters, np.float32(1e30))
