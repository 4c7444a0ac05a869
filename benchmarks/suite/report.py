"""Results into words and pictures.

    python -P -m suite.report RESULTS [--docs FOLDER]

writes `performance.md` and the pictures beside the results; with --docs the part between the
marks of FOLDER/performance.md anew, the pictures and the results themselves into that folder.
"""

import argparse
import json
import shutil
from pathlib import Path

from suite import plots, tables

BEGIN = "<!-- results: what follows is written by `make bench ARGS=--docs` -->"
END = "<!-- end of results -->"


def between_marks(text: str, part: str) -> str:
    """The text with what stands between its marks replaced."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ValueError(f"expected one line {BEGIN!r} and below it one line {END!r}")
    head, rest = text.split(BEGIN)
    return f"{head}{BEGIN}\n\n{part.strip()}\n\n{rest[rest.index(END) :]}"


def write(results: Path) -> list[Path]:
    """performance.md and the pictures, beside the file of results."""
    content = json.loads(results.read_text(encoding="utf-8"))
    page = results.with_name("performance.md")
    page.write_text("# Performance\n\n" + tables.report(content), encoding="utf-8")
    return [page, *plots.draw(content, results.parent)]


def write_docs(results: Path, folder: Path) -> None:
    """The documentation's page, pictures and results."""
    content = json.loads(results.read_text(encoding="utf-8"))
    page = folder / "performance.md"
    text = between_marks(page.read_text(encoding="utf-8"), tables.report(content))
    plots.draw(content, folder)
    shutil.copyfile(results, folder / "performance.json")
    page.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description="benchmark results as Markdown and pictures")
    parser.add_argument("results", type=Path)
    parser.add_argument("--docs", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    for path in write(options.results):
        print(path)
    if options.docs:
        write_docs(options.results, options.docs)


if __name__ == "__main__":
    main()
