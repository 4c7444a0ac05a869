"""One derivation as terminal text, LaTeX and HTML, from the same blocks."""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bpcore.explain.mathml import math, mathml
from bpcore.explain.notation import Math, number

__all__ = ["Derivation", "Explanation", "Note", "Shown", "Table"]

# Styles of HTML, where a page has none of its own; what is too long for it scrolls by itself.
DERIVATION = "margin: 1em 0 1em 1.5em; overflow-x: auto; overflow-y: hidden"
LINE = "margin: 0.4em 0; white-space: nowrap"
CELL = "text-align: right; padding: 0.1em 0.8em; white-space: nowrap"


class Shown(NamedTuple):
    """A partial derivative that an explanation prints, and where its Trace holds it.

    ``term`` and ``layer`` name the list and its entry; ``units`` are the indices of the units;
    ``example`` is the row, or None where the number is summed over all rows or has none.
    """

    term: str
    layer: int
    units: tuple[int, ...]
    example: int | None
    value: float


@dataclass(frozen=True)
class Note:
    """A sentence, with mathematics in it."""

    parts: tuple[str | Math, ...]

    def as_text(self) -> str:
        """For the terminal."""
        return "".join(str(part) for part in self.parts)

    def as_latex(self) -> str:
        """One line of an ``aligned`` environment."""
        return "&" + "".join(
            part.latex if isinstance(part, Math) else rf"\text{{{_escape(part)}}}"
            for part in self.parts
        )

    def as_html(self) -> str:
        """One paragraph."""
        inside = "".join(
            math(part.latex) if isinstance(part, Math) else _words(part) for part in self.parts
        )
        return f"<p>{inside}</p>"


@dataclass(frozen=True)
class Derivation:
    """left = right = right …, one line each; ≈ before a right side with a rounded number."""

    left: Math
    rights: tuple[Math, ...]

    def as_text(self) -> str:
        """For the terminal, the signs of equality one below the other."""
        indent = " " * len(self.left.text)
        lines = [
            f"{indent if i else self.left.text} {'≈' if right.rounded else '='} {right.text}"
            for i, right in enumerate(self.rights)
        ]
        return "\n".join(f"  {line}" for line in lines)

    def as_latex(self) -> str:
        """Lines of an ``aligned`` environment."""
        lines = [
            f"{'' if i else self.left.latex} &{_equals(right)} {right.latex}"
            for i, right in enumerate(self.rights)
        ]
        return r" \\[4pt] ".join(lines)

    def as_html(self) -> str:
        """Lines of mathematics; the left side stands before each, visible before the first."""
        left = mathml(self.left.latex)
        below = f'<mpadded height="0" depth="0"><mphantom>{left}</mphantom></mpadded>'
        lines = "".join(
            f'<div style="{LINE}"><math displaystyle="true">{below if i else left}'
            f"{mathml(f'{_equals(right)} {right.latex}')}</math></div>"
            for i, right in enumerate(self.rights)
        )
        return f'<div style="{DERIVATION}">{lines}</div>'


def _equals(right: Math) -> str:
    return r"\approx" if right.rounded else "="


