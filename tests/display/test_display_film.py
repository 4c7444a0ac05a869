"""A film of several examples: one of them goes forward and back, their mean makes the update."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

pytest.importorskip("matplotlib")

from pictures import XOR, assert_readable, close_figures, texts_of

from bpcore import DescentAnimation, Network, NetworkDisplay

close = pytest.fixture(autouse=True)(close_figures)

RNG = np.random.default_rng(0)
PROBLEMS = {
    "exclusive or": ((2, 3, 1), "tanh", "sigmoid", "quadratic", *XOR),
    "two outputs": (
        (3, 4, 2, 2), "sigmoid", "identity", "huber",
        RNG.normal(size=(5, 3)), RNG.normal(size=(5, 2)),
    ),
    "classes": (
        (4, 5, 3), "relu", "softmax", "categorical_cross_entropy",
        RNG.normal(size=(6, 4)), np.eye(3)[[0, 1, 2, 2, 1, 0]],
    ),
}  # fmt: skip


def film_of(name, example, **options):
    sizes, hidden, output, loss, X, Y = PROBLEMS[name]
    network = Network(sizes, hidden, output, loss, dtype="float64", random_state=2)
    film = DescentAnimation.from_network(network, X, Y, n_steps=3, example=example, **options)
    return network, X, Y, film.plot()


def words_on(film):
    return " | ".join(text for text, _ in texts_of(film.figure_))


@pytest.mark.parametrize("example", [0, 1, 3])
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_way_back_is_that_of_one_example(name, example):
    network, X, Y, film = film_of(name, example, detailed=3, learning_rate=0.5)
    display = film.network_display_
    for number, frame in enumerate(film.frames):
        if frame.stage != "backward":
            continue
        film.draw(number)
        if frame.step:
            network.set_parameters(film.steps[frame.step - 1].theta)
        alone = network.trace(X[example], Y[example])
        for layer in range(frame.layer, len(network.layer_sizes)):
            drawn = display.units_[layer].get_array()
            assert_allclose(drawn, alone.dC_da[layer][0], rtol=1e-12, atol=1e-15)
        for layer in range(max(1, frame.layer), len(network.layer_sizes)):
            j, k = display.pairs_[layer - 1].T
            drawn = display.connections_[layer - 1].get_array()
            assert_allclose(drawn, alone.dC_dw[layer][j, k], rtol=1e-12, atol=1e-15)
            assert np.abs(drawn).max() <= display.connections_[layer - 1].norm.vmax


def test_the_formula_on_the_picture_gives_the_numbers_drawn():
    network, X, _, film = film_of("exclusive or", 1, detailed=1)
    display = film.network_display_
    film.draw([f.stage == "backward" and f.layer == 2 for f in film.frames].index(True))
    j, k = display.pairs_[1].T
    a = network.trace(X[1], [1.0]).activations
    by_hand = a[1][0, k] * (a[2] * (1 - a[2]))[0, j] * display.units_[2].get_array()[j]
    assert_allclose(display.connections_[1].get_array(), by_hand, rtol=1e-12)
    (words,) = (t for t in (text.get_text() for text in film.figure_.texts) if "w_{jk}" in t)
    assert words.count(r"\partial C_{1}") == 2
    on_it = words_on(film)
    assert "∂C_1/∂a of a unit" in on_it
    assert "∂C_1/∂w of a weight" in on_it
    assert "(example 1)" in on_it
    assert_readable(film.figure_)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_formulas_of_every_stage_back_give_the_numbers_drawn(name):
    """Each is read off the picture and worked out; softmax has ∂C/∂z_j for its product."""
    network, X, Y, film = film_of(name, 1, detailed=1)
    display, trace = film.network_display_, network.trace(X[1], np.reshape(Y[1], -1))
    last = len(network.layer_sizes) - 1
    softmax = network.activations[-1] == "softmax"

    def factor(formula, layer):
        """∂C/∂z of a layer, as the formula has it."""
        if rf"\partial z_j^{{({layer})}}" in formula:
            return trace.da_dz[layer][0] @ trace.dC_da[layer][0]
        assert rf"\sigma'(z_j^{{({layer})}})\,\partial C_{{1}} / \partial a_j" in formula
        return trace.da_dz[layer][0] * trace.dC_da[layer][0]

    for number, frame in enumerate(film.frames):
        film.draw(number)
        above, below = (text.get_text() for text in film._formulas)
        assert_readable(film.figure_)
        layer = frame.layer
        if frame.stage == "forward":
            assert (r"\mathrm{softmax}" in below) == (softmax and layer == last)
        if frame.stage != "backward":
            continue
        if layer < last:
            sum_ = factor(above, layer + 1) @ network.weights[layer]
            assert_allclose(display.units_[layer].get_array(), sum_, rtol=1e-12)
        elif softmax:
            assert r"\Sigma_i\, \partial a_i" in above
        if layer > 0:
            j, k = display.pairs_[layer - 1].T
            by_hand = np.outer(factor(below, layer), trace.a[layer - 1][0])
            assert_allclose(
                display.connections_[layer - 1].get_array(), by_hand[j, k], rtol=1e-9, atol=1e-15
            )


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_update_is_by_the_mean_and_says_so(name):
    network, X, Y, film = film_of(name, 2, detailed=1, learning_rate=0.5)
    display, gradient = film.network_display_, network.gradient(X, Y)
    film.draw([frame.stage for frame in film.frames].index("update"))
    for layer in range(1, len(network.layer_sizes)):
        j, k = display.pairs_[layer - 1].T
        moved = network.weights[layer - 1] - 0.5 * gradient.weights[layer - 1]
        assert_allclose(display.connections_[layer - 1].get_array(), moved[j, k], rtol=1e-12)
    words = " ".join(text.get_text() for text in film.figure_.texts)
    assert rf"\nabla C = \frac{{1}}{{{len(X)}}}" in words
    assert f"by the mean of {len(X)} examples" in words
    assert_allclose(film.cost_line_.get_ydata(), [gradient.cost])
    assert_readable(film.figure_)
    film.draw(len(film.frames) - 1)
    assert "forward, backward, update (units: example 2)" in words_on(film)
    assert_readable(film.figure_)


def test_a_film_of_one_example_needs_no_mean():
    network = Network((2, 3, 1), random_state=0)
    film = DescentAnimation.from_network(network, [0.0, 1.0], [1.0], n_steps=1, detailed=1).plot()
    for number in range(len(film.frames)):
        film.draw(number)
        words = words_on(film) + " ".join(text.get_text() for text in film.figure_.texts)
        assert not any(word in words for word in ("C_", "mean", "example"))


def test_a_picture_of_one_example_names_its_cost():
    trace = Network((2, 3, 1), random_state=0).trace(*XOR)
    for example, cost in ((None, "C"), (3, "C_3")):
        display = NetworkDisplay.from_trace(trace, example=example)
        labels = [bar.ax.get_xlabel() for bar in display.colorbars_]
        assert labels == [f"∂{cost}/∂a of a unit", f"∂{cost}/∂w of a weight"]
