"""coefs_ and intercepts_: views that are made when somebody asks for them."""

import copy
import inspect
import pickle
import threading

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from tuned import tune

from bpcore import MLPClassifier, MLPRegressor

RNG = np.random.default_rng(0)
X = scipy.sparse.random_array((120, 900), density=0.01, rng=RNG, format="csr")
CLASSES = RNG.integers(3, size=120)
NUMBERS = RNG.normal(size=120)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def look(est):
    est.predict(X)


def fitted(make=MLPClassifier, **parameters):
    options = {"hidden_layer_sizes": (20,), "max_iter": 3, "random_state": 0} | parameters
    return make(**options).fit(X, CLASSES if make is MLPClassifier else NUMBERS)


def keeps_transposed(est):
    """Whether a second prediction finds w^(1) transposed: nobody holds a view of it."""
    tune(sparse_keeping_share=0)
    for _ in range(2):
        est.predict(X)
    return est._network._has_transposed()


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("parameters", [
    {}, {"solver": "sgd"}, {"solver": "lbfgs"}, {"early_stopping": True},
    {"early_stopping": True, "n_iter_no_change": 1, "tol": 10.0}, {"dropout": 0.2},
    {"callback": look}, {"warm_start": True},
])  # fmt: skip
def test_an_estimator_holds_none_after_a_fit(make, parameters):
    est = fitted(make, **parameters)
    assert keeps_transposed(est)
    est.fit(X, CLASSES if make is MLPClassifier else NUMBERS)
    assert keeps_transposed(est)
    est.predict(X.toarray())
    est.score(X, CLASSES if make is MLPClassifier else NUMBERS)
    repr(est)
    copies = copy.copy(est), copy.deepcopy(est), pickle.loads(pickle.dumps(est))
    assert all(np.array_equal(one.predict(X), est.predict(X)) for one in copies)
    assert "_views" not in vars(est)
    assert keeps_transposed(est)


def test_nor_after_a_partial_fit():
    est = fitted()
    for _ in range(3):
        est.partial_fit(X[:5], CLASSES[:5])
        est.partial_fit(X[:5].toarray(), CLASSES[:5])
        assert keeps_transposed(est)
    assert "_views" not in vars(est)


def test_they_are_the_networks_parameters():
    est = fitted()
    coefs, intercepts = est.coefs_, est.intercepts_
    assert est.coefs_ is coefs
    assert est.intercepts_ is intercepts
    for k in range(2):
        assert_array_equal(coefs[k], est.network_.weights[k].T)
        assert np.shares_memory(coefs[k], est.network_.weights[k])
        assert np.shares_memory(intercepts[k], est.network_.biases[k])


def test_what_is_written_into_them_is_predicted():
    est = fitted()
    assert keeps_transposed(est)
    est.coefs_[0][:] *= -1
    assert not est._network._has_transposed()
    assert_array_equal(est.predict(X), copy.deepcopy(est).predict(X))
    expected = est.predict_proba(X.toarray())
    np.testing.assert_allclose(est.predict_proba(X), expected, rtol=1e-9)


@pytest.mark.parametrize("asked", [False, True])
def test_others_may_be_put_into_the_lists_or_in_their_place(asked):
    est, other = fitted(), fitted(random_state=1)
    if asked:
        assert est.coefs_ is not None
    est.coefs_[0] = other.coefs_[0].copy()
    est.coefs_[1] = other.coefs_[1].copy()
    est.intercepts_ = [b.copy() for b in other.intercepts_]
    assert_array_equal(est.predict_proba(X), other.predict_proba(X))
    assert np.shares_memory(est.coefs_[0], est.network_.weights[0])


def test_they_go_when_nobody_has_them_any_more():
    est = fitted()
    coefs = est.coefs_
    assert not keeps_transposed(est)
    assert est.coefs_ is coefs
    one = coefs[1]
    del coefs
    assert not keeps_transposed(est)  # somebody has one of the arrays
    one[:] = 0.5
    np.testing.assert_allclose(est.predict_proba(X), est.predict_proba(X.toarray()), rtol=1e-9)
    del one
    assert keeps_transposed(est)
    assert hasattr(est, "coefs_")
    est._repr_html_()  # sklearn looks at every attribute
    inspect.getmembers(est)
    assert keeps_transposed(est)
    intercepts = est.intercepts_
    assert not keeps_transposed(est)
    intercepts[0] = np.zeros(20)  # its own, and no view
    del intercepts
    assert not est.network_.biases[0].any()
    assert keeps_transposed(est)


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
def test_an_estimator_that_was_made_by_hand(make):
    there = fitted(make)
    est = make(hidden_layer_sizes=(20,))
    est.coefs_ = [w.copy() for w in there.coefs_]
    est.intercepts_ = [b.copy() for b in there.intercepts_]
    if make is MLPClassifier:
        est.classes_ = there.classes_
    apart = copy.copy(est), pickle.loads(pickle.dumps(est))
    for one in (est, *apart):
        assert_array_equal(one.predict(X), there.predict(X))
        assert keeps_transposed(one)
    new = copy.copy(make(hidden_layer_sizes=(20,)))
    new.__setstate__(new.__getstate__() | {"coefs_": est.coefs_, "intercepts_": est.intercepts_})
    if make is MLPClassifier:
        new.classes_ = there.classes_
    assert_array_equal(new.predict(X), there.predict(X))


def test_copies_of_lists_that_were_set_are_apart():
    est = MLPRegressor(hidden_layer_sizes=(20,))
    est.coefs_, est.intercepts_ = fitted(MLPRegressor).coefs_, fitted(MLPRegressor).intercepts_
    other = copy.copy(est)
    other.coefs_ = [w * 0 for w in est.coefs_]
    assert est.coefs_[0].any()
    assert not other.coefs_[0].any()


@pytest.mark.parametrize("go_on", ["partial_fit", "fit"])
def test_nothing_is_learned_with_one_list_alone(go_on):
    est = fitted(warm_start=True)
    del est.intercepts_
    with pytest.raises(AttributeError, match="intercepts_"):
        getattr(est, go_on)(X, CLASSES)


def test_a_subclass_may_say_itself_whether_it_is_fitted():
    class Always(MLPClassifier):
        def __sklearn_is_fitted__(self):
            return True

    est = Always(hidden_layer_sizes=(5,), max_iter=2, warm_start=True, random_state=0)
    est.fit(X, CLASSES)
    assert est.partial_fit(X, CLASSES).n_iter_ >= 1


def test_several_threads_read_them_while_another_fits():
    est = fitted(MLPRegressor, max_iter=1)
    end, errors = threading.Event(), []

    def read():
        while not end.is_set():
            try:
                assert len(est.coefs_) == len(est.intercepts_) == 2
            except Exception as error:
                errors.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for one in readers:
        one.start()
    try:
        for _ in range(60):
            est.fit(X[:20], NUMBERS[:20])
    finally:
        end.set()
        for one in readers:
            one.join()
    assert not errors
    assert len(est.predict(X)) == 120


def test_without_them_an_estimator_is_not_fitted():
    est = fitted()
    del est.intercepts_
    assert not hasattr(est, "intercepts_")
    with pytest.raises(NotFittedError):
        est.predict(X)
    new = MLPClassifier()
    for name in ("coefs_", "intercepts_"):
        with pytest.raises(
            AttributeError, match=f"'MLPClassifier' object has no attribute '{name}'"
        ):
            getattr(new, name)
        with pytest.raises(AttributeError, match=name):
            delattr(new, name)
