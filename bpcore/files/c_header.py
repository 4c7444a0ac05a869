"""The forward pass as a C header: θ as constants, one function, nothing but <math.h>.

Code is written here for doubles; for floats `_in_type` puts an f behind numbers and functions.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bpcore._version import __version__
from bpcore.files.onnx import Layers, in_precision
from bpcore.files.replace import replace_file
from bpcore.functions import ACTIVATIONS

__all__ = ["More", "source", "write"]

_KEYWORDS = re.compile(
    "auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|"
    "inline|int|long|register|restrict|return|short|signed|sizeof|static|struct|switch|typedef|"
    "union|unsigned|void|volatile|while"
)

_HEADER = """\
/* {shape}: a multilayer perceptron, {activations}.
 * Written by bpcore {version}.
 *
 * void {name}_forward(const {real} *x, {real} *a);
 *     x: {NAME}_INPUTS numbers; a: {NAME}_OUTPUTS numbers, written.
 * void {name}_forward_in(const {real} *x, {real} *a, {real} *work);
 *     The same with memory of yours: work has {NAME}_WORK numbers. {name}_forward takes them
 *     from the stack.
 *
{more} * C99 or C++. The functions may be called by several threads at once.
 */
#ifndef {name}_H
#define {name}_H

#include <math.h>

#define {NAME}_INPUTS {inputs}
#define {NAME}_OUTPUTS {outputs}
#define {NAME}_WORK {work}
"""

_LAYER = """\
static inline void {name}_layer_{layer}(const {real} *x, {real} *a)
{{
    int i, j;
    for (j = 0; j < {n_out}; j++) a[j] = 0.0;
    for (i = 0; i < {n_in}; i++) {{
        const {real} *w = {name}_w{layer} + (long)i * {n_out};
        const {real} x_i = {input};
        for (j = 0; j < {n_out}; j++) a[j] += w[j] * x_i;
    }}
    for (j = 0; j < {n_out}; j++) {{
        const {real} z = a[j] + {name}_b{layer}[j];
        a[j] = {activation};
    }}
{after}}}
"""

_SOFTMAX = """\
    {{
        {real} top = a[0], sum = 0.0;
        for (j = 1; j < {n_out}; j++) if (a[j] > top) top = a[j];
        for (j = 0; j < {n_out}; j++) {{ a[j] = exp(a[j] - top); sum += a[j]; }}
        for (j = 0; j < {n_out}; j++) a[j] /= sum;
    }}
"""

_FORWARD = """\
static inline void {name}_forward_in(const {real} *x, {real} *a, {real} *work)
{{
{calls}{unused}}}

