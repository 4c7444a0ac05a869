"""The peak of memory while training, above the inputs: one peer, one fresh process.

    python -P -m suite.memory PEER THREADS '{"name": …}'

The inputs are made first, then a small network is trained once, so that the libraries' own
pages are there. What counts is how far the resident memory rises above that.
"""

import ctypes
import gc
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from suite.tasks import Task


def _status(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(key + ":"):
            return 1024 * int(line.split()[1])
    raise RuntimeError(f"/proc/self/status has no {key}")


def measure(name: str, threads: int, task: Task) -> dict:
    """Bytes above the inputs that `name` needs to train the task."""
    from suite import peers
    from suite.data import examples
    from suite.tasks import initial_layers

    trainer_class = peers.trainer(name)
    data = examples(task)
    data.X.sum(), data.Y.sum()
    few = replace(task, sizes=(task.sizes[0], 8, task.sizes[-1]), rows=min(task.rows, 1000))
    trainer_class(few, data.first(few.rows), initial_layers(few), threads).run(2)
    layers = initial_layers(task)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free but kept would hide what comes
    before = _status("VmRSS")
    trainer = trainer_class(task, data, layers, threads)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts anew
    trainer.run(2)
    return {
        "peak": _status("VmHWM") - before,
        "inputs": data.X.nbytes + data.Y.nbytes,
        "bound": bound(task),
    }


def bound(task: Task) -> int:
    """The goal: three vectors of parameters, one batch's buffers, the order of the rows.

    A batch's buffers: its inputs and targets, and a, z and δ of every layer. 4 MB are allowed
    for what the process itself gathers meanwhile.
    """
    size = 4 if task.dtype == "float32" else 8
    batch = task.batch or task.rows
    buffers = batch * (task.sizes[0] + task.sizes[-1] + 3 * sum(task.sizes[1:]))
    return 3 * size * task.parameters + size * buffers + 8 * task.rows + (4 << 20)


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    from suite import machine

    os.sched_setaffinity(0, machine.cpus(int(sys.argv[2])) or os.sched_getaffinity(0))
    found = measure(sys.argv[1], int(sys.argv[2]), Task.of(json.loads(sys.argv[3])))
    print(json.dumps(found), file=answers, flush=True)
