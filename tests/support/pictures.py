"""What the tests of the displays share: a small recogniser, and whether a picture can be read."""

import itertools

import matplotlib
import matplotlib.pyplot
import numpy as np
import pytest

matplotlib.use("Agg")

from bpcore import GradientFlowRecorder, Network, PathRecorder

XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])


def close_figures():
    """For an autouse fixture: no test sees the figures of another."""
    yield
    matplotlib.pyplot.close("all")


def small_recogniser():
    """A small recogniser of random images, its examples, and what a fit recorded."""
    rng = np.random.default_rng(0)
    X = rng.uniform(size=(60, 36))
    Y = np.eye(4)[rng.integers(0, 4, 60)]
    network = Network((36, 20, 6, 4), random_state=0, dtype="float64")
    before = network.parameters.copy()
    path = PathRecorder(network)
    flow = GradientFlowRecorder(X[:10], Y[:10], network=network)

    def both(net, history):
        path(net, history)
        flow(net, history)

    network.fit(X, Y, epochs=4, batch_size=10, validation_data=(X[:20], Y[:20]), callback=both)
    return network, X, Y, before, path, flow


def texts_of(figure):
    """Every text that is drawn, with where: (text, box)."""
    found = []
    draw = matplotlib.text.Text.draw

    def note(text, renderer, *args, **options):
        if text.get_visible() and text.get_text().strip():
            found.append((text.get_text(), text.get_window_extent(renderer)))
        return draw(text, renderer, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matplotlib.text.Text, "draw", note)
        figure.draw_without_rendering()
    return found


def assert_readable(figure):
    """No text over another, none cut off, none smaller than 7 points."""
    found = texts_of(figure)
    assert found
    width, height = figure.canvas.get_width_height()
    for text, box in found:
        inside = box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1
        assert inside, (text, box, (width, height))
    for (a, one), (b, other) in itertools.combinations(found, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        along = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert across < 2 or along < 2, f"{a!r} and {b!r} overlap"
    sizes = [t.get_fontsize() for t in figure.findobj(matplotlib.text.Text) if t.get_text()]
    assert min(sizes) >= 7
