"""How numbers are printed: to how many digits, = or ≈, and products that a reader can check."""

import re
from decimal import Decimal
from math import prod

import numpy as np
import pytest
from explained import make
from numpy.testing import assert_allclose

from bpcore import Network
from bpcore.explain.notation import enough_digits, in_parentheses, number
from bpcore.explain.render import Derivation

NUMBER = r"-?\d+(?:\.\d+)?(?:e[-+]\d+)?"
LINE = re.compile(
    rf"([=≈]) ({NUMBER}(?: · (?:{NUMBER}|\({NUMBER}\)))+)\n +([=≈]) ({NUMBER})$", re.M
)


def unit_of(text, digits):
    """One in the last of so many digits of a printed number."""
    value = Decimal(text)
    return 0.0 if value == 0 else 10.0 ** (value.adjusted() - digits + 1)


def products(text, digits):
    """(factors, product, a unit of its last digit) of each product that a text prints."""
    for _, factors, _, result in LINE.findall(text):
        numbers = [float(factor.strip("()")) for factor in factors.split(" · ")]
        yield numbers, float(result), unit_of(result, digits)
    width = 0
    for line in text.splitlines():
        cells = line.split()
        if cells[-1:] == ["product"]:
            width = len(re.split(r"\s{3,}", line.strip()))
        elif width and len(cells) == width and cells[0].isdigit():
            yield (
                [float(cell) for cell in cells[1:-1]],
                float(cells[-1]),
                unit_of(cells[-1], digits),
            )


