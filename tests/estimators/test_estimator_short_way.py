"""Tables that are plainly right are predicted without scikit-learn's look at them; the others,
and what is said of them, are as before."""

import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import validation

from bpcore import MLPClassifier, MLPRegressor
from bpcore.estimators import data

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 5))
Y = np.sin(X[:, 0])
LABELS = np.array(["a", "b", "c"])[(X[:, 1] > 0).astype(int) + (X[:, 2] > 0)]
NAMES = [f"x{k}" for k in range(5)]
FRAME = pd.DataFrame(X, columns=NAMES)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def fitted(table=X, make=MLPClassifier, **settings):
    targets = LABELS if make is MLPClassifier else Y
    return make(hidden_layer_sizes=(7,), max_iter=5, random_state=0, **settings).fit(table, targets)


def answers(est, table):
    if isinstance(est, MLPRegressor):
        return [est.predict(table)]
    return [est.predict(table), est.predict_proba(table), est.predict_log_proba(table)]


@pytest.fixture
def looks(monkeypatch):
    """How often scikit-learn looks at a table."""
    calls = []
    look = validation.validate_data

    def counted(*arguments, **options):
        calls.append(1)
        return look(*arguments, **options)

    monkeypatch.setattr(data, "validate_data", counted)
    return calls


@pytest.mark.parametrize("make", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [1, 3, 60])
def test_the_same_answers(n, dtype, make, looks):
    """The long way is what an array of another class takes."""
    est = fitted(X.astype(dtype), make)
    for given in ("float32", "float64"):
        rows = X[:n].astype(given)
        looks.clear()
        short = answers(est, rows)
        answers(est, scipy.sparse.csr_array(rows))
        answers(est, scipy.sparse.csr_matrix(rows))
        by_column = answers(est, scipy.sparse.csc_array(rows))
        listed = answers(est, rows.tolist())
        assert not looks
        for one, other in zip(by_column, answers(est, scipy.sparse.csr_array(rows)), strict=True):
            assert_array_equal(one, other)
        assert not looks
        for one, other in zip(listed, answers(est, rows.astype("float64")), strict=True):
            assert_array_equal(one, other)
        tuples = tuple(map(tuple, rows.tolist()))
        for one, other in zip(short, answers(est, tuples), strict=True):
            if given == "float64":
                assert_array_equal(one, other)
        assert looks


@pytest.mark.parametrize("n", [1, 60])
def test_frames_of_floats_with_the_names_of_the_fit(n, looks):
    est = fitted(FRAME)
    looks.clear()
    short = answers(est, FRAME[:n])
    answers(est, FRAME[:n].astype({"x1": "float32"}))
    assert not looks
    for one, other in zip(short, answers(fitted(X), X[:n]), strict=True):
        assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint16", "int8", ">i4", "uint64"])
def test_integers(dtype, looks):
    """As arrays, in frames beside floats, and in partial_fit."""
    rows = np.abs(X[:9].round()).astype(dtype)
    est, named = fitted(), fitted(FRAME)
    looks.clear()
    listed = [est.predict_proba(rows), named.predict_proba(pd.DataFrame(rows, columns=NAMES))]
    mixed = FRAME[:9].astype("float32").assign(x1=rows[:, 1].astype(int))
    listed.append(named.predict_proba(mixed))
    assert not looks
    for one, table in zip(listed, (rows, rows, mixed.to_numpy()), strict=True):
        assert_array_equal(one, est.predict_proba(table.astype("float64")))
    ends = []
    for table in (rows, rows.astype("float64")):
        one = MLPRegressor(hidden_layer_sizes=(7,), random_state=0).partial_fit(X[:3], Y[:3])
        for _ in range(3):
            one.partial_fit(table[:3], Y[:3])
        ends.append(one.network_.parameters)
    assert_array_equal(*ends)


