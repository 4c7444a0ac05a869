"""Dropout, penalties, clipping, solvers and schedules of the estimators."""

import pickle

import numpy as np
import pytest
from estimator_problems import DIGITS, LABELS, classifier, regressor
from sklearn.base import clone

from bpcore import Network
from bpcore._core import tuning

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

STOCHASTIC = ["sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam", "irprop-"]


# ---------------------------------------------------------------- dropout, penalties, clipping


def test_dropout_is_repeatable_and_leaves_prediction_alone():
    one, two, other = (
        classifier(hidden_layer_sizes=(20, 10), dropout=dropout, random_state=seed).fit(
            DIGITS, LABELS
        )
        for dropout, seed in (([0.3, 0.1], 0), ([0.3, 0.1], 0), ([0.3, 0.1], 1))
    )
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    assert (one.coefs_[0] != other.coefs_[0]).any()
    np.testing.assert_array_equal(one.predict_proba(DIGITS), one.predict_proba(DIGITS))
    assert one.network_.dropout == (0.3, 0.1)
    none = classifier(hidden_layer_sizes=(20, 10), dropout=0.0).fit(DIGITS, LABELS)
    plain = classifier(hidden_layer_sizes=(20, 10)).fit(DIGITS, LABELS)
    np.testing.assert_array_equal(none.coefs_[0], plain.coefs_[0])
    assert one.loss_ > none.loss_


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_one_step_with_every_penalty(solver, curve):
    """l1, weight decay and clipping in one full-batch step, against the formulas."""
    X, y = curve
    options = {
        "solver": solver,
        "momentum": 0,
        "max_iter": 1,
        "batch_size": 400,
        "alpha": 3.0,
        "l1": 2.0,
        "weight_decay": 0.1,
        "clip_norm": 0.01,
    }
    reg = regressor(**options).initialize(2)
    net = reg.network_
    theta = net.parameters.copy()
    w = np.concatenate([np.r_[np.ones(one.size), np.zeros(one.shape[0])] for one in net.weights])
    # the quadratic cost and its gradient are twice scikit-learn's squared error
    plain = Network((2, 20, 1), "tanh", "identity", "squared_error", dtype="float64")
    plain.set_parameters(theta)
    gradient = plain.gradient(X, y).vector + w * (3.0 * theta + 2.0 * np.sign(theta)) / 400
    gradient *= 0.01 / np.linalg.norm(gradient)
    want = theta * (1 - 0.01 * 0.1 * w)
    want -= 0.01 * (
        gradient if solver == "sgd" else gradient / (np.abs(gradient) + 1e-8 / np.sqrt(1 - 0.999))
    )
    reg.set_params(warm_start=True).fit(X, y)
    np.testing.assert_allclose(reg.network_.parameters, want, rtol=1e-10, atol=1e-14)


def test_penalties_do_what_they_are_for(curve):
    X, y = curve
    X = np.c_[X, np.random.RandomState(1).normal(size=(400, 6))]
    weights = {
        name: np.abs(regressor(max_iter=150, **options).fit(X, y).coefs_[0])
        for name, options in {
            "none": {"alpha": 0},
            "l1": {"alpha": 0, "l1": 2.0},
            "l2": {"alpha": 20.0},
            "adamw": {"alpha": 0, "solver": "adamw", "weight_decay": 3.0},
        }.items()
    }
    for name in ("l1", "l2", "adamw"):
        assert weights[name].mean() < 0.7 * weights["none"].mean()
    assert (weights["l1"] < 0.02).mean() > 2 * (weights["none"] < 0.02).mean()


def test_adamw_is_adam_with_decay(curve):
    X, y = curve
    one = regressor(solver="adamw").fit(X, y)
    two = regressor(solver="adam", weight_decay=0.01).fit(X, y)
    three = regressor(solver="adamw", weight_decay=0.0).fit(X, y)
    four = regressor(solver="adam").fit(X, y)
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    np.testing.assert_array_equal(three.coefs_[0], four.coefs_[0])
    assert (one.coefs_[0] != four.coefs_[0]).any()


