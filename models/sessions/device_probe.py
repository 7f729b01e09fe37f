"""`python -m models.sessions.device_probe cuda:0`: does a session open and run there? Status 0, or 1 and the reason.

It runs the graph too: on a GPU that is too old for ONNX Runtime's kernels a session opens, and its first run fails.
"""

import sys

import numpy as np
import onnxruntime as ort

from models.sessions.devices import prepare, providers


def try_device(device: str) -> str:
    """Why no session opens and runs on `device`, in one line; "" where one does."""
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
    return "" if doubled.tolist() == [3.0] else f"1.5 + 1.5 gave {doubled.tolist()} there"


def smallest_model() -> bytes:
    """A graph of one node: x (1,) float32 → y = x + x."""
    from onnx import TensorProto, helper  # only where there may be a GPU

    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    out = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "smallest", [value], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


if __name__ == "__main__":
    why = try_device(sys.argv[1])
    if why:
        print(why)
    sys.exit(bool(why))
