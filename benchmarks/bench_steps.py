"""How long does one update take, through the door that each library has for single steps?"""

from suite.tasks import STEPS


def cases(settings):
    tasks = list(STEPS.values())[: 1 if settings.quick else None]
    return [(task, 1) for task in tasks]


def test_steps(bench, case):
    bench.measure("steps", case, bench.settings.trainers())
