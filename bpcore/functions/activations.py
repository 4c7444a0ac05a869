"""Activation functions σ."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

__all__ = ["ACTIVATIONS", "ALIASES", "HIDDEN", "Activation"]


class Graph(Protocol):
    """An ONNX graph that grows; each method returns the name of a value."""

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """The output of an operator."""

    def constant(self, value: Any) -> str:
        """A constant; Python's floats are float32."""


OnnxForm = Callable[[Graph, str, float], str]


class Activation(NamedTuple):
    """One activation function.

    Attributes
    ----------
    name : str
    text : str
        σ(z) in words, for the documentation.
    da_dz : (str, str) or None
        σ'(z) as text and as LaTeX: @a, @z and @p stand for the unit's activation, its
        pre-activation and the parameter. None: σ takes a layer's units together (softmax), so
        that there is no σ' of one unit, and it is for outputs only.
    onnx : callable
        ``onnx(graph, z, p)`` adds σ(z) to an ONNX graph and returns the name of its value.
    c : str
        σ(z) of a float as an expression in C, whose branches keep small and large z exact; {p}
        stands for the parameter.
    parameter : str
        What the number that it takes is called.
    default : float or None
        That number where none is given; None: it takes none.
    sklearn : str
        What scikit-learn calls it, where that is another name.
    aliases : tuple of str
        Other names that ``Network`` takes.
    """

    name: str
    text: str
    da_dz: tuple[str, str] | None
    onnx: OnnxForm
    c: str
    parameter: str = ""
    default: float | None = None
    sklearn: str = ""
    aliases: tuple[str, ...] = ()


def _operator(op: str) -> OnnxForm:
    """An operator of ONNX that computes σ by itself."""
    return lambda graph, z, p: graph.node(op, z)


def _onnx_gelu(graph: Graph, z: str, p: float) -> str:
    """½ z (1 + erf(z / √2)) = z Φ(z)."""
    erf = graph.node("Erf", graph.node("Mul", z, graph.constant(math.sqrt(0.5))))
    twice = graph.node("Mul", z, graph.node("Add", erf, graph.constant(1.0)))
    return graph.node("Mul", twice, graph.constant(0.5))


_ROWS = (
    Activation(
        name="sigmoid",
        text="1 / (1 + e^-z)",
        da_dz=("@a (1 - @a)", r"@a\,(1 - @a)"),
        onnx=_operator("Sigmoid"),
        c="z >= 0.0 ? 1.0 / (1.0 + exp(-z)) : exp(z) / (1.0 + exp(z))",
        sklearn="logistic",
        aliases=("logistic",),
    ),
    Activation(
        name="tanh",
        text="tanh z",
        da_dz=("1 - @a²", "1 - {@a}^2"),
        onnx=_operator("Tanh"),
        c="tanh(z)",
    ),
    Activation(
        name="relu",
        text="max(0, z)",
        da_dz=(
            "1 if @z > 0 else 0",
            r"1\ \mathrm{if}\ @z > 0\ \mathrm{else}\ 0",
        ),
        onnx=_operator("Relu"),
        c="z > 0.0 ? z : 0.0",
    ),
    Activation(
        name="identity",
        text="z",
        da_dz=("1", "1"),
        onnx=_operator("Identity"),
        c="z",
    ),
    Activation(
        name="leaky_relu",
        text="z, below 0 slope · z",
        parameter="slope",
        default=0.01,
        da_dz=(
            "1 if @z > 0 else @p",
            r"1\ \mathrm{if}\ @z > 0\ \mathrm{else}\ @p",
        ),
        onnx=lambda graph, z, p: graph.node("LeakyRelu", z, alpha=p),
        c="z < 0.0 ? {p} * z : z",
    ),
    Activation(
        name="elu",
        text="z, below 0 alpha (e^z - 1)",
        parameter="alpha",
        default=1.0,
        da_dz=(
            "1 if @z > 0 else @p e^@z",
            r"1\ \mathrm{if}\ @z > 0\ \mathrm{else}\ @p\,e^{@z}",
        ),
        onnx=lambda graph, z, p: graph.node("Elu", z, alpha=p),
        c="z < 0.0 ? {p} * expm1(z) : z",
    ),
    Activation(
        name="softplus",
        text="ln(1 + e^z)",
        da_dz=("1 / (1 + e^-@z)", "1 / (1 + e^{-@z})"),
        onnx=_operator("Softplus"),
        c="(z > 0.0 ? z : 0.0) + log1p(exp(-fabs(z)))",
    ),
    Activation(
        name="selu",
        text="1.0507 z, below 0 1.7581 (e^z - 1), which keeps units near mean 0 and deviation 1",
        da_dz=(
            "1.0507009873554805 if @z > 0 else 1.7580993408473766 e^@z",
            r"1.0507\ \mathrm{if}\ @z > 0\ \mathrm{else}\ 1.7581\,e^{@z}",
        ),
        onnx=_operator("Selu"),
        c="z < 0.0 ? 1.7580993408473766 * expm1(z) : 1.0507009873554805 * z",
    ),
    Activation(
        name="gelu",
        text="z Φ(z), the exact one",
        da_dz=("Φ(@z) + @z φ(@z)", r"\Phi(@z) + @z\,\varphi(@z)"),
        onnx=_onnx_gelu,
        c="0.5 * z * erfc(-0.7071067811865476 * z)",
    ),
    Activation(
        name="silu",
        text="z / (1 + e^-z)",
        da_dz=(
            "s (1 + @z (1 - s)), s = 1 / (1 + e^-@z)",
            r"s\,(1 + @z\,(1 - s)),\ s = 1 / (1 + e^{-@z})",
        ),
        onnx=lambda graph, z, p: graph.node("Mul", z, graph.node("Sigmoid", z)),
        c="z >= 0.0 ? z / (1.0 + exp(-z)) : z * exp(z) / (1.0 + exp(z))",
    ),
    Activation(
        name="mish",
        text="z tanh(ln(1 + e^z))",
        da_dz=(
            "e^@z (4 (@z + 1) + 4 e^(2 @z) + e^(3 @z) + e^@z (4 @z + 6)) "
            "/ (2 e^@z + e^(2 @z) + 2)²",
            r"\frac{e^{@z}\,(4\,(@z + 1) + 4\,e^{2 @z} + e^{3 @z} + e^{@z}\,(4 @z + 6))}"
            r"{(2\,e^{@z} + e^{2 @z} + 2)^2}",
        ),
        onnx=lambda graph, z, p: graph.node(
            "Mul", z, graph.node("Tanh", graph.node("Softplus", z))
        ),
        c="z * tanh((z > 0.0 ? z : 0.0) + log1p(exp(-fabs(z))))",
    ),
    Activation(
        name="exponential",
        text="e^z",
        da_dz=("@a", "@a"),
        onnx=_operator("Exp"),
        c="exp(z)",
        sklearn="exp",
    ),
    Activation(
        name="softmax",
        text="e^z / Σ e^z",
        da_dz=None,
        onnx=lambda graph, z, p: graph.node("Softmax", z, axis=1),
        c="z",  # the sum over the layer follows in a loop of its own
    ),
)

ACTIVATIONS = {row.name: row for row in _ROWS}
# those that a hidden layer takes
HIDDEN = tuple(row.name for row in _ROWS if row.da_dz is not None)
# other names → names
ALIASES = {alias: row.name for row in _ROWS for alias in row.aliases}
