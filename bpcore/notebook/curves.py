"""Curves as SVG, which notebooks show without another library."""

import html
import math
from collections.abc import Mapping, Sequence
from itertools import groupby

__all__ = ["curve"]

# Okabe and Ito's palette: told apart with any colour vision
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")
_WIDTH, _HEIGHT = 460, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 34


def curve(lines: Mapping[str, Sequence[float]], x: str, title: str) -> str:
    """Lines by name, a point for each entry, counted from 1; what is not finite leaves a gap.

    Returns
    -------
    str
        An ``<svg>`` element of the text's colour, for light paper and dark.
    """
    finite = [v for values in lines.values() for v in values if math.isfinite(v)]
    low, high = min([0.0, *finite]), max(finite, default=1.0)
    if high <= low:
        high = low + 1.0
    n = max(map(len, lines.values()), default=1)
    across = (_WIDTH - _LEFT - _RIGHT) / max(n - 1, 1)

    def place(at: int, value: float) -> str:
        down = (high - value) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)
        return f"{_LEFT + at * across:.1f},{_TOP + down:.1f}"

    drawn, labels = [], []
    for i, (name, values) in enumerate(lines.items()):
        colour = _COLOURS[i % len(_COLOURS)]
        points = [(at, value) for at, value in enumerate(values) if math.isfinite(value)]
        # neighbours belong together: at minus its number among the finite ones stays the same
        for _, group in groupby(enumerate(points), key=lambda one: one[1][0] - one[0]):
            part = [place(*point) for _, point in group]
            if len(part) == 1:
                drawn.append(f'<circle cx="{part[0].split(",")[0]}" cy="{part[0].split(",")[1]}" '
                             f'r="2.5" fill="{colour}"/>')  # fmt: skip
            else:
                drawn.append(f'<polyline points="{" ".join(part)}" fill="none" stroke="{colour}" '
                             'stroke-width="1.8"/>')  # fmt: skip
        y = _TOP + 12 + 15 * i
        labels.append(_text(_WIDTH - _RIGHT - 4, y, html.escape(name), "end", colour))
    base = _HEIGHT - _BOTTOM
    axes = (
        f'<path d="M{_LEFT} {_TOP}V{base}H{_WIDTH - _RIGHT}" fill="none" stroke="currentColor" '
        'opacity="0.6"/>'
    )
    words = [
        _text(_LEFT - 6, _TOP + 9, f"{high:.3g}", "end"),
        _text(_LEFT - 6, base, f"{low:.3g}", "end"),
        _text(_LEFT, base + 15, "1", "middle"),
        _text(_WIDTH - _RIGHT, base + 15, f"{n:,}", "end"),
        _text((_LEFT + _WIDTH) / 2, base + 28, html.escape(x), "middle"),
    ]
    inside = axes + "".join([*drawn, *labels, *words])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'width="{_WIDTH}" height="{_HEIGHT}" font-size="12" style="max-width: 100%">'
        f"<title>{html.escape(title)}</title>{inside}</svg>"
    )


def _text(x: float, y: float, words: str, anchor: str, colour: str = "currentColor") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'
