"""Cost functions: values, derivatives at the output, extremes, parameters, what they refuse."""

import numpy as np
import pytest
from formulas import DEFAULTS, OUTPUTS, pairs
from formulas import LOSSES as FORMULAS
from numpy.testing import assert_allclose
from reference import Reference, examples

from bpcore import Network
from bpcore.functions import ACTIVATIONS, LOSSES

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
PLAIN = [name for name in LOSSES if name not in OUTPUTS]


def tolerance(dtype):
    return {"rtol": 3e-5, "atol": 3e-6} if dtype == "float32" else {"rtol": 1e-11, "atol": 1e-13}


def straight(width, loss, dtype="float64", output="identity"):
    """A network whose z^(1) is its input."""
    network = Network(
        (width, width), output_activation=output, loss=loss, dtype=dtype, init="zeros"
    )
    network.weights[0][:] = np.eye(width)
    return network


@TYPES
def test_poisson_where_softplus_underflows(dtype):
    """a = 0 stands for the smallest number: cost and ∇C stay finite."""
    network = straight(1, "poisson", dtype, "softplus")
    z, y = np.array([[-2000.0]]), np.array([[2.0]])
    assert network.predict(z) == 0
    tiny = float(np.finfo(dtype).tiny)
    assert_allclose(network.cost(z, y), 2 * np.log(2) - 2 * np.log(tiny) - 2, rtol=1e-6)
    g = network.gradient(z, y)
    assert np.isfinite(g.vector).all()
    assert_allclose(network.trace(z, y).dC_da[1], 1 - 2 / tiny, rtol=1e-6)


# ---------------------------------------------------------------- the reference


def test_every_loss_has_a_formula_in_the_reference():
    assert set(FORMULAS) == set(LOSSES)
    for name, outputs in ((row.name, row.outputs) for row in LOSSES.values()):
        assert OUTPUTS.get(name) == outputs


@TYPES
@pytest.mark.parametrize(("output", "loss"), pairs())
def test_costs_and_deltas_are_the_references(output, loss, dtype):
    reference = Reference.random((3, 4, 3), ["tanh", output], loss, seed=2)
    network = reference.network(dtype)
    X, Y, s = examples(reference, 23)
    assert_allclose(network.cost(X, Y), reference.cost(X, Y), **tolerance(dtype))
    assert_allclose(network.cost(X, Y, s), reference.cost(X, Y, s), **tolerance(dtype))
    ours, theirs = network.trace(X, Y, s), reference.trace(X, Y, s)
    assert_allclose(ours.costs, theirs.costs, **tolerance(dtype))
    assert_allclose(ours.dC_dz[2], theirs.dC_dz[2], **tolerance(dtype))
    assert_allclose(ours.dC_da[2], theirs.dC_da[2], **tolerance(dtype))


@TYPES
@pytest.mark.parametrize(
    "loss",
    [
        ("huber", 0.3),
        ("huber", 2.5),
        ("quantile", 0.1),
        ("quantile", 0.95),
        ("quantile", [0.05, 0.5, 0.9]),
    ],
)
def test_parameters(loss, dtype):
    reference = Reference.random((4, 3, 3), ["silu", "identity"], loss, seed=4)
    network = reference.network(dtype)
    X, Y, s = examples(reference, 31)
    assert_allclose(network.cost(X, Y, s), reference.cost(X, Y, s), **tolerance(dtype))
    assert_allclose(
        network.gradient(X, Y, s).vector, reference.gradient(X, Y, s).vector, **tolerance(dtype)
    )
    default = Reference(reference.layer_sizes, reference.activations, loss[0], reference.theta)
    assert abs(default.cost(X, Y) / network.cost(X, Y) - 1) > 0.01


def test_absolute_has_no_slope_at_the_target():
    network = straight(3, "absolute")
    g = network.gradient([[1.0, 2.0, 3.0]], [[1.0, 5.0, 0.0]])
    assert g.cost == 6.0
    assert_allclose(g.biases[0], [0, -1, 1])


def test_huber_is_smooth_where_its_pieces_meet():
    network = straight(2, ("huber", 0.5))
    g = network.gradient([[0.5, -0.5]], [[0.0, 0.0]])
    assert_allclose(g.cost, 0.25)
    assert_allclose(g.biases[0], [0.5, -0.5])


@TYPES
def test_quantile_is_minimal_at_the_quantile(dtype):
    """The constant that minimises the pinball costs of a sample is the sample's quantile."""
    y = np.random.default_rng(0).exponential(size=99).astype(dtype)
    network = Network(
        (1, 3),
        output_activation="identity",
        loss=("quantile", [0.1, 0.5, 0.9]),
        dtype=dtype,
        init="zeros",
    )
    X, Y = np.zeros((99, 1), dtype), np.repeat(y[:, None], 3, axis=1)
    best = np.sort(y)[[9, 49, 89]]
    network.biases[0][:] = best
    least = network.cost(X, Y)
    for j in range(3):
        for step in (-0.02, 0.02):
            network.biases[0][:] = best
            network.biases[0][j] += step
            assert network.cost(X, Y) > least


