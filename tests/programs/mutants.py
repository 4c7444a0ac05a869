"""Mistakes that a program can make: one token of a kernel exchanged for its like.

+ for - and < for <=, 0 for 1, a whole number for the next one, each in the body of a function
that runs without the interpreter: nowhere in comments, strings, preprocessor lines, sizes of
arrays, casts, or what declares and does nothing.  ``mutation_run.py`` makes them.
"""

import bisect
import re
from typing import NamedTuple

SWAPS = {
    "+": "-", "-": "+", "+=": "-=", "-=": "+=",
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "0": "1", "1": "0", "0.0": "1.0", "1.0": "0.0",
}  # fmt: skip
TOKEN = re.compile(
    r"""
    (?P<skip>\s+|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
  | (?P<number>(?:0[xX][\da-fA-F.]+(?:[pP][+-]?\d+)?|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFuUlL]*)
  | (?P<name>[A-Za-z_]\w*)
  | (?P<sign><<=|>>=|->|\+\+|--|&&|\|\||<<|>>|[-+*/%&|^<>=!]=|//|\*\*|.)
    """,
    re.VERBOSE | re.DOTALL,
)
# Calls whose arguments are hints to the compiler or to the caches: they alter no result.
HINTS = {"__builtin_prefetch", "__builtin_expect", "__attribute__", "sizeof", "aligned"}
KEYWORDS = {"and", "elif", "else", "for", "if", "in", "not", "or", "return", "while"}
# The type and the name of an array that is declared, up to its size.
ARRAY = re.compile(r"(?:\w+(?:\(\w+\))?[\s*]+)+\w+(?:\[[^\]]*\])*$")


class Token(NamedTuple):
    """A word of the source, and where it starts."""

    kind: str
    text: str
    start: int


class Mutant(NamedTuple):
    """A token and what stands in its place."""

    start: int
    old: str
    new: str

    def of(self, text):
        """The source with this one mistake."""
        return text[: self.start] + self.new + text[self.start + len(self.old) :]


def blanked(text, pattern, flags=0):
    """The text with what matches as spaces, so that all the rest stands where it stood."""
    return re.sub(pattern, lambda found: re.sub(r"[^\n]", " ", found.group()), text, flags=flags)


def bodies_c(text):
    """(start, end) of each function's body: a block, outside of all others, that follows a )."""
    depth = start = 0
    before = ""
    for token in tokens(text):
        if token.text == "{":
            if depth == 0:
                start = token.start if before == ")" else None
            depth += 1
        elif token.text == "}":
            depth -= 1
            if depth == 0 and start is not None:
                yield start, token.start
        before = token.text


def bodies_cython(text):
    """(start, end) of each function that needs no interpreter: the lines that are further in."""
    for found in re.finditer(r"^( *)cdef [^\n]*\((?:[^:]|:(?!\n))*?nogil:\n", text, re.MULTILINE):
        inner = re.compile(rf"(?: {{{len(found.group(1)) + 1},}}[^\n]*\n|\s*\n)*")
        yield found.end(), inner.match(text, found.end()).end()


def tokens(text):
    """The words of a source."""
    for found in TOKEN.finditer(text):
        if found.lastgroup != "skip":
            yield Token(found.lastgroup, found.group(), found.start())


def is_operand(token):
    """Whether a < after it compares; else it opens a cast."""
    if token is None or token.text in KEYWORDS:
        return False
    return token.kind in ("name", "number") or token.text in (")", "]")


def kept(text, start, end, cython):
    """The tokens of a body that may be exchanged."""
    words, i = list(tokens(text[start:end])), 0
    statement = 0  # where it starts
    while i < len(words):
        word, last = words[i], words[i - 1] if i else None
        if word.text in (";", "{", "}"):
            statement = word.start + 1
        if cython and "\n" in text[start + (last.start if last else 0) : start + word.start]:
            statement = word.start
        if cython and word.text == "<" and not is_operand(last):  # a cast
            while words[i].text != ">":
                i += 1
        elif word.text in HINTS or (
            word.text == "["
            and ARRAY.fullmatch(text[start + statement : start + word.start].strip())
            and is_declaration(text[start + statement : start + word.start])
        ):
            i = closing(words, i + (word.text in HINTS))
        elif word.text == "case":
            i += 1
        else:
            yield word._replace(start=start + word.start), last
        i += 1


def is_declaration(text):
    """Whether what comes before a [ names a type too: `double sum` and not `sum`."""
    return len(re.findall(r"[A-Za-z_]\w*", text)) > 1 and not re.match(r"\s*(return|else)\b", text)


def closing(words, i):
    """The index of what closes the bracket at i; i where there is none."""
    pairs = {"(": ")", "[": "]"}
    if i >= len(words) or words[i].text not in pairs:
        return i
    depth, opening = 0, words[i].text
    while True:
        depth += (words[i].text == opening) - (words[i].text == pairs[opening])
        if depth == 0:
            return i
        i += 1


def exchanged(word):
    """What stands for a token, or None."""
    if word.text in SWAPS:
        return SWAPS[word.text]
    if word.kind == "number" and re.fullmatch(r"\d+", word.text):
        return str(int(word.text) + 1)
    return None


def mutants(name, text):
    """Every mistake of these kinds in a source of that name, in order."""
    cython = not name.endswith(".h")
    if cython:
        code = blanked(text, r'"""(?:.|\n)*?"""|#[^\n]*')
        bodies = bodies_cython(code)
    else:
        code = blanked(text, r"/\*(?:.|\n)*?\*/|//[^\n]*")
        code = blanked(code, r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
        bodies = bodies_c(code)
    for start, end in bodies:
        for word, _ in kept(code, start, end, cython):
            new = exchanged(word)
            if new is not None:
                yield Mutant(word.start, word.text, new)


def place_of(text):
    """A function of an offset: (line, column), from 1."""
    ends = [found.start() for found in re.finditer("\n", text)]

    def place(at):
        line = bisect.bisect_left(ends, at)
        return line + 1, at - (ends[line - 1] if line else -1)

    return place
