"""A first layer that passes by zeros is the one that does not, but for rounding."""

import itertools
import signal
import sys

import numpy as np
import pytest
import scipy.sparse
from formulas import ReferenceOptimizer
from instruction_sets import LEVELS, WITH_PAGES, at_the_end
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference

from bpcore import DivergenceError, MLPClassifier, Network, _blas, _engine, scaled
from bpcore._data import Rows
from bpcore._optimizers import Optimizer

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


class Stop(Exception):
    """What ends a fit before its time."""


@pytest.fixture(autouse=True)
def sparse():
    """Every table passes for a sparse one; `_engine.sparse_from(-1, 1)` for none."""
    before = _engine.sparse_from(1.0, 1)
    yield
    _engine.sparse_from(*before)
    _blas.choose_products()


def close(dtype):
    return {"rtol": 1e-10, "atol": 1e-12} if dtype == "float64" else {"rtol": 2e-4, "atol": 2e-5}


def blank(rng, n, m, density=0.2):
    """n rows of m numbers, most of them zero, one row wholly; each fits in float32."""
    X = rng.standard_normal((n, m)) * (rng.random((n, m)) < density)
    X[n // 2] = 0
    return X.astype(np.float32).astype(float)


def whole_numbers(rng, shape, most=3):
    return rng.integers(-most, most + 1, shape).astype(float)


@TYPES
@pytest.mark.parametrize("level", LEVELS)
def test_sums_that_need_no_rounding_are_exact(level, dtype, rng):
    """With small whole numbers every order of the additions gives the same bits."""
    _blas.choose_products(level)
    shapes = itertools.product((64, 67, 79, 80, 2000), (16, 17, 30, 65, 150, 301), (1, 9))
    for n_in, n_out, n in shapes:
        network = Network((n_in, n_out), "identity", loss="quadratic", dtype=dtype)
        network.weights[0][:] = whole_numbers(rng, (n_out, n_in))
        network.biases[0][:] = whole_numbers(rng, n_out)
        X = whole_numbers(rng, (n, n_in)) * (rng.random((n, n_in)) < 0.4)
        Y = whole_numbers(rng, (n, n_out))
        a = X @ network.weights[0].T.astype(float) + network.biases[0]
        assert_array_equal(network.predict(X), a)
        g = network.gradient(X, Y)
        dw, db = 2 * (a - Y).T @ X / n, 2 * (a - Y).sum(0) / n
        if n == 1:
            assert_array_equal(g.weights[0], dw)
            assert_array_equal(g.biases[0], db)
        expected = network.weights[0] - 0.25 * dw, network.biases[0] - 0.25 * db
        network.fit(X, Y, 1, None, 0.25)
        for found, want in zip((network.weights[0], network.biases[0]), expected, strict=True):
            assert_allclose(found, want, rtol=8 * np.finfo(dtype).eps, atol=1e-3 * (n > 1))


RULES = [
    {},
    {"l2": 0.3, "l1": 0.1},
    {"weight_decay": 0.2},
    {"clip_norm": 0.05},
    {"clip_norm": 0.05, "l2": 0.3},
]
# a large ε: a quotient of two numbers near zero would make much of their rounding
OPTIMIZERS = [
    ("sgd", {}), ("sgd", {"momentum": 0.9, "nesterov": True}), ("irprop-", {}),
    *((name, {"epsilon": 0.01}) for name in ("adam", "rmsprop", "adagrad", "nadam")),
]  # fmt: skip


@TYPES
@pytest.mark.parametrize("width", [16, 19], ids=["in place", "with gaps"])
@pytest.mark.parametrize("rules", RULES, ids=str)
@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_epochs_are_the_references(optimizer, rules, width, dtype, rng):
    """Parameters, cost, and afterwards what the optimizer remembers, in the order of θ."""
    name, options = optimizer
    reference = Reference.random((70, width, 5), ["tanh", "sigmoid"], "quadratic", scale=0.2)
    network = reference.network(dtype)
    X, Y = blank(rng, 60, 70), rng.random((60, 5)).astype(np.float32).astype(float)
    s = rng.integers(0, 3, 60) / 2.0
    ours = Optimizer(name, network.n_parameters, dtype, 0.01, **options)
    theirs = ReferenceOptimizer(name, reference.theta.size, 0.01, **options)
    for _ in range(3):
        history = network.fit(X, Y, 1, 16, optimizer=ours, shuffle=False, sample_weight=s, **rules)
        cost = sum(reference.epoch(X, Y, theirs, batch_size=16, sample_weight=s, **rules))
        assert_allclose(history.cost, [cost], **close(dtype))
        assert_allclose(network.parameters, reference.theta, **close(dtype))
    dense = reference.network(dtype)
    other = Optimizer(name, network.n_parameters, dtype, 0.01, **options)
    _engine.sparse_from(-1, 1)
    dense.parameters[:] = Reference.random(
        (70, width, 5), ["tanh", "sigmoid"], "quadratic", scale=0.2
    ).theta
    for _ in range(3):
        dense.fit(X, Y, 1, 16, optimizer=other, shuffle=False, sample_weight=s, **rules)
    for mine, kept in zip(ours.slots, other.slots, strict=True):
        assert np.any(kept != 0)
        assert_allclose(mine, kept, **close(dtype))


def tables(X):
    """The same numbers as every kind of table."""
    wide = np.full((len(X), 2 * X.shape[1]), np.nan)
    wide[:, ::2] = X
    csr = scipy.sparse.csr_array(X)
    yield "rows", X.copy()
    yield "float32", X.astype(np.float32)
    yield "apart", wide[:, ::2]
    yield "backwards", X[::-1].copy()[::-1]
    yield "columns", np.asfortranarray(X)
    yield "csr", csr
    yield "csr of float32", csr.astype(np.float32)
    far = csr.copy()
    far.indices, far.indptr = far.indices.astype(np.int64), far.indptr.astype(np.int64)
    yield "csr, wide indices", far
    turned = csr.copy()
    for k in range(len(X)):
        row = slice(turned.indptr[k], turned.indptr[k + 1])
        turned.indices[row] = turned.indices[row][::-1].copy()
        turned.data[row] = turned.data[row][::-1].copy()
    turned.has_sorted_indices = False
    yield "csr, unsorted", turned
    twice = np.repeat(csr.indices, 2)
    halves = np.repeat(csr.data / 2, 2)
    yield "csr, twice", scipy.sparse.csr_array((halves, twice, 2 * csr.indptr), X.shape)


@TYPES
@pytest.mark.parametrize(
    ("n_in", "width", "optimizer"),
    [(68, 16, "sgd"), (700, 100, ("adam", {"epsilon": 0.01}))],
    ids=["straight into the weights", "several pieces"],
)
def test_every_kind_of_table(n_in, width, optimizer, dtype, rng):
    X, Y = blank(rng, 90, n_in, 0.3), rng.random((90, 3))

    def learn(table, shuffle=True):
        network = Network((n_in, width, 3), "tanh", dtype=dtype, random_state=0)
        network.fit(table, Y, 3, 20, 0.01, optimizer=optimizer, shuffle=shuffle, random_state=1)
        gradient = network.gradient(table, Y).vector
        return network.parameters, network.predict(table), gradient, network.cost(table, Y)

    for shuffle in (True, False):
        _engine.sparse_from(-1, 1)
        whole = learn(X, shuffle)
        _engine.sparse_from(1.0, 1)
        ours = learn(X, shuffle)
        for a, b in zip(ours, whole, strict=True):
            assert_allclose(a, b, **close(dtype))
        for kind, table in tables(X):
            for a, b in zip(learn(table, shuffle), ours, strict=True):
                assert_allclose(a, b, err_msg=kind, **close(dtype))
                if "twice" not in kind:  # x w + x w is rounded otherwise than (2 x) w
                    assert_array_equal(a, b, err_msg=kind)


def test_a_row_may_have_more_entries_than_columns(rng):
    X, Y = blank(rng, 30, 64), rng.random((30, 3))
    X[3] = rng.standard_normal(64)
    csr = scipy.sparse.csr_array(X)
    entries = np.repeat(csr.data / 2, 2), np.repeat(csr.indices, 2), 2 * csr.indptr
    networks = [Network((64, 19, 3), dtype="float64", random_state=0) for _ in range(2)]
    for network, table in zip(networks, (X, scipy.sparse.csr_array(entries, X.shape)), strict=True):
        network.fit(table, Y, 2, 8, 0.1, random_state=1)
    assert_allclose(*(network.parameters for network in networks), rtol=1e-12)


@TYPES
def test_bytes_are_divided_first(dtype, rng):
    images = rng.integers(0, 256, (80, 100), np.uint8) * (rng.random((80, 100)) < 0.2)
    Y = rng.random((80, 4))
    networks = [Network((100, 19, 4), "tanh", dtype=dtype, random_state=0) for _ in range(2)]
    divided = (images / 255).astype(dtype) if dtype == "float64" else images / np.float32(255)
    for network, X in zip(networks, (scaled(images.astype(np.uint8)), divided), strict=True):
        network.fit(X, Y, 2, 16, 0.1, random_state=3)
    assert_array_equal(networks[0].parameters, networks[1].parameters)


@TYPES
@pytest.mark.parametrize("width", [16, 100])
def test_bitwise_the_same_for_any_number_of_threads(width, dtype, rng):
    X, Y = blank(rng, 500, 130), rng.random((500, 3))
    before = _engine.share_from(0.0, 0.0)

    def everything(n_threads, rules):
        network = Network((130, width, 3), "tanh", dtype=dtype, random_state=0, n_threads=n_threads)
        history = network.fit(X, Y, 2, 150, 0.01, optimizer="adam", **rules)
        gradient = network.gradient(X, Y).vector
        return [network.parameters, history.cost, network.predict(X), network.cost(X, Y), gradient]

    try:
        for rules in ({}, {"clip_norm": 0.1}):
            one = everything(1, rules)
            for n_threads in (2, 3, 4, 8):
                for a, b in zip(everything(n_threads, rules), one, strict=True):
                    assert_array_equal(a, b)
    finally:
        _engine.share_from(*before)


@TYPES
def test_more_rows_than_a_pass(dtype, rng):
    """A batch of several passes, whose gradient is added up as a whole."""
    X, Y = blank(rng, 4600, 64, 0.1), rng.random((4600, 2)).astype(np.float32).astype(float)
    reference = Reference.random((64, 19, 2), ["tanh", "identity"], "quadratic", scale=0.2)
    network, rule = reference.network(dtype), ReferenceOptimizer("adam", reference.theta.size, 0.01)
    gradient = network.gradient(X, Y)
    assert_allclose(gradient.vector, reference.gradient(X, Y).vector, **close(dtype))
    network.fit(X, Y, 1, None, 0.01, optimizer="adam")
    reference.epoch(X, Y, rule)
    assert_allclose(network.parameters, reference.theta, **close(dtype))
    assert_allclose(network.predict(X), reference.predict(X), **close(dtype))
    assert_allclose(network.cost(X, Y), reference.cost(X, Y), **close(dtype))


@TYPES
def test_gradients_of_single_rows_add_up_to_the_whole(dtype, rng):
    X, Y = blank(rng, 40, 64), rng.random((40, 3))
    network = Network((64, 19, 3), "tanh", dtype=dtype, random_state=0)
    single, whole = network.per_sample_gradients(X, Y), network.gradient(X, Y).vector
    assert_allclose(single.mean(axis=0), whole, **close(dtype))
    _engine.sparse_from(-1, 1)
    assert_array_equal(single, network.per_sample_gradients(X, Y))


@TYPES
def test_dropout_leaves_out_the_same_units(dtype, rng):
    X, Y = blank(rng, 200, 64), rng.random((200, 3))
    found = []
    for density in (-1, 1.0):
        _engine.sparse_from(density, 1)
        network = Network((64, 40, 3), "tanh", dtype=dtype, random_state=0, dropout=0.5)
        network.fit(X, Y, 3, 32, 0.1, random_state=5)
        found.append(network.parameters)
    assert_allclose(*found, **close(dtype))


@TYPES
def test_without_a_hidden_layer_and_without_anything(dtype, rng):
    """The first layer may be the last; tables may be empty of numbers."""
    Y = np.eye(16)[rng.integers(0, 16, 50)]
    for X in (blank(rng, 50, 64), np.zeros((50, 64))):
        found = []
        for density in (-1, 1.0):
            _engine.sparse_from(density, 1)
            network = Network((64, 16), output_activation="softmax", dtype=dtype, random_state=0)
            network.fit(X, Y, 3, 16, 0.1, random_state=5)
            found.append((network.parameters, network.predict(X)))
        for a, b in zip(*found, strict=True):
            assert_allclose(a, b, **close(dtype))


def test_which_tables_are_sparse(rng):
    """Up to a quarter of the numbers not zero, 256 rows or more of at least 64 numbers, at least 16
    units."""
    _engine.sparse_from(0.25, 256)

    for n, n_in, n_out, density, expected in [
        (256, 64, 16, 0.25, True),
        (255, 64, 16, 0.25, False),
        (256, 63, 16, 0.25, False),
        (256, 64, 15, 0.25, False),
        (256, 64, 16, 0.28, False),
    ]:
        X = np.zeros((n, n_in))
        X[:, : round(density * n_in)] = rng.random((n, round(density * n_in))) + 0.5
        network = Network((n_in, n_out), "identity", loss="quadratic", dtype="float64")
        network.weights[0][:, -1] = np.inf  # times zero: NaN, unless it is passed by
        wide = np.ones((n, 2 * n_in))
        wide[:, ::2] = X
        for table in (X, wide[:, ::2]):
            out = np.empty((n, n_out))
            finite = network._predict_into(Rows(table), out)
            assert finite is expected, (n, n_in, n_out, density)
            assert np.isfinite(out).all() == expected


@TYPES
@pytest.mark.parametrize("level", LEVELS)
def test_what_is_not_finite_is_found(level, dtype, rng):
    _blas.choose_products(level)
    X = blank(rng, 300, 64)
    network = Network((64, 19, 3), "tanh", dtype=dtype, random_state=0)
    for bad in (np.nan, np.inf, -np.inf):
        broken = X.copy()
        broken[200, 63] = bad
        with pytest.raises(ValueError, match=r"row 200|NaN|infinity"):
            network.predict(broken)


def test_divergence_keeps_the_parameters_of_the_epoch_before(rng):
    X, Y = 1e3 * blank(rng, 300, 64), rng.random((300, 3))
    network = Network((64, 19, 3), "identity", loss="quadratic", dtype="float32", random_state=0)
    before = network.parameters.copy()
    with pytest.raises(DivergenceError, match="epoch 1"):
        network.fit(X, Y, 3, 8, 1e9, optimizer=("sgd", {"momentum": 0.9}))
    assert_array_equal(network.parameters, before)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no timers that send signals")
@pytest.mark.parametrize("width", [200, 208])
def test_an_interrupted_epoch_leaves_everything_in_its_place(width, rng):
    """Stopped between two batches, w^(1) and the slots are turned back: with η = 0 they are what
    they were, and the gradient's mean grows from the same side as in a whole epoch."""
    X, Y = blank(rng, 60_000, 64), rng.random((60_000, 3))
    network = Network((64, width, 3), "tanh", dtype="float32", random_state=0, n_threads=1)
    before = network.parameters.copy()
    optimizer = Optimizer("adam", network.n_parameters, "float32", 0.0, beta_1=0.0, beta_2=0.0)
    network.fit(X[:1000], Y[:1000], 1, None, optimizer=optimizer)
    full = optimizer.slots[0].copy()
    assert_allclose(full, network.gradient(X[:1000], Y[:1000]).vector, rtol=1e-4, atol=1e-7)

    def stop(number, frame):
        raise Stop

    old = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(Stop):
            network.fit(X, Y, 1000, 1000, optimizer=optimizer)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert_array_equal(network.parameters, before)
    # the mean is now the gradient of some batch: not the first one's, but in the same order
    assert np.corrcoef(optimizer.slots[0], full)[0, 1] > 0.8


def test_a_killed_run_goes_on_as_it_would_have(tmp_path, rng):
    pytest.importorskip("safetensors", reason='model files need the extra "files"')
    X, Y = blank(rng, 300, 64), rng.random((300, 3))
    path = tmp_path / "run.safetensors"

    def network():
        return Network((64, 19, 3), "tanh", random_state=0)

    def stop(network, history):
        if history.epochs == 3:
            raise Stop

    whole, first, second = network(), network(), network()
    options = {"batch_size": 32, "optimizer": "adam", "random_state": 1}
    whole.fit(X, Y, 6, **options)
    with pytest.raises(Stop):
        first.fit(X, Y, 6, checkpoint=path, callback=stop, **options)
    second.fit(X, Y, 6, resume=path, **options)
    assert_array_equal(second.parameters, whole.parameters)
    assert second.history_.cost == whole.history_.cost


@WITH_PAGES
@TYPES
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("n_in", [64, 67, 70])
def test_nothing_behind_the_rows_is_read(n_in, level, dtype, rng):
    _blas.choose_products(level)
    X = at_the_end(np.dtype(dtype), (100, n_in))
    X[:] = blank(rng, 100, n_in)
    Y = rng.random((100, 3))
    networks = [Network((n_in, 16, 3), "tanh", dtype=dtype, random_state=0) for _ in range(2)]
    for network, table in zip(networks, (X, X.copy()), strict=True):
        network.fit(table, Y, 2, 32, 0.1)
    assert_array_equal(networks[0].parameters, networks[1].parameters)
    assert_array_equal(networks[0].predict(X), networks[1].predict(X.copy()))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_estimators_on_sparse_matrices(rng):
    """L-BFGS, which takes whole gradients, and Adam; a matrix and its array give the same."""
    X = blank(rng, 400, 90, 0.1)
    y = (X[:, :3].sum(axis=1) > 0).astype(int)
    for solver in ("adam", "sgd", "lbfgs"):
        fits = [
            MLPClassifier((18,), solver=solver, max_iter=15, random_state=0).fit(table, y)
            for table in (X, scipy.sparse.csr_matrix(X))
        ]
        _engine.sparse_from(-1, 1)
        fits.append(MLPClassifier((18,), solver=solver, max_iter=15, random_state=0).fit(X, y))
        _engine.sparse_from(1.0, 1)
        assert_array_equal(fits[0].coefs_[0], fits[1].coefs_[0])
        assert_allclose(fits[0].coefs_[0], fits[2].coefs_[0], rtol=1e-6, atol=1e-8)
        assert_array_equal(fits[0].predict_proba(X), fits[1].predict_proba(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_with_more_entries_than_columns(dtype):
    """Entries given more than once may be more than there is room for: the row is spread out."""
    rows, columns = 300, 64
    counts = np.ones(rows, int)
    counts[5] = 70
    indices = np.full(counts.sum(), 3)
    start = np.r_[0, np.cumsum(counts)]
    table = scipy.sparse.csr_array(
        (np.full(len(indices), 0.5, dtype), indices, start), (rows, columns)
    )
    assert table.has_sorted_indices
    network = Network((columns, 16, 3), "tanh", dtype=dtype, random_state=0)
    dense = np.zeros((rows, columns), dtype)
    dense[:, 3] = 0.5 * counts
    assert_allclose(network.predict(table), network.predict(dense), rtol=1e-5, atol=1e-6)
