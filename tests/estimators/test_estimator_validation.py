"""Validation data and early stopping, in fit and in partial_fit."""

import warnings

import numpy as np
import pytest
import sklearn
from estimator_problems import DIGITS, LABELS, classifier, regressor
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---------------------------------------------------------------- validation


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_validation_data_is_only_looked_at(solver):
    X, X_val, y, y_val = train_test_split(DIGITS, LABELS, random_state=0)
    plain = classifier(solver=solver).fit(X, y)
    assert plain.validation_loss_curve_ is None
    clf = classifier(solver=solver).fit(X, y, validation_data=(X_val, y_val))
    np.testing.assert_array_equal(clf.coefs_[0], plain.coefs_[0])
    assert len(clf.validation_scores_) == len(clf.validation_loss_curve_) == clf.n_iter_
    assert clf.validation_scores_[-1] == pytest.approx(clf.score(X_val, y_val))
    p = clf.predict_proba(X_val)[np.arange(len(y_val)), y_val]
    assert clf.validation_loss_curve_[-1] == pytest.approx(-np.log(p).mean())


def test_validation_data_of_a_regressor_with_weights(curve):
    X, y = curve
    weights = np.linspace(0, 1, 100)
    reg = regressor(max_iter=5).fit(X[100:], y[100:], validation_data=(X[:100], y[:100], weights))
    residual = reg.predict(X[:100]) - y[:100]
    loss = np.average(0.5 * residual**2, weights=weights)
    assert reg.validation_loss_curve_[-1] == pytest.approx(loss)
    assert reg.validation_scores_[-1] == pytest.approx(reg.score(X[:100], y[:100], weights))


@pytest.mark.parametrize("stop_on", ["loss", "score"])
@pytest.mark.parametrize("given", [False, True])
def test_the_best_weights_are_restored(stop_on, given):
    X, X_val, y, y_val = train_test_split(DIGITS, LABELS, train_size=100, random_state=0)
    clf = classifier(
        early_stopping=True,
        stop_on=stop_on,
        max_iter=300,
        n_iter_no_change=5,
        alpha=0,
        learning_rate_init=0.05,
        validation_fraction=0.3,
    )
    clf.fit(X, y, validation_data=(X_val, y_val) if given else None)
    assert clf.stopped_early_
    assert clf.n_iter_ < 300
    assert max(clf.validation_scores_) == clf.best_validation_score_
    if stop_on == "loss":
        assert min(clf.validation_loss_curve_) == clf.best_validation_loss_
        assert clf.best_validation_loss_ < clf.validation_loss_curve_[-1]
    if given:
        p = clf.predict_proba(X_val)[np.arange(len(y_val)), y_val]
        if stop_on == "loss":
            assert -np.log(p).mean() == pytest.approx(clf.best_validation_loss_)
        else:
            assert clf.score(X_val, y_val) == clf.best_validation_score_


@pytest.mark.parametrize(
    "given, error, message",
    [
        ((DIGITS[:, :5], LABELS), ValueError, "validation_data: X has 5 features"),
        ((DIGITS, LABELS + 1), ValueError, "validation_data: `y` has classes not in"),
        ((DIGITS, LABELS[1:]), ValueError, "validation_data: Found input"),
        ((DIGITS, LABELS, np.zeros(600)), ValueError, "validation_data: Sample weights"),
        (DIGITS, TypeError, "validation_data must be"),
    ],
    ids=["width", "labels", "length", "weights", "no tuple"],
)
def test_validation_data_that_cannot_be(given, error, message):
    with pytest.raises(error, match=message):
        classifier().fit(DIGITS, LABELS, validation_data=given)


def spoilt(array, at, value):
    array = array.copy()
    array[at] = value
    return array


@pytest.mark.parametrize("n_columns", [1, 2])
@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda X, y: (X[:1], y[:1]), "a single row"),
        (lambda X, y: (X[:1], y[:1], [3.0]), "a single row"),
        (lambda X, y: (X, spoilt(y, 3, -1e200)), "numbers in y whose squares are infinite"),
        (lambda X, y: (spoilt(X, (7, 1), 1e300), y), "numbers in X that are too large, in row 7"),
    ],
)
def test_a_score_that_is_no_number_chooses_no_weights(spoil, message, n_columns, curve):
    X, y = curve
    y = np.column_stack([y] * n_columns).squeeze()
    given = spoil(X[:40], y[:40])
    reg = regressor(early_stopping=True, max_iter=3, activation="relu", hidden_layer_sizes=())
    for call in (reg.fit, reg.partial_fit):
        with pytest.raises(ValueError, match=f"the validation set has {message}"):
            call(X, y, validation_data=given)
        assert not hasattr(reg, "coefs_")


def test_a_row_alone_may_be_looked_at_where_nothing_is_chosen_by_its_score(curve):
    X, y = curve
    one = X[:1], y[:1]
    several = regressor(loss="quantile", quantile=[0.1, 0.9], early_stopping=True)
    with pytest.raises(ValueError, match="a single row"):
        several.fit(X, y, validation_data=one)
    for reg in (
        regressor(max_iter=2),
        regressor(max_iter=2, early_stopping=True, stop_on="loss"),
        regressor(max_iter=2, early_stopping=True, solver="lbfgs"),
    ):
        with pytest.warns(UndefinedMetricWarning):
            reg.fit(X, y, validation_data=one)
        assert np.isnan(reg.validation_scores_).all()
        assert np.isfinite(reg.validation_loss_curve_).all()


