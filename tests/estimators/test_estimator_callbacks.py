"""Callbacks: scikit-learn's protocol, and a plain function."""

import warnings

import numpy as np
import pytest
from estimator_problems import DIGITS, LABELS, classifier, regressor
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Recorder:
    """A callback of scikit-learn's protocol that writes down what it is told."""

    def __init__(self, stop_at=None):
        self.stop_at = stop_at
        self.calls = []
        self.losses = []

    def setup(self, estimator, context):
        self.calls.append(("setup", context.max_subtasks))

    def teardown(self, estimator, context):
        self.calls.append(("teardown", None))

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(("begin", context.task_name))

    def on_fit_task_end(
        self, estimator, context, *, X=None, y=None, metadata=None, fitted_estimator=None
    ):
        self.calls.append(("end", context.task_name))
        self.last = fitted_estimator, X, y, metadata
        self.predicted = fitted_estimator.predict(X)
        return context.task_name == "epoch" and context.task_id == self.stop_at


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("make", [classifier, regressor])
def test_scikit_learns_callback_protocol(make, solver):
    recorder = Recorder()
    est = make(max_iter=4, solver=solver).set_callbacks(recorder)
    est.fit(DIGITS, LABELS, np.ones(600))
    epochs = [("begin", "epoch"), ("end", "epoch")] * 4
    assert recorder.calls == [
        ("setup", 4),
        ("begin", "fit"),
        *epochs,
        ("end", "fit"),
        ("teardown", None),
    ]
    fitted, X, y, metadata = recorder.last
    assert X is DIGITS
    assert y is LABELS
    assert metadata["sample_weight"].shape == (600,)
    np.testing.assert_array_equal(recorder.predicted, est.predict(DIGITS))
    assert not np.shares_memory(fitted.coefs_[0], est.coefs_[0])


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_stop_a_fit(solver):
    recorder = Recorder(stop_at=2)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        est = classifier(max_iter=40, solver=solver).set_callbacks(recorder).fit(DIGITS, LABELS)
        assert est.n_iter_ == len(est.loss_curve_) == 3
        plain = classifier(max_iter=40, solver=solver, callback=lambda one: one.n_iter_ == 3)
        plain.fit(DIGITS, LABELS)
    np.testing.assert_array_equal(plain.coefs_[0], est.coefs_[0])
    assert recorder.calls[-2:] == [("end", "fit"), ("teardown", None)]


def test_scoring_monitor_follows_a_fit_and_a_pipeline():
    monitor = ScoringMonitor(scoring="accuracy")
    clf = classifier(max_iter=5).set_callbacks(monitor).fit(DIGITS, LABELS)
    scores = [row["accuracy"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 5
    assert scores[-1] == pytest.approx(clf.score(DIGITS, LABELS))
    assert scores[-1] > scores[0]
    pipeline = make_pipeline(StandardScaler(), classifier(max_iter=3).set_callbacks(monitor))
    pipeline.fit(DIGITS, LABELS)
    rows = monitor.get_logs().data
    assert sum(row["task_name"] == "epoch" for row in rows) == 3


def test_callbacks_see_the_training_rows_of_early_stopping():
    recorder = Recorder()
    classifier(max_iter=2, early_stopping=True).set_callbacks(recorder).fit(
        DIGITS, LABELS.tolist(), np.arange(600.0) + 1
    )
    _, X, y, metadata = recorder.last
    assert X.shape == (540, 64)
    assert len(y) == len(metadata["sample_weight"]) == 540
    rows = metadata["sample_weight"].astype(int) - 1
    np.testing.assert_array_equal(DIGITS[rows], X)
    np.testing.assert_array_equal(LABELS[rows], y)


def test_progress_bar(capsys):
    pytest.importorskip("rich", reason="scikit-learn's ProgressBar draws with rich")
    regressor(max_iter=7).set_callbacks(ProgressBar()).fit(DIGITS, LABELS)
    assert "MLPRegressor - fit" in capsys.readouterr().out


def test_teardown_comes_after_an_error():
    def fail(est):
        raise ZeroDivisionError("here")

    recorder = Recorder()
    est = classifier(callback=fail).set_callbacks(recorder)
    with pytest.raises(ZeroDivisionError, match="here"):
        est.fit(DIGITS, LABELS)
    assert recorder.calls[-1] == ("teardown", None)
    est.set_params(callback=None).fit(DIGITS, LABELS)  # the network is free again
    assert est.n_iter_ == 15


def test_the_plain_callback_in_partial_fit():
    seen = []
    clf = classifier(callback=lambda est: seen.append(est.loss_))
    clf.partial_fit(DIGITS, LABELS, classes=range(10)).partial_fit(DIGITS, LABELS)
    assert seen == clf.loss_curve_
