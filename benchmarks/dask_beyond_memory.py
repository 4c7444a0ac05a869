"""Training from Parquet files that are larger than the workers' memory, on one machine.

    python -P benchmarks/dask_beyond_memory.py FOLDER [--rows 40000000] [--limit 1GB] [--rounds 2]

FOLDER gets files of a million rows of 30 float32 columns and a label, where it has not got so many.
Then the files are read alone, column by column, and trained on by the five lines of the
documentation. The most memory that each process has held is what the system says (VmHWM).
"""

import argparse
import time
import warnings
from pathlib import Path

import dask
import dask.dataframe as dd
import numpy as np
import pandas as pd
from distributed import Client, LocalCluster

from bpcore.dask import DaskMLPClassifier

COLUMNS = [f"x{k}" for k in range(30)]
FILE_ROWS = 1_000_000


def write(folder, rows):
    """A noisy rule over a few of the columns."""
    folder.mkdir(parents=True, exist_ok=True)
    for k in range(rows // FILE_ROWS):
        path = folder / f"{k:04}.parquet"
        if path.exists():
            continue
        rng = np.random.default_rng(k)
        X = rng.standard_normal((FILE_ROWS, len(COLUMNS)), dtype=np.float32)
        y = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + 0.3 * X[:, 3] > 0
        frame = pd.DataFrame(X, columns=COLUMNS).assign(y=y.astype(np.int8))
        part = path.with_suffix(".part")
        frame.to_parquet(part, index=False, row_group_size=FILE_ROWS // 4)
        part.rename(path)


def most_memory(dask_worker=None):
    """Bytes: VmHWM of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("no VmHWM in /proc/self/status: this needs Linux")


def read_alone(folder, rows):
    """Rows a second of reading every file, nothing being kept."""
    start = time.perf_counter()
    total = 0
    for path in sorted(folder.glob("*.parquet"))[: rows // FILE_ROWS]:
        total += len(pd.read_parquet(path, columns=[*COLUMNS, "y"]))
    took = time.perf_counter() - start
    print(f"reading alone, one process: {took:.1f} s, {total / took:,.0f} rows/s")


def main():
    """Write, read, train."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=40_000_000)
    parser.add_argument("--limit", default="1GB")
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    write(given.folder, given.rows)
    read_alone(given.folder, given.rows)
    files = [str(given.folder / f"{k:04}.parquet") for k in range(given.rows // FILE_ROWS)]
    # Arrow's own pool would keep what it has read into
    dask.config.set({"distributed.nanny.pre-spawn-environ.ARROW_DEFAULT_MEMORY_POOL": "system"})
    at = [time.perf_counter()]
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=given.limit, dashboard_address=":0"
        ) as cluster,
        Client(cluster) as client,
    ):
        table = dd.read_parquet(files, split_row_groups=True)
        clf = DaskMLPClassifier(
            (64,), local_updates="pass", batch_size=500, max_iter=given.rounds, random_state=0,
            callback=lambda est: at.append(time.perf_counter()),
        )  # fmt: skip
        clf.fit(table[COLUMNS], table["y"])
        for k, took in enumerate(np.diff(at)):
            print(
                f"round {k + 1}{' (loading included)' * (k == 0)}: {took:.1f} s, "
                f"{given.rows / took:,.0f} rows/s, loss {clf.loss_curve_[k]:.4f}"
            )
        held = client.run(most_memory)
        print(
            f"most memory: workers {', '.join(f'{one / 1e9:.2f} GB' for one in held.values())}, "
            f"client and scheduler {most_memory() / 1e9:.2f} GB; the files have "
            f"{sum(Path(one).stat().st_size for one in files) / 1e9:.1f} GB"
        )


if __name__ == "__main__":
    main()
