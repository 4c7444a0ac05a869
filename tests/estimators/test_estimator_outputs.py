"""Targets of several columns, and predictions in little memory."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse
from estimator_problems import DIGITS, LABELS, classifier, regressor

from bpcore import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# ---------------------------------------------------------------- scores


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.coo_array])
def test_a_sparse_column_is_scored_as_the_dense_one(kind):
    at = (LABELS > 4).astype(int)[:, None]
    for y in (at, 2 * at - 1):
        clf = classifier().fit(DIGITS, kind(y))
        assert clf.score(DIGITS, kind(y)) == clf.score(DIGITS, y[:, 0]) > 0.8
    for y in (at, 0.5 * np.c_[at, at]):
        reg = regressor(max_iter=2).fit(DIGITS, kind(y))
        assert reg.score(DIGITS, kind(y)) == reg.score(DIGITS, y)


def test_weights_of_a_score_of_several_columns():
    y = np.c_[LABELS % 3, LABELS > 4]
    clf = classifier(max_iter=2).fit(DIGITS, y)
    right = (clf.predict(DIGITS) == y).all(axis=1)
    assert 0 < right.mean() < 1
    assert clf.score(DIGITS, y, right * 2.0) == clf.score(DIGITS, y, right.tolist()) == 1
    n = len(y)
    for weights, message in (
        (np.zeros(n), "non-zero"),
        (np.full(n, np.nan), "NaN"),
        (-np.ones(n), "Negative"),
        (np.ones(n - 1), f"{n - 1},.*expected .{n},"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.score(DIGITS, y, weights)


# ---------------------------------------------------------------- several columns of labels


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
    from bpcore.estimators import predictions

    clf = classifier().fit(DIGITS, np.c_[LABELS % 3, LABELS])
    reg = regressor(max_iter=2).fit(DIGITS, LABELS)
    whole = clf.predict(DIGITS), clf.predict_proba(DIGITS), reg.predict(DIGITS)
    monkeypatch.setattr(predictions, "_BLOCK_NUMBERS", 7 * 77)
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
