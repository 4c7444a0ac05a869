"""The forward pass as an ONNX graph: one Gemm and σ a layer.

Operators of opset 17 only, in float32, which every runtime has for all of them.
"""

import importlib
from typing import Any

import numpy as np

from bpcore._version import __version__
from bpcore.files.replace import replace_file
from bpcore.functions import ACTIVATIONS

__all__ = ["Graph", "Layers", "forward_model", "in_precision", "library", "write"]

# (σ, w^(l), b^(l)) of each layer; σ is a name or (name, parameter)
Layers = list[tuple[Any, np.ndarray, np.ndarray]]

_OPSET = 17
_IR_VERSION = 8
# A protocol buffer holds less than 2 GiB.
_MOST_BYTES = 2**31 - 2**20


def library() -> Any:
    """The onnx library.

    Raises
    ------
    ImportError
        If it is not installed; the message says what to type.
    """
    try:
        return importlib.import_module("onnx")
    except ModuleNotFoundError as error:
        raise ImportError('ONNX files need the onnx library: pip install "bpcore[onnx]"') from error


def in_precision(layers: Layers, dtype: Any = np.float32) -> Layers:
    """The layers with parameters in float32 or float64, contiguous.

    Raises
    ------
    ValueError
        If one is not finite there.
    """
    single = []
    with np.errstate(over="ignore"):
        for layer, (activation, *pair) in enumerate(layers, start=1):
            w, b = (np.ascontiguousarray(part, dtype=dtype) for part in pair)
            if not (np.isfinite(w).all() and np.isfinite(b).all()):
                raise ValueError(
                    f"layer {layer} holds a parameter that is NaN, infinite or too large for "
                    f"{np.dtype(dtype)}, in which the exported network is to compute"
                )
            single.append((activation, w, b))
    for activation, _, _ in layers:
        if isinstance(activation, tuple) and activation[1] > float(np.finfo(dtype).max):
            raise ValueError(f"the parameter of {activation} is too large for {np.dtype(dtype)}")
    return single


class Graph:
    """A graph that grows node by node; each method returns the name of a value.

    prefix: what the names that are not given begin with.
    """

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.onnx = library()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, op: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """An operator's output, called ``name`` or by a number."""
        output = name or f"{self.prefix}{op.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Any, name: str | None = None) -> str:
        """A constant; Python's floats are float32 here."""
        array = np.asarray(value, dtype=np.float32) if isinstance(value, float) else value
        name = name or f"{self.prefix}constant_{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(np.asarray(array), name))
        return name

    def activation(self, activation: Any, z: str) -> str:
        """σ(z)."""
        name, parameter = activation if isinstance(activation, tuple) else (activation, 0.0)
        return ACTIVATIONS[name].onnx(self, z, float(parameter))

    def forward(self, layers: Layers) -> str:
        """The outputs a^(L) of the input "X"."""
        n_parameters = sum(w.size + b.size for _, w, b in layers)
        if 4 * n_parameters > _MOST_BYTES:
            raise ValueError(
                f"{n_parameters:,} parameters make a file beyond the 2 GiB that an ONNX file holds"
            )
        a = "X"
        for layer, (activation, w, b) in enumerate(in_precision(layers), start=1):
            weights = self.constant(w, f"weights.{layer}")
            biases = self.constant(b, f"biases.{layer}")
            a = self.activation(activation, self.node("Gemm", a, weights, biases, transB=1))
        return a

    def model(self, n_inputs: int, outputs: list[tuple[str, str, Any]]) -> Any:
        """The model; outputs: (name, ONNX's type, number of columns or None for a vector)."""
        types = self.onnx.TensorProto
        x = self.onnx.helper.make_tensor_value_info("X", types.FLOAT, ["n", n_inputs])
        return self.finished([x], outputs)

    def finished(self, inputs: list[Any], outputs: list[tuple[str, str, Any]], *sets: Any) -> Any:
        """The model of these inputs; sets: operators beside those of ONNX itself."""
        helper, types = self.onnx.helper, self.onnx.TensorProto
        ends = [
            helper.make_tensor_value_info(
                name, getattr(types, kind), ["n"] if width is None else ["n", width]
            )
            for name, kind, width in outputs
        ]
        graph = helper.make_graph(self.nodes, "bpcore", inputs, ends, self.constants)
        model = helper.make_model(
            graph,
            producer_name="bpcore",
            producer_version=__version__,
            opset_imports=[helper.make_opsetid("", _OPSET), *sets],
        )
        model.ir_version = _IR_VERSION
        self.onnx.checker.check_model(model)
        return model


def write(path: Any, model: Any) -> None:
    """Write an ONNX model, all at once."""
    replace_file(path, lambda new: new.write_bytes(model.SerializeToString()))


def forward_model(layers: Layers) -> Any:
    """The graph from "X" (n, n_0) to "A" (n, n_L)."""
    graph = Graph()
    graph.node("Identity", graph.forward(layers), name="A")
    (_, first, _), (_, last, _) = layers[0], layers[-1]
    return graph.model(first.shape[1], [("A", "FLOAT", last.shape[0])])
