"""Displays at their edges: unusual networks, images, names and axes, and what is refused."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("matplotlib")

import matplotlib.pyplot as plt
from pictures import XOR, assert_readable, close_figures, texts_of
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bpcore import (
    CostCurveDisplay,
    DescentAnimation,
    DescentDisplay,
    GradientFlowDisplay,
    History,
    MLPClassifier,
    MLPRegressor,
    Network,
    NetworkDisplay,
    PredictionsDisplay,
    TabularClassifier,
    TabularRegressor,
    TrainingCurveDisplay,
    WeightsDisplay,
    scaled,
)
from bpcore.display.base import targets_of

close = pytest.fixture(autouse=True)(close_figures)

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(size=(30, 12)), np.eye(3)[RNG.integers(0, 3, 30)]


# ---------------------------------------------------------------- networks


@pytest.mark.parametrize(
    ("sizes", "output", "loss"),
    [
        ((12, 3), "sigmoid", "quadratic"),
        ((12, 1), "identity", "quadratic"),
        ((12, 5, 1), "identity", "huber"),
        ((12, 20, 3), "softmax", "categorical_cross_entropy"),
        ((12, *(6,) * 10, 2), "sigmoid", "quadratic"),
    ],
)
def test_networks_of_all_kinds(sizes, output, loss):
    network = Network(sizes, "tanh", output, loss, random_state=0, dtype="float64")
    y = Y[:, :1].repeat(sizes[-1], axis=1) if output != "softmax" else Y
    one, t = NetworkDisplay.from_network(network, X[2], y[2]), network.trace(X[2], y[2])
    all_of_them, mean = NetworkDisplay.from_network(network, X, y), network.trace(X, y)
    for layer in range(1, len(sizes)):
        shown = one.shown_[layer]
        assert_array_equal(one.units_[layer].get_array(), t.dC_da[layer][0, shown])
        assert_allclose(all_of_them.units_[layer].get_array(), mean.dC_da[layer].sum(axis=0)[shown])
        j, k = all_of_them.pairs_[layer - 1].T
        drawn = all_of_them.connections_[layer - 1].get_array()
        assert_array_equal(drawn, mean.dC_dw[layer][j, k])
    flow = GradientFlowDisplay.from_network(network, X, y)
    assert_allclose(flow.norms["weight"][0], [np.linalg.norm(d) for d in mean.dC_dw[1:]])
    for display in (one, all_of_them, flow):
        assert_readable(display.figure_)


def test_layers_of_a_deep_network_keep_apart():
    display = NetworkDisplay.from_network(Network((4, *(6,) * 14, 2)))
    columns = [places[0, 0] for places in display.layout_.places]
    assert np.diff(columns).min() > 2
    assert columns[-1] < display.ax_.get_xlim()[1]
    assert_readable(display.figure_)


def test_outputs_too_close_for_words_are_named_in_part():
    network = Network((3, 60), random_state=0)
    display = NetworkDisplay.from_network(network, X[0, :3], max_units=60)
    a = network.predict(X[0, :3])
    named = {text for text, _ in texts_of(display.figure_) if re.match(r"\d+:  ", text)}
    assert 10 < len(named) < 60
    assert named < {f"{i}:  {a[i]:.2f}" for i in range(60)}
    assert_readable(display.figure_)


def test_an_estimator_that_stopped_early():
    y = Y.argmax(axis=1)
    classifier = MLPClassifier(hidden_layer_sizes=4, early_stopping=True, n_iter_no_change=3,
                               random_state=0, max_iter=400).fit(X, y)  # fmt: skip
    display = TrainingCurveDisplay.from_estimator(classifier)
    assert_array_equal(display.cost_lines_[0].get_ydata(), classifier.loss_curve_)
    assert_array_equal(display.score_lines_[0].get_ydata(), classifier.validation_scores_)
    best = int(np.argmax(classifier.validation_scores_))
    assert display.best_ == [(best + 1, classifier.best_validation_score_)]
    shown = NetworkDisplay.from_estimator(classifier, X[0], y[0])
    t = classifier.network_.trace(X[0], Y[0])
    assert_array_equal(shown.units_[2].get_array(), t.dC_da[2][0])


# ---------------------------------------------------------------- images


COLOURED = RNG.uniform(size=(30, 4 * 5 * 3))


def test_coloured_images_of_predictions():
    network = Network((60, 3), random_state=0)
    display = PredictionsDisplay.from_network(network, COLOURED, Y, image_shape=(4, 5, 3))
    low, high = COLOURED.min(), COLOURED.max()
    for row, image in zip(display.shown_[0], display.images_[0], strict=True):
        assert_allclose(image.get_array(), (COLOURED[row].reshape(4, 5, 3) - low) / (high - low))
    assert_readable(display.figure_)


def test_coloured_weights():
    network = Network((60, 3), random_state=0, dtype="float64")
    display = WeightsDisplay.from_network(network, image_shape=(4, 5, 3))
    w = network.weights[0]
    limit = np.abs(w).max()
    for row, image in zip(w, display.images_, strict=True):
        assert_allclose(image.get_array(), 0.5 + row.reshape(4, 5, 3) / (2 * limit))
    assert (display.colorbar_.vmin, display.colorbar_.vmax) == (-limit, limit)


def test_a_coloured_input():
    network = Network((60, 20, 3), random_state=0, dtype="float64")
    forward = NetworkDisplay.from_network(network, COLOURED[0], image_shape=(4, 5, 3))
    low, high = COLOURED[0].min(), COLOURED[0].max()
    pixels = (COLOURED[0].reshape(4, 5, 3) - low) / (high - low)
    assert_allclose(forward.image_.get_array(), pixels)
    left, right, bottom, top = forward.image_.get_extent()
    segments = forward.connections_[0].get_segments()
    for (_, k), segment in zip(forward.pairs_[0], segments, strict=True):
        x, y = segment[0]
        assert int((x - left) / (right - left) * 5) == k // 3 % 5
        assert int((top - y) / (top - bottom) * 4) == k // 15
    back = NetworkDisplay.from_network(network, COLOURED[0], Y[0], image_shape=(4, 5, 3))
    d = network.trace(COLOURED[0], Y[0]).dC_da[0][0].reshape(4, 5, 3)
    assert_allclose(back.image_.get_array(), 0.5 + d / (2 * np.abs(d).max()))
    assert_readable(forward.figure_)
    assert_readable(back.figure_)


def test_one_colour_is_none():
    display = WeightsDisplay.from_network(Network((12, 2)), image_shape=[3, 4, 1])
    assert display.image_shape == (3, 4)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (None, "12 inputs make no square image: give image_shape=(height, width)"),
        (4, "image_shape must be (height, width)"),
        ("auto", "image_shape must be (height, width)"),
        ((3.0, 4.0), "image_shape must be (height, width)"),
        ((3, 2, 2), "1 or 3 colours, got (3, 2, 2)"),
        ((-3, -4), "positive sides"),
        ((2, 2, 3, 1), "image_shape must be (height, width)"),
        ((4, 4, 3), "image_shape (4, 4, 3) takes 48 inputs, but there are 12"),
    ],
)
def test_shapes_refused(shape, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        WeightsDisplay.from_network(Network((12, 2)), image_shape=shape)


def test_many_and_few_units():
    for n in (1, 40, 100):
        display = WeightsDisplay.from_network(Network((9, n)), units=range(n))
        assert len(display.images_) == n
        assert_readable(display.figure_)
    both = WeightsDisplay.from_network(Network((9, 90)), before=Network((9, 90)), units=range(90))
    assert_readable(both.figure_)


@pytest.mark.parametrize("names", [["aeroplane", "automobile", "frog"], ["a", "b", "c" * 40]])
@pytest.mark.parametrize("shape", [(3, 4), (1, 12), (12, 1)])
def test_long_names_of_classes(names, shape):
    network = Network((12, 3), random_state=0)
    display = PredictionsDisplay.from_network(network, X, Y, names=names, image_shape=shape)
    assert_array_equal(display.true, np.array(names)[Y.argmax(axis=1)])
    assert_readable(display.figure_)


# ---------------------------------------------------------------- runs


def test_many_runs_are_told_apart():
    records = {
        f"a rather long name, {i}": History(1, [1.0 / (i + 1)] * 40, [0.5] * 40, [i / 10] * 40)
        for i in range(10)
    }
    display = TrainingCurveDisplay.from_history(records)
    looks = {(line.get_color(), line.get_marker()) for line in display.cost_lines_}
    assert len(looks) == 10
    assert_readable(display.figure_)


def test_scores_that_are_not_numbers():
    nan = float("nan")
    records = [History(1, [1.0] * 3, [1.0] * 3, score) for score in ([nan, 0.5, 0.25], [nan] * 3)]
    assert TrainingCurveDisplay.from_history(records).best_ == [(2, 0.5), None]


def test_costs_of_0_have_no_logarithm():
    display = TrainingCurveDisplay.from_history(History(1, [0.0] * 5, [], []), log_scale=True)
    assert display.axes_[0].get_yscale() == "linear"
    some = TrainingCurveDisplay.from_history(History(1, [1.0, 0.0], [], []), log_scale=True)
    assert some.axes_[0].get_yscale() == "log"
    assert_readable(display.figure_)


def test_training_and_validation_of_a_single_epoch_are_told_apart():
    display = TrainingCurveDisplay.from_history(History(1, [1.0], [0.5], [0.25]))
    training, validation = display.cost_lines_[0], display.validation_cost_lines_[0]
    marks = [line.get_markerfacecolor() for line in (training, validation)]
    assert marks[0] != marks[1]
    legend = display.axes_[0].get_legend().get_lines()
    assert [line.get_markerfacecolor() for line in legend] == marks
    assert {line.get_marker() for line in legend} == {"o"}


# ---------------------------------------------------------------- axes


def test_axes_in_an_array_of_any_shape():
    network = Network((12, 3), random_state=0)
    _, axes = plt.subplots(1, 4, figsize=(14, 4))
    display = GradientFlowDisplay.from_network(network, X, Y, ax=list(axes))
    assert display.axes_.shape == (2, 2)
    assert display.axes_.ravel().tolist() == axes.tolist()
    _, axes = plt.subplots(1, 1, squeeze=False)
    assert NetworkDisplay.from_network(network, ax=axes).ax_ is axes[0, 0]


def test_a_divided_axes_has_room_for_words():
    _, axes = plt.subplots()
    display = GradientFlowDisplay.from_network(Network((12, 3)), X, Y, ax=axes)
    assert_readable(display.figure_)


def test_two_axes_where_none_is_misread():
    network = Network((4, 2), "identity", init="zeros")
    network.weights[0][0, 0] = 1
    _, axes = plt.subplots(2, 1)
    display = PredictionsDisplay.from_network(network, np.eye(4)[:1], [[1.0, 0.0]], ax=axes)
    assert [len(rows) for rows in display.shown_] == [1, 0]
    assert axes[1].get_title() == "None of 1 is misread"


def test_axes_refused():
    network = Network((12, 3))
    history = network.fit(X, Y, epochs=1)
    _, axes = plt.subplots(2, 2)
    refused = [
        (lambda: NetworkDisplay.from_network(network, ax=axes), ValueError,
         "ax holds 4 axes, but this display takes one"),
        (lambda: TrainingCurveDisplay.from_history(history, ax=axes[0]), ValueError,
         "ax holds 2 axes, but there is no score to draw"),
        (lambda: NetworkDisplay.from_network(network, ax=plt.figure()), TypeError,
         "ax must be matplotlib Axes or a sequence of them, got Figure"),
        (lambda: GradientFlowDisplay.from_network(network, X, Y, ax="left"), TypeError, "got str"),
        (lambda: WeightsDisplay.from_network(network, image_shape=(3, 4), ax=[]), TypeError,
         "got list"),
    ]  # fmt: skip
    for call, error, message in refused:
        with pytest.raises(error, match=message):
            call()


# ---------------------------------------------------------------- wrong arguments


@pytest.mark.parametrize(
    ("display", "data"),
    [
        (NetworkDisplay, ()),
        (WeightsDisplay, ()),
        (GradientFlowDisplay, (X, X[:, 0])),
        (DescentDisplay, (X, X[:, 0], np.eye(3))),
        (PredictionsDisplay, (X, X[:, 0])),
        (DescentAnimation, (X, X[:, 0])),
    ],
)
def test_estimators_that_are_not_fitted(display, data):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        display.from_estimator(MLPRegressor(), *data)


def test_estimators_in_a_pipeline():
    pipeline = make_pipeline(StandardScaler(), MLPRegressor())
    with pytest.raises(TypeError, match="got Pipeline; of a pipeline or a search, give the fitted"):
        WeightsDisplay.from_estimator(pipeline)
    with pytest.raises(ValueError, match="Pipeline has no loss_curve_: give the fitted bpcore"):
        TrainingCurveDisplay.from_estimator(pipeline)


def test_curves_ask_for_the_other_door():
    network = Network((2, 1))
    network.fit(*XOR, epochs=1)
    with pytest.raises(ValueError, match="from_network draws a Network"):
        TrainingCurveDisplay.from_estimator(network)
    regressor = MLPRegressor(solver="lbfgs", hidden_layer_sizes=2).initialize(2)
    with pytest.raises(TypeError, match="got MLPRegressor: from_estimator draws it"):
        TrainingCurveDisplay.from_network(regressor)


def test_labels_that_the_classifier_does_not_know():
    classifier = MLPClassifier(hidden_layer_sizes=3).initialize(12, classes=["a", "c", "d"])
    for display in (NetworkDisplay, GradientFlowDisplay):
        with pytest.raises(ValueError, match="classes not in"):
            display.from_estimator(classifier, X[:1], ["b"])


def test_targets_without_inputs():
    with pytest.raises(ValueError, match="y was given without x"):
        NetworkDisplay.from_network(Network((2, 1)), None, [1.0])


def test_tables_and_labels_as_fit_takes_them(rng):
    pandas, sparse = pytest.importorskip("pandas"), pytest.importorskip("scipy.sparse")
    X, Y = rng.normal(size=(30, 4)), rng.integers(0, 2, (30, 2))
    quick = {"hidden_layer_sizes": (3,), "solver": "lbfgs", "tol": 0.1, "random_state": 0}
    network = Network((4, 3, 1), random_state=0)
    pixels = (255 * rng.uniform(size=(30, 4))).astype(np.uint8)
    mixed = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1] > 0, "c": X[:, 2], "d": X[:, 3] > 0})
    for given, plain in ((scaled(pixels), pixels / 255), (mixed, mixed.to_numpy(float))):
        units = {"layer": 1, "j": 0, "k": 0}
        costs = [
            CostCurveDisplay.from_network(network, table, Y[:, 0], **units).cost
            for table in (given, plain)
        ]
        assert costs[0] == costs[1]
        shown = PredictionsDisplay.from_network(network, given, Y[:, 0], kind="images")
        assert_array_equal(shown.X, plain)
    for y in (sparse.csr_array(Y), pandas.DataFrame(Y), Y.tolist()):
        estimator = MLPClassifier(**quick).fit(X, y)
        assert_array_equal(targets_of(estimator, y), Y)
        GradientFlowDisplay.from_estimator(estimator, X, y)
    estimator = MLPClassifier(**quick).fit(X, Y[:, 0])
    for y in (Y[:, :1], pandas.DataFrame(Y[:, :1]), Y[:, 0].tolist()):
        assert_array_equal(targets_of(estimator, y), Y[:, :1])
    regressor = MLPRegressor(**quick).fit(X, sparse.csr_array(Y.astype(float)))
    assert_array_equal(targets_of(regressor, sparse.csr_array(Y.astype(float))), Y)
    labels = np.array([["odd", 1], ["even", 2]], dtype=object)[Y[:, 0]].tolist()
    estimator = MLPClassifier(**quick).fit(X, labels)
    assert_array_equal(targets_of(estimator, labels), np.column_stack([1 - Y[:, 0], Y[:, 0]]))


@pytest.mark.parametrize(
    ("labels", "names", "words"),
    [
        ([0, 1, 2], ["a"], "names holds 1, but there are 3 classes"),
        ([0, -1, 2], ["a", "b", "c"], "labels in Y must be 0 to 2.* got -1 in row 1"),
        ([0, 1, 2.5], None, "labels in Y must be 0 to 2.* got 2.5 in row 2"),
        (["a", "b", "c"], None, "got 'a' in row 0; names says"),
    ],
)
def test_labels_and_names_that_do_not_fit(labels, names, words, rng):
    network = Network((4, 3), output_activation="softmax", random_state=0)
    with pytest.raises(ValueError, match=words):
        PredictionsDisplay.from_network(network, rng.normal(size=(3, 4)), labels, names=names)


def test_the_curves_of_an_ensembles_members(rng):
    X = rng.normal(size=(60, 2))
    quick = {"n_members": 2, "epochs": 3, "hidden_layer_sizes": (4,), "random_state": 0}
    model = TabularClassifier(**quick).fit(X, X[:, 0] > 0)
    display = TrainingCurveDisplay.from_estimator(model)
    assert display.names == ["member 1", "member 2"]
    assert_array_equal(display.costs, model.loss_curves_)
    assert_array_equal(display.validation_scores, model.validation_scores_)
    assert display.score_name == "validation accuracy"
    numbers = TabularRegressor(**quick).fit(X, X[:, 0])
    display = TrainingCurveDisplay.from_estimator({"a": numbers, "b": numbers})
    assert display.names == ["a member 1", "a member 2", "b member 1", "b member 2"]
    assert display.score_name == "validation score"
    alone = TabularRegressor(**quick | {"n_members": 1}).fit(X, X[:, 0])
    assert TrainingCurveDisplay.from_estimator(alone).score_name == "validation score"
