"""Does the time a FLOP stay the same as networks, batches and data grow?"""

from dataclasses import replace

import pytest
from suite.tasks import SWEEPS

# From here on only those that need no minute for an epoch.
MANY_ROWS = 1_000_000


def cases(settings):
    if settings.quick:
        return []
    return [
        (make(value), threads)
        for threads in settings.threads
        for make, values in SWEEPS.values()
        for value in values
    ]


@pytest.fixture(scope="module")
def agreed(bench):
    """Sweeps whose peers were found to learn the same thing."""
    return set()


def test_scaling(bench, case, agreed):
    axis = case.task.name.split()[0]
    names = bench.settings.trainers("bpcore", "sklearn", "torch", "jax")
    if axis == "epochs":
        names = bench.settings.trainers("bpcore")
    if (axis, case.threads) not in agreed:
        make, values = SWEEPS[axis]
        # In float64: a float32 peer's rounding, which Adam enlarges, is not what is asked here.
        task = replace(make(values[min(2, len(values) - 1)]), dtype="float64")
        found = bench.ask("agreement", case.threads, task.dtype, names, task=task)
        assert found["wrong"] == {}
        agreed.add((axis, case.threads))
    if case.task.rows >= MANY_ROWS:
        names = [name for name in names if name in ("bpcore", "jax")]
    bench.measure("scaling", case, names, rounds=min(3, bench.settings.rounds), seconds=0.2)
