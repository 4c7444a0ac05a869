"""The engine's tuned numbers and instruction set, set by a test; `conftest.py` sets them back."""

from contextlib import ExitStack

from bpcore._core import products, tuning

_CHANGES = ExitStack()


def tune(**numbers):
    """Let numbers of `tuning.NUMBERS` be others until the test ends, or `untune`."""
    _CHANGES.enter_context(tuning.override(**numbers))


def untune():
    """What `tune` and `set_isa` have done, undone."""
    _CHANGES.close()
    products.set_isa()


def share_always():
    """Threads share any work, and so nothing is a small batch but a single row."""
    tune(parallel_batch_operations=0, parallel_call_operations=0)


def compress_from(density, rows):
    """Up to which density and from how many rows on zeros are passed by; -1 and any: never."""
    tune(sparse_max_density=density, sparse_min_rows=rows, small_batch_rows=rows)


def own_products_up_to(multiplications):
    """Larger products go to BLAS, 0: all do; the others to the own loops, however small."""
    tune(
        blas_max_work=0,
        blas_matrix_bytes=float("inf"),
        blas_avx2_double_bytes=float("inf"),
        blas_avx2_float_bytes=float("inf"),
        own_product_max_work=multiplications,
        own_product_max_work_baseline=multiplications,
    )


def poll_signals_always():
    """Signals are looked at before each task, and updates may be left half done."""
    tune(signal_work=0, signal_update_work=0)
