"""Labels come back as they were given, whatever columns, types and containers they stand in."""

import enum
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from estimator_problems import classifier
from sklearn.neural_network import MLPClassifier as ScikitLearns

import bpcore

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X = np.random.RandomState(0).randn(80, 3)
AT = (X[:, :2] > 0).astype(int)
ITEMS = np.array(["no", "yes"])


def learner(**parameters):
    return classifier(max_iter=150, learning_rate_init=0.05, **parameters)


def as_given(clf, y):
    """The predictions are labels of y, nearly all of them right, and of its types."""
    y = np.asarray(y)
    predicted = clf.predict(X)
    assert predicted.shape == y.shape
    assert (predicted == y).mean() > 0.95
    assert clf.score(X, y) == (predicted == y).all(axis=1).mean()
    for k, classes in enumerate(clf.classes_):
        assert set(predicted[:, k].tolist()) <= set(classes.tolist()) == set(y[:, k].tolist())
        kinds = {type(label) for label in predicted[:, k].tolist()}
        assert kinds <= {type(label) for label in y[:, k].tolist()}
        p = clf.predict_proba(X)[k]
        assert p.shape == (80, len(classes))
        np.testing.assert_allclose(p.sum(axis=1), 1)


COLUMNS = {
    "one and two": AT + 1,
    "minus one and one": 2 * AT - 1,
    "three and seven": np.array([3, 7])[AT],
    "zero and two": 2 * AT,
    "floats": np.array([1.0, 2.0])[AT],
    "small integers": (AT + 1).astype(np.int8),
    "text": ITEMS[AT],
    "objects that are integers": (AT + 4).astype(object),
    "objects that are floats": (AT + 4.0).astype(object),
    "objects that are text": ITEMS[AT].astype(object),
    "one constant column": np.column_stack([np.full(80, 5), AT[:, 0]]),
    "two constant columns": np.full((80, 2), -3),
    "a constant of one beside others": np.column_stack([np.ones(80, int), AT[:, 0] + 1]),
}


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", COLUMNS)
def test_two_columns_of_two_labels(name, solver):
    y = COLUMNS[name]
    as_given(learner(solver=solver).fit(X, y), y)


MIXED = {
    "frame": pd.DataFrame({"a": ITEMS[AT[:, 0]], "b": AT[:, 1]}),
    "frame of booleans and integers": pd.DataFrame({"a": AT[:, 0] > 0, "b": AT[:, 1] + 1}),
    "frame of unsigned integers": pd.DataFrame({"a": AT[:, 0].astype("u1") + 1, "b": AT[:, 1]}),
    "frame of nullable integers": pd.DataFrame(AT + 1, dtype="Int64"),
    "frame of categories": pd.DataFrame({"a": ITEMS[AT[:, 0]], "b": AT[:, 1]}).astype("category"),
    "list": [[str(ITEMS[i]), j] for i, j in AT.tolist()],
    "objects": np.array([[str(ITEMS[i]), j + 0.0] for i, j in AT.tolist()], dtype=object),
}


@pytest.mark.parametrize("name", MIXED)
def test_columns_of_different_types(name, tmp_path):
    y = MIXED[name]
    objects = np.array(y, dtype=object)
    clf = learner().fit(X, y)
    as_given(clf, objects)
    assert clf.score(X, y) == clf.score(X, objects)
    pytest.importorskip("safetensors")
    clf.save(tmp_path / "model")
    as_given(bpcore.load(tmp_path / "model"), objects)


@pytest.mark.parametrize(
    "classes, of_objects",
    [
        ([[False, True], [1, 2]], True),
        ([[0, 1, 2], [0.0, 1.0, 2.0]], True),
        ([["a", "b"], [0, 1]], True),
        ([[1, 2], [0, 1]], False),
        ([["a", "b"], ["longer", "c"]], False),
    ],
)
def test_the_type_of_predictions_does_not_depend_on_the_rows(classes, of_objects, monkeypatch):
    clf = learner().initialize(3, classes)
    whole = clf.predict(X)
    assert (whole.dtype == object) == of_objects
    alone = [clf.predict(X[i : i + 1]) for i in range(80)]
    assert {one.dtype.kind for one in alone} == {whole.dtype.kind}
    monkeypatch.setattr("bpcore.estimators.predictions._BLOCK_NUMBERS", 20)
    for row, one, block in zip(whole.tolist(), alone, clf.predict(X).tolist(), strict=True):
        assert row == one[0].tolist() == block
        assert list(map(type, row)) == list(map(type, block)) == [type(c[0]) for c in classes]


