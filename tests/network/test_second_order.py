"""Products with the Hessian and the Gauss-Newton matrix: differences of gradients, J, PyTorch."""

import numpy as np
import pytest
from formulas import ACTIVATIONS, pairs
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, examples

from bpcore import Network
from bpcore._core import tuning

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
SMOOTH = [pair for pair in pairs() if pair[1] not in ("absolute", "quantile", "huber")]


def difference(reference, X, Y, s, v, h=1e-5):
    """(∇C(θ + h v) - ∇C(θ - h v)) / 2h, of fourth order."""
    gradients = []
    for shift in (h, -h, 2 * h, -2 * h):
        moved = reference.copy()
        moved.theta += shift * v
        gradients.append(moved.gradient(X, Y, s).vector)
    return (8 * (gradients[0] - gradients[1]) - (gradients[2] - gradients[3])) / (12 * h)


def direction(reference, seed=0):
    v = np.random.default_rng(seed).normal(size=len(reference.theta))
    return v.astype("float32").astype("float64")  # both types hold it


@TYPES
@pytest.mark.parametrize(("output", "loss"), SMOOTH)
def test_the_hessian_of_every_pair(output, loss, dtype):
    reference = Reference.random((3, 5, 4, 2), ["tanh", "sigmoid", output], loss, seed=2)
    X, Y, s = examples(reference, 8)
    v = direction(reference)
    network = reference.network(dtype)
    for weights in (None, s):
        found = network.hessian_product(X, Y, v, weights)
        expected = difference(reference, X, Y, weights, v)
        size = 1e-3 if dtype == "float32" else 2e-8
        assert found.dtype == np.dtype(dtype)
        assert_allclose(found, expected, rtol=size, atol=size * np.abs(expected).max())


@TYPES
@pytest.mark.parametrize("loss", ["absolute", ("quantile", 0.3), ("huber", 1.0)])
def test_the_hessian_beside_the_kinks(loss, dtype):
    reference = Reference.random((3, 5, 2), ["tanh", "identity"], loss, seed=2)
    network = reference.network(dtype)
    X, _, s = examples(reference, 8)
    v = direction(reference)
    # near and far, on both sides
    Y = network.predict(X) + np.resize([0.4, -3.0, -0.4, 3.0], (8, 2))
    found = network.hessian_product(X, Y, v, s)
    expected = difference(reference, X, Y, s, v)
    size = 1e-3 if dtype == "float32" else 2e-8
    assert_allclose(found, expected, rtol=size, atol=size * np.abs(expected).max())


@pytest.mark.parametrize("hidden", sorted(set(ACTIVATIONS) - {"softmax"}))
def test_the_hessian_of_every_activation(hidden):
    reference = Reference.random(
        (3, 6, 4, 2), [hidden, hidden, "identity"], "quadratic", seed=5, scale=0.6
    )
    X, Y, s = examples(reference, 8)
    v = direction(reference)
    expected = difference(reference, X, Y, s, v)
    found = reference.network().hessian_product(X, Y, v, s)
    assert_allclose(found, expected, rtol=1e-7, atol=1e-8 * np.abs(expected).max())


@TYPES
@pytest.mark.parametrize(("output", "loss"), SMOOTH)
def test_gauss_newton_is_made_of_jacobians(output, loss, dtype):
    reference = Reference.random((3, 5, 2), ["tanh", output], loss, seed=3)
    X, Y, s = examples(reference, 8)
    v = direction(reference)
    exact = reference.network("float64")
    a, J = exact.predict(X), exact.parameter_jacobian(X)
    # H by the outputs; with the canonical activation J_zᵀ H_z J_z is Jᵀ (H_z / σ'²) J
    if loss in ("quadratic", "squared_error"):
        H = np.full_like(a, 2.0 if loss == "quadratic" else 1.0)
    elif loss == "binary_cross_entropy":
        H = 1 / (a * (1 - a))
    elif loss == "categorical_cross_entropy":
        H = Y.sum(axis=1, keepdims=True) / a
    else:
        H = 1 / a if output == "exponential" else Y / a**2
    shares = s / s.sum()
    expected = np.einsum("k,kjp,kj,kj->p", shares, J, H, J @ v.astype(float))
    found = reference.network(dtype).gauss_newton_product(X, Y, v, s)
    size = 1e-4 if dtype == "float32" else 1e-10
    assert_allclose(found, expected, rtol=size, atol=size * np.abs(expected).max())


def test_both_are_symmetric_and_one_is_never_negative():
    reference = Reference.random((3, 7, 2), ["tanh", "softmax"], "categorical_cross_entropy")
    network = reference.network()
    X, Y, s = examples(reference, 30)
    u, v = direction(reference, 1).astype(float), direction(reference, 2).astype(float)
    for product in (network.hessian_product, network.gauss_newton_product):
        assert u @ product(X, Y, v, s) == pytest.approx(v @ product(X, Y, u, s), rel=1e-10)
    assert v @ network.gauss_newton_product(X, Y, v, s) > 0


@pytest.mark.parametrize("n", [1, 257, 3001])
def test_many_rows(n):
    reference = Reference.random((20, 16, 12, 4), ["sigmoid"] * 3, "quadratic", seed=1)
    X, Y, s = examples(reference, n)
    v = direction(reference)
    expected = difference(reference, X, Y, s, v)
    with tuning.override(microbatch_bytes=1, microbatch_min_rows=64):
        found = reference.network().hessian_product(X, Y, v, s)
    assert_allclose(found, expected, rtol=1e-7, atol=1e-8 * np.abs(expected).max())


