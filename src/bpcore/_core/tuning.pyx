"""The numbers of the engine that were chosen by measuring.

Those that the C loops need when they are compiled stand in ``kernels/tuning.h``, a few that choose
between the loops of one file in that file; published constants (iRprop−, NAdam) stay with their
formula.  ``override`` sets some for a while, for tests and measurements.
"""

from contextlib import contextmanager

# name: (value, unit, what it trades, how it was measured)
NUMBERS = {
    # ------------------------------------------------------------ sizes
    "microbatch_bytes": (
        2**25, "bytes", "rows whose gradients are added up before an update; more need more memory",
        "not measured"),
    "microbatch_min_rows": (
        256, "rows", "of a microbatch at least: fewer read w too often", "not measured"),
    "microbatch_max_rows": (
        2048, "rows", "of a microbatch at most", "not measured"),
    "microbatch_cached_bytes": (
        2**19, "bytes", "of a microbatch of more rows than microbatch_usual_rows: those of a "
        "narrow network are soon done with by two threads", "epochs of 10,000 rows, 4-32-16-4"),
    "microbatch_usual_rows": (
        512, "rows", "of a microbatch: the products of 2,048, which leave the second cache between "
        "a layer's forward and its gradient, take 1.05 to 1.4 times as long",
        "gradient and epochs with batches of 1,024 and more, 8 to 784 inputs, 32 to 2,048 units, "
        "both types, one and two threads"),
    "prediction_bytes": (
        2**18, "bytes", "activations of a block of predictions, which stay in the second cache",
        "make bench-quick ARGS='-k prediction'"),
    "prediction_max_rows": (
        64, "rows", "of a block of predictions: more do not make it faster",
        "make bench-quick ARGS='-k prediction'"),
    "tasks_per_phase": (
        4, "tasks", "blocks of rows and shards of a layer: enough for a few threads, each large "
        "enough to be worth fetching", "benchmarks/two_builds.py --threads 2"),
    "block_min_rows": (
        16, "rows", "of a block at least: fewer rows use less of a tile",
        "benchmarks/two_builds.py"),
    "block_max_rows": (
        256, "rows", "of a block at most: its activations stay in the second cache",
        "benchmarks/two_builds.py"),
    "shard_numbers": (
        65536, "numbers", "of a layer's gradient that stay in the second cache until their update",
        "benchmarks/two_builds.py"),
    "shard_min_numbers": (
        2048, "numbers", "a layer of fewer is one shard", "not measured"),
    "large_matrix_bytes": (
        2**21, "bytes", "of a w^(l) from which on a thread takes several blocks of rows with one "
        "product: the second cache does not hold such a matrix from block to block",
        "784-2048-2048-10 and 784-4096-4096-10 both ways in turns"),
    "max_load": (
        1.1, "", "of a thread, in equal shares, when it takes several blocks with one product",
        "not measured"),
    "product_max_work": (
        6e9, "multiplications", "of float32 in one task, two products of rows with every w^(l), a "
        "tenth of a second: no signal is looked at meanwhile", "make interrupt"),
    "block_slow_rows": (
        32, "rows", "of a block at least that is cut for that reason: each reads all weights",
        "make interrupt"),
    # ------------------------------------------------------------ BLAS or own loops
    "blas_max_work": (
        1e6, "multiplications", "up to which the own loops get deltas and gradients of float32 "
        "without AVX2", "benchmarks/products.py"),
    "blas_matrix_bytes": (
        2**23, "bytes", "of a w^(l) of doubles from which on BLAS has δ w and δᵀ a with AVX-512",
        "benchmarks/products.py"),
    "blas_avx2_double_bytes": (
        2**21, "bytes", "the same with AVX2, given so many rows in a block as follow",
        "epochs of 784-512-512-10 to 784-2048-2048-10 both ways, Zen 3"),
    "blas_avx2_float_bytes": (
        2**22, "bytes", "the same of a w^(l) of floats",
        "epochs of 784-1024-1024-10 and 784-2048-2048-10 both ways, Zen 3"),
    "blas_avx2_rows": (128, "rows", "of a block at least: BLAS packs w for each", "as that"),
    "own_product_max_work": (
        2.5e9, "multiplications", "of a product of the own loops at most; from there on the packed "
        "panels of BLAS pay", "benchmarks/products.py"),
    "own_product_max_work_baseline": (
        5e7, "multiplications", "the same without AVX2, where the own loops use a fraction of the "
        "processor", "benchmarks/products.py"),
    # ------------------------------------------------------------ threads
    "parallel_batch_operations": (
        1e7, "floating-point operations", "in a batch from which on another thread pays",
        "benchmarks/two_builds.py --threads 2"),
    "parallel_call_operations": (
        1e7, "floating-point operations", "in a call from which on another thread pays, which is "
        "started for it (20 µs)", "benchmarks/two_builds.py --threads 2"),
    # ------------------------------------------------------------ zeros among the inputs
    "sparse_max_density": (
        0.25, "share", "of inputs that are not zero up to which the first layer takes only those: "
        "transposing w^(1) has to pay, and looking for zeros",
        "784 inputs, 8 to 512 units, both types, every instruction set"),
    "sparse_min_inputs": (64, "inputs", "likewise", "as sparse_max_density"),
    "sparse_min_units": (16, "units", "likewise: with 8 units only a tenth pays",
                         "as sparse_max_density"),
    "sparse_min_rows": (256, "rows", "likewise", "as sparse_max_density"),
    "sparse_transposing_rows": (
        2.0, "rows without a zero", "that those of a prediction from CSR must have as many numbers "
        "as, for w^(1) to be transposed: 500 rows of 80 of 20,000 inputs take 0.5 to 0.8 of that "
        "time given 100 units; given 32, 1.0 to 1.5",
        "predictions of 100 to 4,000 rows of 20,000-100-4, 20,000-32-4, 2,000-100-4, 5,000-64-4"),
    "sparse_few_a_batch": (
        1.0, "rows without a zero", "that those of a batch of CSR may have as many numbers as for "
        "w^(1) to learn where it lies: batches of 200 rows of 80 of 20,000 inputs take 0.7 to 0.95 "
        "of that time given 16 to 200 units; of 80 of 5,000 or 20 of 2,000 inputs 0.8 to 1.2",
        "fits of 2,000 such rows"),
    "sparse_in_place_density": (
        0.08, "share", "of the numbers of a prediction of fewer rows than sparse_min_rows that are "
        "not zero up to which CSR is not spread out: 200 rows of 200 of 5,000 inputs take 0.4 of "
        "that time, in float64 0.34", "as sparse_transposing_rows"),
    "sparse_keeping_share": (
        1.0, "inputs for each of the network's", "that are not zero, for which predictions have "
        "read w^(1) where it lies before it is transposed and kept: that takes as long as to read "
        "it for 0.2 to 0.5 (20,000 and 100,000 inputs, 16 to 200 units), 1.4 to 1.8 (2,000-100)",
        "predictions of 25 rows of 80 inputs, and of one with a copy to be made"),
    "sparse_keeping_bytes": (
        2**24, "bytes", "of such a copy at most where it has more than four times the numbers of "
        "w^(1): one unit fills a sixteenth of a vector of floats", "not measured"),
    "sparse_sampled_rows": (32, "rows", "that tell how many inputs are zero", "not measured"),
    # ------------------------------------------------------------ targets for derivatives
    "slopes_bytes": (
        2**20, "bytes", "of a microbatch that fits derivatives too, so that it stays in the second "
        "cache: with microbatch_bytes a gradient of 9-64-64-1 takes 1.8 times as long, of "
        "3-32-32-5 in float64 3 times", "python -P benchmarks/derivatives.py"),
    "slopes_min_rows": (64, "rows", "of it at least", "not measured"),
    # ------------------------------------------------------------ least squares
    "normal_bytes": (
        2**18, "bytes", "of [J r] computed before it goes into the normal equations, so that it "
        "stays in the second cache", "not measured"),
    "normal_min_rows": (
        256, "rows", "of [J r] at least: fewer read and write JᵀJ too often", "not measured"),
    "normal_tile": (
        128, "rows", "of the upper triangle of JᵀJ that one thread adds to at a time",
        "not measured"),
    "normal_own_tile": (
        16, "rows", "the same where the own loops compute it", "not measured"),
    "normal_own_parameters": (
        256, "parameters", "from which on BLAS computes JᵀJ; with 41 syrk takes 1.2 times as long "
        "as the whole product by own loops", "(1000, 42) by its transpose, AVX2"),
    # ------------------------------------------------------------ small batches, the interpreter
    "small_batch_rows": (
        256, "rows", "from which on a call is no small batch, whatever its work; results do not "
        "depend on it", "benchmarks/bench_steps.py"),
    "unlocked_parameters": (
        1e5, "parameters × rows", "from which on a small prediction gives up the interpreter's "
        "lock, so that other threads may go on", "not measured"),
    "locked_step_parameters": (
        2e6, "parameters", "up to which a small step keeps the lock", "not measured"),
    "signal_work": (
        4e8, "multiplications", "between two looks at the interpreter's signals: less than a tenth "
        "of a second, also in narrow networks, whose activations take longer than their products",
        "make interrupt"),
    "signal_update_work": (
        4e9, "multiplications", "of an update from which on a signal may leave it half done: each "
        "weight has then made its step or has not", "make interrupt"),
    "signal_scanned": (
        2e7, "numbers", "looked through for NaN between two looks at the signals, some 20 ms",
        "make interrupt"),
    "seconds_in_engine": (
        0.01, "s", "that several epochs may keep the interpreter waiting", "not measured"),
}

TUNING = {name: row[0] for name, row in NUMBERS.items()}


@contextmanager
def override(**numbers):
    """Let some of the numbers be others inside a ``with`` block.

    They hold for the whole process: no other thread should train meanwhile.

    Parameters
    ----------
    **numbers
        By the names of ``NUMBERS``.

    Raises
    ------
    TypeError
        If there is no number of that name.

    Examples
    --------
    >>> from bpcore._core import tuning
    >>> with tuning.override(parallel_batch_operations=0, parallel_call_operations=0):
    ...     pass  # every batch is shared by threads
    """
    global TUNING
    unknown = set(numbers) - set(NUMBERS)
    if unknown:
        raise TypeError(f"there is no tuned number {', '.join(sorted(unknown))}; there are "
                        f"{', '.join(NUMBERS)}")
    before = dict(TUNING)
    TUNING = {**before, **numbers}
    try:
        yield
    finally:
        TUNING = before
