"""Two builds of bpcore on the same short jobs: do they give the same bits?

    python tests/programs/same_bits.py PYTHON OTHER_PYTHON [WORD ...]

Each is the interpreter of an environment that has one of the builds, with the extras `files` and
`onnx`; the words choose the cases in whose name all of them occur. A change that only moves or
renames things has to pass this against a build of the commit before it.

The jobs stand in `bits_of.py`, which each interpreter runs in a process of its own. A hash written
into the tree would hold for one processor and one BLAS only; two builds side by side need none.
The bits are promised to be equal where compiler, processor, NumPy, SciPy and BLAS are, on x86-64:
elsewhere a compiler may contract a·b + c as it pleases.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

JOBS = Path(__file__).with_name("bits_of.py")


def begin(python: str, words: list[str], folder: str) -> subprocess.Popen:
    """Start the jobs in an interpreter, in an empty folder, with no package but its own in reach.

    -P leaves out the folder of the script too. OPENBLAS_…: what they set has other bits.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "OPENBLAS_"))
    }
    command = [python, "-P", str(JOBS), *words]
    return subprocess.Popen(
        command, cwd=folder, env=kept, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def answer(python: str, process: subprocess.Popen) -> dict:
    """What `bits_of.py` has printed."""
    out, err = process.communicate()
    if process.returncode:
        sys.exit(f"{python} ended with {process.returncode}:\n{err}")
    return json.loads(out)


def differences(one: dict[str, dict], other: dict[str, dict]) -> list[str]:
    """A line for each case that differs, failed or is there once only."""
    lines = []
    for name in sorted({*one, *other}):
        if name not in one or name not in other:
            lines.append(f"{name}: only the {'first' if name in one else 'second'} build has it")
            continue
        failed = [
            f"the {which} build failed: {found[name]['error']}"
            for which, found in (("first", one), ("second", other))
            if "error" in found[name]
        ]
        parts = {**one[name], **other[name]}
        wrong = failed or [part for part in parts if one[name].get(part) != other[name].get(part)]
        if wrong:
            lines.append(f"{name}: {', '.join(wrong)}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs=2, metavar="PYTHON")
    parser.add_argument("words", nargs="*", help="of the names of the cases to do; default: all")
    options = parser.parse_args()
    # not resolved: the interpreter of an environment is a link to one outside it
    pythons = [str(Path(python).absolute()) for python in options.pythons]
    with tempfile.TemporaryDirectory() as folder:
        processes = [begin(python, options.words, folder) for python in pythons]
        one, other = [answer(*pair) for pair in zip(pythons, processes, strict=True)]
    for found in (one, other):
        print(f"{len(found['cases'])} cases by {found['build']}")
    lines = differences(one["cases"], other["cases"])
    print("\n".join(lines), end="\n" if lines else "")
    n = len({*one["cases"], *other["cases"]})
    if n == 0:
        parser.error("there is no such case")
    print(f"{len(lines)} of {n} cases differ" if lines else f"{n} cases equal")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
