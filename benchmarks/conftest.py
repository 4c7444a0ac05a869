"""Options, the workers and the report of the benchmarks."""

import os
import shlex
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from suite import client, machine, peers, report, tables
from suite.data import images_name
from suite.tasks import Task

UNSET = "BPCORE_BENCH_UNSET"
SETTINGS, NOTES, RESULTS = (pytest.StashKey() for _ in range(3))


def pytest_addoption(parser):
    group = parser.getgroup("benchmarks side by side")
    group.addoption("--quick", action="store_true", help="the essentials, in two minutes")
    group.addoption("--threads", default="1,2", help="numbers of threads, default 1,2")
    group.addoption("--peers", default="", help=f"only these of {','.join(peers.ALL)}")
    group.addoption("--rounds", type=int, help="turns of each peer")
    group.addoption("--turn", type=float, help="seconds of a turn")
    group.addoption(
        "--results",
        type=Path,
        default=client.ROOT / "build" / "bench" / "results.json",
        help="the file of results, default build/bench/results.json; the report goes beside it",
    )
    group.addoption("--add", action="store_true", help="keep what the file of results holds")
    group.addoption("--docs", action="store_true", help="write the results into docs/ as well")
    group.addoption(
        "--keep-openblas",
        action="store_true",
        help=f"leave {' and '.join(machine.OPENBLAS_SETTINGS)} as they are preset",
    )


@dataclass(frozen=True)
class Settings:
    """What was asked for on the command line."""

    quick: bool
    threads: tuple[int, ...]
    peers: tuple[str, ...]
    rounds: int
    seconds: float
    keep: bool

    def trainers(self, *names):
        return self.some(*(names or peers.TRAINERS))

    def some(self, *names):
        """Those of the named peers that are installed and asked for."""
        return [name for name in peers.present(names) if name in self.peers]


@dataclass(frozen=True)
class Case:
    """One measurement: what, with which dtype and how many threads."""

    task: Task
    threads: int

    def __str__(self):
        return f"{self.task.name}-{self.task.dtype}-{self.threads}"


def _settings(config):
    option = config.getoption
    quick = option("quick")
    try:
        threads = tuple(int(word) for word in option("threads").split(","))
    except ValueError:
        raise pytest.UsageError(f"--threads takes numbers, got {option('threads')!r}") from None
    names = tuple(option("peers").split(",")) if option("peers") else tuple(peers.ALL)
    if unknown := set(names) - set(peers.ALL):
        raise pytest.UsageError(f"--peers: there is no {', '.join(sorted(unknown))}")
    return Settings(
        quick=quick,
        threads=threads,
        peers=names,
        rounds=option("rounds") or (3 if quick else 5),
        seconds=option("turn") or (0.2 if quick else 0.5),
        keep=option("keep_openblas"),
    )


def pytest_configure(config):
    preset = {name: os.environ[name] for name in machine.OPENBLAS_SETTINGS if name in os.environ}
    config.stash[SETTINGS] = _settings(config)
    if preset and not config.stash[SETTINGS].keep:
        _start_again_without(config, preset)
    notes = config.stash[NOTES] = []
    if preset:
        words = ", ".join(f"{name}={value}" for name, value in preset.items())
        notes.append(f"{words} was set, and kept: OpenBLAS may be slower than it is.")
    if words := os.environ.get(UNSET):
        notes.append(f"{words} was preset here, and was unset for these figures.")


def _start_again_without(config, preset):
    """OpenBLAS reads its settings when it is loaded: only a new process is free of them."""
    variables = {name: value for name, value in os.environ.items() if name not in preset}
    variables[UNSET] = ", ".join(f"{name}={value}" for name, value in preset.items())
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture:
        capture.stop_global_capturing()
    print(f"{variables[UNSET]} is preset: starting again without it (--keep-openblas keeps it)")
    sys.stdout.flush()
    os.execve(sys.executable, sys.orig_argv, variables)


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        settings = metafunc.config.stash[SETTINGS]
        cases = metafunc.module.cases(settings)
        wanted = [Case(task, n) for task, n in cases if n in settings.threads]
        metafunc.parametrize("case", wanted, ids=str)


def pytest_collection_modifyitems(items):
    """One worker after the other: sorted by threads and dtype, otherwise as they stand."""

    def worker(item):
        case = getattr(item, "callspec", None) and item.callspec.params.get("case")
        return (case.threads, case.task.dtype) if isinstance(case, Case) else (0, "")

    items.sort(key=worker)


