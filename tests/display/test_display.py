"""Displays: their data are those of the records they show, and one can read them."""

import re
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("matplotlib")

import matplotlib.pyplot as plt
from pictures import XOR, assert_readable, close_figures, small_recogniser, texts_of

from bpcore import (
    MLPClassifier,
    MLPRegressor,
    Network,
    NetworkDisplay,
    PredictionsDisplay,
    ScoreRecorder,
    TrainingCurveDisplay,
    WeightsDisplay,
)

close = pytest.fixture(autouse=True)(close_figures)
recogniser = pytest.fixture(scope="module")(small_recogniser)


# ---------------------------------------------------------------- without matplotlib


def test_bpcore_and_its_displays_are_imported_without_matplotlib():
    code = (
        "import sys, bpcore, bpcore.display; bpcore.NetworkDisplay; bpcore.PathRecorder;"
        "bpcore.GradientFlowRecorder([[1.0]], [[1.0]], network=bpcore.Network((1, 1)));"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "bpcore\[demo\]"'):
        NetworkDisplay.from_network(Network((2, 1)))


# ---------------------------------------------------------------- training curves


def test_curves_are_the_history(recogniser):
    network = recogniser[0]
    display = TrainingCurveDisplay.from_network(network, score_name="accuracy")
    history = network.history_
    (cost,), (validation,), (score,) = (
        display.cost_lines_, display.validation_cost_lines_, display.score_lines_,
    )  # fmt: skip
    assert cost.get_ydata().tolist() == history.cost
    assert cost.get_xdata().tolist() == [1, 2, 3, 4]
    assert validation.get_ydata().tolist() == history.validation_cost
    assert score.get_ydata().tolist() == history.validation_score
    best = int(np.argmax(history.validation_score))
    assert display.best_ == [(best + 1, history.validation_score[best])]
    assert display.axes_[1].get_ylabel().startswith("accuracy")
    assert_readable(display.figure_)


def test_several_runs_side_by_side():
    histories = {}
    for eta in (0.1, 1.0):
        network = Network((2, 3, 1), random_state=0)
        histories[f"η = {eta}"] = network.fit(*XOR, epochs=int(5 + 5 * eta), learning_rate=eta)
    display = TrainingCurveDisplay.from_history(histories, log_scale=True)
    assert [len(line.get_ydata()) for line in display.cost_lines_] == [5, 10]
    assert len({line.get_color() for line in display.cost_lines_}) == 2
    assert display.axes_.shape == (1,)
    assert display.axes_[0].get_yscale() == "log"
    assert display.validation_cost_lines_ == [None, None]
    labels = [text.get_text() for text in display.axes_[0].get_legend().get_texts()]
    assert labels == ["η = 0.1", "η = 1.0"]
    assert_readable(display.figure_)
    assert TrainingCurveDisplay.from_history(list(histories.values())).names == ["run 1", "run 2"]


def test_curves_of_estimators():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    classifier = MLPClassifier(hidden_layer_sizes=4, early_stopping=True, max_iter=400,
                               n_iter_no_change=3, random_state=0).fit(X, y)  # fmt: skip
    display = TrainingCurveDisplay.from_estimator(classifier)
    assert display.cost_lines_[0].get_ydata().tolist() == classifier.loss_curve_
    assert display.score_lines_[0].get_ydata().tolist() == classifier.validation_scores_
    assert display.score_name == "validation accuracy"
    regressor = MLPRegressor(hidden_layer_sizes=4, solver="lbfgs", random_state=0).fit(X, y)
    display = TrainingCurveDisplay.from_estimator({"a": regressor})
    assert display.score_name == "validation R²"
    assert display.axes_.shape == (1,)


def test_scores_of_training_beside_those_of_validation(recogniser):
    _, X, Y, *_ = recogniser
    network = Network((36, 20, 6, 4), dtype="float64", random_state=0)
    scores, costs = ScoreRecorder(X, Y), ScoreRecorder(X, Y, metric="cost")
    by_hand = []

    def all_of_them(net, history):
        scores(net, history)
        costs(net, history)
        by_hand.append(net.score(X, Y))

    network.fit(X, Y, epochs=4, validation_data=(X[:20], Y[:20]), callback=all_of_them)
    assert scores.scores == by_hand
    assert costs.scores[-1] == network.cost(X, Y)
    display = TrainingCurveDisplay.from_network(network, training_scores=scores)
    assert display.training_score_lines_[0].get_ydata().tolist() == by_hand
    assert display.score_lines_[0].get_ydata().tolist() == network.history_.validation_score
    assert display.axes_[1].get_ylabel() == "score (◆ best)"
    assert_readable(display.figure_)
    alone = TrainingCurveDisplay.from_history(
        Network((36, 4)).fit(X, Y, epochs=2), training_scores=[0.25, 0.5]
    )
    assert alone.training_score_lines_[0].get_ydata().tolist() == [0.25, 0.5]
    assert (alone.score_lines_, alone.best_) == ([None], [None])
    runs = {"a": network, "b": network}
    two = TrainingCurveDisplay.from_network(runs, training_scores={"b": scores})
    assert two.training_score_lines_[0] is None
    assert two.training_score_lines_[1].get_ydata().tolist() == by_hand
    for given, message in (
        (scores, "must be a dict, by their names"),
        ({"c": scores}, "names 'c', but the runs are"),
        ({"a": [0.5]}, "holds 1 numbers, but the fit had 4 epochs"),
    ):
        with pytest.raises(ValueError, match=message):
            TrainingCurveDisplay.from_network(runs, training_scores=given)


def test_scores_of_an_estimator_s_training():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(0, 2, 60)
    recorder = ScoreRecorder(X, y)
    classifier = MLPClassifier(
        hidden_layer_sizes=4, early_stopping=True, max_iter=400, n_iter_no_change=3,
        random_state=0, callback=recorder,
    ).fit(X, y)  # fmt: skip
    display = TrainingCurveDisplay.from_estimator(classifier, training_scores=recorder)
    assert len(recorder.scores) == classifier.n_iter_
    assert display.training_score_lines_[0].get_ydata().tolist() == recorder.scores
    assert display.axes_[1].get_ylabel().startswith("accuracy")
    assert_readable(display.figure_)


def test_the_best_of_a_score_that_is_the_cost():
    network = Network((2, 3, 1), random_state=0)
    history = network.fit(*XOR, epochs=6, validation_data=XOR, metric="cost")
    least = int(np.argmin(history.validation_cost))
    display = TrainingCurveDisplay.from_history(history)
    assert display.best_ == [(least + 1, history.validation_cost[least])]


def test_curves_of_nothing():
    with pytest.raises(ValueError, match="no history_: fit it first"):
        TrainingCurveDisplay.from_network(Network((2, 1)))
    with pytest.raises(ValueError, match="no loss_curve_: fit it first"):
        TrainingCurveDisplay.from_estimator(MLPClassifier())
    with pytest.raises(TypeError, match="expected a bpcore History, got dict"):
        TrainingCurveDisplay.from_history([{"cost": [1.0]}])
    history = Network((2, 1)).fit(*XOR, epochs=0)
    with pytest.raises(ValueError, match="no epoch to draw"):
        TrainingCurveDisplay.from_history(history)


# ---------------------------------------------------------------- where to draw


def test_one_given_axes_is_divided(recogniser):
    figure, (left, right) = plt.subplots(1, 2)
    display = TrainingCurveDisplay.from_network(recogniser[0], ax=right)
    assert display.figure_ is figure
    assert len(figure.axes) == 4
    assert not left.lines
    figure, axes = plt.subplots(1, 2)
    display = TrainingCurveDisplay.from_network(recogniser[0], ax=axes)
    assert display.axes_.tolist() == axes.tolist()
    assert len(figure.axes) == 2


def test_the_wrong_number_of_axes(recogniser):
    _, axes = plt.subplots(1, 3)
    with pytest.raises(ValueError, match="ax holds 3 axes, but this display takes one or 1 x 2"):
        TrainingCurveDisplay.from_network(recogniser[0], ax=axes)
    alone = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    with pytest.raises(ValueError, match="needs 2 axes"):
        TrainingCurveDisplay.from_network(recogniser[0], ax=alone)


# ---------------------------------------------------------------- weights


def test_weights_are_the_first_layer_s_rows(recogniser):
    network, _, _, before, *_ = recogniser
    display = WeightsDisplay.from_network(network, before=before)
    assert len(display.images_) == len(display.images_before_) == 20
    for j, (after, then) in enumerate(zip(display.images_, display.images_before_, strict=True)):
        assert_array_equal(after.get_array(), network.weights[0][j].reshape(6, 6))
        assert_array_equal(then.get_array(), before[36 * j : 36 * (j + 1)].reshape(6, 6))
        assert after.norm.vmax == -after.norm.vmin == display.images_[0].norm.vmax
    assert_readable(display.figure_)


def test_chosen_units(recogniser):
    network = recogniser[0]
    display = WeightsDisplay.from_network(network, units=[7, 2], image_shape=(4, 9))
    assert_array_equal(display.images_[0].get_array(), network.weights[0][7].reshape(4, 9))
    assert [text for text, _ in texts_of(display.figure_)][:2] == ["7", "2"]
    with pytest.raises(ValueError, match="units must be 0 to 19"):
        WeightsDisplay.from_network(network, units=[20])
    with pytest.raises(ValueError, match="sequence of integers"):
        WeightsDisplay.from_network(network, units=[0.5])
    with pytest.raises(ValueError, match="image_shape"):
        WeightsDisplay.from_network(Network((35, 2)))
    with pytest.raises(ValueError, match="before has 3 parameters"):
        WeightsDisplay.from_network(network, before=np.zeros(3))


def test_weights_of_an_estimator():
    X, y = np.random.default_rng(0).uniform(size=(30, 16)), np.arange(30) % 2
    classifier = MLPClassifier(hidden_layer_sizes=3, solver="lbfgs", max_iter=2000,
                               random_state=0).fit(X, y)  # fmt: skip
    display = WeightsDisplay.from_estimator(classifier)
    assert_array_equal(display.images_[1].get_array(), classifier.coefs_[0][:, 1].reshape(4, 4))


# ---------------------------------------------------------------- predictions


def test_images_with_guesses(recogniser):
    network, X, Y, *_ = recogniser
    display = PredictionsDisplay.from_network(network, X, Y, n_images=12, n_misread=7)
    outputs = network.predict(X)
    guesses, true = outputs.argmax(axis=1), Y.argmax(axis=1)
    assert_array_equal(display.predicted, guesses)
    assert_array_equal(display.true, true)
    assert_allclose(display.certainties, outputs.max(axis=1))
    wrong = np.flatnonzero(guesses != true)
    assert len(wrong) > 7
    assert set(display.misread) == set(wrong)
    assert (np.diff(display.certainties[display.misread]) <= 0).all()
    assert_array_equal(display.shown_[0], np.arange(12))
    assert_array_equal(display.shown_[1], display.misread[:7])
    for rows, images in zip(display.shown_, display.images_, strict=True):
        for row, image in zip(rows, images, strict=True):
            assert_array_equal(image.get_array(), X[row].reshape(6, 6))
    words = [text for text, _ in texts_of(display.figure_)]
    row = display.misread[0]
    assert f"{true[row]} as {guesses[row]}\n{outputs[row].max():.2f}" in words
    assert_readable(display.figure_)


def test_labels_and_names_of_classes(recogniser):
    network, X, Y, *_ = recogniser
    named = PredictionsDisplay.from_network(network, X, Y.argmax(axis=1), names=list("abcd"))
    assert named.true.tolist() == [list("abcd")[i] for i in Y.argmax(axis=1)]
    assert named.predicted[0] == "abcd"[network.predict(X[0]).argmax()]


def test_none_misread():
    network = Network((4, 2), "identity", init="zeros")
    network.weights[0][0, 0] = 1
    display = PredictionsDisplay.from_network(network, np.eye(4)[:1], [[1.0, 0.0]])
    assert len(display.axes_) == len(display.shown_) == 1
    assert "none is misread" in display.axes_[0].get_title()
    assert_readable(display.figure_)


def test_predicted_against_true():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 2))
    Y = np.column_stack([X[:, 0], X @ [1, -1]])
    network = Network((2, 2), "identity", random_state=0)
    display = PredictionsDisplay.from_network(network, X, Y, output=1)
    assert display.kind == "scatter"
    expected = np.column_stack([Y[:, 1], network.predict(X)[:, 1]])
    assert_allclose(display.points_.get_offsets(), expected)
    residual = expected[:, 1] - expected[:, 0]
    r2 = 1 - (residual**2).sum() / ((Y[:, 1] - Y[:, 1].mean()) ** 2).sum()
    assert display.axes_[0].get_title().startswith(f"R² {r2:.3f}, ")
    assert_readable(display.figure_)
    regressor = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", alpha=0).fit(X, Y)
    display = PredictionsDisplay.from_estimator(regressor, X, Y, output=1)
    assert_allclose(
        display.points_.get_offsets(), np.column_stack([Y[:, 1], regressor.predict(X)[:, 1]])
    )


def test_predictions_of_a_classifier():
    X, y = np.random.default_rng(0).uniform(size=(30, 16)), np.array(["n", "y"])[np.arange(30) % 2]
    classifier = MLPClassifier(hidden_layer_sizes=2, solver="lbfgs", max_iter=3, random_state=0)
    with pytest.warns(UserWarning, match="iterations"):
        classifier.fit(X, y)
    display = PredictionsDisplay.from_estimator(classifier, X, y)
    assert_array_equal(display.predicted, classifier.predict(X))
    assert_allclose(display.certainties, classifier.predict_proba(X).max(axis=1))


def test_predictions_refused(recogniser):
    network, X, Y, *_ = recogniser
    refused = [
        ({"Y": Y[:5]}, "expected (60, 4) or (60,)"),
        ({"Y": Y[:, :2]}, "expected (60, 4) or (60,)"),
        ({"kind": "pie"}, "kind must be auto, images or scatter"),
        ({"kind": "scatter", "output": 4}, "an output from 0 to 3"),
        ({"image_shape": (2, 3)}, "takes 6 inputs"),
    ]
    for options, message in refused:
        with pytest.raises(ValueError, match=re.escape(message)):
            PredictionsDisplay.from_network(network, X, **{"Y": Y, **options})
