"""bpcore built on every CPython of the machine, from a clean copy of the sources.

When these tests are skipped: see test_packaging.py.
"""

import subprocess
import sys
import sysconfig

import pytest
from shipping import interpreter, modules, new_environment, pip, requirements, train

import bpcore

EXTENSION = sysconfig.get_config_var("EXT_SUFFIX")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

pytestmark = [pytest.mark.packaging, pytest.mark.slow]


def test_editable_install_builds_beside_the_sources(source_copy, tmp_path):
    """With bounds checks, as somebody who hunts a defect in a kernel installs it."""
    python = new_environment(sys.executable, tmp_path / "venv")
    pip(python, "install", *requirements(source_copy), cwd=tmp_path)
    options = ["--no-build-isolation", "--no-deps", "--editable"]
    pip(python, "install", *options, source_copy, cwd=tmp_path, BPCORE_DEBUG="1")
    package = source_copy / "bpcore"
    assert train(python, tmp_path) == (bpcore.__version__, package / "__init__.py")
    built = {path.name for path in package.rglob(f"*{EXTENSION}")}
    assert built == {f"{name}{EXTENSION}" for name in modules(source_copy)}


@pytest.mark.parametrize(
    "version", [version for version in ("3.11", "3.12", "3.13", "3.14") if version != HERE]
)
def test_wheel_builds_and_trains(version, source_copy, tmp_path):
    command = interpreter(version)
    if command is None:
        pytest.skip(f"no CPython {version} on this machine")
    python = new_environment(command, tmp_path / "venv")
    asked = subprocess.run(
        [python, "-m", "pip", "install", "--only-binary", ":all:", *requirements(source_copy)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    if asked.returncode:
        pytest.skip(f"CPython {version}: {asked.stderr.strip().splitlines()[-1]}")
    options = ["--no-build-isolation", "--no-deps", "--wheel-dir", tmp_path]
    pip(python, "wheel", *options, source_copy, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    assert f"-cp{version.replace('.', '')}-" in wheel.name
    pip(python, "install", wheel, cwd=tmp_path)
    reported, file = train(python, tmp_path)
    assert reported == bpcore.__version__
    assert file.is_relative_to(tmp_path / "venv")
