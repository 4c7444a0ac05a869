"""The symbols of a derivation, as terminal text and as LaTeX, and what is derived."""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from bpcore.functions import ACTIVATIONS, LOSSES, Loss

__all__ = [
    "Math",
    "Terms",
    "dC_da_formula",
    "da_dz",
    "da_dz_formula",
    "derivative",
    "enough_digits",
    "in_parentheses",
    "loss_of",
    "number",
    "product",
    "sum_over",
    "symbol",
]


class Math(NamedTuple):
    """One piece of mathematics in both its forms; ``rounded`` if a number in it is."""

    text: str
    latex: str
    rounded: bool = False

    def __str__(self) -> str:
        return self.text


def symbol(letter: str, layer: int | None, *indices: int | str) -> Math:
    """w_3,7^(2): a letter, its layer above, its units below."""
    below = ",".join(str(index) for index in indices)
    text, latex = letter, letter
    if below:
        text += f"_{below}"
        latex += f"_{{{below}}}"
    if layer is not None:
        text += f"^({layer})"
        latex += f"^{{({layer})}}"
    return Math(text, latex)


def derivative(of: Math, by: Math) -> Math:
    """∂of/∂by."""
    return Math(f"∂{of.text}/∂{by.text}", rf"\frac{{\partial {of.latex}}}{{\partial {by.latex}}}")


def da_dz(z: Math) -> Math:
    """σ'(z)."""
    return Math(f"σ'({z.text})", rf"\sigma'({z.latex})")


def product(*factors: Math) -> Math:
    """Factors with dots between them."""
    return Math(
        " · ".join(f.text for f in factors),
        r" \cdot ".join(f.latex for f in factors),
        any(f.rounded for f in factors),
    )


def sum_over(index: str, term: Math) -> Math:
    """Σ_index term."""
    return Math(f"Σ_{index} {term.text}", rf"\sum_{index} {term.latex}", term.rounded)


def in_parentheses(formula: Math) -> Math:
    """A formula as a factor: in parentheses where it is more than one."""
    outside, before = formula.text, ""
    while outside != before:
        before, outside = outside, re.sub(r"\([^()]*\)", "", outside)
    if not (outside.startswith("-") or re.search(r" [-+] |, | if ", outside)):
        return formula
    return Math(f"({formula.text})", f"({formula.latex})", formula.rounded)


# ---------------------------------------------------------------- numbers


def number(
    value: float, digits: int = 4, *, operand: bool = False, tolerance: float = 1e-14
) -> Math:
    """A number to so many digits; as an operand a negative one stands in parentheses.

    It is ``rounded`` where it differs from the value by more than ``tolerance``, relatively:
    what the network's own arithmetic leaves open.
    """
    text = f"{value + 0.0:.{digits}g}"  # no -0
    rounded = abs(float(text) - value) > tolerance * abs(value)
    latex = text
    if "e" in text:
        mantissa, exponent = text.split("e")
        latex = rf"{mantissa} \times 10^{{{int(exponent)}}}"
    latex = {"nan": r"\mathrm{nan}", "inf": r"\infty", "-inf": r"-\infty"}.get(text, latex)
    if operand and text.startswith("-"):
        text, latex = f"({text})", f"({latex})"
    return Math(text, latex, bool(rounded))


def enough_digits(
    operands: Sequence[Any], whole: Any, combine: Callable[..., Any], digits: int
) -> int:
    """To how many digits operands are printed, so that a reader who combines them gets the whole.

    The fewest, from ``digits`` on, that lead to within a unit of the last digit of the whole,
    which is printed to ``digits``. Arrays stand for several such lines, which share the number.
    """
    whole = _as_printed(whole, digits)
    with np.errstate(all="ignore"):
        unit = 10.0 ** (np.floor(np.log10(np.abs(whole))) - digits + 1)
        unit = 1.001 * np.where(whole == 0, 0.0, unit)
        for more in range(digits, digits + 13):
            off = np.abs(combine(*(_as_printed(one, more) for one in operands)) - whole)
            if np.all(off <= unit):
                return more
    return digits  # it is not the printing that sets them apart


def _as_printed(values: Any, digits: int) -> np.ndarray:
    """Numbers as a reader of so many digits has them."""
    values = np.asarray(values, dtype=np.float64)
    printed = [float(f"{value:.{digits}g}") for value in values.ravel().tolist()]
    return np.reshape(printed, values.shape)


