"""Losses: the cost C_k of one example, a sum over its outputs."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["LOSSES", "Loss", "Parameter"]

Cost = Callable[[np.ndarray, np.ndarray, Any], np.ndarray]


class Parameter(NamedTuple):
    """The number that a loss takes: above 0, and below `below`.

    Attributes
    ----------
    symbol : str
        Its sign in formulas.
    text : str
        What it is called in messages.
    default : float
    below : float
    one_an_output : bool
        Whether each output may have a number of its own.
    """

    symbol: str
    text: str
    default: float
    below: float = math.inf
    one_an_output: bool = False


class Loss(NamedTuple):
    """One loss.

    Attributes
    ----------
    name : str
    text : str
        An output's part of C_k in words.
    dC_da : (str, str)
        ∂C_k/∂a of one output as text and as LaTeX: @a, @y and @p stand for the output, its
        target and the parameter, @-p and @1-p for the numbers -p and 1 - p.
    cost : callable
        ``cost(a, y, p)``, an output's part of C_k, on float64 arrays.
    parameter : Parameter or None
    clips : bool
        Whether it takes the parameter "clip": costs, not derivatives, of outputs kept off 0
        and 1 by the rounding error, as scikit-learn reports them.
    outputs : tuple of str or None
        The output activations that it fits, the default one first. None: any, and that of the
        hidden layers by default.
    cancels_with : str or None
        The output activation whose σ' cancels against the quotient in ∂C/∂a, so that
        ∂C/∂z = a - y. Only costs with a logarithm of a have such a quotient.
    targets : (float, float, str) or None
        The least and the largest target, and what targets are in words. None: any number.
    metric : str or None
        The score that belongs to it; None: that depends on the targets.
    regressor, classifier : str
        Its name in MLPRegressor and MLPClassifier; "" where that does not take it.
    """

    name: str
    text: str
    dC_da: tuple[str, str]
    cost: Cost
    parameter: Parameter | None = None
    clips: bool = False
    outputs: tuple[str, ...] | None = None
    cancels_with: str | None = None
    targets: tuple[float, float, str] | None = None
    metric: str | None = None
    regressor: str = ""
    classifier: str = ""


def _xlogy(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The product x ln y, which is 0 for x = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        product: np.ndarray = np.where(x == 0, 0.0, x * np.log(y))
    return product


def _huber(a: np.ndarray, y: np.ndarray, delta: float) -> np.ndarray:
    r = np.abs(a - y)
    cost: np.ndarray = np.where(r <= delta, 0.5 * r * r, delta * (r - 0.5 * delta))
    return cost


def _quantile(a: np.ndarray, y: np.ndarray, q: float) -> np.ndarray:
    cost: np.ndarray = np.maximum(q * (y - a), (q - 1) * (y - a))
    return cost


_ROWS = (
    Loss(
        name="quadratic",
        text="(a - y)², the textbook's, without ½",
        dC_da=("2 (@a - @y)", r"2\,(@a - @y)"),
        cost=lambda a, y, p: (a - y) ** 2,
        regressor="quadratic",
        classifier="quadratic",
    ),
    Loss(
        name="squared_error",
        text="½ (a - y)²",
        dC_da=("@a - @y", "@a - @y"),
        cost=lambda a, y, p: (a - y) ** 2 / 2,
        regressor="squared_error",
    ),
    Loss(
        name="absolute",
        text="|a - y|",
        dC_da=("sign(@a - @y)", r"\mathrm{sign}(@a - @y)"),
        cost=lambda a, y, p: np.abs(a - y),
        regressor="absolute_error",
    ),
    Loss(
        name="huber",
        text="½ (a - y)² up to a distance of δ, a straight line beyond",
        parameter=Parameter(symbol="δ", text="huber's delta", default=1.0),
        dC_da=(
            "@a - @y, kept within ±@p",
            r"@a - @y,\ \mathrm{kept\ within}\ \pm @p",
        ),
        cost=_huber,
        regressor="huber",
    ),
    Loss(
        name="quantile",
        text="the pinball loss, q (y - a) below y and (1 - q) (a - y) above",
        parameter=Parameter(
            symbol="q", text="a quantile", default=0.5, below=1.0, one_an_output=True
        ),
        dC_da=(
            "@-p if @a < @y else @1-p",
            r"@-p\ \mathrm{if}\ @a < @y\ \mathrm{else}\ @1-p",
        ),
        cost=_quantile,
        regressor="quantile",
    ),
    Loss(
        name="binary_cross_entropy",
        text="-y ln a - (1 - y) ln(1 - a)",
        dC_da=(
            "(@a - @y) / (@a (1 - @a))",
            r"\frac{@a - @y}{@a\,(1 - @a)}",
        ),
        cost=lambda a, y, p: -_xlogy(y, a) - _xlogy(1 - y, 1 - a),
        clips=True,
        outputs=("sigmoid",),
        cancels_with="sigmoid",
        targets=(0.0, 1.0, "probabilities, from 0 to 1"),
        metric="accuracy",
        classifier="log_loss",
    ),
    Loss(
        name="categorical_cross_entropy",
        text="-y ln a",
        dC_da=("-@y / @a", r"-\frac{@y}{@a}"),
        cost=lambda a, y, p: -_xlogy(y, a),
        clips=True,
        outputs=("softmax",),
        cancels_with="softmax",
        targets=(0.0, math.inf, "probabilities, none negative"),
        metric="accuracy",
        classifier="log_loss",
    ),
    Loss(
        name="poisson",
        text="a - y + y ln(y / a), half the deviance",
        dC_da=("1 - @y / @a", r"1 - \frac{@y}{@a}"),
        cost=lambda a, y, p: a - y - _xlogy(y, a) + _xlogy(y, y),
        outputs=("exponential", "softplus"),
        cancels_with="exponential",
        targets=(0.0, math.inf, "counts or rates, none negative"),
        regressor="poisson",
    ),
)

LOSSES = {row.name: row for row in _ROWS}
