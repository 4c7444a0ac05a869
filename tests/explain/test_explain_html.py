"""Explanations in HTML: MathML that needs no script, well formed, with the text's numbers."""

import re
from xml.etree import ElementTree

import pytest
from explained import make
from formulas import pairs

from bpcore import Network
from bpcore._core.activations import ACTIVATIONS
from bpcore.explain.mathml import mathml
from bpcore.explain.notation import da_dz_formula, dC_da_formula, number, symbol
from bpcore.functions import ACTIVATIONS as ROWS
from bpcore.functions import LOSSES

# how many children each takes; None: any number
MATHML = {
    "math": None, "mrow": None, "mphantom": None, "mpadded": 1, "mi": 0, "mn": 0, "mo": 0,
    "mtext": 0, "mspace": 0, "mfrac": 2, "msub": 2, "msup": 2, "munder": 2, "msubsup": 3,
}  # fmt: skip
HTML = {"div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td"}


def check_html(explanation):
    """What any page shows as mathematics: no TeX, known elements, each with its children."""
    page = explanation._repr_html_()
    assert not set("\\${}") & set(page)
    root = ElementTree.fromstring(page)
    for element in root.iter():
        assert element.tag in MATHML or element.tag in HTML
        if MATHML.get(element.tag) is not None:
            assert len(element) == MATHML[element.tag], ElementTree.tostring(element)
        if element.tag in ("mi", "mn", "mo", "mtext"):
            assert element.text.strip()
        if element.tag == "math":
            assert not any(child.tag in HTML for child in element.iter())
    return root


@pytest.mark.parametrize(("output", "loss"), pairs())
def test_html_has_mathml_and_no_tex(output, loss):
    network, X, Y, s = make(output, loss)
    mean, one = network.trace(X, Y, s), network.trace(X[0], Y[0])
    for explanation in (
        mean.explain("w", layer=3, j=1, k=0),
        mean.explain("a", layer=1, k=2, most=2),
        mean.explain("z", layer=2, j=0, example=2),
        one.explain("b", layer=3, j=1),
    ):
        root = check_html(explanation)
        assert len(list(root.iter("math"))) >= 5


@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name != "softmax"])
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (2, 3, 2, 1)])
def test_html_of_every_hidden_activation(hidden, sizes):
    network = Network(sizes, hidden, "identity", random_state=1)
    t = network.trace([0.5] * sizes[0], [0.25])
    check_html(t.explain("w", layer=2, j=0, k=0))
    check_html(network.trace([[0.5] * sizes[0]] * 3, [0.25] * 3).explain("z", layer=1, j=0))


def test_html_says_what_the_text_says():
    """Its numbers and its words are those of the text, line by line."""
    network, X, Y, s = make(seed=32)
    for explanation in (
        network.trace(X, Y, s).explain("a", layer=1, k=2, most=3),
        network.trace(X, Y, s).explain("w", layer=2, j=1, k=0, example=1),
    ):
        root = check_html(explanation)
        text = str(explanation)
        signs = [mo.text for mo in root.iter("mo") if mo.text in "=≈"]
        lines = re.findall(r"^  (?:\S.*?)? *([=≈]) ", text, re.MULTILINE)
        assert signs == lines
        assert set(signs) == {"=", "≈"}
        numbers = [mn.text for mn in root.iter("mn") if "." in mn.text]
        assert sorted(numbers) == sorted(re.findall(r"\d+\.\d+", text))
        page = "".join(root.itertext())
        for words in ("1 smaller", "sum", "outgoing connections"):
            assert (words in page) == (words in text)


def test_the_left_side_stands_before_every_line():
    """Seen once; below it is there for the signs to stand one below the other."""
    t = Network((1, 1), random_state=0).trace([0.5], [1.0])
    root = check_html(t.explain("a", layer=1))
    lines = [math for math in root.iter("math") if "=" in "".join(math.itertext())]
    lines += [math for math in root.iter("math") if "≈" in "".join(math.itertext())]
    assert len(lines) == 3
    left = ["".join(line[0].itertext()) for line in lines]
    assert len(set(left)) == 1
    assert [line[0].tag for line in lines] == ["mrow", "mpadded", "mpadded"]


def test_an_index_in_a_title_is_mathematics():
    network, X, Y, s = make()
    root = check_html(network.trace(X, Y, s).explain("b", layer=2, j=1, example=2))
    (title,) = root.iter("strong")
    assert "".join(title.itertext()) == "∂C2/∂b of unit 1 of layer 2"
    assert next(title.iter("msub"))[0].text == "C"


def test_every_formula_is_read():
    a, y, z = symbol("a", 12, 0), symbol("y", None, 3), symbol("z", 1, 0)
    for filled in (False, True):
        if filled:
            a, y, z = (number(v, operand=True) for v in (-1.5e-7, 2.0, -0.25))
        formulas = [dC_da_formula(loss, 0, a, y) for loss in LOSSES]
        formulas += [
            da_dz_formula(row.name if row.default is None else (row.name, row.default), a, z)
            for row in ROWS.values()
            if row.da_dz is not None
        ]
        for formula in formulas:
            root = ElementTree.fromstring(mathml(formula.latex))
            words = "".join(root.itertext())
            assert not set("\\{}_^") & set(words)
            # the same signs in the same order, where the text has no fraction to write in a line
            if r"\frac" not in formula.latex and "1.0507" not in formula.text:
                plain = formula.text
                for old, new in {"-": "−", "²": "2", "+/−": "±", " ": ""}.items():
                    plain = plain.replace(old, new)
                plain = re.sub(r"e−0?(\d+)\b", r"×10−\1", plain)
                plain = re.sub(r"(?<=[azy])_(\d+)(\^\((\d+)\))?", r"\1(\3)", plain)
                shown = re.sub(r"\s", "", words)
                assert re.sub(r"[^\w.]", "", shown) == re.sub(r"[^\w.]", "", plain)


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        ("w_{0,3}^{(2)}", "<msubsup><mi>w</mi><mrow><mn>0</mn><mo>,</mo><mn>3</mn></mrow><mrow>"
         '<mo stretchy="false">(</mo><mn>2</mn><mo stretchy="false">)</mo></mrow></msubsup>'),
        (r"\frac{1}{n}", "<mfrac><mrow><mn>1</mn></mrow><mrow><mi>n</mi></mrow></mfrac>"),
        (r"\sum_k a", "<munder><mo>∑</mo><mi>k</mi></munder><mi>a</mi>"),
        (r"\sigma'", "<msup><mi>σ</mi><mo>′</mo></msup>"),
        ("-0.68", '<mo form="prefix">−</mo><mn>0.68</mn>'),
        ("a - y", "<mi>a</mi><mo>−</mo><mi>y</mi>"),
        ("a < y", "<mi>a</mi><mo>&lt;</mo><mi>y</mi>"),
        (r"\mathrm{leaky\_relu}", "<mtext>leaky_relu</mtext>"),
    ],
)  # fmt: skip
def test_pieces_of_mathml(latex, expected):
    assert mathml(latex) == f"<mrow>{expected}</mrow>"
