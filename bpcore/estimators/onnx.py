"""An estimator's predictions as an ONNX graph: the forward pass, then labels and probabilities."""

import math
from typing import Any

import numpy as np

from bpcore.files.onnx import Graph
from bpcore.network import Network
from bpcore.network.export import layers_of

__all__ = ["as_constants", "estimator_model"]


def estimator_model(est: Any) -> Any:
    """The graph from "X" to "prediction", or to "label" and "probabilities"."""
    network = est.network_
    graph = Graph()
    a = graph.forward(layers_of(network))
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
        classes, type_name = as_constants([targets.classes])
        graph.node("Identity", _labels(graph, a, classes[0], targets), name="label")
        n = _probabilities(graph, a, targets, network, "probabilities")
        outputs = [("label", type_name, None), ("probabilities", "FLOAT", n)]
    else:
        outputs = _columns(graph, a, targets, network)
    return graph.model(network.layer_sizes[0], outputs)


def _columns(graph: Graph, a: str, targets: Any, network: Network) -> list[tuple[str, str, Any]]:
    """Several columns of labels: "label" (n, columns), "probabilities_0" and so on."""
    classes, type_name = as_constants(targets.classes)
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


def as_constants(columns: list[np.ndarray]) -> tuple[list[np.ndarray], str]:
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


def _labels(graph: Graph, a: str, classes: np.ndarray, targets: Any) -> str:
    """The label of each row of a."""
    if targets.width > 1:
        at = graph.node("ArgMax", a, axis=1, keepdims=0)
    else:
        limit = 0.5 if len(classes) == 2 else math.inf  # a single class is always right
        above = graph.node("Greater", a, graph.constant(limit))
        index = graph.node("Cast", above, to=graph.onnx.TensorProto.INT64)
        at = graph.node("Reshape", index, graph.constant(np.array([-1])))
    return graph.node("Gather", graph.constant(classes), at, axis=0)


def _probabilities(graph: Graph, a: str, targets: Any, network: Network, name: str) -> int:
    """The probabilities of the classes, rows adding up to 1; how many columns they have."""
    n = int(targets.width)
    if len(targets.classes) == 1:
        one = graph.onnx.numpy_helper.from_array(np.ones(1, dtype=np.float32))
        graph.node("ConstantOfShape", graph.node("Shape", a), name=name, value=one)
        return 1
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
