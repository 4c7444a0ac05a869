"""Commands in environments of their own, for the tests of what is shipped."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

# Learns x1 x2 > 0, which no network without a hidden layer can, and looks at what it learnt.
TRAIN = """
import numpy as np, bpcore
X = np.random.default_rng(0).uniform(-1, 1, (400, 2))
y = (X[:, 0] * X[:, 1] > 0).astype(float)
network = bpcore.Network((2, 12, 1), activation="tanh", loss="binary_cross_entropy",
                         random_state=0)
assert network.check_gradient(X[:20], y[:20]) < 1e-5
history = network.fit(X, y, epochs=100, batch_size=10, learning_rate=1.0, random_state=0)
assert network.score(X, y, metric="accuracy") > 0.95, history.cost[-1]
print(bpcore.__version__, bpcore.__file__)
"""


def interpreter(version):
    """A working CPython of that version, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    candidates = [shutil.which(f"python{version}")]
    candidates += sorted(pyenv.glob(f"{version}.*/bin/python{version}"), reverse=True)
    question = "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')"
    for python in filter(None, candidates):
        answer = subprocess.run([python, "-c", question], capture_output=True, text=True)
        if answer.returncode == 0 and answer.stdout.strip() == version:
            return python
    return None


def run(*command, cwd, **environment):
    """The output of a command that has to succeed; none of this process's paths reach it."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PYTEST"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=inherited | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1800,
    )
    if done.returncode:
        pytest.fail(f"{done.args} in {cwd} ended with {done.returncode}:\n{done.stdout[-6000:]}")
    return done.stdout


def new_environment(python, folder):
    """The interpreter of a new, empty virtual environment."""
    run(python, "-m", "venv", folder, cwd=folder.parent)
    return folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"


def pip(python, *arguments, cwd, **environment):
    command = [python, "-m", "pip", "--disable-pip-version-check", *arguments]
    return run(*command, cwd=cwd, **environment)


def train(python, cwd):
    """(version, file) of the bpcore that has just trained a small network there."""
    version, file = run(python, "-c", TRAIN, cwd=cwd).strip().split(maxsplit=1)
    return version, Path(file)


def modules(tree):
    """The names that setup.py lists."""
    for node in ast.parse((tree / "setup.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "MODULES":
            return ast.literal_eval(node.value)
    return pytest.fail("setup.py assigns no MODULES")


def requirements(tree):
    """What building and running take, as pyproject.toml states it."""
    with (tree / "pyproject.toml").open("rb") as file:
        metadata = tomllib.load(file)
    return [*metadata["build-system"]["requires"], *metadata["project"]["dependencies"]]
