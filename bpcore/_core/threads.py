"""Threads: how many there may be, and BLAS held at one while a network trains.

The products of a training step are small: BLAS's own threads cost more there than they bring,
and processes that train side by side would oversubscribe the machine. The limit is set once a
fit, not once a step; where several fits run at the same time, the first one sets it and the
last one puts back what was there.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

_lock = threading.Lock()
_n_inside = 0
_limit: Any = None


def usable_processors() -> int:
    """How many threads may run side by side.

    As many as this process has processors, and no more than OMP_NUM_THREADS, which joblib sets
    in its workers.
    """
    if hasattr(os, "sched_getaffinity"):
        processors = len(os.sched_getaffinity(0))
    else:
        processors = os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(processors, int(limit)) if limit.isdigit() and int(limit) > 0 else processors


def threads_for(n_jobs: int | None) -> int | None:
    """How many threads `n_jobs` asks for, in joblib's way of counting; None: no limit is set.

    -1 is all usable processors, -2 all but one, and so on; never fewer than one.
    """
    if n_jobs is None or n_jobs > 0:
        return n_jobs
    return max(1, usable_processors() + 1 + n_jobs)


@cache
def _controller() -> Any:
    # Looks through the loaded libraries: milliseconds, so once a process.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def blas_libraries() -> list[dict[str, Any]]:
    """The BLAS libraries of the process, SciPy's first."""
    import scipy.linalg.cython_blas as scipy_blas

    folder = os.path.dirname(os.path.dirname(os.path.dirname(scipy_blas.__file__)))
    found = [
        {
            "name": library.get("internal_api"),
            "version": library.get("version"),
            "core_type": library.get("architecture"),
            "threads": library.get("num_threads"),
            "file": os.path.basename(library["filepath"]),
            "is_scipys": library["filepath"].startswith(os.path.join(folder, "scipy")),
        }
        for library in _controller().info()
        if library.get("user_api") == "blas"
    ]
    found.sort(key=lambda library: not library.pop("is_scipys"))
    return found


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit every BLAS of the process to one thread."""
    global _n_inside, _limit
    with _lock:
        if _n_inside == 0:
            _limit = _controller().limit(limits=1, user_api="blas")
        _n_inside += 1
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _limit.restore_original_limits()
                _limit = None
