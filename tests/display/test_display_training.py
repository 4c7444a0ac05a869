"""Gradients over training and the way down, against the traces and costs they show."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("matplotlib")

from pictures import XOR, assert_readable, close_figures, small_recogniser, texts_of

from bpcore import (
    DescentDisplay,
    GradientFlowDisplay,
    GradientFlowRecorder,
    MLPClassifier,
    MLPRegressor,
    Network,
    PathRecorder,
)

close = pytest.fixture(autouse=True)(close_figures)
recogniser = pytest.fixture(scope="module")(small_recogniser)


# ---------------------------------------------------------------- gradients over training


def test_the_recorder_summarises_the_trace(recogniser):
    network, X, Y, before, _, flow = recogniser
    assert flow.epochs == [0, 1, 2, 3, 4]
    start = Network((36, 20, 6, 4), dtype="float64")
    start.set_parameters(before)
    for moment, net in ((0, start), (-1, network)):
        t = net.trace(X[:10], Y[:10])
        for layer in (1, 2, 3):
            dw = flow.weight[moment][layer - 1]
            assert_allclose(dw.norm, np.linalg.norm(t.dC_dw[layer]))
            assert_allclose(
                dw.percentiles, np.percentile(np.abs(t.dC_dw[layer]), [5, 25, 50, 75, 95])
            )
            dz = flow.delta[moment][layer - 1]
            own = [net.trace(X[i], Y[i]).dC_dz[layer][0] for i in range(10)]
            assert_allclose(dz.norm, np.mean([np.linalg.norm(d) for d in own]))
            assert_allclose(dz.percentiles, np.percentile(np.abs(own), [5, 25, 50, 75, 95]))
            assert dz.zeros == dw.zeros == 0


def test_flow_shows_what_was_recorded(recogniser):
    flow = recogniser[-1]
    display = GradientFlowDisplay.from_recorder(flow)
    for name in ("delta", "weight"):
        assert len(display.norm_lines_[name]) == 3
        for i, line in enumerate(display.norm_lines_[name]):
            assert line.get_xdata().tolist() == [0, 1, 2, 3, 4]
            norms = [moment[i].norm for moment in getattr(flow, name)]
            assert line.get_ydata().tolist() == norms
        for end, boxes in zip((0, -1), display.boxes_[name], strict=True):
            for i, median in enumerate(boxes["medians"]):
                value = getattr(flow, name)[end][i].percentiles[2]
                assert_allclose(median.get_ydata(), [value, value])
    assert_readable(display.figure_)


def test_units_that_are_off_are_counted():
    network = Network((2, 4, 1), "relu", "identity", random_state=0)
    network.biases[0][:2] = -100
    X = np.random.default_rng(0).uniform(1, 2, (6, 2))
    network.weights[0][2:] = 1
    recorder = GradientFlowRecorder(X, np.zeros((6, 1)), network=network)
    assert recorder.delta[0][0].zeros == recorder.weight[0][0].zeros == 0.5
    assert np.isfinite(recorder.delta[0][0].percentiles).all()
    display = GradientFlowDisplay.from_recorder(recorder)
    labels = [label.get_text() for label in display.axes_[1, 0].get_xticklabels()]
    assert labels == ["1\n50%", "2\n0%"]
    network.biases[0][:] = -100
    dead = GradientFlowDisplay.from_network(network, X, np.ones((6, 1)))
    assert np.isnan(dead.recorder.delta[0][0].percentiles).all()
    assert len(dead.boxes_["delta"][0]["medians"]) == 1
    assert_readable(dead.figure_)
    nothing = GradientFlowDisplay.from_network(network, X, np.zeros((6, 1)))
    assert "every number is 0" in [text for text, _ in texts_of(nothing.figure_)]
    assert_readable(nothing.figure_)


def test_recorders_of_estimators_and_of_every_other_epoch():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.normal(size=40)
    flow, path = GradientFlowRecorder(X, y, every=2), PathRecorder(every=2)

    def both(estimator):
        flow(estimator)
        path(estimator)

    regressor = MLPRegressor(hidden_layer_sizes=4, max_iter=5, tol=0, n_iter_no_change=5,
                             random_state=0, callback=both)  # fmt: skip
    with pytest.warns(UserWarning, match="Maximum iterations"):
        regressor.fit(X, y)
    assert flow.epochs == [2, 4]
    assert path.costs == [regressor.loss_curve_[1], regressor.loss_curve_[3]]
    display = GradientFlowDisplay.from_estimator(regressor, X, y)
    t = regressor.network_.trace(X, y)
    assert_allclose(display.norms["weight"][0, 1], np.linalg.norm(t.dC_dw[2]))
    assert_array_equal(display.norm_lines_["weight"][0].get_ydata(), display.norms["weight"][0])


def test_an_empty_recorder():
    with pytest.raises(ValueError, match="the recorder is empty"):
        GradientFlowDisplay.from_recorder(GradientFlowRecorder(*XOR))
    with pytest.raises(ValueError, match="every must be at least 1"):
        PathRecorder(every=0)


# ---------------------------------------------------------------- the way down


def test_the_path_is_what_training_went_through(recogniser):
    network, X, Y, before, path, _ = recogniser
    assert len(path.path) == 5
    assert_array_equal(path.path[0], before)
    assert_array_equal(path.path[-1], network.parameters)
    assert path.costs[1:] == network.history_.cost
    display = DescentDisplay.from_network(network, X, Y, path, n_points=7)
    assert_allclose(display.directions @ display.directions.T, np.eye(2), atol=1e-12)
    assert_allclose(display.path[-1], 0, atol=1e-12)
    moved = np.array(path.path) - path.path[-1]
    assert_allclose(display.path, moved @ display.directions.T, rtol=1e-12, atol=1e-12)
    assert_array_equal(np.column_stack(display.path_line_.get_data()), display.path)
    # no other direction carries more of the path than the first
    spread = np.linalg.norm(moved[:-1] @ display.directions[0])
    assert_allclose(spread, np.linalg.norm(moved[:-1], ord=2))
    assert_readable(display.figure_)


def test_the_surface_is_the_cost(recogniser):
    network, X, Y, _, path, _ = recogniser
    display = DescentDisplay.from_network(network, X[:9], Y[:9], path, n_points=5)
    walker = network.astype("float64")
    for i, j in ((0, 0), (4, 1), (2, 3)):
        theta = network.parameters + (
            display.first[j] * display.directions[0] + display.second[i] * display.directions[1]
        )
        walker.set_parameters(theta)
        assert_allclose(display.surface[i, j], walker.cost(X[:9], Y[:9]), rtol=1e-12)
    low, high = display.path.min(axis=0), display.path.max(axis=0)
    assert display.first[0] < low[0] < high[0] < display.first[-1]
    assert display.second[0] < low[1] < high[1] < display.second[-1]
    assert_array_equal(network.parameters, path.path[-1])


def test_two_parameters_as_directions():
    network = Network((2, 3, 1), random_state=0)
    recorder = PathRecorder(network)
    network.fit(*XOR, epochs=5, callback=recorder)
    display = DescentDisplay.from_network(network, *XOR, recorder, directions=(4, 11), n_points=5)
    assert_allclose(display.path[0], (recorder.path[0] - recorder.path[-1])[[4, 11]])
    # θ: w^(1) is 0 … 5, b^(1) 6 … 8, w^(2) 9 … 11, b^(2) 12
    assert "w_{2,0}^{(1)}" in display.labels[0]
    assert "w_{0,2}^{(2)}" in display.labels[1]
    display = DescentDisplay.from_network(network, *XOR, recorder, directions=(7, 12), n_points=5)
    assert "b_{1}^{(1)}" in display.labels[0]
    assert "b_{0}^{(2)}" in display.labels[1]
    assert_readable(display.figure_)
    given = np.eye(13)[:2] * 3 + np.eye(13)[1]
    display = DescentDisplay.from_network(network, *XOR, recorder, directions=given, n_points=5)
    assert_allclose(display.directions @ display.directions.T, np.eye(2), atol=1e-12)
    assert np.linalg.matrix_rank(np.vstack([given, display.directions])) == 2


def test_a_straight_path_and_a_flat_surface():
    network = Network((2, 1), "identity", init="zeros", dtype="float64")
    path = [[0.0, 0, 0], [1.0, 1, 0], [2.0, 2, 0]]
    display = DescentDisplay.from_network(network, *XOR, path, n_points=4)
    assert_allclose(display.directions @ display.directions.T, np.eye(2), atol=1e-12)
    assert_allclose(display.path[:, 1], 0, atol=1e-12)
    flat = DescentDisplay.from_network(network, [[0.0, 0.0]], [[0.0]], path, n_points=4,
                                       directions=(0, 1))  # fmt: skip
    assert_array_equal(flat.surface, 0)


def test_paths_and_directions_refused():
    network = Network((2, 1))
    good = np.eye(3)
    refused = [
        (np.zeros((3, 4)), "pca", r"shape \(3, 4\), expected \(n_points, 3\)"),
        (good[:1], "pca", "one point"),
        (np.zeros((3, 3)), "pca", "never leaves"),
        (good * np.nan, "pca", "NaN or infinity"),
        (good, "random", '"pca" or two'),
        (good, (0, 3), "two numbers from 0 to 2"),
        (good, (1, 1), "two numbers from 0 to 2"),
        (good, (good[0],), "two parameters' numbers or two vectors"),
        (good, (good[0], 2 * good[0]), "not multiples of each other"),
        (good, (good[0], [1.0]), "a direction has 3 numbers"),
    ]
    for path, directions, message in refused:
        with pytest.raises(ValueError, match=message):
            DescentDisplay.from_network(network, *XOR, path, directions=directions, n_points=3)


def test_descent_of_an_estimator():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 3, 40)
    recorder = PathRecorder()
    classifier = MLPClassifier(hidden_layer_sizes=4, max_iter=3, random_state=0,
                               callback=recorder)  # fmt: skip
    with pytest.warns(UserWarning, match="Maximum iterations"):
        classifier.fit(X, y)
    display = DescentDisplay.from_estimator(classifier, X, y, recorder, n_points=3)
    network = classifier.network_.astype("float64")
    network.parameters[:] += (
        display.first[1] * display.directions[0] + display.second[1] * display.directions[1]
    )
    assert_allclose(display.surface[1, 1], network.cost(X, np.eye(3)[y]), rtol=1e-12)


@pytest.mark.parametrize("learning_rate", [3.0, 0.01, 1e-5])
@pytest.mark.parametrize("n_levels", [2, 24, 60])
def test_ticks_of_the_cost_are_told_apart(learning_rate, n_levels):
    network = Network((2, 3, 1), random_state=0, dtype="float64")
    recorder = PathRecorder(network)
    network.fit(*XOR, epochs=4, learning_rate=learning_rate, callback=recorder)
    display = DescentDisplay.from_network(network, *XOR, recorder, n_points=9, n_levels=n_levels)
    display.figure_.draw_without_rendering()
    words = [label.get_text() for label in display.colorbar_.ax.get_yticklabels()]
    assert len(words) >= 3
    assert len(set(words)) == len(words)
    assert_allclose([float(word) for word in words], display.colorbar_.get_ticks(), rtol=5e-3)
    assert_readable(display.figure_)


@pytest.mark.parametrize("bias", [0.0, 1e3, 1e8])
def test_a_cost_that_is_the_same_everywhere_is_said_to_be(bias):
    network = Network((2, 2), "identity", init="zeros", dtype="float64")
    network.biases[0][:] = bias
    path = np.vstack([network.parameters] * 2)
    path[0, 0] -= 1
    display = DescentDisplay.from_network(network, [[0.0, 0.0]], [[0.0, 0.0]], path, n_points=4,
                                          directions=(0, 1))  # fmt: skip
    words = [text for text, _ in texts_of(display.figure_)]
    assert "cost C, the same everywhere" in words
    ticks = [label.get_text() for label in display.colorbar_.ax.get_yticklabels()]
    assert [float(tick) for tick in ticks] == [2 * bias**2]
    assert_readable(display.figure_)


@pytest.mark.parametrize("kind", [dict, list])
def test_several_paths_on_one_surface(kind):
    runs = {}
    for i, optimizer in enumerate(("sgd", "adam", "irprop-")):
        network = Network((2, 3, 1), random_state=0, dtype="float64")
        runs[optimizer] = PathRecorder(network)
        network.fit(*XOR, epochs=3 + i, batch_size=4, optimizer=optimizer,
                    callback=runs[optimizer])  # fmt: skip
    given = runs if kind is dict else list(runs.values())
    display = DescentDisplay.from_network(network, *XOR, given, n_points=5)
    names = list(runs) if kind is dict else ["run 1", "run 2", "run 3"]
    assert list(display.paths) == names
    end = runs["sgd"].path[-1]
    for line, recorder, drawn in zip(
        display.path_lines_, runs.values(), display.paths.values(), strict=True
    ):
        assert_allclose(drawn, (np.array(recorder.path) - end) @ display.directions.T, atol=1e-12)
        assert_array_equal(np.column_stack(line.get_data()), drawn)
        assert display.first[0] < drawn[:, 0].min() < drawn[:, 0].max() < display.first[-1]
        assert display.second[0] < drawn[:, 1].min() < drawn[:, 1].max() < display.second[-1]
    assert display.path_line_ is display.path_lines_[0]
    assert len({line.get_color() for line in display.path_lines_}) == 3
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == [*names, "start", "end"]
    assert "of the paths" in display.ax_.get_xlabel()
    assert repr(display) == "<DescentDisplay: the cost around 3 paths>"
    walker = network.astype("float64")
    walker.set_parameters(end + display.first[1] * display.directions[0]
                          + display.second[2] * display.directions[1])  # fmt: skip
    assert_allclose(display.surface[2, 1], walker.cost(*XOR), rtol=1e-12)
    assert_readable(display.figure_)


def test_several_paths_refused():
    network, good = Network((2, 1)), np.eye(3)
    with pytest.raises(ValueError, match="there is no path to draw"):
        DescentDisplay.from_network(network, *XOR, {})
    with pytest.raises(ValueError, match=r"the path 'adam' has shape \(3, 4\)"):
        DescentDisplay.from_network(network, *XOR, {"sgd": good, "adam": np.zeros((3, 4))})
    with pytest.raises(ValueError, match="the path 'run 2' has one point"):
        DescentDisplay.from_network(network, *XOR, [good, good[:1]])
    alone = DescentDisplay.from_network(network, *XOR, [list(row) for row in good], n_points=3)
    assert list(alone.paths) == [""]