# ---------------------------------------------------------------- means and weights


@pytest.mark.parametrize("loss", LOSSES)
def test_cost_is_the_weighted_mean(loss):
    output = OUTPUTS.get(loss, ("identity",))[0]
    reference = Reference.random((2, 3), [output], loss)
    network = reference.network()
    X, Y, _ = examples(reference, 4)
    each = [network.cost(X[k], Y[k]) for k in range(4)]
    assert_allclose(network.cost(X, Y), np.mean(each), rtol=1e-14)
    assert_allclose(network.cost(X, Y, [1, 0, 2.5, 0]), (each[0] + 2.5 * each[2]) / 3.5, rtol=1e-14)
    # two copies of an example are one of weight 2
    assert_allclose(
        network.cost(X[[0, 0, 1]], Y[[0, 0, 1]]), network.cost(X[:2], Y[:2], [2, 1]), rtol=1e-14
    )


def test_sums_run_in_double_precision():
    """400,000 float32 costs of 0.1 each: a float32 sum would be off in the third digit."""
    network = straight(1, "squared_error", "float32")
    X = np.zeros((400_000, 1), np.float32)
    Y = np.full((400_000, 1), np.sqrt(0.2), np.float32)
    assert_allclose(network.cost(X, Y), 0.1, rtol=3e-7)


# ---------------------------------------------------------------- extremes, from z


@TYPES
@pytest.mark.parametrize("z", [1e4, 80.0, 30.0, 0.0, -30.0, -80.0, -1e4])
@pytest.mark.parametrize("y", [0.0, 1.0, 0.25])
def test_binary_cross_entropy_far_out(z, y, dtype):
    network = straight(1, "binary_cross_entropy", dtype, "sigmoid")
    g = network.gradient([[z]], [[y]])
    exact = y * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
    assert_allclose(g.cost, exact, rtol=2e-6 if dtype == "float32" else 1e-13, atol=1e-40)
    a = np.exp(-np.logaddexp(0, -z))
    assert_allclose(g.biases[0], a - y, rtol=1e-6, atol=1e-7)
    assert np.isfinite(g.vector).all()
    assert network.cost([[z]], [[y]]) == g.cost


@TYPES
@pytest.mark.parametrize("z", [[1e4, -1e4, 0.0], [200.0, 0.0, 100.0], [-1e4, -1e4, -1e4]])
@pytest.mark.parametrize("y", [[1, 0, 0], [0, 1, 0], [0.2, 0.3, 0.5], [2, 0, 1], [0, 0, 0]])
def test_categorical_cross_entropy_far_out(z, y, dtype):
    network = straight(3, "categorical_cross_entropy", dtype, "softmax")
    z, y = np.array(z), np.array(y, float)
    g = network.gradient([z], [y])
    exact = -(y * (z - np.logaddexp.reduce(z))).sum()
    rtol = 2e-6 if dtype == "float32" else 1e-13
    assert_allclose(g.cost, exact, rtol=rtol, atol=1e-12)
    a = np.exp(z - np.logaddexp.reduce(z))
    assert_allclose(g.biases[0], a * y.sum() - y, rtol=1e-6, atol=1e-7)
    assert network.cost([z], [y]) == g.cost


@TYPES
@pytest.mark.parametrize(("z", "y"), [(-1e4, 1.0), (-1e4, 0.0), (-50.0, 3.0), (20.0, 2.0)])
def test_poisson_far_out(z, y, dtype):
    network = straight(1, "poisson", dtype, "exponential")
    g = network.gradient([[z]], [[y]])
    exact = (y * (np.log(y) - z) if y else 0.0) - y + np.exp(z)
    assert_allclose(g.cost, exact, rtol=2e-6 if dtype == "float32" else 1e-13, atol=1e-20)
    assert_allclose(g.biases[0], np.exp(z) - y, rtol=2e-6, atol=1e-7)


@TYPES
def test_sensitivities_of_saturated_outputs(dtype):
    """Where a rounds to y, ∂C/∂a is the limit -1 or 1, not 0/0; δ is a - y = 0."""
    network = straight(2, "binary_cross_entropy", dtype, "sigmoid")
    t = network.trace([[1e3, -1e3]], [[1.0, 0.0]])
    assert_allclose(t.dC_da[1], [[-1.0, 1.0]])
    assert_allclose(t.dC_dz[1], [[0.0, 0.0]], atol=1e-30)
    network = straight(2, "categorical_cross_entropy", dtype, "softmax")
    t = network.trace([[1e3, -1e3]], [[1.0, 0.0]])
    assert_allclose(t.dC_da[1], [[-1.0, 0.0]])
    assert_allclose(t.dC_dz[1], [[0.0, 0.0]], atol=1e-30)


