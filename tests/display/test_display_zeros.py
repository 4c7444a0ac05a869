"""Derivatives and weights that are all 0 are said to be, and get no scale that they do not have."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from pictures import XOR, assert_readable, close_figures, texts_of

from bpcore import (
    DescentAnimation,
    GradientFlowDisplay,
    GradientFlowRecorder,
    MLPClassifier,
    Network,
    NetworkDisplay,
    WeightsDisplay,
)

close = pytest.fixture(autouse=True)(close_figures)

IMAGE = np.random.default_rng(0).uniform(size=36)
X = np.random.default_rng(1).uniform(size=(8, 4))


def bars_of(display):
    """By label, the numbers on each colour bar."""
    display.figure_.draw_without_rendering()
    return {
        bar.ax.get_xlabel(): [label.get_text() for label in bar.ax.get_xticklabels()]
        for bar in display.colorbars_
    }


def saturated(sizes, activation="sigmoid"):
    """A network whose units are so far out that σ′ is 0."""
    network = Network(sizes, activation, activation, random_state=0)
    for biases in network.biases:
        biases[:] = -1e6 if activation == "relu" else 1e6
    return network


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("sizes", [(4, 3, 2), (4, 2), (4, 40, 30, 2)])
def test_saturated_networks(sizes, activation):
    network = saturated(sizes, activation)
    bars = bars_of(NetworkDisplay.from_network(network, X[0], [0.5, 0.25]))
    assert bars.pop("∂C/∂w of a weight: all 0") == ["0"]
    ((label, numbers),) = bars.items()
    assert label == "∂C/∂a of a unit"
    assert float(numbers[-1]) == -float(numbers[0]) > 0
    whole = NetworkDisplay.from_network(network, X, np.full((8, 2), 0.5))
    assert "∂C/∂w of a weight: all 0" in bars_of(whole)
    assert_readable(whole.figure_)


def test_a_network_that_is_right():
    network = Network((4, 3, 2), "tanh", "identity", random_state=0, dtype="float64")
    display = NetworkDisplay.from_network(network, X[0], network.predict(X[0]))
    assert bars_of(display) == {
        "∂C/∂a of a unit: all 0": ["0"],
        "∂C/∂w of a weight: all 0": ["0"],
    }
    assert_readable(display.figure_)


@pytest.mark.parametrize("shape", [(6, 6), (4, 3, 3)])
def test_images_whose_derivatives_are_all_0(shape):
    for network in (Network((36, 10, 4), init="zeros"), saturated((36, 20, 4))):
        display = NetworkDisplay.from_network(network, IMAGE, np.eye(4)[1], image_shape=shape,
                                              max_units=12)  # fmt: skip
        words = [text for text, _ in texts_of(display.figure_)]
        assert "layer 0\n∂C/∂a: all 0" in words
        assert not any("±" in text for text in words)
        assert_readable(display.figure_)


def test_weights_that_are_all_0():
    network = Network((36, 10, 4), init="zeros")
    display = NetworkDisplay.from_network(network)
    assert bars_of(display) == {"weight w: all 0": ["0"]}
    images = WeightsDisplay.from_network(network)
    images.figure_.draw_without_rendering()
    axis = images.colorbar_.ax.xaxis
    assert axis.get_label_text() == "weight from a pixel (w of layer 1): all 0"
    assert [float(label.get_text()) for label in axis.get_ticklabels()] == [0.0]
    both = WeightsDisplay.from_network(network, before=Network((36, 10, 4), random_state=0))
    assert "all 0" not in both.colorbar_.ax.get_xlabel()
    colours = WeightsDisplay.from_network(network, image_shape=(4, 3, 3))
    assert colours.colorbar_.ax.get_xlabel().endswith(": all 0")
    for shown in (display, images, both, colours):
        assert_readable(shown.figure_)
    network.weights[1][:] = 0.5
    (label,) = bars_of(NetworkDisplay.from_network(network))
    assert label == "weight w (max by layer: 0, 0.5)"


def test_zeros_among_the_units_drawn_only():
    network = Network((4, 30, 1), "relu", "identity", random_state=0)
    network.weights[0][:] = 1
    network.biases[0][:] = -100
    network.biases[0][10:20] = 0  # off are all but those that are folded away
    display = NetworkDisplay.from_network(network, X[0], [9.0], max_units=6)
    assert "∂C/∂w of a weight: those drawn are 0" in bars_of(display)


def test_an_estimator_whose_weights_are_all_0():
    classifier = MLPClassifier(hidden_layer_sizes=3).initialize(4, classes=[0, 1])
    classifier.network_.parameters[:] = 0
    assert bars_of(NetworkDisplay.from_estimator(classifier)) == {"weight w: all 0": ["0"]}


def test_a_film_that_stands_still():
    network = saturated((2, 3, 1))
    film = DescentAnimation.from_network(network, *XOR, n_steps=2, example=1).plot()
    for number, frame in enumerate(film.frames):
        film.draw(number)
        said = "∂C_1/∂w of a weight: all 0" in bars_of(film.network_display_)
        assert said == (frame.stage == "backward")
        assert_readable(film.figure_)


def test_numbers_that_are_none():
    network = Network((4, 3, 2), random_state=0)
    network.parameters[:] = np.nan
    display = NetworkDisplay.from_network(network, X[0], [0.0, 1.0])
    assert bars_of(display) == {
        "∂C/∂a of a unit: NaN or infinity": [],
        "∂C/∂w of a weight: NaN or infinity": [],
    }
    assert_readable(display.figure_)


def test_layers_without_any_gradient_are_named():
    for sizes, words in (((2, 3, 1), "layer 1: every number is 0"),
                         ((2, 3, 3, 1), "layers 1, 2: every number is 0")):  # fmt: skip
        network = Network(sizes, init="zeros")
        recorder = GradientFlowRecorder(*XOR, network=network)
        network.fit(*XOR, epochs=3, callback=recorder)
        for display in (GradientFlowDisplay.from_network(network, *XOR),
                        GradientFlowDisplay.from_recorder(recorder)):  # fmt: skip
            assert words in [text.get_text() for text in display.axes_[0, 0].texts]
            assert_readable(display.figure_)


def test_panels_of_zeros_have_no_scale():
    network = saturated((2, 3, 1))
    recorder = GradientFlowRecorder(*XOR, network=network)
    with pytest.warns(UserWarning, match="the network has learned nothing"):
        network.fit(*XOR, epochs=3, callback=recorder)
    display = GradientFlowDisplay.from_recorder(recorder)
    for axes in display.axes_.flat:
        assert [text.get_text() for text in axes.texts] == ["every number is 0"]
        assert not len(axes.get_yticks())
    low, high = display.axes_[0, 0].get_xlim()
    assert low < 0 < 3 < high
    assert_readable(display.figure_)
