"""Export of a head as an ONNX graph, for use in other programs.

Input `vectors` (n, d) float32: unit vectors of each block side by side, zeros for a missing block; where the head has
features, input `features` (n, m) float64: their values, in the order of the metadata. Output
`probabilities` (n, labels) float32, calibrated, or `value` (n,) within its bounds. The graph's metadata has the labels.
"""

import json
from dataclasses import asdict

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from models.classifiers.head import Head

OPSET = 17


def head_graph(head: Head) -> bytes:
    """The ONNX graph of a head, serialised, after validation by onnx."""
    k = len(head.intercept)
    # slope · (x · coef + intercept) + offset, folded into one product in float64
    weights = (head.slope * head.coef).T.astype(np.float32)
    biases = (head.slope * head.intercept + head.offset).astype(np.float32)
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(biases, "biases")]
    inputs = [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["n", head.dimension - len(head.features)])]
    nodes = []
    if head.features:
        centre, scale = (np.array([getattr(f, name) for f in head.features]) for name in ("centre", "scale"))
        constants += [numpy_helper.from_array(centre, "centre"), numpy_helper.from_array(scale, "scale")]
        inputs.append(helper.make_tensor_value_info("features", TensorProto.DOUBLE, ["n", len(head.features)]))
        nodes += [
            helper.make_node("Sub", ["features", "centre"], ["centred"]),
            helper.make_node("Div", ["centred", "scale"], ["divided"]),
            helper.make_node("Cast", ["divided"], ["standardised"], to=TensorProto.FLOAT),
            helper.make_node("Concat", ["vectors", "standardised"], ["inputs"], axis=1),
        ]
    nodes.append(helper.make_node("Gemm", ["inputs" if head.features else "vectors", "weights", "biases"], ["logits"]))
    if head.task == "continuous":
        output = helper.make_tensor_value_info("value", TensorProto.FLOAT, ["n"])
        constants.append(numpy_helper.from_array(np.array([1], np.int64), "axis"))
        nodes.append(helper.make_node("Squeeze", ["logits", "axis"], ["unbounded" if head.bounds else "value"]))
        if head.bounds:
            low, high = (
                numpy_helper.from_array(np.array(b, np.float32), name)
                for b, name in zip(head.bounds, ("low", "high"), strict=True)
            )
            constants += [low, high]
            nodes.append(helper.make_node("Clip", ["unbounded", "low", "high"], ["value"]))
    else:
        output = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", len(head.labels)])
        if k == 1:
            constants.append(numpy_helper.from_array(np.array(1, np.float32), "one"))
            nodes += [
                helper.make_node("Sigmoid", ["logits"], ["positive"]),
                helper.make_node("Sub", ["one", "positive"], ["negative"]),
                helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
            ]
        else:
            nodes.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1))
    model = helper.make_model(
        helper.make_graph(nodes, "head", inputs, [output], constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
        producer_name="daguerre",
    )
    helper.set_model_props(
        model,
        {
            "task": head.task,
            "labels": json.dumps(head.labels, ensure_ascii=False),
            "threshold": repr(head.threshold),
            "blocks": json.dumps([asdict(block) for block in head.blocks]),
            **({"features": json.dumps([f.name for f in head.features], ensure_ascii=False)} if head.features else {}),
        },
    )
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())
