"""A second opinion on every derivative: PyTorch's automatic differentiation, in float64."""

import numpy as np
import pytest
from formulas import pairs
from numpy.testing import assert_allclose
from reference import Reference, examples
from torch_oracle import ACTIVATIONS, LOSSES, Oracle, torch

from bpcore._core.activations import ACTIVATIONS as ENGINE_ACTIVATIONS
from bpcore._core.losses import LOSSES as ENGINE_LOSSES

CLOSE = {"rtol": 1e-10, "atol": 1e-13}


def test_every_name_has_an_oracle():
    assert set(ACTIVATIONS) == set(ENGINE_ACTIVATIONS)
    assert set(LOSSES) == set(ENGINE_LOSSES)


def assert_autograd_agrees(reference, n=11, seed=1):
    X, Y, s = examples(reference, n, seed)
    network, oracle = reference.network(), Oracle(reference)
    for weights in (None, s):
        g = network.gradient(X, Y, weights)
        cost, vector, inputs = oracle.gradient(X, Y, weights)
        assert_allclose(g.cost, cost, **CLOSE)
        scale = np.abs(vector).max()
        assert_allclose(g.vector / scale, vector / scale, **CLOSE)
        assert_allclose(g.inputs / scale, inputs / scale, **CLOSE)


@pytest.mark.parametrize(("output", "loss"), pairs())
def test_every_output_activation_and_loss(output, loss):
    assert_autograd_agrees(Reference.random((4, 6, 3), ["tanh", output], loss, seed=41))


@pytest.mark.parametrize("hidden", [name for name in ENGINE_ACTIVATIONS if name != "softmax"])
@pytest.mark.parametrize(
    ("output", "loss"), [("sigmoid", "quadratic"), ("softmax", "categorical_cross_entropy")]
)
def test_every_hidden_activation(hidden, output, loss):
    assert_autograd_agrees(
        Reference.random((4, 7, 5, 3), [hidden, hidden, output], loss, seed=42, scale=0.5)
    )


@pytest.mark.parametrize(
    ("activation", "loss"),
    [
        (("leaky_relu", 0.3), ("huber", 0.4)),
        (("elu", 1.7), ("quantile", [0.1, 0.5, 0.9])),
        (("elu", 0.2), ("quantile", 0.8)),
        ("gelu", ("huber", 3.0)),
    ],
)
def test_parameters(activation, loss):
    assert_autograd_agrees(Reference.random((4, 6, 3), [activation, "identity"], loss, seed=43))


def test_large_arguments():
    """Parameters from N(0, 5²): most units are saturated, and the entropies far out."""
    for loss, output in [
        ("binary_cross_entropy", "sigmoid"),
        ("categorical_cross_entropy", "softmax"),
    ]:
        assert_autograd_agrees(
            Reference.random((4, 6, 3), ["silu", output], loss, seed=44, scale=5.0)
        )


def test_many_rows_and_wide_layers():
    assert_autograd_agrees(
        Reference.random(
            (50, 64, 33, 10),
            ["gelu", "tanh", "softmax"],
            "categorical_cross_entropy",
            seed=45,
            scale=0.2,
        ),
        n=700,
    )


@pytest.mark.parametrize("output", ["identity", "sigmoid", "softmax", "gelu"])
def test_jacobian(output):
    reference = Reference.random((4, 6, 3), ["silu", output], "quadratic", seed=46)
    X, _, _ = examples(reference, 3)
    oracle = Oracle(reference)
    J = reference.network().jacobian(X)
    for k in range(3):
        exact = torch.autograd.functional.jacobian(
            lambda x: oracle.forward(x[None])[1][0], torch.tensor(X[k])
        )
        assert_allclose(J[k], exact.numpy(), **CLOSE)


def test_per_sample_gradients():
    reference = Reference.random(
        (4, 6, 3), ["elu", "softmax"], "categorical_cross_entropy", seed=47
    )
    X, Y, _ = examples(reference, 5)
    G, oracle = reference.network().per_sample_gradients(X, Y), Oracle(reference)
    for k in range(5):
        assert_allclose(G[k], oracle.gradient(X[k : k + 1], Y[k : k + 1])[1], **CLOSE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 6, None])
def test_a_fit_is_what_torchs_sgd_does(batch_size, dtype):
    """Three epochs with momentum, the learning rate and batches that PyTorch would take."""
    reference = Reference.random((4, 6, 3), ["tanh", "sigmoid"], "quadratic", seed=48)
    X, Y, _ = examples(reference, 20)
    network, oracle = reference.network(dtype), Oracle(reference)
    network.fit(X, Y, 3, batch_size, 0.2, shuffle=False, optimizer=("sgd", {"momentum": 0.9}))
    sgd = torch.optim.SGD(oracle.parameters, lr=0.2, momentum=0.9)
    size = batch_size or 20
    for start in [*range(0, 20, size)] * 3:
        sgd.zero_grad()
        rows = slice(start, start + size)
        oracle.costs(torch.tensor(X[rows]), torch.tensor(Y[rows])).mean().backward()
        sgd.step()
    theta = torch.cat([p.detach().ravel() for p in oracle.parameters]).numpy()
    close = {"rtol": 1e-3, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}
    assert_allclose(network.parameters, theta, **close)
