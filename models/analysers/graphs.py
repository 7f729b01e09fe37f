"""Changes to the ONNX graphs of analysers: uint8 pixels as their input, and batches of any size."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

PIXELS = "pixels"  # name of the input that `with_pixels` makes


def with_pixels(
    model: onnx.ModelProto,
    *,
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
    bgr: bool = False,
) -> onnx.ModelProto:
    """Put preprocessing in front of a network: `pixels` (n, h, w, 3), uint8, RGB → its input, (pixel - mean) / std.

    Parameters
    ----------
    model : network with one input of float32, (n, 3, h, w) or (n, h, w, 3). It is not changed.
    mean, std : one number per channel, in units of 0..255, in the order of the network's channels.
    bgr : whether the network's channels are blue, green, red.

    Returns
    -------
    A copy with one input, `pixels`, whose first axis is symbolic; h and w are those of the network, and symbolic
    where the network's are. Its outputs are those of the network.

    Raises
    ------
    ValueError : the network has several inputs, or its input is not float32 with three channels.
    """
    model = _copy(model)
    graph = model.graph
    names = [value.name for value in inputs_of(graph)]
    if len(names) != 1:
        raise ValueError(f"inputs {', '.join(names)}: a network with one input is needed")
    network_input = next(value for value in graph.input if value.name == names[0])
    tensor = network_input.type.tensor_type
    sizes = [dim.dim_value or None for dim in tensor.shape.dim]
    if tensor.elem_type != TensorProto.FLOAT or len(sizes) != 4 or 3 not in (sizes[1], sizes[3]):
        raise ValueError(
            f"input {network_input.name!r} has sizes {sizes}: float32 (n, 3, h, w) or (n, h, w, 3) is needed"
        )
    channels_first = sizes[1] == 3
    height, width = sizes[2:] if channels_first else sizes[1:3]

    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []
    last = PIXELS

    def add(operator: str, *parameters: onnx.TensorProto, name: str | None = None, **attributes: Any) -> None:
        nonlocal last
        output = name or f"{PIXELS}/{operator.lower()}"
        inputs = [last, *(parameter.name for parameter in parameters)]
        nodes.append(helper.make_node(operator, inputs, [output], name=output, **attributes))
        constants.extend(parameters)
        last = output

    if channels_first:
        add("Transpose", perm=[0, 3, 1, 2])  # of bytes: a quarter of the work that floats are
    if bgr:
        add("Gather", _constant("order", np.array([2, 1, 0])), axis=1 if channels_first else 3)
    add("Cast", to=TensorProto.FLOAT)
    shape = (1, 3, 1, 1) if channels_first else (1, 1, 1, 3)
    add("Sub", _constant("mean", np.array(mean, np.float32).reshape(shape)))
    add("Div", _constant("std", np.array(std, np.float32).reshape(shape)), name=network_input.name)

    old = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *old])
    graph.initializer.extend(constants)
    graph.input.remove(network_input)
    pixels = helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, ["n", height or "h", width or "w", 3])
    graph.input.insert(0, pixels)
    onnx.checker.check_model(model)
    return model


def batched(model: onnx.ModelProto, *, any_size: bool = False) -> onnx.ModelProto:
    """Make the first axis of inputs and outputs symbolic, so that a network written for one row takes batches.

    The shapes of Reshape that begin with 1, and whose data come from an input, begin with 0 afterwards ("as it is").
    Whether every operator keeps rows apart is for a test to show: rows alone and in a batch must be equal.

    Parameters
    ----------
    model : the network. It is not changed.
    any_size : whether height and width of inputs with four axes become symbolic too, and all axes of the outputs.
    """
    model = _copy(model)
    graph = model.graph
    for value in inputs_of(graph):
        dims = value.type.tensor_type.shape.dim
        dims[0].dim_param = "n"  # takes the place of dim_value: they are one field
        if any_size and len(dims) == 4:
            first = 2 if dims[1].dim_value in (1, 3) else 1
            dims[first].dim_param, dims[first + 1].dim_param = "h", "w"
    for value in graph.output:
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if axis == 0:
                dim.dim_param = "n"
            elif any_size:
                dim.Clear()
    del graph.value_info[:]  # shapes between the nodes, inferred for one row

    moving = {value.name for value in inputs_of(graph)}
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        if moving.intersection(node.input):
            moving.update(node.output)
            if node.op_type == "Reshape" and node.input[0] in moving:
                users.setdefault(node.input[1], []).append(node)
    for name, shape in list(_constants(graph)):
        if name in users and shape.ndim == 1 and len(shape) > 1 and shape[0] == 1:
            zero = numpy_helper.from_array(np.concatenate([[0], shape[1:]]).astype(np.int64), f"{name}/batched")
            graph.initializer.append(zero)
            for node in users[name]:
                node.input[1] = zero.name
    onnx.checker.check_model(model)
    return model


def loadable(model: onnx.ModelProto) -> onnx.ModelProto:
    """A network whose weights are stored in blocks of 8 bits, as one with float32 weights that ONNX Runtime opens.

    `DequantizeLinear` with blocks of constants becomes a constant, (quantised - zero point) * scale of its block, and
    so does a Reshape of one by a constant. Constants are no inputs of the result. The model is not changed.
    """
    model = _copy(model)
    graph = model.graph
    known = {tensor.name: tensor for tensor in graph.initializer}
    left: list[onnx.NodeProto] = []
    for node in graph.node:
        arrays = [numpy_helper.to_array(known[name]) for name in node.input if name in known]
        constant = None
        if len(arrays) == len(node.input) and node.op_type == "DequantizeLinear":
            constant = _dequantised(node, arrays)
        elif len(arrays) == len(node.input) == 2 and node.op_type == "Reshape":
            constant = arrays[0].reshape([int(size) or arrays[0].shape[i] for i, size in enumerate(arrays[1])])
        if constant is None:
            left.append(node)
        else:
            known[node.output[0]] = numpy_helper.from_array(np.ascontiguousarray(constant), node.output[0])
    used = {name for node in left for name in node.input}
    for values in (graph.node, graph.initializer):
        del values[:]
    graph.node.extend(left)
    graph.initializer.extend(tensor for name, tensor in known.items() if name in used)
    inputs = inputs_of(graph)
    del graph.input[:]
    graph.input.extend(value for value in inputs if value.name in used)
    del graph.value_info[:]
    model.ir_version = max(model.ir_version, 10)  # earlier ones ask for weights among the inputs, or lack the opset
    onnx.checker.check_model(model)
    return model


def _dequantised(node: onnx.NodeProto, arrays: Sequence[NDArray[Any]]) -> NDArray[np.float32]:
    attributes = {each.name: helper.get_attribute_value(each) for each in node.attribute}
    axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
    values, scale = arrays[0].astype(np.float32), arrays[1].astype(np.float32)
    zero = arrays[2].astype(np.float32) if len(arrays) > 2 else np.zeros_like(scale)

    def spread(each: NDArray[np.float32]) -> NDArray[np.float32]:
        """One number for each value: of its block, of its place along the axis, or of all."""
        if block:
            return np.repeat(each, block, axis=axis).take(np.arange(values.shape[axis]), axis=axis)
        if each.ndim == 1:
            return each.reshape([-1 if i == axis % values.ndim else 1 for i in range(values.ndim)])
        return each

    return np.asarray((values - spread(zero)) * spread(scale), np.float32)


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return copy


def inputs_of(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """Inputs that are not weights: files of IR version 3 list their weights as inputs too."""
    weights = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in weights]


def _constants(graph: onnx.GraphProto) -> Iterator[tuple[str, NDArray[Any]]]:
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.INT64:
            yield tensor.name, numpy_helper.to_array(tensor)
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            yield node.output[0], numpy_helper.to_array(node.attribute[0].t)


def _constant(name: str, array: NDArray[Any]) -> onnx.TensorProto:
    return numpy_helper.from_array(array, f"{PIXELS}/{name}")
