"""Creation of the folder of the colour histogram: a graph without weights.

Each channel of the pixels, 0 to 255, is cut into 8 bins of 32 values. The histogram is joint, over 8 x 8 x 8 colours,
as shares of the pixels; the vector has their square roots, in the order red, green, blue, and so it has length 1. The
cosine of two of them is the Bhattacharyya coefficient (Bhattacharyya 1943), 1 minus half the squared distance.
"""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from models.catalog.folder import write_manifest
from models.catalog.rows import BINS, COLOURS

OPSET, IR_VERSION = 17, 8


def make(folder: Path) -> None:
    """Fill `folder` with the graph and the manifest."""
    onnx.save_model(graph(), str(folder / "image.onnx"))
    versions = {"onnx": onnx.__version__, "onnxruntime": onnxruntime.__version__, "opset": str(OPSET)}
    write_manifest(folder, COLOURS, parity={}, made_with=versions)


def graph() -> onnx.ModelProto:
    """pixels (n, size, size, 3) uint8 → raw (n, 512) float32.

    The bins of red and green are counted together with those of blue by a product of two indicator matrices, which has
    whole numbers alone.
    """
    assert COLOURS.image is not None
    pixels = COLOURS.image.preprocess.size**2
    constants = {
        "width": np.array(256 // BINS, np.int32),
        "bins": np.array(BINS, np.int32),
        "red": np.array(0),
        "green": np.array(1),
        "blue": np.array(2),
        "across": np.array([0, 1, pixels]),
        "down": np.array([0, pixels, 1]),
        "pairs": np.arange(BINS**2, dtype=np.int32).reshape(1, -1, 1),
        "levels": np.arange(BINS, dtype=np.int32).reshape(1, 1, -1),
        "flat": np.array([0, BINS**3]),
        "count": np.array(pixels, np.float32),
    }
    nodes: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Cast", ["pixels"], "whole", {"to": TensorProto.INT32}),
        ("Div", ["whole", "width"], "level", {}),  # of whole numbers, rounded down
        *(("Gather", ["level", channel], f"{channel}_level", {"axis": 3}) for channel in ("red", "green", "blue")),
        ("Mul", ["red_level", "bins"], "red_part", {}),
        ("Add", ["red_part", "green_level"], "pair", {}),
        ("Reshape", ["pair", "across"], "pair_row", {}),  # (n, 1, pixels)
        ("Reshape", ["blue_level", "down"], "blue_column", {}),  # (n, pixels, 1)
        ("Equal", ["pair_row", "pairs"], "is_pair", {}),  # (n, 64, pixels)
        ("Equal", ["blue_column", "levels"], "is_blue", {}),  # (n, pixels, 8)
        ("Cast", ["is_pair"], "pair_one_hot", {"to": TensorProto.FLOAT}),
        ("Cast", ["is_blue"], "blue_one_hot", {"to": TensorProto.FLOAT}),
        ("MatMul", ["pair_one_hot", "blue_one_hot"], "counts", {}),  # (n, 64, 8)
        ("Reshape", ["counts", "flat"], "histogram", {}),
        ("Div", ["histogram", "count"], "shares", {}),
        ("Sqrt", ["shares"], "raw", {}),
    ]
    size = COLOURS.image.preprocess.size
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node(kind, inputs, [output], **options) for kind, inputs, output, options in nodes],
            "colour_histogram",
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", size, size, 3])],
            [helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["n", BINS**3])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model)
    return model