def test_the_held_out_rows_need_a_score_too(curve):
    X, y = curve
    with pytest.raises(ValueError, match="squares are infinite"):
        regressor(early_stopping=True).fit(X, np.where(np.arange(400) % 2, 1e200, y))


@pytest.mark.parametrize("parameters", [{}, {"loss": "quantile", "quantile": [0.1, 0.9]}])
def test_a_score_that_cannot_tell_weights_apart_is_told(curve, parameters):
    """R² of numbers that are all the same is 0, as scikit-learn has it: the first epoch's."""
    X, y = curve
    reg = regressor(early_stopping=True, max_iter=2, **parameters)
    same = "rows of the validation set have the same y"
    for given in (
        {"validation_data": (X[:9], np.full(9, 0.1))},
        {"validation_data": (X[:9], y[:9], np.arange(9) == 4)},
        {"X_val": X[:2], "y_val": [3, 3]},
    ):
        with pytest.warns(ConvergenceWarning, match=same):
            reg.fit(X, y, **given)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", same)
        reg.fit(X, y, validation_data=(X[:2], y[:2]))
        # held out, it is scikit-learn's
        assert np.isfinite(reg.fit(X, np.ones(400)).validation_scores_).all()
        reg.set_params(stop_on="loss").fit(X, y, validation_data=(X[:2], [3, 3]))


def test_outputs_that_are_infinite_at_first_may_come_back():
    """exp(z) of a row that the first weights overrate: its score becomes a number later."""
    X = np.random.RandomState(0).uniform(0, 1, (60, 1))
    far = np.full((2, 1), -400.0)
    reg = regressor(
        loss="poisson", hidden_layer_sizes=(), early_stopping=True, learning_rate_init=1, tol=0
    )
    ready = regressor(loss="poisson", hidden_layer_sizes=(), random_state=0).initialize(1)
    ready.coefs_[0][:] = -2.0
    assert np.isinf(ready.predict(far)).all()
    ready.set_params(**reg.get_params()).set_params(warm_start=True)
    ready.fit(X, 20 * X[:, 0], validation_data=(far, [0.0, 1.0]))
    assert not np.isfinite(ready.validation_scores_[0])
    assert np.isfinite(ready.best_validation_score_)


# ---------------------------------------------------------------- in a pipeline


@pytest.mark.parametrize("weights", [None, np.linspace(1, 2, 60)])
def test_a_pipeline_scales_the_validation_set(weights):
    X, X_val, y, y_val = train_test_split(
        DIGITS * 1000 + 5000, LABELS, test_size=60, random_state=0
    )
    clf = classifier(early_stopping=True, stop_on="loss")
    scaler = StandardScaler().fit(X)
    given = (scaler.transform(X_val), y_val, weights)
    by_hand = clone(clf).fit(scaler.transform(X), y, validation_data=given)
    with sklearn.config_context(enable_metadata_routing=True):
        clf.set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
        pipeline = make_pipeline(StandardScaler(), clf, transform_input=["X_val"])
        pipeline.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    np.testing.assert_array_equal(pipeline[-1].coefs_[0], by_hand.coefs_[0])
    assert pipeline[-1].validation_loss_curve_ == by_hand.validation_loss_curve_


def test_the_parts_of_a_validation_set_belong_together():
    clf = classifier()
    for arguments, message in (
        ({"X_val": DIGITS}, "y_val is missing"),
        ({"y_val": LABELS}, "X_val is missing"),
        ({"sample_weight_val": LABELS}, "X_val is missing"),
        ({"X_val": DIGITS, "y_val": LABELS, "validation_data": (DIGITS, LABELS)}, "not both"),
    ):
        with pytest.raises(TypeError, match=message):
            clf.fit(DIGITS, LABELS, **arguments)
    assert not hasattr(clf, "coefs_")


# ---------------------------------------------------------------- partial_fit


def test_partial_fit_with_early_stopping():
    clf = classifier(early_stopping=True, n_iter_no_change=3, learning_rate_init=0.02)
    for _ in range(100):
        clf.partial_fit(DIGITS, LABELS, classes=range(10))
        if clf.stopped_early_:
            break
    assert clf.stopped_early_
    assert 10 < len(clf.validation_scores_) < 100
    assert max(clf.validation_scores_) == clf.best_validation_score_ > 0.9
    assert clf.t_ == 540 * len(clf.loss_curve_)
    # the rows held out were the same in each call: their score is the best one again
    rows = train_test_split(np.arange(600), test_size=0.1, random_state=clf._split_seed)[1]
    assert clf.score(DIGITS[rows], LABELS[rows]) == clf.best_validation_score_
    clf.partial_fit(DIGITS, LABELS)
    assert not clf.stopped_early_


def test_partial_fit_with_a_validation_set_of_ones_own(curve):
    X, y = curve
    reg = regressor(early_stopping=True, stop_on="loss", n_iter_no_change=5)
    for _ in range(400):
        reg.partial_fit(X[:40], y[:40], validation_data=(X[200:], y[200:]))
        if reg.stopped_early_:
            break
    assert reg.stopped_early_
    assert reg.t_ == 40 * len(reg.loss_curve_)
    half = 0.5 * (reg.predict(X[200:]) - y[200:]) ** 2
    assert half.mean() == pytest.approx(reg.best_validation_loss_)
