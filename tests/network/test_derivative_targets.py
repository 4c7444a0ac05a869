"""Targets for ∂a^(L)/∂a^(0) beside those for a^(L): the cost, its gradient, and what is refused."""

import numpy as np
import pytest
import scipy.sparse
from formulas import ACTIVATIONS, pairs
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, examples

from bpcore import Network
from bpcore._core import tuning

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
HIDDEN = sorted(set(ACTIVATIONS) - {"softmax"})
SMOOTH = sorted(set(HIDDEN) - {"relu", "leaky_relu", "elu", "selu"})


def slopes_of(reference, n, seed=3):
    """Targets for the derivatives of n examples, two numbers of them not known."""
    shape = (n, reference.layer_sizes[-1], reference.layer_sizes[0])
    F = np.random.default_rng(seed).normal(size=shape).astype("float32").astype("float64")
    F[n // 2, 0, 0] = F[0, -1, -1] = np.nan
    return F


def problem(activations, loss="quadratic", sizes=(3, 5, 4, 2), n=8, **options):
    reference = Reference.random(sizes, activations, loss, **options)
    return reference, *examples(reference, n), slopes_of(reference, n)


def cost_by_jacobian(network, X, Y, s, F, factor):
    """The definition, from the network's own Jacobian."""
    misfit = np.nansum((network.jacobian(X) - F) ** 2, axis=(1, 2))
    return network.cost(X, Y, s) + factor * np.average(misfit, weights=s)


@TYPES
@pytest.mark.parametrize(("output", "loss"), pairs())
def test_the_cost_is_that_of_the_jacobian(output, loss, dtype):
    reference, X, Y, s, F = problem(["tanh", "silu", output], loss, seed=2)
    network = reference.network(dtype)
    for weights in (None, s):
        found = network.cost(X, Y, weights, dY_dX=F, derivative_weight=0.3)
        expected = cost_by_jacobian(network, X, Y, weights, F, 0.3)
        assert found == pytest.approx(expected, rel=1e-5 if dtype == "float32" else 1e-12)
        assert network.gradient(X, Y, weights, dY_dX=F, derivative_weight=0.3).cost == found


def assert_autograd_agrees(reference, X, Y, s, F, factor=0.7):
    from torch_oracle import Oracle  # which skips the test where there is no PyTorch

    oracle = Oracle(reference)
    network = reference.network()
    for weights in (None, s):
        g = network.gradient(X, Y, weights, dY_dX=F, derivative_weight=factor)
        cost, vector, inputs = oracle.gradient(X, Y, weights, F, factor)
        assert g.cost == pytest.approx(cost, rel=1e-10)
        for ours, theirs in ((g.vector, vector), (g.inputs, inputs)):
            assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11 * np.abs(theirs).max())


@pytest.mark.parametrize(("output", "loss"), pairs())
def test_autograd_says_the_same_of_every_output_and_loss(output, loss):
    assert_autograd_agrees(*problem(["tanh", "sigmoid", output], loss, seed=41))


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("outputs", [1, 3])
def test_autograd_says_the_same_of_every_activation(hidden, outputs):
    assert_autograd_agrees(
        *problem([hidden, hidden, "identity"], sizes=(4, 7, 5, outputs), seed=42, scale=0.5)
    )


@pytest.mark.parametrize(
    "activations",
    [[("leaky_relu", 0.3), ("elu", 1.7), "tanh"], [("elu", 0.4), "mish", ("leaky_relu", 0.2)]],
)
def test_autograd_says_the_same_of_parameters(activations):
    assert_autograd_agrees(*problem(activations, seed=43))


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax"])
def test_autograd_says_the_same_without_a_hidden_layer(output):
    assert_autograd_agrees(*problem([output], sizes=(4, 3), seed=44))


def test_autograd_says_the_same_of_many_rows_and_wide_layers():
    assert_autograd_agrees(
        *problem(["gelu", "tanh", "softmax"], sizes=(50, 64, 33, 3), n=700, seed=45, scale=0.2)
    )


@pytest.mark.parametrize("hidden", SMOOTH)
@pytest.mark.parametrize("output", ["identity", "softmax"])
def test_differences_of_the_cost(hidden, output):
    reference, X, Y, s, F = problem([hidden, hidden, output], seed=5)
    network = reference.network()
    given = {"dY_dX": F, "derivative_weight": 2.0}
    check = network.numerical_gradient(X, Y, s, **given)
    assert check.error < 1e-6
    assert network.check_gradient(X, Y, s, **given) == check.error
    assert_array_equal(check.analytic, network.gradient(X, Y, s, **given).vector)


