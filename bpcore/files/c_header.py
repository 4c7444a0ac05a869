"""The forward pass as a C header: θ as constants, one function, nothing but <math.h>."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bpcore._version import __version__
from bpcore.files.onnx import Layers, single_precision
from bpcore.files.replace import replace_file
from bpcore.functions import ACTIVATIONS

__all__ = ["source", "write"]

_KEYWORDS = re.compile(
    "auto|break|case|char|const|continue|default|do|double|else|enum|extern|float|for|goto|if|"
    "inline|int|long|register|restrict|return|short|signed|sizeof|static|struct|switch|typedef|"
    "union|unsigned|void|volatile|while"
)

_HEADER = """\
/* {shape}: a multilayer perceptron, {activations}.
 * Written by bpcore {version}.
 *
 * void {name}_forward(const float *x, float *a);
 *     x: {NAME}_INPUTS numbers; a: {NAME}_OUTPUTS numbers, written.
 * void {name}_forward_in(const float *x, float *a, float *work);
 *     The same with memory of yours: work has {NAME}_WORK floats. {name}_forward takes them
 *     from the stack.
 *
 * C99 or C++. Both functions may be called by several threads at once.
 */
#ifndef {NAME}_H
#define {NAME}_H

#include <math.h>

#define {NAME}_INPUTS {inputs}
#define {NAME}_OUTPUTS {outputs}
#define {NAME}_WORK {work}
"""

_LAYER = """\
static inline void {name}_layer_{layer}(const float *x, float *a)
{{
    int i, j;
    for (j = 0; j < {n_out}; j++) a[j] = 0.0f;
    for (i = 0; i < {n_in}; i++) {{
        const float *w = {name}_w{layer} + (long)i * {n_out};
        const float x_i = x[i];
        for (j = 0; j < {n_out}; j++) a[j] += w[j] * x_i;
    }}
    for (j = 0; j < {n_out}; j++) {{
        const float z = a[j] + {name}_b{layer}[j];
        a[j] = {activation};
    }}
{after}}}
"""

_SOFTMAX = """\
    {{
        float top = a[0], sum = 0.0f;
        for (j = 1; j < {n_out}; j++) if (a[j] > top) top = a[j];
        for (j = 0; j < {n_out}; j++) {{ a[j] = expf(a[j] - top); sum += a[j]; }}
        for (j = 0; j < {n_out}; j++) a[j] /= sum;
    }}
"""

_FORWARD = """\
static inline void {name}_forward_in(const float *x, float *a, float *work)
{{
{calls}{unused}}}

static inline void {name}_forward(const float *x, float *a)
{{
    float work[{NAME}_WORK];
    {name}_forward_in(x, a, work);
}}

#endif
"""


def write(path: Any, layers: Layers, name: str) -> None:
    """Write the header, all at once."""
    text = source(layers, name)

    def write_to(new: Path) -> None:
        with new.open("w", encoding="ascii", newline="\n") as file:
            file.writelines(text)

    replace_file(path, write_to)


def source(layers: Layers, name: str) -> Iterator[str]:
    """The text of the header, part by part.

    Raises
    ------
    ValueError
        If name is no C identifier, or a parameter is not finite in float32.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII):
        raise ValueError(f"name must be a C identifier, got {name!r}")
    if _KEYWORDS.fullmatch(name):
        raise ValueError(f"name must be a C identifier, and {name} is a word of the language")
    layers = single_precision(layers)
    sizes = [layers[0][1].shape[1], *(len(b) for _, _, b in layers)]
    hidden = sizes[1:-1]
    widest = max(hidden, default=1)
    names = {"name": name, "NAME": name.upper()}
    yield _HEADER.format(
        shape="-".join(map(str, sizes)),
        activations=", ".join(
            one if isinstance(one, str) else f"{one[0]} ({one[1]:g})" for one, _, _ in layers
        ),
        version=__version__,
        inputs=sizes[0],
        outputs=sizes[-1],
        work=min(2, max(1, len(hidden))) * widest,
        **names,
    )
    for layer, (_, w, b) in enumerate(layers, start=1):
        # an input's weights lie together: the loop over the units is one for vectors
        yield _array(f"{name}_w{layer}", w.T)
        yield _array(f"{name}_b{layer}", b)
    for layer, (activation, w, _) in enumerate(layers, start=1):
        n_out, n_in = w.shape
        yield "\n" + _LAYER.format(
            layer=layer,
            n_in=n_in,
            n_out=n_out,
            activation=_scalar(activation),
            after=_SOFTMAX.format(n_out=n_out) if activation == "softmax" else "",
            **names,
        )
    # hidden layers take turns in the two halves of the workspace
    buffers = ["x", *(f"work + {i % 2 * widest}L" for i in range(len(hidden))), "a"]
    calls = [
        f"    {name}_layer_{layer}({buffers[layer - 1]}, {buffers[layer]});\n"
        for layer in range(1, len(buffers))
    ]
    yield "\n" + _FORWARD.format(
        calls="".join(calls), unused="" if hidden else "    (void)work;\n", **names
    )


def _scalar(activation: Any) -> str:
    name, parameter = activation if isinstance(activation, tuple) else (activation, None)
    expression = ACTIVATIONS[name].c
    return expression if parameter is None else expression.format(p=_literal(np.float32(parameter)))


def _literal(number: Any) -> str:
    """A float32 as C reads it back exactly."""
    text = f"{number:.9g}"
    return text + ("f" if "." in text or "e" in text else ".0f")


def _array(name: str, values: np.ndarray) -> str:
    flat = [_literal(number) for number in values.ravel()]
    lines = [f"    {', '.join(flat[i : i + 8])}" for i in range(0, len(flat), 8)]
    return f"\nstatic const float {name}[{len(flat)}] = {{\n" + ",\n".join(lines) + "\n};\n"
