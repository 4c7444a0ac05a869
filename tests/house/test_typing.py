"""What a user's type checker sees of the installed package."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bpcore

SAMPLE = Path(__file__).with_name("typing_sample.py")


def strict(file, folder):
    """What ``mypy --strict`` says of a file, in a folder without the package's sources."""
    pytest.importorskip("mypy", reason='types are checked with the extra "lint"')
    environment = {key: value for key, value in os.environ.items() if key != "MYPYPATH"}
    options = ["--strict", "--warn-unreachable", "--no-error-summary", "--cache-dir", folder]
    # an editable install hides from mypy, and is then not held for installed
    if not Path(bpcore.__file__).is_relative_to(sys.prefix):
        environment["MYPYPATH"] = str(Path(bpcore.__file__).parents[1])
        options.append("--follow-imports=silent")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "mypy", *options, "--config-file", "", file],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_sample_of_the_whole_api_passes_strictly(tmp_path):
    assert strict(SAMPLE, tmp_path) == ""


@pytest.mark.slow
def test_what_is_wrong_is_seen(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from bpcore import Network\n"
        "net = Network((2, 1), n_threads='two')\n"
        "text: str = net.cost([[0, 0]], [0])\n"
        "net.predikt([[0, 0]])\n",
        encoding="utf-8",
    )
    said = strict(wrong, tmp_path)
    assert [line.split(":")[1] for line in said.splitlines() if ": error:" in line] == [
        "2",
        "3",
        "4",
    ]


def test_the_sample_names_all_that_is_public():
    imported = {
        alias.name
        for node in ast.walk(ast.parse(SAMPLE.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == "bpcore"
        for alias in node.names
    }
    assert imported == set(bpcore.__all__)
    used = SAMPLE.read_text(encoding="utf-8")
    assert [name for name in bpcore.datasets.__all__ if f"datasets.{name}" not in used] == []
