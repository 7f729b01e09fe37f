"""Test whether this processor computes 8-bit products exactly.

Without VNNI, x86 kernels add pairs of products in 16 bits, which overflow without an error: int8 vectors would differ
between machines.
"""

import functools

import numpy as np
import onnxruntime as ort

from models.errors import ModelUnavailable


@functools.cache
def exact_products() -> bool:
    """Whether a sum of products of the largest 8-bit numbers is exact."""
    from onnx import TensorProto, helper  # needed only for an int8 model

    k = 256
    a = helper.make_tensor_value_info("a", TensorProto.UINT8, [4, k])
    b = helper.make_tensor("b", TensorProto.INT8, [k, 16], np.full((k, 16), 127, np.int8).tobytes(), raw=True)
    c = helper.make_tensor_value_info("c", TensorProto.INT32, [4, 16])
    node = helper.make_node("MatMulInteger", ["a", "b"], ["c"])
    model = helper.make_model(
        helper.make_graph([node], "exact", [a], [c], [b]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (got,) = session.run(["c"], {"a": np.full((4, k), 255, np.uint8)})
    return bool((got == 255 * 127 * k).all())


def require_exact_products() -> None:
    """Raise ModelUnavailable where int8 would not be exact."""
    if not exact_products():
        raise ModelUnavailable(
            "precision: int8 is not exact on this processor (it has no VNNI), so that vectors would differ from those "
            "of other machines; use fp32"
        )
