"""Why an activation is what it is: the largest terms of its sum."""

import numpy as np
import pytest

from bpcore import Network


@pytest.fixture
def trace(rng):
    network = Network((20, 5, 3), "tanh", "softmax", "categorical_cross_entropy",
                      dtype="float64", random_state=0)  # fmt: skip
    network.biases[0][:] = rng.normal(size=5)
    return network.trace(rng.normal(size=(3, 20)), np.eye(3))


def test_the_largest_terms_come_first_and_add_up(trace):
    told = trace.explain_activation(layer=1, j=2, example=1, most=4, digits=9)
    terms = trace.w[1][2] * trace.a[0][1]
    order = np.argsort(-np.abs(terms))
    table = told.blocks[3]
    assert [label for label, _ in table.rows] == order[:4].tolist()
    for label, (w, a, product) in table.rows:
        assert (w, a) == (trace.w[1][2, label], trace.a[0][1, label])
        assert product == pytest.approx(terms[label])
    count, rest = table.rest
    assert (count, rest) == (16, pytest.approx(terms[order[4:]].sum()))
    assert table.total == pytest.approx(trace.z[1][1, 2] - trace.b[1][2])
    assert told.value == trace.a[1][1, 2]
    assert told.title == f"Why a ≈ {told.value:.9g} at unit 2 of layer 1, example 1"


def test_the_guess_is_explained_where_no_unit_is_named(trace):
    told = trace.explain_activation(example=2)
    assert told.value == trace.a[2][2].max()
    assert f"unit {trace.a[2][2].argmax()} of layer 2" in told.title
    assert "softmax(z^(2))" in str(told)


def test_an_input_is_given(trace):
    told = trace.explain_activation(layer=0, j=3, example=0)
    assert "It is an input" in str(told)
    assert told.value == trace.a[0][0, 3]


def test_a_chain_has_one_term():
    network = Network((1, 1), activation="identity", dtype="float64")
    network.set_parameters([0.2, 0.1])
    told = str(network.trace([[5.0]], [[1.0]]).explain_activation())
    assert told.splitlines()[0] == "Why a = 1.1 at layer 1"
    assert "= 0.2 · 5 + 0.1" in told
    assert "sum" not in told


def test_what_is_wrong_is_said(trace):
    with pytest.raises(TypeError, match="give example=i, 0 to 2"):
        trace.explain_activation(layer=1, j=0)
    with pytest.raises(ValueError, match="layer must be 0 to 2"):
        trace.explain_activation(layer=3, example=0)
    with pytest.raises(ValueError, match="j must be 0 to 4"):
        trace.explain_activation(layer=1, j=5, example=0)
    with pytest.raises(ValueError, match="example must be 0 to 2"):
        trace.explain_activation(layer=1, example=3)
    with pytest.raises(ValueError, match="digits must be 1 to 17"):
        trace.explain_activation(layer=1, j=0, example=0, digits=18)


def test_it_is_mathematics_in_a_notebook(trace):
    html = trace.explain_activation(layer=1, j=0, example=0)._repr_html_()
    assert html.count("<math") > 10
    assert "Why a" in html
