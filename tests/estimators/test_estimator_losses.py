"""Losses, activations and outputs that scikit-learn's multilayer perceptrons do not have."""

import numpy as np
import pytest
from estimator_problems import DIGITS, LABELS, classifier, regressor
from sklearn.base import clone
from sklearn.metrics import d2_pinball_score

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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
    several = np.column_stack([LABELS > 4, LABELS > 5, LABELS % 2])
    for y in (several, several + 2, np.zeros(600)):
        with pytest.raises(ValueError, match="softmax outputs add up to 1"):
            classifier(out_activation="softmax").fit(DIGITS, y)
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


def test_quantiles_of_another_number_do_not_go_on(curve):
    X, y = curve
    reg = regressor(loss="quantile", quantile=[0.1, 0.9], max_iter=3, warm_start=True).fit(X, y)
    for other in ({"quantile": 0.5}, {"quantile": [0.1, 0.5, 0.9]}, {"loss": "squared_error"}):
        changed = clone(reg).fit(X, y).set_params(**other)
        with pytest.raises(ValueError, match="weights from before have 2, one a quantile"):
            changed.fit(X, y)
        assert changed.set_params(warm_start=False).fit(X, y).n_outputs_ != 2
