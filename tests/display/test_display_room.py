"""Pictures of networks in axes of any size: captions fit, guess and truth keep their labels."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

pytest.importorskip("matplotlib")

from pictures import assert_readable, close_figures, texts_of

from bpcore import (
    DescentAnimation,
    GradientFlowDisplay,
    Network,
    NetworkDisplay,
    PredictionsDisplay,
    WeightsDisplay,
)
from bpcore.display.network_layout import fold

close = pytest.fixture(autouse=True)(close_figures)

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(3, 64))
NAMES = ["aeroplane", "automobile", "a bird with a long name", "cat", "deer", "dog", "frog",
         "horse", "ship", "lorry"]  # fmt: skip


def labels_of(display):
    """The outputs' labels that are drawn, by their unit."""
    labels = display.picture_.words.output_labels
    return {
        int(unit): label.get_text()
        for unit, label in zip(display.shown_[-1], labels, strict=True)
        if label.get_visible()
    }


@pytest.mark.parametrize("truth", [0, 7, 9])
def test_side_by_side(truth):
    network = Network((64, 16, 16, 10), random_state=0, dtype="float64")
    figure, axes = plt.subplots(1, 2, figsize=(12, 4))
    a = network.predict(IMAGES[0])
    forward = NetworkDisplay.from_network(network, IMAGES[0], ax=axes[0])
    back = NetworkDisplay.from_network(network, IMAGES[0], np.eye(10)[truth], ax=axes[1])
    assert labels_of(forward) == {i: f"{i}:  {a[i]:.2f}" for i in range(10)}
    assert labels_of(back) == {i: f"{i}:  a = {a[i]:.2f}, y = {int(i == truth)}" for i in range(10)}
    assert_readable(figure)


@pytest.mark.parametrize(
    ("rows", "columns", "figsize", "layout"),
    [
        (2, 2, None, None),
        (2, 2, None, "constrained"),
        (1, 3, (12, 4), None),
        (1, 3, (12, 8), "constrained"),
        (3, 1, (7, 9), None),
        (1, 1, (12, 3), None),
        (1, 2, None, "constrained"),
    ],
)
@pytest.mark.parametrize("sizes", [(64, 16, 16, 10), (8, 12, 10), (3, 10)])
def test_axes_of_all_sizes(sizes, rows, columns, figsize, layout):
    network = Network(sizes, random_state=0, dtype="float64")
    figure, axes = plt.subplots(rows, columns, figsize=figsize, layout=layout, squeeze=False)
    x = IMAGES[1, : sizes[0]]
    guess, truth = int(network.predict(x).argmax()), 7
    for i, ax in enumerate(axes.flat):
        options = ({}, {"x": x}, {"x": x, "y": np.eye(10)[truth]})[2 - i % 3]
        display = NetworkDisplay.from_network(
            network, names=NAMES if i == 2 else None, ax=ax, **options
        )
        labels = labels_of(display)
        if "x" in options:
            assert guess in labels
        if "y" in options:
            assert labels[truth].endswith("y = 1")
    assert_readable(figure)


@pytest.mark.parametrize("most", [4, 16])
@pytest.mark.parametrize("truth", [0, 49, 77])
def test_guess_and_truth_among_many_outputs(truth, most):
    network = Network((8, 6, 120), random_state=0, dtype="float64")
    x, guess = IMAGES[0, :8], int(network.predict(IMAGES[0, :8]).argmax())
    display = NetworkDisplay.from_network(network, x, np.eye(120)[truth], max_units=most)
    labels = labels_of(display)
    assert len(display.shown_[-1]) == most
    assert labels[truth].endswith("y = 1")
    assert guess in labels
    shown = display.shown_[-1]
    assert (np.diff(shown) > 0).all()
    a = network.trace(x, np.eye(120)[truth]).dC_da[2][0]
    assert display.units_[2].get_array().tolist() == a[shown].tolist()
    assert_readable(display.figure_)


