"""The page's sources as one text: modules in the order of their imports, the style, the frame."""

import base64
import hashlib
import html
import json
import re
from functools import cache
from importlib import resources
from typing import Any

from bpcore._version import __version__

__all__ = ["page_of", "script"]

_ENTRY = "app"
_IMPORT = re.compile(r'^import \{\s*([^}]*?),?\s*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?:async )?(?:function|class|const) (\w+)", re.MULTILINE)
_PLACE = re.compile(r"\{\{(\w+)\}\}")


@cache
def _source(name: str) -> str:
    return resources.files("bpcore.page").joinpath("static", name).read_text(encoding="utf-8")


@cache
def script() -> str:
    """All modules as one, each a function that returns what it exports.

    A file that is opened by a double click may not load others, so that the imports are what the
    functions before it have returned.
    """
    done: dict[str, str] = {}

    def add(name: str) -> None:
        if name in done:
            return
        text = _source(f"{name}.js")
        for _, other in _IMPORT.findall(text):
            add(other)
        body = _IMPORT.sub(lambda found: f"const {{ {found[1]} }} = ${found[2]};\n", text)
        names = ", ".join(_EXPORT.findall(text))
        body = re.sub(r"^export ", "", body, flags=re.MULTILINE)
        done[name] = f"const ${name} = (() => {{\n{body}return {{ {names} }};\n}})();\n"

    add(_ENTRY)
    return "\n" + "\n".join(done.values())


def _hash(text: str) -> str:
    """What lets a browser run this script or style, and no other."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def page_of(content: dict[str, Any]) -> str:
    """The whole page for what ``content_of`` tells."""
    style = "\n" + _source("page.css")
    # within a script element, "<" could begin its end or a comment
    data = json.dumps(content, allow_nan=False).replace("<", r"\u003c")
    parts = {
        "title": html.escape(content["title"]),
        "version": __version__,
        "style": style,
        "style_hash": _hash(style),
        "script": script(),
        "script_hash": _hash(script()),
        "data": data,
    }
    return _PLACE.sub(lambda place: parts[place[1]], _source("page.html"))
