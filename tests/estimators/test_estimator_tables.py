"""Tables that are no tables of numbers: masks, dates, what float32 cannot hold, what is missing."""

import datetime

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from estimator_problems import BOTH, X_IRIS, Y_IRIS, small

from bpcore import MLPClassifier, MLPRegressor, scaled

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

FRAME = pd.DataFrame(X_IRIS, columns=["long", "wide", "petal", "leaf"])
WEIGHTS = np.linspace(1, 2, 150)


def masked(array):
    mask = np.zeros(np.shape(array), dtype=bool)
    mask[3] = True
    return np.ma.array(array, mask=mask)


def calls(cls, X):
    """What reads a table X, by what the message must say about it first."""
    fitted = small(cls).fit(X_IRIS, Y_IRIS)
    return fitted, [
        ("X", lambda: small(cls).fit(X, Y_IRIS)),
        ("X", lambda: fitted.partial_fit(X, Y_IRIS)),
        ("X", lambda: small(cls, warm_start=True).fit(X_IRIS, Y_IRIS).fit(X, Y_IRIS)),
        ("validation_data: X", lambda: fitted.fit(X_IRIS, Y_IRIS, validation_data=(X, Y_IRIS))),
        ("validation_data: X", lambda: fitted.fit(X_IRIS, Y_IRIS, X_val=X, y_val=Y_IRIS)),
        ("X", lambda: fitted.predict(X)),
        ("X", lambda: getattr(fitted, "predict_proba", fitted.predict)(X)),
        ("X", lambda: fitted.score(X, Y_IRIS)),
    ]


def assert_refused(cls, X, error, message):
    fitted, every = calls(cls, X)
    before = fitted.network_.parameters.copy()
    for what, call in every:
        with pytest.raises(error, match=f"^{what}{message}"):
            call()
    np.testing.assert_array_equal(fitted.network_.parameters, before)


def objects(value):
    table = X_IRIS.astype(object)
    table[5, 1] = value
    return table


NO_NUMBERS = {
    "masked": (masked(X_IRIS), ValueError, " is a masked array.*filled"),
    "masked integers": (masked(np.ones((150, 4), int)), ValueError, " is a masked array"),
    "masked rows": (list(masked(X_IRIS)), ValueError, " is a masked array"),
    "dates": (np.zeros((150, 4), "datetime64[D]"), TypeError, " holds dates.*datetime64"),
    "durations": (np.ones((150, 4), "timedelta64[s]"), TypeError, " holds dates.*timedelta64"),
    "rows of dates": (list(np.zeros((150, 4), "M8[s]")), TypeError, " holds dates"),
    "date objects": (objects(datetime.date(2020, 1, 1)), TypeError, " holds dates"),
    "numpy's durations": (objects(np.timedelta64(3, "D")), TypeError, " holds dates"),
    "timestamps": (objects(pd.Timestamp("2020")), TypeError, " holds dates"),
    "periods": (objects(pd.Period("2020")), TypeError, " holds dates"),
    "rows of timestamps": (objects(pd.Timestamp("2020")).tolist(), TypeError, " holds dates"),
    "frame of dates": (
        FRAME.assign(wide=pd.date_range("2020", periods=150)),
        TypeError,
        ", column 'wide', holds dates",
    ),
    "frame of nothing but durations": (
        FRAME.apply(lambda column: pd.to_timedelta(column, unit="D")),
        TypeError,
        ", column 'long', holds dates",
    ),
    "frame with time zones": (
        FRAME.assign(leaf=pd.date_range("2020", periods=150, tz="UTC")),
        TypeError,
        ", column 'leaf', holds dates",
    ),
    "frame of periods": (
        FRAME.assign(leaf=pd.period_range("2020", periods=150)),
        TypeError,
        ", column 'leaf', holds dates",
    ),
    "frame of date objects": (
        FRAME.assign(leaf=pd.Series([datetime.date(2020, 1, 1)] * 150, dtype=object)),
        TypeError,
        ", column 'leaf', holds dates",
    ),
    "frame of categories that are dates": (
        FRAME.assign(leaf=pd.Categorical(pd.date_range("2020", periods=150))),
        TypeError,
        ", column 'leaf', holds dates",
    ),
    "frame of categories that are objects of dates": (
        FRAME.assign(leaf=pd.Categorical([datetime.date(2020, 1, 1)] * 150)),
        TypeError,
        ", column 'leaf', holds dates",
    ),
    "rows of rows with a date": (
        [[1, 2.0, "3", datetime.time(4)]] * 150,
        TypeError,
        " holds dates",
    ),
    "rows of series with dates": ([pd.Series([pd.NaT, 1, 2, 3])] * 150, TypeError, " holds dates"),
    "integers without limit": ([[1, 2, 3, 10**400]] * 150, ValueError, ".* too large for float64"),
    "column of integers without limit": (
        FRAME.assign(leaf=[10**400] * 150),
        ValueError,
        ", column 'leaf': an integer is too large",
    ),
    "scaled": (scaled(np.ones((150, 4), "u1"), 51), TypeError, r" is a bpcore\.scaled.*X / 51"),
    "missing float": (
        FRAME.drop(index=7).reindex(range(150)),
        ValueError,
        r", column 'long': a value is missing in row 7\n.*NaN",
    ),
    "missing integer": (
        FRAME.assign(petal=pd.array([1, 2, None] * 50, dtype="Int64")),
        ValueError,
        ", column 'petal': a value is missing in row 2",
    ),
    "missing object": (
        FRAME.assign(petal=pd.Series([True, None, False] * 50, dtype=object)),
        (TypeError, ValueError),
        ", column 'petal': a value is missing in row 1",
    ),
    "infinity": (FRAME.assign(leaf=-np.inf), ValueError, ", column 'leaf': -inf in row 0"),
    "text": (FRAME.assign(leaf="round"), ValueError, ", column 'leaf': holds something else"),
}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("name", NO_NUMBERS)
def test_what_is_no_table_of_numbers_is_refused(name, cls):
    assert_refused(cls, *NO_NUMBERS[name])