def test_threads_change_no_bit():
    network = Network((6, 20, 3), "tanh", "identity", dtype="float64", random_state=0)
    rng = np.random.default_rng(0)
    X, Y, v = rng.normal(size=(999, 6)), rng.normal(size=(999, 3)), rng.normal(size=203)
    with tuning.override(parallel_batch_operations=0, parallel_call_operations=0):
        for product in (network.hessian_product, network.gauss_newton_product):
            network.n_threads = 1
            one = product(X, Y, v)
            for n in (2, 3, 8):
                network.n_threads = n
                assert_array_equal(product(X, Y, v), one)


def test_newtons_method_by_products_alone():
    """Conjugate gradients on the Hessian: one step ends at the minimum of a quadratic."""
    scipy_sparse = pytest.importorskip("scipy.sparse.linalg")
    network = Network((3, 1), activation="identity", dtype="float64", random_state=0)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 3))
    y = X @ [1.0, -2.0, 0.5] + 3
    H = scipy_sparse.LinearOperator((4, 4), lambda v: network.hessian_product(X, y, v))
    step, _ = scipy_sparse.cg(H, network.gradient(X, y).vector, rtol=1e-12)
    network.apply(step, 1.0)
    assert_allclose(network.parameters, [1.0, -2.0, 0.5, 3.0], atol=1e-8)


def test_what_is_refused():
    network = Network((2, 3, 1), random_state=0)
    X, Y = np.zeros((2, 2)), np.zeros(2)
    for v, words in ((np.zeros(3), "shape"), (np.full(13, np.nan), "NaN")):
        with pytest.raises(ValueError, match=f"vector.*{words}"):
            network.hessian_product(X, Y, v)
    own = Network((2, 1), loss=lambda a, y: ((a - y)[:, 0] ** 2, 2 * (a - y)))
    with pytest.raises(ValueError, match="is a function"):
        own.gauss_newton_product(X, Y, np.zeros(3))


def test_pytorch_says_the_same():
    torch = pytest.importorskip("torch")
    reference = Reference.random((3, 6, 4, 2), ["tanh", "gelu", "softmax"], "quadratic", seed=7)
    X, Y, _ = examples(reference, 9)
    v = direction(reference).astype(float)
    theta = torch.tensor(reference.theta, requires_grad=True)
    x, y = torch.tensor(X), torch.tensor(np.asarray(Y, dtype=float))

    def outputs(theta):
        a, start = x, 0
        functions = (torch.tanh, torch.nn.functional.gelu, lambda z: torch.softmax(z, 1))
        for (n_in, n_out), sigma in zip(((3, 6), (6, 4), (4, 2)), functions, strict=True):
            w = theta[start : start + n_in * n_out].reshape(n_out, n_in)
            start += n_in * n_out
            a = sigma(a @ w.T + theta[start : start + n_out])
            start += n_out
        return a

    def cost(theta):
        return ((outputs(theta) - y) ** 2).sum(1).mean()

    network = reference.network()
    close = {"rtol": 1e-9, "atol": 1e-12}
    _, product = torch.autograd.functional.hvp(cost, theta, torch.tensor(v))
    assert_allclose(network.hessian_product(X, Y, v), product.numpy(), **close)
    J = torch.autograd.functional.jacobian(outputs, theta).detach().numpy()
    assert_allclose(network.parameter_jacobian(X), J, **close)
    d = np.random.default_rng(0).normal(size=(9, 2))
    (g,) = torch.autograd.grad(outputs(theta), theta, torch.tensor(d))
    assert_allclose(network.backward(X, d).vector, g.numpy(), **close)


@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("identity", "quadratic"),
        ("gelu", ("huber", 1.0)),
        ("softplus", "poisson"),
        ("exponential", "poisson"),
        ("sigmoid", "binary_cross_entropy"),
        ("softmax", "categorical_cross_entropy"),
    ],
)
@pytest.mark.parametrize(
    ("dtype", "far"),
    [
        ("float64", 1e308),
        ("float64", 1e200),
        ("float64", 1.0),
        ("float32", 3e38),
        ("float32", 1e25),
    ],
)
def test_rows_that_weigh_nothing_add_nothing(output, loss, dtype, far):
    """Though z overflows in them."""
    network = Network((2, 3, 2), "silu", output, loss, dtype=dtype, random_state=0)
    network.set_parameters(np.abs(network.parameters))
    X, Y = np.array([[1.0, 0.5], [far, far]]), np.eye(2)
    v = np.random.default_rng(0).normal(size=network.n_parameters)
    for product in (network.hessian_product, network.gauss_newton_product):
        expected = product(X[:1], Y[:1], v)
        for order in ([0, 1], [1, 0]):
            weights = np.array([1.0, 0.0])[order]
            found = product(X[order], Y[order], v, weights)
            assert_allclose(found, expected, rtol=1e-13 if dtype == "float64" else 1e-5)


def test_outputs_near_zero():
    network = Network(
        (2, 1), output_activation="softplus", loss="poisson", dtype="float64", random_state=0
    )
    X, Y, v = np.ones((2, 2)), np.array([1.0, 2.0]), np.ones(3)
    for b in (-300.0, -400.0, -700.0, -800.0):  # a² is 0 before a is
        network.set_parameters([0.0, 0.0, b])
        # C = a - y log a, where a is exp(z): in z it is all but straight
        assert_allclose(network.hessian_product(X, Y, v), np.zeros(3), atol=1e-12)
        assert np.isfinite(network.gauss_newton_product(X, Y, v)).all()
