"""What scikit-learn's users rely on, beyond the numbers: views, state, tools and input."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sklearn
from estimator_problems import BOTH, X_IRIS, Y_IRIS, small
from sklearn.base import clone
from sklearn.datasets import make_regression
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bpcore import MLPClassifier, MLPRegressor, Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---------------------------------------------------------------- weights and the network


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_coefs_are_views_into_the_network(cls, solver):
    est = small(cls, solver=solver).fit(X_IRIS, Y_IRIS)
    assert isinstance(est.network_, Network)
    for layer in range(2):
        assert np.shares_memory(est.coefs_[layer], est.network_.parameters)
        assert np.shares_memory(est.intercepts_[layer], est.network_.parameters)
        np.testing.assert_array_equal(est.coefs_[layer], est.network_.weights[layer].T)
        np.testing.assert_array_equal(est.intercepts_[layer], est.network_.biases[layer])
    before = est.predict(X_IRIS)
    est.coefs_[1][:] = 0
    est.intercepts_[1][:] = 0
    est.intercepts_[1][-1] = 50
    assert (est.predict(X_IRIS) != before).any()
    assert set(est.predict(X_IRIS).tolist()) == ({2} if cls is MLPClassifier else {50.0})


def test_assigning_arrays_and_lists_of_weights():
    est = small(MLPRegressor, hidden_layer_sizes=()).fit(X_IRIS, Y_IRIS)
    est.coefs_[0] = np.array([[1.0], [0.0], [0.0], [2.0]])
    est.intercepts_ = [[5.0]]
    np.testing.assert_allclose(est.predict([[1, 1, 1, 1.0]]), [8.0])
    assert np.shares_memory(est.coefs_[0], est.network_.parameters)
    est.coefs_ = [np.ones((2, 3)), np.ones((3, 1))]
    est.intercepts_ = [np.zeros(3), np.zeros(1)]
    est.n_features_in_ = 2
    np.testing.assert_allclose(est.predict([[1.0, 1.0]]), [6.0])
    assert est.network_.layer_sizes == (2, 3, 1)
    est.coefs_[1] = np.ones((4, 1))
    with pytest.raises(ValueError, match=r"follow one another.*\(2, 3\), \(4, 1\)"):
        est.predict([[1.0, 1.0]])


def test_an_estimator_made_by_hand_predicts():
    clf = MLPClassifier((2,), activation="logistic")
    clf.coefs_ = [np.eye(2), np.eye(2, 3)]
    clf.intercepts_ = [np.zeros(2), np.array([0.0, 0.0, 9.0])]
    clf.classes_ = np.array(["a", "b", "c"])
    clf.out_activation_ = "softmax"
    clf.n_features_in_ = 2
    assert clf.predict([[0.0, 1.0]]).tolist() == ["c"]
    reg = MLPRegressor(hidden_layer_sizes=(), loss="poisson")
    reg.coefs_, reg.intercepts_ = [np.ones((1, 1))], [np.zeros(1)]
    np.testing.assert_allclose(reg.predict([[2.0]]), np.exp([2.0]))


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_gradient_of_the_network(activation, n_classes):
    """What scikit-learn's test_gradient checks through a private method."""
    rng = np.random.RandomState(42)
    X = rng.rand(5, 10)
    y = np.arange(5) % n_classes
    clf = small(MLPClassifier, activation=activation, solver="lbfgs", max_iter=1).fit(X, y)
    Y = np.eye(n_classes)[y] if n_classes > 2 else y.reshape(-1, 1)
    assert clf.network_.check_gradient(X, Y) < 1e-5
    assert clf.network_.gradient(X, Y).vector.shape == (clf.network_.n_parameters,)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_copies_and_pickles(cls, early_stopping):
    est = small(cls, early_stopping=early_stopping).fit(X_IRIS, Y_IRIS)
    predicted = est.predict(X_IRIS)
    for other in (pickle.loads(pickle.dumps(est)), copy.deepcopy(est)):
        np.testing.assert_array_equal(other.predict(X_IRIS), predicted)
        assert np.shares_memory(other.coefs_[0], other.network_.parameters)
        assert not np.shares_memory(other.coefs_[0], est.coefs_[0])
        other.coefs_[0][:] = 1
        np.testing.assert_array_equal(est.predict(X_IRIS), predicted)
    shallow = copy.copy(est)
    assert shallow.network_ is est.network_
    size = len(pickle.dumps(est))
    assert size < 4 * est.network_.parameters.nbytes + 8000


