"""Every product of a training step by the own loops and by BLAS: which is faster?

    python -P benchmarks/products.py [WORD ...] [--level avx512] [--dtype float32] [--check]

The words choose networks or products in whose line one of them occurs. `chosen`: which of the two
the plan takes; `!` where the other was more than 5 % faster. `--check` fails if that is so of any
but FORWARD, which is always own so that a row has one result. The shapes are those that
training cuts from a batch today: blocks of rows for FORWARD (z = x wᵀ + b) and DELTA (δ w), shards
of a layer times a microbatch for GRADIENT (δᵀ a). One thread; own loops and BLAS in turns, the best
of several; on a lower level OpenBLAS takes the kernels of that level too.

Both come through the door for tests, which repeats a product without going back to Python; what it
does beside the product is subtracted: what a product of one number takes there. `~`: less than that
is left of one of them, too little to go by. The operands and BLAS's code stay in the caches, as
they do not quite in an epoch: ask `Network.fit` both ways too, with `tuning.override`, before a row
of the choice is changed. Rows that are read by pointer (BLAS would have to gather them) and a first
layer that passes by zeros are not measured.
"""

import argparse
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from bpcore import Network
from bpcore._core import plan, products, tuning
from bpcore._core.testing import multiply

sys.path.insert(0, str(Path(__file__).parent))

from suite.machine import OPENBLAS_SETTINGS, processor
from suite.tasks import STEPS, TRAINING

# level: its number in bpcore, and what OpenBLAS calls a processor that has no more
LEVELS = {"avx512": (4, None), "avx2": (3, "Haswell"), "baseline": (2, "Prescott")}
# 32 rows are a batch of Network.fit by default, 200 one of the estimators
TABLES = dict.fromkeys(("20-64-32-1", "20-256-256-1", "64-64-32-10", "4-32-16-4"), (32, 200))
PRODUCTS = ("FORWARD", "DELTA", "GRADIENT")
EPOCH_ROWS = 100_000
TURNS = 7
SECONDS = 0.002


def networks() -> dict[str, tuple[tuple[int, ...], int]]:
    """Name -> (layer sizes, rows of a batch)."""
    tasks = [*TRAINING.values(), *STEPS.values()]
    found = {task.name: (task.sizes, task.batch or task.rows) for task in tasks}
    for name, batches in TABLES.items():
        sizes = tuple(map(int, name.split("-")))
        found |= {f"{name}, {batch} rows": (sizes, batch) for batch in batches}
    return found


def shapes(sizes: tuple[int, ...], batch: int, dtype: str) -> list[tuple]:
    """(layer, product, m, n, k, is own), C (m, n) and k numbers in each sum, as training cuts
    them."""
    network = Network(sizes, dtype=dtype, init="zeros", n_threads=1)
    buffers = sizes[0] + 2 * sizes[-1] + 2 * sum(sizes[1:])
    microbatch = plan.microbatch_size(batch, buffers, np.dtype(dtype).itemsize)
    rows = min(network._rows_per_task(batch, 1)[0], microbatch)
    # a batch that is worth two threads is cut for several, however many there are
    operations = 6 * network.n_parameters * batch
    is_parallel = operations >= 2 * tuning.NUMBERS["parallel_batch_operations"][0]
    tasks = tuning.NUMBERS["tasks_per_phase"][0] if is_parallel else 1
    found = []
    chosen = network._own_products(EPOCH_ROWS, batch)
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        forward, delta, gradient = chosen[layer - 1]
        units = plan.shard_units(n_in, n_out, tasks)
        found.append((layer, "FORWARD", rows, n_out, n_in, forward))
        if layer > 1:
            found.append((layer, "DELTA", rows, n_in, n_out, delta))
        found.append((layer, "GRADIENT", units, n_in, microbatch, gradient))
    return found


