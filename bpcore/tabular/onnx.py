"""Preparation and members as one ONNX graph, an input for each column.

Numbers are prepared as they are in Python, in double precision up to the clipping; a category's
text is looked up to the number of a row of its table.
"""

import warnings
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from bpcore._core.optimizers import level_of_the_caller
from bpcore.estimators.numbers import Numbers
from bpcore.estimators.onnx import as_constants
from bpcore.estimators.targets import Labels, Multilabel
from bpcore.files.onnx import Graph, in_precision
from bpcore.network.export import layers_of
from bpcore.tabular.columns import CATEGORY
from bpcore.tabular.preparation import CLIP, LARGEST, Category, Number

__all__ = ["tabular_model"]

# what stands for a missing text
_MISSING = ""
# what the graph's own values are called, and begin with
_OUTPUTS = {"label", "prediction", "probabilities"}
_OWN = "bpcore."


def tabular_model(est: Any) -> Any:
    """The graph from a column an input to "prediction", or to "label" and "probabilities".

    Raises
    ------
    ValueError
        If y had several columns of classes, or labels are of a type that ONNX does not have.
    """
    check_is_fitted(est)
    graph = Graph(_OWN)
    preparation = est._preparation
    names = _input_names(est)
    inputs = []
    numbers, missing, categories = [], [], []
    for name, kind, rule in zip(names, preparation.kinds, preparation.columns, strict=True):
        element = "STRING" if kind == CATEGORY else "DOUBLE"
        inputs.append((name, element))
        if isinstance(rule, Category):
            categories.append(_category(graph, name, rule))
        elif isinstance(rule, Number):
            z, is_missing = _number(graph, name, rule)
            numbers.append(z)
            missing += [is_missing] if rule.marks_missing else []
    parts = [*numbers, *missing, *categories]
    if parts:
        x = parts[0] if len(parts) == 1 else graph.node("Concat", *parts, axis=1)
    else:  # no column says anything: one input, 0
        x = _zeros(graph, names[0])
    a = _mean(graph, x, est._members)
    return _model(graph, inputs, _outputs(graph, a, est))


def _input_names(est: Any) -> list[str]:
    """What the inputs are called: as the columns, which nothing else in the graph may be."""
    preparation = est._preparation
    names = [str(one) for one in getattr(est, "feature_names_in_", ())]
    for name in names:
        if not name:
            raise ValueError("a column is called '', but an input of an ONNX file needs a name")
        if name in _OUTPUTS or name.startswith(_OWN):
            raise ValueError(
                f"a column is called {name!r}, as a value of the ONNX graph's own: rename it "
                f"before fit ({', '.join(sorted(_OUTPUTS))} and {_OWN}… are taken)"
            )
    return names or [f"x{k}" for k in range(len(preparation.columns))]


def _zeros(graph: Graph, name: str) -> str:
    """Zeros, (n, 1), as long as an input."""
    shape = graph.node("Shape", name)
    zero = graph.onnx.numpy_helper.from_array(np.zeros(1, dtype=np.float32))
    return graph.node("ConstantOfShape", shape, value=zero)


def _number(graph: Graph, name: str, rule: Number) -> tuple[str, str]:
    """(the clipped number, whether it is missing), both float32 (n, 1)."""
    float32 = graph.onnx.TensorProto.FLOAT
    is_missing = graph.node("IsNaN", name)
    one = graph.constant(np.array(1.0))
    z = graph.node("Sub", name, graph.constant(np.array(rule.center)))
    z = graph.node("Mul", z, graph.constant(np.array(rule.factor)))
    z = graph.node("Clip", z, graph.constant(np.array(-LARGEST)), graph.constant(np.array(LARGEST)))
    share = graph.node("Div", z, graph.constant(np.array(CLIP)))
    root = graph.node("Sqrt", graph.node("Add", graph.node("Mul", share, share), one))
    z = graph.node("Where", is_missing, graph.constant(np.array(0.0)), graph.node("Div", z, root))
    return graph.node("Cast", z, to=float32), graph.node("Cast", is_missing, to=float32)