@pytest.mark.parametrize("cls", BOTH)
def test_partial_fit_goes_on_from_a_pickle_exactly(cls):
    first = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    est = small(cls).partial_fit(X_IRIS, Y_IRIS, **first)
    other = pickle.loads(pickle.dumps(est))
    for _ in range(3):
        est.partial_fit(X_IRIS, Y_IRIS)
        other.partial_fit(X_IRIS, Y_IRIS)
    np.testing.assert_array_equal(est.coefs_[0], other.coefs_[0])
    assert est.loss_curve_ == other.loss_curve_


# ---------------------------------------------------------------- scikit-learn's tools


def test_clone_pipeline_and_search():
    clf = clone(small(MLPClassifier, activation=["tanh"], dropout=[0.1]))
    assert clf.get_params()["activation"] == ["tanh"]
    pipeline = make_pipeline(StandardScaler(), small(MLPClassifier, max_iter=30, solver="lbfgs"))
    assert pipeline.fit(X_IRIS, Y_IRIS).score(X_IRIS, Y_IRIS) > 0.95
    search = GridSearchCV(
        small(MLPClassifier, solver="lbfgs", max_iter=20), {"alpha": [1e-4, 1e3]}, cv=3
    ).fit(X_IRIS, Y_IRIS)
    assert search.best_params_ == {"alpha": 1e-4}
    assert cross_val_score(
        small(MLPRegressor, solver="lbfgs", max_iter=30), X_IRIS, Y_IRIS, cv=3
    ).shape == (3,)


