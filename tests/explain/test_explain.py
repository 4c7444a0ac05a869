"""Explanations: their numbers are the trace's, their sums add up, and differences agree."""

from dataclasses import replace

import numpy as np
import pytest
from explained import make, tables
from formulas import pairs
from numpy.testing import assert_allclose
from reference import Reference

from bpcore import Explanation, Network
from bpcore._core.activations import ACTIVATIONS

PLACES = [
    ("w", {"layer": 1, "j": 4, "k": 2}),
    ("w", {"layer": 3, "j": 1, "k": 0}),
    ("b", {"layer": 2, "j": 3}),
    ("b", {"layer": 3, "j": 0}),
    ("z", {"layer": 3, "j": 1}),
    ("a", {"layer": 0, "k": 1}),
    ("a", {"layer": 2, "k": 3}),
    ("a", {"layer": 3, "j": 0}),
]

TERM = {"w": "dC_dw", "b": "dC_db", "a": "dC_da", "z": "dC_dz"}


# ---------------------------------------------------------------- the numbers


@pytest.mark.parametrize(("letter", "where"), PLACES)
def test_one_example_alone(letter, where):
    """`example=i` explains ∂C_i, which per_sample_gradients knows too."""
    network, X, Y, s = make()
    t = network.trace(X, Y, s)
    alone = network.trace(X[4], Y[4])
    explanation = t.explain(letter, **where, example=4)
    assert isinstance(explanation, Explanation)
    units = tuple(where[u] for u in "jk" if u in where)
    row = getattr(alone, TERM[letter])[where["layer"]]
    expected = row[units] if letter in "wb" else row[0][units]
    assert_allclose(explanation.value, expected, rtol=1e-12)
    assert_allclose(alone.explain(letter, **where).value, expected, rtol=1e-12)
    if letter in "wb":
        parts = Reference.of(network).split(network.per_sample_gradients(X, Y)[4])
        gradient = parts["wb".index(letter)][where["layer"] - 1]
        assert_allclose(explanation.value, gradient[units], rtol=1e-10)


@pytest.mark.parametrize(("letter", "where"), PLACES)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_mean_over_examples(letter, where, weighted):
    """Without `example` it is C = Σ s_i C_i / Σ s_i: the weighted mean of the C_i's."""
    network, X, Y, s = make(weighted=weighted)
    t = network.trace(X, Y, s)
    each = [t.explain(letter, **where, example=i).value for i in range(len(X))]
    assert_allclose(t.explain(letter, **where).value, np.average(each, weights=s), rtol=1e-10)
    if letter == "w":
        g = network.gradient(X, Y, s).weights[where["layer"] - 1]
        assert t.explain(letter, **where).value == g[where["j"], where["k"]]
    if letter == "b":
        g = network.gradient(X, Y, s).biases[where["layer"] - 1]
        assert t.explain(letter, **where).value == g[where["j"]]


@pytest.mark.parametrize("example", [None, 2])
@pytest.mark.parametrize(("letter", "where"), PLACES)
def test_what_is_shown_is_what_the_trace_holds(letter, where, example):
    network, X, Y, s = make()
    t = network.trace(X, Y, s)
    shown = t.explain(letter, **where, example=example).shown
    assert TERM[letter] in {entry.term for entry in shown}
    for term, layer, units, row, value in shown:
        values = getattr(t, term)[layer]
        scale = 1.0 if example is None or not term.startswith("dC_") else 1 / t.shares[example]
        if term == "dz_db":
            held = 1.0
        elif term == "dz_da":
            held = values[units]
        elif term == "dz_dw":
            held = values[row, units[1]]
        elif term in ("dC_dw", "dC_db") and example is None:
            held = values[units]
        elif term == "dC_dw":
            held = t.dC_dz[layer][example, units[0]] * t.a[layer - 1][example, units[1]]
        elif term == "dC_db":
            held = t.dC_dz[layer][example, units[0]]
        else:
            held = values[(slice(None), *units)].sum() if row is None else values[(row, *units)]
        assert_allclose(value, scale * held, rtol=1e-12, err_msg=f"{term}[{layer}]{units}")


@pytest.mark.parametrize(("letter", "where"), PLACES)
@pytest.mark.parametrize("example", [None, 0])
def test_sums_add_up_the_largest_terms_first(letter, where, example):
    network, X, Y, s = make(n=9)
    t = network.trace(X, Y, s)
    for most in (1, 3, 100):
        for table in tables(t.explain(letter, **where, example=example, most=most)):
            products = [values[-1] for _, values in table.rows]
            assert len(products) <= most
            assert products == sorted(products, key=lambda p: -abs(p))
            for _, (*factors, last) in table.rows:
                assert_allclose(np.prod(factors), last, rtol=1e-12)
            count, rest = table.rest or (0, 0.0)
            assert (table.rest is None) == (count == 0)
            assert_allclose(sum(products) + rest, table.total, rtol=1e-9, atol=1e-15)