@pytest.mark.parametrize("digits", [1, 2, 4, 6, 9])
@pytest.mark.parametrize("sizes", [(3, 5, 4, 2), (1, 1, 1, 1, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_printed_factors_multiply_to_the_printed_product(digits, sizes, seed):
    network = Network(sizes, "tanh", "sigmoid", dtype="float64", init="normal", random_state=seed)
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(size=(5, sizes[0])), rng.uniform(size=(5, sizes[-1]))
    t = network.trace(X, Y)
    seen = 0
    for letter in "wbza":
        for layer in (1, 2, len(sizes) - 1):
            where = {"layer": layer, "j": 0} | ({"k": 0} if letter == "w" else {})
            for example in (None, 3):
                text = str(t.explain(letter, **where, example=example, digits=digits))
                for factors, product, unit in products(text, digits):
                    assert abs(prod(factors) - product) <= 1.01 * unit, text
                    seen += 1
    assert seen > 30


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_four_digits_where_no_number_is_given(dtype):
    network = Network((3, 4, 2), dtype=dtype, random_state=0)
    t = network.trace([0.123456, 0.2, 0.3], [0.0, 1.0])
    assert str(t.explain("b", layer=1, j=2)) == str(t.explain("b", layer=1, j=2, digits=4))
    shown = t.explain("z", layer=2, j=1)
    assert str(shown).splitlines()[6].endswith(f" ≈ {shown.value:.4g}")


@pytest.mark.parametrize("digits", [1, 3, 8, 17])
def test_results_have_the_digits_that_were_asked_for(digits):
    network, X, Y, _ = make(n=1)
    explanation = network.trace(X, Y).explain("w", layer=2, j=1, k=0, digits=digits)
    text = str(explanation)
    assert f" {explanation.value:.{digits}g}\n" in text
    for form in (explanation._repr_latex_(), explanation._repr_html_()):
        mantissa = f"{abs(explanation.value):.{digits}g}".split("e")[0]
        assert mantissa in form
    if digits == 17:
        assert "≈" not in text


def test_rounded_numbers_have_their_own_sign():
    """= where what is printed is what the network computed, ≈ where it is not."""
    network, X, Y, s = make()
    for digits in (2, 4, 17):
        explanation = network.trace(X, Y, s).explain(
            "w", layer=3, j=1, k=0, example=2, digits=digits
        )
        text = str(explanation)
        assert ("≈" in text) == (digits < 17)
        assert ("≈" in explanation._repr_html_()) == (digits < 17)
        assert (r"&\approx" in explanation._repr_latex_()) == (digits < 17)
    network = Network((2, 2, 1), "identity")
    network.set_parameters([0.5, -0.25, 2, 1, 0.125, 0, 0.5, -1, 0.75])
    assert "≈" not in str(network.trace([1, 2], [0.5]).explain("w", layer=1, j=0, k=1, digits=6))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_was_given_in_decimals_is_exact(dtype):
    """0.66 is no number of either type, but it is what the network was given."""
    network = Network((1, 1), "identity", dtype=dtype)
    network.set_parameters([0.1, 0.16])
    text = str(network.trace([[5.0]], [[1.0]]).explain("w", layer=1))
    assert "= 5 · 1 · (-0.68)\n            = -3.4\n" in text
    assert "= 0.1 · 5 + 0.16\n        = 0.66\n" in text
    assert "≈" not in text


def test_a_formula_that_asks_for_a_sign_is_exact():
    network = Network((2, 2, 1), "relu", "identity", "absolute", random_state=0)
    text = str(network.trace([0.12345678, 0.2], [1 / 3]).explain("w", layer=1, j=0, k=0))
    assert re.search(r"  = 1 if \(?-?\d\.\d+\)? > 0 else 0\n", text)
    text = str(network.trace([0.12345678, 0.2], [1 / 3]).explain("b", layer=2))
    assert re.search(r"  = sign\(-?0?\.?\d+ - 0\.3333\)\n", text)


@pytest.mark.parametrize(("output", "bias"), [("sigmoid", 9.0), ("sigmoid", 14.0), ("tanh", -7.0)])
def test_operands_that_are_close_are_told_from_each_other(output, bias):
    """1 - 1 would be 0, where the result is not."""
    network = Network((1, 2, 1), "sigmoid", output, dtype="float64", init="zeros")
    network.biases[1][:] = bias
    target = 1.0 if bias > 0 else -1.0
    t = network.trace([[1.0]], [[target]])
    text = str(t.explain("b", layer=2))
    a, y, result = re.search(
        rf"≈ 2 \(({NUMBER}) - \(?({NUMBER})\)?\)\n +≈ ({NUMBER})", text
    ).groups()
    assert abs(2 * (float(a) - float(y)) - float(result)) <= 1.01 * unit_of(result, 4)
    assert float(result) != 0
    if output == "sigmoid":
        a, b, result = re.search(rf"≈ ({NUMBER}) \(1 - ({NUMBER})\)\n +≈ ({NUMBER})", text).groups()
        assert a == b
        value = float(a) * (1 - float(a))
    else:
        a, result = re.search(rf"≈ 1 - \(({NUMBER})\)²\n +≈ ({NUMBER})", text).groups()
        value = 1 - float(a) ** 2
    assert_allclose(value, float(result), rtol=2e-3)


def test_a_sum_that_cancels_adds_up():
    network = Network((1, 1), "identity", dtype="float64")
    network.set_parameters([1.2345678, -1.2344])
    text = str(network.trace([[1.0]], [[0.0]]).explain("z", layer=1))
    w, a, b, z = map(float, re.search(
        rf"[=≈] ({NUMBER}) · ({NUMBER}) \+ \(({NUMBER})\)\n +[=≈] ({NUMBER})", text
    ).groups())  # fmt: skip
    assert_allclose(w * a + b, z, atol=1.01e-7)
    network = Network((2, 1), "identity", dtype="float64")
    network.set_parameters([1.2345678, 0.0, -1.2344])
    text = str(network.trace([[1.0, 1.0]], [[0.0]]).explain("z", layer=1))
    s, b, z = map(float, re.search(
        rf"[=≈] ({NUMBER}) \+ \(({NUMBER})\)\n +[=≈] ({NUMBER})", text
    ).groups())  # fmt: skip
    assert_allclose(s + b, z, atol=1.01e-7)


def test_tables_print_the_same_product_to_the_same_digits():
    network, X, Y, s = make()
    text = str(network.trace(X, Y, s).explain("a", layer=1, k=2, digits=7))
    found = list(products(text, 7))
    assert len(found) == 4
    assert any(len(str(abs(product)).replace(".", "").lstrip("0")) == 7 for _, product, _ in found)


@pytest.mark.parametrize("digits", [0, -1, 18, 400])
def test_digits_out_of_range(digits):
    network, X, Y, s = make()
    with pytest.raises(ValueError, match="digits must be"):
        network.trace(X, Y, s).explain("b", layer=2, j=0, digits=digits)


@pytest.mark.parametrize("digits", [4.0, "4", None, True])
def test_digits_that_are_no_integer(digits):
    network, X, Y, s = make()
    with pytest.raises(TypeError, match="digits must be an integer"):
        network.trace(X, Y, s).explain("b", layer=2, j=0, digits=digits)


def test_derivations_print_what_they_hold():
    exact, rounded = number(0.5), number(1 / 3)
    assert not exact.rounded
    assert rounded.rounded
    block = Derivation(number(1), (rounded, exact))
    assert block.as_text() == "  1 ≈ 0.3333\n    = 0.5"
    assert in_parentheses(rounded).rounded


@pytest.mark.parametrize(
    ("operands", "whole", "digits"),
    [
        ([0.5, 0.25], 0.125, 4),
        ([9.0004, 9.0004], 9.0004**2, 4),
        ([1.0004, 9.0004], 1.0004 * 9.0004, 5),
        ([np.array([0.5, 1.0004]), np.array([2.0, 9.0004])], np.array([1.0, 1.0004 * 9.0004]), 5),
        ([0.0, 3.3333333], 0.0, 4),
        ([np.inf, 2.0], np.inf, 4),
        ([np.nan, 2.0], np.nan, 4),
        ([1.0, 1.0], 7.0, 4),  # no number of digits would do
    ],
)
def test_enough_digits(operands, whole, digits):
    assert enough_digits(operands, whole, lambda *v: np.prod(v, axis=0), 4) == digits


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 3, 3, 2)])
@pytest.mark.parametrize("n", [1, 3])
def test_numbers_that_have_overflowed_are_printed_without_a_warning(sizes, n):
    """Terms of infinity add up to NaN: said as it is, and no RuntimeWarning of NumPy's."""
    net = Network(sizes, "exponential", "elu", dtype="float32", random_state=0)
    net.set_parameters(300 * np.cos(np.arange(net.n_parameters)))
    trace = net.trace(np.ones((n, sizes[0])), np.zeros((n, sizes[-1])))
    units = {} if sizes[0] == 1 else {"j": 0}
    assert np.isnan(trace.explain("a", layer=0, **units).value)
    for layer in range(len(sizes)):
        for example in (None, n - 1):
            explained = trace.explain("a", layer=layer, example=example, **units)
            assert f"{explained.value:.4g}" in str(explained)
