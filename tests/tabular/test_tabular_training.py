"""Members side by side: bits, best epochs, weights, limits, callbacks, calibration."""

import enum
import threading

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from raw_frames import raw_frame, raw_labels, raw_numbers
from scipy.special import log_softmax, softmax

from bpcore import DivergenceError, TabularClassifier, TabularRegressor
from bpcore.tabular import members
from bpcore.tabular.calibration import temperature
from bpcore.tabular.data import fold_order
from bpcore.tabular.recipe import rate_factors, usual_epochs

QUICK = {"n_members": 3, "hidden_layer_sizes": (32, 32), "epochs": 30, "random_state": 0}
FRAME = raw_frame()
LABELS = raw_labels(FRAME)


def test_threads_change_no_bit():
    found = [
        TabularClassifier(**QUICK, n_jobs=n).fit(FRAME, LABELS).predict_proba(FRAME)
        for n in (1, 2, 3, 8)
    ]
    for other in found[1:]:
        assert_array_equal(found[0], other)


def test_members_are_trained_side_by_side(monkeypatch):
    together = threading.Barrier(3, timeout=60)
    draw = members.draw

    def draw_with_the_others(*arguments):
        together.wait()  # which one member after the other would never pass
        return draw(*arguments)

    monkeypatch.setattr(members, "draw", draw_with_the_others)
    TabularClassifier(**QUICK, n_jobs=3).fit(FRAME, LABELS)
    assert not together.broken


def test_each_keeps_the_weights_of_its_best_epoch():
    clf = TabularClassifier(**QUICK, calibrate=False).fit(FRAME, LABELS)
    for scores, best in zip(clf.validation_scores_, clf.best_epochs_, strict=True):
        assert len(scores) == 30
        assert scores[best - 1] == max(scores)
    # the rows that decide are given here: what is kept has that score
    given = TabularClassifier(**{**QUICK, "n_members": 1}, calibrate=False)
    given.fit(FRAME[:150], LABELS[:150], validation_data=(FRAME[150:], LABELS[150:]))
    assert given.score(FRAME[150:], LABELS[150:]) == max(given.validation_scores_[0])


@pytest.mark.parametrize(
    ("n_rows", "n_epochs"), [(1, 128), (4687, 128), (4688, 127), (10_000, 60), (50_000, 32)]
)
def test_large_tables_have_fewer_epochs(n_rows, n_epochs):
    assert usual_epochs(n_rows) == n_epochs


def test_epochs_go_by_the_rows_that_weigh_something():
    X = np.arange(10_000.0).reshape(-1, 1) % 7
    s = np.arange(10_000) % 4 > 0
    tiny = TabularRegressor(1, hidden_layer_sizes=2, random_state=0)
    assert tiny.fit(X, X[:, 0]).n_iter_ == 60
    assert tiny.fit(X, X[:, 0], sample_weight=s).n_iter_ == 80
    assert tiny.set_params(epochs=3).fit(X, X[:, 0]).n_iter_ == 3


def test_folds_have_their_share_of_every_class():
    strata = np.repeat([0, 1, 2], [50, 30, 3])
    order, folds = fold_order(83, strata, 5, np.random.default_rng(0))
    assert sorted(order) == list(range(83))
    assert sorted(k for fold in folds for k in range(83)[fold]) == list(range(83))
    for fold in folds:
        counts = np.bincount(strata[order[fold]], minlength=3)
        assert counts[0] == 10
        assert counts[1] == 6
        assert counts[2] <= 1


def test_rates_are_those_of_the_neural_tangent_parametrisation():
    assert_allclose(rate_factors([16, 4, 1]), [[0.25, 0.1], [0.5, 0.1]])


def test_weights_of_zero_are_rows_left_out():
    """A class whose rows weigh nothing is never predicted."""
    weights = (LABELS != "gold").astype(float)
    clf = TabularClassifier(**QUICK).fit(FRAME, LABELS, sample_weight=weights)
    assert "gold" not in clf.predict(FRAME)
    assert list(clf.classes_) == ["gold", "iron", "silver"]
    by_class = TabularClassifier(**QUICK, class_weight={"gold": 0.0, "iron": 1, "silver": 1})
    assert "gold" not in by_class.fit(FRAME, LABELS).predict(FRAME)


