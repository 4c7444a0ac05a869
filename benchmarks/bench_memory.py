"""How much memory does training take above the inputs?"""

from dataclasses import replace

from suite.tasks import TRAINING


def cases(settings):
    if settings.quick:
        return [(TRAINING["seed"], 1), (replace(TRAINING["wide"], rows=12_800), 1)]
    tasks = [
        TRAINING[name] for name in ("seed", "nielsen", "default", "wide", "huge", "expm-10000")
    ]
    tasks.append(replace(TRAINING["seed"], dtype="float64"))
    return [(task, n) for n in settings.threads for task in tasks]


def test_memory(bench, case):
    alone = bench.settings.quick or case.threads > 1
    names = ("bpcore",) if alone else ("bpcore", "sklearn", "torch", "jax")
    bench.memory(case, bench.settings.some(*names))
