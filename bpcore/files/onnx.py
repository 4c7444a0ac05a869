"""The forward pass as an ONNX graph: one Gemm and σ a layer, for estimators the labels too.

Operators of opset 17 only, in float32, which every runtime has for all of them.
"""

import importlib
import math
from typing import Any

import numpy as np

from bpcore._version import __version__
from bpcore.files.replace import replace_file
from bpcore.functions import ACTIVATIONS
from bpcore.network.architecture import Architecture

__all__ = ["estimator_model", "network_model", "write"]

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


def single_parameters(network: Architecture) -> list[tuple[np.ndarray, np.ndarray]]:
    """(weights, biases) of each layer in float32, contiguous.

    Raises
    ------
    ValueError
        If one is not finite there.
    """
    layers = []
    with np.errstate(over="ignore"):
        for layer, pair in enumerate(zip(network.weights, network.biases, strict=True), start=1):
            w, b = (np.ascontiguousarray(part, dtype=np.float32) for part in pair)
            if not (np.isfinite(w).all() and np.isfinite(b).all()):
                raise ValueError(
                    f"layer {layer} holds a parameter that is NaN, infinite or too large for "
                    "float32, in which exported networks compute"
                )
            layers.append((w, b))
    for activation in network.activations:
        if isinstance(activation, tuple) and activation[1] > float(np.finfo(np.float32).max):
            raise ValueError(f"the parameter of {activation} is too large for float32")
    return layers


class _Graph:
    """A graph that grows node by node; each method returns the name of a value."""

    def __init__(self) -> None:
        self.onnx = library()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, op: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """An operator's output, called ``name`` or by a number."""
        output = name or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(op, list(inputs), [output], **attributes))
        return output

    def constant(self, value: Any, name: str | None = None) -> str:
        """A constant; Python's floats are float32 here."""
        array = np.asarray(value, dtype=np.float32) if isinstance(value, float) else value
        name = name or f"constant_{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(np.asarray(array), name))
        return name

    def activation(self, activation: Any, z: str) -> str:
        """σ(z)."""
        name, parameter = activation if isinstance(activation, tuple) else (activation, 0.0)
        return ACTIVATIONS[name].onnx(self, z, float(parameter))

    def forward(self, network: Architecture) -> str:
        """The outputs a^(L) of the input "X"."""
        if 4 * network.n_parameters > _MOST_BYTES:
            raise ValueError(
                f"{network.n_parameters:,} parameters make a file beyond the 2 GiB that an ONNX "
                "file holds"
            )
        a = "X"
        layers = zip(network.activations, single_parameters(network), strict=True)
        for layer, (activation, (w, b)) in enumerate(layers, start=1):
            weights = self.constant(w, f"weights.{layer}")
            biases = self.constant(b, f"biases.{layer}")
            a = self.activation(activation, self.node("Gemm", a, weights, biases, transB=1))
        return a

    def model(self, network: Architecture, outputs: list[tuple[str, str, Any]]) -> Any:
        """The model; outputs: (name, ONNX's type, number of columns or None for a vector)."""
        helper, types = self.onnx.helper, self.onnx.TensorProto
        x = helper.make_tensor_value_info("X", types.FLOAT, ["n", network.layer_sizes[0]])
        ends = [
            helper.make_tensor_value_info(
                name, getattr(types, kind), ["n"] if width is None else ["n", width]
            )
            for name, kind, width in outputs
        ]
        graph = helper.make_graph(self.nodes, "bpcore", [x], ends, self.constants)
        model = helper.make_model(
            graph,
            producer_name="bpcore",
            producer_version=__version__,
            opset_imports=[helper.make_opsetid("", _OPSET)],
        )
        model.ir_version = _IR_VERSION
        self.onnx.checker.check_model(model)
        return model


def write(path: Any, model: Any) -> None:
    """Write an ONNX model, all at once."""
    replace_file(path, lambda new: new.write_bytes(model.SerializeToString()))


def network_model(network: Architecture) -> Any:
    """The graph from "X" (n, n_0) to "A" (n, n_L)."""
    graph = _Graph()
    graph.node("Identity", graph.forward(network), name="A")
    return graph.model(network, [("A", "FLOAT", network.layer_sizes[-1])])


# ---------------------------------------------------------------- estimators


