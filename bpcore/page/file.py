"""The options of ``Trace.to_html``, checked, and the file that it writes."""

import os
from pathlib import Path
from typing import Any

from bpcore.checks import as_image_shape_or_none, as_integer, as_number, as_texts
from bpcore.explain.notation import Terms
from bpcore.files.replace import replace_file
from bpcore.page.bundle import page_of
from bpcore.page.content import MOST_EXAMPLES, content_of

__all__ = ["write"]

# inputs that are drawn as units, even where they make a square
MOST_UNITS = 16


def write(trace: Terms, path: str | os.PathLike[str], options: dict[str, Any]) -> None:
    """Write the page of a trace; ``Trace.to_html`` documents the options."""
    n, sizes = len(trace.targets), trace.layer_sizes
    if callable(trace.loss):
        raise ValueError(
            "the loss is a function, whose formula a page cannot hold: trace a network with a loss "
            "by name"
        )
    if n > MOST_EXAMPLES:
        raise ValueError(
            f"a page shows at most {MOST_EXAMPLES} examples, but the trace has {n:,}: trace some "
            "of the rows"
        )
    title, example = options["title"], options["example"]
    if title is not None and not isinstance(title, str):
        raise TypeError(f"title must be a text, got {title!r}")
    if example is None:
        example = 0 if n == 1 else None
    elif as_integer(example, "example", least=0) >= n:
        raise ValueError(
            f"example must be 0 to {n - 1}, a row of the trace, or None, got {example}"
        )
    shape = options["image_shape"]
    if isinstance(shape, str) and shape == "auto" and sizes[0] <= MOST_UNITS:
        shape = None
    content = content_of(
        trace,
        title=title,
        names=as_texts(options["names"], sizes[-1], "names", "outputs"),
        captions=as_texts(options["captions"], n, "captions", "examples"),
        features=as_texts(options["features"], sizes[0], "features", "inputs"),
        image_shape=as_image_shape_or_none(shape, sizes[0]),
        example=None if example is None else int(example),
        learning_rate=as_number(options["learning_rate"], "learning_rate"),
    )
    # a title may hold what no UTF-8 has, as the names of files do
    page = page_of(content).encode("utf-8", "xmlcharrefreplace")

    def put(place: Path) -> None:
        place.write_bytes(page)

    replace_file(path, put)
