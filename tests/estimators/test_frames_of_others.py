"""Tables, columns and labels of polars, pyarrow and pandas: what they hold is kept, or refused."""

import datetime

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from bpcore import MLPClassifier, MLPRegressor, TabularRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DAYS = [datetime.date(2020, 1, 1 + k) for k in range(20)]
TIMES = [datetime.datetime(2020, 1, 1, k) for k in range(20)]
SPANS = [one - TIMES[0] for one in TIMES]
HOURS = [one.time() for one in TIMES]
Y = [k % 2 for k in range(20)]
NUMBERS = np.random.default_rng(0).normal(size=(80, 3))
AT = (NUMBERS[:, 0] > 0).astype(int)


def quick(estimator):
    return estimator(n_members=1, epochs=1) if estimator is TabularRegressor else estimator()


@pytest.mark.parametrize(
    "values", [DAYS, TIMES, SPANS, HOURS], ids=lambda one: type(one[0]).__name__
)
def test_dates_of_polars_are_refused(values):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": np.arange(20.0), "when": values})
    for estimator in (MLPClassifier, MLPRegressor):
        with pytest.raises(TypeError, match="X, column 'when', holds dates or durations"):
            quick(estimator).fit(frame, Y)
    for estimator in (MLPRegressor, TabularRegressor):
        with pytest.raises(TypeError, match="y holds dates or durations"):
            quick(estimator).fit(frame[["a"]], frame["when"])


@pytest.mark.parametrize(
    "values", [DAYS, TIMES, SPANS, HOURS], ids=lambda one: type(one[0]).__name__
)
def test_dates_of_pyarrow_are_refused(values):
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"a": np.arange(20.0), "when": values})
    with pytest.raises(TypeError, match="X, column 'when', holds dates or durations"):
        MLPRegressor().fit(table, Y)
    for y in (table["when"], pyarrow.array(values)):
        with pytest.raises(TypeError, match="y holds dates or durations"):
            MLPRegressor().fit(table.select(["a"]), y)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([1.0, None] * 10, "X, column 'bad': a value is missing in row 1"),
        ([1.0, np.nan] * 10, "X, column 'bad': a value is missing in row 1"),
        ([1.0, np.inf] * 10, "X, column 'bad': inf in row 1"),
        (["a", "b"] * 10, "X, column 'bad': holds something else than numbers"),
    ],
)
def test_a_column_of_polars_that_cannot_be_used_is_named(values, words):
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": np.arange(20.0), "bad": values})
    with pytest.raises((TypeError, ValueError), match=words):
        MLPClassifier().fit(frame, Y)


def test_numbers_and_labels_of_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": np.arange(20.0), "b": [True, False] * 10})
    labels = polars.Series(["no", "yes"] * 10)
    clf = MLPClassifier((5,), random_state=0, max_iter=20).fit(frame, labels)
    plain = MLPClassifier((5,), random_state=0, max_iter=20).fit(frame.to_numpy(), list(labels))
    assert clf.classes_.tolist() == ["no", "yes"]
    assert_array_equal(clf.predict_proba(frame), plain.predict_proba(frame.to_numpy()))


@pytest.mark.parametrize("dtype", ["Int64", "UInt64"])
def test_nullable_integers_that_are_no_series(dtype):
    y = pd.Series(2**53 + AT, dtype=dtype)
    for labels in (y, y.array, pd.Index(y)):
        clf = MLPClassifier((20,), random_state=0, max_iter=500).fit(NUMBERS, labels)
        assert clf.classes_.tolist() == [2**53, 2**53 + 1]
        assert clf.score(NUMBERS, labels) > 0.95
    clf = MLPClassifier((20,), random_state=0, max_iter=500).fit(
        NUMBERS, pd.array(AT == 1, dtype="boolean")
    )
    assert clf.classes_.tolist() == [False, True]


def test_integers_with_a_sign_and_without():
    clf = MLPClassifier((20,), random_state=0, max_iter=500).fit(NUMBERS, 2**53 + AT)
    y = (2**53 + AT).astype(np.uint64)
    assert_array_equal(clf._targets.encode(y), clf._targets.encode(y.astype(np.int64)))
    assert clf.score(NUMBERS, y) > 0.95
