"""The picture of a network and the film of its descent, against the traces they show."""

import itertools
import shutil
import subprocess

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("matplotlib")

from pictures import XOR, assert_readable, close_figures, small_recogniser, texts_of

from bpcore import (
    DescentAnimation,
    MLPClassifier,
    MLPRegressor,
    Network,
    NetworkDisplay,
)
from bpcore.display.network_layout import RADIUS, fold

close = pytest.fixture(autouse=True)(close_figures)
recogniser = pytest.fixture(scope="module")(small_recogniser)


# ---------------------------------------------------------------- the network


def test_activations_and_weights_are_the_trace_s(recogniser):
    network, X, *_ = recogniser
    display = NetworkDisplay.from_network(network, X[0], image_shape=None)
    t = network.trace(X[0], np.zeros(4))
    assert display.show == "activations"
    for layer, circles in enumerate(display.units_):
        shown = display.shown_[layer]
        assert_array_equal(circles.get_array(), t.a[layer][0, shown])
    for i, lines in enumerate(display.connections_):
        j, k = display.pairs_[i].T
        assert_array_equal(lines.get_array(), network.weights[i][j, k])
        assert len(j) == len(display.shown_[i]) * len(display.shown_[i + 1])
    assert_readable(display.figure_)


def test_gradients_are_the_trace_s(recogniser):
    network, X, Y, *_ = recogniser
    t = network.trace(X[:1], Y[:1])
    display = NetworkDisplay.from_network(network, X[:1], Y[:1])
    assert display.show == "gradient"
    for layer in (1, 2, 3):
        shown = display.shown_[layer]
        assert_array_equal(display.units_[layer].get_array(), t.dC_da[layer][0, shown])
        j, k = display.pairs_[layer - 1].T
        assert_array_equal(display.connections_[layer - 1].get_array(), t.dC_dw[layer][j, k])
    assert_array_equal(np.ravel(display.image_.get_array()), t.dC_da[0][0])
    words = [text for text, _ in texts_of(display.figure_)]
    assert f"2:  a = {t.a[3][0, 2]:.2f}, y = {Y[0, 2]:.0f}" in words
    assert_readable(display.figure_)


def test_one_example_of_a_trace_and_the_mean(recogniser):
    network, X, Y, *_ = recogniser
    t = network.trace(X[:5], Y[:5])
    mean = NetworkDisplay.from_trace(t, image_shape=None)
    assert_allclose(mean.units_[2].get_array(), t.dC_da[2].sum(axis=0))
    j, k = mean.pairs_[1].T
    assert_array_equal(mean.connections_[1].get_array(), t.dC_dw[2][j, k])
    alone = network.trace(X[3], Y[3])
    one = NetworkDisplay.from_trace(t, example=3, image_shape=None)
    assert_allclose(one.units_[2].get_array(), alone.dC_da[2][0], rtol=1e-12)
    j, k = one.pairs_[1].T
    assert_allclose(one.connections_[1].get_array(), alone.dC_dw[2][j, k], rtol=1e-12)
    forward = NetworkDisplay.from_trace(t, show="activations", image_shape=None)
    assert_allclose(forward.units_[2].get_array(), t.a[2].mean(axis=0))
    plain = NetworkDisplay.from_trace(t, show="weights", image_shape=None)
    assert plain.units_[1].get_array() is None
    assert len(plain.colorbars_) == 1


def test_wide_layers_are_folded(recogniser):
    display = NetworkDisplay.from_network(recogniser[0], max_units=8)
    assert display.shown_[0].tolist() == [0, 1, 2, 3, 32, 33, 34, 35]
    assert display.shown_[1].tolist() == [0, 1, 2, 3, 16, 17, 18, 19]
    assert display.shown_[2].tolist() == list(range(6))
    assert len(display.layout_.dots) == 2
    assert "layer 0\n36 inputs" in [text for text, _ in texts_of(display.figure_)]
    assert_readable(display.figure_)
    assert fold(16, 16).tolist() == list(range(16))
    assert fold(17, 5).tolist() == [0, 1, 15, 16]


def test_an_image_is_shown_as_one(recogniser):
    network, X, *_ = recogniser
    display = NetworkDisplay.from_network(network, X[0], image_shape=(4, 9), n_pixels=2)
    assert display.units_[0] is None
    assert_array_equal(display.image_.get_array(), X[0].reshape(4, 9))
    pulls = np.abs(network.weights[0] * X[0])
    for j, k in display.pairs_[0]:
        assert pulls[j, k] >= np.sort(pulls[j])[-2]
    assert len(display.pairs_[0]) == 2 * len(display.shown_[1])
    # the lines begin inside their pixels: x to the right, y down from the top
    left, right, bottom, top = display.image_.get_extent()
    for (_, k), segment in zip(
        display.pairs_[0], display.connections_[0].get_segments(), strict=True
    ):
        x, y = segment[0]
        assert int((x - left) / (right - left) * 9) == k % 9
        assert int((top - y) / (top - bottom) * 4) == k // 9
    assert top > bottom


