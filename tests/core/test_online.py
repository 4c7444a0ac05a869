"""A few plain rows take a short way: to the same bits as all other tables."""

import threading

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal
from tuned import share_always, untune

from bpcore import Network, scaled

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
COUNTS = (1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 65, 200, 255)
SHAPES = {
    "narrow": ((5, 7, 3), "sigmoid"),
    "recogniser": ((784, 16, 16, 10), "sigmoid"),
    "wide": ((60, 500, 501, 10), "relu"),
    "deep": ((3, *[9] * 8, 2), "silu"),
    "one layer": ((40, 20), "softmax"),
}
LOSSES = {
    "quadratic": "sigmoid",
    "binary_cross_entropy": "sigmoid",
    "categorical_cross_entropy": "softmax",
    "poisson": "exponential",
    "quantile": "identity",
}


def refuse_the_long_way(monkeypatch):
    def other_way(*_):
        raise AssertionError("the long way was taken")

    monkeypatch.setattr(Network, "_predict_checked", other_way)
    monkeypatch.setattr(Network, "_step_checked", other_way)


@pytest.fixture
def short_way_only(monkeypatch):
    refuse_the_long_way(monkeypatch)


def rows(network, n, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, network.layer_sizes[0])).astype(network.dtype)
    Y = rng.uniform(0.01, 0.99, (n, network.layer_sizes[-1])).astype(network.dtype)
    return X, Y


def the_long_way(table):
    """The same numbers, not contiguous."""
    return np.asfortranarray(table) if len(table) > 1 else table.astype("float64").tolist()


@TYPES
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", COUNTS)
def test_predictions_have_the_same_bits(n, shape, dtype):
    sizes, activation = SHAPES[shape]
    if activation == "softmax":
        network = Network(sizes, output_activation="softmax", random_state=0, dtype=dtype)
    else:
        network = Network(sizes, activation, random_state=0, dtype=dtype)
    X, _ = rows(network, n)
    expected = network.predict(the_long_way(X))
    assert_array_equal(network.predict(X), expected)
    out = np.full_like(expected, np.nan)
    assert network.predict(X, out=out) is out
    assert_array_equal(out, expected)
    share_always()  # where work is always shared, rows are not few
    try:
        network.n_threads = 3
        assert_array_equal(network.predict(X), expected)
    finally:
        untune()


@TYPES
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n", COUNTS)
def test_steps_have_the_same_bits(n, loss, dtype):
    short, long = (
        Network((11, 24, 5), "tanh", LOSSES[loss], loss=loss, random_state=0, dtype=dtype)
        for _ in range(2)
    )
    for seed in range(3):
        X, Y = rows(short, n, seed)
        cost = short.step(X, Y, 0.1)
        assert cost == long.step(the_long_way(X), Y, 0.1)
        assert_array_equal(short.parameters, long.parameters)


@TYPES
@pytest.mark.parametrize("n", [1, 20])
def test_what_is_few(short_way_only, n, dtype):
    network = Network((784, 16, 16, 10), random_state=0, dtype=dtype)
    X, Y = rows(network, n)
    for table in (X, X[0], X[:1]):
        network.predict(table)
    assert network.predict(X, out=np.empty((n, 10), dtype)).shape == (n, 10)
    network.step(X, Y, 0.1)
    network.step(X[0], Y[0], 0.1)
    for table in (X[:, ::-1], X.tolist(), X.astype(">f8"), np.zeros((0, 784), dtype)):
        with pytest.raises(AssertionError, match="the long way"):
            network.predict(table)
    with pytest.raises(AssertionError, match="the long way"):
        network.step(X, Y, 0.1, np.ones(n))


@TYPES
@pytest.mark.parametrize("n", [1, 5, 20])
def test_rows_of_the_other_float_type_are_rounded_on_the_short_way(n, dtype, monkeypatch):
    """What NumPy makes is float64, and a network is float32 if it is not told: the same bits as
    by the long way, and rows are not written to."""
    short, long = (Network((11, 24, 5), "tanh", random_state=0, dtype=dtype) for _ in range(2))
    other = "float64" if dtype == "float32" else "float32"
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((n, 11)).astype(other), rng.random((n, 5)).astype(other)
    kept = X.copy(), Y.copy()
    expected = long.predict(X.tolist())
    costs = [long.step(X.tolist(), Y.tolist(), 0.1) for _ in range(3)]
    refuse_the_long_way(monkeypatch)
    assert_array_equal(short.predict(X), expected)
    assert_array_equal(short.predict(X, out=np.empty((n, 5), dtype)), expected)
    assert [short.step(X, Y, 0.1) for _ in range(3)] == costs
    assert_array_equal(short.parameters, long.parameters)
    for array, before in zip((X, Y), kept, strict=True):
        assert_array_equal(array, before)