def test_several_outputs():
    Y = np.column_stack([raw_numbers(FRAME), -3 * raw_numbers(FRAME)])
    model = TabularRegressor(**{**QUICK, "epochs": 80}).fit(FRAME, Y)
    assert model.predict(FRAME).shape == (len(FRAME), 2)
    assert model.score(FRAME, Y) > 0.85
    labels = np.column_stack([LABELS, FRAME["source"].to_numpy(dtype=object)])
    clf = TabularClassifier(**QUICK).fit(FRAME, labels)
    assert clf.predict(FRAME).shape == labels.shape
    assert [p.shape[1] for p in clf.predict_proba(FRAME)] == [3, 2]
    assert clf.score(FRAME, labels) > 0.8
    indicator = np.column_stack([LABELS == "gold", LABELS == "iron"]).astype(int)
    assert TabularClassifier(**QUICK).fit(FRAME, indicator).score(FRAME, indicator) > 0.8


def test_a_callback_ends_the_fit_and_the_best_stays():
    clf = TabularClassifier(**QUICK, callback=lambda progress: progress.epoch == 3)
    clf.fit(FRAME, LABELS)
    assert all(len(one) <= 3 for one in clf.validation_scores_)
    assert clf.predict(FRAME).shape == LABELS.shape


@pytest.mark.parametrize("n_jobs", [1, 2, 4])
def test_members_that_a_callback_gives_no_epoch_are_left_out(n_jobs):
    told = set()

    def third_epoch(progress):
        told.add(progress.member)
        return progress.epoch == 3

    clf = TabularClassifier(**QUICK, callback=third_epoch, n_jobs=n_jobs).fit(FRAME, LABELS)
    assert len(clf.members_) == len(told) == len(clf.loss_curves_)
    if n_jobs == 1:
        assert told == {1}
        # calibrated on the rows that this member has left out
        alone = {**QUICK, "n_members": 1, "epochs": 30}
        other = TabularClassifier(**alone, callback=third_epoch).fit(FRAME, LABELS)
        assert clf.temperature_ == pytest.approx(other.temperature_, rel=0.5)


def test_a_member_stays_however_late_it_is():
    clf = TabularClassifier(**QUICK, time_limit=1e-9).fit(FRAME, LABELS)
    assert clf.n_iter_ == 1
    assert clf.predict(FRAME).shape == LABELS.shape


def test_another_fit_of_the_same_estimator_is_refused():
    def again(progress):
        clf.fit(FRAME.iloc[:, :2], LABELS)

    clf = TabularClassifier(**QUICK, callback=again)
    with pytest.raises(RuntimeError, match="being trained by another fit"):
        clf.fit(FRAME, LABELS)
    assert not hasattr(clf, "members_")


def test_an_error_in_a_callback_leaves_the_estimator_as_it_was():
    def fail(progress):
        raise KeyError("mine")

    for n_jobs in (1, 3):
        clf = TabularClassifier(**QUICK, callback=fail, n_jobs=n_jobs)
        with pytest.raises(KeyError, match="mine"):
            clf.fit(FRAME, LABELS)
        assert not hasattr(clf, "members_")


def test_a_time_limit_cuts_the_epochs():
    clf = TabularClassifier(**{**QUICK, "epochs": 10**7}, time_limit=0.5).fit(FRAME, LABELS)
    assert 1 <= clf.n_iter_ < 10**7
    assert clf.predict(FRAME).shape == LABELS.shape


def test_divergence_is_told():
    X = np.random.default_rng(0).normal(size=(50, 2))
    with pytest.raises(DivergenceError, match="smaller learning_rate"):
        TabularRegressor(**QUICK, learning_rate=1e30).fit(X, X[:, 0])


def test_verbose_writes_a_line_an_epoch(capsys):
    TabularClassifier(**{**QUICK, "epochs": 2}, verbose=True).fit(FRAME, LABELS)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert "epoch   1/2" in lines[0]


def test_a_stream_that_cannot_be_written_to_ends_no_fit(monkeypatch):
    class Full:
        def write(self, text):
            raise OSError("no space left on device")

        flush = write

    monkeypatch.setattr("sys.stderr", Full())
    clf = TabularClassifier(**{**QUICK, "epochs": 2}, verbose=True).fit(FRAME, LABELS)
    assert clf.n_iter_ == 2


