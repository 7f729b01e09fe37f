"""Conversion of the fp32 graph to int8 for CPUs. Results stay independent of their batch.

Weights have a scale for each output channel; activations are quantised at run time with a scale and a zero point for
each row, that is for each token or patch. (One scale for a whole tensor, as in the usual dynamic quantisation, would
make a result depend on the others in its batch.) The product of a row x with the weights W is

    x ≈ s (q - z),  s = (max(x, 0) - min(x, 0)) / 255,  z = -min(x, 0) / s,  q in 0..255;   W ≈ W' diag(w)
    x W ≈ s ((q - z) W') diag(w),  W' in -127..127

with (q - z) W' exact, in 32 bits: products of more rows stay in fp32. It is a single product of integers: z is appended
to q several times, and to W' as many rows, which add up to -1 W'. The first layer of a network that divides pictures
into patches takes their pixels as they are, since these have 8 bits: mean and standard deviation are in its weights and
its bias. Values have to be finite: a row with a few that are not a number may get some that are.
Source: Yao et al., "ZeroQuant", NeurIPS 2022 (token-wise activations).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

CONTRIB = "com.microsoft"  # domain of the operators of ONNX Runtime
_SMALLEST = 64  # rows of a weight matrix: smaller products are no faster in int8
_LARGEST = 60_000  # rows: 255 times 127 times some more would not fit into 32 bits
_BLOCK = 64  # rows of a matrix that kernels read at once


class Patches(NamedTuple):
    """A convolution of pixels that divides them into patches: `pixels` (n, height, width, 3) uint8."""

    pixels: str
    height: int
    width: int
    mean: NDArray[Any]  # (3,), of pixels of 0..255
    std: NDArray[Any]


def products(model: onnx.ModelProto) -> Mapping[str, int]:
    """The number of weights of each product that int8 converts, by its name. Weights need not be loaded."""
    graph = _Graph(model.graph)
    return {
        product_name(node): int(np.prod(graph.weights[node.input[1]].dims))
        for node in model.graph.node
        if graph.is_product(node) or graph.patches(node)
    }


def product_name(node: NodeProto) -> str:
    """The path of a product's module: encoder/layer.0/attention/self/value."""
    path = str(node.name).strip("/").removeprefix("network/")
    return path.removesuffix(f"/{node.op_type}") or str(node.output[0])