INDICATORS = {
    "integers": AT,
    "booleans": AT > 0,
    "floats": AT.astype(float),
    "objects": AT.astype(object),
    "lists": AT.tolist(),
    "booleans beside integers": pd.DataFrame({"a": AT[:, 0] > 0, "b": AT[:, 1]}),
    "all zero": np.zeros((80, 2), int),
    "all one": np.ones((80, 2), int),
}


@pytest.mark.parametrize("name", INDICATORS)
def test_zeros_and_ones_are_an_indicator_matrix(name):
    y = INDICATORS[name]
    clf = learner().fit(X, y)
    assert clf.classes_.tolist() == [0, 1]
    assert clf.predict_proba(X).shape == (80, 2)
    assert clf.predict(X).dtype == int
    assert (clf.predict(X) == np.asarray(y)).mean() > 0.95


def test_every_way_into_a_fit_knows_columns_of_labels():
    y, other = AT + 1, np.array([3, 7])[AT]
    clf = learner()
    for _ in range(60):
        clf.partial_fit(X, y, classes=[{1, 2}, {2, 1}], validation_data=(X, y))
    as_given(clf, y)
    assert clf.validation_scores_[-1] == clf.score(X, y)
    # zeros and ones are labels like others where the columns are known
    clf = learner().partial_fit(X, AT, classes=[[0, 1, 2], [0, 1]])
    assert [p.shape[1] for p in clf.predict_proba(X)] == [3, 2]
    clf = learner(warm_start=True).fit(X, y)
    as_given(clf.fit(X, y), y)
    for early in (
        learner(early_stopping=True).fit(X, y),
        learner(early_stopping=True, n_iter_no_change=50).fit(X, y, validation_data=(X, y)),
    ):
        assert set(early.predict(X).ravel().tolist()) == {1, 2}
    ready = learner().initialize(3, [[1, 2], ["a", "b"]])
    assert {tuple(map(type, row)) for row in ready.predict(X).tolist()} == {(int, str)}
    weights = np.arange(80.0)
    right = (clf.predict(X) == y).all(axis=1)
    assert clf.score(X, y, weights) == np.average(right, weights=weights)
    indicators = learner().fit(X, AT)
    for call, message in (
        (lambda: learner().partial_fit(X, y), "classes must be passed"),
        (lambda: learner().partial_fit(X, y, classes=[1, 2]), "a list with the classes of each"),
        (lambda: clf.fit(X, AT), "same classes as in the previous call"),
        (lambda: clf.partial_fit(X, other), "classes not in"),
        (lambda: learner().fit(X, y, validation_data=(X, other)), "^validation_data: .*classes"),
        (lambda: learner().fit(X, AT, validation_data=(X, y)), "validation_data: y .*zeros and"),
        (lambda: indicators.score(X, y), "zeros and ones"),
        (lambda: indicators.partial_fit(X, y), "zeros and ones"),
        (lambda: clf.score(X, y[:, :1]), "2 columns of labels"),
        (lambda: clf.score(X, y[:-1]), "inconsistent numbers"),
        (lambda: learner().fit(X, AT + 0.5), "continuous-multioutput"),
        (lambda: learner().fit(X, (AT + 0.5).astype(object)), "continuous-multioutput"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


# ---------------------------------------------------------------- sparse


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_a_sparse_indicator_matrix_gives_what_scikit_learn_gives(kind, tmp_path):
    y = kind(AT)
    ours, theirs = (
        cls((7,), max_iter=30, random_state=0).fit(X, y)
        for cls in (bpcore.MLPClassifier, ScikitLearns)
    )
    got, expected = ours.predict(X), theirs.predict(X)
    assert type(got) is type(expected)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got.toarray(), expected.toarray())
    assert ours.score(X, y) == theirs.score(X, y) == ours.score(X, AT)
    # what the first y was decides, as there
    ours.partial_fit(X, AT)
    assert scipy.sparse.issparse(ours.predict(X))
    pytest.importorskip("safetensors")
    ours.save(tmp_path / "model")
    again = bpcore.load(tmp_path / "model").predict(X)
    assert type(again) is type(expected)
    assert (again != ours.predict(X)).nnz == 0


def test_other_numbers_in_a_sparse_matrix_are_labels():
    clf = learner().fit(X, scipy.sparse.csr_matrix(2 * AT))
    as_given(clf, 2 * AT)
    assert clf.score(X, scipy.sparse.csr_matrix(2 * AT)) == clf.score(X, 2 * AT)


# ---------------------------------------------------------------- one column


class Size(str, enum.Enum):  # noqa: UP042 - the str() of a StrEnum is its text
    SMALL = "small"
    LARGE = "extra large"


SIZES = [list(Size)[at] for at in AT[:, 0]]


@pytest.mark.parametrize(
    "y",
    [
        (AT[:, 0] + 1).astype(object),
        [int(one) for one in AT[:, 0]],
        pd.Series(AT[:, 0] + 1, dtype="Int64"),
        pd.Series(AT[:, 0] > 0, dtype="boolean"),
        pd.Series(ITEMS[AT[:, 0]]),
        pd.Series(ITEMS[AT[:, 0]]).astype("category"),
        (AT[:, 0] > 0).astype(object),
        np.array([0.0, 2.0])[AT[:, 0]].astype(object),
        SIZES,
        pd.Series(SIZES),
        np.array(SIZES, dtype=object),
    ],
    ids=[
        "objects",
        "list",
        "Int64",
        "boolean",
        "text",
        "category",
        "object bools",
        "object floats",
        "text of an Enum",
        "series of an Enum",
        "objects of an Enum",
    ],
)
def test_a_column_in_any_container(y):
    clf = learner().fit(X, y)
    labels = np.array(y, dtype=object).ravel().tolist()
    of_enum = isinstance(labels[0], Size)  # whose text is what comes back
    kinds = {str} if of_enum else {type(one) for one in labels}
    assert {type(one) for one in clf.predict(X).tolist()} <= kinds
    assert len(clf.classes_) == 2
    assert clf.score(X, y) == np.mean([a == b for a, b in zip(clf.predict(X), labels, strict=True)])
    assert clf.score(X, y) > 0.95


def test_text_of_an_enum_in_one_of_several_columns_and_in_classes():
    y = [[size, int(at)] for size, at in zip(SIZES, AT[:, 1], strict=True)]
    clf = learner().fit(X, y)
    assert [one.tolist() for one in clf.classes_] == [["extra large", "small"], [0, 1]]
    assert clf.score(X, y) > 0.95
    clf = learner().partial_fit(X, SIZES, classes=list(Size))
    assert clf.classes_.tolist() == ["extra large", "small"]


def test_text_of_variable_width():
    text = np.dtypes.StringDType()
    clf = learner().fit(X, ITEMS.astype(text)[AT[:, 0]])
    assert clf.classes_.tolist() == ["no", "yes"]
    assert clf.score(X, ITEMS.astype(text)[AT[:, 0]]) > 0.95
    as_given(learner().fit(X, ITEMS.astype(text)[AT]), ITEMS[AT])


@pytest.mark.parametrize(
    "y, message",
    [
        (["a", 1] * 40, "y mixes integers and text"),
        ([["a", 1], [2, 1]] * 40, "y, column 0, mixes integers and text"),
        (["a", None] * 40, "y has no label in row 1 .*None"),
        (np.array([1, np.nan] * 40, dtype=object), "y has no label in row 1 .nan"),
        (pd.Series([1, None] * 40, dtype="Int64"), "NaN"),
        (pd.DataFrame({"u": pd.array([1, None] * 40), "v": 1}), "y, column 'u', has no label in"),
        (pd.DataFrame({"u": [1, 2] * 40, "v": [0.0, np.nan] * 40}), "y, column 'v', has no label"),
        (pd.DataFrame({"u": [1, 2] * 40, "v": ["x", None] * 40}), "y, column 'v', has no label"),
        (np.array([{1}, {2}] * 40, dtype=object), "y holds objects of type set: expected labels"),
        ([2**70, 1] * 40, "y holds integers beyond 64 bits"),
    ],
)
def test_columns_that_are_no_labels(y, message):
    clf = learner()
    for call in (
        lambda: clf.fit(X, y),
        lambda: learner().fit(X, AT[:, 0], validation_data=(X, y)),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    assert not hasattr(clf, "classes_")


@pytest.mark.parametrize(
    "one, other",
    [
        (["a"], ["a"]),
        ([4], [4]),
        ([[4, 4]], None),
    ],
)
def test_one_class_has_one_probability(one, other):
    y = np.array(one * 80)
    clf = learner().fit(X, y)
    p, log_p = clf.predict_proba(X), clf.predict_log_proba(X)
    columns = [(p, log_p, clf.classes_)]
    if other is None:
        columns = list(zip(p, log_p, clf.classes_, strict=True))
    for p_k, log_p_k, classes in columns:
        assert p_k.shape == log_p_k.shape == (80, len(classes)) == (80, 1)
        assert (p_k == 1).all()
        assert (log_p_k == 0).all()
    assert (clf.predict(X) == y).all()


# ---------------------------------------------------------------- classes


@pytest.mark.parametrize(
    "classes",
    [
        {"b", "a", "c"},
        frozenset("abc"),
        dict.fromkeys("cab").keys(),
        pd.Series(list("abc"), index=[7, 8, 9]),
        np.array(list("cba"), dtype=object),
        ("c", "b", "a", "a"),
    ],
    ids=["set", "frozenset", "keys", "series", "objects", "tuple"],
)
def test_classes_in_any_collection(classes):
    y = np.array(list("abca"))
    clf = learner().partial_fit(X[:4], y, classes=classes)
    assert clf.classes_.tolist() == ["a", "b", "c"]
    clf.partial_fit(X[:2], y[:2], classes=classes)
    assert clf.t_ == 6
    assert learner().initialize(3, classes).classes_.tolist() == ["a", "b", "c"]
    columns = learner().initialize(3, [classes, {1, 2}])
    assert [one.tolist() for one in columns.classes_] == [["a", "b", "c"], [1, 2]]


def test_classes_beside_an_indicator_matrix_are_not_looked_at():
    clf = learner()
    for _ in range(2):  # as scikit-learn's users pass them, np.unique(y)
        clf.partial_fit(X, AT, classes=[0, 1])
    assert clf.classes_.tolist() == [0, 1]
    assert learner().initialize(3, {"x", "y", "z"}, multilabel=True).predict(X).shape == (80, 3)


def test_long_text_takes_no_room_in_every_row():
    y = np.array(["short", "long" * 5000] * 40, dtype=object)
    for labels in (y, np.column_stack([y, y])):
        tracemalloc.start()
        try:
            classifier(max_iter=1).fit(X, labels)
            assert tracemalloc.get_traced_memory()[1] < 3e6
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize(
    "classes, error, message",
    [
        ("abc", TypeError, "classes must be a list of labels.*'abc'"),
        (3, TypeError, "classes must be a list of labels.*3"),
        ([], ValueError, "classes is empty"),
        ([[1, 2], []], ValueError, r"classes\[1\] is empty"),
        ([1, "a"], ValueError, "classes mixes integers and text"),
        ([[1, 2], 3], ValueError, "classes must not mix labels and lists"),
        ([1.0, np.nan], ValueError, "classes has no label in row 1 .nan"),
        ([1.0, np.inf], ValueError, "classes holds infinity"),
        (np.ma.masked_greater(np.arange(3), 1), ValueError, "classes is a masked array"),
    ],
)
def test_classes_that_cannot_be(classes, error, message):
    for call in (
        lambda: learner().initialize(3, classes),
        lambda: learner().partial_fit(X, AT[:, 0], classes=classes),
    ):
        with pytest.raises(error, match=message):
            call()
