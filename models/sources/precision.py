"""Conversion of the fp32 graph to fp16 for GPUs and int8 for CPUs. Results stay independent of their batch.

int8: weights have a scale for each output channel; activations are quantised at run time with a scale and an offset
for each row, that is for each token or patch. (One scale for a whole tensor, as in the usual dynamic quantisation,
would make a result depend on the others in its batch.) The product of a row x with the weights W is

    x ≈ lo + s q,  s = (max x - min x) / 255,  q in 0..255;    W ≈ W' diag(w),  W' in -127..127
    x W ≈ (s (q W') + lo (1 W')) diag(w)

with the integer product exact, in 32 bits. Source: Yao et al., "ZeroQuant", NeurIPS 2022 (token-wise activations).
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

from models.catalog.spec import Precision

LIMITS: Mapping[Precision, tuple[float, float]] = {  # least mean and min cosine with torch in fp32
    "fp32": (0.9999, 0.9999),
    "fp16": (0.999, 0.999),
    "bf16": (0.999, 0.999),
    "int8": (0.99, 0.97),
}
_SMALLEST = 64  # rows of a weight matrix: smaller products are no faster in int8
_KEEP_FP32 = ("ReduceL2", "LayerNormalization", "Softmax", "ReduceMean", "Pow", "Sqrt", "Clip")  # sums and their roots


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert weights and products to half precision; sums of squares, norms and softmax stay in single."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    blocked = [*DEFAULT_OP_BLOCK_LIST, *_KEEP_FP32]
    converted: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True, op_block_list=blocked)
    return converted


def products(model: onnx.ModelProto) -> Mapping[str, int]:
    """The number of weights of each product that int8 converts, by its name. Weights need not be loaded."""
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    return {
        product_name(node): int(np.prod(weights[node.input[1]].dims))
        for node in model.graph.node
        if _is_product(node, weights) and _depth(node, weights) >= _SMALLEST
    }


def product_name(node: NodeProto) -> str:
    """The path of a product's module: encoder/layer.0/attention/self/value."""
    path = str(node.name).strip("/").removeprefix("network/")
    return path.removesuffix(f"/{node.op_type}") or str(node.output[0])


def to_int8(model: onnx.ModelProto, in_fp32: Collection[str] = ()) -> onnx.ModelProto:
    """Convert products with a constant matrix to 8 bits, but for those named. Changes `model` and returns it."""
    graph = model.graph
    rewriter = _Rewriter({tensor.name: tensor for tensor in graph.initializer}, frozenset(in_fp32))
    nodes = [new for node in graph.node for new in rewriter.rewritten(node)]
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in [*graph.initializer, *rewriter.constants.values()] if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    return model


class _Rewriter:
    def __init__(self, weights: Mapping[str, TensorProto], kept: frozenset[str]) -> None:
        self._weights = weights
        self._kept = kept
        self.constants: dict[str, TensorProto] = {}
        self._quantised: dict[str, tuple[str, str, str]] = {}  # tensor → its q, s and lo

    def rewritten(self, node: NodeProto) -> Iterator[NodeProto]:
        """Nodes that replace `node`; `node` itself unless it is a product with a constant matrix."""
        matrix, bias = self._matrix(node)
        if matrix is None or matrix.shape[0] < _SMALLEST:
            yield node
            return
        prefix = f"int8/{node.output[0]}"
        yield from self._quantise(node.input[0], prefix)
        q, s, lo = self._quantised[node.input[0]]
        scale = np.maximum(np.abs(matrix).max(0), 1e-12) / 127  # (n,)
        whole = np.rint(matrix / scale).astype(np.int8)
        weight = self._constant(f"{prefix}/W", whole)
        sums = self._constant(f"{prefix}/sums", whole.sum(0, dtype=np.float32))
        scales = self._constant(f"{prefix}/w", scale.astype(np.float32))
        zero = self._constant("int8/zero", np.uint8(0))
        names = [f"{prefix}/{step}" for step in ("product", "float", "scaled", "offset", "sum")]
        yield helper.make_node("MatMulInteger", [q, weight, zero], names[:1])
        yield helper.make_node("Cast", names[:1], names[1:2], to=TensorProto.FLOAT)
        yield helper.make_node("Mul", [names[1], s], names[2:3])
        yield helper.make_node("Mul", [lo, sums], names[3:4])
        yield helper.make_node("Add", names[2:4], names[4:5])
        out = f"{prefix}/out" if bias else node.output[0]
        yield helper.make_node("Mul", [names[4], scales], [out])
        if bias:
            yield helper.make_node("Add", [out, bias], [node.output[0]])

    def _matrix(self, node: NodeProto) -> tuple[NDArray[Any] | None, str | None]:
        """Constant matrix (k, n) of a product, and the name of its bias."""
        if not _is_product(node, self._weights) or product_name(node) in self._kept:
            return None, None
        matrix = numpy_helper.to_array(self._weights[node.input[1]])
        if node.op_type == "MatMul":
            return matrix, None
        return matrix.T if _attributes(node).get("transB", 0) else matrix, node.input[2] if len(
            node.input
        ) > 2 else None

    def _quantise(self, x: str, prefix: str) -> Iterator[NodeProto]:
        """Compute q, s and lo of every row of `x`, once for all products that use it."""
        if x in self._quantised:
            return
        high, low, width, wide, s, above, steps, q = (
            f"{prefix}/{step}" for step in ("max", "lo", "width", "wide", "s", "above", "steps", "q")
        )
        self._quantised[x] = q, s, low
        yield helper.make_node("ReduceMax", [x], [high], axes=[-1], keepdims=1)
        yield helper.make_node("ReduceMin", [x], [low], axes=[-1], keepdims=1)
        yield helper.make_node("Sub", [high, low], [width])
        yield helper.make_node("Max", [width, self._constant("int8/least", np.float32(1e-12))], [wide])
        yield helper.make_node("Mul", [wide, self._constant("int8/step", np.float32(1 / 255))], [s])
        yield helper.make_node("Sub", [x, low], [above])
        yield helper.make_node("Div", [above, s], [steps])
        one, zero = self._constant("int8/one", np.float32(1)), self._constant("int8/zero", np.uint8(0))
        yield helper.make_node("QuantizeLinear", [steps, one, zero], [q])

    def _constant(self, name: str, value: Any) -> str:
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(np.asarray(value), name)
        return name


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _is_product(node: NodeProto, weights: Mapping[str, TensorProto]) -> bool:
    """Whether a node is the product of its first input with a constant matrix, plus a bias at most."""
    if node.op_type not in ("MatMul", "Gemm") or len(node.input) < 2 or node.input[1] not in weights:
        return False
    tensor = weights[node.input[1]]
    if len(tensor.dims) != 2 or tensor.data_type != TensorProto.FLOAT:
        return False
    said = _attributes(node) if node.op_type == "Gemm" else {}
    return bool(said.get("alpha", 1.0) == said.get("beta", 1.0) == 1.0 and not said.get("transA", 0))


def _depth(node: NodeProto, weights: Mapping[str, TensorProto]) -> int:
    """Rows of the matrix."""
    transposed = node.op_type == "Gemm" and _attributes(node).get("transB", 0)
    return int(weights[node.input[1]].dims[1 if transposed else 0])
