"""The trace: every term of the chain rule against the reference, and against what trains."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from formulas import pairs
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, examples

from bpcore import Network, Trace
from bpcore._core.activations import ACTIVATIONS

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
TERMS = [
    "a",
    "z",
    "w",
    "b",
    "da_dz",
    "dC_da",
    "dC_dz",
    "dC_dw",
    "dC_db",
    "dz_dw",
    "dz_da",
    "dz_db",
]
FROM_ZERO = ("a", "dC_da")


def close(dtype):
    return {"rtol": 2e-4, "atol": 3e-6} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}


def assert_terms_are_the_references(reference, network, X, Y, s, dtype):
    t, expected = network.trace(X, Y, s), reference.trace(X, Y, s)
    assert isinstance(t, Trace)
    for term in TERMS:
        ours, theirs = getattr(t, term), getattr(expected, term)
        assert len(ours) == len(theirs) == network.n_layers + 1, term
        for layer, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            if layer == 0 and term not in FROM_ZERO:
                assert a is None, term
                continue
            assert np.shape(a) == np.shape(b), (term, layer)
            if term != "dz_db":
                assert a.dtype == np.dtype(dtype), (term, layer)
            assert_allclose(a, b, err_msg=f"{term}[{layer}]", **close(dtype))
    assert_allclose(t.costs, expected.costs, **close(dtype))
    assert_allclose(t.cost, expected.cost, **close(dtype))
    return t


@TYPES
@pytest.mark.parametrize(("output", "loss"), pairs())
def test_every_term_for_every_pair(output, loss, dtype):
    reference = Reference.random((3, 5, 4, 2), ["sigmoid", "elu", output], loss, seed=21)
    network = reference.network(dtype)
    X, Y, s = examples(reference, 8)
    for weights in (None, s):
        assert_terms_are_the_references(reference, network, X, Y, weights, dtype)


@TYPES
@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name != "softmax"])
def test_every_term_for_every_hidden_activation(hidden, dtype):
    reference = Reference.random(
        (3, 4, 6, 2), [hidden, hidden, "softplus"], "huber", seed=22, scale=0.5
    )
    X, Y, s = examples(reference, 9)
    assert_terms_are_the_references(reference, reference.network(dtype), X, Y, s, dtype)


@TYPES
def test_terms_of_many_rows(dtype):
    """More rows than a block of the engine holds."""
    reference = Reference.random(
        (8, 6, 4), ["tanh", "softmax"], "categorical_cross_entropy", seed=23
    )
    X, Y, s = examples(reference, 2000)
    t = reference.network(dtype).trace(X, Y, s)
    expected = reference.trace(X, Y, s)
    small = 1e-8 if dtype == "float32" else 1e-15
    for layer in (0, 1, 2):
        assert_allclose(t.dC_da[layer], expected.dC_da[layer], rtol=1e-3, atol=small)
    for layer in (1, 2):
        assert_allclose(t.dC_dz[layer], expected.dC_dz[layer], rtol=1e-3, atol=small)
        assert_allclose(t.dC_dw[layer], expected.dC_dw[layer], **close(dtype))


@TYPES
def test_inputs_of_a_width_that_batches_are_padded_from(dtype):
    reference = Reference.random((131, 5, 2), ["tanh", "sigmoid"], "quadratic")
    X, Y, s = examples(reference, 6)
    assert_terms_are_the_references(reference, reference.network(dtype), X, Y, s, dtype)


@TYPES
def test_terms_multiply_as_the_chain_rule_says(dtype):
    reference = Reference.random((4, 5, 3), ["gelu", "sigmoid"], "quadratic", seed=24)
    X, Y, s = examples(reference, 6)
    t = reference.network(dtype).trace(X, Y, s)
    exact = {"rtol": 1e-5, "atol": 1e-7} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-15}
    for layer in (1, 2):
        assert_allclose(t.dC_dz[layer], t.dC_da[layer] * t.da_dz[layer], **exact)
        assert_allclose(t.dC_dw[layer], t.dC_dz[layer].T @ t.dz_dw[layer], **exact)
        assert_allclose(t.dC_db[layer], t.dC_dz[layer].sum(axis=0) * t.dz_db[layer], **exact)
        assert_allclose(t.dC_da[layer - 1], t.dC_dz[layer] @ t.dz_da[layer], **exact)
        assert_array_equal(t.dz_dw[layer], t.a[layer - 1])
        assert_array_equal(t.dz_da[layer], t.w[layer])


@TYPES
@pytest.mark.parametrize(
    ("n", "sizes"),
    [*((n, (7, 6, 5, 3)) for n in (1, 5, 40, 300, 5000)), (1000, (70, 90, 80, 3))],
)
def test_trace_shows_what_trains(n, sizes, dtype):
    """Cost, ∇C and inputs of the trace are those of `gradient`, to the last bit, also where the
    rows are more than a microbatch of the engine, or a layer is updated shard by shard."""
    reference = Reference.random(sizes, ["silu", "tanh", "softmax"], "categorical_cross_entropy")
    network = reference.network(dtype)
    X, Y, s = examples(reference, n)
    t, g = network.trace(X, Y, s), network.gradient(X, Y, s)
    assert t.cost == g.cost
    for layer in range(3):
        assert_array_equal(t.dC_dw[layer + 1], g.weights[layer])
        assert_array_equal(t.dC_db[layer + 1], g.biases[layer])
    assert_array_equal(t.dC_da[0], g.inputs)
    assert_array_equal(t.a[-1], network.forward(X))
    assert_array_equal(t.a[0], X)
    assert_array_equal(t.targets, Y)


@TYPES
def test_rows_beyond_a_pass_have_their_own_terms(dtype):
    reference = Reference.random((7, 6, 3), ["silu", "softmax"], "categorical_cross_entropy")
    network = reference.network(dtype)
    X, Y, _ = examples(reference, 5000)
    t, last = network.trace(X, Y), network.trace(X[4000:], Y[4000:])
    assert_allclose(t.costs[4000:], last.costs, **close(dtype))
    for layer in (1, 2):
        for term in ("a", "z"):
            assert_allclose(
                getattr(t, term)[layer][4000:], getattr(last, term)[layer], **close(dtype)
            )
        assert_allclose(5 * t.dC_dz[layer][4000:], last.dC_dz[layer], **close(dtype))


def test_each_output_has_its_own_quantile():
    network = Network((1, 3), "identity", loss=("quantile", [0.1, 0.5, 0.8]), init="zeros")
    above, below = network.trace([1.0], [1.0, 1.0, 1.0]), network.trace([1.0], [-1.0] * 3)
    assert_allclose(above.dC_da[1], [[-0.1, -0.5, -0.8]], rtol=1e-6)
    assert_allclose(below.dC_da[1], [[0.9, 0.5, 0.2]], rtol=1e-6)
    assert_array_equal(network.trace([1.0], [0.0] * 3).dC_da[1], 0)  # in the corner, by definition


def test_softmax_has_a_jacobian_for_a_slope():
    reference = Reference.random((3, 4), ["softmax"], "quadratic")
    X, Y, _ = examples(reference, 5)
    t = reference.network().trace(X, Y)
    assert t.da_dz[1].shape == (5, 4, 4)
    assert_allclose(np.einsum("kj,kji->ki", t.dC_da[1], t.da_dz[1]), t.dC_dz[1], rtol=1e-12)
    assert_allclose(t.da_dz[1].sum(axis=1), 0, atol=1e-15)


def test_a_single_example():
    network = Network((3, 4, 2), dtype="float64", random_state=0)
    t = network.trace([0.1, 0.2, 0.3], [1.0, 0.0])
    assert [a.shape for a in t.a] == [(1, 3), (1, 4), (1, 2)]
    assert t.costs.shape == (1,)
    assert t.costs[0] == t.cost


def test_a_trace_is_a_record():
    """It keeps its numbers when the network goes on, and the network is not its to change."""
    network = Network((3, 4, 2), dtype="float64", random_state=0)
    X, Y = np.ones((2, 3)), np.zeros((2, 2))
    t = network.trace(X, Y)
    kept = [np.copy(a) for a in (*t.w[1:], *t.b[1:], *t.a, *t.dC_dw[1:], t.dz_da[1])]
    network.fit(X, Y, epochs=2, learning_rate=0.5)
    network.trace(3 * X, Y)
    for now, then in zip((*t.w[1:], *t.b[1:], *t.a, *t.dC_dw[1:], t.dz_da[1]), kept, strict=True):
        assert_array_equal(now, then)
    before = network.parameters.copy()
    network.trace(X, Y).w[1][:] = 7
    assert_array_equal(network.parameters, before)
    assert t.layer_sizes == (3, 4, 2)


def test_dC_da_of_a_weighted_example_is_its_share():
    network = Network((2, 2), output_activation="identity", dtype="float64", random_state=0)
    X, Y = np.eye(2), np.zeros((2, 2))
    t = network.trace(X, Y, [1, 3])
    a = network.forward(X)
    assert_allclose(t.dC_da[1], 2 * a * [[0.25], [0.75]])
    assert_allclose(t.costs, (a**2).sum(axis=1))
    assert_allclose(t.cost, 0.25 * t.costs[0] + 0.75 * t.costs[1])


# ---------------------------------------------------------------- names and indices


def traced(sizes=(3, 4, 2), n=2):
    network = Network(sizes, ("elu", 0.5), "tanh", dtype="float64", random_state=0)
    return network, network.trace(np.ones((n, sizes[0])), np.zeros((n, sizes[-1])))


@pytest.mark.parametrize("sizes", [(1, 1), (3, 4, 2), (2, 5, 1, 3)])
def test_whatever_belongs_to_a_layer_has_its_index(sizes):
    network, t = traced(sizes)
    by_layer = {name: value for name, value in vars(t).items() if isinstance(value, list | tuple)}
    assert set(by_layer) == {*TERMS, "sigma", "layer_sizes"}
    for name, values in by_layer.items():
        assert len(values) == len(sizes), name
        assert (values[0] is None) == (name not in (*FROM_ZERO, "layer_sizes")), name
    for layer in range(1, len(sizes)):
        assert t.w[layer].shape == t.dC_dw[layer].shape == (sizes[layer], sizes[layer - 1])
        assert t.b[layer].shape == t.dC_db[layer].shape == (sizes[layer],)
        assert_array_equal(t.w[layer], network.weights[layer - 1])
        assert_array_equal(t.b[layer], network.biases[layer - 1])
        assert t.sigma[layer] == network.activations[layer - 1]


@pytest.mark.parametrize(
    ("old", "new"), [("weights", "w"), ("biases", "b"), ("activation_functions", "sigma")]
)
def test_names_whose_index_was_another_say_so(old, new):
    _, t = traced()
    with pytest.warns(DeprecationWarning, match=rf"Trace.{old}\[l - 1\].*{new}\[l\]") as warned:
        before = getattr(t, old)
    assert warned[0].filename == __file__
    assert isinstance(before, tuple)
    assert len(before) == 2
    assert all(one is other for one, other in zip(before, getattr(t, new)[1:], strict=True))


def test_names_in_words_are_the_same_lists():
    _, t = traced()
    assert t.activations is t.a
    assert t.pre_activations is t.z


def test_a_trace_can_be_pickled_and_replaced():
    _, t = traced()
    for other in (pickle.loads(pickle.dumps(t)), copy.deepcopy(t), replace(t, cost=t.cost)):
        assert_array_equal(other.w[2], t.w[2])
        assert str(other.explain("b", layer=1, j=2)) == str(t.explain("b", layer=1, j=2))
        assert max(other.check().values()) < 1e-6


def test_a_trace_pickled_under_the_names_of_before():
    _, t = traced()
    state = dict(vars(t))
    state["activations"], state["pre_activations"] = state.pop("a"), state.pop("z")
    state["weights"], state["biases"] = tuple(state.pop("w")[1:]), tuple(state.pop("b")[1:])
    state["activation_functions"] = tuple(state.pop("sigma")[1:])
    kept = dict(state)
    old = object.__new__(Trace)
    old.__setstate__(state)
    assert vars(old).keys() == vars(t).keys()
    assert old.w[0] is old.b[0] is old.sigma[0] is None
    assert str(old.explain("w", layer=2, j=1, k=3)) == str(t.explain("w", layer=2, j=1, k=3))
    assert state == kept
