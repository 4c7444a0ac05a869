"""Which lines of the kernels have run, in float32 and in float64, after `make coverage`'s tests.

    python kernel_coverage.py SOURCES

The engine was built with BPCORE_COVERAGE=1, so that gcc has counted every line of the loops in C
and of the Cython that calls them. A kernel is a function that there is once for each element type.
Each of its lines has to have run in both; a line that has not is listed, and is a failure. Of
helpers that are inlined in several kernels gcov only says whether they ran. Loops for AVX-512 do
not run on a processor without it: there they are listed, and no failure.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

# A file, and a line of kernels/gemm_tiles.h: tiles of more rows, for more registers.
AVX_512_ONLY = {"kernels/gemm_avx512.h", "BP_TILES(4)"}
INLINED = "any type"
# The element type in a function's name: Cython's variants of a fused type, the suffix in C.
TYPES = {"fuse_0": "float32", "fuse_1": "float64", "_f32": "float32", "_f64": "float64"}


def element_type(function):
    found = re.search(r"fuse_[01](?=__pyx)|_f(?:32|64)(?=_avx2|_avx512|_base|\.|$)", function)
    return TYPES[found.group()] if found else None


def origins(c_file):
    """line of Cython's C -> (file, line) of the source whose statement it belongs to.

    Cython writes the statement's place above what it makes of it, in a comment.
    """
    places, place = {}, None
    for number, text in enumerate(c_file.read_text(encoding="utf-8").splitlines(), 1):
        if found := re.match(r'\s*/\* "(?:src/)?bpcore/(\w+/\w+\.p[yx][xd])":(\d+)$', text):
            place = found.group(1), int(found.group(2))
        elif text.startswith(("}", "/*")):
            place = None
        elif place and not text.lstrip().startswith("__pyx_L"):  # a label does not run
            places[number] = place
    return places


def name_of(path):
    """The part of a path below src/bpcore, where Cython's C lies as the source does; else None."""
    _, below, name = path.as_posix().rpartition("src/bpcore/")
    return name if below else None


def counts(build, sources):
    """(file, line) -> {element type: how often it ran}, over all modules; the file with its
    folder, _core or kernels."""
    ran = defaultdict(lambda: defaultdict(int))
    root = build.parents[1]
    for data in sorted(build.rglob("*.gcda")):
        command = ["gcov", "--json-format", "--stdout", data.name]
        text = subprocess.run(
            command, cwd=data.parent, capture_output=True, text=True, check=True
        ).stdout
        for file in json.loads(text)["files"]:
            path = root / file["file"]
            name = name_of(path)
            if name is None or not any(
                (sources / name).with_suffix(suffix).is_file() for suffix in (path.suffix, ".pyx")
            ):
                continue
            places = origins(path) if path.suffix == ".c" else {}
            for line in file["lines"]:
                function, number = line.get("function_name", ""), line["line_number"]
                kind = element_type(function)
                if not kind and not function and path.suffix == ".h":
                    kind = INLINED
                place = places.get(number) if places else (name, number)
                if kind and place:
                    ran[place][kind] += line["count"]
    return ran


def has_avx_512():
    try:
        return "avx512vl" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def main(sources):
    folder = Path(sources)
    ran = counts(folder / "build" / "coverage", folder / "src" / "bpcore")
    if not ran:
        sys.exit("nothing was counted: run the tests on a build with BPCORE_COVERAGE=1 first")
    missed = 0
    for name in sorted({file for file, _ in ran}):
        lines = {line: kinds for (file, line), kinds in ran.items() if file == name}
        for kind in ("float32", "float64", INLINED):
            of_kind = [kinds[kind] for kinds in lines.values() if kind in kinds]
            if of_kind:
                print(f"{name}: {kind}, {sum(map(bool, of_kind))} of {len(of_kind)} lines")
        source = (folder / "src" / "bpcore" / name).read_text(encoding="utf-8").splitlines()
        for line, kinds in sorted(lines.items()):
            text = source[line - 1].strip()
            for kind in sorted(kind for kind in kinds if not kinds[kind]):
                if "__builtin_constant_p" in text:  # the compiler's own business
                    continue
                excused = (name in AVX_512_ONLY or text in AVX_512_ONLY) and not has_avx_512()
                missed += not excused
                print(f"  not run, {kind}: {line}: {text}", "(AVX-512)" * excused)
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