# ---------------------------------------------------------------- calibration


@pytest.mark.parametrize("truth", [0.7, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(truth):
    rng = np.random.default_rng(0)
    z = 3 * rng.normal(size=(20_000, 4))
    p = softmax(z / truth, axis=1)
    labels = (p.cumsum(axis=1) > rng.random((len(p), 1))).argmax(axis=1)
    found = temperature(softmax(z, axis=1), np.eye(4)[labels], None, True)
    assert found == pytest.approx(truth, rel=0.05)
    p = 1 / (1 + np.exp(-z / truth))
    Y = (rng.random(p.shape) < p).astype(float)
    found = temperature(1 / (1 + np.exp(-z)), Y, None, False)
    assert found == pytest.approx(truth, rel=0.05)


def test_rows_that_all_came_out_right_do_not_prove_certainty():
    z = np.full((50, 3), -1.0)
    z[:, 0] = 1.0
    a, Y = softmax(z, axis=1), np.eye(3)[np.zeros(50, dtype=int)]
    found = temperature(a, Y, None, True)
    assert 0.5 <= found < 0.6
    assert temperature(softmax(5 * z, axis=1), Y, None, True) > 1  # surer than 50 rows allow


def test_weights_count_in_the_temperature():
    a = softmax(np.array([[4.0, 0.0]] * 4000), axis=1)
    wrong = np.arange(4000) % 4 == 3
    Y = np.eye(2)[wrong.astype(int)]
    twice = temperature(np.vstack([a, a[wrong]]), np.vstack([Y, Y[wrong]]), None, True)
    found = temperature(a, Y, 1.0 + wrong, True)
    assert found == pytest.approx(twice, rel=0.01)
    assert found > 1.5 * temperature(a, Y, None, True)


def test_networks_are_divided_by_it():
    plain = TabularClassifier(**{**QUICK, "n_members": 1}, calibrate=False).fit(FRAME, LABELS)
    clf = TabularClassifier(**{**QUICK, "n_members": 1}).fit(FRAME, LABELS)
    assert plain.temperature_ == 1
    assert clf.temperature_ != 1
    z = np.log(plain.predict_proba(FRAME))
    expected = log_softmax(z / clf.temperature_, axis=1)
    assert_allclose(clf.predict_log_proba(FRAME), expected, rtol=1e-4, atol=1e-4)
    assert_array_equal(clf.predict(FRAME), plain.predict(FRAME))


def test_smoothed_labels_are_less_sure():
    sure, smooth = (
        TabularClassifier(**QUICK, calibrate=False, label_smoothing=epsilon).fit(FRAME, LABELS)
        for epsilon in (0.0, 0.5)
    )
    how_sure = [one.predict_proba(FRAME).max(axis=1).mean() for one in (sure, smooth)]
    assert how_sure[0] > how_sure[1] + 0.1


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("validation_data", "error", "words"),
    [
        (FRAME, TypeError, "must be \\(X, y\\)"),
        ((FRAME, LABELS[:5]), ValueError, "validation_data: .*inconsistent"),
        ((FRAME, ["lead"] * len(FRAME)), ValueError, "validation_data: .*classes"),
        ((FRAME.assign(income=np.inf), LABELS), ValueError, "validation_data: column 'income'"),
    ],
)
def test_validation_rows_are_checked(validation_data, error, words):
    with pytest.raises(error, match=words):
        TabularClassifier(**QUICK).fit(FRAME, LABELS, validation_data=validation_data)


def test_one_row_and_one_class_and_columns_that_say_nothing():
    assert TabularRegressor(**QUICK).fit([[1.0]], [3.0]).predict([[2.0]]) == pytest.approx([3.0])
    one = TabularClassifier(**QUICK).fit([[1.0], [2.0]], ["a", "a"])
    assert_array_equal(one.predict([[0.0]]), ["a"])
    assert_array_equal(one.predict_proba([[0.0]]), [[1.0]])
    nothing = TabularClassifier(**QUICK).fit([[1, "x"]] * 20, [0, 1] * 10)
    assert_allclose(nothing.predict_proba([[1, "y"]]), [[0.5, 0.5]], atol=0.2)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e306])
