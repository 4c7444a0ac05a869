"""Displays in notebooks and callbacks: told in a line, and drawn into the same axes again."""

import pickle
import re

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib.pyplot as plt
from pictures import XOR, assert_readable, close_figures, small_recogniser, texts_of

from bpcore import (
    DescentAnimation,
    DescentDisplay,
    GradientFlowDisplay,
    GradientFlowRecorder,
    Network,
    NetworkDisplay,
    PathRecorder,
    PredictionsDisplay,
    ScoreRecorder,
    TrainingCurveDisplay,
    WeightsDisplay,
)

close = pytest.fixture(autouse=True)(close_figures)
recogniser = pytest.fixture(scope="module")(small_recogniser)

# how each display draws, and the line that it is told in
DISPLAYS = {
    "curves": (
        lambda network, X, Y, before, path, flow, **to: TrainingCurveDisplay.from_network(
            network, **to
        ),
        "TrainingCurveDisplay: cost and score over 4 epochs",
    ),
    "network": (
        lambda network, X, Y, before, path, flow, **to: NetworkDisplay.from_network(
            network, X[0], Y[0], **to
        ),
        "NetworkDisplay: ∂C/∂a and ∂C/∂w of a 36-20-6-4 network",
    ),
    "weights": (
        lambda network, X, Y, before, path, flow, **to: WeightsDisplay.from_network(network, **to),
        "WeightsDisplay: weights of 20 units as images of 6 x 6",
    ),
    "weights before and after": (
        lambda network, X, Y, before, path, flow, **to: WeightsDisplay.from_network(
            network, before=before, units=[3], **to
        ),
        "WeightsDisplay: weights of 1 unit as images of 6 x 6, before and after training",
    ),
    "flow": (
        lambda network, X, Y, before, path, flow, **to: GradientFlowDisplay.from_recorder(
            flow, **to
        ),
        "GradientFlowDisplay: ∂C/∂z and ∂C/∂w of 3 layers, at 5 moments",
    ),
    "descent": (
        lambda network, X, Y, before, path, flow, **to: DescentDisplay.from_network(
            network, X[:5], Y[:5], path, n_points=5, **to
        ),
        "DescentDisplay: the cost around a path of 5 points",
    ),
    "images": (
        lambda network, X, Y, before, path, flow, **to: PredictionsDisplay.from_network(
            network, X, Y, n_images=5, n_misread=3, **to
        ),
        r"PredictionsDisplay: guesses of 60 images, \d+ misread",
    ),
    "scatter": (
        lambda network, X, Y, before, path, flow, **to: PredictionsDisplay.from_network(
            network, X, Y, kind="scatter", **to
        ),
        "PredictionsDisplay: 60 numbers, predicted against true",
    ),
}


# ---------------------------------------------------------------- told in a line


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_display_is_told_in_a_line(recogniser, name):
    draw, words = DISPLAYS[name]
    assert re.fullmatch(f"<{words}>", repr(draw(*recogniser)))


def test_films_and_recorders_are_told_in_a_line():
    network = Network((2, 3, 1), random_state=0)
    film = DescentAnimation.from_network(network, *XOR, n_steps=3, detailed=1)
    words = "3 steps of gradient descent of a 2-3-1 network, 8 pictures"
    assert repr(film) == f"<DescentAnimation: {words}>"
    told = {
        PathRecorder(network): "<PathRecorder: θ at 1 moment>",
        ScoreRecorder(*XOR): "<ScoreRecorder: 0 scores>",
        GradientFlowRecorder(*XOR): "<GradientFlowRecorder: ∂C/∂z and ∂C/∂w at 0 moments>",
    }
    assert [repr(recorder) for recorder in told] == list(told.values())
    runs = {"a": network, "b": network}
    network.fit(*XOR, epochs=1)
    several = TrainingCurveDisplay.from_network(runs)
    assert repr(several) == "<TrainingCurveDisplay: cost of 2 runs over 1 epoch>"


# ---------------------------------------------------------------- drawn again


