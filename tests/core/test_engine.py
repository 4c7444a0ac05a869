"""The engine's entries for the estimators: one epoch in a given order, cost and gradient."""

import pickle

import numpy as np
import pytest
from formulas import ReferenceOptimizer
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, examples
from scipy import sparse
from tuned import tune

from bpcore import Network
from bpcore._core.optimizers import Optimizer
from bpcore._core.rows import Rows
from bpcore._core.training import Diverged, Training

TYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
ORDERS = {
    "as they lie": lambda n, rng: None,
    "permuted": lambda n, rng: rng.permutation(n),
    "a part": lambda n, rng: rng.permutation(n)[: n // 2],
    "with repeats": lambda n, rng: rng.integers(0, n, 2 * n),
    "one row": lambda n, rng: np.array([n - 1]),
}


def close(dtype):
    return {"rtol": 1e-3, "atol": 2e-5} if dtype == "float32" else {"rtol": 1e-9, "atol": 1e-12}


def problem(n=29):
    reference = Reference.random(
        (5, 7, 3), ["silu", "softmax"], "categorical_cross_entropy", seed=61
    )
    return reference, *examples(reference, n)


def one_epoch(network, x, y, optimizer, batch_size=32, **options):
    """(cost, penalty) of an epoch."""
    (epoch,) = Training(network, x, y, optimizer, batch_size=batch_size, **options).run()
    return epoch.cost, epoch.penalty


@TYPES
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("batch_size", [1, 4, 10, 100])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
def test_epochs_in_any_order(order, batch_size, weighted, dtype):
    reference, X, Y, s = problem()
    network, s = reference.network(dtype), s if weighted else None
    rows = ORDERS[order](len(X), np.random.default_rng(0))
    ours = Optimizer("sgd", network.n_parameters, dtype=dtype, learning_rate=0.2)
    theirs = ReferenceOptimizer("sgd", network.n_parameters, 0.2)
    for _ in range(2):
        expected = reference.epoch(X, Y, theirs, rows, batch_size, s)
        found = one_epoch(
            network, Rows(X), Rows(Y), ours, order=rows, batch_size=batch_size, sample_weight=s
        )
        assert_allclose(found, expected, **close(dtype))
    assert ours.t == theirs.t
    assert_allclose(network.parameters, reference.theta, **close(dtype))


@TYPES
@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_an_epoch_with_every_rule_and_element_type(name, dtype):
    """Whatever the rows are stored as, the order, the weights and the penalties hold."""
    reference, X, Y, s = problem()
    X = np.round(np.abs(X) * 3)
    order = np.random.default_rng(1).permutation(len(X))
    rules = {"l2": 0.3, "l1": 0.1, "weight_decay": 0.05, "clip_norm": 0.3}
    start = reference.theta.copy()
    expected = reference.epoch(
        X, Y, ReferenceOptimizer(name, start.size, 0.05, epsilon=1e-3), order, 6, s, **rules
    )
    assert expected[1] > 0
    for table in (
        X,
        X.astype("u1"),
        X.astype("f4"),
        np.asfortranarray(X),
        sparse.csr_matrix(X),
        sparse.csr_matrix(X.astype("f4")),
    ):
        network = Reference(
            reference.layer_sizes, reference.activations, reference.loss, start
        ).network(dtype)
        optimizer = Optimizer(name, start.size, dtype=dtype, learning_rate=0.05, epsilon=1e-3)
        found = one_epoch(
            network,
            Rows(table),
            Rows(Y),
            optimizer,
            order=order,
            batch_size=6,
            sample_weight=s,
            **rules,
        )
        assert_allclose(found, expected, **close(dtype))
        assert_allclose(network.parameters, reference.theta, **close(dtype))


@TYPES
@pytest.mark.parametrize("size", [0.05, 1.0])
@pytest.mark.parametrize("rule", ["l2", "l1", "weight_decay", "clip_norm"])
def test_each_rule_alone_in_batches_of_several_microbatches(rule, size, dtype):
    """The gradient of such a batch is there as a whole before it is penalised."""
    tune(microbatch_min_rows=1, microbatch_max_rows=40)
    reference, X, Y, s = problem(150)
    network = reference.network(dtype)
    ours = Optimizer("adam", network.n_parameters, dtype=dtype, learning_rate=0.01, epsilon=1e-3)
    theirs = ReferenceOptimizer("adam", network.n_parameters, 0.01, epsilon=1e-3)
    for _ in range(2):
        expected = reference.epoch(X, Y, theirs, np.arange(150), 100, s, **{rule: size})
        found = one_epoch(
            network, Rows(X), Rows(Y), ours, batch_size=100, sample_weight=s, **{rule: size}
        )
        assert_allclose(found, expected, **close(dtype))
    assert_allclose(network.parameters, reference.theta, **close(dtype))


def test_batches_without_weight_are_skipped():
    """They change neither θ nor the optimizer, and cost nothing."""
    reference, X, Y, _ = problem(12)
    s = np.ones(12)
    s[4:8] = 0
    network = reference.network()
    adam = Optimizer("adam", network.n_parameters, dtype="float64", learning_rate=0.1)
    found = one_epoch(network, Rows(X), Rows(Y), adam, batch_size=4, sample_weight=s)
    formula = ReferenceOptimizer("adam", network.n_parameters, 0.1)
    assert_allclose(found, reference.epoch(X, Y, formula, None, 4, s), rtol=1e-10)
    assert_allclose(network.parameters, reference.theta, rtol=1e-10)
    assert adam.t == 2


@TYPES
@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_batches_of_many_blocks(optimizer, dtype):
    """A batch larger than the engine works on at a time is still one step."""
    reference, X, Y, s = problem(5000)
    network = reference.network(dtype)
    ours = Optimizer(optimizer, network.n_parameters, dtype=dtype, learning_rate=0.1, epsilon=0.1)
    theirs = ReferenceOptimizer(optimizer, network.n_parameters, 0.1, epsilon=0.1)
    order = np.random.default_rng(2).permutation(5000)
    found = one_epoch(
        network, Rows(X), Rows(Y), ours, order=order, batch_size=4600, sample_weight=s
    )
    assert_allclose(found, reference.epoch(X, Y, theirs, order, 4600, s), **close(dtype))
    assert_allclose(network.parameters, reference.theta, **close(dtype))
    assert ours.t == 2


@TYPES
def test_cost_gradient(dtype):
    reference, X, Y, s = problem()
    network = reference.network(dtype)
    g = reference.gradient(X, Y, s)
    expected = g.vector.copy()
    for dw, w in zip(reference.split(expected)[0], reference.weights, strict=True):
        dw += (0.4 * w + 0.2 * np.sign(w)) / s.sum()
    w = np.concatenate([w.ravel() for w in reference.weights])
    penalty = (0.2 * w @ w + 0.2 * np.abs(w).sum()) / s.sum()
    out = np.full(network.n_parameters, np.nan, dtype)
    found = network._cost_gradient(Rows(X), Rows(Y), s, l2=0.4, l1=0.2, out=out)
    assert found[2] is out
    assert_allclose(found[0], g.cost, **close(dtype))
    assert_allclose(found[1], penalty, **close(dtype))
    assert_allclose(out, expected, **close(dtype))
    plain = network._cost_gradient(Rows(X), Rows(Y))
    assert plain[1] == 0
    assert_allclose(plain[2], reference.gradient(X, Y).vector, **close(dtype))
    assert_allclose(network._cost(Rows(X), Rows(Y), s), g.cost, **close(dtype))


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        ((5, 3), (5, 2), "X has 3 features, but this network takes 4"),
        ((5, 4), (5, 1), "Y has 1 columns, but this network has 2 outputs"),
        ((5, 4), (4, 2), "X has 5 rows and Y 4"),
    ],
)
def test_the_engine_looks_once_more_at_what_would_lead_outside_the_arrays(x, y, words):
    network = Network((4, 3, 2), random_state=0)
    with pytest.raises(ValueError, match=words):
        network._cost(Rows(np.ones(x)), Rows(np.ones(y)))