def test_the_inputs_derivative_goes_through_the_jacobian():
    reference, X, Y, s, F = problem(["tanh", "gelu", "identity"])
    network = reference.network()
    inputs = network.gradient(X, Y, s, dY_dX=F).inputs
    for k, i in ((0, 0), (4, 2), (7, 1)):
        costs = []
        for shift in (1e-5, -1e-5):
            moved = X.copy()
            moved[k, i] += shift
            costs.append(network.cost(moved, Y, s, dY_dX=F))
        assert inputs[k, i] == pytest.approx((costs[0] - costs[1]) / 2e-5, rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("sizes", [(3, 6, 5, 1), (3, 6, 5, 2)])
def test_float32_is_float64_but_for_rounding(hidden, sizes):
    reference, X, Y, s, F = problem([hidden, hidden, "identity"], sizes=sizes, seed=6, scale=0.5)
    exact = reference.network().gradient(X, Y, s, dY_dX=F)
    found = reference.network("float32").gradient(X, Y, s, dY_dX=F)
    assert found.vector.dtype == np.float32
    assert found.cost == pytest.approx(exact.cost, rel=1e-5)
    assert_allclose(found.vector, exact.vector, rtol=1e-4, atol=2e-5 * np.abs(exact.vector).max())


@TYPES
@pytest.mark.parametrize("sizes", [(6, 40, 20, 1), (6, 20, 3)])
def test_threads_change_no_bit(sizes, dtype, rng):
    network = Network(sizes, "tanh", "identity", dtype=dtype, random_state=0)
    theta = network.parameters.copy()
    X, Y, s = rng.normal(size=(999, 6)), rng.normal(size=(999, sizes[-1])), rng.random(999)
    F = rng.normal(size=(999, sizes[-1], 6))
    found = []
    with tuning.override(parallel_batch_operations=0, parallel_call_operations=0):
        for n in (1, 2, 3, 8):
            network.n_threads = n
            g = network.gradient(X, Y, s, dY_dX=F)
            cost = network.cost(X, Y, s, dY_dX=F)
            network.fit(X, Y, 2, 200, 1e-3, sample_weight=s, dY_dX=F, random_state=1)
            found.append((g.vector, g.inputs, g.cost, cost, network.parameters.copy()))
            network.set_parameters(theta)
    for other in found[1:]:
        for one, two in zip(found[0], other, strict=True):
            assert_array_equal(one, two)


@pytest.mark.parametrize("rows", [8, 64])
def test_microbatches_add_up(rows):
    reference, X, Y, s, F = problem(["tanh", "silu", "softmax"], n=333)
    network = reference.network()
    whole = network.gradient(X, Y, s, dY_dX=F)
    with tuning.override(slopes_bytes=1, slopes_min_rows=rows, block_min_rows=8):
        parts = network.gradient(X, Y, s, dY_dX=F)
        cost = network.cost(X, Y, s, dY_dX=F)
    assert parts.cost == pytest.approx(whole.cost, rel=1e-13)
    assert cost == pytest.approx(whole.cost, rel=1e-13)
    for one, two in ((parts.vector, whole.vector), (parts.inputs, whole.inputs)):
        assert_allclose(one, two, rtol=1e-10, atol=1e-13)


def test_a_row_of_weight_zero_is_left_out_whatever_it_holds():
    reference, X, Y, _, F = problem(["exponential", "gelu", "softmax"])
    network = reference.network("float32")
    s = np.ones(8)
    s[3] = 0
    X[3], F[3] = 1e30, 1e30
    keep = s > 0
    for output in (network, reference.network()):
        with np.errstate(all="ignore"):
            g = output.gradient(X, Y, s, dY_dX=F)
        expected = output.gradient(X[keep], Y[keep], dY_dX=F[keep])
        assert g.cost == pytest.approx(expected.cost, rel=1e-6)
        assert_allclose(g.vector, expected.vector, rtol=1e-4, atol=1e-5)
        assert not g.inputs[3].any()


def test_what_is_not_known_counts_nothing():
    reference, X, Y, s, F = problem(["tanh", "silu", "identity"])
    network = reference.network()
    g, plain = network.gradient(X, Y, s, dY_dX=np.full_like(F, np.nan)), network.gradient(X, Y, s)
    assert g.cost == pytest.approx(plain.cost, rel=1e-14)
    assert_allclose(g.vector, plain.vector, rtol=1e-12)
    none = network.gradient(X, Y, s, dY_dX=F, derivative_weight=0)
    assert_allclose(none.vector, plain.vector, rtol=1e-12)


@TYPES
def test_where_the_numbers_lie_changes_no_bit(dtype):
    reference, X, Y, s, F = problem(["tanh", "silu", "identity"])
    network = reference.network(dtype)
    expected = network.gradient(X, Y, s, dY_dX=F).vector
    for given in (F.astype("float32"), np.asfortranarray(F), F.tolist(), F[::-1].copy()[::-1]):
        assert_array_equal(network.gradient(X, Y, s, dY_dX=given).vector, expected)
    csr = scipy.sparse.csr_array(X)
    assert_array_equal(network.gradient(csr, Y, s, dY_dX=F).vector, expected)


def test_one_output_and_one_example_may_leave_out_their_axes():
    rng = np.random.default_rng(0)
    net = Network((3, 4, 1), "tanh", "identity", dtype="float64", random_state=0)
    X, Y, F = rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=(5, 3))
    assert net.cost(X, Y, dY_dX=F) == net.cost(X, Y, dY_dX=F[:, None])
    one = net.cost(X[:1], Y[:1], dY_dX=F[:1])
    assert net.cost(X[0], Y[0], dY_dX=F[0]) == net.cost(X[0], Y[0], dY_dX=F[:1]) == one
    line = Network((1, 4, 1), "tanh", "identity", dtype="float64", random_state=0)
    x, f = X[:, :1], F[:, 0]
    assert line.cost(x, Y, dY_dX=f) == line.cost(x, Y, dY_dX=f[:, None, None])
    several = Network((3, 4, 2), "tanh", "identity", random_state=0)
    J = several.jacobian(X[0])
    assert several.cost(X[0], several.predict(X[0]), dY_dX=J) == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"dY_dX": np.zeros((4, 2))},
            r"dY_dX has shape \(4, 2\).*4 examples.*expected \(4, 2, 3\)",
        ),
        ({"dY_dX": np.zeros((4, 6))}, "as jacobian gives"),
        ({"dY_dX": np.zeros((5, 2, 3))}, "shape"),
        ({"dY_dX": np.zeros((4, 3, 2))}, "shape"),
        ({"dY_dX": np.full((4, 2, 3), np.inf)}, r"dY_dX\[0\] holds infinity.*NaN"),
        ({"dY_dX": np.full((4, 2, 3), 1e39)}, "too large for float32"),
        ({"dY_dX": np.zeros((4, 2, 3)), "derivative_weight": -1.0}, "derivative_weight"),
        ({"dY_dX": np.zeros((4, 2, 3)), "derivative_weight": np.nan}, "derivative_weight"),
    ],
)
def test_what_is_wrong_is_said(given, words):
    network = Network((3, 5, 2), random_state=0)
    X, Y = np.zeros((4, 3)), np.zeros((4, 2))
    theta = network.parameters.copy()
    for method in (network.cost, network.gradient, network.fit):
        with pytest.raises(ValueError, match=words):
            method(X, Y, **given)
    assert_array_equal(network.parameters, theta)


def test_texts_are_no_derivatives():
    network = Network((3, 5, 1), random_state=0)
    with pytest.raises(TypeError, match="dY_dX must hold real numbers"):
        network.cost(np.zeros((1, 3)), [0.0], dY_dX=[["a", "b", "c"]])


def test_the_engine_looks_once_more():
    from bpcore._core.rows import Rows

    network = Network((3, 5, 2), random_state=0, dtype="float64")
    y = Rows(np.zeros((4, 2)), slopes=Rows(np.zeros((4, 5))), slope_weight=2.0)
    assert (y.slopes.shape, y.slope_weight) == ((4, 5), 2.0)
    with pytest.raises(ValueError, match="4 rows of 5 numbers: expected 4 of 2 × 3"):
        network._cost(Rows(np.zeros((4, 3))), y)
