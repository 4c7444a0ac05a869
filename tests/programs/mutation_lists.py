"""The lists of tests/mutations, and what ``mutants.py`` makes beside them."""

import functools
import re
from pathlib import Path
from typing import NamedTuple

from mutants import mutants, place_of


class Change(NamedTuple):
    """A mistake: what stands in a list, or what is made of a token."""

    file: str
    modules: list[str]
    tests: list[str]
    old: str
    new: str
    why: str
    at: int | None = None  # generated: the token's offset
    place: str = ""  # its line and column
    line: str = ""  # what stands in that line, with the token's column
    others: tuple = ((), ())  # the modules and tests of the file's other groups, asked afterwards

    def __str__(self):
        old, new = (repr(" ".join(text.split())) for text in (self.old, self.new))
        return f"{self.file}:{self.place + ':' if self.place else ''} {old} -> {new}"

    def of(self, text):
        """The source with this one mistake."""
        if self.at is None:
            return text.replace(self.old, self.new)
        return text[: self.at] + self.new + text[self.at + len(self.old) :]


# ---------------------------------------------------------------- the lists


def changes_of(text, file=None):
    """The changes of a list, in order.

    A header is [file: modules: tests], of which a list that is named after its file leaves out the
    file, and the module where that is the file itself.
    """
    for group in re.split(r"^\[", text, flags=re.MULTILINE)[1:]:
        header, _, body = group.partition("]\n")
        parts = header.split(":")
        tests = parts.pop().split()
        names = parts.pop().split() if parts else [Path(file).stem]
        source = parts.pop().strip() if parts else file
        for lines in filter(None, (block.splitlines() for block in body.strip().split("\n\n"))):
            said = {
                sign: "\n".join(line[2:] for line in lines if line[0] == sign) for sign in "-+?"
            }
            if said["-"]:
                yield Change(source, names, tests, *said.values())


def lists(sources):
    """(name of a source, text of its list), for each; the name with its folder, where the list
    lies in one: two folders may have a source of that name."""
    folder = sources / "tests" / "mutations"
    for path in sorted(folder.rglob("*.txt")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        yield name, path.read_text(encoding="utf-8")


def listed(sources):
    """All changes of all lists."""
    return [change for file, text in lists(sources) for change in changes_of(text, file)]


def find(folder, name):
    """The one file of that name below the folder, or None."""
    return next(folder.rglob(name), None)


def source_of(tree, file):
    return find(tree / "src", file)


def test_of(tree, name):
    return find(tree / "tests", f"{name}.c" if name == "pool_run" else f"{name}.py")


def misplaced(sources, changes):
    """What the lists say that the sources do not bear out, in words: lines written anew, files
    moved."""
    found, test = functools.cache(find), functools.cache(functools.partial(test_of, sources))
    texts = {}
    for change in changes:
        path = found(sources / "src", change.file)
        if path not in texts:
            texts[path] = path.read_text(encoding="utf-8") if path else None
        if texts[path] is None:
            yield f"there is no {change.file}: {change}"
        elif (times := texts[path].count(change.old) if change.old else 0) != 1:
            yield f"{times} times, not once: {change}"
        if change.new == change.old:
            yield f"changes nothing: {change}"
        for name in change.modules:
            if not found(sources / "src", f"{name}.pyx"):
                yield f"there is no module {name}: {change}"
        for name in change.tests:
            if not test(name):
                yield f"there is no test file {name}: {change}"


# ---------------------------------------------------------------- what is made of the sources


def generated(sources):
    """(change, whether every run asks for it): all that no list has.

    Built and asked is first what the listed change nearest in the file asks for, then the rest.
    """
    for file, text in lists(sources):
        source = source_of(sources, file).read_text(encoding="utf-8")
        always = {
            sign for line in re.findall(r"^= (.*)$", text, re.MULTILINE) for sign in line.split()
        }
        known = list(changes_of(text, file))
        texts = {change.of(source) for change in known}
        anchors = [(source.find(change.old), change) for change in known]
        place, lines = place_of(source), source.split("\n")
        for one in mutants(file, source):
            if one.of(source) in texts:
                continue
            row, column = place(one.start)
            _, near = min(anchors, key=lambda anchor: abs(anchor[0] - one.start))
            more = [
                tuple(dict.fromkeys(name for change in known for name in getattr(change, field)))
                for field in ("modules", "tests")
            ]
            yield (
                Change(
                    file, near.modules, near.tests, one.old, one.new, "",
                    at=one.start, place=f"{row}:{column}", others=tuple(more),
                    line=f"{file} {lines[row - 1]} {column}",
                ),
                one.old in always,
            )  # fmt: skip
