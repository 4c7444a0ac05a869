"""w^(1) that a network keeps transposed from one prediction of sparse rows to the next."""

import copy
import itertools
import threading

import numpy as np
import pytest
import scipy.sparse
from instruction_sets import LEVELS
from numpy.testing import assert_allclose, assert_array_equal
from tuned import tune
from zeros import TYPES

from bpcore import Network, Optimizer
from bpcore._core import products, transposed
from bpcore._core.engine import Evaluation
from bpcore._core.rows import Rows

N_IN = 2000


def texts(rng, n, entries=12, n_in=N_IN):
    """n rows of CSR, a dozen numbers of each not zero; the first one has none."""
    at = np.sort(rng.integers(n_in, size=(n - 1, entries)), axis=1)
    starts = np.concatenate([[0], np.arange(0, at.size + 1, entries)])
    X = scipy.sparse.csr_array((rng.normal(size=at.size), at.ravel(), starts), (n, n_in))
    X.sum_duplicates()
    return X


def made(width, dtype="float64", n_in=N_IN, **options):
    net = Network((n_in, width, 2), "tanh", "identity", dtype=dtype, random_state=0, **options)
    net.biases[0][:] = np.linspace(-1, 1, width)
    return net


def read_where_it_lies(net, X):
    """A prediction while somebody holds a view of θ."""
    view = net.parameters
    a = net.predict(X)
    assert not net._has_transposed()
    assert view.base is not None
    return a


@TYPES
@pytest.mark.parametrize("level", LEVELS)
def test_predictions_have_the_bits_of_those_without(level, dtype, rng):
    """Whole and part vectors of units, one strip and several; few and many rows, long ones."""
    products.set_isa(level)
    tune(sparse_keeping_share=0, sparse_transposing_rows=1e9, sparse_max_density=1.0)
    tune(sparse_min_rows=1)
    for width, n in itertools.product((1, 7, 16, 23, 33, 65, 129, 200), (1, 2, 17, 300)):
        net = made(width, dtype)
        X = texts(rng, max(n, 2))[-n:]
        expected = read_where_it_lies(net, X)
        assert_array_equal(net.predict(X), expected)
        assert net._has_transposed()
        assert_array_equal(net.predict(X), expected)
    net = made(24, dtype)
    long = texts(rng, 20, entries=1500)  # longer than any sum of whole rows
    expected = read_where_it_lies(net, long)
    assert_array_equal(net.predict(long), expected)
    assert net._has_transposed()


@TYPES
def test_many_rows_need_it_and_have_their_own_bits(dtype, rng):
    """With a copy that is kept, and with one made for them while somebody holds a view; and with
    the cost, in one pass."""
    net, X = made(24, dtype), texts(rng, 700)
    tune(sparse_transposing_rows=0)
    expected = read_where_it_lies(net, X)
    cost = Evaluation(net, Rows(X), Rows(expected))
    assert cost.cost() == 0
    assert_array_equal(cost.outputs, expected)
    assert_array_equal(net.predict(X), expected)
    assert net._has_transposed()
    assert_array_equal(net.predict(X), expected)
    few = net.predict(X[:9])  # by the same copy, in the other order of sums
    assert_array_equal(few, read_where_it_lies(net, X[:9]))


def test_rows_of_pixels_use_it_too(rng):
    X = rng.normal(size=(600, 784)) * (rng.uniform(size=(600, 784)) < 0.1)
    net = made(24, n_in=784)
    expected = read_where_it_lies(net, X)
    assert_array_equal(net.predict(X), expected)
    assert net._has_transposed()
    assert_array_equal(net.predict(X), expected)