@dataclass(frozen=True)
class Table:
    """The terms of a sum: a label, the factors and their product; the largest come first.

    ``rest`` is how many terms are left out and what they add up to, or None. Factors are printed to
    ``factor_digits``, all else to ``digits``.
    """

    columns: tuple[Math, ...]
    rows: tuple[tuple[int, tuple[float, ...]], ...]
    rest: tuple[int, float] | None
    total: float
    digits: int
    factor_digits: int

    def _cells(self) -> list[list[str | Math]]:
        """Every row below the header, blank cells as empty strings."""
        blank = [""] * (len(self.columns) - 2)
        cells: list[list[str | Math]] = [
            [
                str(label),
                *(number(factor, self.factor_digits) for factor in factors),
                number(product, self.digits),
            ]
            for label, (*factors, product) in self.rows
        ]
        if self.rest is not None:
            cells.append([f"{self.rest[0]:,} smaller", *blank, number(self.rest[1], self.digits)])
        cells.append(["sum", *blank, number(self.total, self.digits)])
        return cells

    def as_text(self) -> str:
        """For the terminal, columns aligned to the right."""
        rows = [[column.text for column in self.columns]]
        rows += [[str(cell) for cell in row] for row in self._cells()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.columns))]
        lines = [
            "   ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        lines.insert(-1, " " * (len(lines[0]) - widths[-1]) + "-" * widths[-1])
        return "\n".join(f"    {line}".rstrip() for line in lines)

    def as_latex(self) -> str:
        """An ``array`` on a line of an ``aligned`` environment."""
        lines = [" & ".join(column.latex for column in self.columns) + r" \\ \hline"]
        for row in self._cells():
            cells = (c.latex if isinstance(c, Math) else rf"\text{{{c}}}" for c in row)
            lines.append(" & ".join(cells) + r" \\")
        lines.insert(-1, r"\hline")
        layout = "r" * len(self.columns)
        return rf"&\begin{{array}}{{{layout}}} {' '.join(lines)} \end{{array}}"

    def as_html(self) -> str:
        """A table, its header and numbers as mathematics."""
        head = "".join(f'<th style="{CELL}">{math(column.latex)}</th>' for column in self.columns)
        body = []
        for row in self._cells():
            cells = (math(cell.latex) if isinstance(cell, Math) else cell for cell in row)
            body.append(
                "<tr>" + "".join(f'<td style="{CELL}">{cell}</td>' for cell in cells) + "</tr>"
            )
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        return f'<div style="{DERIVATION}">{table}</div>'


Block = Note | Derivation | Table


@dataclass(frozen=True, eq=False, repr=False)
class Explanation:
    """A derivative of the cost, taken apart by the chain rule, with the numbers filled in.

    Plain text at a terminal's prompt and in ``str()``; notebooks show it as mathematics.

    Attributes
    ----------
    title : str
        What it is about, in words.
    value : float
        The derivative.
    blocks : tuple
        The notes, derivations and tables that it is made of.
    shown : tuple of Shown
        Each partial derivative that is printed: (term, layer, units, example, value).

    Examples
    --------
    >>> from bpcore import Network
    >>> net = Network((1, 1), activation="identity", dtype="float64")
    >>> net.set_parameters([0.0, 0.66])
    >>> print(net.trace([[5.0]], [[1.0]]).explain("a", layer=1, j=0))
    ∂C/∂a of layer 1
    Layers run from 0, the input, to L = 1, with one unit each.
    <BLANKLINE>
      ∂C/∂a^(1) = 2 (a^(1) - y)
                = 2 (0.66 - 1)
                = -0.68
    """

    title: str
    value: float
    blocks: tuple[Block, ...]
    shown: tuple[Shown, ...]

    def __str__(self) -> str:
        text, before = self.title, None
        for block in self.blocks:
            # notes that follow one another, and a derivation's table, belong together
            joined = before is None or (isinstance(before, Note) and isinstance(block, Note))
            text += ("\n" if joined else "\n\n") + block.as_text()
            before = block
        return text

    def __repr__(self) -> str:
        return str(self)

    def _repr_latex_(self) -> str:
        lines = [Note((self.title,)).as_latex(), *(block.as_latex() for block in self.blocks)]
        return rf"$$\begin{{aligned}} {_lines(lines)} \end{{aligned}}$$"

    # Every notebook prefers HTML to LaTeX, but only Jupyter looks for TeX inside of HTML: VS Code
    # and Colab show it as it is written, and Sphinx sets it on those pages alone that have formulas
    # of their own. MathML is part of HTML, so it is right in all of them, without a script or a
    # network. (Of a notebook from elsewhere, until it is trusted or run, Jupyter keeps no more than
    # the text of MathML, line by line.) LaTeX is for what prints: nbconvert, a Qt console.
    def _repr_html_(self) -> str:
        inside = "".join(block.as_html() for block in self.blocks)
        title = _words(self.title)
        return f'<div class="bpcore-explanation"><p><strong>{title}</strong></p>{inside}</div>'


def _lines(lines: Sequence[str]) -> str:
    return r" \\[4pt] ".join(lines)


# C_2 within a sentence
_INDEXED = re.compile(r"\b([^\W_]+)_(\w+)")


def _words(text: str) -> str:
    """A sentence as HTML."""
    return _INDEXED.sub(lambda found: math(f"{found[1]}_{{{found[2]}}}"), html.escape(text))


def _escape(text: str) -> str:
    """A sentence inside of LaTeX's text, where an index is mathematics again."""
    for character in "&%#$":
        text = text.replace(character, "\\" + character)
    return _INDEXED.sub(r"$\1_{\2}$", text)
