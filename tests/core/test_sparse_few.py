"""Predictions of a few rows of a CSR matrix that is nearly empty read w^(1) where it lies."""

import itertools

import numpy as np
import pytest
import scipy.sparse
from instruction_sets import LEVELS
from numpy.testing import assert_allclose, assert_array_equal
from tuned import tune
from zeros import TYPES, close

from bpcore import Network
from bpcore._core import products


def texts(rng, n, n_in=3000, most=12):
    """A few words of many in each row; the first row has none, the second the last one."""
    X = np.zeros((n, n_in))
    for row in X[1:]:
        row[rng.choice(n_in, rng.integers(0, most), replace=False)] = rng.normal(size=1)
    if n > 1:
        X[1, -1] = 2.0
    return X


@TYPES
@pytest.mark.parametrize("n", [1, 2, 31, 129, 200])
@pytest.mark.parametrize("width", [1, 5, 16, 17, 23, 40])
def test_they_are_those_of_whole_rows(width, n, dtype, rng):
    X = texts(rng, n)
    net = Network((3000, width, 2), "tanh", "identity", dtype=dtype, random_state=0)
    csr = scipy.sparse.csr_array(X)
    for table in (csr, csr.astype(np.float32).astype(np.float64), scipy.sparse.csr_matrix(csr)):
        assert_allclose(net.predict(table), net.predict(table.toarray()), **close(dtype))
    Y = rng.normal(size=(n, 2))
    assert net.cost(csr, Y) == pytest.approx(net.cost(X, Y), rel=1e-5)


@TYPES
@pytest.mark.parametrize("level", LEVELS)
def test_sums_that_need_no_rounding_are_exact(level, dtype, rng):
    """Whole and part vectors of units and columns; entries alone in a square of w^(1) or not."""
    products.set_isa(level)
    tune(sparse_min_units=1, sparse_transposing_rows=1e9, sparse_max_density=1.0)
    for n_in, n_out, n in itertools.product((64, 67, 79), (1, 7, 16, 30, 33, 65), (1, 9, 300)):
        net = Network((n_in, n_out), "identity", loss="quadratic", dtype=dtype)
        net.weights[0][:], net.biases[0][:] = (
            rng.integers(-3, 4, shape) for shape in ((n_out, n_in), n_out)
        )
        X = rng.integers(-3, 4, (n, n_in)) * rng.binomial(1, rng.choice([0.05, 0.6], (n, 1)))
        expected = X @ net.weights[0].T + net.biases[0]
        assert_array_equal(net.predict(scipy.sparse.csr_array(X.astype(float))), expected)


@TYPES
def test_they_are_those_with_transposed_weights(dtype, rng):
    """But for rounding; and a table that is not so empty, or none of CSR, is not read that way."""
    X = scipy.sparse.csr_array(texts(rng, 300))
    net = Network((3000, 3, 2), "tanh", "identity", dtype=dtype, random_state=0)
    tune(sparse_min_units=1)
    few = net.predict(X)
    tune(sparse_transposing_rows=-1.0)
    many = net.predict(X)
    assert_allclose(few, many, **close(dtype))
    assert not np.array_equal(few, many)  # sums of several chains: another way was taken
    tune(sparse_transposing_rows=1e9, sparse_max_density=-1.0)
    assert_array_equal(net.predict(X), net.predict(X.toarray()))


@TYPES
def test_a_row_with_more_entries_than_columns(dtype, rng):
    """They are given twice, and added; such a row is read another way, and with it the others."""
    counts = np.where(np.arange(200) == 7, 450, 5)
    columns = np.concatenate([np.sort(rng.integers(400, size=count)) for count in counts])
    starts = np.concatenate([[0], np.cumsum(counts)])
    X = scipy.sparse.csr_array((rng.normal(size=columns.size), columns, starts), (200, 400))
    net = Network((400, 16, 2), "tanh", "identity", dtype=dtype, random_state=0)
    assert_allclose(net.predict(X), net.predict(X.toarray()), **close(dtype))


@TYPES
def test_rows_that_are_nearly_empty_and_too_few_to_transpose_weights_for(dtype, rng):
    X = rng.normal(size=(200, 784)) * (rng.uniform(size=(200, 784)) < 0.05)
    net = Network((784, 16, 2), "tanh", "identity", dtype=dtype, random_state=0)
    few, dense = net.predict(scipy.sparse.csr_array(X)), net.predict(X)
    assert_allclose(few, dense, **close(dtype))
    assert not np.array_equal(few, dense)
    full = X.copy()
    full[7, :600] = 1.0  # a sum of its own may not become so long: it would round worse
    assert_array_equal(net.predict(scipy.sparse.csr_array(full)), net.predict(full))
    tune(sparse_in_place_density=-1.0)
    assert_array_equal(net.predict(scipy.sparse.csr_array(X)), dense)


