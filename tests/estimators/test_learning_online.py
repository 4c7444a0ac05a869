"""What lives on between the calls of partial_fit, and what ends them."""

import os
import pickle
import signal
import threading
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

import bpcore
from bpcore import DivergenceError, MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 6))
Y = np.sin(X[:, 0])
LABELS = (Y > 0).astype(int)
LEAVES_OUT = {
    "hidden_layer_sizes": (40,),
    "dropout": 0.5,
    "random_state": 0,
    "alpha": 0.0,
    "solver": "sgd",
    "momentum": 0.0,
    "learning_rate_init": 1e-3,
    "activation": "tanh",
}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def trained(est, call):
    """Which hidden units a call has moved."""
    before = est.network_.weights[0].copy()
    call()
    return (est.network_.weights[0] != before).any(axis=1)


# ---------------------------------------------------------------- dropout


@pytest.mark.parametrize("make", [MLPRegressor, MLPClassifier])
@pytest.mark.parametrize("way", ["partial_fit", "warm start"])
@pytest.mark.parametrize("n", [1, 2])
def test_every_unit_is_trained_sooner_or_later(n, way, make):
    """With a few rows a call leaves out half of the units, and each call other ones."""
    est = make(**LEAVES_OUT, max_iter=1, warm_start=True)
    targets = Y if make is MLPRegressor else LABELS
    rows = list(range(n))
    if make is MLPClassifier:  # a warm start wants every class
        rows = [int(np.flatnonzero(label == LABELS)[0]) for label in (0, 1)]
    est.partial_fit(X[rows], targets[rows], **({} if make is MLPRegressor else {"classes": [0, 1]}))
    train = est.partial_fit if way == "partial_fit" else est.fit
    counts = sum(trained(est, lambda: train(X[rows], targets[rows])).astype(int) for _ in range(60))
    assert counts.min() > 0
    if len(rows) == 1:
        assert 0.4 < counts.mean() / 60 < 0.6
        assert counts.max() < 60


@pytest.mark.parametrize("way", ["pickle", "file"])
def test_the_units_left_out_go_on_from_a_copy(way, tmp_path):
    est = MLPRegressor(**LEAVES_OUT)
    for k in range(5):
        est.partial_fit(X[k : k + 1], Y[k : k + 1])
    if way == "pickle":
        other = pickle.loads(pickle.dumps(est))
    else:
        pytest.importorskip("safetensors")
        est.save(tmp_path / "x")
        other = bpcore.load(tmp_path / "x")
    for k in range(5, 20):
        for one in (est, other):
            one.partial_fit(X[k : k + 1], Y[k : k + 1])
    assert_array_equal(other.network_.parameters, est.network_.parameters)


@pytest.mark.parametrize("way", ["partial_fit", "fit"])
@pytest.mark.parametrize("kind", [int, np.random.RandomState])
def test_dropout_leaves_the_order_of_the_rows_as_it_is(kind, way):
    """That is scikit-learn's; here so little is left out that it shows."""
    for seed in range(5):
        one, other = (
            MLPRegressor(
                hidden_layer_sizes=(4,),
                dropout=p,
                random_state=kind(seed),
                batch_size=1,
                max_iter=2,
            )
            for p in (0.0, 1e-12)
        )
        for _ in range(2):
            getattr(one, way)(X, Y)
            getattr(other, way)(X, Y)
            assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-7)


def test_a_new_fit_begins_anew():
    est = MLPRegressor(**LEAVES_OUT, max_iter=3)
    theta = [est.fit(X, Y).network_.parameters.copy() for _ in range(2)]
    assert_array_equal(*theta)


@pytest.mark.parametrize("stopped_at", [1, 4])
def test_a_resumed_fit_leaves_out_the_same_units(stopped_at, tmp_path):
    pytest.importorskip("safetensors")
    settings = {**LEAVES_OUT, "batch_size": 7}
    whole = MLPRegressor(**settings, max_iter=9).fit(X, Y)
    MLPRegressor(**settings, max_iter=stopped_at).fit(X, Y, checkpoint=tmp_path / "x")
    resumed = MLPRegressor(**settings, max_iter=9).fit(X, Y, resume=tmp_path / "x")
    assert_array_equal(resumed.network_.parameters, whole.network_.parameters)
    for one in (whole, resumed):
        one.partial_fit(X, Y)
    assert_array_equal(resumed.network_.parameters, whole.network_.parameters)


# ---------------------------------------------------------------- ends