def test_it_is_made_once_as_many_inputs_have_been_read(rng):
    net, X = made(24), texts(rng, 11)
    needed = -(-N_IN // X.nnz)
    for _ in range(needed):
        net.predict(X)
        assert not net._has_transposed()
    net.predict(X)
    assert net._has_transposed()
    net.parameters[0] += 1  # from the beginning
    for _ in range(needed):
        net.predict(X)
        assert not net._has_transposed()
    net.predict(X)
    assert net._has_transposed()


def test_for_any_number_of_threads(rng):
    tune(sparse_keeping_share=0, parallel_batch_operations=0, parallel_call_operations=0)
    X = texts(rng, 200)
    net = made(24, "float32", n_threads=1)
    expected = read_where_it_lies(net, X)
    for net.n_threads in (1, 2, 3, 8):
        assert_array_equal(net.predict(X), expected)
        assert net._has_transposed()


def set_all(net, rng):
    net.set_parameters(rng.normal(size=net.n_parameters))


def set_weights(net, rng):
    net.set_parameters(weights=[rng.normal(size=w.shape) for w in net.weights])


def write_to_parameters(net, rng):
    net.parameters[:] = rng.normal(size=net.n_parameters)


def write_to_weights(net, rng):
    net.weights[0][:, 5:] = 1.5


def write_to_a_view_of_a_view(net, rng):
    part = net.weights[0][3:5].T[::2]
    net.predict(texts(rng, 5))
    part[...] = 7


def apply(net, rng):
    X, Y = texts(rng, 30), rng.normal(size=(30, 2))
    net.apply(net.gradient(X, Y), 0.5)


def step_on_a_row(net, rng):
    net.step(rng.normal(size=N_IN), rng.normal(size=2), 0.5)


def step_on_a_row_with_adam(net, rng):
    net.step(
        rng.normal(size=N_IN), rng.normal(size=2), optimizer=Optimizer("adam", learning_rate=0.1)
    )


def step_on_texts(net, rng):
    net.step(texts(rng, 30), rng.normal(size=(30, 2)), 0.5)


def step_from_derivatives(net, rng):
    net.step(texts(rng, 30), dC_da=rng.normal(size=(30, 2)), learning_rate=0.5)


def fit(net, rng):
    net.fit(texts(rng, 300), rng.normal(size=(300, 2)), epochs=1, learning_rate=0.1)


def fit_on_whole_rows(net, rng):
    net.fit(rng.normal(size=(30, N_IN)), rng.normal(size=(30, 2)), epochs=1, optimizer="adam")


def fit_whose_callback_predicts(net, rng):
    X = texts(rng, 50)

    def look(net, history):
        if len(history.cost) == 1:
            net.predict(X)

    net.fit(X, rng.normal(size=(50, 2)), 3, 16, 0.1, callback=look)


def fit_that_goes_back(net, rng):
    """To the best θ of its epochs."""
    X, Y = texts(rng, 60), rng.normal(size=(60, 2))
    net.fit(X, Y, 6, 16, 5.0, validation_data=(X, -Y), patience=1)


def diverge(net, rng):
    with pytest.raises(FloatingPointError):
        net.fit(texts(rng, 30), rng.normal(size=(30, 2)), epochs=50, learning_rate=1e200)
    write_to_weights(net, rng)


def run_lbfgs(net, rng):
    net.fit(texts(rng, 30), rng.normal(size=(30, 2)), epochs=2, batch_size=None, optimizer="lbfgs")


DOORS = [
    set_all, set_weights, write_to_parameters, write_to_weights, write_to_a_view_of_a_view, apply,
    step_on_a_row, step_on_a_row_with_adam, step_on_texts, step_from_derivatives, fit,
    fit_on_whole_rows, fit_whose_callback_predicts, fit_that_goes_back, diverge, run_lbfgs,
]  # fmt: skip


def check_a_change(net, change, rng):
    X = texts(rng, 20)
    tune(sparse_keeping_share=0)
    before = net.predict(X)
    assert net._has_transposed()
    change(net, rng)
    assert not net._has_transposed()
    twin = copy.deepcopy(net)
    expected = read_where_it_lies(twin, X)
    assert not np.array_equal(expected, before)
    for _ in range(3):
        assert_array_equal(net.predict(X), expected)
    assert net._has_transposed()


@pytest.mark.parametrize("change", DOORS)
def test_no_change_of_the_parameters_is_missed(change, rng):
    check_a_change(made(24), change, rng)


def test_nor_is_one_by_levenberg_and_marquardt(rng):
    net = Network((300, 16, 2), "tanh", "identity", dtype="float64", random_state=0)
    X, Y = texts(rng, 40, n_in=300, entries=3), rng.normal(size=(40, 2))
    tune(sparse_keeping_share=0)
    net.predict(X)
    assert net._has_transposed()
    net.fit(X, Y, epochs=1, batch_size=None, optimizer="lm")
    assert_array_equal(net.predict(X), read_where_it_lies(copy.deepcopy(net), X))


def test_whoever_holds_a_view_may_write_at_any_time(monkeypatch, rng):
    """So no copy is made for a few rows, which would be of no use to the next ones."""
    tune(sparse_keeping_share=0)
    copies = []
    zeros = transposed.zeros
    monkeypatch.setattr(transposed, "zeros", lambda *given: copies.append(given) or zeros(*given))
    net, X = made(24), texts(rng, 20)
    w = net.weights[0]
    for value in (1.0, 2.0, 3.0):
        w[:] = value
        assert_allclose(net.predict(X), net.predict(X.toarray()), rtol=1e-12)
        assert not net._has_transposed()
    assert not copies
    del w
    net.predict(X)
    assert net._has_transposed()
    assert copies


def test_a_copy_that_was_made_while_somebody_held_a_view_is_not_kept(rng):
    net, X = made(24), texts(rng, 700)
    tune(sparse_transposing_rows=0)
    view = net.parameters
    net.predict(X)
    view *= 2
    del view
    assert not net._has_transposed()
    assert_array_equal(net.predict(X), copy.deepcopy(net).predict(X))


def test_a_view_may_be_closed_and_opened_again():
    theta = made(24).parameters
    theta.setflags(write=False)
    with pytest.raises(ValueError, match="read-only"):
        theta[0] = 1
    theta.setflags(write=True)
    theta[0] = 1


def test_a_loss_that_predicts_sees_the_parameters_of_now(rng):
    """In the middle of an epoch."""
    X, seen = texts(rng, 40), []

    def loss(a, y):
        seen.append((net.predict(X), net.predict(X.toarray())))
        return ((a - y) ** 2).sum(axis=1), 2 * (a - y)

    net = Network((N_IN, 24, 2), "tanh", "identity", loss=loss, dtype="float64", random_state=0)
    tune(sparse_keeping_share=0)
    net.predict(X)
    assert net._has_transposed()
    net.fit(X, rng.normal(size=(40, 2)), 2, 10, learning_rate=1.0)
    assert len(seen) >= 8
    for few, whole in seen:
        assert_allclose(few, whole, rtol=1e-10, atol=1e-14)
    assert not np.array_equal(seen[0][0], seen[-1][0])


@pytest.mark.parametrize(("n_in", "kept"), [(200_000, True), (300_000, False)])
def test_one_unit_has_no_copy_of_many_times_its_weights(n_in, kept, monkeypatch, rng):
    net, X = made(1, "float32", n_in), texts(rng, 30, n_in=n_in)
    tune(sparse_keeping_share=0)
    copies, zeros = [], transposed.zeros
    monkeypatch.setattr(transposed, "zeros", lambda *given: copies.append(given) or zeros(*given))
    assert_array_equal(net.predict(X), read_where_it_lies(net, X))
    net.predict(X)
    assert net._has_transposed() == bool(copies) == kept
    tune(sparse_transposing_rows=-1.0, sparse_in_place_density=-1.0, sparse_min_rows=1)
    assert_allclose(net.predict(X), read_where_it_lies(net, X))
    net.predict(X)
    assert net._has_transposed() == kept


def test_where_there_is_no_memory_for_it(monkeypatch, rng):
    net, X = made(24), texts(rng, 600)
    expected = read_where_it_lies(net, X[:20])

    def full(n, dtype):
        raise MemoryError("full")

    monkeypatch.setattr(transposed, "zeros", full)
    tune(sparse_keeping_share=0)
    assert_array_equal(net.predict(X[:20]), expected)
    assert not net._has_transposed()
    tune(sparse_transposing_rows=0)
    with pytest.raises(MemoryError, match="full"):
        net.predict(X)
    monkeypatch.undo()
    assert_allclose(net.predict(X)[:20], expected, rtol=1e-12)


def test_several_threads_predict_while_another_changes_the_parameters(rng):
    """What they see is one θ or the other, or some of each; in the end the last one."""
    tune(sparse_keeping_share=0)
    net, X = made(24), texts(rng, 50)
    thetas = [rng.normal(size=net.n_parameters) for _ in range(2)]
    end = threading.Event()

    def predict():
        while not end.is_set():
            net.predict(X)

    readers = [threading.Thread(target=predict) for _ in range(3)]
    for one in readers:
        one.start()
    try:
        for k in range(300):
            net.set_parameters(thetas[k % 2])
            net.predict(X)
    finally:
        end.set()
        for one in readers:
            one.join()
    assert_array_equal(net.predict(X), read_where_it_lies(copy.deepcopy(net), X))
    assert_array_equal(net.parameters, thetas[1])