def test_clipping_tames_a_rate_that_diverges(curve):
    X, y = curve
    options = {
        "activation": "identity",
        "solver": "sgd",
        "learning_rate_init": 5.0,
        "max_iter": 200,
    }
    with pytest.raises(FloatingPointError, match="clip_norm"):
        regressor(**options).fit(100 * X, y)
    reg = regressor(clip_norm=1e-3, **options).fit(100 * X, y)
    assert np.isfinite(reg.loss_)


# ---------------------------------------------------------------- optimizers and schedules


@pytest.mark.parametrize("solver", STOCHASTIC)
def test_every_solver_learns_and_is_repeatable(curve, solver):
    X, y = curve
    rate = {"sgd": 0.1, "adagrad": 0.1}.get(solver, 0.01)
    reg = regressor(solver=solver, learning_rate_init=rate, batch_size="auto", max_iter=200)
    assert reg.fit(X, y).score(X, y) > 0.6
    again = clone(reg).fit(X, y)
    np.testing.assert_array_equal(reg.coefs_[0], again.coefs_[0])
    more = pickle.loads(pickle.dumps(reg)).partial_fit(X, y)
    np.testing.assert_array_equal(reg.partial_fit(X, y).coefs_[0], more.coefs_[0])


def test_irprop_takes_all_rows(curve):
    X, y = curve
    reg = regressor(solver="irprop-", max_iter=3).fit(X, y)
    assert reg._optimizer.t == 3
    assert regressor(solver="irprop-", batch_size=400, max_iter=3).fit(X, y)._optimizer.t == 3


@pytest.mark.parametrize(
    "learning_rate, warmup, shares",
    [
        ("cosine", 0, [1.0, 0.5 * (1 + np.cos(np.pi * 4 / 8)), 0.5 * (1 + np.cos(np.pi * 7 / 8))]),
        ({"kind": "cosine", "total": 4, "final": 0.1}, 0, [1.0, 0.1, 0.1]),
        ("step", 0, [1.0, 0.1, 0.01]),
        ({"kind": "step", "every": 4, "factor": 0.5}, 0, [1.0, 0.5, 0.5]),
        ("constant", 3, [0.25, 1.0, 1.0]),
        ("one_cycle", 0, [0.04, 1e-4 + (1 - 1e-4) * 0.5 * (1 + np.cos(np.pi * 0.2 / 0.7)), None]),
        # in the middle of an epoch: 1 + 15 t of 16 equal parts
        (
            "coslog",
            0,
            [0.5 * (1 - np.cos(2 * np.pi * np.log2(1 + 15 * k / 16))) for k in (1, 9, 15)],
        ),
    ],
)
def test_schedules(curve, learning_rate, warmup, shares):
    """The rate of epochs 1, 5 and 8 of 8, with one step an epoch."""
    X, y = curve
    seen = []
    regressor(
        learning_rate=learning_rate,
        warmup=warmup,
        max_iter=8,
        batch_size=400,
        callback=lambda est: seen.append(est._optimizer.current_rate),
    ).fit(X, y)
    for epoch, share in zip((0, 4, 7), shares, strict=True):
        if share is not None:
            assert seen[epoch] == pytest.approx(0.01 * share)


def test_schedules_count_in_epochs(curve):
    X, y = curve
    rates = []
    for batch_size in (100, 400):
        regressor(
            learning_rate={"kind": "step", "every": 2, "factor": 0.5},
            max_iter=4,
            batch_size=batch_size,
            callback=lambda est: rates.append(est._optimizer.current_rate),
        ).fit(X, y)
    assert rates == pytest.approx([0.01, 0.01, 0.005, 0.005] * 2)


@pytest.mark.parametrize("alpha", [1e-4, 10])
def test_the_engine_counts_the_patience_as_the_estimator_does(alpha):
    """Alone with all epochs, and asked after each: they end in the same one, with its weights."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 3))
    y = X[:, :2] * X[:, 1:] + 0.1 * rng.normal(size=(40, 2))

    def fitted(seconds):
        with tuning.override(seconds_in_engine=seconds):
            return regressor(
                hidden_layer_sizes=(8,), alpha=alpha, tol=5e-4, n_iter_no_change=2, max_iter=3000,
                batch_size=40, learning_rate_init=3e-3,
            ).fit(X, y)  # fmt: skip

    alone, asked = fitted(60), fitted(0)
    assert alone.n_iter_ == asked.n_iter_ < 1000
    for one, other in zip(alone.coefs_, asked.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)
