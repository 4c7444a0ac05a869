"""Makes small mistakes in a copy of the kernels, one at a time: is each noticed by a test?

    python mutation_run.py SOURCES [--all | --sample N] [--seed S] [--made] [--workers N] [words]

SOURCES is the checkout.  Asked are the mistakes listed in tests/mutations, in a file for each
source, which lies in a folder as the source does where two have its name, and of those that
``mutants.py`` makes from the sources the kinds that a list asks for in every run and a sample of
the others, or all.  The words choose mistakes in whose description, as it is printed, one of them
occurs.  ``make mutate`` takes about an hour on two processors.  A list:

    = + -
        tokens whose exchanges every run asks for, of those that are generated
    [modules: tests]
        of the mistakes that follow: what is built again (left out where it is the file itself) and
        what is asked, in this order
    - text that occurs once in the file, a line of it a line here
    + what stands there instead
    ? why this alters no result, so that no test can see it; then it is only looked up

Only the compiled modules that a mistake reaches are built again, without the higher optimisations,
in which no formula differs; a generated mistake that leaves their machine code as it was alters
nothing.  The tests run in a fork of this process, until the first one fails: it, a crash, or a run
that does not end means that the mistake was noticed.  What was not is listed at the end, which then
fails.
"""

import argparse
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
import zlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from mutation_lists import changes_of, generated, listed, misplaced, source_of, test_of
from shipping import modules

__all__ = ["changes_of", "misplaced"]

DIRECTIVES = (
    "language_level=3,wraparound=False,initializedcheck=False,boundscheck=False,cdivision=True"
)
FLAGS = ["-shared", "-fPIC", "-O1", "-w", "-fno-math-errno", "-fno-trapping-math"]
SECONDS = 240
SAMPLE = 100
SAME_CODE = "not asked, the same machine code"


def chosen(sources, options):
    """The changes to make, in the order of the sources.

    The sample is the N that come first by a checksum of the seed, the line and the place in it, so
    that it stays when other lines change.
    """
    made = list(generated(sources))
    rest = [change for change, always in made if not always]
    if not options.all:
        rest.sort(key=lambda change: zlib.crc32(f"{options.seed} {change.line}".encode()))
        del rest[options.sample :]
    changes = [*(change for change, always in made if always), *rest]
    changes = [*([] if options.made else listed(sources)), *changes]
    words = options.words
    changes = [one for one in changes if not words or any(word in str(one) for word in words)]
    return sorted(changes, key=lambda change: change.file)


# ---------------------------------------------------------------- one change


def build(tree, name):
    """Compile a module of the copy; a change that is not even C is a mistake of the list."""
    source = source_of(tree, f"{name}.pyx")
    c_file = tree / f"{name}.c"
    read = [source, *(tree / "src").rglob("*.pxd")]
    newest = max(path.stat().st_mtime_ns for path in read)
    if not c_file.is_file() or c_file.stat().st_mtime_ns <= newest:
        command = [sys.executable, "-m", "cython", "-X", DIRECTIVES, "-I", "src", "-o", c_file]
        subprocess.run([*command, source], cwd=tree, check=True)
    out = built(tree, name)
    out.unlink(missing_ok=True)  # another process may have the old one mapped
    include = [sysconfig.get_path("include"), np.get_include(), *headers(tree)]
    command = ["gcc", *FLAGS, *[f"-I{folder}" for folder in include], c_file.name, "-o", out]
    subprocess.run(command, cwd=tree, check=True)


def built(tree, name):
    """Where the module of that name is imported from: below the tree as below src."""
    folder = source_of(tree, f"{name}.pyx").parent.relative_to(tree / "src")
    return tree / folder / f"{name}{sysconfig.get_config_var('EXT_SUFFIX')}"


def headers(tree):
    """The folders of src that hold headers, as seen from the tree."""
    return sorted({path.parent.relative_to(tree) for path in (tree / "src").rglob("*.h")})


def ask(tree, tests, seconds=SECONDS):
    """The exit status of pytest in a fork and what it printed; None: it had to be ended."""
    import resource  # not on Windows, where a test imports this file too

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
            for name in ("mutants", "mutation_lists", "shipping"):
                sys.modules.pop(name)
            files = [str(test_of(tree, test)) for test in tests if test != "pool_run"]
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=no"]
            status = int(pytest.main([*options, "-m", "not memory", *files]))
            sys.stdout.flush()
        os._exit(status)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status, log.read_text(errors="replace")
        time.sleep(0.05)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None, ""


