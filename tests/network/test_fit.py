"""fit: the epochs of the reference, every loss, penalty, optimizer and schedule."""

import numpy as np
import pytest
from fit_problem import TYPES, close, problem
from formulas import ReferenceOptimizer
from numpy.testing import assert_allclose, assert_array_equal

from bpcore import Network
from bpcore._core.optimizers import Optimizer

WAYS = [
    ("full batch", None),
    ("full batch", "full"),
    ("mini-batch", 8),
    ("divides n", 23),
    ("larger than n", 100),
    ("one by one", 1),
]


@TYPES
@pytest.mark.parametrize("batch_size", [b for _, b in WAYS], ids=[f"{w}-{b}" for w, b in WAYS])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_epochs_are_the_references(batch_size, weighted, dtype):
    reference, X, Y, s = problem()
    s = s if weighted else None
    in_proportion = s / s.mean() if weighted else None
    network, descent = (
        reference.network(dtype),
        ReferenceOptimizer("sgd", reference.theta.size, 0.3),
    )
    size = len(X) if batch_size == "full" else batch_size
    for _ in range(4):
        history = network.fit(X, Y, 1, batch_size, 0.3, shuffle=False, sample_weight=s)
        cost, _ = reference.epoch(X, Y, descent, batch_size=size, sample_weight=in_proportion)
        assert_allclose(network.parameters, reference.theta, **close(dtype))
        assert_allclose(history.cost, [cost], **close(dtype))


def test_defaults():
    """Ten epochs of 32 examples a step, shuffled, η = 1 for sgd and smaller for the others."""
    reference, X, Y, _ = problem(70)
    for name, rate in [
        (None, 1.0),
        ("adam", 0.001),
        ("nadam", 0.001),
        ("rmsprop", 0.001),
        ("adagrad", 0.01),
    ]:
        network, other = reference.network(), reference.network()
        options = {"optimizer": name} if name else {}
        history = network.fit(X, Y, **options)
        other.fit(X, Y, epochs=10, batch_size=32, learning_rate=rate, shuffle=True, **options)
        assert history.epochs == 10
        assert history.learning_rate == [rate] * 10
        assert_array_equal(network.parameters, other.parameters)


@pytest.mark.parametrize("batch_size", [1, 7, None])
def test_several_epochs_are_one_after_the_other(batch_size):
    reference, X, Y, s = problem()
    network, other = reference.network(), reference.network()
    history = network.fit(X, Y, 5, batch_size, 0.2, shuffle=False, sample_weight=s)
    costs = [
        other.fit(X, Y, 1, batch_size, 0.2, shuffle=False, sample_weight=s).cost[0]
        for _ in range(5)
    ]
    assert_array_equal(network.parameters, other.parameters)
    assert history.cost == costs


@TYPES
@pytest.mark.parametrize(
    ("loss", "output"),
    [
        ("squared_error", "identity"),
        ("absolute", "tanh"),
        (("huber", 0.5), "softplus"),
        (("quantile", [0.1, 0.5, 0.9]), "identity"),
        ("binary_cross_entropy", "sigmoid"),
        ("categorical_cross_entropy", "softmax"),
        ("poisson", "exponential"),
        ("quadratic", "softmax"),
    ],
)
def test_every_loss_trains_as_the_reference_does(loss, output, dtype):
    reference, X, Y, s = problem(loss=loss, output=output)
    network, descent = (
        reference.network(dtype),
        ReferenceOptimizer("sgd", reference.theta.size, 0.05),
    )
    network.fit(X, Y, 3, 6, 0.05, shuffle=False, sample_weight=s)
    for _ in range(3):
        reference.epoch(X, Y, descent, batch_size=6, sample_weight=s / s.mean())
    assert_allclose(network.parameters, reference.theta, **close(dtype))


RULES = [
    {"l2": 0.5},
    {"l1": 0.05},
    {"weight_decay": 0.1},
    {"clip_norm": 0.05},
    {"clip_norm": 100.0},
    {"l2": 0.3, "l1": 0.02, "weight_decay": 0.05, "clip_norm": 0.1},
]


@TYPES
@pytest.mark.parametrize("rules", RULES, ids=lambda rules: "-".join(rules))
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_penalties_decay_and_clipping(rules, optimizer, dtype):
    reference, X, Y, s = problem()
    network, plain = reference.network(dtype), reference.network(dtype)
    descent = ReferenceOptimizer(optimizer, reference.theta.size, 0.05, epsilon=1e-4)
    options = {"shuffle": False, "sample_weight": s, "optimizer": (optimizer, {"epsilon": 1e-4})}
    history = network.fit(X, Y, 3, 8, 0.05, **options, **rules)
    plain.fit(X, Y, 3, 8, 0.05, **options)
    costs = [
        sum(reference.epoch(X, Y, descent, batch_size=8, sample_weight=s / s.mean(), **rules))
        for _ in range(3)
    ]
    assert_allclose(network.parameters, reference.theta, **close(dtype))
    assert_allclose(history.cost, costs, **close(dtype))
    unchanged = rules == {"clip_norm": 100.0}
    assert np.allclose(network.parameters, plain.parameters, rtol=1e-3, atol=1e-6) == unchanged


def test_penalties_spare_the_biases():
    network = Network((2, 3), "identity", dtype="float64", init="zeros")
    network.parameters[:] = 1.0
    network.fit(np.zeros((4, 2)), np.ones((4, 3)), 1, None, 0.1, l2=2.0, l1=1.0, weight_decay=0.5)
    assert_array_equal(network.biases[0], 1.0)
    assert_allclose(network.weights[0], 1 - 0.1 * (2.0 + 1.0) / 4 - 0.1 * 0.5)