def estimator_model(est: Any) -> Any:
    """The graph from "X" to "prediction", or to "label" and "probabilities"."""
    network = est.network_
    graph = _Graph()
    a = graph.forward(network)
    targets = est._codec()
    width = network.layer_sizes[-1]
    kind = type(targets).__name__
    if kind == "Numbers":
        if width == 1:
            graph.node("Reshape", a, graph.constant(np.array([-1])), name="prediction")
        else:
            graph.node("Identity", a, name="prediction")
        outputs = [("prediction", "FLOAT", None if width == 1 else width)]
    elif kind == "Multilabel":
        above = graph.node("Greater", a, graph.constant(0.5))
        graph.node("Cast", above, name="label", to=graph.onnx.TensorProto.INT64)
        graph.node("Identity", a, name="probabilities")
        outputs = [("label", "INT64", width), ("probabilities", "FLOAT", width)]
    elif kind == "Labels":
        classes, type_name = _as_constants([targets.classes])
        graph.node("Identity", _labels(graph, a, classes[0], targets), name="label")
        n = _probabilities(graph, a, targets, network, "probabilities")
        outputs = [("label", type_name, None), ("probabilities", "FLOAT", n)]
    else:
        outputs = _columns(graph, a, targets, network)
    return graph.model(network, outputs)


def _columns(
    graph: _Graph, a: str, targets: Any, network: Architecture
) -> list[tuple[str, str, Any]]:
    """Several columns of labels: "label" (n, columns), "probabilities_0" and so on."""
    classes, type_name = _as_constants(targets.classes)
    upright = graph.constant(np.array([-1, 1]))
    labels = []
    outputs = [("label", type_name, len(classes))]
    for k, (column, part) in enumerate(zip(targets.columns, targets._parts, strict=True)):
        bounds = (graph.constant(np.array([end])) for end in (part.start, part.stop, 1))
        start, stop, axis = bounds
        a_k = graph.node("Slice", a, start, stop, axis)
        labels.append(graph.node("Reshape", _labels(graph, a_k, classes[k], column), upright))
        name = f"probabilities_{k}"
        outputs.append((name, "FLOAT", _probabilities(graph, a_k, column, network, name)))
    graph.node("Concat", *labels, name="label", axis=1)
    return outputs


def _as_constants(columns: list[np.ndarray]) -> tuple[list[np.ndarray], str]:
    """Labels as ONNX has them, all columns of one type, and that type's name.

    Raises
    ------
    ValueError
        If they are not all strings or all numbers, or integers beyond 64 bits with a sign.
    """
    lists = [column.tolist() for column in columns]
    every = [label for one in lists for label in one]
    for types, dtype, name in (
        ((str,), object, "STRING"),
        ((bool,), np.bool_, "BOOL"),
        ((int, bool), np.int64, "INT64"),
        ((float, int, bool), np.float64, "DOUBLE"),
    ):
        if all(isinstance(label, types) for label in every):
            if name in ("INT64", "DOUBLE") and any(
                isinstance(label, int) and not -(2**63) <= label < 2**63 for label in every
            ):
                break
            return [np.array(one, dtype=dtype) for one in lists], name
    raise ValueError(
        f"ONNX has no type for the labels {every[:5]!r}: use strings, or numbers below 2**63"
    )


def _labels(graph: _Graph, a: str, classes: np.ndarray, targets: Any) -> str:
    """The label of each row of a."""
    if targets.width > 1:
        at = graph.node("ArgMax", a, axis=1, keepdims=0)
    else:
        limit = 0.5 if len(classes) == 2 else math.inf  # a single class is always right
        above = graph.node("Greater", a, graph.constant(limit))
        index = graph.node("Cast", above, to=graph.onnx.TensorProto.INT64)
        at = graph.node("Reshape", index, graph.constant(np.array([-1])))
    return graph.node("Gather", graph.constant(classes), at, axis=0)


def _probabilities(graph: _Graph, a: str, targets: Any, network: Architecture, name: str) -> int:
    """The probabilities of the classes, rows adding up to 1; how many columns they have."""
    n = int(targets.width)
    if n == 1:
        rest = graph.node("Sub", graph.constant(1.0), a)
        graph.node("Concat", rest, a, name=name, axis=1)
        return 2
    if network.activations[-1] == "softmax":
        graph.node("Identity", a, name=name)
        return n
    total = graph.node("ReduceSum", a, graph.constant(np.array([1])), keepdims=1)
    some = graph.node("Greater", total, graph.constant(0.0))
    share = graph.node("Div", a, total)
    graph.node("Where", some, share, graph.constant(1.0 / n), name=name)
    return n
