"""Network: its description, θ and its views, initial parameters, copies."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bpcore import Network

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def some(dtype="float64", **options):
    return Network((3, 5, 4, 2), "tanh", dtype=dtype, init="normal", random_state=3, **options)


# ---------------------------------------------------------------- description


def test_attributes():
    network = Network([784, 16, 16, 10])
    assert network.layer_sizes == (784, 16, 16, 10)
    assert isinstance(network.layer_sizes, tuple)
    assert network.n_layers == 3
    assert network.n_parameters == 13_002
    assert network.activations == ("sigmoid",) * 3
    assert network.loss == "quadratic"
    assert network.dtype == np.dtype("float32")
    assert not np.any(network.dropout)
    assert Network((2, 3, 1), ("elu", 2.0), loss=("huber", 0.5)).activations == (("elu", 2.0),) * 2
    assert Network((2, 3, 1), loss=("huber", 0.5)).loss == ("huber", 0.5)
    assert Network(np.array([4, 2])).layer_sizes == (4, 2)
    assert Network((4, 2), dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize(
    ("sizes", "count"), [((1, 1), 2), ((2, 3), 9), ((5, 1, 7), 20), ((784, 30, 10), 23_860)]
)
def test_n_parameters(sizes, count):
    assert Network(sizes).n_parameters == count


def test_repr_tells_what_it_is():
    text = repr(Network((784, 16, 10), "relu", "softmax", "categorical_cross_entropy"))
    for word in ("784", "16", "10", "relu", "softmax", "categorical_cross_entropy", "float32"):
        assert word in text


def test_parameters_of_activations_and_losses_may_be_numbers_of_numpy():
    for kind in (np.float16, np.float32, np.float64, np.longdouble):
        network = Network(
            (2, 3, 2),
            (np.str_("leaky_relu"), kind(0.25)),
            "identity",
            loss=(np.str_("quantile"), kind(0.5)),
        )
        assert network.activations == (("leaky_relu", 0.25), "identity")
        assert network.loss == ("quantile", 0.5)


# ---------------------------------------------------------------- θ and its views


@TYPES
def test_order_of_theta(dtype):
    network = Network((2, 3, 1), dtype=dtype)
    network.parameters[:] = np.arange(13)
    assert_array_equal(network.weights[0], [[0, 1], [2, 3], [4, 5]])
    assert_array_equal(network.biases[0], [6, 7, 8])
    assert_array_equal(network.weights[1], [[9, 10, 11]])
    assert_array_equal(network.biases[1], [12])
    assert isinstance(network.weights, tuple)
    assert isinstance(network.biases, tuple)
    for part in (network.parameters, *network.weights, *network.biases):
        assert part.dtype == np.dtype(dtype)
        assert np.shares_memory(part, network.parameters)


def test_views_are_live_both_ways():
    network = some()
    theta, X = network.parameters, np.ones((2, 3))
    before = network.forward(X)
    network.weights[1][2, 3] = 9.0
    network.biases[2][0] += 1.0
    assert 9.0 in theta
    assert not np.allclose(network.forward(X), before)
    kept = theta.copy()
    network.parameters[:] = 0
    assert_array_equal(network.weights[0], 0)
    network.parameters[:] = kept
    network.fit(X, np.zeros((2, 2)), epochs=1, learning_rate=0.1)
    assert_array_equal(theta, network.parameters)  # training moves the same memory
    assert not np.array_equal(theta, kept)


def test_parameters_outlive_the_network():
    theta = Network((30, 30), random_state=0).parameters
    kept = theta.copy()
    for _ in range(20):
        Network((30, 30), random_state=1)
    assert_array_equal(theta, kept)


def test_set_parameters():
    network = some()
    theta = np.arange(network.n_parameters, dtype=float)
    network.set_parameters(theta)
    assert_array_equal(network.parameters, theta)
    weights = [np.full_like(w, l) for l, w in enumerate(network.weights)]  # noqa: E741
    biases = [np.full_like(b, -l) for l, b in enumerate(network.biases)]  # noqa: E741
    network.set_parameters(weights=weights, biases=biases)
    assert_array_equal(network.weights[2], 2)
    assert_array_equal(network.biases[1], -1)
    network.set_parameters(list(range(network.n_parameters)))
    assert_array_equal(network.parameters, theta)
    theta[0] = 99  # it is a copy
    assert network.parameters[0] == 0


def test_set_parameters_is_all_or_nothing():
    network = some()
    before = network.parameters.copy()
    n = network.n_parameters
    bad = np.ones(n)
    bad[-1] = np.nan
    weights = [np.ones_like(w) for w in network.weights]
    biases = [np.ones_like(b) for b in network.biases]
    wrong = [
        ((np.ones(n - 1),), {}),
        ((np.ones((1, n)),), {}),
        ((bad,), {}),
        ((bad * np.inf,), {}),
        ((np.ones(n, complex),), {}),
        (("theta",), {}),
        ((), {}),
        ((np.ones(n),), {"weights": weights, "biases": biases}),
        ((), {"weights": weights[:2], "biases": biases}),
        ((), {"weights": weights, "biases": biases[:1]}),
        ((), {"weights": [*weights[:2], weights[2].T], "biases": biases}),
        ((), {"weights": weights, "biases": [*biases[:2], biases[2] * np.nan]}),
    ]
    for args, kwargs in wrong:
        with pytest.raises((ValueError, TypeError)):
            network.set_parameters(*args, **kwargs)
        assert_array_equal(network.parameters, before)


# ---------------------------------------------------------------- initial parameters

VARIANCE = {
    "glorot": 2 / 500,
    "glorot_normal": 2 / 500,
    "he": 2 / 300,
    "he_uniform": 2 / 300,
    "lecun": 1 / 300,
    "lecun_uniform": 1 / 300,
    "normal": 1.0,
}

UNIFORM = ("glorot", "he_uniform", "lecun_uniform")


@TYPES
@pytest.mark.parametrize("init", VARIANCE)
def test_initial_parameters(init, dtype):
    """The variance of 60,000 draws, and the shape of their distribution by its kurtosis."""
    network = Network((300, 200, 10), init=init, random_state=0, dtype=dtype)
    w = network.weights[0].astype(float)
    assert_allclose(w.var(), VARIANCE[init], rtol=0.03)
    assert abs(w.mean()) < 4 * np.sqrt(VARIANCE[init] / w.size)
    assert_allclose((w**4).mean() / w.var() ** 2, 1.8 if init in UNIFORM else 3.0, rtol=0.05)
    if init in UNIFORM:
        limit = np.sqrt(3 * VARIANCE[init])
        assert 0.999 * limit < np.abs(w).max() <= limit * (1 + 1e-6)
    if init == "normal":
        assert_allclose(network.biases[0].std(), 1, rtol=0.2)
    else:
        assert not any(b.any() for b in network.biases)


def test_zeros_and_unknown_inits():
    assert not Network((3, 4, 2), init="zeros").parameters.any()
    with pytest.raises(ValueError, match="glorot"):
        Network((3, 2), init="glorott")


def test_random_state():
    def theta(state):
        return Network((6, 5, 4), random_state=state).parameters.copy()

    assert_array_equal(theta(7), theta(7))
    assert_array_equal(theta(np.int64(7)), theta(7))
    assert not np.array_equal(theta(7), theta(8))
    assert not np.array_equal(theta(None), theta(None))
    rng = np.random.default_rng(7)
    first = theta(rng)
    assert not np.array_equal(first, theta(rng))  # the generator goes on
    assert_array_equal(first, theta(np.random.default_rng(7)))
    legacy = [theta(np.random.RandomState(7)) for _ in range(2)]
    assert_array_equal(*legacy)
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    theta(None)
    assert_array_equal(np.random.get_state()[1], state)  # noqa: NPY002


# ---------------------------------------------------------------- copies


@TYPES
@pytest.mark.parametrize(
    "duplicate",
    [copy.copy, copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))],
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies(duplicate, dtype):
    network = Network(
        (3, 5, 4, 2),
        [("elu", 0.5), "gelu"],
        "softplus",
        ("huber", 0.7),
        dtype=dtype,
        random_state=3,
        dropout=0.25,
    )
    X, Y = np.random.default_rng(0).standard_normal((2, 20, 3))
    Y = Y[:, :2]
    network.fit(X, Y, epochs=1, learning_rate=0.1)
    other = duplicate(network)
    assert other.layer_sizes == network.layer_sizes
    assert other.activations == network.activations
    assert other.loss == network.loss
    assert other.dtype == network.dtype
    assert other.dropout == network.dropout
    assert_array_equal(other.parameters, network.parameters)
    assert_array_equal(other.forward(X), network.forward(X))
    assert other.history_.cost == network.history_.cost
    # the same future: the generator of shuffles and dropout is copied too
    theta = network.parameters.copy()
    other.fit(X, Y, epochs=3, learning_rate=0.1)
    assert_array_equal(network.parameters, theta)
    network.fit(X, Y, epochs=3, learning_rate=0.1)
    assert_array_equal(other.parameters, network.parameters)
    assert not np.array_equal(theta, network.parameters)


def test_astype():
    network = Network((3, 4, 2), ("elu", 0.5), "softplus", ("huber", 0.7), random_state=0)
    wide = network.astype("float64")
    assert wide.dtype == np.float64
    assert network.dtype == np.float32
    assert_array_equal(wide.parameters, network.parameters)
    assert (wide.activations, wide.loss) == (network.activations, network.loss)
    wide.parameters[:] = 0
    assert network.parameters.any()


def test_copies_between_two_fits_of_one_callback():
    """A copy taken inside a callback is free, though its original is being trained."""
    network, copies = some(), []
    X, Y = np.ones((4, 3)), np.zeros((4, 2))
    network.fit(X, Y, epochs=2, callback=lambda net, history: copies.append(copy.deepcopy(net)))
    copies[0].fit(X, Y, epochs=1)
    assert copies[0].n_parameters == network.n_parameters


class Mine(Network):
    def __init__(self, hidden):
        super().__init__((2, hidden, 1), "tanh", "identity", random_state=0)
        self.note = ["made of", hidden]


def test_a_subclass_with_a_constructor_of_its_own():
    network, X, y = Mine(3), np.eye(2), np.array([0.0, 1.0])
    wide = network.astype("float64")
    assert type(wide) is Mine
    assert wide.note == network.note
    assert wide.note is not network.note
    assert network.check_gradient(X, y) < 1e-5
    for optimizer in ("lm", "lbfgs"):
        assert network.fit(X, y, epochs=3, optimizer=optimizer).cost[-1] < 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layer_sizes", (3, 2)),
        ("activations", ("tanh",)),
        ("loss", "absolute"),
        ("dropout", (0.5,)),
    ],
)
def test_what_the_engine_was_built_for_is_not_set_anew(name, value):
    network = some()
    before = getattr(network, name)
    with pytest.raises(AttributeError, match=name):
        setattr(network, name, value)
    assert getattr(network, name) is before


def test_a_loss_is_told_in_numbers_of_its_own():
    given = [0.1, 0.9]
    net = Network((4, 2), "identity", loss=("quantile", given))
    given[0] = 0.5
    net.loss[1][1] = 0.5
    assert net.loss == ("quantile", [0.1, 0.9])
    assert Network((1, 2), "identity", loss=("quantile", (0.1, 0.9))).loss[1] == (0.1, 0.9)
    for number in (2, np.float32(2), np.int64(2)):
        net = Network((4, 3, 1), "tanh", "identity", loss=("huber", number))
        assert net.loss == ("huber", 2.0)
        assert type(net.loss[1]) is float
    assert Network((4, 1), loss=("binary_cross_entropy", "clip")).loss == (
        "binary_cross_entropy", "clip"
    )  # fmt: skip
    assert Network((4, 1), loss=("quadratic", None)).loss == "quadratic"


@pytest.mark.parametrize("weights", [None, np.ones(5)], ids=["short way", "long way"])
def test_a_step_leaves_no_unit_out(weights, rng):
    X, Y = rng.normal(size=(5, 4)).astype("f"), rng.uniform(size=(5, 2)).astype("f")
    networks = [Network((4, 30, 2), dropout=p, random_state=0) for p in (0.0, 0.5)]
    for network in networks:
        network.step(X, Y, 0.5, weights)
    assert_array_equal(networks[0].parameters, networks[1].parameters)
