"""What notebooks and prompts show of a network, a trace, a gradient and a fit."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import bpcore
from bpcore import History, Network


class Cells(HTMLParser):
    """The rows of a table's body."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.inside = [], False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "tr":
            self.rows.append([])
        self.inside = tag in ("td", "th")
        if self.inside:
            self.rows[-1].append("")

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data

    def handle_endtag(self, tag):
        self.inside = False


@pytest.fixture
def chain():
    network = Network((1, 1, 1, 1), dtype="float64", random_state=0)
    network.set_parameters([1.2, -0.3, 0.8, 0.4, -1.1, 0.6])
    return network


def test_a_network_shows_its_layers():
    network = Network((784, 16, 10), [("leaky_relu", 0.1)], "softmax", "categorical_cross_entropy")
    rows = Cells(network._repr_html_()).rows
    assert rows == [
        ["layer", "units", "activation", "parameters"],
        ["0", "784", "input", ""],
        ["1", "16", "leaky_relu 0.1", "12,560"],
        ["2", "10", "softmax", "170"],
    ]
    assert str(network.summary()).splitlines()[-1] == (
        "12,730 parameters in float32 (49.7 KB); the cost is categorical_cross_entropy."
    )
    counts = [int(row[-1].replace(",", "")) for row in rows[2:]]
    assert sum(counts) == network.n_parameters


def test_the_trace_of_a_chain_shows_every_term(chain):
    trace = chain.trace([[0.9]], [[1.0]])
    rows = Cells(trace._repr_html_()).rows
    assert rows[0] == ["layer", "w", "b", "z", "a", "σ'(z)", "∂C/∂a", "∂C/∂z", "∂C/∂w", "∂C/∂b"]
    names = ("w", "b", "z", "a", "da_dz", "dC_da", "dC_dz", "dC_dw", "dC_db")
    for layer, row in enumerate(rows[1:]):
        assert row[0] == str(layer)
        for name, cell in zip(names, row[1:], strict=True):
            value = getattr(trace, name)[layer]
            expected = "" if value is None else f"{np.asarray(value).item():.4g}"
            assert cell == expected


def test_other_traces_show_ranges(rng):
    network = Network((3, 4, 2), "relu", "softmax", "categorical_cross_entropy", random_state=0)
    trace = network.trace(rng.normal(size=(5, 3)), np.eye(2)[[0, 1, 1, 0, 1]])
    rows = [dict(zip(("layer", "units", "σ", *"wbza", "da_dz", "dC_da", "dC_dz", "dC_dw", "dC_db"),
                     row, strict=True)) for row in Cells(trace._repr_html_()).rows[1:]]  # fmt: skip
    assert [row["σ"] for row in rows] == ["input", "relu", "softmax"]
    for layer in (1, 2):
        for name in ("w", "z", "dC_dw", "dC_dz"):
            values = getattr(trace, name)[layer]
            assert rows[layer][name] == f"{values.min():.4g} … {values.max():.4g}"
    assert f"C = {trace.cost:.4g}, n = 5" in str(trace.table())


def test_a_gradient_shows_its_layers(chain):
    gradient = chain.gradient([[0.9]], [[1.0]])
    rows = Cells(gradient._repr_html_()).rows
    assert [row[2] for row in rows[1:]] == [f"{w.item():.4g}" for w in gradient.weights]
    assert [row[4] for row in rows[1:]] == [f"{b.item():.4g}" for b in gradient.biases]
    assert [row[3] for row in rows[1:]] == [f"{abs(w.item()):.4g}" for w in gradient.weights]


def test_a_history_shows_its_curve():
    network = Network((2, 2, 1), random_state=0)
    X, y = [[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0]
    html = network.fit(X, y, epochs=5, validation_data=(X, y))._repr_html_()
    assert html.count("<polyline") == 2
    assert "validation cost</text>" in html
    assert "History: 5 epochs" in html
    points = re.search(r'points="([^"]*)"', html)[1].split()
    assert len(points) == 5
    heights = [float(point.split(",")[1]) for point in points]
    falls = np.diff(network.history_.cost) < 0
    assert ((np.diff(heights) > 0) == falls).all()  # downwards on the paper


def test_curves_of_little_and_of_what_is_not_finite():
    assert "<svg" not in History(n_examples=3)._repr_html_()
    one = History(n_examples=3, cost=[0.5], seconds=[0.1])._repr_html_()
    assert one.count("<circle") == 1
    gaps = History(3, cost=[1.0, float("nan"), 2.0, 3.0, float("inf"), 1.0, 2.0])._repr_html_()
    assert (gaps.count("<polyline"), gaps.count("<circle")) == (2, 1)
    assert "nan" not in gaps.split("History:")[0]
    flat = History(3, cost=[0.0, 0.0])._repr_html_()
    assert "<polyline" in flat


def test_markup_in_a_table_is_text():
    table = bpcore.Table("<b>", ("<i>",), (("<script>",),), ("a & b",))
    html = table._repr_html_()
    assert not re.search(r"<(b|i|script)>", html)
    assert "a &amp; b" in html
    assert str(table).splitlines() == ["<b>", "       <i>", "  <script>", "a & b"]


def test_dir_has_public_names_only():
    names = dir(bpcore)
    assert set(names) == {*bpcore.__all__, "__version__"}
    # and so it is before anything is loaded
    code = "import bpcore; print(*dir(bpcore))"
    run = [sys.executable, "-P", "-c", code]
    assert subprocess.run(run, capture_output=True, text=True, check=True).stdout.split() == names


def test_a_film_shows_its_player():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    from bpcore import DescentAnimation

    network = Network((1, 1), random_state=0)
    film = DescentAnimation.from_network(network, [[1.0]], [[1.0]], n_steps=1, detailed=1)
    html = film._repr_html_()
    assert html.count("data:image/png;base64") == len(film.frames)
    assert "<button" in html
    assert plt.get_fignums() == []