class Bench:
    """Asks workers, keeps what they answer, says it."""

    def __init__(self, config):
        self.config, self.settings = config, config.stash[SETTINGS]
        self.worker = None
        path = config.getoption("results")
        names = peers.absent(self.settings.peers)
        facts = {
            "facts": machine.facts(),
            "date": time.strftime("%Y-%m-%d %H:%M"),
            "command": _command(config),
            "revision": machine.revision(client.ROOT),
            "images": images_name(),
            "settings": {"rounds": self.settings.rounds, "seconds": self.settings.seconds},
            "notes": config.stash[NOTES],
            "absent": names,
        }
        self.results = client.Results(path, facts, add=config.getoption("add"))
        for words in names.values():
            self.say(words)

    def say(self, words):
        with self.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print("\n" + words, end="", flush=True)

    def ask(self, job, threads, dtype, names, **options):
        """The answer of the worker for so many threads and that dtype."""
        if machine.cpus(threads) is None:
            pytest.skip(f"there are fewer than {threads} processors")
        if not names:
            pytest.skip("none of the peers is installed and asked for")
        if self.worker is None or self.worker.key != (threads, dtype):
            self.close()
            self.worker = client.Worker(threads, dtype, self.settings.keep)
            libraries = self.worker.do("describe", names=self.settings.some(*peers.ALL))
            label = f"{threads} thread{'s' * (threads > 1)}"
            self.results.content["libraries"].setdefault(label, libraries)
        try:
            return self.worker.do(job, names=names, threads=threads, **options)
        except client.WorkerError:
            self.close()
            raise

    def measure(self, job, case, names, key=None, **options):
        """Let the peers take turns, keep the result, and fail where a peer went astray."""
        key = key or case.task.name
        options = {"rounds": self.settings.rounds, "seconds": self.settings.seconds} | options
        found = self.ask(job, case.threads, case.task.dtype, names, task=case.task, **options)
        self.results.put(job, key, case.task.dtype, case.threads, found)
        self.say(f"{case.threads} × {case.task.dtype} {job} {key}: {_in_brief(found)}")
        if "left_out" not in found:
            assert found["wrong"] == {}
            assert set(found["peers"]) >= set(names)

    def memory(self, case, names):
        entry = {"task": case.task.as_dict(), "peers": {}}
        for name in names:
            found = client.memory(name, case.threads, case.task, self.settings.keep)
            entry["peers"][name] = found
        key = case.task.name
        self.results.put("memory", key, case.task.dtype, case.threads, entry)
        peaks = {name: f"{e['peak'] / 1e6:.1f} MB" for name, e in entry["peers"].items()}
        self.say(f"{case.threads} × {case.task.dtype} memory {key}: {peaks}")

    def close(self):
        if self.worker is not None:
            self.worker.close()
            self.worker = None


def _command(config):
    """What to type to measure the same again, without a place of this machine's."""
    words = [str(word) for word in config.invocation_params.args]
    if "benchmarks" in words:
        words = words[1 + words.index("benchmarks") :]
    if "--results" in words:
        at = words.index("--results")
        words[at : at + 2] = []
    quick = [word for word in words if word == "--quick"]
    words = [word for word in words if word != "--quick"]
    command = "make bench-quick" if quick else "make bench"
    return command + (f' ARGS="{shlex.join(words)}"' if words else "")


def _in_brief(found):
    if "left_out" in found:
        return f"left out: {found['left_out']}"
    words = {name: tables.duration(lap["best"]) for name, lap in found["peers"].items()}
    return ", ".join(f"{peers.LABELS[n]} {w}" for n, w in (words | found["wrong"]).items())


@pytest.fixture(scope="session")
def settings(request):
    return request.config.stash[SETTINGS]


@pytest.fixture(scope="session")
def bench(request):
    bench = Bench(request.config)
    request.config.stash[RESULTS] = bench.results
    yield bench
    bench.close()


def pytest_terminal_summary(terminalreporter, config):
    results = config.stash.get(RESULTS, None)
    if results is None or not results.content["measured"]:
        return
    paths = report.write(results.path)
    if config.getoption("docs"):
        report.write_docs(results.path, client.ROOT / "docs")
    terminalreporter.section("side by side")
    page = paths[0].read_text(encoding="utf-8")
    terminalreporter.write_line(page.split("### The same thing learned")[0].strip())
    terminalreporter.write_line("\nWritten: " + ", ".join(map(str, [results.path, *paths])))