def test_guess_and_truth_that_are_neighbours_keep_apart():
    network = Network((8, 60), random_state=0, dtype="float64")
    guess = int(network.predict(IMAGES[0, :8]).argmax())
    for truth in (guess - 1, guess + 1, guess):
        display = NetworkDisplay.from_network(network, IMAGES[0, :8], np.eye(60)[truth],
                                              max_units=60)  # fmt: skip
        assert {guess, truth} <= set(labels_of(display))
        assert_readable(display.figure_)


def test_folding_keeps_the_units_asked_for():
    assert fold(100, 6, (57,)).tolist() == [0, 1, 2, 57, 98, 99]
    assert fold(100, 6, (30,)).tolist() == [0, 1, 30, 97, 98, 99]
    assert fold(100, 2, (30, 31)).tolist() == [30, 31]
    assert fold(100, 6, (1, 99)).tolist() == [0, 1, 2, 97, 98, 99]
    assert fold(5, 6, (2,)).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("n_hidden", [5, 14, 30])
@pytest.mark.parametrize("figsize", [(12, 4), (6.4, 4.8)])
def test_captions_of_deep_networks(n_hidden, figsize):
    network = Network((4, *(3,) * n_hidden, 2), random_state=0)
    figure, axes = plt.subplots(1, 2, figsize=figsize)
    for ax in axes:
        NetworkDisplay.from_network(network, IMAGES[0, :4], [0.0, 1.0], ax=ax)
    captions = [text for text, _ in texts_of(figure) if re.match(r"(layer )?\d+\n", text)]
    assert len(captions) >= 2
    assert_readable(figure)


def test_the_film_of_an_image_says_what_the_image_shows():
    network = Network((64, 8, 8, 10), random_state=0)
    film = DescentAnimation.from_network(network, IMAGES, np.eye(10)[:3], n_steps=1, example=2)
    film.plot()
    notes = set()
    for number in range(len(film.frames)):
        film.draw(number)
        notes.add(film.network_display_.picture_.words.layer_texts[0].get_text().split("\n")[1])
        assert_readable(film.figure_)
    assert len(notes) == 2
    assert any("±" in note for note in notes)


@pytest.mark.parametrize("n_units", [3, 32])
@pytest.mark.parametrize("before", [False, True])
def test_weights_in_narrow_axes(n_units, before):
    network = Network((64, n_units, 4), random_state=0)
    figure, axes = plt.subplots(1, 2, figsize=(10, 5))
    display = WeightsDisplay.from_network(network, before=network if before else None, ax=axes[0])
    assert_readable(figure)
    places = [image.get_window_extent() for image in display.images_]
    for text, box in texts_of(figure):
        if text.isdecimal():
            assert not any(box.y0 < place.y1 - 2 and box.y1 > place.y0 + 2
                           and box.x0 < place.x1 and box.x1 > place.x0
                           for place in places)  # fmt: skip


@pytest.mark.parametrize("names", [None, [f"a long name {i}" for i in range(4)]])
@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("figsize", [(12, 4), (12, 8), (8, 5)])
def test_images_in_narrow_axes_are_as_many_as_fit(figsize, layout, names):
    X, Y = RNG.uniform(size=(60, 64)), np.eye(4)[RNG.integers(0, 4, 60)]
    network = Network((64, 10, 4), random_state=0)
    figure, axes = plt.subplots(1, 2, figsize=figsize, layout=layout)
    display = PredictionsDisplay.from_network(network, X, Y, names=names, ax=axes[0])
    assert_readable(figure)
    first, wrong = display.shown_
    assert 2 <= len(first) <= 20
    assert first.tolist() == list(range(len(first)))
    assert wrong.tolist() == display.misread[: len(wrong)].tolist()
    for axes_, rows, images in zip(display.axes_, display.shown_, display.images_, strict=True):
        assert len(rows) == len(images)
        assert f"{len(rows)} " in axes_.get_title()


def test_gradients_in_narrow_axes():
    network = Network((8, 6, 6, 6, 3), random_state=0)
    figure, axes = plt.subplots(1, 2, figsize=(12, 4))
    for ax in axes:
        GradientFlowDisplay.from_network(network, RNG.uniform(size=(9, 8)), np.eye(3)[[0] * 9],
                                         ax=ax)  # fmt: skip
    assert_readable(figure)
