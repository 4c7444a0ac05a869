"""How long does an epoch take, beside the others?"""

from dataclasses import replace

from suite.tasks import TRAINING

QUICK = (("seed", 1), ("nielsen", 1), ("default", 1), ("wide", 1), ("default", 2), ("wide", 2))
QUICK += (("expm-200", 1), ("expm-10000", 1))


def cases(settings):
    if settings.quick:
        rows = {"nielsen": 20_000, "wide": 12_800}
        short = TRAINING | {name: replace(TRAINING[name], rows=n) for name, n in rows.items()}
        return [(short[name], threads) for name, threads in QUICK]
    doubles = [replace(task, dtype="float64") for task in TRAINING.values()]
    return [(task, n) for n in settings.threads for task in (*TRAINING.values(), *doubles)]


def test_training(bench, case):
    bench.measure("training", case, bench.settings.trainers())