@TYPES
def test_for_any_number_of_threads(dtype, rng):
    X = scipy.sparse.csr_array(texts(rng, 200))
    net = Network((3000, 24, 2), "tanh", "identity", dtype=dtype, random_state=0)
    net.n_threads = 1
    expected = net.predict(X)
    tune(parallel_batch_operations=0, parallel_call_operations=0, prediction_max_rows=32)
    for n in (1, 2, 3, 8):
        net.n_threads = n
        assert_array_equal(net.predict(X), expected)


@TYPES
@pytest.mark.parametrize("n", [60, 100, 130, 200, 500])
def test_for_any_number_of_threads_whose_rows_would_choose_other_loops(n, dtype, rng):
    """Which loop the second layer takes is chosen by all rows, not by those of a thread."""
    X = scipy.sparse.random_array((n, 5000), density=0.004, rng=rng, format="csr")
    net = Network((5000, 64, 200, 2), "relu", "identity", dtype=dtype, random_state=0, n_threads=1)
    expected = net.predict(X)
    tune(parallel_batch_operations=0, parallel_call_operations=0)
    for net.n_threads in (1, 2, 3, 8):
        assert_array_equal(net.predict(X), expected)


def test_more_rows_than_are_compressed_at_once(rng):
    X = scipy.sparse.csr_array(texts(rng, 1200, n_in=300))
    net = Network((300, 24, 2), "tanh", "identity", dtype="float64", random_state=0)
    tune(sparse_transposing_rows=1e9, tasks_per_phase=1, prediction_max_rows=2000)
    tune(prediction_bytes=1e9)
    Y = rng.normal(size=(1200, 2))
    fewer = scipy.sparse.csr_array(texts(rng, 1200, n_in=300, most=2))  # not worth to be sorted
    assert fewer.nnz < 1200
    for table in (X, fewer):
        dense = table.toarray()
        assert_allclose(net.predict(table), net.predict(dense), rtol=1e-12, atol=1e-15)
        assert net.cost(table, Y) == pytest.approx(net.cost(dense, Y), rel=1e-12)


def test_entries_in_any_order_and_given_twice(rng):
    X = scipy.sparse.csr_array(texts(rng, 40))
    net = Network((3000, 24, 2), "tanh", "identity", dtype="float64", random_state=0)
    expected = net.predict(X)
    turned = X.copy()
    for k in range(40):
        row = slice(turned.indptr[k], turned.indptr[k + 1])
        turned.indices[row] = turned.indices[row][::-1].copy()
        turned.data[row] = turned.data[row][::-1].copy()
    turned.has_sorted_indices = False
    assert_allclose(net.predict(turned), expected, rtol=1e-12)
    twice = (np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), 2 * X.indptr)
    assert_allclose(net.predict(scipy.sparse.csr_array(twice, X.shape)), expected, rtol=1e-12)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_number_that_is_none_is_found(bad, rng):
    X = texts(rng, 20)
    X[17, 5] = bad
    net = Network((3000, 24, 2), "sigmoid", random_state=0)
    with pytest.raises(ValueError, match=r"X .* row 17:"):
        net.predict(scipy.sparse.csr_array(X))


@TYPES
@pytest.mark.parametrize("width", [16, 17, 24, 31])
def test_rows_at_once_have_the_bits_of_each_alone(width, dtype, rng):
    """Many entries go through w^(1) in the order of their columns, those of one row in theirs."""
    dense = texts(rng, 260, most=40)
    net = Network((3000, width), "tanh", "identity", dtype=dtype, random_state=0)
    for index_type in (np.int32, np.int64):
        X = scipy.sparse.csr_array(dense)
        X.indices, X.indptr = X.indices.astype(index_type), X.indptr.astype(index_type)
        assert X.nnz > 4000
        together = net.predict(X)
        assert_array_equal(together, np.vstack([net.predict(X[[k]]) for k in range(260)]))
        assert_allclose(together, net.predict(dense), **close(dtype))
        Y = rng.normal(size=(260, width))
        assert net.cost(X, Y) == pytest.approx(net.cost(dense, Y), rel=1e-5)


def test_many_entries_that_are_given_twice_or_do_not_rise(rng):
    dense = texts(rng, 200, most=40)
    net = Network((3000, 24), "tanh", "identity", dtype="float64", random_state=0)
    X = scipy.sparse.csr_array(dense)
    twice = scipy.sparse.csr_array(
        (np.repeat(X.data / 2, 2), np.repeat(X.indices, 2), X.indptr * 2), shape=X.shape
    )
    twice.has_sorted_indices = True
    assert_allclose(net.predict(twice), net.predict(dense), rtol=1e-12, atol=1e-15)
    turned = scipy.sparse.csr_array(
        (X.data[::-1].copy(), X.indices[::-1].copy(), X.nnz - X.indptr[::-1]), shape=X.shape
    )
    assert not turned.has_sorted_indices
    assert_allclose(net.predict(turned), net.predict(dense[::-1]), rtol=1e-12, atol=1e-15)


