"""The LaTeX of an explanation as MathML, which browsers set by themselves.

It reads what ``notation`` and the formulas of ``functions`` are written with, no more: letters,
numbers, fractions, indices and exponents, sums, words, signs.
"""

import re
from collections import deque
from html import escape

__all__ = ["math", "mathml"]

_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\S")
_LETTERS = {
    r"\partial": "∂", r"\sigma": "σ", r"\Phi": "Φ", r"\varphi": "φ", r"\infty": "∞",
}  # fmt: skip
_SIGNS = {
    "-": "−", "'": "′", r"\cdot": "·", r"\times": "×", r"\pm": "±", r"\sum": "∑", r"\approx": "≈",
}  # fmt: skip
_SPACES = {r"\,": "0.17em", r"\ ": "0.33em"}
# in front of a number and not between two
_OPENING = {None, "(", "=", ",", "<", ">", r"\cdot", r"\approx", r"\times", r"\ "}


def math(latex: str) -> str:
    """A <math> element, its fractions in full size."""
    return f'<math displaystyle="true">{mathml(latex)}</math>'


def mathml(latex: str) -> str:
    """What stands inside of it, in one <mrow>."""
    return _row(deque(_TOKEN.findall(latex)))


def _row(tokens: deque[str]) -> str:
    """Up to the closing brace, or all."""
    parts, before = [], None
    while tokens and tokens[0] != "}":
        sign = tokens[0]
        if sign in ("-", r"\pm") and before in _OPENING:
            tokens.popleft()
            parts.append(f'<mo form="prefix">{_SIGNS[sign]}</mo>')
        else:
            parts.append(_scripted(tokens))
        before = sign
    return f"<mrow>{''.join(parts)}</mrow>"


def _scripted(tokens: deque[str]) -> str:
    """One thing with its index and its exponent."""
    is_sum = tokens[0] == r"\sum"
    base, below, above = _one(tokens), "", ""
    while tokens and tokens[0] in ("_", "^", "'"):
        script = tokens.popleft()
        if script == "_":
            below += _one(tokens)
        else:
            above += _one(tokens) if script == "^" else "<mo>′</mo>"
    if is_sum and below:
        return f"<munder>{base}{below}</munder>"
    if below and above:
        return f"<msubsup>{base}{below}{above}</msubsup>"
    if below:
        return f"<msub>{base}{below}</msub>"
    return f"<msup>{base}{above}</msup>" if above else base


def _one(tokens: deque[str]) -> str:
    """A letter, a number, a sign, a word, a fraction or what stands in braces."""
    token = tokens.popleft()
    if token == "{":
        row = _row(tokens)
        tokens.popleft()
        return row
    if token == r"\frac":
        return f"<mfrac>{_one(tokens)}{_one(tokens)}</mfrac>"
    if token == r"\mathrm":
        tokens.popleft()
        word = ""
        while (part := tokens.popleft()) != "}":
            word += part.removeprefix("\\")
        return f"<mtext>{escape(word)}</mtext>"
    if token in _SPACES:
        return f'<mspace width="{_SPACES[token]}"/>'
    if token[0].isdigit():
        return f"<mn>{token}</mn>"
    if token in _LETTERS or token.isalpha():
        return f"<mi>{_LETTERS.get(token, token)}</mi>"
    # parentheses would grow with a fraction that stands beside them
    fence = ' stretchy="false"' if token in "()" else ""
    return f"<mo{fence}>{_SIGNS.get(token, escape(token))}</mo>"
