"""The list of mutations fits the sources: in a second, what `make mutate` would find in an hour."""

from mutation_run import changes_of, misplaced


def test_every_mutation_still_has_its_place(source_tree):
    text = (source_tree / "tests" / "mutations.txt").read_text(encoding="utf-8")
    changes = list(changes_of(text))
    assert len(changes) > 100
    lost = list(misplaced(source_tree, changes))
    assert not lost, "\n".join(["tests/mutations.txt:", *lost])


def test_what_has_lost_its_place_is_named(tmp_path):
    """Each kind of fault once, in a list of its own."""
    for folder in ("src/bpcore", "tests"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src" / "bpcore" / "one.h").write_text("a + b\na * b\na * b\n", encoding="utf-8")
    (tmp_path / "src" / "bpcore" / "one.pyx").touch()
    (tmp_path / "tests" / "test_one.py").touch()
    text = """# a head
[one.h: one: test_one]
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

[one.h: two: test_two]
- a + b
+ a - b

[two.h: one: pool_run]
- a + b
+ a - b
"""
    lost = list(misplaced(tmp_path, list(changes_of(text))))
    assert [line.partition(":")[0] for line in lost] == [
        "2 times, not once",
        "0 times, not once",
        "changes nothing",
        "there is no module two",
        "there is no test file test_two",
        "there is no two.h",
        "there is no test file pool_run",
    ]