def race(tree):
    """What ThreadSanitizer says of pool_run.c, in words; "" where it finds nothing."""
    program = tree / "pool_run"
    include = [f"-I{folder}" for folder in headers(tree)]
    command = ["gcc", "-O1", "-g", "-fsanitize=thread", *include, test_of(tree, "pool_run")]
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
    if output.startswith("ImportError while loading conftest"):
        return "bpcore cannot be imported"
    found = re.search(r"^(?:FAILED|ERROR) (?:tests/)?(\S+)", output, re.MULTILINE)
    if not found:
        sys.exit(f"pytest did not run:\n{output[-3000:]}")
    return found.group(1)


def noticed_by(tree, change):
    """Make a change, ask the tests, take it back; the verdict."""
    if change.why:
        return f"not asked, {change.why}"
    path = source_of(tree, change.file)
    text = path.read_text(encoding="utf-8")
    path.write_text(change.of(text), encoding="utf-8")
    rounds = [(change.modules, change.tests)]
    if change.place:
        rounds.append(
            [[name for name in others if name not in first]
             for others, first in zip(change.others, rounds[0], strict=True)]
        )  # fmt: skip
    different, found = False, ""
    try:
        for names, tests in rounds:
            for name in names:
                try:
                    build(tree, name)
                except subprocess.CalledProcessError:
                    if change.place:  # 0[x]; a list has to be right
                        return "no C any more"
                    raise
                different |= built(tree, name).read_bytes() != kept(tree, name).read_bytes()
            found = race(tree) if "pool_run" in tests else ""
            if different or not change.place:
                found = found or verdict(*ask(tree, tests)) if tests else found
            if found:
                break
    finally:
        path.write_text(text, encoding="utf-8")
        for names, _ in rounds:
            for name in names:
                if built(tree, name).is_file():
                    built(tree, name).unlink()
                shutil.copy(kept(tree, name), built(tree, name))
    return found or ("" if different else SAME_CODE)


def kept(tree, name):
    """Where the module as it is without any change is kept."""
    return tree / "kept" / f"{name}.so"


# ---------------------------------------------------------------- all of them


def prepare(tree, sources, changes):
    """Copy and build everything; without any change the tests have to pass."""
    # What the tests import, once for all the forks; never bpcore, which each of them has anew.
    import scipy.optimize
    import scipy.sparse  # noqa: F401
    import sklearn.neural_network  # noqa: F401

    for name in ("src", "bpcore", "tests"):
        left = shutil.ignore_patterns("*.so", "__pycache__")
        shutil.copytree(sources / name, tree / name, ignore=left)
    shutil.copy(sources / "pyproject.toml", tree)
    (tree / "kept").mkdir()
    for name in modules(sources):
        build(tree, name)
        shutil.copy(built(tree, name), kept(tree, name))
    # all at once, which takes as long as some dozen changes
    tests = sorted({test for one in changes for test in (*one.tests, *one.others[1])})
    found = (race(tree) if "pool_run" in tests else "") or verdict(*ask(tree, tests, 5 * SECONDS))
    if found:
        sys.exit(f"without any change, {found} fails")


def take_tree(trees):
    """Give a worker a tree of its own."""
    global TREE
    TREE = trees.get()


def work(change):
    return noticed_by(TREE, change)


def arguments(given):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sources", type=Path)
    parser.add_argument("words", nargs="*", help="of descriptions as they are printed")
    parser.add_argument("--all", action="store_true", help="everything that is generated")
    parser.add_argument("--sample", type=int, default=SAMPLE, help=f"how many, {SAMPLE}")
    parser.add_argument("--seed", type=int, default=1, help="of the sample, 1")
    parser.add_argument("--made", action="store_true", help="only what is generated, no lists")
    parser.add_argument("--workers", type=int, default=2, help="processes, 2")
    return parser.parse_intermixed_args(given)


def main(*given):
    options = arguments(given)
    sources = options.sources.resolve()
    changes = chosen(sources, options)
    if lost := list(misplaced(sources, listed(sources))):
        sys.exit("\n".join(lost))
    missed, alike = [], 0
    with tempfile.TemporaryDirectory() as folder:
        first = Path(folder, "0")
        first.mkdir()
        prepare(first, sources, changes)
        context = get_context("fork")
        trees = context.SimpleQueue()
        for i in range(options.workers):
            tree = Path(folder, str(i))
            if i:
                shutil.copytree(first, tree)
            trees.put(tree)
        with ProcessPoolExecutor(options.workers, context, take_tree, (trees,)) as workers:
            for i, (change, found) in enumerate(
                zip(changes, workers.map(work, changes), strict=True)
            ):
                print(f"{i + 1:4} {change}: {found or 'NOT NOTICED'}", flush=True)
                alike += found.startswith("not asked")
                if not found:
                    missed.append(change)
    asked = len(changes) - alike
    print(f"{asked - len(missed)} of {asked} changes noticed, {alike} alter nothing")
    for change in missed:
        print(f"not noticed: {change}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
