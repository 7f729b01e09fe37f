"""Changes to the graphs of attributes of faces: rows of eighteen crops."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.analysers.face_crops import CROPS
from models.analysers.graphs import PIXELS


def with_crops(model: onnx.ModelProto) -> onnx.ModelProto:
    """Let a row of a graph be a face with its crops, one below the other: (n, h, w, 3) → (n, 18 h, w, 3).

    Its answer is (n, 18, outputs). Rows of five axes would not pass from an entry process to a runner.

    Parameters
    ----------
    model : network with one input, `pixels` (n, h, w, 3) uint8, and one output (n, outputs). It is not changed.
        Constants that no node uses are left out.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = copy.graph
    (pixels,), (answer,) = graph.input, graph.output
    height, width = (dim.dim_value for dim in pixels.type.tensor_type.shape.dim[1:3])
    outputs = answer.type.tensor_type.shape.dim[1].dim_value
    assert pixels.name == PIXELS
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == PIXELS:
                node.input[i] = "crops/rows"
    shapes = {"crops/shape": [-1, height, width, 3], "answers/shape": [-1, CROPS, outputs]}
    constants = [numpy_helper.from_array(np.array(shape), name) for name, shape in shapes.items()]
    first = helper.make_node("Reshape", ["crops", "crops/shape"], ["crops/rows"], name="crops/rows")
    last = helper.make_node("Reshape", [answer.name, "answers/shape"], ["answers"], name="answers")
    nodes = [first, *graph.node, last]
    used = {name for node in nodes for name in node.input}
    kept = [each for each in [*graph.initializer, *constants] if each.name in used]
    for part in (graph.node, graph.initializer, graph.input, graph.output):
        del part[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    value = helper.make_tensor_value_info
    graph.input.append(value("crops", TensorProto.UINT8, ["n", CROPS * height, width, 3]))
    graph.output.append(value("answers", TensorProto.FLOAT, ["n", CROPS, outputs]))
    onnx.checker.check_model(copy)
    return copy
