"""fit: which rows an epoch takes in which order, and which units dropout leaves out."""

import numpy as np
import pytest
from fit_problem import TYPES, problem
from numpy.testing import assert_allclose, assert_array_equal
from reference import Reference, examples

from bpcore import Network
from bpcore._core import products

# ---------------------------------------------------------------- order


def test_shuffles_come_from_random_state():
    reference, X, Y, _ = problem()

    def theta(random_state=None, shuffle=True):
        network = reference.network()
        network.fit(X, Y, 3, 4, 0.5, random_state=random_state, shuffle=shuffle)
        return network.parameters.copy()

    assert_array_equal(theta(1), theta(1))
    assert_array_equal(theta(1), theta(np.random.default_rng(1)))
    assert_array_equal(theta(), theta())  # the network's own seed
    for other in (theta(2), theta(), theta(shuffle=False)):
        assert not np.array_equal(theta(1), other)


def test_every_example_once_an_epoch():
    """With |a - y| and unreachable targets each example moves its own weight by η, once."""
    n = 40
    network = Network((n, 1), "identity", loss="absolute", dtype="float64", init="zeros")
    theta = []
    network.fit(
        np.eye(n),
        np.full(n, 1e6),
        3,
        1,
        0.25,
        random_state=0,
        callback=lambda net, h: theta.append(net.parameters.copy()),
    )
    assert_allclose(theta, [np.r_[np.full(n, 0.25 * k), 0.25 * n * k] for k in (1, 2, 3)])


@TYPES
def test_weights_go_with_their_rows_through_a_shuffle(dtype):
    """As above: an example of weight 0 never moves its own weight, all others do, once."""
    n = 40
    s = np.random.default_rng(3).integers(0, 2, n)
    for batch_size in (1, 2):
        network = Network((n, 1), "identity", loss="absolute", dtype=dtype, init="zeros")
        network.fit(
            np.eye(n),
            np.full(n, 1e6),
            1,
            batch_size,
            0.25,
            sample_weight=s,
            random_state=batch_size,
        )
        moved = network.weights[0][0]
        assert_array_equal(moved != 0, s == 1)
        if batch_size == 1:
            assert_allclose(moved, 0.25 * s / s.mean())


def test_orders_differ_between_epochs():
    reference, X, Y, _ = problem()
    network, other = reference.network(), reference.network()
    network.fit(X, Y, 2, 1, 0.3, random_state=5)
    for _ in range(2):
        other.fit(X, Y, 1, 1, 0.3, random_state=5)
    assert not np.array_equal(network.parameters, other.parameters)


@TYPES
@pytest.mark.parametrize("level", [2, 3, 4])
@pytest.mark.parametrize("n_in", [63, 64, 130, 255, 256, 262])
def test_shuffled_rows_are_read_where_they_lie_as_if_copied(n_in, level, dtype):
    """From 256 inputs on; rows whose numbers are no neighbours are copied, to the same bits."""
    rng = np.random.default_rng(0)
    X, Y = rng.random((700, n_in)).astype(dtype), rng.random((700, 3))
    products.set_isa(level)
    try:
        for batch_size, optimizer in ((1, "sgd"), (40, "sgd"), (600, "sgd"), (600, "adam")):
            theta = []
            for table in (X, np.asfortranarray(X)):
                network = Network((n_in, 16, 3), "tanh", dtype=dtype, random_state=0)
                network.fit(table, Y, 2, batch_size, 0.01, optimizer=optimizer)
                theta.append(network.parameters)
            assert_array_equal(*theta)
    finally:
        products.set_isa()


@TYPES
@pytest.mark.parametrize("shuffle", [False, True])
def test_targets_that_are_part_of_a_wider_table(shuffle, dtype):
    """Rows of Y further apart than n_L numbers, also where they are read as they lie."""
    wide = np.random.default_rng(0).random((70, 9)).astype(dtype)
    X = np.random.default_rng(1).random((70, 4)).astype(dtype)
    thetas = []
    for Y in (wide[:, 2:5], wide[:, 2:5].copy()):
        network = Network((4, 6, 3), "tanh", dtype=dtype, random_state=0)
        network.fit(X, Y, 2, 16, 0.1, shuffle=shuffle, random_state=0)
        thetas.append(network.parameters.copy())
    assert_array_equal(*thetas)


# ---------------------------------------------------------------- dropout