FITS = {
    "plain descent": {"optimizer": "sgd", "learning_rate": 0.1},
    "decay": {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.1, "l2": 0.01},
    "decay alone": {"optimizer": "sgd", "learning_rate": 0.1, "weight_decay": 0.1},
    "adam": {"optimizer": "adam", "learning_rate": 0.01, "l1": 1e-3},
    "clipped": {"optimizer": "adam", "learning_rate": 0.01, "clip_norm": 0.1},
    "batches": {"optimizer": "adam", "learning_rate": 0.01, "batch_size": 7},
}


@TYPES
@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize(("n", "width"), [(1, 19), (9, 19), (120, 19), (200, 19), (300, 3)])
def test_a_few_rows_train_as_whole_rows_do(n, width, name, dtype, rng):
    """w^(1) is written to where it lies as well: to the bits of whole rows but for rounding."""
    X = texts(rng, n, most=30)
    Y, weights = rng.normal(size=(n, 2)), rng.uniform(0, 2, n) * (rng.uniform(size=n) > 0.2) + 1e-9
    given = {"epochs": 3, "batch_size": n, "sample_weight": weights, **FITS[name]}
    nets = [
        Network((3000, width, 2), "tanh", "identity", dtype=dtype, random_state=0) for _ in range(2)
    ]
    costs = [
        net.fit(table, Y, random_state=1, **given).cost
        for net, table in zip(nets, (scipy.sparse.csr_array(X), X), strict=True)
    ]
    assert_allclose(*costs, rtol=1e-5 if dtype == "float32" else 1e-11)
    within = {"rtol": 1e-3, "atol": 1e-4} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}
    assert_allclose(nets[0].parameters, nets[1].parameters, **within)


@TYPES
def test_their_gradient_is_that_of_whole_rows(dtype, rng):
    X = texts(rng, 90, most=30)
    Y = rng.normal(size=(90, 2))
    net = Network((3000, 19, 2), "tanh", "identity", dtype=dtype, random_state=0)
    few = net.gradient(scipy.sparse.csr_array(X), Y)
    assert_allclose(few.vector, net.gradient(X, Y).vector, **close(dtype))
    tune(sparse_transposing_rows=-1.0)
    whole = net.gradient(scipy.sparse.csr_array(X), Y)
    assert_allclose(few.vector, whole.vector, **close(dtype))
    assert not np.array_equal(few.vector, whole.vector)  # another way was taken


def test_they_train_to_the_same_bits_for_any_number_of_threads(rng):
    X = scipy.sparse.csr_array(texts(rng, 200, most=30))
    Y = rng.normal(size=(200, 2))
    tune(parallel_batch_operations=0, parallel_call_operations=0)
    ends = []
    for n_threads in (1, 2, 3, 8):
        net = Network((3000, 40, 2), "tanh", "identity", random_state=0, n_threads=n_threads)
        net.fit(X, Y, epochs=3, batch_size=150, optimizer="adam", random_state=0)
        ends.append(net.parameters.copy())
    for other in ends[1:]:
        assert_array_equal(other, ends[0])


def trained(X, width, dtype, batch_size=150):
    net = Network((X.shape[1], width, 2), "tanh", "identity", dtype=dtype, random_state=0)
    Y = np.random.default_rng(0).normal(size=(X.shape[0], 2))
    net.fit(X, Y, 2, batch_size, learning_rate=0.1, random_state=0)
    return net.parameters


@TYPES
@pytest.mark.parametrize(
    ("width", "density", "batch_size", "in_place"),
    [
        (20, 0.005, 190, True),  # a batch has few numbers that are not zero
        (20, 0.005, 210, False),
        (4, 0.015, 600, True),  # one vector of units, half of it empty at least
        (9, 0.015, 600, False),
        (20, 0.025, 30, False),  # not so few of each row
    ],
)
def test_which_batches_learn_where_the_weights_lie(
    width, density, batch_size, in_place, dtype, rng
):
    X = scipy.sparse.random_array((1000, 800), density=density, rng=rng, format="csr")
    usual = trained(X, width, dtype, batch_size).copy()
    tune(sparse_few_a_batch=np.inf)
    alike = np.array_equal(usual, trained(X, width, dtype, batch_size))
    assert alike == (in_place or density > 0.02)
    tune(sparse_few_a_batch=-1.0, sparse_transposing_rows=-1.0)
    same = np.array_equal(usual, trained(X, width, dtype, batch_size))
    assert same == (not in_place or width == 4)
    tune(sparse_max_density=-1.0)
    assert not np.array_equal(usual, trained(X, width, dtype, batch_size))


@pytest.mark.parametrize("density", [0.018, 0.022])
def test_few_units_take_rows_of_very_few_inputs_only(density, rng):
    """Others are spread out: then products of whole rows are faster."""
    X = scipy.sparse.random_array((400, 800), density=density, rng=rng, format="csr")
    net = Network((800, 7, 2), "tanh", "identity", dtype="float64", random_state=0)
    spread_out = np.array_equal(trained(X, 7, "float64"), trained(X.toarray(), 7, "float64"))
    assert spread_out == (density > 0.02)
    assert np.array_equal(net.predict(X), net.predict(X.toarray())) == spread_out
