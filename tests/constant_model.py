"""An ONNX model that answers the same whatever it sees."""

from __future__ import annotations

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from drivesim.perception.detectors.layouts import METADATA_KEY


def constant_model(path, *outputs: np.ndarray, size=(32, 64), metadata=None, inputs=((1, 3),), kind=TensorProto.FLOAT):
    """Write a model that answers ``outputs`` (the input is multiplied by zero, then added); returns ``path``.

    ``inputs``: batch and channels of each input; only the first is used. ``metadata``: the layout, or text as it is.
    """
    nodes = [
        helper.make_node("Cast", ["input0"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceSum", ["float"], ["sum"], keepdims=0),
        helper.make_node("Mul", ["sum", "zero"], ["nothing"]),
    ]
    constants, results = [numpy_helper.from_array(np.float32(0), "zero")], []
    for number, output in enumerate(outputs):
        nodes.append(helper.make_node("Add", [f"answer{number}", "nothing"], [f"output{number}"]))
        constants.append(numpy_helper.from_array(np.asarray(output, np.float32), f"answer{number}"))
        results.append(helper.make_tensor_value_info(f"output{number}", TensorProto.FLOAT, list(np.shape(output))))
    pictures = [
        helper.make_tensor_value_info(f"input{number}", kind, [*dims, *size]) for number, dims in enumerate(inputs)
    ]
    graph = helper.make_graph(nodes, "constant", pictures, results, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if metadata is not None:
        text = metadata if isinstance(metadata, str) else json.dumps(metadata)
        helper.set_model_props(model, {METADATA_KEY: text})
    onnx.save(model, path)
    return path
