"""The tests' own order: a name for each file, and files that ask one question."""

from collections import Counter
from pathlib import Path

TESTS = Path(__file__).parents[1]
FILES = [path for path in TESTS.rglob("*.py") if "__pycache__" not in path.parts]


def test_no_two_files_have_one_name():
    """The lists of mutations name test files without their folder; helpers are imported so."""
    names = Counter(path.name for path in FILES if path.name != "conftest.py")
    assert [name for name, n in names.items() if n > 1] == []


def test_no_file_is_longer_than_400_lines():
    lengths = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert {name: n for name, n in lengths.items() if n > 400} == {}


def test_no_helper_hides_a_module_of_the_library_s_needs():
    """support and programs come first on sys.path: a helper called json would be everybody's."""
    import sys

    helpers = {path.stem for path in FILES if path.parent.name in ("support", "programs")}
    assert (
        helpers & (set(sys.stdlib_module_names) | {"numpy", "scipy", "sklearn", "pytest"}) == set()
    )
