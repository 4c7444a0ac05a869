"""Training from a memory-mapped file: at the disk's speed?

    python -P benchmarks/from_disk.py FILE [--gigabytes 4] [--shuffle]

FILE is written (rows of 784 bytes, noise) where it does not exist with that size.  Before every
measurement the system is asked to forget the file's pages, as it has to where the file is larger
than the memory; then it is read as fast as plain reading goes, and then an epoch of 784-16-16-10 is
trained from `bpcore.scaled(numpy.memmap(FILE))`, whose pages come when they are needed.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np

import bpcore

COLUMNS = 784
CHUNK = 1 << 23


def write(path: Path, rows: int) -> None:
    rng = np.random.default_rng(0)
    with open(path, "wb") as file:
        for first in range(0, rows, 10_000):
            file.write(rng.bytes(min(10_000, rows - first) * COLUMNS))
        file.flush()
        os.fsync(file.fileno())


def forget(path: Path) -> None:
    """Have the system drop what it keeps of the file."""
    with open(path, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read(path: Path) -> float:
    """Seconds to read the file from its beginning to its end."""
    buffer = bytearray(CHUNK)
    start = time.perf_counter()
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass
    return time.perf_counter() - start


def kilobytes(what: str) -> int:
    """A line of /proc/self/status; RssAnon leaves the file's pages out."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1])
    raise RuntimeError(f"no {what} in /proc/self/status: this needs Linux")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--gigabytes", type=float, default=4.0)
    parser.add_argument("--shuffle", action="store_true", help="rows in random order")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    rows = int(options.gigabytes * 1e9 / COLUMNS)
    if not options.file.exists() or options.file.stat().st_size != rows * COLUMNS:
        print(f"writing {rows * COLUMNS / 1e9:.1f} GB ...", flush=True)
        write(options.file, rows)
    Y = np.zeros((rows, 10), np.uint8)
    Y[np.arange(rows), np.arange(rows) % 10] = 1
    net = bpcore.Network((COLUMNS, 16, 16, 10), random_state=0, n_threads=options.threads)
    before = kilobytes("RssAnon")
    for turn in range(3):
        forget(options.file)
        seconds = read(options.file)
        forget(options.file)
        pixels = np.memmap(options.file, np.uint8, "r", shape=(rows, COLUMNS))
        start = time.perf_counter()
        net.fit(
            bpcore.scaled(pixels), Y, epochs=1, learning_rate=0.1, shuffle=options.shuffle,
            random_state=0,
        )  # fmt: skip
        epoch = time.perf_counter() - start
        del pixels  # what is mapped is not forgotten
        size = rows * COLUMNS / 1e6
        print(
            f"turn {turn + 1}: reading {size / seconds:6.0f} MB/s, an epoch {size / epoch:6.0f} "
            f"MB/s ({seconds / epoch:.0%}); {(kilobytes('RssAnon') - before) / 1e3:.0f} MB of "
            "memory of its own more than before",
            flush=True,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
