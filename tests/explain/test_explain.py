"""Explanations: their numbers are the trace's, their sums add up, and differences agree."""

import html
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from formulas import pairs
from numpy.testing import assert_allclose
from reference import Reference, examples

from bpcore import Explanation, Network
from bpcore._activations import ACTIVATIONS
from bpcore._explain_notation import LOSSES as FORMULAS
from bpcore._explain_notation import Math, number, slope_formula, symbol
from bpcore._explain_render import Derivation, Table
from bpcore._losses import LOSSES

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


def make(output="sigmoid", loss="quadratic", hidden="sigmoid", n=6, seed=31, weighted=True):
    reference = Reference.random((3, 5, 4, 2), [hidden, "elu", output], loss, seed=seed)
    X, Y, s = examples(reference, n)
    return reference.network(), X, Y, s + 0.25 if weighted else None


def tables(explanation):
    return [block for block in explanation.blocks if isinstance(block, Table)]


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
            held = t.dC_dz[layer][example, units[0]] * t.activations[layer - 1][example, units[1]]
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
    terms = t.weights[1][:, 7] * t.dC_dz[2][0]
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
    moved = (t.weights[0] + 0.01, *t.weights[1:])
    assert max(replace(t, weights=moved).check().values()) > 1e-4


def test_the_check_does_not_touch_the_trace():
    network, X, Y, s = make()
    t = network.trace(X, Y, s)
    before = [np.copy(a) for a in (*t.weights, *t.biases, *t.activations, t.targets)]
    t.check()
    for now, then in zip((*t.weights, *t.biases, *t.activations, t.targets), before, strict=True):
        np.testing.assert_array_equal(now, then)


# ---------------------------------------------------------------- in words


def test_the_text_of_the_chain():
    """Four units in a row, as the source begins."""
    network = Network((1, 1, 1), dtype="float64")
    network.set_parameters([0.8, -0.3, 1.7, 0.4])
    t = network.trace([[0.35]], [[1.0]])
    z1 = 0.8 * 0.35 - 0.3
    a1 = 1 / (1 + np.exp(-z1))
    z2 = 1.7 * a1 + 0.4
    a2 = 1 / (1 + np.exp(-z2))
    d2, slope2, slope1 = 2 * (a2 - 1), a2 * (1 - a2), a1 * (1 - a1)
    assert (
        str(t.explain("w", layer=1, j=0, k=0))
        == f"""\
∂C/∂w of the weight from unit 0 of layer 0 to unit 0 of layer 1
Layers run from 0, the input, to L = 2; units count from 0.

  ∂C/∂w_0,0^(1) = ∂z_0^(1)/∂w_0,0^(1) · ∂a_0^(1)/∂z_0^(1) · ∂C/∂a_0^(1)
                = a_0^(0) · σ'(z_0^(1)) · ∂C/∂a_0^(1)
                = 0.35 · {slope1:.4g} · ({1.7 * slope2 * d2:.4g})
                = {0.35 * slope1 * 1.7 * slope2 * d2:.4g}

  z_0^(1) = Σ_k w_0,k^(1) a_k^(0) + b_0^(1)
          = 0.28 + (-0.3)
          = -0.02

  a_0^(1) = sigmoid(z_0^(1))
          = {a1:.4g}

  σ'(z_0^(1)) = a_0^(1) (1 - a_0^(1))
              = {a1:.4g} (1 - {a1:.4g})
              = {slope1:.4g}

  ∂C/∂a_0^(1) = Σ_j ∂z_j^(2)/∂a_0^(1) · ∂a_j^(2)/∂z_j^(2) · ∂C/∂a_j^(2)
              = Σ_j w_j,0^(2) · σ'(z_j^(2)) · ∂C/∂a_j^(2)
              = {1.7 * slope2 * d2:.4g}

    one connection goes out:

      j   w_j,0^(2)   σ'(z_j^(2))   ∂C/∂a_j^(2)   product
      0         1.7        {slope2:.4g}       {d2:.4g}   {1.7 * slope2 * d2:.4g}
                                                  -------
    sum                                           {1.7 * slope2 * d2:.4g}"""
    )


def test_the_source_s_number():
    """a = 0.66, y = 1: ∂C/∂a = 2 (a - y) = -0.68."""
    network = Network((1, 1), "identity", init="zeros")
    network.biases[0][:] = 0.66
    text = str(network.trace([[5.0]], [[1.0]]).explain("b", layer=1, j=0))
    assert "∂C/∂a_0^(1) = 2 (a_0^(1) - y_0)\n" in text
    assert "= 2 (0.66 - 1)\n" in text
    assert text.endswith("= -0.68")


