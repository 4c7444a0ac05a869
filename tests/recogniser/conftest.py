"""What the tests of the main job ask for by name."""

from functools import partial

import pytest
from main_job import keep_apart, run_main, write_small_mnist


@pytest.fixture(scope="session")
def small_mnist(tmp_path_factory):
    return write_small_mnist(tmp_path_factory.mktemp("mnist"))


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    keep_apart(monkeypatch, tmp_path)


@pytest.fixture
def run(capsys):
    return partial(run_main, capsys)
