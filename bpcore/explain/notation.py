"""The symbols of a derivation, as terminal text and as LaTeX, and the formulas of σ' and C."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.special import xlogy

__all__ = [
    "LOSSES",
    "Formula",
    "Math",
    "derivative",
    "number",
    "product",
    "slope",
    "slope_formula",
    "symbol",
]


class Math(NamedTuple):
    """One piece of mathematics in both its forms."""

    text: str
    latex: str

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


def slope(z: Math) -> Math:
    """σ'(z)."""
    return Math(f"σ'({z.text})", rf"\sigma'({z.latex})")


def product(*factors: Math) -> Math:
    """Factors with dots between them."""
    return Math(" · ".join(f.text for f in factors), r" \cdot ".join(f.latex for f in factors))


def number(value: float, *, operand: bool = False) -> Math:
    """A number to four digits; as an operand a negative one stands in parentheses."""
    text = f"{value + 0.0:.4g}"  # no -0
    latex = text
    if "e" in text:
        mantissa, exponent = text.split("e")
        latex = rf"{mantissa} \times 10^{{{int(exponent)}}}"
    latex = {"nan": r"\mathrm{nan}", "inf": r"\infty", "-inf": r"-\infty"}.get(text, latex)
    if operand and text.startswith("-"):
        return Math(f"({text})", f"({latex})")
    return Math(text, latex)


# ---------------------------------------------------------------- σ'

# @a and @z stand for the unit's activation and pre-activation, @p for the parameter
_STEP = Math("1 if @z > 0 else ", r"1\ \mathrm{if}\ @z > 0\ \mathrm{else}\ ")
_SLOPES = {
    "sigmoid": Math("@a (1 - @a)", r"@a\,(1 - @a)"),
    "tanh": Math("1 - @a²", r"1 - {@a}^2"),
    "relu": Math(_STEP.text + "0", _STEP.latex + "0"),
    "leaky_relu": Math(_STEP.text + "@p", _STEP.latex + "@p"),
    "elu": Math(_STEP.text + "@p e^@z", _STEP.latex + r"@p\,e^{@z}"),
    "identity": Math("1", "1"),
    "softplus": Math("1 / (1 + e^-@z)", r"1 / (1 + e^{-@z})"),
    "gelu": Math("Φ(@z) + @z φ(@z)", r"\Phi(@z) + @z\,\varphi(@z)"),
    "silu": Math(
        "s (1 + @z (1 - s)), s = 1 / (1 + e^-@z)",
        r"s\,(1 + @z\,(1 - s)),\ s = 1 / (1 + e^{-@z})",
    ),
    "exponential": Math("@a", "@a"),
}


def slope_formula(activation: Any, a: Math, z: Math) -> Math:
    """σ'(z) of an activation, as Network.activations names it, for operands a and z."""
    name, parameter = (activation, None) if isinstance(activation, str) else activation
    text, latex = _SLOPES[name]
    p = number(0.0 if parameter is None else parameter)
    for token, operand in (("@a", a), ("@z", z), ("@p", p)):
        text, latex = text.replace(token, operand.text), latex.replace(token, operand.latex)
    return Math(text, latex)


# ---------------------------------------------------------------- ∂C/∂a


class Formula(NamedTuple):
    """A loss: its derivative in writing, and its cost as numbers.

    ``derivative(a, y, p)`` writes ∂C_k/∂a for operands a and y and the parameter p of the
    output; ``cost(a, y, p)`` is that output's part of C_k, on float64 arrays.
    """

    derivative: Callable[[Math, Math, Any], Math]
    cost: Callable[[np.ndarray, np.ndarray, Any], np.ndarray]


def _difference(a: Math, y: Math) -> Math:
    return Math(f"{a.text} - {y.text}", f"{a.latex} - {y.latex}")


def _quadratic(a: Math, y: Math, _: Any) -> Math:
    r = _difference(a, y)
    return Math(f"2 ({r.text})", rf"2\,({r.latex})")


def _absolute(a: Math, y: Math, _: Any) -> Math:
    r = _difference(a, y)
    return Math(f"sign({r.text})", rf"\mathrm{{sign}}({r.latex})")


def _huber(a: Math, y: Math, delta: Any) -> Math:
    r, d = _difference(a, y), number(delta)
    return Math(
        f"{r.text}, kept within ±{d.text}", rf"{r.latex},\ \mathrm{{kept\ within}}\ \pm {d.latex}"
    )


def _quantile(a: Math, y: Math, q: Any) -> Math:
    below, above = number(-q), number(1 - q)
    return Math(
        f"{below.text} if {a.text} < {y.text} else {above.text}",
        rf"{below.latex}\ \mathrm{{if}}\ {a.latex} < {y.latex}\ \mathrm{{else}}\ {above.latex}",
    )


def _binary(a: Math, y: Math, _: Any) -> Math:
    r = _difference(a, y)
    return Math(
        f"({r.text}) / ({a.text} (1 - {a.text}))",
        rf"\frac{{{r.latex}}}{{{a.latex}\,(1 - {a.latex})}}",
    )


def _categorical(a: Math, y: Math, _: Any) -> Math:
    return Math(f"-{y.text} / {a.text}", rf"-\frac{{{y.latex}}}{{{a.latex}}}")


def _poisson(a: Math, y: Math, _: Any) -> Math:
    return Math(f"1 - {y.text} / {a.text}", rf"1 - \frac{{{y.latex}}}{{{a.latex}}}")


def _huber_cost(a: np.ndarray, y: np.ndarray, delta: Any) -> np.ndarray:
    r = np.abs(a - y)
    cost: np.ndarray = np.where(r <= delta, 0.5 * r * r, delta * (r - 0.5 * delta))
    return cost


def _quantile_cost(a: np.ndarray, y: np.ndarray, q: Any) -> np.ndarray:
    cost: np.ndarray = np.maximum(q * (y - a), (q - 1) * (y - a))
    return cost


LOSSES = {
    "quadratic": Formula(_quadratic, lambda a, y, _: (a - y) ** 2),
    "squared_error": Formula(lambda a, y, _: _difference(a, y), lambda a, y, _: (a - y) ** 2 / 2),
    "absolute": Formula(_absolute, lambda a, y, _: np.abs(a - y)),
    "huber": Formula(_huber, _huber_cost),
    "quantile": Formula(_quantile, _quantile_cost),
    "binary_cross_entropy": Formula(_binary, lambda a, y, _: -xlogy(y, a) - xlogy(1 - y, 1 - a)),
    "categorical_cross_entropy": Formula(_categorical, lambda a, y, _: -xlogy(y, a)),
    "poisson": Formula(_poisson, lambda a, y, _: a - y - xlogy(y, a) + xlogy(y, y)),
}
