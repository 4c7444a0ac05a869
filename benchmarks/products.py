"""Every product of a training step by the own loops and by BLAS: which is faster?

    python -P benchmarks/products.py [WORD ...] [--level avx512] [--dtype float32]

The words choose networks or products in whose line one of them occurs. The shapes are those that
training cuts from a batch today: blocks of rows for FORWARD (z = x wᵀ + b) and DELTA (δ w), shards
of a layer times a microbatch for GRADIENT (δᵀ a). One thread; own loops and BLAS in turns, the best
of several; on a lower level OpenBLAS takes the kernels of that level too.

Both come through the door for tests, which repeats a product without going back to Python; what it
does beside the product is subtracted: what a product of one number takes there. `~`: less than that
is left of one of them, too little to go by. The operands stay in the caches, as they do not quite
in an epoch, and lie in one piece: rows that are read by pointer (BLAS would have to gather them)
and a first layer that passes by zeros are not measured.
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
TABLES = {"30-100-1": (200,), "30-64-64-1": (64,)} | dict.fromkeys(
    ("20-64-32-1", "20-256-256-1", "64-64-32-10", "100-256-256-1", "4-32-16-4"), (32, 200)
)
PRODUCTS = ("FORWARD", "DELTA", "GRADIENT")
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
    """(layer, product, m, n, k), C (m, n) and k numbers in each sum, as training cuts them."""
    network = Network(sizes, dtype=dtype, init="zeros", n_threads=1)
    buffers = sizes[0] + 2 * sizes[-1] + 2 * sum(sizes[1:])
    microbatch = plan.microbatch_size(batch, buffers, np.dtype(dtype).itemsize)
    rows = min(network._rows_per_task(batch, 1)[0], microbatch)
    # a batch that is worth two threads is cut for several, however many there are
    operations = 6 * network.n_parameters * batch
    is_parallel = operations >= 2 * tuning.NUMBERS["parallel_batch_operations"][0]
    tasks = tuning.NUMBERS["tasks_per_phase"][0] if is_parallel else 1
    found = []
    for layer, (n_in, n_out) in enumerate(pairwise(sizes), start=1):
        found.append((layer, "FORWARD", rows, n_out, n_in))
        if layer > 1:
            found.append((layer, "DELTA", rows, n_in, n_out))
        found.append((layer, "GRADIENT", plan.shard_units(n_in, n_out, tasks), n_in, microbatch))
    return found


def call_of(product: str, m: int, n: int, k: int, dtype: str):
    """The product, on noise, as a function of how often it is done."""
    rng = np.random.default_rng(0)
    trans_a, trans_b = product == "GRADIENT", product == "FORWARD"
    A = rng.standard_normal((k, m) if trans_a else (m, k)).astype(dtype)
    B = rng.standard_normal((n, k) if trans_b else (k, n)).astype(dtype)
    C = np.zeros((m, n), dtype)
    bias = np.zeros(n, dtype) if trans_b else None
    return lambda times: multiply(A, B, trans_a, trans_b, 1.0, 0.0, C, bias, times)


def best_times(call) -> list[float]:
    """Seconds of a product by the own loops and by BLAS."""
    best, times = [float("inf")] * 2, [1, 1]
    for turn in range(TURNS + 1):
        for which, most in enumerate((float("inf"), 0.0)):
            with tuning.override(own_product_max_work=most, own_product_max_work_baseline=most):
                start = time.perf_counter()
                call(times[which])
                seconds = (time.perf_counter() - start) / times[which]
            if turn > 0:  # the first is for warming up and for counting
                best[which] = min(best[which], seconds)
            times[which] = max(1, min(10_000, int(SECONDS / seconds)))
    return best


def measure(name: str, dtype: str, words: list[str]) -> None:
    """Print the lines of a level, in this process."""
    level = LEVELS[name][0]
    if products.set_isa(level) != level:
        sys.exit(f"{name}: not on this processor")
    limit = tuning.NUMBERS["own_product_max_work" + ("" if level > 2 else "_baseline")][0]
    with threadpool_limits(1, "blas"):
        blas = {one.get("architecture") for one in threadpool_info() if one["user_api"] == "blas"}
        print(f"{name}, {dtype}; BLAS as {', '.join(map(str, blas))}")
        print(f"{'':56} {'own':>18} {'BLAS':>18}  BLAS/own  today")
        seen: set[tuple] = set()
        empty = {one: best_times(call_of(one, 1, 1, 1, dtype))[0] for one in PRODUCTS}
        for network, (sizes, batch) in networks().items():
            for layer, product, m, n, k in shapes(sizes, batch, dtype):
                line = f"{f'{network}:{layer}':26} {product:8} {m} x {n}, k {k}"
                chosen = not words or any(word in line for word in words)
                if not chosen or (product, m, n, k) in seen:
                    continue
                seen.add((product, m, n, k))
                took = best_times(call_of(product, m, n, k, dtype))
                own, other = [max(seconds - empty[product], 1e-9) for seconds in took]
                sure = " " if min(own, other) > empty[product] else "~"
                each = [f"{t * 1e6:8.2f} µs {2e-9 * m * n * k / t:6.1f}" for t in (own, other)]
                today = "own" if m * n * k <= limit else "BLAS"
                print(f"{line:56}", *each, f"{sure}{other / own:7.2f}  {today}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*")
    parser.add_argument("--level", choices=LEVELS, help="default: avx512 and avx2")
    parser.add_argument("--dtype", choices=("float32", "float64"), help="default: both")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        return measure(options.level, options.dtype, options.words)
    print(f"{processor()}; µs and GFLOP/s", flush=True)
    for level in [options.level] if options.level else ("avx512", "avx2"):
        # OpenBLAS chooses its kernels when it is loaded: a process for each level
        environment = {k: v for k, v in os.environ.items() if k not in OPENBLAS_SETTINGS}
        environment |= {"OPENBLAS_CORETYPE": LEVELS[level][1]} if LEVELS[level][1] else {}
        for dtype in [options.dtype] if options.dtype else ("float32", "float64"):
            command = [sys.executable, "-P", __file__, "--here", "--level", level, "--dtype", dtype]
            subprocess.run([*command, "--", *options.words], env=environment)


if __name__ == "__main__":
    main()
