"""Two builds of bpcore in turns, on the same data: is one of them faster?

    python -P benchmarks/two_builds.py PYTHON OTHER_PYTHON [WORKLOAD ...]

Each is the interpreter of an environment that has one of the builds.  ``make bench-native``
compares the wheel for all processors with a build for this very one.
"""

import argparse
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent))

from suite.client import Worker
from suite.tasks import PREDICTION_ROWS, PREDICTION_SIZES, STEPS, TRAINING, prediction_task

ROUNDS = 6
SECONDS = 0.3


def questions() -> dict[str, tuple[str, object]]:
    """What can be asked: name -> (kind of job, task)."""
    found = {name: ("training", task) for name, task in TRAINING.items()}
    found |= {f"step: {name}": ("steps", task) for name, task in STEPS.items()}
    for sizes in PREDICTION_SIZES:
        for rows in PREDICTION_ROWS:
            task = prediction_task(sizes, rows)
            found[f"predict: {task.name}"] = ("prediction", task)
    return found


def best_times(workers: list[Worker], job: str, task, threads: int) -> list[list[float]]:
    """The best time of every round, for each build; who begins changes from round to round."""
    times = [[] for _ in workers]
    for turn in range(ROUNDS):
        for which in (0, 1) if turn % 2 == 0 else (1, 0):
            options = {"check": False} if job == "training" else {}
            result = workers[which].do(
                job,
                task=task,
                names=["bpcore"],
                threads=threads,
                rounds=1,
                seconds=SECONDS,
                **options,
            )
            times[which].append(result["peers"]["bpcore"]["best"])
    return times


def main() -> int:
    everything = questions()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs=2, metavar="PYTHON")
    parser.add_argument("workloads", nargs="*", help=f"of {', '.join(everything)}; default: all")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    unknown = set(options.workloads) - set(everything)
    if unknown:
        parser.error(f"there is no workload {', '.join(sorted(unknown))}")
    # not resolved: the interpreter of an environment is a link to one outside it
    pythons = [str(Path(python).absolute()) for python in options.pythons]
    workers = [Worker(options.threads, "float32", python=python) for python in pythons]
    print(f"{'':30s} {'first':>10s} {'second':>10s}   second/first (best; median of rounds)")
    for name in options.workloads or everything:
        first, second = best_times(workers, *everything[name], options.threads)
        print(
            f"{name:30s} {min(first) * 1e3:7.4g} ms {min(second) * 1e3:7.4g} ms"
            f"   {min(second) / min(first):.3f}  {median(second) / median(first):.3f}",
            flush=True,
        )
    for worker in workers:
        worker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
