"""C of one weight, and saturation by layer, as pictures."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from numpy.testing import assert_allclose
from pictures import assert_readable, close_figures

from bpcore import CostCurveDisplay, MLPClassifier, Network, SaturationDisplay

close = pytest.fixture(autouse=True)(close_figures)


@pytest.fixture
def problem(rng):
    network = Network((3, 4, 2), "tanh", "sigmoid", random_state=0)
    return network, rng.normal(size=(6, 3)), rng.uniform(size=(6, 2))


@pytest.mark.parametrize("letter, units", [("w", {"j": 1, "k": 2}), ("b", {"j": 1})])
def test_the_curve_is_the_cost_and_the_tangent_its_derivative(letter, units, problem):
    network, X, Y = problem
    before = network.parameters.copy()
    display = CostCurveDisplay.from_network(
        network, X, Y, letter=letter, layer=1, learning_rate=0.5, **units
    )
    assert (network.parameters == before).all()
    copy = network.astype("float64")
    array = (copy.weights if letter == "w" else copy.biases)[0]
    at = tuple(units.values())
    x, y = display.curve_.get_data()
    for value, cost in zip(x[::30], y[::30], strict=True):
        array[at] = value
        assert copy.cost(X, Y) == pytest.approx(cost)
    slope = np.gradient(y, x)[len(x) // 2]
    assert slope == pytest.approx(display.derivative, rel=2e-3)
    (x0, x1), (y0, y1) = display.tangent_.get_data()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(display.derivative)
    (start, end), (cost, after) = display.step_.get_data()
    assert end - start == pytest.approx(-0.5 * display.derivative)
    array[at] = end
    assert (cost, after) == (pytest.approx(display.cost), pytest.approx(copy.cost(X, Y)))
    assert_readable(display.figure_)


def test_the_curve_in_given_axes_and_of_an_estimator(problem, rng):
    import matplotlib.pyplot as plt

    X, y = rng.normal(size=(20, 3)), rng.integers(0, 3, 20)
    estimator = MLPClassifier((4,), max_iter=3, random_state=0)
    with pytest.warns(Warning, match="Maximum iterations"):
        estimator.fit(X, y)
    _, ax = plt.subplots(layout="constrained")
    display = CostCurveDisplay.from_estimator(estimator, X, y, layer=2, j=0, k=1, ax=ax, span=0.5)
    assert display.ax_ is ax
    assert_allclose(np.ptp(display.values), 1.0)
    assert repr(display).startswith("<CostCurveDisplay: C between ")


def test_what_has_no_curve(problem):
    network, X, Y = problem
    for options, words in (
        ({"layer": 1, "letter": "a", "j": 0}, 'letter must be "w" or "b"'),
        ({"layer": 3, "j": 0, "k": 0}, "layer must be 1 to 2"),
        ({"layer": 1, "j": 0, "k": 3}, "k must be 0 to 2"),
        ({"layer": 1, "j": 0, "k": 0, "span": 0}, "span must be positive"),
    ):
        with pytest.raises(ValueError, match=words):
            CostCurveDisplay.from_network(network, X, Y, **options)


def test_saturation_is_drawn_and_told(rng):
    X = rng.integers(0, 256, (40, 64))
    network = Network((64, 8, 6, 3), "sigmoid", "softmax", "categorical_cross_entropy",
                      random_state=0)  # fmt: skip
    display = SaturationDisplay.from_network(network, X)
    assert display.axes_.shape == (2, 3)
    for counts, slope in zip(display.counts_, display.saturation.da_dz, strict=True):
        assert counts.sum() == (0 if slope is None else slope.size)
    assert display.counts_[0][0] > 0.9 * display.counts_[0].sum()
    assert "stuck: 100%" in display.axes_[0, 0].get_title()
    assert "divide pixels by 255" in display.figure_.get_supxlabel().replace("\n", " ")
    assert_readable(display.figure_)
    assert repr(display) == "<SaturationDisplay: a and σ'(z) of 3 layers, 40 examples>"


def test_saturation_of_an_estimator_and_of_equal_numbers(rng):
    X, y = rng.normal(size=(20, 3)), rng.integers(0, 3, 20)
    estimator = MLPClassifier((4,), max_iter=3, random_state=0)
    with pytest.warns(Warning, match="Maximum iterations"):
        estimator.fit(X, y)
    display = SaturationDisplay.from_estimator(estimator, X)
    assert_readable(display.figure_)
    flat = SaturationDisplay.from_network(Network((2, 3, 1), "relu", init="zeros"), [[1.0, 2.0]])
    assert flat.saturation.stuck == (1.0, 1.0)
