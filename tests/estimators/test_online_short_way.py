"""partial_fit of rows that are plainly right looks at nothing twice; results, records and errors
are those of the long way, which is taken here by leaving the short one out."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.utils import validation

from bpcore import DivergenceError, MLPClassifier, MLPRegressor
from bpcore.estimators import data, online

RNG = np.random.default_rng(0)
N = 24
X = RNG.normal(size=(N, 6))
NUMBERS = np.sin(X[:, 0])
PLACES = (X[:, 1] > 0).astype(int) + (X[:, 2] > 0)
TARGETS = {
    "numbers": (MLPRegressor, NUMBERS, None),
    "two numbers": (MLPRegressor, np.column_stack([NUMBERS, X[:, 1]]), None),
    "whole numbers": (MLPRegressor, PLACES, None),
    "float32": (MLPRegressor, NUMBERS.astype("float32"), None),
    "text": (MLPClassifier, np.array(["a", "b", "c"])[PLACES], ["a", "b", "c"]),
    "objects": (MLPClassifier, np.array(["a", "b", "c"], object)[PLACES], ["a", "b", "c"]),
    "integers": (MLPClassifier, PLACES - 1, [1, 0, -1]),
    "booleans": (MLPClassifier, PLACES > 0, [False, True]),
    "one class": (MLPClassifier, PLACES * 0, [0]),
    "many labels": (MLPClassifier, (X[:, :3] > 0).astype(int), None),
}
SETTINGS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 2},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "dropout": {"dropout": 0.4, "clip_norm": 0.1, "l1": 0.01},
    "by the row": {"batch_size": 1, "solver": "adamw", "weight_decay": 0.1},
    "in order": {"shuffle": False, "solver": "irprop-"},
    "lists": {"hidden_layer_sizes": [4, 3], "activation": ["tanh", "relu"]},
    "schedule": {"learning_rate": {"kind": "cosine", "total": 50}},
}
RECORDS = (
    *("n_iter_", "t_", "loss_", "best_loss_", "loss_curve_", "validation_scores_"),
    *("stopped_early_", "_no_improvement_count", "best_validation_score_"),
)


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


def make(targets="numbers", seed=3, **settings):
    cls, y, classes = TARGETS[targets]
    named = {} if classes is None else {"classes": classes}
    est = cls(**{"hidden_layer_sizes": (7,), "random_state": seed, **settings})
    return est.partial_fit(X[:3], y[:3], **named), y


def assert_same(one, other):
    assert_array_equal(one.network_.parameters, other.network_.parameters)
    optimizer, of_other = one._optimizer, other._optimizer
    assert (optimizer.t, optimizer.learning_rate) == (of_other.t, of_other.learning_rate)
    for name in RECORDS:
        assert getattr(one, name) == getattr(other, name), name


def both(monkeypatch, looks, train, **made):
    """What a course of calls leaves, by the short way and by the long one; the looks of the
    first."""
    looks.clear()
    short, y = make(**made)
    before = len(looks)
    train(short, y)
    n_looks = len(looks) - before
    with monkeypatch.context() as patch:
        patch.setattr(online.Online, "of", lambda est, classes: None)
        long, _ = make(**made)
        train(long, y)
    assert_same(short, long)
    return n_looks


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize("targets", TARGETS)
def test_the_same_bits(targets, n, monkeypatch, looks):
    def train(est, y):
        for first in range(0, N - N % n, n):
            est.partial_fit(X[first : first + n], y[first : first + n])

    assert both(monkeypatch, looks, train, targets=targets) == 0


@pytest.mark.parametrize("kind", [int, np.random.RandomState])
@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_bits_whatever_the_settings(name, kind, monkeypatch, looks):
    """Also where the number of rows changes from call to call."""

    def train(est, y):
        for first, n in [(0, 4), (4, 4), (8, 1), (9, 1), (10, 4), (14, 4), (0, 1), (18, 6)]:
            est.partial_fit(X[first : first + n], y[first : first + n])

    # each of the two has a generator of its own
    ends = []
    for short in (True, False):
        with monkeypatch.context() as patch:
            if not short:
                patch.setattr(online.Online, "of", lambda est, classes: None)
            ends.append(make(seed=kind(3), **SETTINGS[name]))
            looks.clear()
            train(*ends[-1])
            assert bool(looks) != short
    assert_same(ends[0][0], ends[1][0])


def test_numpys_own_generator_is_drawn_from_as_before(monkeypatch):
    ends = []
    for short in (True, False):
        with monkeypatch.context() as patch:
            if not short:
                patch.setattr(online.Online, "of", lambda est, classes: None)
            np.random.seed(5)  # noqa: NPY002 -- the estimators' random_state=None
            est, y = make(seed=None)
            for _ in range(4):
                est.partial_fit(X[:5], y[:5])
            ends.append((est.network_.parameters.copy(), np.random.random()))  # noqa: NPY002
    assert_array_equal(ends[0][0], ends[1][0])
    assert ends[0][1] == ends[1][1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_other_types_of_rows(dtype, monkeypatch, looks):
    def train(est, y):
        for kind in ("float32", "float64", "float32"):
            rows = np.asfortranarray(X.astype(kind))
            for first in range(0, 20, 5):
                est.partial_fit(rows[first : first + 5], y[first : first + 5])

    for targets in ("numbers", "float32", "text"):
        with monkeypatch.context() as patch:
            patch.setattr(f"{__name__}.X", X.astype(dtype))
            assert both(monkeypatch, looks, train, targets=targets) == 0


def test_frames_series_and_lists(looks):
    names = [f"x{k}" for k in range(6)]
    frame, series = pd.DataFrame(X, columns=names), pd.Series(NUMBERS)
    one = MLPRegressor(hidden_layer_sizes=(7,), random_state=3).partial_fit(frame[:2], series[:2])
    other = MLPRegressor(hidden_layer_sizes=(7,), random_state=3).partial_fit(X[:2], NUMBERS[:2])
    looks.clear()
    for k in range(2, 8):
        one.partial_fit(frame[k : k + 1], series[k : k + 1])
        other.partial_fit(X[k : k + 1], [float(NUMBERS[k])])
    assert not looks
    assert_same(one, other)
    with pytest.warns(UserWarning, match="feature names"):
        one.partial_fit(X[:1], NUMBERS[:1])


def test_what_is_looked_at():
    """Refused, converted or warned about as it would be without a short way."""
    bad = X[:2].copy()
    bad[1, 3] = np.nan
    for targets, table, y, named, error, match in [
        ("numbers", bad, NUMBERS[:2], {}, ValueError, "NaN"),
        ("numbers", X[:2], [0.5, np.inf], {}, ValueError, "infinity"),
        ("numbers", X[:2, :3], NUMBERS[:2], {}, ValueError, "3 features"),
        ("numbers", X[0], NUMBERS[:1], {}, ValueError, "Expected 2D"),
        ("numbers", X[:0], NUMBERS[:0], {}, ValueError, "0 sample"),
        ("numbers", X[:2], NUMBERS[:3], {}, ValueError, "inconsistent"),
        ("numbers", X[:2], ["a", "b"], {}, ValueError, "numbers"),
        ("two numbers", X[:2], NUMBERS[:2], {}, ValueError, "1 targets"),
        ("numbers", np.ma.masked_array(X[:2], X[:2] > 0), NUMBERS[:2], {}, ValueError, "mask"),
        ("text", X[:2], ["a", "z"], {}, ValueError, "classes"),
        ("text", X[:2], ["a", 1], {}, ValueError, "mixes|labels"),
        ("text", X[:2], ["a", None], {}, ValueError, "no label"),
        ("text", X[:2], ["a", "b"], {"classes": ["a", "b"]}, ValueError, "not the same"),
        ("integers", X[:2], [0, 7], {}, ValueError, "classes"),
        ("integers", X[:2], [0, 0.5], {}, ValueError, "label|classes"),
        ("many labels", X[:2], [[0, 1, 2], [0, 0, 0]], {}, ValueError, "zeros and ones"),
    ]:
        est, _ = make(targets)
        est.partial_fit(X[:2], TARGETS[targets][1][:2])
        before, t = est.network_.parameters.copy(), est.t_
        with pytest.raises(error, match=match):
            est.partial_fit(table, y, **named)
        assert_array_equal(est.network_.parameters, before)
        assert est.t_ == t
        est.partial_fit(X[:2], TARGETS[targets][1][:2])
        assert est.t_ == t + 2
    est, y = make()
    with pytest.warns(UserWarning, match="column-vector"):
        est.partial_fit(X[:2], y[:2].reshape(-1, 1))


def test_the_classes_may_be_told_with_each_call(looks):
    classes = ["a", "b", "c"]
    est, y = make("text")
    est.partial_fit(X[:1], y[:1], classes=classes)
    looks.clear()
    est.partial_fit(X[:1], y[:1], classes=["a", "b", "c"])
    est.partial_fit(X[:1], y[:1], None, classes)
    assert not looks
    classes[1] = "z"
    with pytest.raises(ValueError, match="not the same"):
        est.partial_fit(X[:1], y[:1], classes=classes)


@pytest.mark.parametrize(
    "change",
    [
        lambda est: est.set_params(alpha=1.0),
        lambda est: est.set_params(solver="sgd"),
        lambda est: est.set_params(random_state=4),
        lambda est: est.set_params(dropout=0.5),
        lambda est: est.set_params(learning_rate_init=5.0),
        lambda est: setattr(est, "coefs_", [w + 1 for w in est.coefs_]),
        lambda est: est.intercepts_.__setitem__(0, est.intercepts_[0] + 1),
        lambda est: est.set_params(warm_start=True, max_iter=1).fit(X, NUMBERS),
        lambda est: est.set_params(max_iter=2).fit(X, NUMBERS),
        lambda est: est.partial_fit(X, NUMBERS, np.arange(1, N + 1)),
        lambda est: est.network_.step(X, NUMBERS, 0.1),
        lambda est: est.initialize(6),
    ],
)
def test_what_changes_between_two_calls_counts(change, monkeypatch, looks):
    def train(est, y):
        for k in range(6):
            if k in (2, 4):
                change(est)
            est.partial_fit(X[k : k + 3], y[k : k + 3])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both(monkeypatch, looks, train)


def test_a_list_of_a_parameter_that_changes_counts():
    sizes = [4, 3]
    est = MLPRegressor(hidden_layer_sizes=sizes, random_state=0).partial_fit(X[:1], NUMBERS[:1])
    est.partial_fit(X[:1], NUMBERS[:1])
    sizes[0] = 5
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        est.partial_fit(X[:1], NUMBERS[:1])


def test_a_callback_is_called(monkeypatch):
    called = []
    est, y = make()
    est.partial_fit(X[:1], y[:1])
    est.set_params(callback=lambda one: called.append(one.t_))
    for _ in range(3):
        est.partial_fit(X[:1], y[:1])
    assert called == [5, 6, 7]


def test_early_stopping_and_class_weights_take_the_long_way(looks):
    est, y = make("text", class_weight={"a": 2.0}, early_stopping=False)
    looks.clear()
    est.partial_fit(X[:3], y[:3])
    est.partial_fit(X[:3], y[:3])
    assert len(looks) == 2


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_copy_goes_on_by_itself(way):
    est, y = make()
    est.partial_fit(X[:2], y[:2])
    other = way(est)
    if way is not copy.copy:  # which shares the network
        for one in (est, other):
            for k in range(4):
                one.partial_fit(X[k : k + 2], y[k : k + 2])
        assert_same(est, other)
    t = other.t_
    est.partial_fit(X[:2], y[:2])
    assert other.t_ == t
    assert not hasattr(clone(est), "coefs_")


def test_divergence_keeps_the_last_finite_weights(looks):
    est, y = make(activation="identity")
    est.partial_fit(X[:1], y[:1])
    looks.clear()
    for _ in range(3):
        before = est.network_.parameters.copy()
        with pytest.raises(DivergenceError, match="weights from before that epoch"):
            est.partial_fit(np.full((1, 6), 1e300), y[:1])
        assert_array_equal(est.network_.parameters, before)
    assert len(looks) == 2  # of the second and the third


def test_the_rows_are_the_callers_own():
    """They may be written to after the call, and are not written to by it."""
    est, y = make()
    other, _ = make()
    rows, targets = X[:2].copy(), y[:2].copy()
    rows.flags.writeable = targets.flags.writeable = False
    est.partial_fit(rows, targets)
    other.partial_fit(rows, targets)
    rows = rows.copy()
    est.partial_fit(rows, targets)
    other.partial_fit(rows, targets)
    rows[:] = 0
    assert_same(est, other)


def test_sparse_rows_take_the_long_way():
    est, y = make()
    other, _ = make()
    for k in range(3):
        est.partial_fit(scipy.sparse.csr_array(X[k : k + 1]), y[k : k + 1])
        other.partial_fit(X[k : k + 1], y[k : k + 1])
    assert_same(est, other)


@pytest.mark.parametrize("kind", [list, tuple])
def test_the_classes_of_several_columns_may_be_arrays(kind):
    Y = np.column_stack([np.arange(20) % 3, np.arange(20) % 2])
    classes = kind(np.unique(column) for column in Y.T)
    est = MLPClassifier((5,), random_state=0)
    for calls in range(1, 5):
        assert est.partial_fit(X[:20], Y, classes=classes).t_ == 20 * calls
    # lists, and then arrays
    est.partial_fit(X[:20], Y, classes=kind(one.tolist() for one in classes))
    assert est.partial_fit(X[:20], Y, classes=classes).t_ == 120