@pytest.mark.parametrize("size", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("share", [0.5, 0.99, 1.01, 3.0])
def test_clipping_is_by_the_norm(size, share):
    """A gradient longer than the limit keeps its direction and gets that length."""
    network = Network((2, 3), "identity", loss="quadratic", dtype="float64", random_state=0)
    X, Y = np.ones((1, 2)), network.forward(np.ones((1, 2))) + size * np.array([[1, -2, 0.5]])
    theta, g = network.parameters.copy(), network.gradient(X, Y).vector
    norm = np.linalg.norm(g)
    network.fit(X, Y, 1, None, 0.1, clip_norm=share * norm)
    assert_allclose(network.parameters, theta - 0.1 * min(share, 1.0) * g, rtol=1e-12)


def test_clipping_to_a_length_of_one():
    """A limit as good as any other, though a kernel may take 1 for a word of its own."""
    network = Network((2, 3), "identity", loss="quadratic", dtype="float64", random_state=0)
    X, Y = np.ones((1, 2)), network.forward(np.ones((1, 2))) + 30
    theta, g = network.parameters.copy(), network.gradient(X, Y).vector
    network.fit(X, Y, 1, None, 0.1, clip_norm=1.0)
    assert_allclose(network.parameters, theta - 0.1 * g / np.linalg.norm(g), rtol=1e-12)


@TYPES
@pytest.mark.parametrize("rules", [{}, *RULES], ids=lambda rules: "-".join(rules) or "none")
def test_a_batch_of_several_passes(rules, dtype):
    """Of more rows than the engine's memory holds at a time: the gradient is added up first."""
    reference, X, Y, s = problem(4600)
    network = reference.network(dtype)
    descent = ReferenceOptimizer("sgd", reference.theta.size, 0.5)
    history = network.fit(X, Y, 2, None, 0.5, shuffle=False, sample_weight=s, **rules)
    costs = [
        sum(reference.epoch(X, Y, descent, sample_weight=s / s.mean(), **rules)) for _ in range(2)
    ]
    assert_allclose(network.parameters, reference.theta, **close(dtype))
    assert_allclose(history.cost, costs, **close(dtype))


@TYPES
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sgd", {}),
        ("sgd", {"momentum": 0.9}),
        ("sgd", {"momentum": 0.8, "nesterov": True}),
        ("adam", {"beta_1": 0.8, "beta_2": 0.95}),
        ("rmsprop", {"beta_2": 0.9}),
        ("adagrad", {}),
        ("nadam", {"epsilon": 1e-3}),
        ("irprop-", {}),
    ],
)
def test_optimizers(name, options, dtype):
    options = {"epsilon": 1e-4, **options}  # steps that do not magnify float32's rounding
    reference, X, Y, s = problem()
    network = reference.network(dtype)
    size = None if name == "irprop-" else 8
    network.fit(X, Y, 4, size, 0.02, shuffle=False, sample_weight=s, optimizer=(name, options))
    rule = ReferenceOptimizer(name, reference.theta.size, 0.02, **options)
    for _ in range(4):
        reference.epoch(X, Y, rule, batch_size=size, sample_weight=s / s.mean())
    assert_allclose(network.parameters, reference.theta, **close(dtype))


@pytest.mark.parametrize(
    ("schedule", "in_updates"),
    [
        ("constant", None),
        ("cosine", {"kind": "cosine", "total": 18}),
        ("one_cycle", {"kind": "one_cycle", "total": 18}),
        ("coslog", {"kind": "coslog", "total": 18}),
        ({"kind": "step", "every": 2, "factor": 0.5}, {"kind": "step", "every": 6, "factor": 0.5}),
        (
            {"kind": "cosine", "total": 4, "final": 0.2, "warmup": 1},
            {"kind": "cosine", "total": 12, "final": 0.2, "warmup": 3},
        ),
        ({"kind": "constant", "warmup": 2}, {"kind": "constant", "warmup": 6}),
    ],
)
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_schedules_are_given_in_epochs(name, schedule, in_updates):
    """Six epochs of three updates each."""
    reference, X, Y, _ = problem()
    network = reference.network()
    history = network.fit(
        X, Y, 6, 8, 0.1, shuffle=False, optimizer=name, schedule=schedule, weight_decay=0.1
    )
    rule = ReferenceOptimizer(name, reference.theta.size, 0.1, schedule=in_updates)
    for _ in range(6):
        reference.epoch(X, Y, rule, batch_size=8, weight_decay=0.1)
    assert_allclose(network.parameters, reference.theta, rtol=1e-9, atol=1e-12)
    assert_allclose(history.learning_rate, [rule.rate(t) for t in range(3, 19, 3)], rtol=1e-12)


def test_an_optimizer_goes_on_where_it_stood():
    reference, X, Y, _ = problem()
    network, other = reference.network(), reference.network()
    adam = Optimizer("adam", network.n_parameters, dtype="float64", learning_rate=0.05)
    for _ in range(3):
        network.fit(X, Y, 1, 8, shuffle=False, optimizer=adam)
    other.fit(X, Y, 3, 8, 0.05, shuffle=False, optimizer="adam")
    assert adam.t == 9
    assert_array_equal(network.parameters, other.parameters)