def test_what_is_looked_at():
    """Refused, converted or warned about as it would be without a short way."""
    est, named = fitted(), fitted(FRAME)
    bad = X[:4].copy()
    bad[2, 3] = np.nan
    for one, table, error, match in [
        (est, bad, ValueError, "NaN"),
        (est, np.where(np.isnan(bad), np.inf, bad), ValueError, "infinity"),
        (est, scipy.sparse.csr_array(bad), ValueError, "NaN"),
        (est, X[:4, :3], ValueError, "3 features"),
        (est, X[:4, :3].tolist(), ValueError, "3 features"),
        (est, [X[0].tolist(), X[1, :3].tolist()], ValueError, "inhomogeneous|sequence"),
        (est, X[0].tolist(), ValueError, "Expected 2D"),
        (est, [], ValueError, "Expected 2D"),
        (est, [["a"] * 5], ValueError, "numeric"),
        (est, bad.tolist(), ValueError, "NaN"),
        (est, scipy.sparse.csc_array(bad), ValueError, "NaN"),
        (est, scipy.sparse.csc_array(X[:4, :3]), ValueError, "3 features"),
        (est, X[0], ValueError, "Expected 2D"),
        (est, X[:0], ValueError, "0 sample"),
        (est, np.ma.masked_array(X[:4], X[:4] > 0), ValueError, "mask"),
        (est, X[:4].astype(complex), ValueError, "[Cc]omplex"),
        (named, FRAME[NAMES[::-1]], ValueError, "order"),
        (named, FRAME[NAMES[:3]], ValueError, "missing|features"),
        (named, FRAME.rename(columns={"x1": "y1"}), ValueError, "y1"),
        (named, FRAME.assign(x1="text"), ValueError, "text|x1"),
        (named, FRAME.where(FRAME < 1), ValueError, "x[0-4]"),
    ]:
        for ask in (one.predict, one.predict_proba):
            with pytest.raises(error, match=match):
                ask(table)
    with pytest.warns(UserWarning, match="feature names"):
        named.predict(X[:2])
    with pytest.warns(UserWarning, match="feature names"):
        est.predict(FRAME[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        whole = FRAME.round().astype({"x0": int, "x1": "Int64", "x2": "Float64"})
        assert_array_equal(named.predict(whole), est.predict(X.round()))


def test_weights_that_are_put_in_are_used():
    est = fitted(make=MLPRegressor)
    before = est.predict(X[:1])
    est.coefs_[1] = est.coefs_[1] * 0
    est.intercepts_[1] = np.array([4.0])
    assert est.predict(X[:1])[0] == 4.0 != before[0]
    est.coefs_, est.intercepts_ = [np.ones((3, 1))], [np.zeros(1)]
    with pytest.raises(ValueError, match="features"):
        est.predict(X[:1])


def test_rows_beyond_a_float32_network():
    est = fitted(X.astype("float32"))
    rows = X[:3].copy()
    rows[1, 2] = 1e300
    with pytest.raises(ValueError, match="column 2, in row 1"):
        est.predict(rows)


def test_an_answer_is_the_callers_own():
    est = fitted(make=MLPRegressor)
    one = est.predict(X[:1])
    one[:] = 7
    assert est.predict(X[:1])[0] != 7


def test_an_estimator_whose_weights_were_taken_away_is_not_fitted():
    est = fitted(make=MLPRegressor)
    del est.coefs_
    with pytest.raises(NotFittedError):
        est.predict(X[:1])


@pytest.mark.parametrize("n", [2, 5, 60])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_scores_are_scikit_learns(dtype, n):
    """Of what is plainly right, and of what is looked at: lists, weights, columns."""
    reg, clf = fitted(X.astype(dtype), MLPRegressor), fitted(X.astype(dtype))
    several = MLPRegressor(hidden_layer_sizes=(7,), max_iter=5, random_state=0)
    several.fit(X.astype(dtype), X[:, :2])
    rows, weights = X[:n].astype(dtype), RNG.uniform(size=n)
    for y in (
        Y[:n],
        Y[:n].astype("float32"),
        Y[:n].tolist(),
        np.ones(n),
        Y[:n].round().astype(int),
    ):
        a = reg.predict(rows)
        assert reg.score(rows, y) == r2_score(np.asarray(y), a)
        assert reg.score(rows, y, weights) == r2_score(np.asarray(y), a, sample_weight=weights)
    assert several.score(rows, X[:n, :2]) == r2_score(X[:n, :2], several.predict(rows))
    for y in (LABELS[:n], LABELS[:n].tolist(), LABELS[:n].astype(object), np.full(n, "z")):
        assert clf.score(rows, y) == accuracy_score(y, clf.predict(rows))
        assert clf.score(rows, y, weights) == accuracy_score(
            y, clf.predict(rows), sample_weight=weights
        )
    for est, y, match in [
        (reg, np.full(n, np.nan), "NaN"),
        (reg, Y[: n - 1], "inconsistent"),
        (clf, LABELS[: n - 1], "inconsistent"),
        (clf, np.full(n, 0.5), "continuous|mix"),
    ]:
        with pytest.raises(ValueError, match=match):
            est.score(rows, y)
    with pytest.warns(UserWarning, match="two samples"):
        assert np.isnan(reg.score(rows[:1], Y[:1]))