@pytest.mark.parametrize("sizes", [(2, 3, 1), (1, 1), (40, 60, 17, 16, 3), (30, 30, 12)])
def test_units_keep_apart_and_words_too(sizes):
    network = Network(sizes, random_state=0)
    display = NetworkDisplay.from_network(network, np.ones(sizes[0]), np.zeros(sizes[-1]))
    (x0, x1), (y0, y1) = display.ax_.get_xlim(), display.ax_.get_ylim()
    places = np.concatenate(display.layout_.places)
    for one, other in itertools.combinations(places, 2):
        assert np.linalg.norm(one - other) > 2 * RADIUS
    assert (places[:, 0] > x0 + RADIUS).all()
    assert (places[:, 0] < x1 - RADIUS).all()
    assert (places[:, 1] > y0 + RADIUS).all()
    assert (places[:, 1] < y1 - RADIUS).all()
    assert_readable(display.figure_)


def test_the_network_of_an_estimator():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), np.array(["no", "yes", "so"])[rng.integers(0, 3, 50)]
    classifier = MLPClassifier(hidden_layer_sizes=4, solver="lbfgs", max_iter=2000, alpha=1.0,
                               random_state=0).fit(X, y)  # fmt: skip
    display = NetworkDisplay.from_estimator(classifier, X[0], y[0])
    t = classifier.network_.trace(X[0], (classifier.classes_ == y[0]).astype(float))
    assert_allclose(display.units_[1].get_array(), t.dC_da[1][0])
    assert display.names == ["no", "so", "yes"]
    two = MLPClassifier(hidden_layer_sizes=4, solver="lbfgs", max_iter=2000, alpha=1.0,
                        random_state=0).fit(X, y == "yes")  # fmt: skip
    assert NetworkDisplay.from_estimator(two, X[0]).names == ["True"]


def test_what_a_network_s_picture_refuses(recogniser):
    network, X, Y, *_ = recogniser
    t = network.trace(X[:3], Y[:3], [1, 0, 1])
    refused = [
        (lambda: NetworkDisplay.from_network(network, show="all"), "show must be one of"),
        (lambda: NetworkDisplay.from_network(network, show="activations"), "needs x"),
        (lambda: NetworkDisplay.from_network(network, X[0], show="gradient"), "needs x and y"),
        (lambda: NetworkDisplay.from_network(network, X[0], names=["a"]), "names holds 1"),
        (lambda: NetworkDisplay.from_network(network, X[0], image_shape=(5, 7)), "takes 35 inputs"),
        (lambda: NetworkDisplay.from_network(network, X[0], image_shape="no"), 'must be "auto"'),
        (lambda: NetworkDisplay.from_trace(t, example=3), "row of the trace, 0 to 2"),
        (lambda: NetworkDisplay.from_trace(t, example=1), "of a weight above 0"),
        (lambda: NetworkDisplay.from_network(network, max_units=1), "max_units must be at least"),
    ]
    for call, message in refused:
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="expected a bpcore Network"):
        NetworkDisplay.from_network("net")


# ---------------------------------------------------------------- the film


def test_the_film_is_gradient_descent():
    network = Network((2, 3, 1), random_state=0, dtype="float64")
    start = network.parameters.copy()
    film = DescentAnimation.from_network(network, *XOR, n_steps=4, learning_rate=2.0)
    assert_array_equal(network.parameters, start)
    theta = start.copy()
    for step in film.steps:
        network.set_parameters(theta)
        g = network.gradient(*XOR)
        assert_allclose(step.cost, g.cost)
        assert_allclose(step.trace.dC_dw[2], g.weights[1])
        theta -= 2.0 * g.vector
        assert_allclose(step.theta, theta, rtol=1e-12)


def test_frames():
    network = Network((2, 3, 1), random_state=0)
    film = DescentAnimation.from_network(network, *XOR, n_steps=7, detailed=1, every=3)
    assert [(frame.step, frame.stage, frame.layer) for frame in film.frames] == [
        (0, "forward", 1), (0, "forward", 2),
        (0, "backward", 2), (0, "backward", 1), (0, "backward", 0),
        (0, "update", 2), (3, "whole", 2), (6, "whole", 2),
    ]  # fmt: skip