def test_a_cost_that_is_not_finite_is_returned():
    """Who trains words the error; outside a fit θ is as it was before that batch."""
    network = Network((1, 1), "identity", dtype="float64", init="zeros")
    X, Y = Rows(np.ones((2, 1))), Rows(np.array([[1.0], [1e200]]))
    training = Training(network, X, Y, Optimizer("sgd", 2, dtype="float64"), batch_size=1)
    with pytest.raises(Diverged) as caught:
        training.run()
    assert caught.value.cost == np.inf
    assert_allclose(network.parameters, [0.02, 0.02])
    with training, pytest.raises(Diverged):  # a fit puts θ back
        training.run()
    assert_allclose(network.parameters, [0.02, 0.02])
    assert network._cost_gradient(X, Y)[0] == np.inf


def test_the_guard_of_a_fit():
    network = Network((1, 1), random_state=0)
    network._begin_fit()
    with pytest.raises(RuntimeError, match="fit"):
        network._begin_fit()
    with pytest.raises(RuntimeError, match="fit"):
        network.fit([[1.0]], [1.0], 1)
    network._end_fit()
    assert network.fit([[1.0]], [1.0], 1).epochs == 1


@pytest.mark.parametrize("order", [[0, 29], [29, 0], [-1], [10**12, 1]])
def test_orders_that_point_outside(order):
    reference, X, Y, _ = problem()
    network = reference.network()
    before = network.parameters.copy()
    with pytest.raises((ValueError, IndexError)):
        one_epoch(
            network,
            Rows(X),
            Rows(Y),
            Optimizer("sgd", before.size, dtype="float64"),
            order=np.array(order, np.intp),
        )
    assert_array_equal(network.parameters, before)


