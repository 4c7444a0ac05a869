"""MLPClassifier and MLPRegressor for skl2onnx, so that whole pipelines go to ONNX."""

import importlib
from typing import Any

from bpcore.estimators.classifier import MLPClassifier
from bpcore.estimators.onnx import estimator_model
from bpcore.estimators.regressor import MLPRegressor

__all__ = ["register_skl2onnx"]


def register_skl2onnx() -> None:
    """Teach skl2onnx to convert pipelines that end in an MLPClassifier or an MLPRegressor.

    Once a process; ``skl2onnx.to_onnx`` then takes such a pipeline as any other. What is predicted
    for several columns of labels stays out.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.

    Examples
    --------
    >>> import bpcore
    >>> bpcore.register_skl2onnx()                                        # doctest: +SKIP
    >>> model = skl2onnx.to_onnx(pipeline, X[:1].astype("float32"))       # doctest: +SKIP
    """
    try:
        skl2onnx = importlib.import_module("skl2onnx")
        shapes = importlib.import_module("skl2onnx.common.shape_calculator")
    except ModuleNotFoundError as error:
        raise ImportError("pipelines go to ONNX by skl2onnx: pip install skl2onnx") from error
    skl2onnx.update_registered_converter(
        MLPClassifier,
        "bpcoreMLPClassifier",
        shapes.calculate_linear_classifier_output_shapes,
        _convert,
        options={"zipmap": [True, False, "columns"], "nocl": [True, False]},
    )
    skl2onnx.update_registered_converter(
        MLPRegressor,
        "bpcoreMLPRegressor",
        shapes.calculate_linear_regressor_output_shapes,
        _convert,
    )


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Put the estimator's graph into the one that skl2onnx is building."""
    onnx = importlib.import_module("onnx")
    model = estimator_model(operator.raw_operator)
    graph = model.graph
    opset = next(one.version for one in model.opset_import if not one.domain)
    float32 = onnx.TensorProto.FLOAT
    names: dict[str, str] = {}

    def renamed(name: str) -> str:
        if name not in names:
            names[name] = scope.get_unique_variable_name(f"bpcore_{name}")
        return names[name]

    def add(kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> None:
        name = scope.get_unique_operator_name(f"bpcore_{kind}")
        container.add_node(
            kind, inputs, outputs, op_domain="", op_version=opset, name=name, **attributes
        )

    add("Cast", [operator.inputs[0].full_name], [renamed("X")], to=float32)
    for constant in graph.initializer:
        array = onnx.numpy_helper.to_array(constant)
        content = array.ravel().tolist()
        if constant.data_type == onnx.TensorProto.STRING:
            content = [str(one).encode() for one in content]
        container.add_initializer(
            renamed(constant.name), constant.data_type, list(constant.dims), content
        )
    for node in graph.node:
        attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
        add(node.op_type, [*map(renamed, node.input)], [*map(renamed, node.output)], **attributes)
    for end, output in zip(graph.output, operator.outputs, strict=False):
        if end.name == "prediction":  # skl2onnx has a column for each output
            shape = renamed("column")
            n_outputs = operator.raw_operator.n_outputs_
            container.add_initializer(shape, onnx.TensorProto.INT64, [2], [-1, n_outputs])
            add("Reshape", [renamed(end.name), shape], [output.full_name])
        else:
            add("Identity", [renamed(end.name)], [output.full_name])
