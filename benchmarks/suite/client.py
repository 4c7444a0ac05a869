"""The other end of the workers, and the file of results."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from suite import machine
from suite.tasks import Task

FOLDER = Path(__file__).parents[1]
ROOT = FOLDER.parent


class WorkerError(RuntimeError):
    """A worker could not do its job; the message is its traceback."""


def environment(threads: int, keep: bool = False) -> dict[str, str]:
    """A worker's: its number of threads, and OpenBLAS as it chooses for itself."""
    variables = dict(os.environ)
    if not keep:
        for name in machine.OPENBLAS_SETTINGS:
            variables.pop(name, None)
    for name in ("OMP", "OPENBLAS", "MKL"):
        variables[f"{name}_NUM_THREADS"] = str(threads)
    paths = [str(FOLDER), variables.get("PYTHONPATH", "")]
    variables["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    variables["JAX_PLATFORMS"] = "cpu"
    return variables


class Worker:
    """One process that measures; see `suite.worker`."""

    def __init__(
        self, threads: int, dtype: str, keep: bool = False, python: str = sys.executable
    ) -> None:
        self.key = (threads, dtype)
        self._process = subprocess.Popen(
            [python, "-P", "-m", "suite.worker", str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(threads, keep),
            cwd=FOLDER,
        )

    def do(self, job: str, **options) -> dict:
        if isinstance(options.get("task"), Task):
            options["task"] = options["task"].as_dict()
        request = json.dumps({"job": job, "options": options})
        try:
            print(request, file=self._process.stdin, flush=True)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"the worker ended with code {self._process.wait()}; see its stderr")
        answer = json.loads(line)
        if "error" in answer:
            raise WorkerError(answer["error"])
        return answer["result"]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def memory(name: str, threads: int, task: Task, keep: bool = False) -> dict:
    """`suite.memory` in a process of its own."""
    arguments = [name, str(threads), json.dumps(task.as_dict())]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "suite.memory", *arguments],
        capture_output=True,
        text=True,
        env=environment(threads, keep),
        cwd=FOLDER,
    )
    if done.returncode:
        raise WorkerError(done.stderr)
    return json.loads(done.stdout)


class Results:
    """What a run found, written after every measurement, so that an interrupted run has its part.

    One entry a question: a task, a dtype and a number of threads. What is measured again takes
    the place of the older entry.
    """

    def __init__(self, path: Path, facts: dict, add: bool = False) -> None:
        self.path = path
        self.content = {"measured": [], "libraries": {}}
        if add and path.is_file():
            self.content = json.loads(path.read_text(encoding="utf-8"))
        self.content.update(facts)

    def put(self, kind: str, key: str, dtype: str, threads: int, result: dict) -> None:
        entry = {"kind": kind, "key": key, "dtype": dtype, "threads": threads}
        kept = [e for e in self.content["measured"] if {k: e[k] for k in entry} != entry]
        entry |= {"date": time.strftime("%Y-%m-%d %H:%M"), **result}
        self.content["measured"] = [*kept, entry]
        self.write()

    def write(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.content, indent=1, ensure_ascii=False)
        self.path.write_text(text + "\n", encoding="utf-8")
