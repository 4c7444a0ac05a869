"""Divergence and bad input of the estimators: an error that helps, and the state before it."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.optimize
from estimator_problems import BOTH, X_IRIS, Y_IRIS, small
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.exceptions import ConvergenceWarning

from bpcore import DivergenceError, MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---------------------------------------------------------------- divergence


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_divergence_names_its_epoch_and_keeps_the_weights(solver):
    X, y = make_regression(50, 4, random_state=0)
    reg = small(
        MLPRegressor,
        activation="identity",
        solver=solver,
        max_iter=500,
        n_iter_no_change=500,
        learning_rate_init=1.0 if solver == "sgd" else 1e155,
        shuffle=False,
    )
    with pytest.raises(DivergenceError, match=r"non-finite.*diverged in epoch (\d+).*clip_norm"):
        reg.fit(X, y)
    assert all(np.isfinite(w).all() for w in reg.coefs_ + reg.intercepts_)
    assert reg.n_iter_ == len(reg.loss_curve_) < 500
    assert np.isfinite(reg.loss_curve_).all()
    # they are the weights from before that epoch
    if reg.n_iter_:
        again = clone(reg).set_params(max_iter=reg.n_iter_).fit(X, y)
        np.testing.assert_array_equal(again.coefs_[0], reg.coefs_[0])


def test_divergence_under_early_stopping_warns_and_restores():
    X, y = make_regression(200, 4, random_state=0)
    reg = small(
        MLPRegressor,
        activation="identity",
        solver="sgd",
        learning_rate_init=1.0,
        max_iter=100,
        early_stopping=True,
        n_iter_no_change=100,
    )
    with pytest.warns(ConvergenceWarning, match=r"diverged in epoch \d+.*best validation score"):
        reg.fit(X, y)
    assert np.isnan(reg.validation_scores_[-1])
    assert len(reg.validation_scores_) == reg.n_iter_ < 100
    assert np.isfinite(reg.predict(X)).all()


@pytest.mark.parametrize(
    "dtype, X_times, y_times, alpha",
    [
        ("float32", 1e30, 1, 0),
        ("float64", 1e200, 1, 0),
        ("float64", 1, 1e200, 0),
        ("float32", 1, 1, 1e308),
        ("float64", 1, 1, 1e308),
    ],
)
def test_a_loss_of_lbfgs_that_is_not_finite_is_an_error(dtype, X_times, y_times, alpha):
    """As for the other solvers; the weights from before are kept."""
    X, y = X_IRIS.astype(dtype), X_IRIS[:, 0]
    reg = small(MLPRegressor, solver="lbfgs", warm_start=True).fit(X, y)
    weights, curve = reg.network_.parameters.copy(), list(reg.loss_curve_)
    reg.set_params(alpha=alpha)
    with pytest.raises(DivergenceError, match=r"non-finite.*diverged in iteration 1: its loss"):
        reg.fit(X * X.dtype.type(X_times), y * y_times)
    np.testing.assert_array_equal(reg.network_.parameters, weights)
    assert reg.loss_curve_ == curve
    assert reg.n_iter_ == 0
    assert np.isfinite(reg.loss_)


@pytest.mark.parametrize("cls", BOTH)
def test_lbfgs_diverges_at_the_first_weights(cls):
    X = 1e308 * np.random.RandomState(0).uniform(size=(10, 2))
    est = small(cls, solver="lbfgs")
    with pytest.raises(DivergenceError, match="iteration 1"):
        est.fit(X, np.arange(10) % 3)
    drawn = cls(**est.get_params())
    drawn = drawn.initialize(2, range(3)) if cls is MLPClassifier else drawn.initialize(2)
    np.testing.assert_array_equal(est.network_.parameters, drawn.network_.parameters)


def test_lbfgs_may_meet_infinity_and_turn_back(monkeypatch):
    losses = []

    def minimize(cost, *arguments, **options):
        def recorded(x):
            loss, gradient = cost(x)
            losses.append(loss)
            return loss, gradient

        return scipy_minimize(recorded, *arguments, **options)

    scipy_minimize = scipy.optimize.minimize
    monkeypatch.setattr(scipy.optimize, "minimize", minimize)
    X = np.random.RandomState(0).randn(60, 3)
    reg = MLPRegressor("poisson", (4,), "identity", solver="lbfgs", random_state=0)
    reg.fit(20 * X, 100 * np.exp(X[:, 0]))
    assert not np.isfinite(losses).all()
    assert np.isfinite([reg.loss_, *reg.loss_curve_]).all()
    assert reg.loss_ < losses[0]


def test_divergence_of_partial_fit_keeps_the_weights():
    reg = small(MLPRegressor, activation="identity").partial_fit([[1.0], [2.0]], [1.0, 2.0])
    before = reg.network_.parameters.copy()
    with pytest.raises(DivergenceError, match="epoch 1"):
        reg.partial_fit([[1e300], [1e308]], [1.0, 2.0])
    np.testing.assert_array_equal(reg.network_.parameters, before)
    reg.partial_fit([[1.0]], [1.0])
    assert reg.t_ == 3


# ---------------------------------------------------------------- bad input


def test_failed_fits_leave_the_estimator_as_it_was():
    clf = small(MLPClassifier).fit(X_IRIS, Y_IRIS)
    state, predicted = pickle.dumps(clf), clf.predict(X_IRIS)
    frame = pd.DataFrame(X_IRIS[:, :2], columns=["a", "b"])
    wide = X_IRIS.astype(object)
    for X, y, options, message in (
        (frame, Y_IRIS[:-1], {}, "inconsistent numbers"),
        (frame, np.linspace(0, 1, 150), {}, "Unknown label type"),
        (frame, Y_IRIS, {"sample_weight": -np.ones(150)}, "Negative"),
        (frame, Y_IRIS, {"validation_data": (frame[["a"]], Y_IRIS)}, "^validation_data: "),
        (frame.assign(a=np.nan), Y_IRIS, {}, "NaN"),
        (wide[:, :3], Y_IRIS, {"validation_data": (wide, Y_IRIS)}, "^validation_data: X has 4"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.fit(X, y, **options)
        assert pickle.dumps(clf) == state
    np.testing.assert_array_equal(clf.predict(X_IRIS), predicted)
    for name, value in (("learning_rate", {"kind": "?"}), ("hidden_layer_sizes", (3, 0))):
        changed = pickle.loads(state).set_params(**{name: value})
        with pytest.raises(ValueError, match=r"schedule must be|must be > 0"):
            changed.fit(X_IRIS[:50, :2], Y_IRIS[:50])
        np.testing.assert_array_equal(changed.predict(X_IRIS), predicted)


@pytest.mark.parametrize("cls", BOTH)
def test_weights_that_cannot_be(cls):
    for weights, message in (
        (np.zeros(150), "at least one non-zero"),
        (np.r_[-1.0, np.ones(149)], "Negative values"),
        (np.full(150, np.nan), "NaN"),
        (np.ones(3), "shape"),
        (np.full(150, 1e308), "add up to inf"),
        (np.full(150, 5e-324), "cannot be divided by"),
    ):
        with pytest.raises(ValueError, match=message):
            small(cls).fit(X_IRIS, Y_IRIS, sample_weight=weights)
    late = np.zeros(150)
    late[-1] = 1
    est = small(cls, batch_size=10, shuffle=False).fit(X_IRIS, Y_IRIS, sample_weight=late)
    assert np.isfinite(est.loss_curve_).all()  # most batches weigh nothing
    with pytest.raises(ValueError, match=r"weights of the (validation set|training rows) are"):
        small(cls, early_stopping=True).fit(X_IRIS, Y_IRIS, sample_weight=late)


def test_batch_larger_than_the_data():
    with pytest.warns(UserWarning, match="Got `batch_size` less than 1 or larger"):
        small(MLPClassifier, batch_size=1000).fit(X_IRIS, Y_IRIS)


@pytest.mark.parametrize(
    "y, message",
    [
        ([0, 1, np.nan], "NaN"),
        ([0.1, 0.2, 0.3], "Unknown label type"),
        ([[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], "Unknown label type"),
        ([0, 1], "inconsistent numbers of samples"),
    ],
)
def test_labels_that_cannot_be(y, message):
    with pytest.raises(ValueError, match=message):
        small(MLPClassifier).fit([[0.0], [1.0], [2.0]], y)


def test_numbers_that_cannot_be():
    X = [[0.0], [1.0], [2.0]]
    with pytest.raises(ValueError, match="NaN"):
        small(MLPRegressor).fit(X, [0, np.nan, 1])
    with pytest.raises(ValueError, match="'poisson': y >= 0, but the smallest is -1"):
        small(MLPRegressor, loss="poisson").fit(X, [0, -1, 1])


def test_partial_fit_and_classes():
    clf = small(MLPClassifier)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        clf.partial_fit([[0.0]], [1])
    with pytest.raises(ValueError, match="classes not in"):
        clf.partial_fit([[0.0]], [3], classes=[0, 1])
    assert not hasattr(clf, "coefs_")
    clf.partial_fit([[0.0]], [1], classes=[1, 0])
    with pytest.raises(ValueError, match=r"not the same as on last call.*was: array\(\[0, 1\]"):
        clf.partial_fit([[0.0]], [1], classes=[0, 1, 2])
    with pytest.raises(ValueError, match="Unknown label type"):
        clf.partial_fit([[0.0]], [0.5])
    with pytest.raises(ValueError, match="expecting 1 features"):
        clf.partial_fit([[0.0, 1.0]], [0])
    with pytest.raises(ValueError, match="2 columns"):
        clf.partial_fit([[0.0]], [[0, 1]])
    assert clf.t_ == 1


def test_warm_start_into_another_shape():
    reg = small(MLPRegressor, warm_start=True).fit(X_IRIS, Y_IRIS)
    reg.set_params(hidden_layer_sizes=(8,))
    with pytest.raises(ValueError, match=r"\[4, 8, 1\].*\[4, 7, 1\].*warm_start=False"):
        reg.fit(X_IRIS, Y_IRIS)
    reg.set_params(hidden_layer_sizes=(7,), activation="tanh")
    weights = reg.network_.parameters.copy()
    before = reg.predict(X_IRIS)
    reg.set_params(learning_rate_init=1e-12).fit(X_IRIS, Y_IRIS)
    np.testing.assert_allclose(reg.network_.parameters, weights, atol=1e-9)
    assert (np.abs(reg.predict(X_IRIS) - before) > 1e-6).any()  # through tanh now


@pytest.mark.parametrize(
    "parameters, error, message",
    [
        ({"hidden_layer_sizes": (5, 0)}, ValueError, "hidden_layer_sizes must be > 0"),
        ({"hidden_layer_sizes": (5.0,)}, TypeError, "must be an integer"),
        ({"activation": "softmax"}, ValueError, "'activation' parameter"),
        ({"activation": ["relu", "tanh"]}, ValueError, "lists 2 activations.*1 layers"),
        ({"activation": ["soft"]}, ValueError, "activation must be one of"),
        ({"activation": ("relu", 0.1)}, ValueError, "takes no parameter"),
        ({"dropout": 1.0}, ValueError, "'dropout' parameter"),
        ({"dropout": [1.0]}, ValueError, "below 1"),
        ({"dropout": [0.1, 0.1]}, ValueError, "dropout lists 2 numbers"),
        ({"solver": "lbfgs", "dropout": 0.5}, ValueError, "'lbfgs' takes no dropout"),
        ({"solver": "lbfgs", "clip_norm": 1}, ValueError, "'lbfgs' takes no clip_norm"),
        ({"solver": "irprop-", "batch_size": 10}, ValueError, "irprop- needs"),
        ({"learning_rate": {"kind": "steps"}}, ValueError, "schedule must be one of"),
        ({"learning_rate": {"kind": "cosine", "totl": 3}}, ValueError, "unknown: totl"),
        ({"clip_norm": 0}, ValueError, "'clip_norm' parameter"),
        ({"callback": 3}, ValueError, "'callback' parameter"),
        ({"out_activation": "banana"}, ValueError, "'out_activation' parameter"),
    ],
)
@pytest.mark.parametrize("cls", BOTH)
def test_parameters_that_cannot_be(cls, parameters, error, message):
    with pytest.raises(error, match=message):
        small(cls, **parameters).fit(X_IRIS, Y_IRIS)


def test_a_busy_network_is_not_trained_twice():
    inner = []

    def again(est):
        with pytest.raises(RuntimeError, match="being trained"):
            est.network_.fit(X_IRIS, Y_IRIS, epochs=1)
        inner.append(est.n_iter_)

    small(MLPRegressor, callback=again, max_iter=2).fit(X_IRIS, Y_IRIS)
    assert inner == [1, 2]