static inline void {name}_forward(const {real} *x, {real} *a)
{{
    {real} work[{NAME}_WORK];
    {name}_forward_in(x, a, work);
}}
"""

_SCALINGS = {"shift": "({} - {}) / {}", "factor": "({} * {} + {})"}
_FUNCTION = re.compile(r"\b(exp|expm1|log1p|fabs|tanh|erfc)\(")
_NUMBER = re.compile(r"\b\d+\.\d+(e[-+]?\d+)?\b")


@dataclass
class More:
    """What a header has beside the forward pass.

    Attributes
    ----------
    inputs : list of (str, ndarray, ndarray)
        How each input is scaled, one step after the other: ("shift", m, s) makes (x - m) / s of
        it, ("factor", s, m) makes s x + m; vectors of shape (n_0,).
    about : str
        Lines of the comment at the head.
    code : str
        What follows the forward pass, for doubles, with {name}, {NAME} and {real} to fill in.
    data : str
        What follows that, as it is but for these three.
    """

    inputs: Sequence[tuple[str, np.ndarray, np.ndarray]] = ()
    about: str = ""
    code: str = ""
    data: str = ""


def write(
    path: Any, layers: Layers, name: str, dtype: Any = "float32", more: More | None = None
) -> None:
    """Write the header, all at once."""
    text = source(layers, name, dtype, more)

    def write_to(new: Path) -> None:
        with new.open("w", encoding="ascii", newline="\n") as file:
            file.writelines(text)

    replace_file(path, write_to)


def source(
    layers: Layers, name: str, dtype: Any = "float32", more: More | None = None
) -> Iterator[str]:
    """The text of the header, part by part.

    Raises
    ------
    ValueError
        If name is no C identifier, dtype none of the two, or a parameter is not finite in it.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise ValueError(f"name must be a C identifier, got {name!r}")
    if _KEYWORDS.fullmatch(name):
        raise ValueError(f"name must be a C identifier, and {name} is a word of the language")
    kind = _dtype_of(dtype)
    more = more or More()
    layers = in_precision(layers, kind)
    sizes = [layers[0][1].shape[1], *(len(b) for _, _, b in layers)]
    widest = max(sizes[1:-1], default=1)
    real = "float" if kind == np.float32 else "double"
    names = {"name": name, "NAME": name.upper(), "real": real}
    yield _HEADER.format(
        shape="-".join(map(str, sizes)),
        activations=", ".join(
            one if isinstance(one, str) else f"{one[0]} ({one[1]:g})" for one, _, _ in layers
        ),
        version=__version__,
        inputs=sizes[0],
        outputs=sizes[-1],
        work=min(2, max(1, len(sizes) - 2)) * widest,
        more=more.about.format(**names),
        **names,
    )
    x_i = "x[i]"
    for step, (form, first, second) in enumerate(more.inputs):
        vectors = [f"{name}_scale{step}{letter}" for letter in "ab"]
        for vector, values in zip(vectors, (first, second), strict=True):
            yield _array(vector, _scaling_in(kind, values, is_divisor=values is second), real)
        x_i = _SCALINGS[form].format(x_i, *(f"{vector}[i]" for vector in vectors))
    for layer, (_, w, b) in enumerate(layers, start=1):
        # an input's weights lie together: the loop over the units is one for vectors
        yield _array(f"{name}_w{layer}", w.T, real)
        yield _array(f"{name}_b{layer}", b, real)
    for layer, (activation, w, _) in enumerate(layers, start=1):
        n_out, n_in = w.shape
        yield "\n" + _in_type(kind, _LAYER).format(
            layer=layer,
            n_in=n_in,
            n_out=n_out,
            input=x_i if layer == 1 else "x[i]",
            activation=_scalar(activation, kind),
            after=_in_type(kind, _SOFTMAX).format(n_out=n_out, real=real)
            if activation == "softmax"
            else "",
            **names,
        )
    yield _calls(sizes[1:-1], names)
    yield (_in_type(kind, more.code) + more.data).format(**names) + "\n#endif\n"


def _dtype_of(dtype: Any) -> np.dtype:
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = np.dtype(object)
    if kind not in (np.float32, np.float64):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
    return kind


def _scaling_in(kind: np.dtype, values: np.ndarray, is_divisor: bool) -> np.ndarray:
    """Numbers that inputs are scaled by, in a type that must hold them."""
    with np.errstate(over="ignore", under="ignore"):
        held = values.astype(kind)
    lost = ~np.isfinite(held) | ((held == 0) & (values != 0) & is_divisor)
    if lost.any():
        i = int(np.flatnonzero(lost)[0])
        raise ValueError(f"input {i} is scaled by {values[i]:g}, which {kind} does not hold")
    return held


def _calls(hidden: list[int], names: dict[str, str]) -> str:
    """The functions that call the layers, which take turns in the two halves of the workspace."""
    widest = max(hidden, default=1)
    buffers = ["x", *(f"work + {i % 2 * widest}L" for i in range(len(hidden))), "a"]
    calls = [
        f"    {names['name']}_layer_{layer}({buffers[layer - 1]}, {buffers[layer]});\n"
        for layer in range(1, len(buffers))
    ]
    return "\n" + _FORWARD.format(
        calls="".join(calls), unused="" if hidden else "    (void)work;\n", **names
    )


def _in_type(kind: np.dtype, code: str) -> str:
    """Code for doubles as code for numbers of a type."""
    if kind == np.float64:
        return code
    code = _NUMBER.sub(lambda match: _literal(np.float32(match.group())), code)
    return _FUNCTION.sub(r"\1f(", code)


def _scalar(activation: Any, kind: np.dtype) -> str:
    name, parameter = activation if isinstance(activation, tuple) else (activation, None)
    expression = _in_type(kind, ACTIVATIONS[name].c)
    if parameter is None:
        return expression
    return expression.format(p=_literal(kind.type(parameter)))


def _literal(number: Any) -> str:
    """A float32 or float64 as C reads it back exactly."""
    single = isinstance(number, np.float32)
    text = f"{number:.9g}" if single else f"{number:.17g}"
    end = "f" if single else ""
    return text + (end if "." in text or "e" in text else ".0" + end)


def _array(name: str, values: np.ndarray, real: str) -> str:
    flat = [_literal(number) for number in values.ravel()]
    lines = [f"    {', '.join(flat[i : i + 8])}" for i in range(0, len(flat), 8)]
    return f"\nstatic const {real} {name}[{len(flat)}] = {{\n" + ",\n".join(lines) + "\n};\n"