def test_a_mean_says_so():
    network, X, Y, s = make()
    text = str(network.trace(X, Y).explain("w", layer=2, j=1, k=0))
    assert "C = 1/n Σ_i C_i over n = 6 examples" in text
    assert "example i" in text
    text = str(network.trace(X, Y, s).explain("w", layer=2, j=1, k=0))
    assert "C = Σ_i s_i C_i / Σ_i s_i over n = 6 examples" in text
    text = str(network.trace(X, Y, s).explain("w", layer=2, j=1, k=0, example=3))
    assert text.startswith("∂C_3/∂w of the weight from unit 0 of layer 1 to unit 1 of layer 2\n")
    assert f"share {s[3] / s.sum():.4g}" in text


def test_softmax_binds_the_outputs():
    network, X, Y, _ = make("softmax", "categorical_cross_entropy", n=1)
    t = network.trace(X, Y)
    explanation = t.explain("b", layer=3, j=1)
    assert "softmax(z^(3))_1" in str(explanation)
    (table,) = tables(explanation)
    assert len(table.rows) == 2
    assert_allclose(table.total, t.dC_dz[3][0, 1])
    a, y = t.activations[3][0], t.targets[0]
    assert_allclose(explanation.value, a[1] * y.sum() - y[1])


def test_a_saturated_output_has_no_quotient():
    """(a - y) / (a (1 - a)) has left the numbers; σ' times it is a - y all the same."""
    network = Network((1, 1), "sigmoid", loss="binary_cross_entropy")
    network.set_parameters([0.0, 40.0])
    t = network.trace([[1.0]], [[0.0]])
    assert not np.isfinite(t.dC_da[1]).all()
    explanation = t.explain("w", layer=1, j=0, k=0)
    assert explanation.value == 1.0
    text = str(explanation)
    assert "σ'(z) and the loss's quotient cancel" in text
    assert "nan" not in text
    assert "inf" not in text


FIRST_OF_EACH = [
    pair for i, pair in enumerate(pairs())
    if pair[1] not in [loss for _, loss in pairs()[:i]] or pair[1] == "quadratic"
]  # fmt: skip


@pytest.mark.parametrize(("output", "loss"), FIRST_OF_EACH)
def test_latex_and_html_are_well_formed(output, loss):
    mathtext = pytest.importorskip("matplotlib.mathtext")
    parser = mathtext.MathTextParser("path")
    network, X, Y, s = make(output, loss)
    explanations = [
        network.trace(X, Y, s).explain("w", layer=3, j=1, k=0),
        network.trace(X[0], Y[0]).explain("b", layer=3, j=1),
    ]
    pieces = set()
    for explanation in explanations:
        latex = explanation._repr_latex_()
        assert latex.startswith("$$")
        assert latex.endswith("$$")
        assert latex.count("{") == latex.count("}")
        for name in ("aligned", "array"):
            assert latex.count(f"\\begin{{{name}}}") == latex.count(f"\\end{{{name}}}")
        ElementTree.fromstring(explanation._repr_html_())
        for block in explanation.blocks:
            if isinstance(block, Derivation):
                pieces |= {piece.latex for piece in (block.left, *block.rights)}
            elif isinstance(block, Table):
                pieces |= {piece.latex for piece in block.columns}
    assert len(pieces) > 15
    for latex in pieces:
        parser.parse(f"${latex}$")


def test_the_prompt_shows_the_text():
    network, X, Y, s = make()
    explanation = network.trace(X, Y, s).explain("b", layer=2, j=1)
    assert repr(explanation) == str(explanation)
    assert repr(explanation).startswith("∂C/∂b of unit 1 of layer 2\n")


def test_indices_within_sentences_are_mathematics():
    """In \\text{} MathJax would show an escaped underscore with its backslash."""
    network, X, Y, s = make()
    explanation = network.trace(X, Y, s).explain("b", layer=2, j=1, example=2)
    assert explanation.title == "∂C_2/∂b of unit 1 of layer 2"
    assert r"\text{∂$C_{2}$/∂b of unit 1 of layer 2}" in explanation._repr_latex_()
    assert r"<strong>∂\(C_{2}\)/∂b of unit 1 of layer 2</strong>" in explanation._repr_html_()
    mean = network.trace(X, Y, s).explain("b", layer=2, j=1)
    assert r"hold $s_{i}$ / Σ s" in mean._repr_latex_()


def test_html_shows_the_same_numbers():
    network, X, Y, s = make()
    explanation = network.trace(X, Y, s).explain("a", layer=1, k=2, most=3)
    page = html.unescape(explanation._repr_html_())
    (table,) = tables(explanation)
    for _, values in table.rows:
        for value in values:
            assert number(value).latex in page
    assert "1 smaller" in page
    assert re.search(r"<strong>∂C/∂a of unit 2 of layer 1</strong>", page)


