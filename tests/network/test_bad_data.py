"""Bad data: they work, or raise an error that helps, and nothing has changed after it."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from refusals import GOOD_X, GOOD_Y, make, refuses
from scipy import sparse

from bpcore import scaled

# every public call that takes data
WITH_Y = {
    "cost": lambda net, X, Y, s=None: net.cost(X, Y, s),
    "gradient": lambda net, X, Y, s=None: net.gradient(X, Y, s),
    "trace": lambda net, X, Y, s=None: net.trace(X, Y, s),
    "step": lambda net, X, Y, s=None: net.step(X, Y, 0.1, s),
    "score": lambda net, X, Y, s=None: net.score(X, Y, sample_weight=s),
    "check_gradient": lambda net, X, Y, s=None: net.check_gradient(X, Y, s),
    "fit": lambda net, X, Y, s=None: net.fit(X, Y, 1, sample_weight=s),
    "validation": lambda net, X, Y, s=None: net.fit(
        GOOD_X, GOOD_Y, 1, validation_data=(X, Y) if s is None else (X, Y, s)
    ),
}

PER_SAMPLE = {"per_sample": lambda net, X, Y: net.per_sample_gradients(X, Y)}
ONLY_X = {
    "forward": lambda net, X: net.forward(X),
    "predict": lambda net, X: net.predict(X),
    "jacobian": lambda net, X: net.jacobian(X),
}

ALL_X = {
    **ONLY_X,
    **{
        name: lambda net, X, call=call: call(net, X, GOOD_Y)
        for name, call in {**WITH_Y, **PER_SAMPLE}.items()
    },
}

ALL_Y = {
    name: lambda net, Y, call=call: call(net, GOOD_X, Y)
    for name, call in {**WITH_Y, **PER_SAMPLE}.items()
}


def spoilt(array, row, value, column=1):
    array = array.copy()
    array[row, column] = value
    return array


def masked(array, row=2):
    mask = np.zeros(array.shape, dtype=bool)
    mask[row] = True
    return np.ma.array(array, mask=mask)


def with_entry(kind, value):
    table = sparse.csr_matrix(GOOD_X)
    table.data[4 * 12 + 3] = value
    return table.asformat(kind)


WRONG_X = {
    "width": (GOOD_X[:, :11], ValueError, r"11 features.*takes 12"),
    "single width": (GOOD_X[0, :11], ValueError, r"11 features.*12"),
    "dimensions": (GOOD_X[None], ValueError, r"(1, 6, 12)"),
    "number": (3.0, ValueError, r"\(\)|dimension"),
    "none": (None, TypeError, "object|None"),
    "ragged": ([[1.0] * 12, [1.0] * 11], ValueError, "X"),
    "complex": (GOOD_X.astype(complex), TypeError, "complex"),
    "object": (GOOD_X.astype(object), TypeError, "object"),
    "text": (GOOD_X.astype(str), TypeError, "real numbers"),
    "dates": (np.zeros((6, 12), "datetime64[s]"), TypeError, "datetime"),
    "structured": (np.zeros((6, 12), [("a", "f8")]), TypeError, "real numbers"),
    "durations": (np.zeros((6, 12), "timedelta64[D]"), TypeError, "timedelta"),
    "masked": (masked(GOOD_X), ValueError, r"X is a masked array.*filled"),
    "masked float32": (masked(GOOD_X.astype("f4")), ValueError, "X is a masked array"),
    "masked bytes": (masked(np.ones((6, 12), "u1")), ValueError, "X is a masked array"),
    "masked integers": (masked(np.ones((6, 12), int)), ValueError, "X is a masked array"),
    "masked rows": (list(masked(GOOD_X)), ValueError, "X is a masked array"),
    "nan": (spoilt(GOOD_X, 4, np.nan), ValueError, r"X.*column 1, in row 4"),
    "inf": (spoilt(GOOD_X, 2, np.inf), ValueError, r"X.*column 1, in row 2"),
    "minus inf": (spoilt(GOOD_X.astype("f4"), 5, -np.inf), ValueError, r"X.*row 5"),
    "nan at an end": (spoilt(GOOD_X, 2, np.nan, 11), ValueError, r"X.*column 11, in row 2"),
    "float32 nan at an end": (
        spoilt(GOOD_X.astype("f4"), 0, np.nan, 11),
        ValueError,
        r"X.*column 11, in row 0",
    ),
    "nan in float16": (spoilt(GOOD_X.astype("f2"), 3, np.nan), ValueError, r"X.*row 3"),
    "nan in longdouble": (spoilt(GOOD_X.astype("g"), 3, np.nan), ValueError, r"X.*row 3"),
    "nan in big-endian": (spoilt(GOOD_X.astype(">f8"), 1, np.nan), ValueError, r"X.*row 1"),
    "nan strided": (np.repeat(spoilt(GOOD_X, 3, np.nan), 2, 1)[:, ::2], ValueError, r"X.*row 3"),
    "first of two": (spoilt(spoilt(GOOD_X, 5, np.inf), 1, np.nan), ValueError, r"X.*row 1"),
    "nan in CSR": (with_entry("csr", np.nan), ValueError, r"X.*column 3, in row 4"),
    "inf in CSC": (with_entry("csc", np.inf), ValueError, r"X.*row 4"),
    "sparse width": (sparse.csr_matrix((6, 13)), ValueError, r"13 features.*12"),
    "sparse complex": (sparse.csr_matrix((6, 12), dtype=complex), TypeError, "complex"),
}


@pytest.mark.parametrize("call", ALL_X)
@pytest.mark.parametrize("wrong", WRONG_X)
def test_wrong_X(wrong, call):
    X, error, match = WRONG_X[wrong]
    refuses(lambda network: ALL_X[call](network, X), error, match)


@pytest.mark.parametrize("call", {**WITH_Y, **PER_SAMPLE})
@pytest.mark.parametrize(
    "X",
    [np.zeros((0, 12)), np.zeros((0, 12), "u1"), sparse.csr_matrix((0, 12))],
    ids=["float", "uint8", "sparse"],
)
def test_empty_X(call, X):
    refuses(
        lambda net: {**WITH_Y, **PER_SAMPLE}[call](net, X, GOOD_Y[:0]), ValueError, "empty|at least"
    )


@pytest.mark.parametrize("call", ONLY_X)
def test_nothing_in_nothing_out(call):
    out = ONLY_X[call](make(), np.zeros((0, 12)))
    assert out.shape == ((0, 3, 12) if call == "jacobian" else (0, 3))
    assert out.dtype == np.float64


WRONG_Y = {
    "rows": (GOOD_Y[:5], ValueError, r"(?s)6.*5"),
    "width": (GOOD_Y[:, :2], ValueError, r"(?s)2.*3 outputs"),
    "labels": (np.arange(6), ValueError, r"outputs"),
    "dimensions": (GOOD_Y[:, :, None], ValueError, "shape"),
    "number": (1.0, ValueError, "shape"),
    "empty": (GOOD_Y[:0], ValueError, "(?s)6.*0"),
    "nan": (spoilt(GOOD_Y, 4, np.nan), ValueError, r"Y.*row 4"),
    "inf": (spoilt(GOOD_Y, 2, np.inf), ValueError, r"Y.*row 2"),
    "complex": (GOOD_Y.astype(complex), TypeError, "Y.*complex"),
    "text": (GOOD_Y.astype(str), TypeError, "Y.*real numbers"),
    "object": (GOOD_Y.astype(object), TypeError, "Y.*object"),
    "none": (None, TypeError, "Y"),
    "scaled": (scaled(np.ones((6, 3), "u1")), TypeError, "Y is a bpcore.scaled array"),
    "dates": (np.zeros((6, 3), "datetime64[s]"), TypeError, "Y.*datetime"),
    "masked": (masked(GOOD_Y), ValueError, "Y is a masked array"),
    "masked rows": (tuple(masked(GOOD_Y)), ValueError, "Y is a masked array"),
}


@pytest.mark.parametrize("call", ALL_Y)
@pytest.mark.parametrize("wrong", WRONG_Y)
def test_wrong_Y(wrong, call):
    Y, error, match = WRONG_Y[wrong]
    refuses(lambda network: ALL_Y[call](network, Y), error, match)


WRONG_WEIGHTS = {
    "negative": ([1, 1, -1, 1, 1, 1], ValueError, r"sample_weight\[2\].*-1"),
    "nan": ([1, 1, 1, np.nan, 1, 1], ValueError, r"sample_weight\[3\].*nan"),
    "inf": ([1, np.inf, 1, 1, 1, 1], ValueError, r"sample_weight\[1\].*inf"),
    "all zero": (np.zeros(6), ValueError, "zero"),
    "too few": (np.ones(5), ValueError, r"(?s)5.*6"),
    "two columns": (np.ones((6, 2)), ValueError, "shape"),
    "a number": (1.0, ValueError, "shape"),
    "text": (["a"] * 6, TypeError, "sample_weight"),
    "complex": (np.ones(6, complex), TypeError, "sample_weight.*complex"),
    "masked": (masked(np.ones(6)), ValueError, "sample_weight is a masked array"),
}


@pytest.mark.parametrize("call", WITH_Y)
@pytest.mark.parametrize("wrong", WRONG_WEIGHTS)
def test_wrong_weights(wrong, call):
    s, error, match = WRONG_WEIGHTS[wrong]
    if (wrong, call) == ("all zero", "step"):  # a stream may weight its one row with 0
        return
    refuses(lambda network: WITH_Y[call](network, GOOD_X, GOOD_Y, s), error, match)


@pytest.mark.parametrize("size", [1e308, 1e200, 1e-200, 1e-308, 5e-324])
def test_weights_at_the_ends_of_the_range(size):
    """Equal weights change nothing, even where their sum is infinite or subnormal; or they are
    refused. They are never silently wrong."""
    network = make()
    expected, s = network.gradient(GOOD_X, GOOD_Y), np.full(6, size)
    if size in (1e308, 5e-324):
        try:
            g = network.gradient(GOOD_X, GOOD_Y, s)
        except ValueError as error:
            assert "sample_weight" in str(error)  # noqa: PT017
            return
    else:
        g = network.gradient(GOOD_X, GOOD_Y, s)
    assert g.cost == pytest.approx(expected.cost, rel=1e-9)
    assert_allclose(g.vector, expected.vector, rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [1, 2, 6])
def test_a_mask_is_seen_whatever_way_small_arrays_take(rows, dtype):
    """Plain arrays of the network's type go a short way, which a mask must not."""
    network, X, Y = make(dtype), GOOD_X[:rows].astype(dtype), GOOD_Y[:rows].astype(dtype)
    before = network.parameters.copy()
    for call in (
        lambda: network.predict(masked(X, 0)),
        lambda: network.predict(masked(X[0], 0)),
        lambda: network.step(masked(X, 0), Y, 0.1),
        lambda: network.step(X, masked(Y, 0), 0.1),
        lambda: network.set_parameters(masked(before, 0)),
        lambda: scaled(masked(np.ones((rows, 12), "u1"), 0)),
    ):
        with pytest.raises(ValueError, match="is a masked array"):
            call()
    assert_array_equal(network.parameters, before)
    # where nothing is masked, nothing is lost
    assert_array_equal(network.predict(np.ma.array(X)), network.predict(X))
    assert_array_equal(network.predict(np.ma.masked_greater(X, 1e9)), network.predict(X))