@pytest.mark.parametrize("cls", BOTH)
def test_what_is_no_column_of_targets_or_weights_is_refused(cls):
    est = small(cls).fit(X_IRIS, Y_IRIS)
    before = est.network_.parameters.copy()
    for y, w, message in (
        (masked(Y_IRIS), None, "y is a masked array"),
        (list(masked(np.c_[Y_IRIS, Y_IRIS])), None, "y is a masked array"),
        (Y_IRIS, masked(WEIGHTS), "sample_weight is a masked array"),
        (Y_IRIS, WEIGHTS.astype("timedelta64[s]"), "sample_weight holds dates"),
    ):
        for call in (
            lambda y=y, w=w: est.fit(X_IRIS, y, w),
            lambda y=y, w=w: est.partial_fit(X_IRIS, y, w),
            lambda y=y, w=w: est.score(X_IRIS, y, w),
            lambda y=y, w=w: est.fit(X_IRIS, Y_IRIS, validation_data=(X_IRIS, y, w)),
        ):
            with pytest.raises((TypeError, ValueError), match=message):
                call()
    np.testing.assert_array_equal(est.network_.parameters, before)


@pytest.mark.parametrize(
    "y, message",
    [
        (Y_IRIS.astype("datetime64[D]"), "^y holds dates"),
        (pd.Series(pd.to_timedelta(Y_IRIS, unit="D")), "^y holds dates"),
        (pd.DataFrame({"a": Y_IRIS, "b": pd.Timestamp("2020")}), "^y, column 'b', holds dates"),
        ([pd.Timestamp("2020")] * 150, "^y holds dates"),
        (pd.Series(pd.Categorical(Y_IRIS.astype("datetime64[s]"))), "^y holds dates"),
        (pd.Categorical(pd.to_timedelta(Y_IRIS, unit="D")), "^y holds dates"),
    ],
)
def test_dates_are_no_numbers_to_learn(y, message):
    for call in (
        lambda: small(MLPRegressor).fit(X_IRIS, y),
        lambda: small(MLPRegressor).fit(X_IRIS, Y_IRIS).score(X_IRIS, y),
    ):
        with pytest.raises(TypeError, match=message):
            call()


@pytest.mark.parametrize(
    "y, message",
    [
        ([1, None, 3] * 50, "y contains NaN"),
        (np.array([1, None, 3] * 50, dtype=object), "y contains NaN"),
        (pd.Series([1, None, 3] * 50, dtype="Int64"), "y contains NaN"),
        (
            pd.DataFrame({"a": Y_IRIS, "b": pd.Series([1, None, 3] * 50, dtype=object)}),
            "^y, column 'b': a value is missing in row 1",
        ),
        ([10**400] * 150, "^y must hold numbers: .* too large"),
        (["high"] * 150, "^y must hold numbers: .*'high'"),
        (np.array(["high"] * 150), "^y must hold numbers: .*'high'"),
        (pd.Series(["high"] * 150), "^y must hold numbers: .*'high'"),
        (pd.DataFrame({"a": Y_IRIS, "b": "high"}), "^y, column 'b': holds something else"),
    ],
)
def test_what_is_no_number_to_learn(y, message):
    reg = small(MLPRegressor)
    with pytest.raises(ValueError, match=message):
        reg.fit(X_IRIS, y)
    assert not hasattr(reg, "coefs_")
    with pytest.raises(ValueError, match=message.replace("^", "^validation_data: ")):
        reg.fit(X_IRIS, Y_IRIS, validation_data=(X_IRIS, y))