def test_targets_near_the_limits(scale):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = scale * np.where(X[:, 0] > 0, 1.0, -1.0)
    model = TabularRegressor(**{**QUICK, "epochs": 60}).fit(X, y)
    assert np.mean(np.sign(model.predict(X)) == np.sign(y)) > 0.9
    assert np.isfinite(model.predict(X)).all()


def test_masked_arrays_are_refused():
    with pytest.raises(ValueError, match="masked array"):
        TabularClassifier(**QUICK).fit(np.ma.masked_greater([[1.0], [2.0]] * 9, 1.5), [0, 1] * 9)


@pytest.mark.parametrize("estimator", [TabularClassifier, TabularRegressor])
def test_rows_of_weight_zero_decide_nothing(estimator):
    """Neither what is drawn, nor how numbers are scaled, nor between what predictions lie."""
    kept = np.arange(len(FRAME)) % 10 != 3
    y = raw_numbers(FRAME) if estimator is TabularRegressor else LABELS
    wild = FRAME.assign(income=FRAME["income"].where(kept, 1e30))
    if estimator is TabularRegressor:
        y = np.where(kept, y, 1e9)
    model = estimator(**QUICK).fit(wild, y, kept.astype(float))
    expected = estimator(**QUICK).fit(FRAME[kept], y[kept], np.ones(kept.sum()))
    assert_array_equal(model.predict(FRAME), expected.predict(FRAME))
    assert_array_equal(model.prepare(FRAME), expected.prepare(FRAME))


def test_weights_of_classes_choose_and_calibrate_too():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 2))
    y = (rng.random(200) < 0.2).astype(int)
    more = (X[:100], y[:100])
    quick = {"n_members": 1, "hidden_layer_sizes": (8,), "epochs": 10, "random_state": 0}
    weights = {0: 0.25, 1: 4.0}
    by_class = TabularClassifier(**quick, class_weight=weights)
    by_row = TabularClassifier(**quick)
    of_rows = np.where(y == 1, 4.0, 0.25)
    for given, same in ((None, None), (more, (*more, of_rows[:100]))):
        by_class.fit(X, y, validation_data=given)
        by_row.fit(X, y, of_rows, validation_data=same)
        assert_array_equal(by_class.predict_proba(X), by_row.predict_proba(X))
        assert by_class.validation_scores_ == by_row.validation_scores_
        assert by_class.temperature_ == by_row.temperature_
    by_class.set_params(class_weight={0: 1.0, 1: 0.0})
    with pytest.raises(ValueError, match="validation_data: class_weight leaves every row"):
        by_class.fit(X, y, validation_data=(X[y == 1], y[y == 1]))


def test_score_takes_the_labels_that_fit_takes():
    class Colour(str, enum.Enum):  # noqa: UP042 - as they were before StrEnum
        red = "red"
        blue = "blue"

    X = np.random.default_rng(0).normal(size=(60, 2))
    y = X[:, 0] > 0
    for labels in (
        [list(Colour)[int(one)] for one in y],
        y.astype(object),
        y.astype(int).astype(object),
        y.astype(float).astype(object),
        np.array(["no", "yes"], dtype=np.dtypes.StringDType())[y.astype(int)],
    ):
        clf = TabularClassifier(1, hidden_layer_sizes=(8,), epochs=60, random_state=0)
        clf.fit(X, labels)
        right = [one == other for one, other in zip(clf.predict(X), labels, strict=True)]
        assert 0.5 < clf.score(X, labels) == np.mean(right)


def test_score_of_sparse_numbers():
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = TabularRegressor(1, hidden_layer_sizes=(8,), epochs=5, random_state=0).fit(X, X)
    assert model.score(X, scipy.sparse.csr_array(X)) == model.score(X, X)


def test_validation_numbers_that_no_score_can_come_of_are_refused():
    X = np.random.default_rng(0).normal(size=(60, 2))
    model = TabularRegressor(1, hidden_layer_sizes=(8,), epochs=5)
    with pytest.raises(ValueError, match=r"validation_data: y in row 1 is more than 1e\+18 times"):
        model.fit(X, X[:, 0], validation_data=(X[:3], [0.0, 1e300, 0.0]))