def test_rounding_hides_nothing_from_the_checks():
    network = Network((3, 4, 1), loss="binary_cross_entropy", random_state=0)
    theta = network.parameters.copy()
    X = np.zeros((2, 3))
    with pytest.raises(ValueError, match="Y holds numbers from"):
        network.step(X, np.array([[0.0], [1 + 1e-12]]), 0.1)
    X[1, 2] = 1e300
    with pytest.raises(ValueError, match=r"too large for float32 in .*row 1:"):
        network.predict(X)
    with pytest.raises(ValueError, match=r"too large for float32 in .*row 1:"):
        network.step(X, np.zeros((2, 1)), 0.1)
    assert_array_equal(network.parameters, theta)


def test_what_is_much(short_way_only):
    network = Network((784, 512, 512, 10), random_state=0)
    for n in (16, 255, 256):
        with pytest.raises(AssertionError, match="the long way"):
            network.predict(np.zeros((n, 784), "float32"))
    few = Network((784, 16, 16, 10), random_state=0)
    few.predict(np.zeros((255, 784), "float32"))
    with pytest.raises(AssertionError, match="the long way"):
        few.predict(np.zeros((256, 784), "float32"))
    with pytest.raises(AssertionError, match="the long way"):
        network.step(np.zeros((256, 784), "float32"), np.zeros((256, 10), "float32"), 0.1)


@TYPES
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("given", [False, True])
def test_a_number_that_is_none_is_found_in_any_row(given, bad, dtype):
    network = Network((30, 20, 4), "sigmoid", random_state=0, dtype=dtype)  # finite at infinity
    out = np.full((40, 4), 7, dtype) if given else None
    for row in (0, 17, 39):
        X, Y = rows(network, 40)
        X[row, 3] = bad
        with pytest.raises(ValueError, match=rf"X .* in row {row}:"):
            network.predict(X, out=out)
        theta = network.parameters.copy()
        with pytest.raises(ValueError, match=rf"X .* in row {row}:"):
            network.step(X, Y, 0.1)
        X[row, 3], Y[row, 2] = 0, bad
        with pytest.raises(ValueError, match=rf"Y .* in row {row}:"):
            network.step(X, Y, 0.1)
        assert_array_equal(network.parameters, theta)
    assert not given or (out == 7).all()


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "categorical_cross_entropy", "poisson"])
def test_targets_beyond_the_loss_are_found_in_any_row(loss):
    network = Network((6, 5, 4), "tanh", LOSSES[loss], loss=loss, random_state=0)
    theta = network.parameters.copy()
    for row in (0, 5, 11):
        X, Y = rows(network, 12)
        Y[row, 3] = -0.5
        with pytest.raises(ValueError, match=r"Y holds numbers from -0\.5 to"):
            network.step(X, Y, 0.1)
        Y[row, 3] = 1.5
        if loss == "binary_cross_entropy":
            with pytest.raises(ValueError, match=r"Y holds numbers from .* to 1\.5"):
                network.step(X, Y, 0.1)
    assert_array_equal(network.parameters, theta)


@TYPES
def test_sums_beyond_the_type_are_the_same_either_way(dtype):
    network = Network((3, 4, 2), "tanh", random_state=0, dtype=dtype)
    X = np.full((5, 3), np.finfo(dtype).max, dtype)
    X[:, 1] = -1
    with np.errstate(over="ignore", invalid="ignore"):
        expected = network.predict(the_long_way(X))
        assert_array_equal(network.predict(X), expected)
        assert_array_equal(network.predict(X, out=np.empty((5, 2), dtype)), expected)


