"""Graphs in 8 bits against numpy: products, patches of pixels, and rows that do not depend on their batch."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from models.sessions.exact import exact_products
from models.sources.int8 import _rows_that_add_up, products, to_int8

pytestmark = pytest.mark.skipif(not exact_products(), reason="int8 is refused on a processor without VNNI")
MEAN, STD = np.float32([120.0, 110.0, 100.0]), np.float32([60.0, 55.0, 70.0])


def graph(nodes, inputs, outputs, weights) -> onnx.ModelProto:
    values = [[helper.make_tensor_value_info(*each) for each in group] for group in (inputs, outputs)]
    tensors = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    made = helper.make_graph(nodes, "test", *values, tensors)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def run(model: onnx.ModelProto, **inputs) -> list[np.ndarray]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)


def linear(weights: np.ndarray, bias: np.ndarray | None = None, shape=("n", "t", None)) -> onnx.ModelProto:
    k, n = weights.shape
    given = {"w": weights} | ({} if bias is None else {"b": bias})
    node = helper.make_node(
        "Gemm" if bias is not None else "MatMul", ["x", *given], ["y"], name="/network/layer/MatMul"
    )
    sizes = [k if each is None else each for each in shape]
    inputs = [("x", TensorProto.FLOAT, sizes)]
    return graph([node], inputs, [("y", TensorProto.FLOAT, [*sizes[:-1], n])], given)


def by_numpy(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The formula of the module, in doubles but for q, z and W'."""
    high, low = np.maximum(x.max(-1, keepdims=True), 0), np.minimum(x.min(-1, keepdims=True), 0)
    s = np.maximum(high - low, 1e-12) / 255
    z = np.rint(-low / s)
    q = np.clip(np.rint(x / s) + z, 0, 255)
    w = np.abs(weights).max(0) / 127
    return (s * ((q - z) @ np.rint(weights / w))) * w


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    k=st.integers(64, 200),
    n=st.integers(1, 70),
    shift=st.sampled_from([0.0, -3.0, 5.0, 1e4]),
    outlier=st.sampled_from([1.0, 300.0]),
)
def test_a_product_is_that_of_the_formula(seed, k, n, shift, outlier):
    rng = np.random.default_rng(seed)
    weights = (rng.normal(size=(k, n)) + rng.normal()).astype(np.float32)
    x = (rng.normal(size=(3, 5, k)) + shift).astype(np.float32)
    x[0, 0, 0] *= outlier
    x[1, 1] = 0
    (got,) = run(to_int8(linear(weights)), x=x)
    wanted = by_numpy(x.astype(np.float64), weights.astype(np.float64))
    largest = np.abs(x).max(-1, keepdims=True) * np.abs(weights).sum(0)
    assert (np.abs(got - wanted) <= 1 / 255 * np.maximum(largest, 1e-9)).all()  # a value on the edge of two steps
    assert np.median(np.abs(got - wanted) / np.maximum(largest, 1e-9)) < 1e-6
    assert not got[1, 1].any()


def test_rows_do_not_depend_on_their_batch():
    rng = np.random.default_rng(0)
    model = to_int8(linear(rng.normal(size=(768, 96)).astype(np.float32)))
    x = rng.normal(size=(9, 7, 768)).astype(np.float32) * rng.lognormal(sigma=3, size=(9, 7, 1)).astype(np.float32)
    (together,) = run(model, x=x)
    for i in range(9):
        (alone,) = run(model, x=x[i : i + 1])
        assert alone.tobytes() == together[i].tobytes()


@pytest.mark.parametrize("shape", [("n", None), ("n", "t", None)])
def test_a_bias_is_added(shape):
    rng = np.random.default_rng(0)
    weights, bias = rng.normal(size=(64, 8)).astype(np.float32), rng.normal(size=8).astype(np.float32)
    if len(shape) == 2:
        model = linear(weights, bias, shape)
    else:
        model = linear(weights)
        model.graph.node[0].output[0] = "m"
        model.graph.node.append(helper.make_node("Add", ["b", "m"], ["y"]))
        model.graph.initializer.append(numpy_helper.from_array(bias, "b"))
    x = rng.normal(size=[5 if isinstance(each, str) else 64 for each in shape]).astype(np.float32)
    (got,) = run(to_int8(model), x=x)
    np.testing.assert_allclose(got, x @ weights + bias, atol=0.4)


def test_products_that_are_kept_small_or_not_constant_stay_as_they_are():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(64, 8)).astype(np.float32)
    model = linear(weights)
    assert products(model) == {"layer": 512}
    x = rng.normal(size=(1, 2, 64)).astype(np.float32)
    (got,) = run(to_int8(model, ["layer"]), x=x)
    np.testing.assert_allclose(got, x @ weights, rtol=1e-5, atol=1e-5)
    assert products(linear(weights[:63])) == {}
    assert products(linear(np.ones((60_001, 1), np.float32))) == {}  # sums would not fit into 32 bits


