"""Which lines of the kernels have run, in float32 and in float64, after `make coverage`'s tests.

    python kernel_coverage.py SOURCES

The engine was built with BPCORE_COVERAGE=1, so that gcc has counted every line of the loops in C
and of the Cython that calls them. A kernel is a function that there is once for each element type.
Each of its lines has to have run in both; a line that has not is listed, and is a failure.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

# The element type in a function's name: Cython's variants of a fused type, the suffix in C.
TYPES = {"fuse_0": "float32", "fuse_1": "float64", "_f32": "float32", "_f64": "float64"}


def element_type(function):
    found = re.search(r"fuse_[01](?=__pyx)|_f(?:32|64)(?=_v\d|_base|\.|$)", function)
    return TYPES[found.group()] if found else None


def counts(build):
    """(file, line) -> {element type: how often it ran}, over all modules."""
    ran = defaultdict(lambda: defaultdict(int))
    for data in sorted(build.rglob("*.gcda")):
        command = ["gcov", "--json-format", "--stdout", data.name]
        text = subprocess.run(
            command, cwd=data.parent, capture_output=True, text=True, check=True
        ).stdout
        for file in json.loads(text)["files"]:
            if "src/bpcore/" not in file["file"] or file["file"].endswith(".c"):
                continue
            for line in file["lines"]:
                kind = element_type(line.get("function_name", ""))
                if kind:
                    ran[Path(file["file"]).name, line["line_number"]][kind] += line["count"]
    return ran


def main(sources):
    folder = Path(sources)
    ran = counts(folder / "build" / "coverage")
    if not ran:
        sys.exit("nothing was counted: run the tests on a build with BPCORE_COVERAGE=1 first")
    missed = 0
    for name in sorted({file for file, _ in ran}):
        lines = {line: kinds for (file, line), kinds in ran.items() if file == name}
        total = {kind: sum(kind in one for one in lines.values()) for kind in TYPES.values()}
        reached = {kind: sum(one[kind] > 0 for one in lines.values()) for kind in total}
        print(name, *(f"{kind} {reached[kind]} of {total[kind]} lines" for kind in total), sep="  ")
        source = (folder / "src" / "bpcore" / name).read_text(encoding="utf-8").splitlines()
        for line, kinds in sorted(lines.items()):
            for kind in sorted(kinds):
                if not kinds[kind]:
                    missed += 1
                    print(f"  not in {kind}: {line}: {source[line - 1].strip()}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
