"""Tables that a terminal prints and a notebook sets."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Table"]

_CELL = "text-align: right; padding: 0.1em 0.8em; white-space: nowrap"


@dataclass(frozen=True, repr=False)
class Table:
    """A title, a head and rows of texts.

    Plain text in ``str()`` and at a terminal's prompt; notebooks show it as a table.

    Attributes
    ----------
    title : str
    head : tuple of str
    rows : tuple of tuple of str
    notes : tuple of str
        Sentences beneath.

    Examples
    --------
    >>> from bpcore import Network
    >>> table = Network((2, 3, 1)).summary()
    >>> table.head
    ('layer', 'units', 'activation', 'parameters')
    >>> table.rows[1]
    ('1', '3', 'sigmoid', '9')
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(self.head, *self.rows, strict=True)]
        lines = [_line(row, widths) for row in (self.head, *self.rows)]
        return "\n".join([self.title, *lines, *self.notes])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="{_CELL}">{html.escape(cell)}</th>' for cell in self.head)
        body = "".join(
            "<tr>" + "".join(f'<td style="{_CELL}">{html.escape(cell)}</td>' for cell in row)
            + "</tr>"
            for row in self.rows
        )  # fmt: skip
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return (
            f"<div><p><strong>{html.escape(self.title)}</strong></p><table><thead><tr>{head}</tr>"
            f"</thead><tbody>{body}</tbody></table>{notes}</div>"
        )


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
    return ("  " + "   ".join(cells)).rstrip()