def test_the_largest_product_is_exact():
    weights = np.ones((60_000, 1), np.float32)
    (got,) = run(to_int8(linear(weights)), x=np.ones((1, 1, 60_000), np.float32))
    np.testing.assert_allclose(got, 60_000, rtol=1e-6)


def test_a_tensor_that_a_subgraph_reads_is_kept():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(64, 8)).astype(np.float32)
    model = linear(weights)
    model.graph.node[0].output[0] = "m"
    branches = {
        f"{name}_branch": helper.make_graph(
            [helper.make_node("Identity", [tensor], [name])], name, [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)],
        )
        for name, tensor in (("then", "doubled"), ("else", "m"))
    }  # fmt: skip
    model.graph.node.append(helper.make_node("Add", ["m", "m"], ["doubled"]))
    model.graph.node.append(helper.make_node("If", ["yes"], ["y"], **branches))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    x = rng.normal(size=(1, 2, 64)).astype(np.float32)
    (got,) = run(to_int8(model), x=x)
    np.testing.assert_allclose(got, 2 * x @ weights, atol=0.8)


@settings(max_examples=50, deadline=None)
@given(sums=st.lists(st.integers(-100_000, 100_000), min_size=1, max_size=20), k=st.integers(1, 5000))
def test_rows_add_up(sums, k):
    rows = _rows_that_add_up(np.array(sums, np.int64), k)
    assert (rows.sum(0, dtype=np.int64) == sums).all()
    assert np.abs(rows.astype(int)).max(initial=0) <= 127
    assert (k + len(rows)) % 64 == 0


def patches(stride: int = 8, pads: int = 0, sizes: tuple[int, int] = (24, 32)) -> tuple[onnx.ModelProto, dict]:
    """Patches of normalised pixels, and the number of pictures by the shape of the normalised ones."""
    rng = np.random.default_rng(0)
    weights = {
        **{"mean": MEAN, "std": STD, "kernel": rng.normal(size=(70, 3, 8, 8)).astype(np.float32)},
        **{"bias": rng.normal(size=70).astype(np.float32), "first": np.array(0)},
    }
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["floats", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["normal"]),
        helper.make_node("Transpose", ["normal"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["planes again"], to=TensorProto.FLOAT),
        helper.make_node("Shape", ["planes"], ["sizes"]),
        helper.make_node("Conv", ["planes again", "kernel", "bias"], ["y"], strides=[stride] * 2, pads=[pads] * 4),
    ]
    inputs = [("pixels", TensorProto.UINT8, ["n", *sizes, 3])]
    outputs = [("y", TensorProto.FLOAT, ["n", 70, "h", "w"]), ("sizes", TensorProto.INT64, [4])]
    return graph(nodes, inputs, outputs, weights), weights


def test_patches_of_pixels_are_exact_but_for_their_weights():
    """By numpy: windows of the normalised pixels, times weights of 8 bits."""
    model, weights = patches()
    pixels = np.random.default_rng(1).integers(0, 256, (3, 24, 32, 3)).astype(np.uint8)
    got, sizes = run(to_int8(model), pixels=pixels)
    assert sizes.tolist() == [3, 3, 24, 32]
    kernel = (weights["kernel"] / STD[:, None, None]).reshape(70, -1)
    scale = np.abs(kernel).max(1, keepdims=True) / 127
    whole = (np.rint(kernel / scale) * scale).reshape(70, 3, 8, 8)
    windows = (pixels - MEAN).reshape(3, 3, 8, 4, 8, 3)
    wanted = np.einsum("nhiwjc,ocij->nohw", windows, whole) + weights["bias"][:, None, None]
    np.testing.assert_allclose(got, wanted, atol=2e-3)
    assert {node.op_type for node in to_int8(patches()[0]).graph.node}.isdisjoint({"Conv", "Sub", "Div"})


@pytest.mark.parametrize("changed", [{"stride": 4}, {"pads": 1}, {"sizes": (24, 30)}], ids=str)
def test_other_convolutions_stay_as_they_are(changed):
    pixels = np.random.default_rng(1).integers(0, 256, (2, *changed.get("sizes", (24, 32)), 3)).astype(np.uint8)
    wanted, got = run(patches(**changed)[0], pixels=pixels), run(to_int8(patches(**changed)[0]), pixels=pixels)
    assert all(np.array_equal(a, b) for a, b in zip(wanted, got, strict=True))
    assert products(patches(**changed)[0]) == {}


def test_patches_that_are_kept_stay_in_fp32():
    model, _ = patches()
    (name,) = products(model)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 24, 32, 3)).astype(np.uint8)
    wanted, got = run(model, pixels=pixels), run(to_int8(patches()[0], [name]), pixels=pixels)
    assert np.array_equal(wanted[0], got[0])