def test_dates_may_be_labels():
    days = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "datetime64[D]")[Y_IRIS]
    clf = small(MLPClassifier, max_iter=60, learning_rate_init=0.05).fit(X_IRIS, days)
    assert (clf.predict(X_IRIS) == days).mean() > 0.9
    known = np.unique(days)
    for y, classes in (
        (days, known),
        (pd.Series(days), pd.Series(known)),
        (list(days), set(known)),
        (np.array([*days - days[0], None])[:-1], list(known - known[0])),
    ):
        clf = small(MLPClassifier).partial_fit(X_IRIS, y, classes=classes)
        np.testing.assert_array_equal(clf.classes_, np.unique(np.asarray(y)))
    for unit in ("ns", "us", "D"):
        y = pd.DataFrame({"a": Y_IRIS, "b": days.astype(f"M8[{unit}]")})
        with pytest.raises(ValueError, match="y has a column of dates or durations beside"):
            small(MLPClassifier).fit(X_IRIS, y)
        small(MLPClassifier).fit(X_IRIS, y[["b", "b"]])


def test_a_masked_array_without_masked_numbers_is_an_array():
    for X in (np.ma.array(X_IRIS), np.ma.masked_greater(X_IRIS, 1e9)):
        est = small(MLPClassifier).fit(X, np.ma.array(Y_IRIS), np.ma.array(WEIGHTS))
        same = small(MLPClassifier).fit(X_IRIS, Y_IRIS, WEIGHTS)
        np.testing.assert_array_equal(est.coefs_[0], same.coefs_[0])
        np.testing.assert_array_equal(est.predict(X), same.predict(X_IRIS))


@pytest.mark.parametrize("cls", BOTH)
def test_a_frame_of_booleans_and_nullable_numbers(cls):
    frame = FRAME.assign(
        long=FRAME.long > 0,
        wide=pd.array(Y_IRIS, dtype="Int64"),
        leaf=(FRAME.leaf > 0).astype("boolean"),
    )
    numbers = frame.astype(float).to_numpy()
    est, same = small(cls).fit(frame, Y_IRIS), small(cls).fit(numbers, Y_IRIS)
    np.testing.assert_array_equal(est.coefs_[0], same.coefs_[0])
    np.testing.assert_array_equal(est.predict(frame), same.predict(numbers))


# ---------------------------------------------------------------- float32


@pytest.mark.parametrize("kind", [np.asarray, np.asfortranarray, scipy.sparse.csr_matrix])
@pytest.mark.parametrize("cls", BOTH)
def test_inputs_that_float32_cannot_hold(cls, kind):
    """As with a Network; where they are in range of float64, a network of that takes them."""
    X = X_IRIS.copy()
    X[77, 2] = -1e39
    X = kind(X)
    single = X_IRIS.astype(np.float32)
    est = small(cls).fit(single, Y_IRIS)
    before = est.network_.parameters.copy()
    ready = small(cls, warm_start=True)
    ready.initialize(4, **({"classes": range(3)} if cls is MLPClassifier else {}), dtype="float32")
    for call in (
        lambda: est.predict(X),
        lambda: getattr(est, "predict_proba", est.predict)(X),
        lambda: getattr(est, "predict_log_proba", est.predict)(X),
        lambda: est.score(X, Y_IRIS),
        lambda: est.partial_fit(X, Y_IRIS),
        lambda: ready.fit(X, Y_IRIS),
        lambda: small(cls, solver="lbfgs").fit(single, Y_IRIS, validation_data=(X, Y_IRIS)),
        lambda: est.fit(single, Y_IRIS, validation_data=(X, Y_IRIS)),
    ):
        with pytest.raises(ValueError, match=r"X holds .* float32 in column 2, in row 77"):
            call()
    np.testing.assert_array_equal(est.network_.parameters, before)
    assert np.isfinite(small(cls).fit(X_IRIS, Y_IRIS).predict(X)).all()
    named = pd.DataFrame(X_IRIS, columns=list("abcd")).assign(c=-1e39)
    for call in (
        lambda: small(cls, warm_start=True).fit(single, Y_IRIS).fit(named, Y_IRIS),
        lambda: est.fit(single, Y_IRIS, validation_data=(named, Y_IRIS)),
        lambda: est.predict(named),
    ):
        with (
            pytest.warns(UserWarning, match="feature names"),
            pytest.raises(ValueError, match=r"column 2 \('c'\), in row 0"),
        ):
            call()
    X[77, 2] = 1e36
    assert np.isfinite(est.predict(X)).all()