@pytest.mark.parametrize("make", [MLPRegressor, MLPClassifier])
def test_ctrl_c_ends_the_users_loop_of_partial_fits(make):
    many = np.tile(X, (300, 1))
    targets = np.tile(Y if make is MLPRegressor else LABELS, 300)
    est = make(hidden_layer_sizes=(100, 100), random_state=0)
    est.partial_fit(many, targets, **({} if make is MLPRegressor else {"classes": [0, 1]}))

    def train():
        for _ in range(10_000):
            est.partial_fit(many, targets)

    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        train()
    assert np.isfinite(est.network_.parameters).all()
    est.partial_fit(many, targets)


def test_a_run_that_a_callback_ended_goes_on(tmp_path):
    pytest.importorskip("safetensors")
    settings = {
        "hidden_layer_sizes": (5,),
        "random_state": 0,
        "batch_size": 7,
        "n_iter_no_change": 99,
    }
    whole = MLPRegressor(**settings, max_iter=9).fit(X, Y)
    ended = MLPRegressor(**settings, max_iter=9, callback=lambda est: est.n_iter_ == 4)
    ended.fit(X, Y, checkpoint=tmp_path / "x", checkpoint_every=3)
    assert ended.n_iter_ == 4
    resumed = MLPRegressor(**settings, max_iter=9).fit(X, Y, resume=tmp_path / "x")
    assert resumed.n_iter_ == 9
    assert_array_equal(resumed.network_.parameters, whole.network_.parameters)


def test_a_run_that_early_stopping_ended_stays_ended(tmp_path):
    pytest.importorskip("safetensors")
    settings = {"hidden_layer_sizes": (5,), "random_state": 0, "tol": 10.0, "n_iter_no_change": 2}
    whole = MLPRegressor(**settings, max_iter=50).fit(X, Y, checkpoint=tmp_path / "x")
    assert whole.stopped_early_
    resumed = MLPRegressor(**settings, max_iter=50).fit(X, Y, resume=tmp_path / "x")
    assert resumed.n_iter_ == whole.n_iter_ < 50


# ---------------------------------------------------------------- schedules


@pytest.mark.parametrize("kind", ["cosine", "one_cycle"])
def test_a_schedule_under_partial_fit(kind):
    """As long as max_iter calls, or as the user says; a warning when it has run out."""
    for rate, calls in ((kind, 5), ({"kind": kind, "total": 12}, 12)):
        est = MLPRegressor(learning_rate=rate, learning_rate_init=0.01, max_iter=5, batch_size=10)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(calls):
                est.partial_fit(X, Y)
        with pytest.warns(UserWarning, match=rf"{kind}' has run out after {3 * calls} updates"):
            est.partial_fit(X, Y)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            est.partial_fit(X, Y)


# ---------------------------------------------------------------- scores that are no numbers


def nan_scores(monkeypatch, make, first_finite=None):
    """Validation scores that are NaN until an epoch."""
    score = make._score_outputs

    def scored(self, *arguments):
        number = score(self, *arguments)
        done = getattr(self, "validation_scores_", None)
        if done is None:  # what is asked beforehand
            return number
        return number if first_finite is not None and len(done) >= first_finite else float("nan")

    monkeypatch.setattr(make, "_score_outputs", scored)


@pytest.mark.parametrize("make", [MLPRegressor, MLPClassifier])
def test_no_finite_score_chooses_no_weights(make, monkeypatch):
    targets = Y if make is MLPRegressor else LABELS
    settings = {"random_state": 0, "n_iter_no_change": 3, "max_iter": 50, "early_stopping": True}
    last = []
    est = make(**settings, callback=lambda one: last.append(one.network_.parameters.copy()))
    nan_scores(monkeypatch, make)
    with pytest.warns(ConvergenceWarning, match="no validation score was finite.*last epoch"):
        est.fit(X, targets)
    assert est.n_iter_ == 4  # NaN is no improvement
    assert_array_equal(est.network_.parameters, last[-1])


def test_the_first_finite_score_chooses(monkeypatch):
    thetas = []
    est = MLPRegressor(
        early_stopping=True, n_iter_no_change=8, max_iter=6, random_state=0,
        callback=lambda one: thetas.append(one.network_.parameters.copy()),
    )  # fmt: skip
    nan_scores(monkeypatch, MLPRegressor, first_finite=4)
    est.fit(X, Y)
    best = 4 + int(np.argmax(est.validation_scores_[4:]))
    assert_array_equal(est.network_.parameters, thetas[best])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_in_the_first_epoch_is_an_error_with_early_stopping_too(solver):
    est = MLPRegressor(
        early_stopping=True, solver=solver, learning_rate_init=1e200, random_state=0, alpha=0.0,
        batch_size=1,
    )  # fmt: skip
    with pytest.raises(DivergenceError, match="diverged in epoch 1"):
        est.fit(X, 1e150 * Y)
    assert np.isfinite(est.network_.parameters).all()
