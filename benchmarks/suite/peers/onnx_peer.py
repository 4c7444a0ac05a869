"""ONNX Runtime: the network as Gemm and Sigmoid nodes; it predicts only."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPERATORS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "softmax": "Softmax"}


def _model(task, layers):
    kind = TensorProto.FLOAT if task.dtype == "float32" else TensorProto.DOUBLE
    nodes, constants, name = [], [], "x"
    for i, (w, b) in enumerate(layers):
        for key, part in ((f"w{i}", w), (f"b{i}", b)):
            constants.append(numpy_helper.from_array(np.ascontiguousarray(part), key))
        nodes.append(helper.make_node("Gemm", [name, f"w{i}", f"b{i}"], [f"z{i}"], transB=1))
        name = f"z{i}"
        function = task.output if i == len(layers) - 1 else task.activation
        if function != "identity":
            nodes.append(helper.make_node(OPERATORS[function], [name], [f"a{i}"]))
            name = f"a{i}"
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", kind, ["rows", task.sizes[0]])],
        [helper.make_tensor_value_info(name, kind, ["rows", task.sizes[-1]])],
        constants,
    )
    # Versions that every ONNX Runtime of the last years reads.
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


class Predictor:
    def __init__(self, task, layers, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            _model(task, layers), options, providers=["CPUExecutionProvider"]
        )

    def bind(self, X):
        run, feed = self.session.run, {"x": X}
        return lambda: run(None, feed)

    @staticmethod
    def outputs(answer):
        return answer[0]
