"""Makes the mistakes of mutations.txt in a copy of the sources, one at a time: is each noticed?

    python mutation_run.py SOURCES [words]

SOURCES is the checkout; the words choose the changes in whose file or text one of them occurs.
``make mutate`` does them all, in about an hour. Only the compiled modules that a change reaches
are built again, without the higher optimisations, in which no formula differs. The tests run in
a fork of this process, until the first one fails: it, a crash, or a run that does not end means
that the change was noticed. What was not is listed at the end, which then fails.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from shipping import modules

DIRECTIVES = (
    "language_level=3,wraparound=False,initializedcheck=False,boundscheck=False,cdivision=True"
)
FLAGS = ["-shared", "-fPIC", "-O1", "-w", "-fno-math-errno", "-fno-trapping-math"]
SECONDS = 240


class Change(NamedTuple):
    """What stands in mutations.txt."""

    file: str
    modules: list[str]
    tests: list[str]
    old: str
    new: str
    why: str

    def __str__(self):
        return f"{self.file}: {' '.join(self.old.split())!r} -> {' '.join(self.new.split())!r}"


def build(tree, name):
    """Compile a module of the copy; a change that is not even C is a mistake of the list."""
    source, c_file = tree / "src" / "bpcore" / f"{name}.pyx", tree / f"{name}.c"
    if not c_file.is_file() or c_file.stat().st_mtime_ns <= source.stat().st_mtime_ns:
        command = [sys.executable, "-m", "cython", "-X", DIRECTIVES, "-I", "src", "-o", c_file]
        subprocess.run([*command, source], cwd=tree, check=True)
    include = [sysconfig.get_path("include"), np.get_include(), "src/bpcore"]
    out = tree / "bpcore" / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"
    out.unlink(missing_ok=True)  # another process may have the old one mapped
    command = ["gcc", *FLAGS, *[f"-I{folder}" for folder in include], c_file, "-o", out]
    subprocess.run(command, cwd=tree, check=True)


def ask(tree, tests):
    """The exit status of pytest in a fork and what it printed; None: it had to be ended."""
    import resource  # not on Windows, where test_mutations imports this file too

    log = tree / "tests.log"
    child = os.fork()
    if child == 0:
        status = 70
        with contextlib.suppress(BaseException):
            os.setpgid(0, 0)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34))
            handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            os.chdir(tree)
            sys.path[:] = [str(tree), *sys.path[1:]]
            sys.modules.pop("shipping")
            files = [str(file_of(tree, test)) for test in tests if test != "pool_run"]
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no"]
            status = int(pytest.main([*options, "-m", "not memory", *files]))
            sys.stdout.flush()
        os._exit(status)
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status, log.read_text(errors="replace")
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, ""


def file_of(tree, test):
    """The file of that name in one of the folders of tests."""
    (path,) = (tree / "tests").rglob(f"{test}.py")
    return path


def race(tree):
    """What ThreadSanitizer says of pool_run.c, in words; "" where it finds nothing."""
    program = tree / "pool_run"
    command = ["gcc", "-O1", "-g", "-fsanitize=thread", "-Isrc/bpcore", "tests/programs/pool_run.c"]
    subprocess.run([*command, "-o", program, "-lpthread"], cwd=tree, check=True)
    try:
        done = subprocess.run(["setarch", "-R", program], capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "pool_run.c, without end"
    return f"pool_run.c, status {done.returncode}" if done.returncode else ""


def verdict(status, output):
    """What noticed the change, in words; "" where nothing did."""
    if status is None:
        return f"no end after {SECONDS} s"
    if os.WIFSIGNALED(status):
        return f"a crash, {signal.Signals(os.WTERMSIG(status)).name}"
    if os.WEXITSTATUS(status) == 0:
        return ""
    found = re.search(r"^(?:FAILED|ERROR) (?:tests/)?(\S+)", output, re.MULTILINE)
    if not found:
        sys.exit(f"pytest did not run:\n{output[-3000:]}")
    return found.group(1)


def changes_of(text):
    """The changes of mutations.txt, in order."""
    for group in re.split(r"^\[", text, flags=re.MULTILINE)[1:]:
        header, _, body = group.partition("]\n")
        file, names, tests = (part.split() for part in header.split(":"))
        for lines in filter(None, (block.splitlines() for block in body.strip().split("\n\n"))):
            parts = {
                sign: "\n".join(line[2:] for line in lines if line[0] == sign) for sign in "-+?"
            }
            yield Change(*file, names, tests, *parts.values())


def noticed_by(tree, change):
    """Make a change, ask the tests, take it back; the verdict."""
    path = tree / "src" / "bpcore" / change.file
    text = path.read_text(encoding="utf-8")
    if change.why:
        return f"not asked, {change.why}"
    path.write_text(text.replace(change.old, change.new), encoding="utf-8")
    for name in change.modules:
        build(tree, name)
    found = race(tree) if "pool_run" in change.tests else ""
    path.write_text(text, encoding="utf-8")
    return found or verdict(*ask(tree, change.tests))


def misplaced(sources, changes):
    """What the list says that the sources do not bear out, in words: lines written anew, files
    moved."""
    kernels, tests, texts = sources / "src" / "bpcore", sources / "tests", {}
    for change in changes:
        path = kernels / change.file
        if path not in texts:
            texts[path] = path.read_text(encoding="utf-8") if path.is_file() else None
        if texts[path] is None:
            yield f"there is no {change.file}: {change}"
        elif (times := texts[path].count(change.old) if change.old else 0) != 1:
            yield f"{times} times, not once: {change}"
        if change.new == change.old:
            yield f"changes nothing: {change}"
        for name in change.modules:
            if not (kernels / f"{name}.pyx").is_file():
                yield f"there is no module {name}: {change}"
        for name in change.tests:
            if not (tests / (f"{name}.c" if name == "pool_run" else f"{name}.py")).is_file():
                yield f"there is no test file {name}: {change}"


def prepare(tree, sources, changes):
    """Copy and build everything; without any change the tests have to pass."""
    # What the tests import, once for all the forks; never bpcore, which each of them has anew.
    import scipy.optimize
    import scipy.sparse  # noqa: F401
    import sklearn.neural_network  # noqa: F401

    for name in ("src", "bpcore", "tests"):
        built = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(sources / name, tree / name, ignore=built)
    shutil.copy(sources / "pyproject.toml", tree)
    for name in modules(sources):
        build(tree, name)
    tests = sorted({test for change in changes for test in change.tests})
    found = (race(tree) if "pool_run" in tests else "") or verdict(*ask(tree, tests))
    if found:
        sys.exit(f"without any change, {found} fails")


def main(sources, *words):
    text = Path(sources, "tests", "mutations.txt").read_text(encoding="utf-8")
    changes = [
        change
        for change in changes_of(text)
        if not words or any(word in str(change) for word in words)
    ]
    if lost := list(misplaced(Path(sources), changes)):
        sys.exit("\n".join(lost))
    missed = []
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        prepare(tree, Path(sources), changes)
        for i, change in enumerate(changes):
            found = noticed_by(tree, change)
            print(f"{i + 1:4} {change}: {found or 'NOT NOTICED'}", flush=True)
            if not found:
                missed.append(change)
            if i + 1 < len(changes) and changes[i + 1].modules != change.modules:
                for name in change.modules:
                    build(tree, name)
    asked = sum(not change.why for change in changes)
    print(f"{asked - len(missed)} of {asked} changes noticed, {len(changes) - asked} alter nothing")
    for change in missed:
        print(f"not noticed: {change}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