def _category(graph: Graph, name: str, rule: Category) -> str:
    """The row of the category's table, (n, width)."""
    if _MISSING in rule.texts and None in rule.texts:
        raise ValueError(
            f"column {name!r} holds empty texts and missing ones, which ONNX cannot tell apart: "
            "make one of the other before fit"
        )
    if _MISSING in rule.texts:
        warnings.warn(
            f'column {name!r} holds empty texts: in the file "" is that category, so that no row '
            "can say that its value is missing",
            stacklevel=level_of_the_caller(),
        )
    at = graph.node(
        "LabelEncoder",
        name,
        domain="ai.onnx.ml",
        keys_strings=[_MISSING if text is None else text for text in rule.texts],
        values_int64s=list(range(len(rule.texts))),
        default_int64=len(rule.texts),
    )
    flat = graph.node("Reshape", at, graph.constant(np.array([-1])))
    return graph.node("Gather", graph.constant(rule.rows), flat, axis=0)


def _mean(graph: Graph, x: str, members: list[Any]) -> str:
    """The mean of the members' outputs."""
    ends = []
    for k, network in enumerate(members):
        a = x
        layers = in_precision(layers_of(network))
        for layer, (activation, w, b) in enumerate(layers, start=1):
            weights = graph.constant(w, f"{_OWN}member.{k}.weights.{layer}")
            biases = graph.constant(b, f"{_OWN}member.{k}.biases.{layer}")
            a = graph.activation(activation, graph.node("Gemm", a, weights, biases, transB=1))
        ends.append(a)
    total = graph.node("Sum", *ends)
    return graph.node("Mul", total, graph.constant(1.0 / len(members)))


def _outputs(graph: Graph, a: str, est: Any) -> list[tuple[str, str, Any]]:
    """The outputs: (name, type, columns)."""
    targets = est._targets
    double = graph.onnx.TensorProto.DOUBLE
    if isinstance(targets, Numbers):
        y = graph.node("Cast", a, to=double)
        y = graph.node("Mul", y, graph.constant(est._spread))
        y = graph.node("Add", y, graph.constant(est._middle))
        y = graph.node("Max", y, graph.constant(est._low))
        y = graph.node("Min", y, graph.constant(est._high))
        if targets.width == 1:
            graph.node("Reshape", y, graph.constant(np.array([-1])), name="prediction")
            return [("prediction", "DOUBLE", None)]
        graph.node("Identity", y, name="prediction")
        return [("prediction", "DOUBLE", targets.width)]
    if isinstance(targets, Multilabel):
        above = graph.node("Greater", a, graph.constant(0.5))
        graph.node("Cast", above, name="label", to=graph.onnx.TensorProto.INT64)
        graph.node("Identity", a, name="probabilities")
        return [("label", "INT64", targets.width), ("probabilities", "FLOAT", targets.width)]
    if not isinstance(targets, Labels):
        raise ValueError(
            "several columns of classes go to no ONNX file: fit and export a classifier for each"
        )
    classes, kind = as_constants([targets.classes])
    if len(targets.classes) == 1:
        a = graph.node("Add", graph.node("Mul", a, graph.constant(0.0)), graph.constant(1.0))
    elif targets.width == 1:
        a = graph.node("Concat", graph.node("Sub", graph.constant(1.0), a), a, axis=1)
    graph.node("Identity", a, name="probabilities")
    at = graph.node("ArgMax", a, axis=1, keepdims=0)
    graph.node("Gather", graph.constant(classes[0]), at, name="label", axis=0)
    return [("label", kind, None), ("probabilities", "FLOAT", len(targets.classes))]


def _model(graph: Graph, inputs: list[tuple[str, str]], outputs: list[Any]) -> Any:
    """The model, with the operators for texts beside those of ONNX itself."""
    helper, types = graph.onnx.helper, graph.onnx.TensorProto
    starts = [
        helper.make_tensor_value_info(name, getattr(types, element), ["n", 1])
        for name, element in inputs
    ]
    return graph.finished(starts, outputs, helper.make_opsetid("ai.onnx.ml", 3))