def to_int8(model: onnx.ModelProto, in_fp32: Collection[str] = ()) -> onnx.ModelProto:
    """Convert products with a constant matrix to 8 bits, but for those named. Changes `model` and returns it."""
    graph = model.graph
    rewriter = _Rewriter(_Graph(graph), frozenset(in_fp32))
    nodes = _needed([new for node in graph.node for new in rewriter.rewritten(node)], graph)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in _read(node)} | {output.name for output in graph.output}
    kept = [tensor for tensor in [*graph.initializer, *rewriter.constants.values()] if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    if all(each.domain != CONTRIB for each in model.opset_import):
        model.opset_import.append(helper.make_opsetid(CONTRIB, 1))
    return model


def _needed(nodes: list[NodeProto], graph: onnx.GraphProto) -> list[NodeProto]:
    """The nodes on which the outputs of the graph depend."""
    wanted, found = {output.name for output in graph.output}, []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(_read(node))
            found.append(node)
    return found[::-1]


def _read(node: NodeProto) -> Iterator[str]:
    """The names of the tensors that a node reads, also in its subgraphs."""
    yield from node.input
    for attribute in node.attribute:
        for graph in (attribute.g, *attribute.graphs):
            for inner in graph.node:
                yield from _read(inner)
            yield from (output.name for output in graph.output)


class _Graph:
    """The weights and the connections of a graph."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.weights: dict[str, TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
        self.made_by: dict[str, NodeProto] = {name: node for node in graph.node for name in node.output}
        self._inputs = {each.name: each.type.tensor_type for each in graph.input}

    def is_product(self, node: NodeProto) -> bool:
        """Whether a node is the product of its first input with a constant matrix, plus a bias at most."""
        if node.op_type not in ("MatMul", "Gemm") or len(node.input) < 2 or node.input[1] not in self.weights:
            return False
        tensor = self.weights[node.input[1]]
        if len(tensor.dims) != 2 or tensor.data_type != TensorProto.FLOAT:
            return False
        said = _attributes(node) if node.op_type == "Gemm" else {}
        if not said.get("alpha", 1.0) == said.get("beta", 1.0) == 1.0 or said.get("transA", 0):
            return False
        return bool(_SMALLEST <= tensor.dims[1 if said.get("transB", 0) else 0] <= _LARGEST)

    def patches(self, node: NodeProto) -> Patches | None:
        """The pixels of a convolution whose windows do not overlap; None for every other node."""
        if node.op_type != "Conv" or node.input[1] not in self.weights:
            return None
        said, weight = _attributes(node), self.weights[node.input[1]]
        tall, wide = weight.dims[2:] if len(weight.dims) == 4 else (0, 0)
        if (len(node.input) > 2 and node.input[2] not in self.weights) or 3 * tall * wide > _LARGEST:
            return None
        apart = list(said.get("strides", [1, 1])) == [tall, wide] and not any(said.get("pads", []))
        plain = said.get("group", 1) == 1 and set(said.get("dilations", [1])) == {1}
        padded = said.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")
        found = self._normalised(node.input[0])
        if found is None or not apart or not plain or padded or weight.dims[1] != 3:
            return None
        return found if found.height % tall == 0 == found.width % wide else None

    def channels_first(self, name: str) -> str | None:
        """The pixels (n, height, width, 3) of which a tensor (n, 3, height, width) is made; None for other tensors."""
        found = self._normalised(name)
        return found.pixels if found else None

    def _normalised(self, name: str) -> Patches | None:
        """The pixels of a tensor that is (pixels - mean) / std with the channels first."""
        steps, constants = ["Cast", "Sub", "Div", "Transpose"], []
        while (node := self.made_by.get(name)) is not None:
            if node.op_type == "Cast" and len(steps) > 1 and _attributes(node).get("to") == TensorProto.FLOAT:
                name = node.input[0]  # from float to float
                continue
            if not steps or node.op_type != steps.pop():
                return None
            if node.op_type == "Transpose" and list(_attributes(node).get("perm", [])) != [0, 3, 1, 2]:
                return None
            if node.op_type in ("Sub", "Div"):
                if node.input[1] not in self.weights or list(self.weights[node.input[1]].dims) != [3]:
                    return None
                constants.append(numpy_helper.to_array(self.weights[node.input[1]]))
            name = node.input[0]
        kind = self._inputs.get(name)
        if steps or kind is None or kind.elem_type != TensorProto.UINT8:
            return None
        sizes = [dim.dim_value for dim in kind.shape.dim]
        std, mean = constants
        return Patches(name, sizes[1], sizes[2], mean, std) if len(sizes) == 4 and all(sizes[1:]) else None


class _Rewriter:
    def __init__(self, graph: _Graph, kept: frozenset[str]) -> None:
        self._graph = graph
        self._kept = kept
        self.constants: dict[str, TensorProto] = {}
        self._quantised: dict[str, tuple[str, str, str]] = {}  # tensor → its q, s and z
        self._appended: dict[tuple[str, int], str] = {}

    def rewritten(self, node: NodeProto) -> Iterator[NodeProto]:
        """Nodes that replace `node`; `node` itself unless it is a product with a constant matrix."""
        convertible = product_name(node) not in self._kept
        if convertible and self._graph.is_product(node):
            yield from self._product(node)
        elif convertible and (patches := self._graph.patches(node)):
            yield from self._patches(node, patches)
        elif node.op_type == "Shape" and not node.attribute and (pixels := self._graph.channels_first(node.input[0])):
            yield self._node("Shape", [pixels], f"int8/{node.output[0]}")  # so that the tensor itself is not needed
            order = self._constant("int8/channels first", np.array([0, 3, 1, 2]))
            yield self._node("Gather", [f"int8/{node.output[0]}", order], node.output[0])
        else:
            yield node

    def _product(self, node: NodeProto) -> Iterator[NodeProto]:
        matrix, prefix = numpy_helper.to_array(self._graph.weights[node.input[1]]), f"int8/{node.output[0]}"
        gemm = node.op_type == "Gemm"
        matrix = matrix.T if gemm and _attributes(node).get("transB", 0) else matrix  # (k, n)
        bias = node.input[2] if gemm and len(node.input) > 2 else None
        yield from self._quantise(node.input[0], len(matrix), prefix)
        q, s, z = self._quantised[node.input[0]]
        whole, scale = _in_8_bits(matrix)
        cancelling = _rows_that_add_up(-whole.sum(0, dtype=np.int64), len(matrix))
        if (q, len(cancelling)) not in self._appended:
            times = self._constant(f"int8/times {len(cancelling)}", np.array([len(cancelling)]))
            yield self._node("Expand", [z, times], f"{prefix}/zeros")
            yield self._node("Concat", [q, f"{prefix}/zeros"], f"{prefix}/appended", axis=-1)
            self._appended[q, len(cancelling)] = f"{prefix}/appended"
        weights = self._constant(f"{prefix}/W", np.concatenate([whole, cancelling]))
        one, scales = self._constant("int8/one", np.float32(1)), self._constant(f"{prefix}/w", scale)
        given = [self._appended[q, len(cancelling)], weights, one, scales]
        yield self._node("MatMulIntegerToFloat", given, f"{prefix}/product", domain=CONTRIB)
        out = f"{prefix}/scaled" if bias else node.output[0]
        yield self._node("Mul", [f"{prefix}/product", s], out)
        if bias:
            yield self._node("Add", [out, bias], node.output[0])

    def _quantise(self, x: str, k: int, prefix: str) -> Iterator[NodeProto]:
        """Compute q (…, k), s and z (…, 1) of every row of `x`, (…, k), once for all products that use it."""
        if x in self._quantised:
            return
        least, step = self._constant("int8/least", np.float32(1e-12)), self._constant("int8/step", np.float32(1 / 255))
        zero, single = self._constant("int8/zero", np.float32(0)), self._constant("int8/single", np.array([1]))
        first, last = self._constant("int8/first", np.array([0])), self._constant("int8/last", np.array([-1]))
        rows = self._constant(f"int8/rows of {k}", np.array([-1, k]))
        names = ("sizes", "leading", "column", "rows", "max", "min", "high", "low", "width", "wide", "lowest", "whole")
        sizes, leading, column, flat, top, bottom, high, low, width, wide, lowest, whole = (
            f"{prefix}/x/{name}" for name in names
        )
        minus, s_row, z_row, q_row, s, z, q = (
            f"{prefix}/x/{name}" for name in ("minus", "s of rows", "z of rows", "q of rows", "s", "z", "q")
        )
        self._quantised[x] = q, s, z
        yield self._node("Shape", [x], sizes)
        yield self._node("Slice", [sizes, first, last], leading)
        yield self._node("Concat", [leading, single], column, axis=0)
        yield self._node("Reshape", [x, rows], flat)
        yield self._node("ReduceMax", [flat], top, axes=[-1], keepdims=0)
        yield self._node("ReduceMin", [flat], bottom, axes=[-1], keepdims=0)
        yield self._node("Max", [top, zero], high)
        yield self._node("Min", [bottom, zero], low)
        yield self._node("Sub", [high, low], width)
        yield self._node("Max", [width, least], wide)
        yield self._node("Mul", [wide, step], s_row)
        yield self._node("Div", [low, s_row], lowest)
        yield self._node("Round", [lowest], whole)
        yield self._node("Neg", [whole], minus)
        yield self._node("Cast", [minus], z_row, to=TensorProto.UINT8)
        yield self._node("QuantizeLinear", [flat, s_row, z_row], q_row, axis=0)
        yield self._node("Reshape", [s_row, column], s)
        yield self._node("Reshape", [z_row, column], z)
        yield self._node("Reshape", [q_row, sizes], q)

    def _patches(self, node: NodeProto, of: Patches) -> Iterator[NodeProto]:
        """A convolution of patches as a product of pixels, whose 8 bits need no scale."""
        kernel = numpy_helper.to_array(self._graph.weights[node.input[1]]) / of.std[:, None, None]  # (n, 3, p, p')
        n, _, tall, wide = kernel.shape
        whole, scale = _in_8_bits(kernel.transpose(2, 3, 1, 0).reshape(-1, n))
        mean = np.tile(of.mean.astype(np.float64), tall * wide) @ whole.astype(np.float64) * scale
        bias = numpy_helper.to_array(self._graph.weights[node.input[2]]) if len(node.input) > 2 else 0.0
        down, across, prefix = of.height // tall, of.width // wide, f"int8/{node.output[0]}"
        shapes = {
            "grid": [-1, down, tall, across, wide, 3],
            "patches": [-1, tall * wide * 3],
            "map": [-1, down, across, n],
        }
        grid, patches, made = (
            self._constant(f"{prefix}/sizes of {name}", np.array(sizes)) for name, sizes in shapes.items()
        )
        given = [
            f"{prefix}/patches",
            self._constant(f"{prefix}/W", whole),
            self._constant("int8/one", np.float32(1)),
            self._constant(f"{prefix}/w", scale),
            self._constant("int8/no zero point", np.uint8(0)),
            self._constant("int8/no zero point of weights", np.int8(0)),
            self._constant(f"{prefix}/bias", (bias - mean).astype(np.float32)),
        ]
        yield self._node("Reshape", [of.pixels, grid], f"{prefix}/grid")
        yield self._node("Transpose", [f"{prefix}/grid"], f"{prefix}/cut", perm=[0, 1, 3, 2, 4, 5])
        yield self._node("Reshape", [f"{prefix}/cut", patches], f"{prefix}/patches")
        yield self._node("MatMulIntegerToFloat", given, f"{prefix}/product", domain=CONTRIB)
        yield self._node("Reshape", [f"{prefix}/product", made], f"{prefix}/map")
        yield self._node("Transpose", [f"{prefix}/map"], node.output[0], perm=[0, 3, 1, 2])

    def _node(self, kind: str, given: list[str], out: str, **attributes: Any) -> NodeProto:
        return helper.make_node(kind, given, [out], name=out, **attributes)

    def _constant(self, name: str, value: NDArray[Any] | np.generic) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name


def _in_8_bits(matrix: NDArray[Any]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """W' (k, n) in -127..127, and the scales w (n,) of its columns."""
    scale = np.maximum(np.abs(matrix).max(0), 1e-12) / 127
    return np.rint(matrix / scale).astype(np.int8), scale.astype(np.float32)


def _rows_that_add_up(sums: NDArray[np.int64], k: int) -> NDArray[np.int8]:
    """Rows in -127..127, (m, n), whose sum is `sums`, (n,); k + m is a multiple of what kernels read at once."""
    count = -(-int(np.abs(sums).max(initial=0)) // 127)
    count += -(k + count) % _BLOCK
    rows = np.zeros((count, len(sums)), np.int8)
    for row in rows:
        row[:] = np.clip(sums, -127, 127)
        sums = sums - row
    return rows


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
