"""Explanations in words and LaTeX, and the questions that are refused."""

import functools

import numpy as np
import pytest
from explained import make, tables
from formulas import pairs
from numpy.testing import assert_allclose

from bpcore import Network
from bpcore.explain.notation import da_dz_formula, dC_da_formula, number, symbol
from bpcore.explain.render import Derivation, Table
from bpcore.functions import ACTIVATIONS, LOSSES

# ---------------------------------------------------------------- in words


def test_the_text_of_layers_of_several_units():
    network = Network((1, 2, 1), "identity", dtype="float64")
    network.set_parameters([0.8, 0.5, -0.3, 0.25, 1.7, -2.0, 0.4])
    t = network.trace([[0.35]], [[1.0]])
    assert (
        str(t.explain("w", layer=1, j=0, k=0))
        == """\
∂C/∂w of the weight from unit 0 of layer 0 to unit 0 of layer 1
Layers run from 0, the input, to L = 2; units count from 0.

  ∂C/∂w_0,0^(1) = ∂z_0^(1)/∂w_0,0^(1) · ∂a_0^(1)/∂z_0^(1) · ∂C/∂a_0^(1)
                = a_0^(0) · σ'(z_0^(1)) · ∂C/∂a_0^(1)
                ≈ 0.35 · 1 · (-5.046)
                ≈ -1.766

  z_0^(1) = Σ_k w_0,k^(1) a_k^(0) + b_0^(1)
          = 0.28 + (-0.3)
          = -0.02

  a_0^(1) = identity(z_0^(1))
          = -0.02

  σ'(z_0^(1)) = 1
              = 1

  ∂C/∂a_0^(1) = Σ_j ∂z_j^(2)/∂a_0^(1) · ∂a_j^(2)/∂z_j^(2) · ∂C/∂a_j^(2)
              = Σ_j w_j,0^(2) · σ'(z_j^(2)) · ∂C/∂a_j^(2)
              ≈ -5.046

    one connection goes out:

      j   w_j,0^(2)   σ'(z_j^(2))   ∂C/∂a_j^(2)   product
      0         1.7             1        -2.968    -5.046
                                                  -------
    sum                                            -5.046"""
    )


def test_the_source_s_number():
    """a = 0.66, y = 1: ∂C/∂a = 2 (a - y) = -0.68."""
    network = Network((1, 1), "identity", init="zeros")
    network.biases[0][:] = 0.66
    text = str(network.trace([[5.0]], [[1.0]]).explain("b", layer=1, j=0))
    assert "∂C/∂a^(1) = 2 (a^(1) - y)\n" in text
    assert "= 2 (0.66 - 1)\n" in text
    assert text.endswith("= -0.68")
    assert "≈" not in text


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
    a, y = t.a[3][0], t.targets[0]
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


@functools.cache
def parse(latex):
    """Most pieces stand in many explanations; to parse one takes milliseconds."""
    from matplotlib.mathtext import MathTextParser

    MathTextParser("path").parse(f"${latex}$")


@pytest.mark.parametrize(("output", "loss"), FIRST_OF_EACH)
def test_latex_is_well_formed(output, loss):
    pytest.importorskip("matplotlib.mathtext")
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
        for block in explanation.blocks:
            if isinstance(block, Derivation):
                pieces |= {piece.latex for piece in (block.left, *block.rights)}
            elif isinstance(block, Table):
                pieces |= {piece.latex for piece in block.columns}
    assert len(pieces) > 15
    for latex in pieces:
        parse(latex)


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
    mean = network.trace(X, Y, s).explain("b", layer=2, j=1)
    assert r"hold $s_{i}$ / Σ s" in mean._repr_latex_()


def test_every_activation_and_loss_has_its_formula():
    a, y, z = symbol("a", 1, 0), symbol("y", None, 0), symbol("z", 1, 0)
    for loss in LOSSES:
        written = dC_da_formula(loss, 0, a, y)
        assert "@" not in written.text + written.latex
    for name, default in ((row.name, row.default) for row in ACTIVATIONS.values()):
        if name != "softmax":
            written = da_dz_formula(name if default is None else (name, default), a, z)
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
    assert number(value)[:2] == (text, latex)
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
    assert t.sigma == [None, ("elu", 2.0), "tanh"]
    assert t.loss == ("huber", 0.5)
    assert t.shares.tolist() == ([0.5, 0.5] if weights is None else [0.25, 0.75])
    assert_allclose(t.shares @ t.costs, t.cost)
