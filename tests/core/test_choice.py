"""Which products the own loops compute, and which BLAS: the plan's one choice, row by row."""

import pytest
from instruction_sets import LEVELS

from bpcore import Network
from bpcore._core import products

ALL = (True, True, True)
TURNED = 2


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
    if level == 4 or (level == 2 and dtype == "float64"):
        assert own((20, 64, 32, 1), dtype, n_rows=256) != [ALL] * 3
        # few rows, but much work
        assert own((20, 400, 400, 1), dtype, n_rows=200, batch_size=20) != [ALL] * 3


def test_with_avx2_all_is_own(level):
    if level == 3:
        for dtype in ("float32", "float64"):
            assert own((20, 64, 32, 1), dtype) == [ALL] * 3
            assert own((784, 512, 512, 10), dtype) == [ALL] * 3


def test_with_avx_512_small_ragged_gradients_go_to_blas(level):
    if level < 4:
        pytest.skip("AVX-512 only")
    # where the last vector of a row is not full, and there are more than 16 units
    ragged = (True, True, False)
    assert own((20, 64, 24, 17, 16)) == [ragged, ALL, ragged, ALL]
    assert own((20, 64, 24, 17, 18), "float64") == [ragged, ALL, ALL, ragged]
    # 32 · 256 · 256 and 64 · 256 · 128 multiplications
    assert own((64, 256, 256, 1))[1] == ALL


def test_a_wide_first_layer_has_the_bits_of_rows_by_pointer(level):
    if level == 2:
        pytest.skip("so large a product is for BLAS there: rows are gathered")
    for n_in in (257, 300, 784):
        assert chosen((n_in, 32, 16, 10))[0] == (1, True, True)
    assert own((60, 32, 16, 10))[0][2] == own((100, 32, 16, 10))[0][2] == (level == 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_which_weights_are_transposed_first(level, dtype):
    """Rows of 64 inputs to 16 vectors, whole vectors of units or four at least, blocks that pay."""
    lanes = 2 ** (level + 2) // (4 if dtype == "float32" else 8)
    for n_in in (63, 64, 100, 127, 128, 255, 256):
        for width in (lanes, lanes + 1, 4 * lanes, 4 * lanes + 3):
            turned = chosen((20, n_in, width, 1), dtype, batch_size=64)[1][0] == TURNED
            fits = 64 <= n_in < min(256, 16 * lanes)
            assert turned == (fits and width != lanes + 1), (n_in, width)
    few = chosen((20, 64, 4 * lanes, 1), dtype, batch_size=31)[1][0]
    assert few == 1
    if lanes == 16:
        assert chosen((20, 64, 64, 1), dtype, batch_size=32)[1][0] == TURNED
        assert chosen((20, 128, 64, 1), dtype, batch_size=63)[1][0] == 1
    assert chosen((20, 64, 64, 1), dtype, n_rows=200, batch_size=200)[1][0] == 1  # little work


def test_large_matrices_of_doubles_go_to_blas_with_avx_512(level):
    """And then no task has several blocks; of floats it may have, all being own."""
    if level == 2:
        pytest.skip("so large a product is for BLAS there, of either type")
    second = own((784, 1100, 1100, 10), "float64", batch_size=512)[1]
    assert second == (True, level == 3, level == 3)
    assert own((784, 1100, 1100, 10), "float32", batch_size=512)[1] == ALL
    if level == 4:
        wide = Network((784, 1100, 1100, 10), dtype="float64", init="zeros")
        assert wide._rows_per_task(512, 1)[0] == wide._rows_per_task(512, 1)[1]


def test_without_avx2_doubles_go_to_blas(level):
    if level > 2:
        pytest.skip("AVX2 or more")
    assert own((20, 64, 32, 1), "float64") == [(True, False, False)] * 3
    assert own((20, 64, 32, 1), "float32") in ([ALL] * 3, [(True, False, False)] * 3)
