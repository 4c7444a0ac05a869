"""The same weights, losses, scores and predictions as scikit-learn, to 1e-6 relative.

Each case trains both libraries on the same data for up to 30 epochs in float64. The one known
difference, the stratified split for three or more classes, is given to scikit-learn by hand.
"""

import functools
import itertools

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
import sklearn.neural_network._multilayer_perceptron as sklearn_mlp
import threadpoolctl
from sklearn.datasets import (
    load_digits,
    make_classification,
    make_multilabel_classification,
    make_regression,
)
from sklearn.model_selection import train_test_split

import bpcore

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1"),
]

KINDS = ("binary", "multiclass", "multilabel", "regression", "multioutput", "poisson")
CLASSIFICATION = KINDS[:3]
N = 90


@pytest.fixture(scope="module", autouse=True)
def one_blas_thread():
    """scikit-learn's small products run several times faster so."""
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        yield


@pytest.fixture(autouse=True)
def stratified_split(monkeypatch):
    """What scikit-learn's documentation says: stratified, except for multilabel targets.

    It hands ``stratify`` to train_test_split for two classes only.
    """

    def split(X, y, *weights, stratify, **options):
        one_label = y.dtype == bool and (y.shape[1] == 1 or (y.sum(axis=1) == 1).all())
        return train_test_split(X, y, *weights, stratify=y if one_label else None, **options)

    monkeypatch.setattr(sklearn_mlp, "train_test_split", split)


@functools.cache
def make_data(kind):
    n = N
    if kind == "multilabel":
        return make_multilabel_classification(n, 8, n_classes=4, random_state=1)
    if kind in CLASSIFICATION:
        classes = 2 if kind == "binary" else 4
        X, y = make_classification(
            n, 8, n_informative=5, n_redundant=1, n_classes=classes, random_state=1
        )
        return X, np.array(["ant", "bee", "cat", "dog"])[y]
    X, y = make_regression(n, 8, n_targets=3 if kind == "multioutput" else 1, random_state=1)
    y = y / y.std()
    if kind == "poisson":
        y = np.random.RandomState(3).poisson(np.exp(0.5 * y)).astype(float)
    return X, y


def make_pair(kind, **parameters):
    name = "MLPClassifier" if kind in CLASSIFICATION else "MLPRegressor"
    options = {"hidden_layer_sizes": (9,), "random_state": 3, "max_iter": 30, **parameters}
    if kind == "poisson":
        options["loss"] = "poisson"
    return [
        getattr(library, name)(**{key: fresh(value) for key, value in options.items()})
        for library in (bpcore, sklearn.neural_network)
    ]


def fresh(value):
    """A RandomState of its own for each of the two."""
    return (
        np.random.RandomState(value[1])
        if isinstance(value, tuple) and value[:1] == ("RandomState",)
        else value
    )


def close(ours, theirs, what):
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-13, err_msg=what)


def assert_same(ours, theirs, X):
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("coefs_", "intercepts_"):
        for layer, (a, b) in enumerate(
            zip(getattr(ours, name), getattr(theirs, name), strict=True)
        ):
            close(a, b, f"{name}[{layer}]")
    for name in (
        "loss_",
        "loss_curve_",
        "best_loss_",
        "validation_scores_",
        "best_validation_score_",
    ):
        value = getattr(theirs, name, None)  # lbfgs leaves some of them out
        if value is not None:
            close(getattr(ours, name), value, name)
        elif hasattr(theirs, name):
            assert getattr(ours, name) is None
    predicted = theirs.predict(X)
    if hasattr(theirs, "classes_"):
        np.testing.assert_array_equal(ours.classes_, theirs.classes_)
        np.testing.assert_array_equal(ours.predict(X), predicted)
        close(ours.predict_proba(X), theirs.predict_proba(X), "predict_proba")
        with np.errstate(divide="ignore"):
            logarithms = theirs.predict_log_proba(X)
        close(ours.predict_log_proba(X), logarithms, "predict_log_proba")
    else:
        close(ours.predict(X), predicted, "predict")
    assert ours.predict(X).dtype == predicted.dtype
    assert ours.predict(X).shape == predicted.shape


