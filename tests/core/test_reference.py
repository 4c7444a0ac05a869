"""The reference itself, against hand-worked numbers and central differences.  No engine here."""

import numpy as np
import pytest
from formulas import (
    ACTIVATIONS,
    DEFAULTS,
    FACTS,
    LOSSES,
    OPTIMIZERS,
    ReferenceOptimizer,
    pairs,
    rate,
)
from numpy.testing import assert_allclose
from reference import Reference, central_differences, examples
from scipy.optimize import check_grad

ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]
PAIRS = pytest.mark.parametrize(("output", "loss"), pairs())

# C and ∂C/∂a of one output at a = 0.66, y = 1
LOSSES_BY_HAND = {
    "quadratic": (0.1156, -0.68),
    "squared_error": (0.0578, -0.34),
    "absolute": (0.34, -1),
    "huber": (0.0578, -0.34),
    "quantile": (0.17, -0.5),
    "binary_cross_entropy": (0.415515444, -1.515151515),
    "categorical_cross_entropy": (0.415515444, -1.515151515),
    "poisson": (0.075515444, -0.515151515),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_activations_by_hand(name):
    z = np.array([2.0, -1.0])
    value, slope = (f(z, DEFAULTS.get(name)) for f in ACTIVATIONS[name])
    assert_allclose([value[0], slope[0], value[1], slope[1]], FACTS[name].by_hand, atol=6e-10)


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("parameter", [None, 0.3])
def test_slopes_are_derivatives(name, parameter):
    z = np.linspace(-6.05, 6, 120)  # never 0
    p = DEFAULTS.get(name) if parameter is None else parameter
    value, slope = ACTIVATIONS[name]
    difference = (value(z + 1e-6, p) - value(z - 1e-6, p)) / 2e-6
    assert_allclose(slope(z, p), difference, rtol=1e-7, atol=1e-8)


def test_softmax_by_hand_and_its_jacobian():
    value, jacobian = ACTIVATIONS["softmax"]
    z = np.log([[1.0, 2.0, 5.0], [4.0, 4.0, 8.0]])
    assert_allclose(value(z), [[0.125, 0.25, 0.625], [0.25, 0.25, 0.5]])
    assert_allclose(
        jacobian(z)[1],
        [[0.1875, -0.0625, -0.125], [-0.0625, 0.1875, -0.125], [-0.125, -0.125, 0.25]],
        atol=1e-15,
    )
    for i in range(3):
        difference = central_differences(lambda z, i=i: value(z)[0, i], z)[0]
        assert_allclose(jacobian(z)[0, i], difference, atol=1e-9)


@pytest.mark.parametrize("name", LOSSES)
def test_losses_by_hand(name):
    cost, slope = (
        f(np.array([[0.66]]), np.array([[1.0]]), DEFAULTS.get(name)) for f in LOSSES[name]
    )
    assert_allclose([cost.item(), slope.item()], LOSSES_BY_HAND[name], atol=6e-10)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("parameter", [None, 0.3])
def test_losses_slopes_are_derivatives(name, parameter):
    p = DEFAULTS.get(name) if parameter is None else parameter
    a = np.linspace(0.05, 0.95, 31)
    y = np.linspace(0.9, 0.1, 31)[::-1] + 0.013
    cost, slope = LOSSES[name]
    assert_allclose(slope(a, y, p), (cost(a + 1e-7, y, p) - cost(a - 1e-7, y, p)) / 2e-7, atol=1e-6)


def test_pieces_of_huber_and_pinball_by_hand():
    a, y = np.array([0.0, 0.0, 5.0]), np.array([0.5, 3.0, 1.0])
    assert_allclose(LOSSES["huber"][0](a, y, 2.0), [0.125, 4.0, 6.0])
    assert_allclose(LOSSES["huber"][1](a, y, 2.0), [-0.5, -2.0, 2.0])
    assert_allclose(LOSSES["quantile"][0](a, y, 0.9), [0.45, 2.7, 0.4])
    assert_allclose(LOSSES["quantile"][1](a, y, 0.9), [-0.9, -0.9, 0.1])
    assert_allclose(LOSSES["quantile"][0](a, y, [0.1, 0.5, 0.9]), [0.05, 1.5, 0.4])


def test_poisson_without_counts():
    assert LOSSES["poisson"][0](2.5, 0.0, None) == 2.5


def test_forward_and_backward_by_hand():
    """1-1 with identity: a = 3x + 1; two examples, weights 1 and 3."""
    reference = Reference((1, 1), ["identity"], "quadratic", [3.0, 1.0])
    X, Y = np.array([[1.0], [2.0]]), np.array([[2.0], [8.0]])
    assert_allclose(reference.predict(X), [[4.0], [7.0]])
    assert_allclose(reference.costs(X, Y), [4.0, 1.0])
    assert reference.cost(X, Y) == 2.5
    assert reference.cost(X, Y, [1, 3]) == 1.75
    g = reference.gradient(X, Y)  # ½ (2·2·1 + 2·(-1)·2), ½ (4 - 2)
    assert_allclose(g.vector, [0.0, 1.0])
    assert_allclose(g.inputs, [[6.0], [-3.0]])
    assert_allclose(reference.gradient(X, Y, [1, 3]).vector, [(4 - 12) / 4, (4 - 6) / 4])


def test_order_of_theta():
    reference = Reference((2, 3, 1), ["tanh"] * 2, "quadratic", np.arange(13))
    assert_allclose(reference.weights[0], [[0, 1], [2, 3], [4, 5]])
    assert_allclose(reference.biases[0], [6, 7, 8])
    assert_allclose(reference.weights[1], [[9, 10, 11]])
    assert_allclose(reference.biases[1], [12])


@PAIRS
def test_gradient_is_the_derivative_of_the_cost(output, loss):
    reference = Reference.random((3, 4, 2), ["tanh", output], loss, seed=3)
    X, Y, s = examples(reference, 5)

    def cost(theta):
        return Reference(reference.layer_sizes, reference.activations, reference.loss, theta).cost(
            X, Y, s
        )

    g = reference.gradient(X, Y, s)
    assert g.cost == pytest.approx(cost(reference.theta), rel=1e-15)
    assert_allclose(g.vector, central_differences(cost, reference.theta), rtol=1e-6, atol=1e-8)
    assert_allclose(
        g.inputs, central_differences(lambda x: reference.cost(x, Y, s), X), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("hidden", ELEMENTWISE)
def test_gradient_through_every_hidden_activation(hidden):
    reference = Reference.random((3, 4, 5, 2), [hidden, hidden, "sigmoid"], "quadratic", seed=5)
    X, Y, s = examples(reference, 6)

    def at(theta):
        return Reference(reference.layer_sizes, reference.activations, reference.loss, theta)

    error = check_grad(
        lambda t: at(t).cost(X, Y, s), lambda t: at(t).gradient(X, Y, s).vector, reference.theta
    )
    assert error < 1e-6


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_jacobian_is_the_derivative_of_the_output(output):
    reference = Reference.random((3, 4, 2), ["silu", output], "quadratic")
    X = examples(reference, 4)[0]
    J = reference.jacobian(X)
    assert J.shape == (4, 2, 3)
    for j in range(2):
        difference = central_differences(lambda x, j=j: reference.predict(x)[:, j].sum(), X)
        assert_allclose(J[:, j], difference, atol=1e-8)


def test_trace_terms_multiply_to_the_gradient():
    reference = Reference.random((2, 3, 2), ["gelu", "softmax"], "categorical_cross_entropy")
    X, Y, s = examples(reference, 4)
    t = reference.trace(X, Y, s)
    assert_allclose(t.dC_dz[2], (t.a[2] * Y.sum(1)[:, None] - Y) * (s / s.sum())[:, None])
    assert_allclose(t.dC_da[1], t.dC_dz[2] @ reference.weights[1])
    assert_allclose(
        np.average(reference.per_sample_gradients(X, Y), axis=0, weights=s),
        reference.gradient(X, Y, s).vector,
    )


# ---------------------------------------------------------------- epochs


def line(theta=(3.0, 1.0)):
    return Reference((1, 1), ["identity"], "squared_error", theta)


def test_an_epoch_of_gradient_descent_by_hand():
    """Full batch: ∇C = ((2·1 - 1·2)/2, (2 - 1)/2); one by one: (2, 2), then from (2, 0)."""
    X, Y = np.array([[1.0], [2.0]]), np.array([[2.0], [8.0]])
    reference = line()
    cost, penalty = reference.epoch(X, Y, ReferenceOptimizer("sgd", 2, 0.5))
    assert (cost, penalty) == (1.25, 0.0)
    assert_allclose(reference.theta, [3.0, 0.75])
    reference = line()
    # first C = 2 and ∇C = (2, 2): θ = (2, 0); then a = 4, C = 8, ∇C = (-8, -4)
    assert reference.epoch(X, Y, ReferenceOptimizer("sgd", 2, 0.5), batch_size=1)[0] == 5.0
    assert_allclose(reference.theta, [6.0, 2.0])
    reference = line()
    reference.epoch(X, Y, ReferenceOptimizer("sgd", 2, 0.5), order=[1, 0], batch_size=1)
    # second example first: ∇C = (-2, -1): θ = (4, 1.5); then a = 5.5, ∇C = (3.5, 3.5)
    assert_allclose(reference.theta, [2.25, -0.25])


def test_penalties_by_hand():
    X, Y = np.array([[1.0], [2.0]]), np.array([[2.0], [8.0]])
    options = [({"l2": 0.4}, 0.2 * 9 / 2, [0.6, 0.5]), ({"l1": 0.4}, 0.4 * 3 / 2, [0.2, 0.5])]
    for option, expected, gradient in options:
        reference = line()
        assert reference.epoch(X, Y, ReferenceOptimizer("sgd", 2, 1.0), **option)[
            1
        ] == pytest.approx(expected)
        assert_allclose(reference.theta, np.array([3.0, 1.0]) - gradient)
    reference = line()
    assert reference.epoch(X, Y, ReferenceOptimizer("sgd", 2, 1.0), weight_decay=0.1)[1] == 0
    assert_allclose(reference.theta, [2.7, 0.5])
    reference = line()
    reference.epoch(X, Y, ReferenceOptimizer("sgd", 2, 1.0), clip_norm=0.1)
    assert_allclose(reference.theta, [3.0, 0.9])
    reference = line()
    for by, total in (([1, 3], 4), (None, 2)):
        reference = line()
        rule = ReferenceOptimizer("sgd", 2, 1.0)
        reference.epoch(X, Y, rule, sample_weight=[1, 3], normaliser=by, l2=0.4)
        assert_allclose(reference.theta, [3 - (2 - 6 + 1.2) / total, 1 - (2 - 3) / total])


# ---------------------------------------------------------------- optimizers and schedules

G = np.array([0.3, -4.0])
STEPS = {  # the step at the first update with η = 0.1
    "sgd": [-0.03, 0.4],
    "adam": [-0.1, 0.1],
    "rmsprop": [-0.1 / np.sqrt(0.001), 0.1 / np.sqrt(0.001)],
    "adagrad": [-0.1, 0.1],
    # m̂ = μ₂ (1 - β₁) g / (1 - μ₁ μ₂) + (1 - μ₁) g / (1 - μ₁), with μ ≈ 0.45007, 0.45014
    "nadam": [-0.1 * 1.0564518, 0.1 * 1.0564518],
    "irprop-": [-0.1, 0.1],
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_first_step_by_hand(name):
    theta = np.zeros(2)
    ReferenceOptimizer(name, 2, 0.1, epsilon=1e-12).update(theta, G)
    assert_allclose(theta, STEPS[name], rtol=1e-5)


def test_momentum_and_nesterov_by_hand():
    theta = np.zeros(1)
    o = ReferenceOptimizer("sgd", 1, 0.1, momentum=0.5)
    for _ in range(3):
        o.update(theta, np.ones(1))
    assert_allclose(theta, -0.1 - 0.15 - 0.175)
    theta = np.zeros(1)
    o = ReferenceOptimizer("sgd", 1, 0.1, momentum=0.5, nesterov=True)
    for _ in range(2):
        o.update(theta, np.ones(1))
    assert_allclose(theta, -0.15 - 0.175)


def test_second_steps_by_hand():
    """g = 1, then 3: m = 0.1·0.9 + 0.3, v = 0.001·0.999 + 0.009."""
    theta = np.zeros(1)
    o = ReferenceOptimizer("adam", 1, 0.1, epsilon=1e-12)
    o.update(theta, np.array([1.0]))
    o.update(theta, np.array([3.0]))
    assert_allclose(theta, -0.1 - 0.1 * (0.39 / 0.19) / np.sqrt(0.009999 / 0.001999), rtol=1e-9)
    theta = np.zeros(1)
    o = ReferenceOptimizer("adagrad", 1, 0.1, epsilon=1e-12)
    o.update(theta, np.array([1.0]))
    o.update(theta, np.array([3.0]))
    assert_allclose(theta, -0.1 - 0.3 / np.sqrt(10))


def test_irprop_minus_by_hand():
    """Steps 0.1, 0.12, then a turn: 0.06 and no move, then 0.06 again the new way."""
    theta, o, seen = np.zeros(1), ReferenceOptimizer("irprop-", 1, 0.1), []
    for g in (2.0, 0.5, -1.0, -7.0, -7.0):
        o.update(theta, np.array([g]))
        seen.append(theta.item())
    assert_allclose(seen, [-0.1, -0.22, -0.22, -0.16, -0.088])


def test_adams_epsilon_stands_beside_the_uncorrected_root():
    theta = np.zeros(1)
    ReferenceOptimizer("adam", 1, 1.0, epsilon=1.0).update(theta, np.array([1.0]))
    assert_allclose(theta, -np.sqrt(0.001) / 0.1 * 0.1 / (np.sqrt(0.001) + 1.0))


def test_schedules_by_hand():
    def rates(schedule, ts):
        return [rate(2.0, schedule, t) for t in ts]

    assert rates(None, [1, 9]) == rates("constant", [1, 9]) == [2.0, 2.0]
    assert_allclose(
        rates({"kind": "step", "every": 2, "factor": 0.5}, range(1, 7)), [2, 2, 1, 1, 0.5, 0.5]
    )
    cosine = {"kind": "cosine", "total": 4, "final": 0.5}
    assert_allclose(
        rates(cosine, range(1, 7)),
        [2, 1 + 0.5 * (1 + np.sqrt(0.5)), 1.5, 1 + 0.5 * (1 - np.sqrt(0.5)), 1, 1],
    )
    assert_allclose(rates({"kind": "constant", "warmup": 3}, range(1, 6)), [0.5, 1, 1.5, 2, 2])
    one_cycle = {"kind": "one_cycle", "total": 20, "final": 0.01}
    assert_allclose(rates(one_cycle, [1, 4, 7, 14, 21, 30]), [0.08, 1.04, 2, 1.01, 0.02, 0.02])
    late = {"kind": "cosine", "total": 6, "warmup": 2}
    assert_allclose(
        rates(late, range(1, 8)), [2 / 3, 4 / 3, *rates({**cosine, "final": 0.0}, range(1, 6))]
    )