def test_every_activation_and_loss_has_its_formula():
    assert set(FORMULAS) == set(LOSSES)
    a, z = symbol("a", 1, 0), symbol("z", 1, 0)
    for name, (_, default, _) in ACTIVATIONS.items():
        if name != "softmax":
            written = slope_formula(name if default is None else (name, default), a, z)
            assert "@" not in written.text + written.latex


@pytest.mark.parametrize(
    ("value", "text", "latex"),
    [
        (0.25, "0.25", "0.25"),
        (-1.23456e-7, "-1.235e-07", r"-1.235 \times 10^{-7}"),
        (-0.0, "0", "0"),
        (12345.6, "1.235e+04", r"1.235 \times 10^{4}"),
        (np.inf, "inf", r"\infty"),
    ],
)
def test_numbers(value, text, latex):
    assert number(value) == Math(text, latex)
    if text.startswith("-"):
        assert number(value, operand=True).text == f"({text})"


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("letter", "where", "message"),
    [
        ("c", {"layer": 1, "j": 0}, '"w", "b", "a" or "z"'),
        ("w", {"layer": 0, "j": 0, "k": 0}, 'layer must be 1 to 3 for "w"'),
        ("b", {"layer": 4, "j": 0}, "layer must be 1 to 3"),
        ("a", {"layer": -1, "k": 0}, 'layer must be 0 to 3 for "a"'),
        ("w", {"layer": 2, "j": 4, "k": 0}, r"j must be 0 to 3 \(units of layer 2"),
        ("w", {"layer": 2, "j": 0, "k": 5}, r"k must be 0 to 4 \(units of layer 1"),
        ("a", {"layer": 0, "k": 3}, r"k must be 0 to 2 \(units of layer 0"),
        ("z", {"layer": 3, "j": -1}, "j must be 0 to 1"),
        ("z", {"layer": 3, "j": 0, "example": 6}, r"example must be 0 to 5 \(rows of X"),
        ("z", {"layer": 3, "j": 0, "most": 0}, "most must be at least 1"),
    ],
)
def test_out_of_range(letter, where, message):
    network, X, Y, s = make()
    t = network.trace(X, Y, s)
    with pytest.raises(ValueError, match=message):
        t.explain(letter, **where)
    with pytest.raises(ValueError, match=message):
        t.check(letter, **where)


@pytest.mark.parametrize(
    ("letter", "where", "message"),
    [
        ("w", {"layer": 2, "j": 0}, "k is missing, a unit of layer 1: 0 to 4"),
        ("w", {"layer": 2, "k": 0}, "j is missing, a unit of layer 2: 0 to 3"),
        ("a", {"layer": 2}, "k is missing"),
        ("b", {"layer": 2, "k": 0}, 'the unit of "b" is j'),
        ("b", {"layer": 2, "j": 0, "k": 0}, "has one unit"),
        ("a", {"layer": 2, "j": 0, "k": 0}, "has one unit"),
        ("w", {"layer": 2.0, "j": 0, "k": 0}, "layer must be an integer"),
        ("w", {"layer": 2, "j": True, "k": 0}, "j must be an integer"),
        ("w", {"layer": 2, "j": 0, "k": "3"}, "k must be an integer"),
    ],
)
def test_missing_and_meaningless(letter, where, message):
    network, X, Y, s = make()
    with pytest.raises(TypeError, match=message):
        network.trace(X, Y, s).explain(letter, **where)


def test_an_example_of_no_weight():
    network, X, Y, s = make()
    s[2] = 0
    t = network.trace(X, Y, s)
    with pytest.raises(ValueError, match="example 2 has weight 0"):
        t.explain("b", layer=1, j=0, example=2)
    assert max(t.check().values()) < 1e-6


def test_arguments_of_check():
    network, X, Y, s = make()
    t = network.trace(X, Y, s)
    with pytest.raises(ValueError, match="epsilon must be positive"):
        t.check(epsilon=0)
    with pytest.raises(TypeError, match="belong to a letter"):
        t.check(layer=1)


@pytest.mark.parametrize("weights", [None, [1.0, 3.0]])
def test_what_a_trace_carries(weights):
    network = Network((2, 3, 2), ("elu", 2.0), "tanh", ("huber", 0.5), random_state=0)
    t = network.trace(np.eye(2), np.eye(2), weights)
    assert t.activation_functions == (("elu", 2.0), "tanh")
    assert t.loss == ("huber", 0.5)
    assert t.shares.tolist() == ([0.5, 0.5] if weights is None else [0.25, 0.75])
    assert_allclose(t.shares @ t.costs, t.cost)
