"""The benchmarks' own modules, for the tests of them; they are not part of the package."""

import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

SOURCE = Path(os.environ.get("BPCORE_SOURCE") or Path(__file__).parents[2])


def load(*names: str) -> list[ModuleType]:
    """The named modules of benchmarks/suite; the file that asks is skipped where they are not."""
    folder = SOURCE / "benchmarks"
    if not (folder / "suite").is_dir():
        pytest.skip(
            "the sources of bpcore are not here: BPCORE_SOURCE names their folder",
            allow_module_level=True,
        )
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    return [importlib.import_module(f"suite.{name}") for name in names]
