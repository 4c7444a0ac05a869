"""Explanations in a network of one unit a layer, as the source writes them: without indices."""

import re

import numpy as np
import pytest
from explained import tables
from formulas import pairs
from numpy.testing import assert_allclose
from reference import Reference, examples

from bpcore import Network


def chain(n_layers, output="sigmoid", loss="quadratic", n=1, seed=0, dtype="float64"):
    activations = ["sigmoid", "tanh", "elu", "softplus", "silu"][: n_layers - 1]
    reference = Reference.random((1,) * (n_layers + 1), [*activations, output], loss, seed=seed)
    X, Y, s = examples(reference, n)
    return reference.network(dtype), X, Y, s + 0.25


def numbers_of(line):
    """The factors of a line of numbers."""
    return [float(part.strip(" ()")) for part in line.split(" · ")]


def line_of_numbers(text):
    """The first line that is a product of numbers, and the number below it."""
    number = r"\(?-?[\d.]+(?:e[-+]\d+)?\)?"
    found = re.search(rf"[=≈] ({number}(?: · {number})+)\n +[=≈] ({number})\n", text)
    return numbers_of(found[1]), float(found[2])


def test_the_source_s_chain():
    """Four units in a row; the numbers by hand."""
    network = Network((1, 1, 1, 1), dtype="float64")
    network.set_parameters([0.8, -0.3, 1.7, 0.4, -1.2, 0.9])
    explanation = network.trace([[0.35]], [[1.0]]).explain("w", layer=1, j=0, k=0)
    assert (
        str(explanation)
        == """\
∂C/∂w of the weight from layer 0 to layer 1
Layers run from 0, the input, to L = 3, with one unit each.

  ∂C/∂w^(1) = ∂z^(1)/∂w^(1) · ∂a^(1)/∂z^(1) · ∂C/∂a^(1)
            = a^(0) · σ'(z^(1)) · w^(2) · σ'(z^(2)) · w^(3) · σ'(z^(3)) · 2 (a^(3) - y)
            ≈ 0.35 · 0.24998 · 1.7 · 0.17392 · (-1.2) · 0.24994 · (-1.0155)
            ≈ 0.007879

  z^(1) = w^(1) a^(0) + b^(1)
        = 0.8 · 0.35 + (-0.3)
        = -0.02

  a^(1) = sigmoid(z^(1))
        ≈ 0.495

  σ'(z^(1)) = a^(1) (1 - a^(1))
            ≈ 0.495 (1 - 0.495)
            ≈ 0.25

  z^(2) = w^(2) a^(1) + b^(2)
        ≈ 1.7 · 0.495 + 0.4
        ≈ 1.242

  a^(2) = sigmoid(z^(2))
        ≈ 0.7758

  σ'(z^(2)) = a^(2) (1 - a^(2))
            ≈ 0.7758 (1 - 0.7758)
            ≈ 0.1739

  z^(3) = w^(3) a^(2) + b^(3)
        ≈ -1.2 · 0.77583 + 0.9
        ≈ -0.03099

  a^(3) = sigmoid(z^(3))
        ≈ 0.4923

  σ'(z^(3)) = a^(3) (1 - a^(3))
            ≈ 0.4923 (1 - 0.4923)
            ≈ 0.2499

  ∂C/∂a^(3) = 2 (a^(3) - y)
            ≈ 2 (0.4923 - 1)
            ≈ -1.015"""
    )


def test_the_same_in_latex():
    network = Network((1, 1, 1), dtype="float64", random_state=0)
    latex = network.trace([[0.35]], [[1.0]]).explain("w", layer=1)._repr_latex_()
    assert (
        r"&= a^{(0)} \cdot \sigma'(z^{(1)}) \cdot w^{(2)} \cdot \sigma'(z^{(2)}) "
        r"\cdot 2\,(a^{(2)} - y)"
    ) in latex
    assert r"z^{(1)} &= w^{(1)}\,a^{(0)} + b^{(1)}" in latex
    assert "_{" not in latex
    assert r"\sum" not in latex


