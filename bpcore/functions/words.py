"""The rows as lists in prose, and docstrings that take such lists."""

import re
import textwrap
from collections.abc import Iterable, Mapping
from typing import TypeVar

from bpcore.functions.activations import ACTIVATIONS, HIDDEN, Activation
from bpcore.functions.losses import LOSSES, Loss
from bpcore.functions.optimizers import OPTIMIZERS

__all__ = ["as_list", "enumerated", "names_filled_in", "wrapped"]

T = TypeVar("T")

_PLACE = re.compile(r"^( *)<(activations|losses|optimizers|learning rates)>$", re.MULTILINE)


def enumerated(words: Iterable[str], last: str = "and") -> str:
    """Words with commas between them: "adam, nadam and rmsprop"."""
    *before, end = words
    return f"{', '.join(before)} {last} {end}" if before else end


def wrapped(text: str, hanging: str = "") -> str:
    """A text in lines as long as those of a docstring's parameters."""
    return textwrap.fill(
        text, 88, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False
    )


def as_list(texts: Mapping[str, str], quote: str = '"') -> str:
    """A list of names and what they are, one below the other."""
    return "\n".join(
        wrapped(f"- {quote}{name}{quote}: {text}.", hanging="  ") for name, text in texts.items()
    )


def names_filled_in(target: T) -> T:
    """A decorator: fills the lists of names into a docstring.

    A line that is nothing but "<activations>" (of hidden layers), "<losses>", "<optimizers>" or
    "<learning rates>" becomes the list of these, in lines of the same indent.
    """
    if target.__doc__:  # none under python -OO
        target.__doc__ = _PLACE.sub(_filled, target.__doc__)
    return target


def _filled(place: re.Match[str]) -> str:
    indent, which = place.groups()
    if which == "activations":
        text = as_list({name: _activation(ACTIVATIONS[name]) for name in HIDDEN})
    elif which == "losses":
        text = as_list({name: _loss(row) for name, row in LOSSES.items()})
    elif which == "optimizers":
        text = as_list({name: row.text for name, row in OPTIMIZERS.items()})
    else:
        text = wrapped(_learning_rates())
    return textwrap.indent(text, indent)


def _activation(row: Activation) -> str:
    remarks = [f"parameter: {row.parameter}, {row.default}"] if row.parameter else []
    remarks += [f'also "{alias}"' for alias in row.aliases]
    return row.text + (f" ({'; '.join(remarks)})" if remarks else "")


def _loss(row: Loss) -> str:
    remarks = []
    if row.parameter is not None:
        symbol = row.parameter.symbol
        each = f" or one {symbol} an output" if row.parameter.one_an_output else ""
        remarks.append(f"parameter: {symbol}{each}, {row.parameter.default}")
    if row.outputs is not None:
        remarks.append(f"outputs: {enumerated(row.outputs, 'or')}")
    return row.text + (f" ({'; '.join(remarks)})" if remarks else "")


def _learning_rates() -> str:
    """The default learning rates, each with the optimizers that have it."""
    having: dict[float, list[str]] = {}
    for row in OPTIMIZERS.values():
        having.setdefault(row.learning_rate, []).append(row.name)
    parts = (f"{rate} for {enumerated(names)}" for rate, names in having.items())
    return f"None: {', '.join(parts)}."
