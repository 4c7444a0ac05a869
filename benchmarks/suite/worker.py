"""A process that measures with one number of threads and one dtype.

    python -P -m suite.worker THREADS

It limits itself to as many processors before it loads any library; that is the one limit that
all of them obey, JAX's CPU client included. Requests come as lines of JSON on stdin, answers go
as lines of JSON to what stdout was; everything that libraries print goes to stderr.
"""

import json
import os
import sys
import traceback


def main() -> None:
    threads = int(sys.argv[1])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from suite import machine

    chosen = machine.cpus(threads)
    if chosen is None:
        raise SystemExit(f"{threads} threads asked for, {len(os.sched_getaffinity(0))} processors")
    os.sched_setaffinity(0, chosen)

    from suite.jobs import JOBS
    from suite.tasks import Task

    for line in sys.stdin:
        request = json.loads(line)
        if "task" in request["options"]:
            request["options"]["task"] = Task.of(request["options"]["task"])
        try:
            answer = {"result": JOBS[request["job"]](**request["options"])}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