# ---------------------------------------------------------------- formulas of the rows

_OPERAND = re.compile("@(-p|1-p|[azyp])")


def _written(formula: tuple[str, str], operands: dict[str, Math]) -> Math:
    """A formula of ``functions`` with its operands put in."""
    text, latex = formula
    return Math(
        _OPERAND.sub(lambda place: operands[place[1]].text, text),
        _OPERAND.sub(lambda place: operands[place[1]].latex, latex),
        any(operands[name].rounded for name in _OPERAND.findall(text)),
    )


def da_dz_formula(activation: Any, a: Math, z: Math, digits: int = 4) -> Math:
    """σ'(z) of an activation, as Network.activations names it, for operands a and z."""
    name, parameter = (activation, 0.0) if isinstance(activation, str) else activation
    formula = ACTIVATIONS[name].da_dz
    if formula is None:
        raise ValueError(f"{name} has no σ' of one unit")
    return _written(formula, {"a": a, "z": z, "p": number(parameter, digits)})


def dC_da_formula(loss: Any, unit: int, a: Math, y: Math, digits: int = 4) -> Math:
    """∂C_k/∂a of an output of a loss, as Network.loss names it, for operands a and y."""
    row, p = loss_of(loss, unit)
    operands = {"a": a, "y": y}
    if p is not None:
        operands |= {
            "p": number(p, digits), "-p": number(-p, digits), "1-p": number(1 - p, digits)
        }  # fmt: skip
    return _written(row.dC_da, operands)


def loss_of(loss: Any, unit: int) -> tuple[Loss, float | None]:
    """The row of a loss, as Network.loss names it, and its parameter for one output."""
    if callable(loss):
        raise ValueError(
            "the loss is a function, whose formula is not known: explain, and check of one weight, "
            "take a trace with a loss by name; trace.dC_da has its numbers"
        )
    name, parameter = (loss, None) if isinstance(loss, str) else loss
    row = LOSSES[name]
    if row.parameter is None:
        return row, None
    if parameter is None:
        return row, row.parameter.default
    if isinstance(parameter, int | float):
        return row, float(parameter)
    return row, float(parameter[unit])


# ---------------------------------------------------------------- what is explained


class Terms(Protocol):
    """What an explanation reads: the terms of one step of backpropagation, as a Trace has them."""

    @property
    def a(self) -> Sequence[np.ndarray]:
        """a^(l), (n, n_l), for l = 0 … L."""

    @property
    def z(self) -> Sequence[np.ndarray | None]:
        """z^(l), from l = 1 on."""

    @property
    def da_dz(self) -> Sequence[np.ndarray | None]:
        """σ'(z^(l)), from l = 1 on."""

    @property
    def dC_da(self) -> Sequence[np.ndarray]:
        """∂C/∂a^(l), from l = 0 on."""

    @property
    def dC_dz(self) -> Sequence[np.ndarray | None]:
        """∂C/∂z^(l), from l = 1 on."""

    @property
    def dC_dw(self) -> Sequence[np.ndarray | None]:
        """∂C/∂w^(l), from l = 1 on."""

    @property
    def dC_db(self) -> Sequence[np.ndarray | None]:
        """∂C/∂b^(l), from l = 1 on."""

    @property
    def cost(self) -> float:
        """C."""

    @property
    def costs(self) -> np.ndarray:
        """C_k of each example."""

    @property
    def shares(self) -> np.ndarray:
        """What each C_k counts in C."""

    @property
    def targets(self) -> np.ndarray:
        """y, (n, n_L)."""

    @property
    def w(self) -> Sequence[np.ndarray | None]:
        """w^(l), from l = 1 on."""

    @property
    def b(self) -> Sequence[np.ndarray | None]:
        """b^(l), from l = 1 on."""

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """(n_0, …, n_L)."""

    @property
    def sigma(self) -> Sequence[Any]:
        """σ of layer l, a name or (name, parameter), from l = 1 on."""

    @property
    def loss(self) -> Any:
        """C_k, a name or (name, parameter)."""

    @property
    def network_class(self) -> Any:
        """What builds a network like the one that was traced."""
