"""Bad input: it works, or it raises an error that helps, and nothing has changed after it."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from bpcore import Network

GOOD_X = np.random.default_rng(0).standard_normal((6, 12))
GOOD_Y = np.random.default_rng(1).uniform(0, 1, (6, 3))


def make(dtype="float64", **options):
    return Network((12, 5, 3), "tanh", "sigmoid", dtype=dtype, random_state=0, **options)


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


def refuses(call, error, match):
    """The call raises, and the network is as it was and goes on working."""
    network = make()
    before, output = network.parameters.copy(), network.forward(GOOD_X)
    with pytest.raises(error, match=match):
        call(network)
    assert_array_equal(network.parameters, before)
    assert_array_equal(network.forward(GOOD_X), output)
    assert network.fit(GOOD_X, GOOD_Y, 1).epochs == 1


def spoilt(array, row, value):
    array = array.copy()
    array[row, 1] = value
    return array


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
    "nan": (spoilt(GOOD_X, 4, np.nan), ValueError, r"X.*row 4"),
    "inf": (spoilt(GOOD_X, 2, np.inf), ValueError, r"X.*row 2"),
    "minus inf": (spoilt(GOOD_X.astype("f4"), 5, -np.inf), ValueError, r"X.*row 5"),
    "nan in float16": (spoilt(GOOD_X.astype("f2"), 3, np.nan), ValueError, r"X.*row 3"),
    "nan in longdouble": (spoilt(GOOD_X.astype("g"), 3, np.nan), ValueError, r"X.*row 3"),
    "nan in big-endian": (spoilt(GOOD_X.astype(">f8"), 1, np.nan), ValueError, r"X.*row 1"),
    "nan strided": (np.repeat(spoilt(GOOD_X, 3, np.nan), 2, 1)[:, ::2], ValueError, r"X.*row 3"),
    "first of two": (spoilt(spoilt(GOOD_X, 5, np.inf), 1, np.nan), ValueError, r"X.*row 1"),
    "nan in CSR": (with_entry("csr", np.nan), ValueError, r"X.*row 4"),
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
}


@pytest.mark.parametrize("call", WITH_Y)
@pytest.mark.parametrize("wrong", WRONG_WEIGHTS)
def test_wrong_weights(wrong, call):
    s, error, match = WRONG_WEIGHTS[wrong]
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


# ---------------------------------------------------------------- descriptions


@pytest.mark.parametrize(
    ("sizes", "error"),
    [
        ((), ValueError),
        ((4,), ValueError),
        ((4, 0), ValueError),
        ((0, 4), ValueError),
        ((4, -3, 2), ValueError),
        ((4, 2.5), TypeError),
        ((4, "2"), TypeError),
        ((4, None), TypeError),
        ((4, True), TypeError),
        ("42", TypeError),
        (7, TypeError),
        (None, TypeError),
        ((4, 2**31), ValueError),
        ((2**63, 2), ValueError),
        ((10**30, 2), ValueError),
    ],
)
def test_wrong_layer_sizes(sizes, error):
    with pytest.raises(error, match="layer"):
        Network(sizes)


@pytest.mark.parametrize(
    "sizes",
    [(2**31 - 1, 2**31 - 1), (2**31 - 1, 2**31 - 1, 2**31 - 1), (1, 2**31 - 1, 2**31 - 1, 1)],
)
def test_networks_beyond_memory(sizes):
    """More than 10¹⁸ numbers: an error, no wrapped-round size."""
    with pytest.raises((ValueError, MemoryError)):
        Network(sizes)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"dtype": "float16"}, ValueError, "float32"),
        ({"dtype": "int32"}, ValueError, "float32"),
        ({"dtype": "complex128"}, ValueError, "float32"),
        ({"dtype": "flot"}, TypeError, "float32"),
        ({"init": "xavier"}, ValueError, "glorot"),
        ({"init": 3}, (TypeError, ValueError), "init"),
        ({"random_state": -1}, ValueError, "random_state"),
        ({"random_state": "seed"}, (TypeError, ValueError), "random_state"),
        ({"random_state": 1.5}, (TypeError, ValueError), "random_state"),
        ({"dropout": 1.0}, ValueError, "dropout"),
        ({"dropout": -0.1}, ValueError, "dropout"),
        ({"dropout": np.nan}, ValueError, "dropout"),
        ({"dropout": "half"}, (TypeError, ValueError), "dropout.*half"),
        ({"dropout": [0.1, 0.2]}, ValueError, "dropout"),
        ({"loss": "hinge"}, ValueError, "quadratic"),
        ({"activation": "swish"}, ValueError, "silu"),
    ],
)
def test_wrong_options(options, error, match):
    with pytest.raises(error, match=match):
        Network((4, 3, 2), **options)


WRONG_FITS = [
    ({"epochs": -1}, ValueError, "epochs"),
    ({"epochs": 2.0}, TypeError, "epochs"),
    ({"batch_size": 0}, ValueError, "batch_size"),
    ({"batch_size": -2}, ValueError, "batch_size"),
    ({"batch_size": 1.5}, TypeError, "batch_size"),
    ({"batch_size": "half"}, (TypeError, ValueError), "batch_size"),
    ({"learning_rate": -0.1}, ValueError, "learning_rate"),
    ({"learning_rate": np.nan}, ValueError, "learning_rate"),
    ({"learning_rate": np.inf}, ValueError, "learning_rate"),
    ({"learning_rate": "fast"}, TypeError, "learning_rate"),
    ({"l2": -1.0}, ValueError, "l2"),
    ({"l1": np.nan}, ValueError, "l1"),
    ({"weight_decay": -1.0}, ValueError, "weight_decay"),
    ({"clip_norm": 0.0}, ValueError, "clip_norm"),
    ({"clip_norm": -1.0}, ValueError, "clip_norm"),
    ({"optimizer": "sdg"}, ValueError, "rmsprop"),
    ({"optimizer": 3}, ValueError, "adam"),
    ({"optimizer": ("sgd", {"moment": 0.9})}, ValueError, "moment"),
    ({"optimizer": ("sgd", {"momentum": 1.5})}, ValueError, "momentum"),
    ({"schedule": "sine"}, ValueError, "cosine"),
    ({"schedule": 3}, TypeError, "schedule"),
    ({"schedule": {"kind": "step"}}, ValueError, "every"),
    ({"schedule": {"kind": "cosine", "totl": 3}}, ValueError, "totl"),
    ({"schedule": {"kind": "step", "every": 0}}, ValueError, "every"),
    ({"random_state": "x"}, (TypeError, ValueError), "random_state"),
    ({"callback": 3}, TypeError, "callback"),
    ({"metric": "f1"}, ValueError, "metric"),
    ({"validation_data": GOOD_X}, (TypeError, ValueError), "validation_data"),
    ({"validation_data": (GOOD_X,)}, (TypeError, ValueError), "validation_data"),
    ({"validation_data": (GOOD_X, GOOD_Y[:3])}, ValueError, "validation_data"),
]


@pytest.mark.parametrize(("options", "error", "match"), WRONG_FITS)
def test_wrong_fits(options, error, match):
    refuses(lambda network: network.fit(GOOD_X, GOOD_Y, **{"epochs": 1, **options}), error, match)


@pytest.mark.parametrize("rate", [-1.0, np.nan, np.inf, "1", None])
def test_wrong_steps(rate):
    gradient = make().gradient(GOOD_X, GOOD_Y)
    for call in (lambda net: net.step(GOOD_X, GOOD_Y, rate), lambda net: net.apply(gradient, rate)):
        refuses(call, (ValueError, TypeError), "learning_rate")


def test_wrong_gradients():
    n = make().n_parameters
    for gradient in (
        np.ones(n - 1),
        np.ones((1, n)),
        np.full(n, np.nan),
        np.ones(n, complex),
        "gradient",
        None,
    ):
        refuses(lambda net, g=gradient: net.apply(g, 0.1), (ValueError, TypeError), "gradient")


def test_steps_that_overflow_leave_the_network():
    """A step to an infinite θ, and one from an infinite cost, are errors."""
    network = make("float32")
    before = network.parameters.copy()
    with pytest.raises(FloatingPointError, match="learning_rate"):
        network.apply(np.full(network.n_parameters, 1e30), 1e30)
    assert_array_equal(network.parameters, before)
    linear = Network((1, 1), "identity", init="zeros")
    linear.parameters[:] = 1e30
    with pytest.raises(FloatingPointError, match="learning_rate"):
        linear.step([1e30], [0.0], 1.0)
    assert_array_equal(linear.parameters, np.float32(1e30))


# ---------------------------------------------------------------- two at once


def test_two_fits_at_once():
    """From inside a callback, and from another thread: RuntimeError, and the first goes on."""
    network, errors = make(), []

    def second():
        try:
            network.fit(GOOD_X, GOOD_Y, 1)
        except RuntimeError as error:
            errors.append(str(error))

    def callback(net, history):
        if history.epochs == 1:
            second()
            thread = threading.Thread(target=second)
            thread.start()
            thread.join()

    history = network.fit(GOOD_X, GOOD_Y, 3, callback=callback)
    assert history.epochs == 3
    assert len(errors) == 2
    assert all("fit" in error for error in errors)
    assert network.history_ is history
    assert network.fit(GOOD_X, GOOD_Y, 1).epochs == 1


def test_two_fits_from_two_threads():
    """Both start at once: one trains as if alone, or both do, one after the other."""
    X = np.random.default_rng(0).standard_normal((3000, 12))
    Y = np.random.default_rng(1).uniform(size=(3000, 3))
    network, outcomes, start = make(), [], threading.Barrier(2)

    def train():
        start.wait()
        try:
            network.fit(X, Y, 5, 1, 0.1, random_state=1)
        except RuntimeError:
            outcomes.append("busy")
        else:
            outcomes.append("done")

    threads = [threading.Thread(target=train) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = make()
    assert "done" in outcomes
    for _ in range(outcomes.count("done")):
        alone.fit(X, Y, 5, 1, 0.1, random_state=1)
    assert_array_equal(network.parameters, alone.parameters)


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.step(GOOD_X, GOOD_Y, 0.1),
        lambda net: net.apply(np.ones(net.n_parameters), 0.1),
        lambda net: net.set_parameters(np.zeros(net.n_parameters)),
    ],
    ids=["step", "apply", "set"],
)
def test_changes_while_another_thread_trains(change):
    """They are refused or they wait; they do not crash, and θ stays finite."""
    network, stop, answers = make(), threading.Event(), []
    X = np.random.default_rng(0).standard_normal((4000, 12))
    Y = np.random.default_rng(1).uniform(size=(4000, 3))

    def disturb():
        while not stop.is_set():
            try:
                change(network)
                answers.append("changed")
            except RuntimeError:
                answers.append("busy")

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        history = network.fit(X, Y, 10, 4, 0.1)
    finally:
        stop.set()
        thread.join()
    assert history.epochs == 10
    assert answers
    assert np.isfinite(network.parameters).all()


def test_threads_may_read_while_one_trains():
    """Predictions from other threads during a fit neither crash nor disturb it."""
    network, alone = make(), make()
    X = np.random.default_rng(0).standard_normal((400, 12))
    Y = np.random.default_rng(1).uniform(size=(400, 3))
    stop, failures = threading.Event(), []

    def read():
        while not stop.is_set():
            try:
                if not np.isfinite(network.predict(X)).all():
                    failures.append("not finite")
                network.cost(X, Y)
            except RuntimeError:
                pass  # busy is an answer
            except Exception as error:
                failures.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    network.fit(X, Y, 20, 16, 0.1, random_state=1)
    stop.set()
    for reader in readers:
        reader.join()
    assert failures == []
    alone.fit(X, Y, 20, 16, 0.1, random_state=1)
    assert_array_equal(network.parameters, alone.parameters)
