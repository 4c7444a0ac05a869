"""Estimators of networks that no fit has made, and the network of a fitted one."""

import doctest

import numpy as np
import pytest
from estimator_problems import BOTH, DIGITS, LABELS, classifier
from scipy.special import expit
from sklearn.base import clone

import bpcore
from bpcore import MLPClassifier, MLPRegressor, Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@pytest.mark.parametrize("classes", [None, ["no", "yes"]])
def test_a_network_with_an_output_for_each_of_two_classes(classes, output, tmp_path):
    loss = "categorical_cross_entropy" if output == "softmax" else "quadratic"
    net = Network((64, 8, 2), "tanh", output, loss, random_state=0, dtype="float64")
    y = np.array([0, 1] if classes is None else classes)[(LABELS > 4).astype(int)]
    clf = MLPClassifier.from_network(net, classes, learning_rate_init=0.01)
    for _ in range(60):
        clf.partial_fit(DIGITS, y)
    assert clf.network_ is net
    assert clf.score(DIGITS, y) > 0.9
    p = net.predict(DIGITS)
    np.testing.assert_allclose(clf.predict_proba(DIGITS), p / p.sum(1, keepdims=True), rtol=1e-12)
    np.testing.assert_array_equal(clf.predict(DIGITS), clf.classes_[p.argmax(axis=1)])
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    clf.to_onnx(tmp_path / "two.onnx")
    session = runtime.InferenceSession(tmp_path / "two.onnx")
    labels, shares = session.run(None, {session.get_inputs()[0].name: DIGITS.astype("float32")})
    np.testing.assert_allclose(shares, clf.predict_proba(DIGITS), rtol=1e-4, atol=1e-6)
    assert (labels == clf.predict(DIGITS)).mean() > 0.99
    clf.save(tmp_path / "two.safetensors")
    again = bpcore.load(tmp_path / "two.safetensors")
    np.testing.assert_array_equal(again.predict_proba(DIGITS), clf.predict_proba(DIGITS))
    assert again.partial_fit(DIGITS, y).score(DIGITS, y) > 0.9
    clf.set_params(warm_start=True, max_iter=2, early_stopping=True).fit(DIGITS, y)
    assert clf.network_ is net
    n_outputs = 2 if output == "softmax" else 1
    assert clone(clf).fit(DIGITS, y).network_.layer_sizes == (64, 8, n_outputs)


def test_networks_that_make_no_estimator():
    with pytest.raises(TypeError, match=r"bpcore\.Network, got list"):
        MLPRegressor.from_network([1])
    with pytest.raises(ValueError, match="cost for numbers, got binary_cross_entropy"):
        MLPRegressor.from_network(Network((2, 1), loss="binary_cross_entropy"))
    with pytest.raises(ValueError, match="an entropy, got absolute"):
        MLPClassifier.from_network(Network((2, 3), loss="absolute"))
    with pytest.raises(ValueError, match="take 4 outputs, but the network has 3"):
        MLPClassifier.from_network(Network((2, 3)), classes=list("abcd"))
    with pytest.raises(ValueError, match="4 outputs, but the network has 3"):
        MLPClassifier.from_network(Network((2, 3)), classes=list("abcd"), multilabel=True)
    with pytest.raises(ValueError, match="activation, dropout: the network decides that"):
        MLPClassifier.from_network(Network((2, 3)), activation="relu", dropout=0.1)
    with pytest.raises(ValueError, match="must be 'logistic' or 'softmax'"):
        MLPClassifier.from_network(Network((2, 3), "tanh"))


def test_the_network_of_a_fitted_estimator_offers_everything():
    clf = classifier(max_iter=3).fit(DIGITS, LABELS)
    Y = np.eye(10)[LABELS]
    net = clf.network_
    trace = net.trace(DIGITS[:5], Y[:5])
    np.testing.assert_allclose(trace.a[2], clf.predict_proba(DIGITS[:5]), rtol=1e-12)
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


def test_one_quantile_of_several_targets_comes_back_as_one():
    X = np.random.default_rng(0).normal(size=(60, 4))
    Y = X[:, :2]
    reg = MLPRegressor("quantile", (4,), quantile=0.3, max_iter=3).fit(X, Y)
    again = MLPRegressor.from_network(reg.network_)
    assert again.quantile == 0.3
    assert np.array_equal(again.predict(X), reg.predict(X))
    assert again.partial_fit(X, Y).predict(X).shape == (60, 2)