SOLVERS = [
    {"solver": solver, "activation": activation}
    for solver in ("sgd", "adam", "lbfgs")
    for activation in ("relu", "tanh", "logistic", "identity")
]
OTHER_SETTINGS = [
    *(
        {
            "solver": "sgd",
            "learning_rate": schedule,
            "learning_rate_init": 0.02,
            "momentum": momentum,
        }
        for schedule in ("constant", "invscaling", "adaptive")
        for momentum in (0, 0.5)
    ),
    {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
    {"solver": "sgd", "momentum": 1.0, "learning_rate_init": 1e-4},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.1, "learning_rate_init": 0.1},
    {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "tol": 0.2,
        "n_iter_no_change": 1,
        "learning_rate_init": 0.1,
        "max_iter": 60,
    },
    *(
        {"solver": solver, "batch_size": size}
        for solver in ("sgd", "adam")
        for size in (13, 50, N, 10 * N)
    ),
    {"solver": "adam", "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-4},
    {"alpha": 0.0},
    {"alpha": 5.0, "solver": "sgd", "batch_size": 32},
    {"alpha": 5.0, "solver": "lbfgs"},
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": 5},
    {"hidden_layer_sizes": [8, 6, 4], "activation": "tanh", "batch_size": 20},
    {"shuffle": False, "batch_size": 40},
    {"random_state": ("RandomState", 11)},
    {"tol": 0.1, "n_iter_no_change": 2, "max_iter": 100, "learning_rate_init": 0.01},
]
EARLY = [
    {
        "solver": solver,
        "validation_fraction": share,
        "n_iter_no_change": patience,
        "tol": tol,
        "learning_rate_init": 0.01,
    }
    for solver in ("sgd", "adam")
    for share, patience, tol in ((0.1, 10, 1e-4), (0.3, 3, 1e-2))
]


def name_of(settings):
    return ",".join(f"{key}={value}" for key, value in settings.items())


# every kind of target with every solver and activation; of the other settings, which do not see
# the targets, each with one kind of labels and one of numbers, in turn
CASES = [
    *itertools.product(KINDS, SOLVERS),
    *((kind, s) for i, s in enumerate(OTHER_SETTINGS) for kind in (KINDS[i % 3], KINDS[3 + i % 3])),
]


@pytest.mark.parametrize("kind, settings", CASES, ids=lambda x: x if x in KINDS else name_of(x))
def test_fit(kind, settings):
    X, y = make_data(kind)
    ours, theirs = make_pair(kind, **settings)
    assert_same(ours.fit(X, y), theirs.fit(X, y), X)


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_one_row_a_step(kind):
    X, y = make_data(kind)
    ours, theirs = make_pair(kind, solver="sgd", batch_size=1)
    assert_same(ours.fit(X, y), theirs.fit(X, y), X)


@pytest.mark.parametrize("settings", EARLY, ids=name_of)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping(kind, weighted, settings):
    X, y = make_data(kind)
    weights = np.random.RandomState(5).uniform(0.5, 2, N) if weighted else None
    ours, theirs = make_pair(kind, early_stopping=True, **settings)
    assert_same(ours.fit(X, y, weights), theirs.fit(X, y, weights), X)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_sample_weight(kind, solver):
    X, y = make_data(kind)
    weights = np.random.RandomState(5).randint(0, 4, N)
    ours, theirs = make_pair(kind, solver=solver, batch_size=40)
    assert_same(ours.fit(X, y, weights), theirs.fit(X, y, weights), X)


@pytest.mark.parametrize("form", ["csr_matrix", "csc_matrix", "csr_array", "csc_array"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_sparse(kind, solver, form):
    X, y = make_data(kind)
    X = getattr(scipy.sparse, form)(np.where(np.abs(X) > 1, X, 0))
    ours, theirs = make_pair(kind, solver=solver, batch_size=40)
    assert_same(ours.fit(X, y), theirs.fit(X, y), X)
    ours, theirs = make_pair(kind, solver=solver, early_stopping=True)
    assert_same(ours.fit(X, y), theirs.fit(X, y), X)


@pytest.mark.parametrize("random_state", [3, ("RandomState", 7)])
@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "adam"},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 0.5},
    ],
    ids=name_of,
)
@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_sequence(kind, settings, random_state):
    X, y = make_data(kind)
    weights = np.random.RandomState(5).uniform(0.5, 2, N)
    ours, theirs = make_pair(kind, random_state=random_state, batch_size=20, **settings)
    first = {}
    if kind in CLASSIFICATION:
        first = {"classes": np.arange(4) if kind == "multilabel" else np.unique(y)}
    for i in range(12):
        rows = slice(37 * i % 40, 37 * i % 40 + 30 + i)
        some = weights[rows] if i % 3 == 2 else None
        for estimator in (ours, theirs):
            estimator.partial_fit(X[rows], y[rows], sample_weight=some, **first)
        first = {}
    assert_same(ours, theirs, X)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("random_state", [3, ("RandomState", 7)])
@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "adam"},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 2, "tol": 0.5},
    ],
    ids=name_of,
)
@pytest.mark.parametrize("kind", KINDS)
def test_warm_start(kind, settings, random_state, early_stopping):
    X, y = make_data(kind)
    ours, theirs = make_pair(
        kind,
        warm_start=True,
        early_stopping=early_stopping,
        random_state=random_state,
        **{"max_iter": 8, "n_iter_no_change": 3, **settings},
    )
    for _ in range(3):
        assert_same(ours.fit(X, y), theirs.fit(X, y), X)
    if not early_stopping:
        if settings["solver"] == "sgd":
            rates = ours._optimizer.learning_rate, theirs._optimizer.learning_rate
            assert rates[0] == pytest.approx(rates[1], rel=1e-12)
        assert_same(ours.partial_fit(X, y), theirs.partial_fit(X, y), X)


@pytest.mark.parametrize("kind", KINDS)
def test_warm_start_lbfgs(kind):
    X, y = make_data(kind)
    ours, theirs = make_pair(kind, warm_start=True, solver="lbfgs", max_iter=8)
    for _ in range(3):
        assert_same(ours.fit(X, y), theirs.fit(X, y), X)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"solver": "sgd", "learning_rate_init": 0.01},
        {"activation": "logistic"},
        {"hidden_layer_sizes": (40, 20), "activation": "tanh"},
    ],
    ids=name_of,
)
def test_real_digits(settings):
    X, y = load_digits(return_X_y=True)
    ours, theirs = make_pair("multiclass", **{"hidden_layer_sizes": (50,), **settings})
    assert_same(ours.fit(X, y), theirs.fit(X, y), X)


@pytest.mark.parametrize("kind", KINDS)
def test_float32_stays_float32(kind):
    X, y = make_data(kind)
    X = X.astype(np.float32)
    ours, theirs = (one.fit(X, y) for one in make_pair(kind))
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        assert a.dtype == b.dtype == np.float32
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
    if kind not in CLASSIFICATION:
        assert ours.predict(X).dtype == np.float32


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_verbose_output(kind, capsys):
    X, y = make_data(kind)
    printed = []
    for estimator in make_pair(
        kind,
        solver="sgd",
        learning_rate="adaptive",
        tol=0.5,
        n_iter_no_change=1,
        verbose=True,
        early_stopping=kind != "regression",
    ):
        estimator.fit(X, y)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "Setting learning rate to" in printed[0]
