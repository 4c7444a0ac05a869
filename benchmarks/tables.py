"""bpcore and its peers on tables: fits, a line of JSON each, and a report in Markdown.

    python -P benchmarks/tables.py [--tables NAME …] [--learners NAME …] [--results FILE]

Each fit runs in a process of its own, on one thread; what the file of results has already is not
done again. A learner whose package is missing is left out; ``--python PYTHON`` names another
interpreter for those that this one lacks (pytabkit brings PyTorch). ``make bench-tables`` is it.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "tabular"))

from data import SUITE, load, seeds
from learners import LEARNERS, is_there
from standings import report

ROOT = Path(__file__).resolve().parent.parent
WORKER = Path(__file__).parent / "tabular" / "worker.py"


def lines_of(path: Path) -> list[dict]:
    """The results that there are."""
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def main() -> int:
    """Fit what is missing, then report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="*", default=SUITE, help="default: all that are reported")
    parser.add_argument("--learners", nargs="*", default=tuple(LEARNERS), choices=LEARNERS)
    parser.add_argument("--results", type=Path, default=ROOT / "build" / "bench" / "tables.jsonl")
    parser.add_argument("--python", default=None, help="an interpreter with the other learners")
    options = parser.parse_args()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    done = {(one["learner"], one["table"], one["seed"]) for one in lines_of(options.results)}
    for name in options.tables:
        for seed in seeds(load(name)):
            for learner in options.learners:
                python = sys.executable if is_there(learner) else options.python
                if python is None or (learner, name, seed) in done:
                    continue
                run = subprocess.run(
                    [python, "-P", str(WORKER), learner, name, str(seed)],
                    stdout=subprocess.PIPE, text=True, check=False,
                    env={**os.environ, "OMP_NUM_THREADS": "1"},
                )  # fmt: skip
                if run.returncode != 0:
                    print(f"{learner} on {name} failed", file=sys.stderr)
                    continue
                line = run.stdout.strip().splitlines()[-1]
                with options.results.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
    text = report(lines_of(options.results))
    options.results.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
