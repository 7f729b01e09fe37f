"""The device's step: the device that was asked for or an error, and rows that do not feel their batch."""

import io
import re
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from PIL import Image

from models.encoders.processors import image_processor, text_processor
from models.errors import ModelUnavailable
from models.images.decoding import ImageLimits
from models.sessions.onnx import OnnxSession, feeds
from tests.models.texts import TEXTS

HAS_GPU = Path("/dev/nvidia0").exists()


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("graph") / "image.onnx")


def saved(path: Path, gives: int = TensorProto.FLOAT) -> Path:
    """pixels (n, 2, 2, 3) uint8 → the mean colour, (n, 3), in the type `gives`."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Cast", ["mean"], ["raw"], to=gives),
    ]
    given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 2, 2, 3])
    made = helper.make_tensor_value_info("raw", gives, ["n", 3])
    model = helper.make_model(
        helper.make_graph(nodes, "mean", [given], [made]), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.save(model, path)
    return path


# devices


def test_a_graph_runs_on_the_cpu(graph):
    session = OnnxSession(graph, threads=1)
    stack = np.random.default_rng(0).integers(0, 256, (5, 2, 2, 3), np.uint8)
    raw = session.run(stack)
    assert session.provider == "CPUExecutionProvider"
    assert raw.dtype == np.float32
    np.testing.assert_allclose(raw, stack.mean(axis=(1, 2)), rtol=1e-6)


def test_half_precision_comes_out_single(tmp_path):
    session = OnnxSession(saved(tmp_path / "image.onnx", TensorProto.FLOAT16), threads=1)
    stack = np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3)
    raw = session.run(stack)
    assert raw.dtype == np.float32
    np.testing.assert_array_equal(raw, stack.mean(axis=(1, 2)))  # 4.5, 5.5, …: exact in half precision


def test_the_cpu_copies_neither_what_goes_in_nor_what_comes_out(graph):
    session = OnnxSession(graph, threads=1)
    seen = {}

    class Watched:
        def run(self, names, given):
            seen["in"] = given["pixels"]
            seen["out"] = np.ones((2, 3), np.float32)
            return [seen["out"]]

    session._session = Watched()
    stack = np.zeros((2, 2, 2, 3), np.uint8)
    assert session.run(stack) is seen["out"]
    assert seen["in"] is stack


@pytest.mark.skipif(HAS_GPU, reason="this machine has one")
def test_tensorrt_that_is_not_there_is_an_error(graph, capfd, monkeypatch):
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")  # the session would set it for the tests to come
    with pytest.raises(ModelUnavailable, match=r"image\.onnx cannot be loaded on tensorrt:0: .*TensorRT"):
        OnnxSession(graph, device="tensorrt:0")
    assert "Falling back" not in capfd.readouterr().out


@pytest.mark.skipif(HAS_GPU, reason="this machine has one")
@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:3"])
def test_a_gpu_that_is_not_there_is_an_error_and_never_the_cpu(graph, device):
    """onnxruntime-gpu lists CUDA as available and falls back without an error: this is the guard."""
    with pytest.raises(ModelUnavailable) as caught:
        OnnxSession(graph, device=device)
    message = caught.value.message
    assert f"{device} was asked for, ONNX Runtime gave CPUExecutionProvider" in message
    assert "onnxruntime-gpu[cuda,cudnn]" in message
    assert "DAGUERRE_DEVICE=cpu" in message


class Told:
    """Stands for onnxruntime.InferenceSession, and gives the providers it is told to."""

    gives: tuple[str, ...] = ()

    def __init__(self, path, options, providers, enable_fallback):
        type(self).asked = (path, options, providers)
        assert enable_fallback == 0  # else ONNX Runtime prints a GPU's error and goes on with the CPU

    def get_providers(self):
        return list(self.gives)

    def get_inputs(self):
        return []

    get_outputs = get_inputs


@pytest.mark.parametrize(("device", "index"), [("cuda", 0), ("cuda:0", 0), ("cuda:2", 2)])
def test_the_gpu_that_is_asked_for_is_passed_on(monkeypatch, device, index):
    monkeypatch.setattr(onnxruntime, "InferenceSession", Told)
    monkeypatch.setattr(Told, "gives", ("CUDAExecutionProvider", "CPUExecutionProvider"))
    session = OnnxSession(Path("x.onnx"), device=device, memory_limit=2**30)
    assert session.provider == "CUDAExecutionProvider"
    name, options = Told.asked[2][0]
    assert name == "CUDAExecutionProvider"
    assert options["device_id"] == index
    assert options["use_tf32"] == "0"  # fp32 is fp32
    assert options["gpu_mem_limit"] == 2**30


def test_a_session_that_fell_back_is_refused_wherever_it_happens(monkeypatch):
    monkeypatch.setattr(onnxruntime, "InferenceSession", Told)
    monkeypatch.setattr(Told, "gives", ("CPUExecutionProvider",))
    with pytest.raises(ModelUnavailable, match="gave CPUExecutionProvider"):
        OnnxSession(Path("x.onnx"), device="cuda:0")


@pytest.mark.parametrize(("threads", "spinning"), [(1, False), (3, True)])
def test_threads_and_spinning_are_passed_on(monkeypatch, threads, spinning):
    monkeypatch.setattr(onnxruntime, "InferenceSession", Told)
    monkeypatch.setattr(Told, "gives", ("CPUExecutionProvider",))
    OnnxSession(Path("x.onnx"), threads=threads, spinning=spinning)
    options = Told.asked[1]
    assert options.intra_op_num_threads == threads
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == str(int(spinning))


@pytest.mark.parametrize("device", ["gpu", "tpu:0", "", "CUDA:0", "mps", "cuda:x", "cuda:-1", "cuda:²", "cpu:3"])
def test_an_unknown_device_is_named(graph, device):
    with pytest.raises(ModelUnavailable, match=re.escape(f"device: {device!r} is not one of auto, cpu, cuda:0")):
        OnnxSession(graph, device=device)


@pytest.mark.parametrize("content", [None, b"", b"no graph"])
def test_a_file_that_is_no_graph_is_unavailable(tmp_path, content):
    path = tmp_path / "image.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"image\.onnx cannot be loaded on cpu"):
        OnnxSession(path)


# feeds


def test_token_ids_become_ids_and_a_mask():
    given = feeds(np.array([[101, 0, 102, -1], [7, -1, -1, -1]]))
    assert given["input_ids"].tolist() == [[101, 0, 102, 0], [7, 0, 0, 0]]
    assert given["attention_mask"].tolist() == [[1, 1, 1, 0], [1, 0, 0, 0]]  # id 0 is a token like any other
    assert given["input_ids"].dtype == given["attention_mask"].dtype == np.int64


def test_pixels_are_fed_as_they_are():
    stack = np.zeros((2, 4, 4, 3), np.uint8)
    assert list(feeds(stack)) == ["pixels"]
    assert feeds(stack)["pixels"] is stack


# no result depends on its batch


def cosines(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def pictures(embedded_folder):
    """32 rows: photos, whole and in parts, a drawing, noise and one colour."""
    processor = image_processor(embedded_folder)
    found = find_spec("skimage")
    assert found
    data = Path(found.submodule_search_locations[0]) / "data"
    rng = np.random.default_rng(11)
    rows = [np.full((224, 224, 3), 255, np.uint8), rng.integers(0, 256, (224, 224, 3), np.uint8)]
    names = ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png", "motorcycle_left.png", "page.png")
    while len(rows) < 32:
        image = Image.open(data / names[len(rows) % len(names)]).convert("RGB")
        x, y = rng.integers(0, image.width // 2), rng.integers(0, image.height // 2)
        out = io.BytesIO()
        image.crop((x, y, x + image.width // 2, y + image.height // 2)).save(out, "PNG", compress_level=1)
        rows.append(processor.preprocess(out.getvalue(), limits=ImageLimits(), decode="exact"))
    return processor.collate(rows, 224)


@pytest.fixture(scope="module")
def text_rows(embedded_folder):
    """Texts of all lengths, by bucket; each bucket has the batch to be full several times over."""
    processor = text_processor(embedded_folder)
    mixed = [*TEXTS, *(" ".join(f"word{i}" for i in range(n)) for n in range(1, 60, 3))]
    return processor, [tokens.ids for tokens in processor.preprocess(mixed)]


@pytest.fixture(scope="module")
def sessions(embedded_folder, tmp_path_factory):
    """By part, a session of one thread, of two and of five, and of one thread on a packed graph."""
    cache = tmp_path_factory.mktemp("packed")
    return {
        part: [
            *(OnnxSession(embedded_folder.path / f"{part}.onnx", threads=n) for n in (1, 2, 5)),
            OnnxSession(embedded_folder.path / f"{part}.onnx", threads=1, packed=cache),
        ]
        for part in ("image", "text")
    }


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_an_image_has_the_same_bits_in_any_batch_and_with_any_threads(sessions, pictures, data):
    """Its session, its companions and its place among them are chance."""
    chosen = data.draw(st.lists(st.integers(0, len(pictures) - 1), min_size=1, max_size=12))
    session = data.draw(st.sampled_from(sessions["image"]))
    together = session.run(pictures[chosen])
    place = data.draw(st.integers(0, len(chosen) - 1))
    alone = sessions["image"][0].run(pictures[chosen[place] : chosen[place] + 1])
    assert together[place].tobytes() == alone[0].tobytes()


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_text_has_the_same_bits_in_any_batch_and_with_any_threads(sessions, text_rows, data):
    processor, rows = text_rows
    buckets = [processor.shape_bucket(row) for row in rows]
    assert len(set(buckets)) >= 5
    bucket = data.draw(st.sampled_from(sorted(set(buckets))))
    alike = [row for row, own in zip(rows, buckets, strict=True) if own == bucket]
    chosen = data.draw(st.lists(st.sampled_from(alike), min_size=1, max_size=32))
    session = data.draw(st.sampled_from(sessions["text"]))
    together = session.run(processor.collate(chosen, bucket))
    place = data.draw(st.integers(0, len(chosen) - 1))
    alone = sessions["text"][0].run(processor.collate([chosen[place]], bucket))
    assert together[place].tobytes() == alone[0].tobytes()


def test_a_text_does_not_feel_a_longer_padding(embedded_folder, text_rows):
    """Buckets may be changed without a new fingerprint's worth of difference, and BentoML pads to the longest."""
    processor, rows = text_rows
    session = OnnxSession(embedded_folder.path / "text.onnx", threads=1)
    short = [row for row in rows if len(row) <= 32]
    alone = np.concatenate([session.run(processor.collate([row], processor.shape_bucket(row))) for row in short])
    assert cosines(alone, session.run(processor.collate(short, 64))).min() > 0.999999
