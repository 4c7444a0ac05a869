"""What every test file may use."""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from tuned import untune

# The same examples in every run, and no clock: a failure is a failure everywhere.
# HYPOTHESIS_PROFILE=explore looks for new ones.
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# They are run, by tests and by hand; `--doctest-modules` would import them.
collect_ignore = ["programs"]

# What a checkout collects beside its sources.
LEFT_BEHIND = shutil.ignore_patterns(
    ".git", ".venv*", ".*_cache", ".hypothesis", ".benchmarks", "__pycache__",
    "build", "dist", "wheelhouse", "*.egg-info", "*.so", "*.pyd",
)  # fmt: skip


# A shell starts its jobs in the background without SIGINT, and Python leaves it at that: the tests
# that send themselves one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Start with the longest files, so that parallel workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("packaging") is None)


@pytest.fixture(autouse=True)
def _as_tuned():
    """What a test has set of the engine's tuned numbers ends with it."""
    yield
    untune()


@pytest.fixture
def rng():
    """A generator that starts anew in every test."""
    return np.random.default_rng(20261)


@pytest.fixture(scope="session")
def source_tree():
    """The checkout or unpacked sdist; tests of the sources are skipped where it is absent."""
    root = Path(os.environ.get("BPCORE_SOURCE") or Path(__file__).parents[1])
    if not (root / "setup.py").is_file():
        pytest.skip("the sources of bpcore are not here: BPCORE_SOURCE names their folder")
    return root


@pytest.fixture(scope="session")
def source_copy(source_tree, tmp_path_factory):
    """A clean copy of the sources, on a machine that can build them."""
    if os.environ.get("BPCORE_TEST_PACKAGING") == "0":
        pytest.skip("BPCORE_TEST_PACKAGING is 0: no distributions are built")
    compiler = (sysconfig.get_config_var("CC") or "cl").split()[0]
    if not shutil.which(compiler):
        pytest.skip(f"no C compiler: {compiler} is not on the PATH")
    folder = tmp_path_factory.mktemp("sources")
    asked = subprocess.run(
        [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", folder, "setuptools>=77"],
        capture_output=True,
        text=True,
    )
    if asked.returncode:
        pytest.skip(f"no package index: {asked.stderr.strip().splitlines()[-1]}")
    return shutil.copytree(source_tree, folder / "bpcore", ignore=LEFT_BEHIND)