@pytest.mark.parametrize(
    "optimizer",
    [
        Optimizer("sgd", 7),
        Optimizer("sgd", 66, dtype="float32"),
        Optimizer("adam", 65, dtype="float64"),
    ],
)
def test_optimizers_of_another_network(optimizer):
    network = problem()[0].network()
    before = network.parameters.copy()
    _, X, Y, _ = problem()
    assert before.size == 66
    with pytest.raises((ValueError, TypeError)):
        one_epoch(network, Rows(X), Rows(Y), optimizer)
    with pytest.raises((ValueError, TypeError)):
        network.fit(X, Y, 1, optimizer=optimizer)
    assert_array_equal(network.parameters, before)


@TYPES
@pytest.mark.parametrize("sizes", [(1, 1), (12, 100, 1), (300, 512, 1), (1000, 1000, 3)])
def test_what_products_and_updates_read_begins_with_a_line_of_the_caches(sizes, dtype):
    network = Network(sizes, dtype=dtype)
    optimizer = Optimizer("adam", network.n_parameters, dtype=dtype)
    arrays = [network.parameters, *optimizer.slots]
    for one in (*arrays, pickle.loads(pickle.dumps(network)).parameters):
        assert one.ctypes.data % 64 == 0
    assert all(one.shape == (network.n_parameters,) and one.dtype == dtype for one in arrays)
    assert not np.any(optimizer.slots)


@TYPES
@pytest.mark.parametrize("n_inputs", [13, 15, 30, 31, 57, 63, 100, 255, 300])
def test_gathered_rows_have_the_bits_of_those_that_lie_there(n_inputs, dtype):
    """In the buffers they may stand further apart than in the table."""
    rng = np.random.default_rng(n_inputs)
    X, Y = rng.random((300, n_inputs), dtype) + 1, rng.random((300, 2), dtype)
    ends = []
    for order in (None, np.arange(300)):
        network = Network((n_inputs, 70, 2), "tanh", dtype=dtype, random_state=0)
        one_epoch(
            network, Rows(X), Rows(Y), Optimizer("adam", network.n_parameters, dtype=dtype),
            order=order, batch_size=128,
        )  # fmt: skip
        ends.append(network.parameters)
    assert_array_equal(*ends)
