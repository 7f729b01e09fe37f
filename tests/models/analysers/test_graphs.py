"""uint8 pixels in front of a graph, and batches of a graph that was written for one row."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.analysers.graphs import batched, with_pixels

MEAN, STD = (103.53, 116.28, 123.675), (57.375, 57.12, 58.395)
Floats = NDArray[np.float32]


def network(shape: list[int | str], *, reshaped: list[int] | None = None) -> onnx.ModelProto:
    """A graph that gives its input back, flattened where `reshaped` is given."""
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, reshaped or shape)
    nodes = [helper.make_node("Identity", ["x"], ["same"])]
    weights = []
    if reshaped:
        weights = [numpy_helper.from_array(np.array(reshaped, np.int64), "target")]
        nodes.append(helper.make_node("Reshape", ["same", "target"], ["y"]))
    else:
        nodes.append(helper.make_node("Identity", ["same"], ["y"]))
    graph = helper.make_graph(nodes, "g", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def answer(model: onnx.ModelProto, pixels: NDArray[np.uint8]) -> Floats:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    result: Floats = session.run(None, {"pixels": pixels})[0]
    return result


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (2, 4, 6, 3), np.uint8)


@pytest.mark.parametrize("bgr", [False, True])
@pytest.mark.parametrize("shape", [["n", 3, "h", "w"], [1, 3, 4, 6], ["n", 4, 6, 3], [1, "h", "w", 3]])
def test_pixels_are_ordered_normalised_and_transposed(
    shape: list[int | str], bgr: bool, pixels: NDArray[np.uint8]
) -> None:
    model = with_pixels(batched(network(shape)), mean=MEAN, std=STD, bgr=bgr)
    channels = pixels[..., ::-1] if bgr else pixels
    expected = (channels.astype(np.float64) - MEAN) / STD
    if shape[1] == 3:
        expected = expected.transpose(0, 3, 1, 2)
    np.testing.assert_allclose(answer(model, pixels), expected, rtol=0, atol=1e-6)


def test_a_network_of_another_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[None, 4, 6, 1\].*is needed"):
        with_pixels(network(["n", 4, 6, 1]))


@pytest.mark.parametrize("any_size", [False, True])
def test_a_reshape_for_one_row_takes_batches(any_size: bool, pixels: NDArray[np.uint8]) -> None:
    original = network([1, 3, 4, 6], reshaped=[1, -1, 3])
    before = original.SerializeToString()
    model = with_pixels(batched(original, any_size=any_size))
    assert original.SerializeToString() == before
    together = answer(model, pixels)
    assert together.shape == (2, 24, 3)
    for row, alone in zip(together, pixels, strict=True):
        np.testing.assert_array_equal(answer(model, alone[None])[0], row)
    if any_size:
        assert answer(model, pixels[:, :2]).shape == (2, 12, 3)


def test_the_shape_of_a_constant_stays() -> None:
    """A Reshape of a weight begins with 1 because the weight does: it is no batch."""
    model = network([1, 3, 4, 6])
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.arange(3, dtype=np.float32), "bias"),
            numpy_helper.from_array(np.array([1, 3, 1, 1], np.int64), "bias_shape"),
        ]
    )
    model.graph.node[1].CopyFrom(helper.make_node("Add", ["same", "shaped"], ["y"]))
    model.graph.node.insert(0, helper.make_node("Reshape", ["bias", "bias_shape"], ["shaped"]))
    rows = np.zeros((2, 4, 6, 3), np.uint8)
    np.testing.assert_array_equal(answer(with_pixels(batched(model)), rows)[1, :, 0, 0], [0, 1, 2])