@TYPES
@pytest.mark.parametrize("loss", PLAIN)
def test_plain_losses_at_saturated_outputs(loss, dtype):
    """σ(±1e4) is 0 or 1: the cost is that of a and y, the gradient 0, and nothing is NaN."""
    network = straight(2, loss, dtype, "sigmoid")
    g = network.gradient([[1e4, -1e4]], [[0.0, 1.0]])
    cost, _ = FORMULAS[loss]
    exact = cost(np.array([1.0, 0.0]), np.array([0.0, 1.0]), DEFAULTS.get(loss)).sum()
    assert_allclose(g.cost, exact, rtol=1e-6)
    assert_allclose(g.vector, 0, atol=1e-30)


@TYPES
def test_clipped_entropies_report_as_scikit_learn_and_step_the_same(dtype):
    from sklearn.metrics import log_loss

    eps = np.finfo(dtype).eps
    for name, output, z, y in [
        ("binary_cross_entropy", "sigmoid", [[1e3]], [[0.0]]),
        ("categorical_cross_entropy", "softmax", [[1e3, 0.0, 0.0]], [[0.0, 1.0, 0.0]]),
    ]:
        clipped = straight(len(z[0]), (name, "clip"), dtype, output)
        plain = straight(len(z[0]), name, dtype, output)
        assert_allclose(clipped.cost(z, y), -np.log(eps), rtol=1e-5)
        assert plain.cost(z, y) == pytest.approx(1e3)
        assert_allclose(clipped.gradient(z, y).vector, plain.gradient(z, y).vector)
    z = np.random.default_rng(0).standard_normal((20, 3)).astype(dtype) * 4
    Y = np.eye(3)[np.arange(20) % 3]
    network = straight(3, ("categorical_cross_entropy", "clip"), dtype, "softmax")
    P = network.forward(z).astype(float)
    expected = log_loss(Y.argmax(1), P / P.sum(axis=1, keepdims=True))
    assert_allclose(network.cost(z, Y), expected, rtol=2e-5 if dtype == "float32" else 1e-10)


@TYPES
@pytest.mark.parametrize(
    ("loss", "output"),
    [("binary_cross_entropy", "sigmoid"), ("categorical_cross_entropy", "softmax")],
)
def test_clipped_entropies_are_the_references(loss, output, dtype):
    reference = Reference.random((3, 5, 4), ["relu", output], (loss, "clip"), scale=1.0)
    network = reference.network(dtype)
    X, Y, s = examples(reference, 17)
    assert_allclose(network.cost(X, Y, s), reference.cost(X, Y, s), rtol=1e-5)
    assert_allclose(
        network.gradient(X, Y, s).vector, reference.gradient(X, Y, s).vector, rtol=1e-4, atol=1e-6
    )


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize("loss", OUTPUTS)
def test_wrong_partners_are_named(loss):
    allowed = OUTPUTS[loss]
    for output in ACTIVATIONS:
        if output in allowed:
            Network((3, 2), output_activation=output, loss=loss)
        else:
            with pytest.raises(ValueError, match="|".join(allowed)):
                Network((3, 2), output_activation=output, loss=loss)


@pytest.mark.parametrize(
    "loss",
    [
        "quadratik",
        "",
        ("huber", 0.0),
        ("huber", -1.0),
        ("huber", np.nan),
        ("huber", np.inf),
        ("quantile", 0.0),
        ("quantile", 1.0),
        ("quantile", -0.5),
        ("quantile", np.nan),
        ("quantile", [0.5]),
        ("quantile", [0.1, 0.5, 0.9]),
        ("quantile", [0.1, 1.5]),
        ("quantile", []),
        ("quadratic", 2.0),
        ("absolute", "clip"),
        ("poisson", "clip"),
        ("binary_cross_entropy", "clap"),
        ("categorical_cross_entropy", 1.0),
    ],
)
def test_wrong_losses_are_refused(loss):
    name = loss if isinstance(loss, str) else loss[0]
    with pytest.raises(ValueError, match="quadratic" if name not in LOSSES else name):
        Network((3, 4, 2), output_activation="identity" if name in PLAIN else None, loss=loss)


@pytest.mark.parametrize("loss", [None, 3, ("huber", "wide"), ["huber", 1.0, 2.0], b"absolute"])
def test_losses_of_other_types(loss):
    with pytest.raises((TypeError, ValueError), match=r"loss|huber"):
        Network((3, 2), loss=loss)


@pytest.mark.parametrize(
    ("loss", "bad"),
    [
        ("binary_cross_entropy", -0.01),
        ("binary_cross_entropy", 1.01),
        ("categorical_cross_entropy", -0.5),
        ("poisson", -1.0),
    ],
)
def test_targets_outside_of_a_losss_range(loss, bad):
    network = Network((3, 4, 2), loss=loss)
    X, Y = np.ones((5, 3)), np.full((5, 2), 0.5)
    Y[3, 1] = bad
    before = network.parameters.copy()
    for call in (
        network.cost,
        network.gradient,
        network.trace,
        network.fit,
        network.per_sample_gradients,
        network.check_gradient,
        lambda X, Y: network.step(X, Y, 0.1),
    ):
        with pytest.raises(ValueError, match=f"(?s)Y.*{bad:g}.*{loss}"):
            call(X, Y)
    assert (network.parameters == before).all()