def test_numbers_too_large_for_float32():
    network = make("float32")
    for X in (spoilt(GOOD_X, 3, 1e39), spoilt(GOOD_X, 3, -1e300)):
        with pytest.raises(ValueError, match=r"X.*row 3"):
            network.forward(X)
    with pytest.raises(ValueError, match=r"Y.*row 2"):
        network.cost(GOOD_X, spoilt(GOOD_Y, 2, 1e39))
    with pytest.raises(ValueError, match="theta"):
        network.set_parameters(np.full(network.n_parameters, 1e39))
    assert np.isfinite(network.forward(spoilt(GOOD_X, 3, 1e38))).all()


# ---------------------------------------------------------------- out=


def overlapping():
    X = np.zeros((6, 12))
    return X, X.ravel()[:18].reshape(6, 3)


@pytest.mark.parametrize(
    ("out", "error"),
    [
        (np.empty((6, 4)), ValueError),
        (np.empty((5, 3)), ValueError),
        (np.empty(18), ValueError),
        (np.empty((6, 3), "f4"), ValueError),
        (np.empty((6, 3), ">f8"), ValueError),
        (np.empty((6, 3), int), ValueError),
        (np.empty((3, 6)).T, ValueError),
        (np.empty((6, 6))[:, ::2], ValueError),
        (np.empty((6, 3))[::-1], ValueError),
        ([[0.0] * 3] * 6, TypeError),
        ("out", TypeError),
        (sparse.csr_matrix((6, 3)), TypeError),
    ],
)
def test_wrong_out(out, error):
    refuses(lambda network: network.forward(GOOD_X, out=out), error, "out")


def test_out_that_is_read_only_or_the_input_itself():
    out = np.zeros((6, 3))
    out.flags.writeable = False
    refuses(lambda network: network.predict(GOOD_X, out=out), ValueError, "out.*writ")
    assert_array_equal(out, 0)
    X, out = overlapping()
    refuses(lambda network: network.predict(X, out=out), ValueError, "out")
    refuses(lambda network: network.predict(GOOD_X[0], out=np.empty((1, 3))), ValueError, "out")


def test_out_is_untouched_by_a_failed_call():
    out = np.full((6, 3), 7.0)
    refuses(lambda net: net.forward(spoilt(GOOD_X, 5, np.nan), out=out), ValueError, "row 5")
    assert_array_equal(out, 7.0)
