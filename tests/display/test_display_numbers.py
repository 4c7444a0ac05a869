"""Numbers written into pictures: colours alone do not tell 0.8 from 1.7."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest

pytest.importorskip("matplotlib")

from pictures import XOR, assert_readable, close_figures

from bpcore import (
    DescentAnimation,
    GradientFlowDisplay,
    GradientFlowRecorder,
    Network,
    NetworkDisplay,
)

close = pytest.fixture(autouse=True)(close_figures)


def numbers_in(display):
    """What is written: (in the units, at the connections), a list of texts a layer."""
    numbers = display.picture_.numbers
    return tuple(
        [[text.get_text() for text in texts] for texts in layers]
        for layers in (numbers.units, numbers.connections)
    )


def rounded(arrays):
    return [[f"{value:.2g}" for value in np.ravel(array)] for array in arrays]


@pytest.mark.parametrize("n_layers", [2, 4, 12, 20])
def test_a_chain_of_single_units_is_written_out(n_layers):
    network = Network((1,) * n_layers, "tanh", "identity", random_state=n_layers, dtype="float64")
    trace = network.trace([0.8], [1.7])
    pictures = {
        "weights": NetworkDisplay.from_network(network),
        "activations": NetworkDisplay.from_network(network, [0.8]),
        "gradient": NetworkDisplay.from_trace(trace),
    }
    for display in pictures.values():
        assert_readable(display.figure_)
    assert numbers_in(pictures["weights"])[1] == rounded(network.weights)
    assert numbers_in(pictures["activations"]) == (
        rounded(trace.a), rounded(network.weights)
    )  # fmt: skip
    assert numbers_in(pictures["gradient"]) == (rounded(trace.dC_da), rounded(trace.dC_dw[1:]))


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize(("columns", "figsize"), [(2, (12, 4)), (3, (12, 4)), (2, (6.4, 4.8))])
def test_a_chain_in_narrow_axes(columns, figsize, layout):
    network = Network((1, 1, 1, 1), random_state=0, dtype="float64")
    figure, axes = plt.subplots(1, columns, figsize=figsize, layout=layout)
    for ax in axes:
        display = NetworkDisplay.from_network(network, [0.8], [1.7], ax=ax)
        trace = network.trace([0.8], [1.7])
        assert numbers_in(display) == (rounded(trace.dC_da), rounded(trace.dC_dw[1:]))
    assert_readable(figure)


def test_numbers_of_every_size():
    network = Network((1, 1, 1), "identity", "identity", dtype="float64")
    for size in (1e-12, 3.7e-5, 12345.678):
        for weights in network.weights:
            weights[:] = -size
        display = NetworkDisplay.from_network(network, [1.0])
        units, connections = numbers_in(display)
        assert [float(text) for (text,) in units] == pytest.approx([1.0, -size, size**2], rel=0.05)
        assert [float(text) for (text,) in connections] == pytest.approx([-size] * 2, rel=0.05)
        assert_readable(display.figure_)


@pytest.mark.parametrize("sizes", [(2, 3, 1), (3, 1), (1, 4, 1), (2, 1, 2)])
def test_small_networks_are_written_out_where_there_is_room(sizes):
    network = Network(sizes, random_state=0, dtype="float64")
    x = np.linspace(0.5, 1, sizes[0])
    display = NetworkDisplay.from_network(network, x)
    units, connections = numbers_in(display)
    assert units == rounded(network.trace(x, np.zeros(sizes[-1])).activations)
    stars = all(1 in pair for pair in itertools.pairwise(sizes))
    for layer, texts in enumerate(connections):
        j, k = display.pairs_[layer].T
        assert texts == (rounded([network.weights[layer][j, k]])[0] if stars else [])
    assert_readable(display.figure_)


def test_units_are_written_into_all_of_them_or_none():
    network = Network((8, 12, 10), random_state=0)
    units, connections = numbers_in(NetworkDisplay.from_network(network, np.ones(8)))
    assert {text for texts in units for text in texts} == {""}
    assert connections == [[], []]
    _, axes = plt.subplots(1, 3, figsize=(12, 4))
    display = NetworkDisplay.from_network(Network((2, 3, 1)), [0.0, 1.0], [0.0], ax=axes[0])
    assert {text for texts in numbers_in(display)[0] for text in texts} == {""}


def test_numbers_stand_out_from_their_units():
    display = NetworkDisplay.from_network(Network((2, 3, 1), random_state=0), [0.0, 1.0])
    for circles, texts in zip(display.units_, display.picture_.numbers.units, strict=True):
        display.figure_.draw_without_rendering()
        for (*colour, _), text in zip(circles.get_facecolor(), texts, strict=True):
            lightness = np.dot(colour, [0.299, 0.587, 0.114])
            assert text.get_color() == ("black" if lightness > 0.5 else "white")


def test_a_film_writes_what_is_known_by_then():
    network = Network((1, 1, 1), "sigmoid", random_state=0, dtype="float64")
    film = DescentAnimation.from_network(network, [0.8], [1.0], n_steps=2, detailed=1).plot()
    trace = film.steps[0].trace
    written = {}
    for number, frame in enumerate(film.frames):
        film.draw(number)
        written[frame.stage, frame.layer] = numbers_in(film.network_display_)
        assert_readable(film.figure_)
    a, w, da, dw = map(rounded, (trace.a, trace.w[1:], trace.dC_da, trace.dC_dw[1:]))
    assert written["forward", 1] == ([a[0], a[1], [""]], w)
    assert written["backward", 2] == ([[""], [""], da[2]], [[""], dw[1]])
    assert written["backward", 0] == (da, dw)
    moved = film.steps[0].theta[[0, 2]].reshape(2, 1)
    assert written["update", 2] == (a, rounded(moved))


def test_norms_at_one_moment_are_written_beside_their_points():
    network = Network((2, 3, 3, 1), random_state=0, dtype="float64")
    display = GradientFlowDisplay.from_network(network, *XOR)
    for column, name in enumerate(("delta", "weight")):
        words = [text.get_text() for text in display.axes_[0, column].texts]
        assert words == rounded([display.norms[name][0]])[0]
    assert_readable(display.figure_)


def test_a_distribution_of_one_number_is_that_number():
    network = Network((1, 1, 1, 1), random_state=0, dtype="float64")
    recorder = GradientFlowRecorder([[0.8]], [[1.0]], network=network)
    network.fit([[0.8]], [[1.0]], epochs=4, callback=recorder)
    display = GradientFlowDisplay.from_recorder(recorder)
    for column, name in enumerate(("delta", "weight")):
        flows = getattr(recorder, name)
        words = [text.get_text() for text in display.axes_[1, column].texts]
        assert (
            words
            == rounded([[one.norm for one in flows[end]] for end in (0, -1)])[0]
            + (rounded([[one.norm for one in flows[-1]]])[0])
        )
    assert_readable(display.figure_)
    several = GradientFlowDisplay.from_network(Network((2, 3, 1), random_state=0), *XOR)
    assert not several.axes_[1, 0].texts