def drawn(figure):
    """Where the axes stand, and what words are on them."""
    figure.draw_without_rendering()
    places = sorted(tuple(np.round(axes.get_position().bounds, 6)) for axes in figure.axes)
    return places, sorted(text for text, _ in texts_of(figure))


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("name", DISPLAYS)
def test_drawing_again_replaces_what_was_drawn(recogniser, name, layout):
    draw = DISPLAYS[name][0]
    figure, (ax, other) = plt.subplots(1, 2, figsize=(14, 6), layout=layout)
    other.plot([1, 2])
    draw(*recogniser, ax=ax)
    if layout:  # what fits is known once the layout has given the axes their room
        drawn(figure)
        ax.clear()
        draw(*recogniser, ax=ax)
    once = drawn(figure)
    for _ in range(2):
        ax.clear()
        draw(*recogniser, ax=ax)
    assert drawn(figure) == once


@pytest.mark.parametrize("name", ["curves", "weights", "weights before and after", "descent"])
def test_another_display_may_follow_in_the_same_axes(recogniser, name):
    figure, ax = plt.subplots(figsize=(8, 6))
    NetworkDisplay.from_network(recogniser[0], ax=ax)
    alone = drawn(figure)
    ax.clear()
    DISPLAYS[name][0](*recogniser, ax=ax)
    assert drawn(figure) != alone
    ax.clear()
    NetworkDisplay.from_network(recogniser[0], ax=ax)
    assert drawn(figure) == alone


def test_two_axes_with_a_shared_colour_bar_drawn_again(recogniser):
    network, _, _, before, *_ = recogniser
    figure, axes = plt.subplots(1, 2, figsize=(10, 6))
    for _ in range(2):
        for ax in axes:
            ax.clear()
        WeightsDisplay.from_network(network, before=before, ax=axes)
    assert len(figure.axes) == 3
    assert_readable(figure)
    for ax in axes:
        ax.clear()
        own = WeightsDisplay.from_network(network, ax=ax).colorbar_
    assert len(figure.axes) == 4
    assert own.ax in figure.axes
    assert_readable(figure)


def test_axes_outside_of_a_grid_get_their_place_back(recogniser):
    network, figure = recogniser[0], plt.figure()
    alone = figure.add_axes((0.1, 0.05, 0.3, 0.2))
    place = alone.get_position().bounds
    WeightsDisplay.from_network(network, units=[0], ax=alone).colorbar_.remove()
    alone.clear()
    WeightsDisplay.from_network(network, units=[0], ax=alone)
    assert len(figure.axes) == 2
    alone.clear()
    NetworkDisplay.from_network(network, ax=alone)
    assert alone.get_position(original=True).bounds == place


def test_axes_that_are_refused_keep_what_they_show(recogniser):
    figure, ax = plt.subplots()
    display = WeightsDisplay.from_network(recogniser[0], ax=ax)
    with pytest.raises(ValueError, match="ax holds 2 axes"):
        NetworkDisplay.from_network(recogniser[0], ax=[ax, ax])
    assert display.colorbar_.ax in figure.axes


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_figure_may_be_pickled(recogniser, name):
    figure, ax = plt.subplots(figsize=(10, 6))
    DISPLAYS[name][0](*recogniser, ax=ax)
    again = pickle.loads(pickle.dumps(figure))
    assert len(again.axes) == len(figure.axes)


def test_displays_in_part_of_a_figure_and_on_dark_paper(recogniser):
    with plt.style.context("dark_background"):
        figure = plt.figure(figsize=(12, 8))
        left, right = figure.subfigures(1, 2)
        ax, bx = left.subplots(), right.subplots()
        for _ in range(2):
            ax.clear()
            bx.clear()
            WeightsDisplay.from_network(recogniser[0], ax=ax)
            chain = NetworkDisplay.from_network(Network((1,) * 7), [0.8], [1.0], ax=bx)
        assert len(left.axes) == 2
        assert_readable(figure)
        written = chain.picture_.numbers
        assert {text.get_color() for texts in written.units for text in texts} == {"white"}
        for (text,) in written.connections:
            assert text.get_bbox_patch().get_facecolor() == figure.get_facecolor()
