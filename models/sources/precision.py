"""Least cosines of each precision with torch, and conversion of the fp32 graph to fp16 for GPUs.

Conversion to int8 is in `int8.py`.
"""

from collections.abc import Mapping

import onnx

from models.catalog.spec import Precision

LIMITS: Mapping[Precision, tuple[float, float]] = {  # least mean and min cosine with torch in fp32
    "fp32": (0.9999, 0.9999),
    "fp16": (0.999, 0.999),
    "bf16": (0.999, 0.999),
    "int8": (0.99, 0.97),
}
_KEEP_FP32 = ("ReduceL2", "LayerNormalization", "Softmax", "ReduceMean", "Pow", "Sqrt", "Clip")  # sums and their roots


def to_fp16(model: onnx.ModelProto) -> onnx.ModelProto:
    """Convert weights and products to half precision; sums of squares, norms and softmax stay in single."""
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    blocked = [*DEFAULT_OP_BLOCK_LIST, *_KEEP_FP32]
    converted: onnx.ModelProto = convert_float_to_float16(model, keep_io_types=True, op_block_list=blocked)
    return converted
