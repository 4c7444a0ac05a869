"""∂a^(L)/∂θ against the reference's central differences, and by the ways it is asked for."""

import numpy as np
import pytest
import scipy.sparse
from formulas import pairs
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, examples

from bpcore._core import tuning

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


def differences(reference, X, h=1e-6):
    """∂a/∂θ of the reference by central differences."""
    columns = []
    for i in range(len(reference.theta)):
        sides = []
        for shift in (h, -h):
            moved = reference.copy()
            moved.theta[i] += shift
            sides.append(moved.forward(X)[1][-1])
        columns.append((sides[0] - sides[1]) / (2 * h))
    return np.stack(columns, axis=-1)


@TYPES
@pytest.mark.parametrize("output", sorted({output for output, _ in pairs()}, key=str))
def test_it_is_the_slope_of_each_output(output, dtype):
    reference = Reference.random((3, 5, 4, 2), ["tanh", "gelu", output], "quadratic", seed=3)
    X, _, _ = examples(reference, 7)
    J = reference.network(dtype).parameter_jacobian(X)
    assert J.shape == (7, 2, len(reference.theta))
    assert J.dtype == np.dtype(dtype)
    size = 2e-5 if dtype == "float32" else 1e-8
    assert_allclose(J, differences(reference, X), rtol=size, atol=size)


@pytest.mark.parametrize("sizes", [(1, 1), (4, 3), (2, 9, 1), (130, 3, 5)])
def test_it_is_what_per_sample_gradients_tell_of_one_output(sizes):
    reference = Reference.random(sizes, ["sigmoid"] * (len(sizes) - 1), "quadratic", seed=4)
    network = reference.network()
    X, _, _ = examples(reference, 300)
    J = network.parameter_jacobian(X)
    a = network.predict(X)
    for j in range(sizes[-1]):
        Y = a.copy()
        Y[:, j] -= 0.5  # 2 (a - y) is 1 there, and 0 for the others
        assert_allclose(J[:, j], network.per_sample_gradients(X, Y), rtol=1e-9, atol=1e-12)


@TYPES
def test_the_ways_to_ask(dtype):
    network = Reference.random((3, 4, 2), ["tanh", "softmax"], "quadratic").network(dtype)
    X = np.random.default_rng(0).normal(size=(50, 3))
    J = network.parameter_jacobian(X)
    close = {"rtol": 2e-5, "atol": 1e-7} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-15}
    assert_allclose(network.parameter_jacobian(X[3]), J[3], **close)
    assert_array_equal(network.parameter_jacobian(scipy.sparse.csr_matrix(X)), J)
    assert_array_equal(network.parameter_jacobian(np.asfortranarray(X)), J)
    out = np.full_like(J, np.nan)
    assert network.parameter_jacobian(X, out=out) is out
    assert_array_equal(out, J)
    one = np.full_like(J[0], np.nan)
    assert network.parameter_jacobian(X[0], out=one) is one
    assert_allclose(one, J[0], **close)
    assert network.parameter_jacobian(np.empty((0, 3))).shape == (0, 2, network.n_parameters)


def test_threads_change_no_bit():
    network = Reference.random((6, 20, 3), ["tanh", "tanh"], "quadratic").network()
    X = np.random.default_rng(0).normal(size=(3999, 6))  # time for another thread to begin
    network.n_threads = 1
    with tuning.override(parallel_batch_operations=0, parallel_call_operations=0):
        J = network.parameter_jacobian(X)
        for n in (2, 3, 8):
            network.n_threads = n
            assert_array_equal(network.parameter_jacobian(X), J)


def test_what_is_refused():
    network = Reference.random((3, 4, 2), ["tanh", "tanh"], "quadratic").network()
    X = np.zeros((5, 3))
    n = network.n_parameters
    for out, error, words in (
        ([1.0], TypeError, "out must be an ndarray"),
        (np.empty((5, 2, n - 1)), ValueError, "expected"),
        (np.empty((5, 2, n), dtype="float32"), ValueError, "expected .* float64"),
        (np.empty((n, 2, 5)).T, ValueError, "C-contiguous"),
    ):
        with pytest.raises(error, match=words):
            network.parameter_jacobian(X, out=out)
    with pytest.raises(ValueError, match="NaN"):
        network.parameter_jacobian(np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match="4 features"):
        network.parameter_jacobian(np.zeros((2, 4)))
