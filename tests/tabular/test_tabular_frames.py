"""Frames as they are: every kind of column is taken, or refused by name."""

import datetime

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from raw_frames import raw_frame, raw_labels, raw_numbers

from bpcore import TabularClassifier, TabularRegressor
from bpcore.tabular.preparation import Category, Preparation

QUICK = {"n_members": 2, "hidden_layer_sizes": (32, 32), "epochs": 40, "random_state": 0}


@pytest.fixture(scope="module")
def fitted():
    frame = raw_frame()
    return TabularClassifier(**QUICK).fit(frame, raw_labels(frame))


def test_every_kind_of_column_is_learned_from(fitted):
    frame = raw_frame()
    assert fitted.score(frame, raw_labels(frame)) > 0.9
    assert list(fitted.feature_names_in_) == list(frame.columns)
    # each kind that can say something has inputs, of the constants none
    widths = dict(
        zip(frame, (one and one.width for one in fitted._preparation.columns), strict=True)
    )
    assert widths == {
        **dict.fromkeys(("children", "income", "member", "height again", "source"), 1),
        **dict.fromkeys(("height", "visits", "agreed", "age"), 2),  # and whether it is missing
        "town": 5, "grade": 4, "version": None, "country": None,
    }  # fmt: skip


def test_regressor():
    frame = raw_frame()
    y = raw_numbers(frame)
    model = TabularRegressor(**{**QUICK, "epochs": 100}).fit(frame, y)
    assert model.score(frame, y) > 0.9
    far = frame.assign(income=1e300, children=10**9)
    assert model.predict(far).max() <= y.max()


def test_polars_is_pandas(fitted):
    polars = pytest.importorskip("polars")
    frame = raw_frame().drop(columns="grade")
    as_text = raw_frame()["grade"].astype(object)
    frame["grade"] = [None if pd.isna(one) else str(one) for one in as_text]
    frame = frame[list(raw_frame())]
    frame["age"] = frame["age"].astype(float)
    y = raw_labels(frame)
    one = TabularClassifier(**QUICK).fit(frame, y)
    other = TabularClassifier(**QUICK).fit(polars.from_pandas(frame), y)
    assert_array_equal(one.predict_proba(frame), other.predict_proba(polars.from_pandas(frame)))
    assert_array_equal(one.predict_proba(frame), fitted.predict_proba(raw_frame()))


def test_a_category_that_training_has_not_seen(fitted):
    frame = raw_frame(20).assign(town="Kyoto", source="letter", grade=9)
    p = fitted.predict_proba(frame)
    assert np.isfinite(p).all()
    inputs = fitted.prepare(frame)
    n_categories = 5 + 4 + 1
    assert (inputs[:, -n_categories:] == 0).all()
    assert (fitted.prepare(raw_frame(20))[:, -n_categories:] != 0).any()


def test_a_row_is_predicted_alone_as_among_others(fitted):
    frame = raw_frame()
    together = fitted.predict_proba(frame)
    for k in (0, 5, 100):
        assert_array_equal(fitted.predict_proba(frame[k : k + 1]), together[k : k + 1])
    assert_array_equal(fitted.predict_proba(frame[::-1]), together[::-1])


def test_arrays_of_objects_are_frames():
    rng = np.random.default_rng(0)
    X = np.empty((60, 3), dtype=object)
    X[:, 0] = rng.normal(size=60)
    X[:, 1] = rng.choice(["a", "b", None], 60)
    X[:, 2] = rng.random(60) > 0.5
    X[3, 0] = None
    y = X[:, 1] == "a"
    clf = TabularClassifier(**QUICK).fit(X, y)
    assert clf.score(X.tolist(), y) == 1.0