@pytest.mark.parametrize("letter", "wbza")
@pytest.mark.parametrize("n_layers", [1, 2, 3, 6])
def test_the_product_goes_all_the_way_to_the_cost(letter, n_layers):
    network, X, Y, _ = chain(n_layers)
    t = network.trace(X, Y)
    first = {"w": 1, "b": 1, "z": 0, "a": -1}[letter]
    for layer in range(1, n_layers + (letter != "a")):
        explanation = t.explain(letter, layer=layer)
        factors, total = line_of_numbers(str(explanation))
        # σ'(z) and ∂C/∂a of the last layer, w and σ'(z) of each between, and what comes first
        assert len(factors) == first + 2 * (n_layers - layer) + 2
        assert_allclose(np.prod(factors), total, rtol=2e-3)
        assert_allclose(explanation.value, total, rtol=1e-3)
        shown = {(entry.term, entry.layer) for entry in explanation.shown}
        slopes = range(layer + (letter == "a"), n_layers + 1)
        assert {at for term, at in shown if term == "da_dz"} == set(slopes)
        ends = {n_layers, layer} if letter == "a" else {n_layers}
        assert {at for term, at in shown if term == "dC_da"} == ends
        assert max(t.check(letter, layer=layer).values()) < 1e-6


def test_a_chain_of_many_layers():
    network = Network((1,) * 501, "identity", dtype="float64", init="zeros")
    network.set_parameters([1.0, 0.0] * 500)
    explanation = network.trace([0.5], [0.0]).explain("w", layer=1)
    factors, total = line_of_numbers(str(explanation))
    assert len(factors) == 2 * 500 + 1
    assert total == explanation.value == 0.5
    assert str(explanation).count("  a^(") == 500


def test_a_chain_with_an_overflow_inside_says_what_there_is():
    network = Network((1, 1, 1, 1), "identity", dtype="float64", init="zeros")
    network.set_parameters([1e-5, 0.0, 1e200, 0.0, 1e200, 0.0])
    with np.errstate(all="ignore"):
        t = network.trace([1e-300], [1.0])
        text = str(t.explain("w", layer=1))
    assert not np.isfinite(t.dC_da[1]).all()
    assert "= a^(0) · ∂C/∂z^(1)\n" in text
    assert "a^(3) - y" not in text


@pytest.mark.parametrize(("output", "loss"), pairs())
@pytest.mark.parametrize("n", [1, 4])
def test_no_indices_and_no_sums_over_units(output, loss, n):
    network, X, Y, s = chain(3, output, loss, n)
    t = network.trace(X, Y, s)
    for letter in "wbza":
        for example in (None, 0):
            explanation = t.explain(letter, layer=2, example=example)
            text = str(explanation)
            assert not re.search(r"\b[wabzy]_", text)
            assert not re.search("Σ_[jk]", text)
            assert "softmax(z^(3))_" not in text
            assert "nan" not in text
            assert max(t.check(letter, layer=2, example=example).values()) < 1e-6
            expected = {"w": t.dC_dw, "b": t.dC_db, "z": t.dC_dz, "a": t.dC_da}[letter][2].sum()
            if n == 1 or example is None:
                assert_allclose(explanation.value, expected, rtol=1e-9, atol=1e-15)


def test_a_formula_of_several_terms_stands_in_parentheses():
    written = {}
    for output, loss in pairs():
        network, X, Y, _ = chain(1, output, loss)
        text = str(network.trace(X, Y).explain("b", layer=1))
        if output != "softmax":
            written[loss] = re.search(r"= 1 · σ'\(z\^\(1\)\) · (.*)\n", text)[1]
    assert written["quadratic"] == "2 (a^(1) - y)"
    assert written["squared_error"] == "(a^(1) - y)"
    assert written["absolute"] == "sign(a^(1) - y)"
    assert written["huber"].startswith("(a^(1) - y, kept within ±")
    assert written["quantile"].startswith("(-0.")
    assert written["quantile"].endswith(")")
    assert written["binary_cross_entropy"] == "(a^(1) - y) / (a^(1) (1 - a^(1)))"
    assert written["poisson"] == "(1 - y / a^(1))"