def test_feature_names():
    frame = pd.DataFrame(X_IRIS, columns=list("abcd"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf = small(MLPClassifier, early_stopping=True).fit(
            frame, Y_IRIS, validation_data=(frame[:30], Y_IRIS[:30])
        )
        clf.predict(frame)
    assert clf.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(frame.rename(columns={"a": "z"}))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clf.predict(X_IRIS)


def test_column_vector_and_two_dimensional_targets():
    with pytest.warns(DataConversionWarning):
        small(MLPRegressor).fit(X_IRIS, Y_IRIS.reshape(-1, 1))
    X, y = make_regression(40, 3, n_targets=2, random_state=0)
    assert small(MLPRegressor).fit(X, y).predict(X).shape == (40, 2)


@pytest.mark.parametrize("labels", [[False, True], [-1, 1], ["no", "yes"], [0.0, 1.0], ["one"]])
def test_kinds_of_labels(labels):
    labels = np.array(labels)
    y = labels[np.arange(30) % len(labels)]
    X = np.linspace(-1, 1, 30).reshape(-1, 1) ** (1 + np.arange(3))
    clf = small(MLPClassifier).fit(X, y)
    assert clf.classes_.tolist() == labels.tolist()
    assert clf.classes_.dtype == labels.dtype
    assert set(clf.predict(X).tolist()) <= set(labels.tolist())
    assert clf.predict_proba(X).shape == (30, len(labels))
    np.testing.assert_allclose(clf.predict_proba(X).sum(axis=1), 1)


def test_sparse_multilabel_targets():
    Y = (np.random.RandomState(0).rand(40, 3) > 0.5).astype(int)
    X = np.random.RandomState(1).rand(40, 2)
    dense = small(MLPClassifier).fit(X, Y)
    sparse = small(MLPClassifier).fit(X, scipy.sparse.csr_array(Y))
    np.testing.assert_array_equal(dense.predict_proba(X), sparse.predict_proba(X))
    assert dense.predict(X).shape == (40, 3)


# ---------------------------------------------------------------- input that is not copied


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_layout_and_type_of_x_change_nothing(solver):
    X = np.random.RandomState(0).randint(0, 256, (60, 5)).astype(np.float64)
    y = (X[:, 0] > X[:, 1]).astype(int)
    want = small(MLPClassifier, solver=solver).fit(X, y).coefs_[0]
    read_only = X.copy()
    read_only.flags.writeable = False
    for same in (
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        X.astype(np.uint8),
        X.astype(np.int64),
        X.astype(">f8"),
        read_only,
        X.tolist(),
        pd.DataFrame(X),
        scipy.sparse.csr_array(X),
        scipy.sparse.csc_matrix(X.astype(int)),
    ):
        clf = small(MLPClassifier, solver=solver)
        np.testing.assert_allclose(clf.fit(same, y).coefs_[0], want, rtol=1e-9)
        assert clf.predict(same).shape == (60,)
    assert X.astype(np.uint8).dtype == np.uint8


# ---------------------------------------------------------------- what is documented


def test_early_stopping_is_stratified_for_many_classes():
    """Each class must reach the validation set in proportion, though scikit-learn's does not."""
    y = np.repeat([0, 1, 2], [160, 30, 10])
    X = np.random.RandomState(0).rand(200, 2)
    seen = []

    class Recording(MLPClassifier):
        def _score_outputs(self, a, Y, weights):
            seen.append(Y.sum(axis=0).tolist())
            return super()._score_outputs(a, Y, weights)

    small(Recording, early_stopping=True, validation_fraction=0.1).fit(X, y)
    assert seen[0] == [16, 3, 1]


def test_split_that_cannot_be_stratified():
    X = np.random.RandomState(0).rand(30, 2)
    y = np.array(["a"] * 15 + ["b"] * 14 + ["c"])
    with pytest.raises(ValueError, match=r"only 1 member.*\['c'\].*validation_data"):
        small(MLPClassifier, early_stopping=True).fit(X, y)
    for y_2, name in ((["no"] * 29 + ["yes"], "yes"), ([7.0] + [8.0] * 29, "7.0")):
        with pytest.raises(ValueError, match=rf"only 1 member.*\['?{name}'?\]") as caught:
            small(MLPClassifier, early_stopping=True).fit(X, y_2)
        assert "True" not in str(caught.value)
    with pytest.raises(ValueError, match=r"number of classes = 10.*change validation_fraction"):
        small(MLPClassifier, early_stopping=True).fit(X, np.arange(30) % 10)


@pytest.mark.parametrize("cls", BOTH)
def test_loss_curve_of_lbfgs(cls):
    est = small(cls, solver="lbfgs", max_iter=12).fit(X_IRIS, Y_IRIS)
    assert len(est.loss_curve_) == est.n_iter_ == 12
    assert est.loss_curve_[-1] == est.loss_ == est.best_loss_
    assert sorted(est.loss_curve_, reverse=True) == est.loss_curve_


@pytest.mark.parametrize("cls", BOTH)
def test_lbfgs_has_no_partial_fit(cls):
    assert not hasattr(cls(solver="lbfgs"), "partial_fit")
    with pytest.raises(AttributeError, match="partial_fit"):
        cls(solver="lbfgs").partial_fit(X_IRIS, Y_IRIS)


@pytest.mark.parametrize("cls", BOTH)
def test_interrupted_fit_keeps_what_it_reached(cls):
    def interrupt(est):
        if est.n_iter_ == 3:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        est = small(cls, max_iter=50, callback=interrupt).fit(X_IRIS, Y_IRIS)
    assert est.n_iter_ == len(est.loss_curve_) == 3
    est.set_params(callback=None, warm_start=True, max_iter=2).fit(X_IRIS, Y_IRIS)
    assert len(est.loss_curve_) == 5


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize("cls", BOTH)
def test_unfitted(cls):
    with pytest.raises(NotFittedError):
        cls().predict(X_IRIS)
    assert not hasattr(cls(), "network_")
    with pytest.raises(NotFittedError):
        _ = cls().network_


def test_scikit_learn_is_loaded_only_when_needed():
    import subprocess
    import sys

    code = (
        "import sys, bpcore; bpcore.Network((2, 1)); assert 'sklearn' not in sys.modules; "
        "bpcore.MLPClassifier; assert 'sklearn' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert sklearn.__version__ >= "1.9"
