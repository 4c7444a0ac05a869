"""Blocks of rows at once and products left to BLAS: nothing but time depends on the threads."""

import contextlib

import numpy as np
import pytest
from thread_work import everything, share_all_work
from tuned import own_products_up_to, tune, untune

from bpcore import Network
from bpcore._core import epoch, products

started = pytest.fixture(share_all_work)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_products_left_to_blas(started, request, dtype):
    """BLAS has one thread for each of ours, and the bits are the same for any number of them."""
    request.addfinalizer(untune)
    own_products_up_to(0)
    setting = ((90, 40, 10), 300, 120, "adam", {})
    one = everything(1, *setting, dtype)
    for n_threads in (2, 4):
        assert everything(n_threads, *setting, dtype) == one


@pytest.fixture
def own_loops(started):
    """The own loops as far as they go with AVX2 and more, whatever this processor has."""
    if products.isa().startswith("none"):
        pytest.skip("this compiler has no vector types: BLAS does all products")
    own_products_up_to(2.5e9)
    yield
    products.set_isa()


def test_blas_is_held_at_one_thread_where_it_is_used(own_loops, monkeypatch):
    """Not only in a fit: a prediction on one thread would else take as many as BLAS has."""
    held = []

    @contextlib.contextmanager
    def hold():
        held.append(True)
        yield

    monkeypatch.setattr(epoch, "one_blas_thread", hold)
    rng = np.random.default_rng(0)
    X, Y = rng.random((600, 20)), rng.random((600, 3))
    network = Network((20, 30, 3), random_state=0)
    calls = (
        lambda: network.predict(X),
        lambda: network.cost(X, Y),
        lambda: network.gradient(X, Y),
    )
    for call in calls:
        call()
    assert held == []
    own_products_up_to(0)
    for call in calls:
        call()
        assert held == [True]
        held.clear()
    # the product of a piece's gradient has all the rows of a pass, the others those of a block
    n_block = network._rows_per_task(600, 1)[1]
    assert n_block < 600
    own_products_up_to(n_block * 20 * 30)
    network.cost(X, Y)
    assert held == []
    network.gradient(X, Y)
    assert held == [True]


MEMBERS = (1, 2, 3, 4, 8)


@pytest.fixture
def large_matrices(own_loops):
    """Call even the smallest matrix large."""
    tune(large_matrix_bytes=0)
    yield
    untune()


@pytest.mark.parametrize(
    ("n_rows", "blocks"),
    [
        (128, (4, 2, 1, 1, 1)),  # blocks of 32
        (200, (5, 2, 1, 1, 1)),  # 48, 48, 48, 48, 8
        (512, (2, 2, 1, 1, 1)),  # of 128, but never more than 256 rows
        (16, (1, 1, 1, 1, 1)),
    ],
)
def test_blocks_of_rows_at_once(large_matrices, n_rows, blocks):
    """As many as leave each member an equal share."""
    network = Network((70, 90, 64, 3), random_state=0)
    for members, n in zip(MEMBERS, blocks, strict=True):
        at_once, block = network._rows_per_task(n_rows, members)
        assert (at_once // block, at_once % block) == (n, 0)


def test_only_large_matrices_are_worth_it_where_blas_would_be_chosen(own_loops):
    assert Network((512, 500, 10), dtype="float64")._rows_per_task(128, 1) == (128, 32)
    level = products.set_isa()
    try:
        if products.set_isa(2) == 2:  # on which BLAS is better with deltas of doubles
            assert Network((512, 500, 10), dtype="float64")._rows_per_task(128, 1) == (32, 32)
            assert Network((512, 512, 10), dtype="float64")._rows_per_task(128, 1) == (128, 32)
            # and then the deltas of all layers are own, since a row's bits may not ask for rows
            large = Network((512, 512, 10), dtype="float64")._own_products(10_000, 128)
            assert [bool(delta) for _, delta, _ in large] == [True, True]
    finally:
        products.set_isa(level)


def test_signals_do_not_wait_long_for_blocks_at_once(own_loops):
    """At most some 6 · 10⁹ multiplications of float32, a tenth of a second on one processor."""
    for dtype, n_rows in (("float32", 128), ("float64", 64)):
        network = Network((784, 4096, 4096, 10), dtype=dtype, init="zeros")
        assert network._rows_per_task(128, 1) == (n_rows, 32)


def test_signals_do_not_wait_long_for_a_block():
    """The same of one block, which is cut, but not below 32 rows: each reads every weight."""
    for dtype, n_rows in (("float32", 40), ("float64", 32)):
        network = Network((8000, 8000, 10), dtype=dtype, init="zeros")
        assert network._rows_per_task(256, 1) == (n_rows, n_rows)
    assert Network((4000, 4000, 10), init="zeros")._rows_per_task(256, 1)[1] == 64


def test_short_rows_are_not_taken_at_once(large_matrices):
    """In a small batch the bits of a row of fewer than 64 numbers depend on how many rows a product
    has; in others the plan says which loop it meets."""
    assert Network((64, 64, 3))._rows_per_task(128, 1) == (128, 32)
    assert Network((63, 64, 3))._rows_per_task(128, 1) == (32, 32)
    assert Network((64, 63, 3))._rows_per_task(128, 1) == (32, 32)
    assert Network((63, 640, 3))._rows_per_task(128, 1) == (128, 32)


def test_blocks_at_once_do_not_go_to_blas(large_matrices):
    own_products_up_to(70 * 90 * 64)
    assert Network((70, 90, 3))._rows_per_task(128, 1) == (64, 32)
    own_products_up_to(70 * 90 * 31)
    assert Network((70, 90, 3))._rows_per_task(128, 1) == (32, 32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("activation", "output", "loss"),
    [
        ("sigmoid", "sigmoid", "quadratic"),
        ("tanh", "identity", "huber"),
        ("gelu", "softmax", "categorical_cross_entropy"),
        ("softplus", "identity", "squared_error"),
    ],
)
def test_blocks_at_once_change_no_bit(large_matrices, activation, output, loss, dtype):
    """Whatever a member takes at once: nothing but time may depend on the number of threads."""
    rng = np.random.default_rng(0)
    X = rng.random((611, 75)).astype(dtype)
    X[rng.random(X.shape) < 0.2] = 0
    Y = np.eye(5, dtype=dtype)[rng.integers(0, 5, 611)]
    s = rng.integers(0, 3, 611).astype(float)

    def learn(n_threads, max_load):
        tune(large_matrix_bytes=0, max_load=max_load)
        network = Network(
            (75, 66, 131, 64, 5),
            activation,
            output_activation=output,
            loss=loss,
            random_state=0,
            dtype=dtype,
            dropout=(0.2, 0.0, 0.1),
            n_threads=n_threads,
        )
        history = network.fit(X, Y, 3, 200, 0.01, optimizer="adam", sample_weight=s, l2=1e-3)
        whole = network.gradient(X, Y, s)
        return (
            network.parameters.tobytes(),
            tuple(history.cost),
            network.cost(X, Y, s),
            whole.vector.tobytes(),
            whole.inputs.tobytes(),
            network.predict(X).tobytes(),
        )

    network = Network((75, 66, 131, 64, 5), dtype=dtype)
    assert network._rows_per_task(200, 1) == (240, 48)
    apart = learn(1, 0)
    for n_threads in MEMBERS:
        assert learn(n_threads, 1.1) == apart
