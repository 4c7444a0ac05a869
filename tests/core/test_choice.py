"""Which products the own loops compute, and which BLAS: the plan's one choice, row by row."""

import numpy as np
import pytest
from instruction_sets import LEVELS
from numpy.testing import assert_array_equal
from tuned import own_products_up_to

from bpcore import Network
from bpcore._core import products, tuning
from bpcore._core.rows import Rows

ALL = (True, True, True)
TURNED, DOTS = 2, 3


def chosen(sizes, dtype="float32", n_rows=10_000, batch_size=128):
    """(forward, delta, gradient) of every layer."""
    return Network(sizes, dtype=dtype, init="zeros")._own_products(n_rows, batch_size)


def own(*arguments, **options):
    """Whether they are own, in whatever way."""
    return [tuple(map(bool, layer)) for layer in chosen(*arguments, **options)]


@pytest.fixture(params=LEVELS)
def level(request):
    if not products.set_isa(request.param):
        pytest.skip("this compiler has no vector types: BLAS does all products")
    return request.param


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forward_is_own_so_that_a_row_has_one_result(level, dtype):
    for sizes in ((4, 8, 3), (20, 64, 32, 1), (784, 512, 10)):
        assert all(forward for forward, _, _ in own(sizes, dtype, batch_size=64))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_little_work_is_own_whatever_the_shape(level, dtype):
    """BLAS would have to be held at one thread, which takes longer."""
    assert own((20, 64, 32, 1), dtype, n_rows=255) == [ALL] * 3
    if level == 2 and dtype == "float64":
        assert own((20, 64, 32, 1), dtype, n_rows=256) != [ALL] * 3
        # few rows, but much work
        assert own((20, 400, 400, 1), dtype, n_rows=200, batch_size=20) != [ALL] * 3


def test_from_avx2_on_all_is_own_but_large_matrices(level):
    if level > 2:
        for dtype in ("float32", "float64"):
            assert own((20, 64, 24, 17, 18), dtype) == [ALL] * 4
            assert own((64, 256, 256, 1), dtype) == [ALL] * 3
            assert own((500, 512, 511, 10), dtype) == [ALL] * 3
        assert own((784, 512, 512, 10)) == [ALL] * 3


def test_products_for_packed_panels_go_to_blas(level):
    assert own((20, 64, 32, 1)) != [(False,) * 3] * 3
    own_products_up_to(0)
    assert own((20, 64, 32, 1)) == [(False,) * 3] * 3


def pays(rows, width, n_in, lanes, level):
    """As measured: so many rows, whole vectors of units or several, up to 20 vectors of inputs;
    with AVX-512 any number of inputs, and few empty places in the vectors of units."""
    if width == 1:
        return False
    if n_in < 4 * lanes:
        return rows >= 8
    if n_in < 8 * lanes:
        return rows >= 32 and (width % lanes == 0 or width >= 4 * lanes)
    if level == 4:
        share = -width % lanes / (width + -width % lanes)
        return rows >= 48 and width >= 2 * lanes and share <= (1 / 4 if n_in % lanes else 1 / 8)
    wide = width >= 2 * lanes and (width % lanes == 0 or width >= 8 * lanes)
    return rows >= 64 and n_in <= 20 * lanes and wide


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rows", [7, 8, 31, 32, 47, 48, 63, 64, 200])
def test_which_weights_are_transposed_first(level, dtype, rows):
    lanes = 2 ** (level + 2) // (4 if dtype == "float32" else 8)
    edges = {most * lanes + off for most in (4, 8, 20) for off in (-1, 0, 1)}
    for n_in in sorted(edges):
        widths = (1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 3 * lanes + 1, 4 * lanes + 1)
        for width in (
            *widths,
            6 * lanes + 1,
            7 * lanes,
            7 * lanes + 1,
            8 * lanes - 1,
            8 * lanes + 1,
        ):
            way = chosen((20, n_in, width, 1), dtype, batch_size=rows)[1][0]
            assert way == (TURNED if pays(rows, width, n_in, lanes, level) else DOTS), (n_in, width)


def test_a_small_batch_asks_its_rows(level):
    assert chosen((20, 64, 64, 1), n_rows=200, batch_size=200)[1][0] == 1


def test_a_run_of_many_threads_has_the_loops_of_one(level):
    """The batch tells how many rows a product has; a thread may take a half of it or a quarter."""
    for batch in (64, 128, 256):
        one, two = (
            Network((50, 128, 128, 1), init="zeros", n_threads=n)._own_products(10_000, batch)
            for n in (1, 2)
        )
        assert one == two


@pytest.mark.parametrize(
    ("dtype", "width", "batch", "levels"),
    [
        ("float64", 511, 512, ()),
        ("float64", 512, 512, (3,)),
        ("float64", 512, 128, ()),  # in blocks of 32 rows
        ("float64", 1100, 512, (3, 4)),
        ("float64", 1100, 128, (4,)),
        ("float32", 1023, 512, ()),
        ("float32", 1024, 512, (3,)),
        ("float32", 2048, 504, ()),  # in blocks of 120 rows
    ],
)
def test_large_matrices_go_to_blas(level, dtype, width, batch, levels):
    """And then no task has several blocks, where a product of own loops may have."""
    if level == 2:
        pytest.skip("so large a product is for BLAS there, of either type")
    by_blas = level in levels
    network = Network((784, width, width, 10), dtype=dtype, init="zeros")
    second = network._own_products(10_000, batch)[1]
    assert tuple(map(bool, second)) == (True, not by_blas, not by_blas)
    if by_blas:
        assert network._rows_per_task(batch, 1)[0] == network._rows_per_task(batch, 1)[1]


def test_without_avx2_doubles_go_to_blas(level):
    if level > 2:
        pytest.skip("AVX2 or more")
    assert own((20, 64, 32, 1), "float64") == [(True, False, False)] * 3
    assert own((20, 64, 32, 1), "float32") in ([ALL] * 3, [(True, False, False)] * 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(22, 32, 32, 3), (70, 130, 64, 2), (7, 17, 1)])
def test_rows_that_are_treated_alike(level, dtype, sizes):
    """Long way or short, few rows or many, with zeros or without: a row's bits are its own."""
    rng = np.random.default_rng(0)
    network = Network(sizes, "silu", output_activation="identity", dtype=dtype, random_state=0)
    X = rng.standard_normal((300, sizes[0])).astype(dtype)
    X[rng.random(X.shape) < 0.9] = 0
    together = np.empty((300, sizes[-1]), dtype)
    network._predict_into(Rows(X), together, alike=True)
    for n in (1, 2, 8, 33, 100, 255, 256):
        some = np.empty((n, sizes[-1]), dtype)
        network._predict_into(Rows(X[:n]), some, alike=True)
        assert_array_equal(some, together[:n])
        if n < 100:  # more may be too much for the short way
            assert_array_equal(network._predict_small(X[:n], alike=True), together[:n])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(300, 100, 1), (784, 64, 10), (128, 128, 3), (30, 48, 30, 2)])
def test_a_prediction_has_the_same_bits_by_the_short_way_and_the_long_one(level, sizes, dtype):
    rng = np.random.default_rng(0)
    net = Network(sizes, "relu", "identity", dtype=dtype, random_state=0, n_threads=1)
    for n in (2, 31, 64, 150, 184, 185, 200, 249, 255):
        X = rng.normal(size=(n, sizes[0])).astype(dtype)
        short, gathered = net.predict(X), net.predict(np.asfortranarray(X))
        with tuning.override(small_batch_rows=1):
            assert np.array_equal(net.predict(X), short), n
        assert np.array_equal(gathered, short), n