@pytest.mark.parametrize("cls", BOTH)
def test_masked_weights_of_a_layer_are_no_weights(cls):
    est = small(cls).fit(X_IRIS, Y_IRIS)
    for shown in (est.coefs_, est.intercepts_):
        kept, shown[1] = shown[1], np.ma.masked_greater(shown[1], 0)
        with pytest.raises(ValueError, match="is a masked array"):
            est.predict(X_IRIS)
        shown[1] = kept
    est.predict(X_IRIS)


def test_the_row_is_told_of_a_table_predicted_in_blocks(monkeypatch):
    from bpcore.estimators import predictions

    est = small(MLPRegressor).fit(X_IRIS.astype(np.float32), Y_IRIS)
    X = X_IRIS.copy()
    X[101, 0] = 1e200
    monkeypatch.setattr(predictions, "_BLOCK_NUMBERS", 40)
    with pytest.raises(ValueError, match="column 0, in row 101"):
        est.predict(X)


def test_targets_that_float32_cannot_hold():
    single, y = X_IRIS.astype(np.float32), Y_IRIS.astype(float)
    y[9] = 1e39
    est = small(MLPRegressor).fit(single, Y_IRIS)
    for call, column in (
        (lambda: small(MLPRegressor).fit(single, y), 0),
        (lambda: small(MLPRegressor, solver="lbfgs").fit(single, np.c_[Y_IRIS, y]), 1),
        (lambda: est.partial_fit(single, y), 0),
        (lambda: est.fit(single, Y_IRIS, validation_data=(single, y)), 0),
        (lambda: est.score(single, y.tolist()), 0),
    ):
        with pytest.raises(ValueError, match=f"y holds .* float32 in column {column}, in row 9"):
            call()


# ---------------------------------------------------------------- parameters


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "rmsprop", "irprop-", "lbfgs"])
def test_parameters_from_an_array_of_text(cls, solver):
    """As a search passes them on whose grid is an array."""
    text = {
        "solver": solver,
        "activation": "tanh",
        "loss": "log_loss" if cls is MLPClassifier else "huber",
        "learning_rate": "adaptive" if solver == "sgd" else "constant",
        "batch_size": "auto",
        "stop_on": "loss",
        "out_activation": "softmax" if cls is MLPClassifier else "identity",
    }
    want = small(cls, **text).fit(X_IRIS, Y_IRIS)
    got = small(cls, **{name: np.array([one])[0] for name, one in text.items()})
    got.fit(X_IRIS, Y_IRIS)
    np.testing.assert_array_equal(got.coefs_[0], want.coefs_[0])
    if solver != "lbfgs":
        got.partial_fit(X_IRIS, Y_IRIS)


@pytest.mark.parametrize(
    "quantile, error, message",
    [
        ([], ValueError, r"quantile must be a number between 0 and 1, or a list.*\[\]"),
        (np.array([]), ValueError, "quantile must be a number between 0 and 1"),
        ([0.5, 1.0], ValueError, r"quantile=\[0.5, 1.0\]: .*below 1"),
        ([0.0], ValueError, "quantile must be a number between 0 and 1"),
        ([0.1, np.nan], ValueError, r"quantile=\[0.1, nan\]"),
        ([0.1, "a"], TypeError, r"quantile=\[0.1, 'a'\]: .*must be a number"),
        ([[0.1, 0.9]], TypeError, r"quantile=.*must be a number"),
    ],
)
def test_quantiles_that_cannot_be(quantile, error, message):
    reg = small(MLPRegressor, loss="quantile", quantile=quantile)
    for call in (lambda: reg.fit(X_IRIS, Y_IRIS), lambda: reg.initialize(4)):
        with pytest.raises(error, match=message):
            call()
    assert not hasattr(reg, "coefs_")


def test_quantiles_in_any_list():
    for quantile in ((0.1, 0.9), np.array([0.1, 0.9]), pd.Series([0.1, 0.9], index=[3, 4])):
        reg = small(MLPRegressor, loss="quantile", quantile=quantile).fit(X_IRIS, Y_IRIS)
        assert reg.predict(X_IRIS).shape == (150, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_at_odd_addresses(dtype, curve):
    """As they come out of messages and files: the engine gets a copy."""

    def shifted(array):
        place = np.empty(array.nbytes + 1, dtype=np.uint8)[1:]
        odd = place.view(dtype).reshape(array.shape)
        odd[...] = array
        return odd

    X, y = (one.astype(dtype) for one in curve)
    assert not shifted(X).flags.aligned
    here = MLPRegressor(max_iter=3, random_state=0).fit(X, y)
    there = MLPRegressor(max_iter=3, random_state=0).fit(shifted(X), shifted(y))
    assert (here.predict(X) == there.predict(shifted(X))).all()