@TYPES
def test_a_step_under_dropout_is_that_of_the_thinned_network(dtype):
    """Units left out have no gradient; those kept count 1 / (1 - p) times."""
    p, seen = 0.4, set()
    for seed in range(6):
        network = Network(
            (3, 12, 2), "tanh", "identity", dtype=dtype, init="normal", random_state=seed, dropout=p
        )
        reference, theta = Reference.of(network), network.parameters.astype(float)
        X, Y, _ = examples(reference, 1)
        network.fit(X, Y, 1, 1, 1e-3, random_state=seed)
        moved = (theta - network.parameters) / 1e-3
        kept = reference.split(moved)[0][1].any(axis=0)
        seen |= set(np.flatnonzero(kept).tolist())
        assert 0 < kept.sum() < 12
        thin = reference.copy()
        thin.weights[1][:] *= kept / (1 - p)
        g = thin.split(thin.gradient(X, Y).vector.copy())
        g[0][1][:] *= kept / (1 - p)
        for ours, theirs in zip(
            [*reference.split(moved)[0], *reference.split(moved)[1]], [*g[0], *g[1]], strict=True
        ):
            assert_allclose(
                ours,
                theirs,
                rtol=1e-2 if dtype == "float32" else 1e-9,
                atol=5e-3 if dtype == "float32" else 1e-9,
            )
    assert seen == set(range(12))


def test_dropout_leaves_out_its_share_of_every_layer():
    network = Network(
        (1, 200, 100, 1), "identity", dtype="float64", random_state=0, dropout=[0.5, 0.1]
    )
    network.parameters[:] = 0.01
    X, Y, shares = np.ones((1, 1)), np.zeros((1, 1)), []
    for seed in range(40):
        before = network.parameters.copy()
        network.fit(X, Y, 1, 1, 1e-9, random_state=seed)
        moved = network._biases_of(network.parameters - before)
        shares.append([(part == 0).mean() for part in moved[:2]])
    assert_allclose(np.mean(shares, axis=0), [0.5, 0.1], atol=0.02)


def test_dropout_is_for_training_only_and_reproducible():
    network = Network((3, 20, 2), random_state=0, dropout=0.5)
    plain = Network((3, 20, 2), random_state=0)
    X, Y = np.random.default_rng(0).uniform(size=(2, 30, 3))
    Y = Y[:, :2]
    assert_array_equal(network.forward(X), plain.forward(X))
    assert network.cost(X, Y) == plain.cost(X, Y)
    assert_array_equal(network.gradient(X, Y).vector, plain.gradient(X, Y).vector)
    other = Network((3, 20, 2), random_state=0, dropout=0.5)
    for net in (network, other, plain):
        net.fit(X, Y, 3, random_state=4)
    assert_array_equal(network.parameters, other.parameters)
    assert not np.allclose(network.parameters, plain.parameters)


def test_layers_drop_units_of_their_own():
    """Layer 1 puts out its mask, layer 2's ∂C/∂w shows that in its columns, its own in its rows."""
    network = Network(
        (1, 64, 64, 1), "identity", dtype="float64", random_state=0, dropout=[0.5, 0.5]
    )
    network.parameters[:] = 0.1
    before = network.weights[1].copy()
    network.fit(np.ones((1, 1)), np.zeros((1, 1)), 1, 1, 1e-6, random_state=0)
    moved = network.weights[1] != before
    rows, columns = moved.any(axis=1), moved.any(axis=0)
    assert 0.3 < rows.mean() < 0.7
    assert 0.3 < columns.mean() < 0.7
    assert 0.3 < (rows != columns).mean() < 0.7


@pytest.mark.parametrize("batch_size", [8, 1])
def test_rows_drop_units_of_their_own(batch_size):
    """Inputs of orthogonal rows: each row's units show in its own column of ∂C/∂w."""
    network = Network((8, 64, 1), "identity", dtype="float64", random_state=0, dropout=0.5)
    network.parameters[:] = 0.1
    before = network.weights[0].copy()
    network.fit(np.eye(8), np.zeros(8), 1, batch_size, 1e-6, random_state=0)
    left_out = network.weights[0] == before
    assert 0.35 < left_out.mean() < 0.65
    assert len({column.tobytes() for column in left_out.T}) == 8


@TYPES
@pytest.mark.parametrize("n_out", [1, 2, 3])
@pytest.mark.parametrize("n_in", [1, 2, 3, 4, 5, 16, 17, 30])
def test_rows_of_few_bytes_are_copied_whole(n_in, n_out, dtype):
    """A shuffled epoch is that of the rows in this order."""
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(50, n_in)).astype(dtype), rng.normal(size=(50, n_out)).astype(dtype)
    order = np.random.default_rng(1).permutation(50)
    shuffled, sorted_ = (
        Network((n_in, 6, n_out), "tanh", "identity", dtype=dtype, random_state=0) for _ in "ab"
    )
    shuffled.fit(X, Y, 1, 8, 0.1, random_state=1)
    sorted_.fit(X[order], Y[order], 1, 8, 0.1, shuffle=False)
    assert_array_equal(shuffled.parameters, sorted_.parameters)