def test_each_picture_shows_its_stage():
    network = Network((2, 3, 1), random_state=0, dtype="float64")
    film = DescentAnimation.from_network(network, *XOR, n_steps=3, detailed=1, example=2).plot()
    display, step = film.network_display_, film.steps[0]
    (x_w, w) = (display.pairs_[1], network.weights[1])

    film.draw(0)  # forward, layer 1
    assert_array_equal(display.units_[1].get_array(), step.trace.a[1][2])
    assert display.units_[2].get_array() is None
    assert_array_equal(display.connections_[1].get_array(), w[x_w[:, 0], x_w[:, 1]])
    assert len(film.cost_line_.get_ydata()) == 0

    film.draw(1)  # forward, layer 2: the cost is known
    assert_array_equal(display.units_[2].get_array(), step.trace.a[2][2])
    assert film.cost_line_.get_ydata() == [step.cost]

    film.draw(2)  # backward, layer 2, of the example alone
    alone = network.trace(XOR[0][2], XOR[1][2])
    assert_allclose(display.units_[2].get_array(), 4 * step.trace.dC_da[2][2])
    assert display.units_[1].get_array() is None
    assert_array_equal(display.connections_[1].get_array(), alone.dC_dw[2][x_w[:, 0], x_w[:, 1]])
    assert display.connections_[0].get_alpha().max() < 0.1
    assert_readable(film.figure_)

    film.draw(5)  # update
    moved = step.theta[9:12].reshape(1, 3)
    assert_array_equal(display.connections_[1].get_array(), moved[x_w[:, 0], x_w[:, 1]])
    film.draw(7)
    assert_allclose(film.cost_line_.get_ydata(), [one.cost for one in film.steps])
    assert_readable(film.figure_)


def test_the_film_of_an_image(recogniser):
    network, X, Y, *_ = recogniser
    film = DescentAnimation.from_network(network, X[:3], Y[:3], n_steps=1, detailed=1).plot()
    image = film.network_display_.image_
    assert_array_equal(image.get_array(), X[0].reshape(6, 6))
    film.draw([f.stage == "backward" and f.layer == 0 for f in film.frames].index(True))
    assert_allclose(np.ravel(image.get_array()), 3 * film.steps[0].trace.dC_da[0][0])
    assert_readable(film.figure_)


def test_a_gif_holds_every_picture(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    network = Network((2, 2, 1), random_state=0)
    film = DescentAnimation.from_network(network, *XOR, n_steps=3, detailed=0)
    film.save(tmp_path / "film.gif", dpi=40)
    with pillow.open(tmp_path / "film.gif") as gif:
        assert gif.n_frames == len(film.frames) == 3
        assert gif.size == (320, 200)


def test_an_mp4_holds_every_picture(tmp_path):
    """Read back by ffmpeg as raw pixels: so many frames, the last one as matplotlib draws it."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not on the PATH")
    network = Network((2, 2, 1), random_state=0)
    film = DescentAnimation.from_network(network, *XOR, n_steps=3, detailed=0)
    film.save(tmp_path / "film.mp4", dpi=40)
    command = [ffmpeg, "-v", "error", "-i", tmp_path / "film.mp4", "-f", "rawvideo",
               "-pix_fmt", "gray", "-"]  # fmt: skip
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, 200, 320).astype(float)
    assert len(frames) == len(film.frames) == 3
    film.figure_.set_dpi(40)
    film.figure_.canvas.draw()
    drawn = np.asarray(film.figure_.canvas.buffer_rgba())[:, :, :3] @ [0.299, 0.587, 0.114]
    away = [np.abs(frame - drawn).mean() for frame in frames]
    assert away[2] < 4
    assert away[2] < min(away[:2])


def test_an_mp4_needs_ffmpeg(tmp_path, monkeypatch):
    from matplotlib.animation import FFMpegWriter

    film = DescentAnimation.from_network(Network((2, 1), random_state=0), *XOR, n_steps=1)
    monkeypatch.setattr(FFMpegWriter, "isAvailable", classmethod(lambda cls: False))
    with pytest.raises(RuntimeError, match="written by ffmpeg, which is not on the PATH"):
        film.save(tmp_path / "film.mp4")
    with pytest.raises(ValueError, match=r"must end in .gif or .mp4"):
        film.save(tmp_path / "film.avi")
    assert list(tmp_path.iterdir()) == []


def test_films_refused():
    network = Network((2, 1))
    with pytest.raises(ValueError, match="example must be 0 to 3"):
        DescentAnimation.from_network(network, *XOR, example=4)
    with pytest.raises(ValueError, match="n_steps must be at least 1"):
        DescentAnimation.from_network(network, *XOR, n_steps=0)
    with pytest.raises(ValueError, match="every must be at least 1"):
        DescentAnimation.from_network(network, *XOR, every=0)


def test_a_film_in_a_notebook():
    film = DescentAnimation.from_network(Network((2, 1), random_state=0), *XOR, n_steps=2)
    animation = film.animation(interval=100)
    frames = list(animation.new_frame_seq())
    assert frames == list(range(len(film.frames)))
    animation._draw_was_started = True  # it is not played here


def test_the_film_of_an_estimator():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 2)), rng.normal(size=20)
    regressor = MLPRegressor(hidden_layer_sizes=3, solver="lbfgs", max_iter=2000,
                             random_state=0).fit(X, y)  # fmt: skip
    film = DescentAnimation.from_estimator(regressor, X, y, n_steps=2, learning_rate=0.01)
    assert_allclose(film.steps[0].cost, regressor.network_.cost(X, y))