def test_how_many_terms_are_left_out():
    network = Network((3, 40, 20, 2), random_state=0)
    t = network.trace([0.1, 0.2, 0.3], [0.0, 1.0])
    (table,) = tables(t.explain("a", layer=1, k=7, most=5))
    assert len(table.rows) == 5
    assert table.rest[0] == 15
    assert "15 smaller" in str(t.explain("a", layer=1, k=7, most=5))
    terms = t.w[2][:, 7] * t.dC_dz[2][0]
    largest = np.argsort(-np.abs(terms))[:5]
    assert [j for j, _ in table.rows] == largest.tolist()
    assert_allclose(table.rest[1], terms.sum() - terms[largest].sum(), rtol=1e-4, atol=1e-8)


def test_terms_of_zero_are_not_listed():
    network = Network((3, 4, 10), "relu", "softmax", "categorical_cross_entropy", random_state=0)
    t = network.trace([0.1, 0.2, 0.3], np.eye(10)[4])
    (table,) = tables(t.explain("z", layer=2, j=1))
    assert [i for i, _ in table.rows] == [4]  # ∂C/∂a is 0 where y is
    assert table.rest == (9, 0.0)
    assert_allclose(table.rows[0][1][-1], table.total, rtol=1e-6)
    network.weights[1][:] = 0
    (table,) = tables(network.trace([0.1, 0.2, 0.3], np.eye(10)[4]).explain("a", layer=1, k=0))
    assert len(table.rows) == 1
    assert table.total == 0


# ---------------------------------------------------------------- differences


@pytest.mark.parametrize(("output", "loss"), pairs())
def test_differences_agree_for_every_pair(output, loss):
    network, X, Y, s = make(output, loss, n=5)
    t = network.trace(X, Y, s)
    errors = t.check(most=12)
    assert set(errors) == {"dz_dw", "dz_da", "dz_db", "da_dz", "dC_da", "dC_dz", "dC_dw", "dC_db"}
    assert max(errors.values()) < 1e-6, errors
    for letter, where in PLACES[1::3]:
        for example in (None, 1):
            errors = t.check(letter, **where, example=example)
            assert TERM[letter] in errors
            assert max(errors.values()) < 1e-6, (letter, where, example, errors)


@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name != "softmax"])
def test_differences_agree_for_every_hidden_activation(hidden):
    network, X, Y, s = make(hidden=hidden, n=4, seed=33)
    t = network.trace(X, Y, s)
    assert max(t.check().values()) < 1e-6
    assert max(t.check("w", layer=1, j=0, k=1, example=3).values()) < 1e-6


def test_differences_of_a_float32_network():
    network = Network((6, 5, 4), "tanh", "softmax", "categorical_cross_entropy", random_state=0)
    rng = np.random.default_rng(0)
    t = network.trace(rng.uniform(size=(30, 6)), np.eye(4)[rng.integers(0, 4, 30)])
    assert 1e-12 < max(t.check().values()) < 1e-3
    assert max(t.check("w", layer=1, j=2, k=3).values()) < 1e-4


@pytest.mark.parametrize("term", ["dC_da", "dC_dz", "dC_dw", "dC_db", "da_dz", "dz_dw", "dz_da"])
def test_a_wrong_number_is_found(term):
    network, X, Y, s = make()
    t = network.trace(X, Y, s)
    values = [None if v is None else np.array(v) for v in getattr(t, term)]
    values[2] = values[2] * 1.001
    errors = replace(t, **{term: values}).check(most=100)
    assert 5e-4 < errors.pop(term) < 2e-3
    assert max(errors.values()) < 1e-6


def test_wrong_weights_are_found():
    network, X, Y, s = make()
    t = network.trace(X, Y, s)
    moved = [None, t.w[1] + 0.01, *t.w[2:]]
    assert max(replace(t, w=moved).check().values()) > 1e-4


def test_the_check_does_not_touch_the_trace():
    network, X, Y, s = make()
    t = network.trace(X, Y, s)
    before = [np.copy(a) for a in (*t.w[1:], *t.b[1:], *t.a, t.targets)]
    t.check()
    for now, then in zip((*t.w[1:], *t.b[1:], *t.a, t.targets), before, strict=True):
        np.testing.assert_array_equal(now, then)