def call_of(product: str, m: int, n: int, k: int, dtype: str):
    """The product, on noise, as a function of how often it is done and by which way."""
    rng = np.random.default_rng(0)
    trans_a, trans_b = product == "GRADIENT", product == "FORWARD"
    A = rng.standard_normal((k, m) if trans_a else (m, k)).astype(dtype)
    B = rng.standard_normal((n, k) if trans_b else (k, n)).astype(dtype)
    C = np.zeros((m, n), dtype)
    bias = np.zeros(n, dtype) if trans_b else None
    return lambda times, own: multiply(A, B, trans_a, trans_b, 1.0, 0.0, C, bias, times, own)


def best_times(call, way: int = 1) -> list[float]:
    """Seconds of a product by a way of the own loops and by BLAS."""
    best, times = [float("inf")] * 2, [1, 1]
    for turn in range(TURNS + 1):
        for which, own in enumerate((way, 0)):
            start = time.perf_counter()
            call(times[which], own)
            seconds = (time.perf_counter() - start) / times[which]
            if turn > 0:  # the first is for warming up and for counting
                best[which] = min(best[which], seconds)
            times[which] = max(1, min(10_000, int(SECONDS / seconds)))
    return best


def measure(name: str, dtype: str, words: list[str]) -> int:
    """Print the lines of a level, in this process; returns how many were chosen badly."""
    wrong = 0
    level = LEVELS[name][0]
    if products.set_isa(level) != level:
        sys.exit(f"{name}: not on this processor")
    with threadpool_limits(1, "blas"):
        blas = {one.get("architecture") for one in threadpool_info() if one["user_api"] == "blas"}
        print(f"{name}, {dtype}; BLAS as {', '.join(map(str, blas))}")
        print(f"{'':56} {'own':>18} {'BLAS':>18}  BLAS/own  chosen")
        seen: set[tuple] = set()
        empty = {one: best_times(call_of(one, 1, 1, 1, dtype))[0] for one in PRODUCTS}
        for network, (sizes, batch) in networks().items():
            for layer, product, m, n, k, is_own in shapes(sizes, batch, dtype):
                line = f"{f'{network}:{layer}':26} {product:8} {m} x {n}, k {k}"
                wanted = not words or any(word in line for word in words)
                if not wanted or (product, m, n, k, is_own) in seen:
                    continue
                seen.add((product, m, n, k, is_own))
                took = best_times(call_of(product, m, n, k, dtype), int(is_own) or 1)
                own, other = [max(seconds - empty[product], 1e-9) for seconds in took]
                sure = " " if min(own, other) > empty[product] else "~"
                each = [f"{t * 1e6:8.2f} µs {2e-9 * m * n * k / t:6.1f}" for t in (own, other)]
                chosen = ("BLAS", "own", "own, w transposed", "own, dot products")[int(is_own)]
                ratio = other / own if is_own else own / other
                if ratio < 0.95 and sure == " ":
                    chosen += " !"
                    wrong += product != "FORWARD"
                print(f"{line:56}", *each, f"{sure}{other / own:7.2f}  {chosen}", flush=True)
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--level", choices=LEVELS, help="default: avx512 and avx2")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="default: both")
    parser.add_argument("--check", action="store_true", help="fail where a choice is a bad one")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        sys.exit(min(measure(options.level, options.dtype, options.words), 100))
    wrong = 0
    print(f"{processor()}; µs and GFLOP/s", flush=True)
    for level in [options.level] if options.level else ("avx512", "avx2"):
        # OpenBLAS chooses its kernels when it is loaded: a process for each level
        environment = {k: v for k, v in os.environ.items() if k not in OPENBLAS_SETTINGS}
        environment |= {"OPENBLAS_CORETYPE": LEVELS[level][1]} if LEVELS[level][1] else {}
        for dtype in [options.dtype] if options.dtype else ("float32", "float64"):
            command = [sys.executable, "-P", __file__, "--here", "--level", level, "--dtype", dtype]
            wrong += subprocess.run([*command, "--", *options.words], env=environment).returncode
    if options.check and wrong:
        sys.exit(f"{wrong} products are slower as they are chosen")


if __name__ == "__main__":
    main()
