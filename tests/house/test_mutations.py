"""The lists of mutations fit the sources: in a second, what `make mutate` would find in an hour."""

from mutants import mutants
from mutation_lists import changes_of, listed, lists, misplaced

# What they fetch into the caches, or how long something took, alters no result.
WITHOUT_LIST = {"prefetch.h", "clock.h"}


def test_every_mutation_still_has_its_place(source_tree):
    changes = listed(source_tree)
    assert len(changes) > 500
    lost = list(misplaced(source_tree, changes))
    assert not lost, "\n".join(["tests/mutations:", *lost])


def test_every_source_has_a_list(source_tree):
    """A source is one that has something to exchange in a function without the interpreter."""
    paths = [
        path
        for path in (source_tree / "src").rglob("*")
        if path.suffix in (".h", ".pxd", ".pyx") and path.name not in WITHOUT_LIST
        if next(mutants(path.name, path.read_text(encoding="utf-8")), None)
    ]
    assert len(paths) > 20
    named = {name for name, _ in lists(source_tree)}
    assert not [
        path for path in paths if not {path.name, f"{path.parent.name}/{path.name}"} & named
    ]


def test_a_list_names_one_source(source_tree):
    """Where two folders have a source of that name, the list lies in a folder too."""
    for name, _ in lists(source_tree):
        assert len(list((source_tree / "src").rglob(name))) == 1, name


def test_what_has_lost_its_place_is_named(tmp_path):
    """Each kind of fault once, in lists of their own."""
    for folder in ("src/room", "src/other", "tests/mutations/other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/room/one.h").write_text("a + b\na * b\na * b\n", encoding="utf-8")
    (tmp_path / "src/room/one.pyx").touch()
    (tmp_path / "src/room/one.pxd").touch()
    (tmp_path / "src/other/one.pxd").write_text("a - b\n", encoding="utf-8")
    (tmp_path / "tests/test_one.py").touch()
    (tmp_path / "tests/mutations/one.h.txt").write_text(
        """= +

[one: test_one]
- a + b
+ a - b

- a + b
? a reason

- a * b
+ a / b

- a % b
+ a / b

- a + b
+ a + b

[two: test_two]
- a + b
+ a - b

[test_one pool_run]
- a + b
+ a - b
""",
        encoding="utf-8",
    )
    (tmp_path / "tests/mutations/other/one.pxd.txt").write_text(
        "[test_one]\n- a - b\n+ a + b\n", encoding="utf-8"
    )
    (tmp_path / "tests/mutations/two.h.txt").write_text(
        "[one: test_one]\n- a - b\n+ a + b\n", encoding="utf-8"
    )
    changes = listed(tmp_path)
    assert [change.modules for change in changes][-3:] == [["one"]] * 3
    assert [line.partition(":")[0] for line in misplaced(tmp_path, changes)] == [
        "2 times, not once",
        "0 times, not once",
        "changes nothing",
        "there is no module two",
        "there is no test file test_two",
        "there is no test file pool_run",
        "there is no two.h",
    ]


def test_a_list_may_speak_of_another_source():
    (change,) = changes_of("[two.h: one three: test_one]\n- a\n- b\n+ c\n? why\n", "one.h")
    assert change[:3] == ("two.h", ["one", "three"], ["test_one"])
    assert change[3:6] == ("a\nb", "c", "why")
