"""`python -m models.sessions.device_probe cuda:0` tests whether a session runs: status 0, or 1 and the reason.

It runs a graph too, because on a GPU that is too old for ONNX Runtime's kernels only the first run fails.
"""

import sys

import numpy as np
import onnxruntime as ort

from models.sessions.devices import prepare, providers


def try_device(device: str) -> str:
    """Open and run a session on `device`. Returns the error in one line, or ""."""
    try:
        wanted, chosen = providers(device)
        prepare(device)
        session = ort.InferenceSession(smallest_model(), providers=chosen, enable_fallback=0)
        got = session.get_providers()[0]
        if got != wanted:
            return f"ONNX Runtime gave {got}"
        (doubled,) = session.run(["y"], {"x": np.array([1.5], np.float32)})
    except Exception as exc:  # ONNX Runtime raises its own bare classes
        return " ".join(str(exc).split())
    return "" if doubled.tolist() == [3.0] else f"1.5 + 1.5 gave {doubled.tolist()}"


def smallest_model() -> bytes:
    """ONNX model with one node, y = x + x, for x (1,) float32."""
    from onnx import TensorProto, helper  # needed only to test a GPU

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "smallest", [value], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    error = try_device(sys.argv[1])
    if error:
        print(error)
    sys.exit(bool(error))