def test_numbers_are_prepared_as_the_paper_says():
    x = np.array([[0.0], [1.0], [2.0], [3.0], [4.0], [np.nan], [100.0]])
    _, inputs = Preparation.of(x)
    known = x[~np.isnan(x)]
    low, middle, high = np.percentile(known, (25, 50, 75))
    z = (x[:, 0] - middle) / (high - low)
    expected = np.where(np.isnan(z), 0, z / np.sqrt(1 + (z / 3) ** 2))
    np.testing.assert_allclose(inputs[:, 0], expected, rtol=1e-6)
    assert_array_equal(inputs[:, 1], np.isnan(x[:, 0]))
    # most values are one: half of the range takes the place of the quartiles' distance
    _, inputs = Preparation.of(np.array([[0.0]] * 9 + [[8.0]]))
    np.testing.assert_allclose(inputs[-1], 2 / np.sqrt(1 + (2 / 3) ** 2), rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_numbers_near_the_limits(scale):
    x = np.random.default_rng(0).normal(size=(40, 1)) * scale
    _, inputs = Preparation.of(x)
    assert np.isfinite(inputs).all()
    assert len(np.unique(inputs)) > 30
    _, far = Preparation.of(np.array([[1.7e308], [-1.7e308], [0.0], [1.0]]))
    assert np.isfinite(far).all()


def test_many_categories_share_an_input():
    texts = [f"number {k % 300}" for k in range(600)] + ["number 0"] * 600
    _, inputs = Preparation.of(pd.DataFrame({"code": texts}))
    assert inputs.shape == (1200, 256)
    assert_array_equal(inputs.sum(axis=1), 1)
    assert len({row.tobytes() for row in inputs}) == 256


NOW = datetime.datetime(2020, 1, 2)


@pytest.mark.parametrize(
    ("column", "error", "words"),
    [
        (pd.Series([NOW] * 120), ValueError, "column 'bad' holds dates"),
        ([NOW.date()] * 120, ValueError, "column 'bad' holds dates"),
        (pd.Series([NOW - NOW] * 120), ValueError, "column 'bad' holds dates"),
        ([f"remark {k}" for k in range(120)], ValueError, "column 'bad' holds free text"),
        ([1, 10**400] * 60, ValueError, "column 'bad' holds an integer too large"),
        ([0.0, np.inf] * 60, ValueError, "column 'bad' holds infinity in row 1"),
        ([1j] * 120, ValueError, "column 'bad' holds complex"),
        ([[1, 2]] * 120, TypeError, "column 'bad'.*objects of type list"),
        (pd.Series([(1, 2)] * 120), TypeError, "column 'bad'.*objects of type tuple"),
        (pd.period_range("2020", periods=120), ValueError, "column 'bad' holds dates"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(column, error, words):
    frame = raw_frame(120).assign(bad=column)
    clf = TabularClassifier(**QUICK)
    with pytest.raises(error, match=words):
        clf.fit(frame, raw_labels(frame))
    assert not hasattr(clf, "classes_")


def test_predicting_another_table_is_refused(fitted):
    frame = raw_frame(20)
    with pytest.raises(ValueError, match="height"):
        fitted.predict(frame.drop(columns="height"))
    with pytest.raises(ValueError, match="feature names"):
        fitted.predict(frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match="column 'income' holds texts"):
        fitted.predict(frame.assign(income="much"))
    with pytest.raises(ValueError, match="column 'income' holds infinity"):
        fitted.predict(frame.assign(income=np.inf))
    with pytest.raises(ValueError, match="column 'income' holds dates"):
        fitted.predict(frame.assign(income=NOW))


def test_a_failed_fit_leaves_the_model_that_there_was(fitted):
    frame = raw_frame()
    before = fitted.predict_proba(frame)
    with pytest.raises(ValueError, match="infinity"):
        fitted.fit(frame.assign(income=np.inf), raw_labels(frame))
    assert_array_equal(fitted.predict_proba(frame), before)


@pytest.mark.parametrize("dtype", ["float64[pyarrow]", "Sparse[float64]", "Float32", object])
def test_numbers_of_other_types_are_numbers(dtype):
    if "pyarrow" in str(dtype):
        pytest.importorskip("pyarrow")
    x = np.random.default_rng(0).normal(size=60).astype(np.float32).astype(float)
    plain = pd.DataFrame({"x": x, "z": -x})
    other = plain.assign(x=plain["x"].astype(dtype))
    _, expected = Preparation.of(plain)
    _, found = Preparation.of(other)
    assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", ["string", "category", object])
def test_texts_of_other_types_are_categories(dtype):
    texts = pd.Series(["a", "b", "c", None] * 20)
    _, expected = Preparation.of(pd.DataFrame({"x": texts}))
    _, found = Preparation.of(pd.DataFrame({"x": texts.astype(dtype)}))
    assert_array_equal(found, expected)
    assert expected.shape == (80, 4)


def test_columns_of_one_name_and_numbers_as_names():
    x = np.random.default_rng(0).normal(size=(60, 2))
    _, expected = Preparation.of(x)
    for names in (["x", "x"], [0, 1]):
        _, found = Preparation.of(pd.DataFrame(x, columns=names))
        assert_array_equal(found, expected)


def test_whole_numbers_are_one_category_with_a_hole_beside_them_and_without():
    codes = np.random.default_rng(0).integers(0, 3, 60)
    rule, _ = Preparation.of(pd.DataFrame({"zip": codes}).astype("category"))
    expected = rule(pd.DataFrame({"zip": [0, 1, 2]}).astype("category"))
    assert_array_equal(expected, np.eye(3))
    with_hole = pd.DataFrame({"zip": [0, 1, 2, None]}).astype("category")
    assert with_hole["zip"].cat.categories.dtype == float
    assert_array_equal(rule(with_hole), [*expected, np.zeros(3)])
    # and the other way round; of objects too, and beside texts
    rule, _ = Preparation.of(pd.DataFrame({"zip": [0, 1, 2, None] * 20}).astype("category"))
    assert_array_equal(rule(pd.DataFrame({"zip": codes}).astype("category")), np.eye(4)[codes])
    rule, _ = Preparation.of(pd.DataFrame({"zip": [0, 1, "x", None] * 20}, dtype=object))
    assert_array_equal(rule(pd.DataFrame({"zip": [0.0, 1.0]})), np.eye(4)[:2])


def test_categories_of_files_that_were_written_with_the_texts_of_floats():
    rule = Category(["1.0", "2.0", "2.5", None], [0, 1, 2, 3], 4)
    assert_array_equal(rule(["1.0", "1", "2", "2.5", "3", None]), rule.rows[[0, 0, 1, 2, 4, 3]])
    both = Category(["1", "1.0", "x"], [0, 1, 2], 3)
    assert_array_equal(both(["1.0", "1"]), both.rows[[1, 0]])


def test_a_frame_of_another_class_is_a_frame():
    class Frame(pd.DataFrame):
        pass

    frame = pd.DataFrame({"a": [1, 2, 3] * 20, "b": [0.5, 1.5] * 30}).astype({"a": "category"})
    _, expected = Preparation.of(frame)
    _, found = Preparation.of(Frame(frame))
    assert_array_equal(found, expected)
    assert found.shape == (60, 4)
    with pytest.raises(ValueError, match="column 'd' holds dates"):
        TabularClassifier(**QUICK).fit(Frame(frame.assign(d=NOW)), frame["a"])


def test_the_smallest_number_beside_zero_and_sums_beyond_the_limit():
    for numbers in ([0.0, 5e-324], [1.7e308, 1.6e308], [-1.7e308, 1.7e308]):
        x = np.array(numbers * 20).reshape(-1, 1)
        rule, inputs = Preparation.of(x)
        assert np.isfinite(inputs).all()
        assert_array_equal(rule(x), inputs)
