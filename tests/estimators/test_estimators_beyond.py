"""What scikit-learn's multilayer perceptrons do not have."""

import doctest
import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import d2_pinball_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import compute_sample_weight

from bpcore import MLPClassifier, MLPRegressor, Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BOTH = [MLPClassifier, MLPRegressor]
STOCHASTIC = ["sgd", "adam", "adamw", "rmsprop", "adagrad", "nadam", "irprop-"]
DIGITS, LABELS = load_digits(return_X_y=True)
DIGITS = DIGITS[:600] / 16
LABELS = LABELS[:600]


@pytest.fixture(scope="module")
def curve():
    """A noisy parabola, (400, 2) and (400,)."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, (400, 2))
    return X, X[:, 0] ** 2 + 0.1 * rng.normal(size=400)


def classifier(**parameters):
    return MLPClassifier(
        **{
            "hidden_layer_sizes": (20,),
            "max_iter": 15,
            "random_state": 0,
            "learning_rate_init": 0.01,
            **parameters,
        }
    )


def regressor(**parameters):
    return MLPRegressor(
        **{
            "hidden_layer_sizes": (20,),
            "activation": "tanh",
            "max_iter": 100,
            "random_state": 0,
            "learning_rate_init": 0.01,
            "n_iter_no_change": 1000,
            **parameters,
        }
    )


# ---------------------------------------------------------------- class weights


@pytest.mark.parametrize("class_weight", ["balanced", {0: 5.0, 1: 0.5}])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_class_weight_multiplies_the_sample_weights(class_weight, solver):
    y = (LABELS == 3).astype(int)
    more = np.random.RandomState(0).uniform(0.5, 2, 600)
    by_class = classifier(class_weight=class_weight, solver=solver).fit(DIGITS, y, more)
    by_row = classifier(solver=solver).fit(DIGITS, y, more * compute_sample_weight(class_weight, y))
    np.testing.assert_allclose(by_class.coefs_[0], by_row.coefs_[0], rtol=1e-9)


def test_class_weight_evens_out_rare_classes():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(1000, 2))
    y = ((X[:, 0] + rng.normal(size=1000)) > 2.3).astype(int)
    recall = [
        classifier(class_weight=weight, max_iter=60).fit(X, y).predict(X)[y == 1].mean()
        for weight in (None, "balanced")
    ]
    assert recall[0] < 0.2
    assert recall[1] > 0.7


def test_class_weight_in_partial_fit():
    with pytest.raises(ValueError, match=r"'balanced' needs all of y at once.*a dict"):
        classifier(class_weight="balanced").partial_fit(DIGITS, LABELS, classes=range(10))
    weights = {label: 1.0 + label for label in range(10)}
    one = classifier(class_weight=weights).partial_fit(DIGITS, LABELS, classes=range(10))
    other = classifier().partial_fit(DIGITS, LABELS, 1.0 + LABELS, classes=range(10))
    np.testing.assert_allclose(one.coefs_[0], other.coefs_[0], rtol=1e-10)
    with pytest.raises(ValueError, match="every row of y with a sample weight of zero"):
        classifier(class_weight={0: 0, 1: 0}).fit([[0.0], [1.0]], [0, 1])


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


# ---------------------------------------------------------------- layers and losses


@pytest.mark.parametrize(
    "activation, names",
    [
        (["tanh", "gelu"], ("tanh", "gelu")),
        (("silu", "softplus"), ("silu", "softplus")),
        (("leaky_relu", 0.2), (("leaky_relu", 0.2), ("leaky_relu", 0.2))),
        (["logistic", ("elu", 0.5)], ("sigmoid", ("elu", 0.5))),
        ("sigmoid", ("sigmoid", "sigmoid")),
    ],
)
def test_activations_by_layer(activation, names):
    clf = classifier(hidden_layer_sizes=(20, 10), activation=activation, max_iter=30)
    clf.fit(DIGITS, LABELS)
    assert clf.network_.activations == (*names, "softmax")
    assert clf.score(DIGITS, LABELS) > 0.7


def test_the_same_activation_by_name_and_by_list():
    one = classifier(hidden_layer_sizes=(20, 10), activation="logistic").fit(DIGITS, LABELS)
    two = classifier(hidden_layer_sizes=(20, 10), activation=["logistic", "sigmoid"])
    np.testing.assert_array_equal(two.fit(DIGITS, LABELS).coefs_[2], one.coefs_[2])


def test_quadratic_cost_is_the_recogniser_of_the_source():
    """784-16-16-10 in small: sigmoid everywhere, Σ (a - y)², plain gradient descent."""
    clf = classifier(
        hidden_layer_sizes=(16, 16),
        activation="logistic",
        loss="quadratic",
        solver="sgd",
        momentum=0,
        alpha=0,
        learning_rate_init=0.5,
        batch_size=10,
        max_iter=60,
        tol=0,
    ).fit(DIGITS, LABELS)
    assert clf.out_activation_ == "logistic"
    assert clf.score(DIGITS, LABELS) > 0.95
    a, Y = clf.network_.predict(DIGITS), np.eye(10)[LABELS]
    assert clf.network_.cost(DIGITS, Y) == pytest.approx(((a - Y) ** 2).sum(axis=1).mean())
    np.testing.assert_allclose(
        clf.predict_proba(DIGITS), a / a.sum(axis=1, keepdims=True), rtol=1e-12
    )
    np.testing.assert_array_equal(clf.predict(DIGITS), a.argmax(axis=1))
    binary = classifier(loss="quadratic").fit(DIGITS, LABELS > 4)
    assert binary.n_outputs_ == 1
    assert binary.predict_proba(DIGITS).shape == (600, 2)


@pytest.mark.parametrize(
    "loss, out, network_loss",
    [
        ("log_loss", "logistic", ("binary_cross_entropy", "clip")),
        ("log_loss", "softmax", ("categorical_cross_entropy", "clip")),
        ("quadratic", "softmax", "quadratic"),
    ],
)
def test_out_activation(loss, out, network_loss):
    clf = classifier(loss=loss, out_activation=out, max_iter=40).fit(DIGITS, LABELS)
    assert clf.out_activation_ == out
    assert clf.network_.loss == network_loss
    assert clf.score(DIGITS, LABELS) > 0.9
    np.testing.assert_allclose(clf.predict_proba(DIGITS).sum(axis=1), 1)


def test_out_activation_that_cannot_be():
    with pytest.raises(ValueError, match="must be 'logistic' or 'softmax', got 'relu'"):
        classifier(out_activation="relu").fit(DIGITS, LABELS)
    with pytest.raises(ValueError, match="softmax outputs add up to 1"):
        classifier(out_activation="softmax").fit(DIGITS, LABELS > 4)
    with pytest.raises(ValueError, match="poisson takes the output activation"):
        regressor(loss="poisson", out_activation="tanh").fit(DIGITS, LABELS)


def test_out_activation_of_a_regressor(curve):
    X, y = curve
    reg = regressor(out_activation="softplus", solver="lbfgs").fit(X, y)
    assert reg.predict(100 * X).min() >= 0
    assert reg.out_activation_ == "softplus"


def losses_by_hand(r, name):
    size = np.abs(r)
    return {
        "squared_error": 0.5 * r**2,
        "quadratic": r**2,
        "absolute_error": size,
        "huber": np.where(size <= 0.2, 0.5 * r**2, 0.2 * (size - 0.1)),
        "quantile": np.where(r < 0, -0.3 * r, 0.7 * r),
    }[name]


@pytest.mark.parametrize(
    "loss", ["squared_error", "quadratic", "absolute_error", "huber", "quantile"]
)
def test_losses_of_the_regressor(curve, loss):
    X, y = curve
    reg = regressor(
        loss=loss, huber_delta=0.2, quantile=0.3, solver="lbfgs", alpha=0, max_iter=300
    ).fit(X, y)
    r = reg.predict(X) - y
    assert reg.loss_ == pytest.approx(losses_by_hand(r, loss).mean(), rel=1e-9)
    # each loss is best met by the network that was trained for it
    other = regressor(
        loss="quantile" if loss != "quantile" else "squared_error",
        quantile=0.9,
        solver="lbfgs",
        alpha=0,
        max_iter=300,
    ).fit(X, y)
    assert losses_by_hand(other.predict(X) - y, loss).mean() > reg.loss_


def test_absolute_error_withstands_outliers(curve):
    X, y = curve
    bad = y.copy()
    bad[::10] += 50
    errors = {
        loss: np.abs(regressor(loss=loss, max_iter=150).fit(X, bad).predict(X) - y).mean()
        for loss in ("squared_error", "absolute_error", "huber")
    }
    assert errors["absolute_error"] < 0.3 * errors["squared_error"]
    assert errors["huber"] < errors["squared_error"]


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_several_quantiles_at_once(curve, solver):
    X, y = curve
    reg = regressor(
        loss="quantile",
        quantile=[0.1, 0.5, 0.9],
        solver=solver,
        max_iter=300,
        learning_rate="cosine",
    )
    q = reg.fit(X, y).predict(X)
    assert q.shape == (400, 3)
    below = (y[:, None] < q).mean(axis=0)
    np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=0.06)
    want = np.mean([d2_pinball_score(y, q[:, k], alpha=a) for k, a in enumerate((0.1, 0.5, 0.9))])
    assert reg.score(X, y) == pytest.approx(want)
    assert reg.score(X, y) > 0.3
    stopped = clone(reg).set_params(solver="adam", early_stopping=True, max_iter=5).fit(X, y)
    assert len(stopped.validation_scores_) == 5
    with pytest.raises(ValueError, match="several quantiles take a y of one column"):
        reg.fit(X, np.c_[y, y])


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


# ---------------------------------------------------------------- callbacks


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


def test_partial_fit_of_multilabel_targets():
    Y = np.c_[LABELS % 2, LABELS > 4, LABELS % 3 == 0].astype(int)
    clf = classifier()
    for _ in range(30):
        clf.partial_fit(DIGITS, Y)
    assert clf.score(DIGITS, Y) > 0.8
    clf.partial_fit(DIGITS[:1], Y[:1])
    with pytest.raises(ValueError, match="zeros and ones"):
        clf.partial_fit(DIGITS, Y + Y[:, :1])
    with pytest.raises(ValueError, match="2 labels, but this classifier has 3"):
        clf.partial_fit(DIGITS, Y[:, :2])


# ---------------------------------------------------------------- several columns of labels


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_multiclass_multioutput(solver, early_stopping):
    Y = np.c_[LABELS % 3, LABELS > 4, LABELS]
    clf = classifier(solver=solver, max_iter=60, early_stopping=early_stopping).fit(DIGITS, Y)
    assert [one.tolist() for one in clf.classes_] == [[0, 1, 2], [0, 1], list(range(10))]
    assert clf.n_outputs_ == 3 + 1 + 10
    predicted = clf.predict(DIGITS)
    assert predicted.shape == Y.shape
    assert clf.score(DIGITS, Y) == (predicted == Y).all(axis=1).mean() > 0.75
    assert clf.score(DIGITS, Y, LABELS == 3) == (predicted == Y)[LABELS == 3].all(axis=1).mean()
    for k, p in enumerate(clf.predict_proba(DIGITS)):
        assert p.shape == (600, len(clf.classes_[k]))
        np.testing.assert_allclose(p.sum(axis=1), 1)
        np.testing.assert_array_equal(clf.classes_[k][p.argmax(axis=1)], predicted[:, k])
        np.testing.assert_allclose(np.exp(clf.predict_log_proba(DIGITS)[k]), p)


def test_multiclass_multioutput_with_names_and_partial_fit():
    Y = np.c_[np.array(["x", "y", "z"])[LABELS % 3], np.array(["p", "q"])[LABELS % 2]]
    clf = classifier()
    for _ in range(20):
        clf.partial_fit(DIGITS[:300], Y[:300], classes=[["x", "y", "z", "never"], ["p", "q"]])
    assert clf.score(DIGITS[:300], Y[:300]) > 0.75
    assert clf.classes_[0].tolist() == ["never", "x", "y", "z"]
    with pytest.raises(ValueError, match="classes not in"):
        clf.partial_fit(DIGITS[:2], [["a", "p"], ["x", "q"]])
    with pytest.raises(ValueError, match="2 columns of labels"):
        clf.partial_fit(DIGITS[:2], [["x", "p", "p"], ["x", "q", "q"]])
    with pytest.raises(ValueError, match="a list with the classes of each"):
        classifier().partial_fit(DIGITS, Y, classes=["x", "y", "z"])


# ---------------------------------------------------------------- memory


@pytest.mark.parametrize("method, result", [("predict", 3.2e6), ("predict_proba", 160e6)])
def test_predictions_in_bounded_memory(method, result):
    """400,000 rows by 50 classes: 160 MB of probabilities, which predict must never hold."""
    clf = MLPClassifier((4,)).initialize(2, classes=range(50))
    X = np.zeros((400_000, 2))
    getattr(clf, method)(X[:10])
    tracemalloc.start()
    try:
        getattr(clf, method)(X)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < result + 60e6


def test_blocks_of_rows_fit_together(monkeypatch):
    import bpcore._estimator_base as base

    clf = classifier().fit(DIGITS, np.c_[LABELS % 3, LABELS])
    reg = regressor(max_iter=2).fit(DIGITS, LABELS)
    whole = clf.predict(DIGITS), clf.predict_proba(DIGITS), reg.predict(DIGITS)
    monkeypatch.setattr(base, "_BLOCK_NUMBERS", 7 * 77)
    np.testing.assert_array_equal(clf.predict(DIGITS), whole[0])
    for ours, theirs in zip(clf.predict_proba(DIGITS), whole[1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    np.testing.assert_allclose(reg.predict(DIGITS), whole[2], rtol=1e-9)


def test_fit_copies_no_data():
    X = np.random.RandomState(0).rand(20_000, 200)
    y = (X[:, 0] > 0.5).astype(int)
    clf = MLPClassifier((3,), max_iter=1, early_stopping=True, validation_fraction=0.01)
    tracemalloc.start()
    try:
        clf.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.6 * X.nbytes


# ---------------------------------------------------------------- networks without fit


def test_initialize_draws_what_fit_draws():
    clf = classifier(max_iter=1, learning_rate_init=1e-300).fit(DIGITS, LABELS)
    ready = classifier().initialize(64, range(10))
    np.testing.assert_array_equal(ready.coefs_[0], clf.coefs_[0])
    np.testing.assert_array_equal(ready.intercepts_[1], clf.intercepts_[1])
    assert ready.predict(DIGITS).shape == (600,)
    assert ready.n_features_in_ == 64
    assert ready.partial_fit(DIGITS, LABELS).t_ == 600
    with pytest.raises(ValueError, match="expecting 64 features"):
        ready.predict(DIGITS[:, :3])
    with pytest.raises(ValueError, match="'alpha' parameter"):
        classifier(alpha=-1).initialize(64, range(10))


@pytest.mark.parametrize(
    "classes, multilabel, n_outputs, shape",
    [
        (["no", "yes"], False, 1, (600,)),
        (range(4), True, 4, (600, 4)),
        ([["a", "b", "c"], [0, 1]], False, 4, (600, 2)),
    ],
)
def test_initialize_kinds_of_targets(classes, multilabel, n_outputs, shape):
    clf = classifier().initialize(64, classes, multilabel=multilabel, dtype="float32")
    assert clf.n_outputs_ == n_outputs
    assert clf.coefs_[0].dtype == np.float32
    assert clf.predict(DIGITS).shape == shape


def test_initialize_a_regressor_with_weights_of_ones_own():
    reg = MLPRegressor(hidden_layer_sizes=(1,), activation="logistic").initialize(1)
    reg.coefs_ = [np.array([[2.0]]), np.array([[3.0]])]
    reg.intercepts_[0][:] = -1
    reg.intercepts_[1][:] = 0.5
    np.testing.assert_allclose(reg.predict([[1.0]]), 3 * expit([1.0]) + 0.5)
    several = MLPRegressor(loss="quantile", quantile=[0.1, 0.9]).initialize(3)
    assert several.predict(np.zeros((5, 3))).shape == (5, 2)
    assert MLPRegressor().initialize(3, 4).predict(np.zeros((5, 3))).shape == (5, 4)


def test_from_network_shares_it():
    net = Network(
        (64, 16, 10),
        output_activation="softmax",
        loss="categorical_cross_entropy",
        random_state=0,
        dropout=0.1,
    )
    clf = MLPClassifier.from_network(net, learning_rate_init=0.01, random_state=0)
    assert clf.network_ is net
    assert clf.get_params()["hidden_layer_sizes"] == (16,)
    np.testing.assert_array_equal(clf.predict(DIGITS), net.predict(DIGITS).argmax(axis=1))
    before = net.parameters.copy()
    for _ in range(30):
        clf.partial_fit(DIGITS, LABELS)
    assert clf.network_ is net
    assert (net.parameters != before).any()
    assert clf.score(DIGITS, LABELS) > 0.8
    clf.set_params(warm_start=True, max_iter=3).fit(DIGITS, LABELS)
    assert clf.network_ is net
    fresh = clone(clf).fit(DIGITS, LABELS)
    assert fresh.network_.layer_sizes == net.layer_sizes


@pytest.mark.parametrize(
    "loss",
    ["quadratic", "squared_error", "absolute", ("huber", 0.5), ("quantile", [0.2, 0.8]), "poisson"],
)
def test_regressor_from_network(loss):
    n_outputs = 2 if loss == ("quantile", [0.2, 0.8]) else 1
    output = "exponential" if loss == "poisson" else "identity"
    net = Network((64, 5, n_outputs), ("elu", 0.5), output, loss, random_state=0, dtype="float64")
    reg = MLPRegressor.from_network(net, random_state=0)
    np.testing.assert_array_equal(
        reg.predict(DIGITS), net.predict(DIGITS).reshape(600, -1).squeeze()
    )
    reg.partial_fit(DIGITS, LABELS)
    assert reg.network_ is net
    assert clone(reg).fit(DIGITS, LABELS).network_.loss == (
        ("quantile", (0.2, 0.8)) if n_outputs == 2 else loss
    )


def test_networks_that_make_no_estimator():
    with pytest.raises(TypeError, match=r"bpcore\.Network, got list"):
        MLPRegressor.from_network([1])
    with pytest.raises(ValueError, match="cost for numbers, got binary_cross_entropy"):
        MLPRegressor.from_network(Network((2, 1), loss="binary_cross_entropy"))
    with pytest.raises(ValueError, match="an entropy, got absolute"):
        MLPClassifier.from_network(Network((2, 3), loss="absolute"))
    with pytest.raises(ValueError, match="take 4 outputs, but the network has 3"):
        MLPClassifier.from_network(Network((2, 3)), classes=list("abcd"))
    with pytest.raises(ValueError, match="must be 'logistic' or 'softmax'"):
        MLPClassifier.from_network(Network((2, 3), "tanh"))


def test_the_network_of_a_fitted_estimator_offers_everything():
    clf = classifier(max_iter=3).fit(DIGITS, LABELS)
    Y = np.eye(10)[LABELS]
    net = clf.network_
    trace = net.trace(DIGITS[:5], Y[:5])
    np.testing.assert_allclose(trace.activations[2], clf.predict_proba(DIGITS[:5]), rtol=1e-12)
    assert net.per_sample_gradients(DIGITS[:5], Y[:5]).shape == (5, net.n_parameters)
    assert net.jacobian(DIGITS[:5]).shape == (5, 10, 64)
    assert net.score(DIGITS, Y) == pytest.approx(clf.score(DIGITS, LABELS))
    net.step(DIGITS[0], Y[0], 0.5)
    np.testing.assert_array_equal(clf.coefs_[0], net.weights[0].T)


@pytest.mark.parametrize("cls", BOTH)
def test_the_docstring_describes_every_parameter(cls):
    for name, default in cls().get_params().items():
        assert f"\n{name} : " in cls.__doc__
        assert f", default={default!r}\n" in cls.__doc__
    assert cls.__doc__.index("Parameters\n") < cls.__doc__.index("Attributes\n")
    assert cls.__doc__.index("Attributes\n") < cls.__doc__.index("See Also\n")


def test_the_examples_of_the_differences_page(source_tree):
    page = source_tree / "docs" / "differences-from-scikit-learn.md"
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert failed == 0
    assert tried > 30