def test_the_mean_has_a_column_for_each_factor():
    network, X, Y, s = chain(3, n=5)
    t = network.trace(X, Y, s)
    explanation = t.explain("w", layer=1)
    (table,) = tables(explanation)
    names = ["a^(0)", "σ'(z^(1))", "w^(2)", "σ'(z^(2))", "w^(3)", "σ'(z^(3))", "∂C/∂a^(3)"]
    assert [column.text for column in table.columns[1:-1]] == names
    assert " = Σ_i " + " · ".join(names) + "\n" in str(explanation)
    assert len(table.rows) == 5
    for i, (*factors, product) in table.rows:
        assert_allclose(np.prod(factors), product, rtol=1e-12)
        assert_allclose(product, t.dC_dz[1][i, 0] * X[i, 0], rtol=1e-9)
    assert_allclose(table.total, t.dC_dw[1][0, 0])
    (table,) = tables(t.explain("b", layer=3))
    assert [column.text for column in table.columns[1:-1]] == ["σ'(z^(3))", "∂C/∂a^(3)"]


def test_a_saturated_end_of_the_chain():
    """The loss's quotient is no number there: the product ends with ∂C/∂z = a - y."""
    network = Network((1, 1, 1), "sigmoid", loss="binary_cross_entropy")
    network.set_parameters([1.0, 0.0, 2.0, 40.0])
    t = network.trace([[1.0]], [[0.0]])
    assert not np.isfinite(t.dC_da[2]).all()
    explanation = t.explain("w", layer=1)
    assert "= a^(0) · σ'(z^(1)) · w^(2) · ∂C/∂z^(2)\n" in str(explanation)
    assert str(explanation).endswith("∂C/∂z^(2) = a^(2) - y\n            = 1 - 0\n            = 1")
    assert_allclose(explanation.value, t.dC_dw[1][0, 0])


@pytest.mark.parametrize("sizes", [(2, 1, 1), (1, 2, 1), (1, 1, 2)])
def test_other_networks_keep_their_indices(sizes):
    network = Network(sizes, dtype="float64", random_state=0)
    text = str(network.trace([0.5] * sizes[0], [0.1] * sizes[-1]).explain("w", layer=1, j=0, k=0))
    assert text.startswith("∂C/∂w of the weight from unit 0 of layer 0 to unit 0 of layer 1\n")
    assert "= a_0^(0) · σ'(z_0^(1)) · ∂C/∂a_0^(1)\n" in text
    assert "Σ_k w_0,k^(1) a_k^(0) + b_0^(1)" in text
    assert "Σ_j w_j,0^(2) · σ'(z_j^(2)) · ∂C/∂a_j^(2)" in text


def test_the_only_unit_of_a_layer_need_not_be_named():
    network = Network((3, 1, 2), random_state=0)
    t = network.trace([0.1, 0.2, 0.3], [0.0, 1.0])
    for letter, where, named in [
        ("w", {"layer": 1, "k": 2}, {"j": 0}),
        ("w", {"layer": 2, "j": 1}, {"k": 0}),
        ("b", {"layer": 1}, {"j": 0}),
        ("a", {"layer": 1}, {"k": 0}),
        ("z", {"layer": 1}, {"j": 0}),
    ]:
        assert str(t.explain(letter, **where)) == str(t.explain(letter, **where, **named))
        assert t.check(letter, **where) == t.check(letter, **where, **named)
    with pytest.raises(TypeError, match="k is missing, a unit of layer 0: 0 to 2"):
        t.explain("w", layer=1)
    with pytest.raises(ValueError, match="j must be 0 to 0"):
        t.explain("b", layer=1, j=1)