def test_out_that_shares_memory_with_the_rows():
    network = Network((3, 4, 3), random_state=0)
    X, _ = rows(network, 40)
    kept = X.copy()
    for out in (X, X[::-1], X.reshape(-1)[:120].reshape(40, 3)):
        with pytest.raises(ValueError, match="out"):
            network.predict(X, out=out)
    buffer = np.zeros(243, "float32")
    inputs, behind = buffer[:120].reshape(40, 3), buffer[120:240].reshape(40, 3)
    inputs[:] = X
    assert_array_equal(network.predict(inputs, out=behind), network.predict(X))
    with pytest.raises(ValueError, match="shares memory"):
        network.predict(inputs, out=buffer[117:237].reshape(40, 3))
    assert_array_equal(X, kept)
    assert_array_equal(inputs, kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_out_that_is_the_only_row(dtype):
    """Its units are all there before an output is written, where there is a hidden layer."""
    x = np.arange(1, 4).astype(dtype)
    deep = Network((3, 4, 3), dtype=dtype, random_state=0)
    flat = Network((3, 3), "identity", dtype=dtype, random_state=0)
    expected = deep.predict(x)
    assert_array_equal(deep.predict(x, out=x), expected)
    buffer = np.arange(5).astype(dtype)
    for row, out in ((x, x), (x[None], x[None]), (buffer[:3], buffer[2:])):
        kept = row.copy()
        with pytest.raises(ValueError, match="shares memory"):
            flat.predict(row, out=out)
        assert_array_equal(row, kept)


def test_out_that_shares_memory_with_the_numbers_of_other_tables():
    network = Network((3, 3), "identity", random_state=0)
    numbers = np.ones(12, "float32")
    sparse = scipy.sparse.csr_array(np.eye(4, 3, dtype="float32") + 1)
    sparse.data = numbers
    with pytest.raises(ValueError, match="shares memory"):
        network.predict(sparse, out=numbers.reshape(4, 3))
    pixels = np.ones((4, 12), np.uint8)
    with pytest.raises(ValueError, match="shares memory"):
        network.predict(scaled(pixels[:, :3]), out=pixels.view("float32"))


@pytest.mark.parametrize("n", [1, 9])
def test_a_step_leaves_no_unit_out(n):
    """Dropout is for `fit`; both ways go down the slope that `gradient` finds."""
    network, plain, long = (
        Network((4, 30, 2), "tanh", random_state=0, dtype="float64", dropout=dropout)
        for dropout in (0.5, 0.0, 0.5)
    )
    X, Y = rows(network, n)
    slope = network.gradient(X, Y).vector
    expected = network.parameters - 0.1 * slope
    for net, table in ((network, X), (plain, X), (long, the_long_way(X))):
        net.step(table, Y, 0.1)
        np.testing.assert_allclose(net.parameters, expected, rtol=1e-13, atol=1e-15)


def test_rows_that_do_not_match():
    network = Network((3, 4, 3), random_state=0)
    X, Y = rows(network, 6)
    for targets in (Y[:5], Y[0], Y[:, :2]):
        with pytest.raises(ValueError, match="Y"):
            network.step(X, np.ascontiguousarray(targets), 0.1)
    with pytest.raises(ValueError, match="features"):
        network.predict(np.ascontiguousarray(X[:, :2]))
    for out in (np.empty((5, 3), "float32"), np.empty((6, 3)), np.empty((3, 6), "float32").T):
        with pytest.raises(ValueError, match="out"):
            network.predict(X, out=out)


@pytest.mark.parametrize("rate", [-0.1, np.nan, np.inf, "1", None, 10**400])
def test_wrong_rates(rate):
    network = Network((3, 4, 3), random_state=0)
    theta = network.parameters.copy()
    for n in (1, 6):
        with pytest.raises((ValueError, TypeError), match="learning_rate"):
            network.step(*rows(network, n), rate)
    assert_array_equal(network.parameters, theta)


@pytest.mark.parametrize("rate", [1, np.float32(1.0), np.float64(1.0), np.int8(1)])
def test_rates_of_other_types(rate):
    network, other = (Network((3, 4, 3), random_state=0) for _ in range(2))
    X, Y = rows(network, 6)
    assert network.step(X, Y, rate) == other.step(X, Y, 1.0)
    assert_array_equal(network.parameters, other.parameters)


@TYPES
@pytest.mark.parametrize("n", [1, 9])
def test_an_infinite_cost_changes_nothing(n, dtype):
    network = Network((2, 3, 1), "identity", dtype=dtype, random_state=0)
    large = 1e30 if dtype == "float32" else 1e200
    network.weights[0][:] = large
    theta = network.parameters.copy()
    X = np.full((n, 2), large, dtype)
    with pytest.raises(FloatingPointError, match="learning_rate"):
        network.step(X, np.zeros((n, 1), dtype), 0.1)
    assert_array_equal(network.parameters, theta)


def test_batches_of_changing_size():
    """The buffers of a step are made anew where another number of rows comes."""
    network, other = (Network((8, 12, 3), "tanh", random_state=0) for _ in range(2))
    for n in (4, 30, 4, 1, 200, 3, 3):
        X, Y = rows(network, n, n)
        assert network.step(X, Y, 0.2) == other.step(the_long_way(X), Y, 0.2)
    assert_array_equal(network.parameters, other.parameters)


def test_many_threads_predict_a_few_rows():
    network = Network((784, 100, 10), random_state=0)  # from two rows on without the lock
    X, _ = rows(network, 30)
    expected = network.predict(X)
    wrong = []

    def work():
        for _ in range(200):
            if not np.array_equal(network.predict(X), expected):
                wrong.append(threading.get_ident())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
