"""Which devices there are, why one cannot be used, and what a process and a session are told before they use one.

Names and batches on a GPU are in test_gpu.py. The tests marked `gpu` are for a machine that has one.
"""

import logging
import os
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from models.errors import ModelUnavailable
from models.sessions import device_probe, devices
from models.sessions import onnx as sessions
from models.sessions.onnx import OnnxSession

HAS_GPU = Path("/dev/nvidia0").exists()
CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
NO_KERNEL = "CUDA failure 209: no kernel image is available for execution on the device ; GPU=0 ; hostname=here ; f"


@pytest.fixture(autouse=True)
def afresh(monkeypatch):
    """Nothing is known of any device, before or after."""
    known = [devices.usable, devices.probe_error, devices._load_libraries]  # before a test replaces one
    for each in known:
        each.cache_clear()
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "as it was")  # put back afterwards
    yield
    for each in known:
        each.cache_clear()


@pytest.fixture
def one(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: 1)


# which can be used


@pytest.mark.skipif(HAS_GPU, reason="this machine has one")
def test_the_reason_is_what_the_libraries_say(one, monkeypatch):
    """A driver that says there is a GPU, where there is none: tried for real, and not in this process."""
    monkeypatch.setattr(onnxruntime, "InferenceSession", None)  # would keep the GPU's memory until the server ends
    with pytest.raises(ModelUnavailable) as caught:
        devices.resolve("cuda:0")
    message = caught.value.message
    assert f"cuda:0 was asked for, ONNX Runtime gave {CPU} (" in message
    assert ".so" in message  # the library that is missing
    assert "DAGUERRE_DEVICE=cpu" in message
    assert devices.resolve("auto") == ("cpu",)


@pytest.mark.parametrize(
    ("ended", "wanted"),
    [
        ((0, "", ""), ""),
        ((1, f"ONNX Runtime gave {CPU}\n", "[E: x] library y.so with error: z.so.13: none\x1b[m\n"), "z.so.13: none"),
        ((1, f"Non-zero status while running Add. {NO_KERNEL}\n", ""), NO_KERNEL.partition(" ;")[0]),
        ((1, f"ONNX Runtime gave {CPU}\n", ""), f"ONNX Runtime gave {CPU}"),
        ((-11, "", ""), "the test ended with status -11"),
    ],
)
def test_the_reason_is_cut_out_of_what_the_attempt_said(one, monkeypatch, ended, wanted):
    asked = []

    def run(command, **given):
        asked.append((command, given["timeout"]))
        assert (given["cwd"] / "models" / "sessions" / "device_probe.py").is_file()  # wherever the server was started
        return subprocess.CompletedProcess(command, *ended)

    monkeypatch.setattr(subprocess, "run", run)
    start = [sys.executable, "-m", "models.lifetime", str(os.getpid())]
    assert devices.probe_error("cuda:0") == wanted
    assert devices.usable("cuda:0") is (wanted == "")
    assert asked == [([*start, "models.sessions.device_probe", "cuda:0"], devices.PATIENCE)]  # once


def test_a_gpu_that_does_not_answer_is_not_waited_for(one, monkeypatch):
    def run(command, **given):
        raise subprocess.TimeoutExpired(command, given["timeout"])

    monkeypatch.setattr(subprocess, "run", run)
    assert devices.probe_error("cuda:0") == "no answer within 180 s"


def test_a_gpu_beyond_the_last_is_not_tried(one, monkeypatch):
    monkeypatch.setattr(subprocess, "run", None)
    with pytest.raises(ModelUnavailable, match="cuda:1 was asked for, and the last GPU here is number 0"):
        devices.resolve("cuda:1")
    with pytest.raises(ModelUnavailable, match="tensorrt:2 was asked for, and the last GPU here is number 0"):
        devices.resolve("tensorrt:2")
    monkeypatch.setattr(devices, "gpus", lambda: 0)
    with pytest.raises(ModelUnavailable, match=r"there is no such GPU.*CUDA libraries"):
        devices.resolve("cuda:1")
    assert devices.resolve("auto") == devices.resolve("cpu") == ("cpu",)


def test_several_are_tried_at_once_and_stay_in_order(monkeypatch):
    together = threading.Barrier(4)

    def usable(name):
        together.wait(10)
        return name != "cuda:2"

    monkeypatch.setattr(devices, "gpus", lambda: 4)
    monkeypatch.setattr(devices, "usable", usable)
    assert devices.resolve("auto") == ("cuda:0", "cuda:1", "cuda:3")


# the attempt


class Pretended:
    """Stands for onnxruntime.InferenceSession."""

    gives, doubles = CUDA, staticmethod(lambda x: 2 * x)

    def __init__(self, graph, *, providers, enable_fallback):
        assert enable_fallback == 0
        assert [name if isinstance(name, str) else name[0] for name in providers] == [CUDA, CPU]

    def get_providers(self):
        return [self.gives, CPU]

    def run(self, names, given):
        return [self.doubles(given["x"])]


def test_the_attempt_runs_its_graph():
    assert device_probe.try_device("cpu") == ""


def old_gpu(x):
    raise RuntimeError(NO_KERNEL)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, ""),
        ({"gives": CPU}, f"ONNX Runtime gave {CPU}"),
        ({"doubles": staticmethod(old_gpu)}, NO_KERNEL),
        ({"doubles": staticmethod(lambda x: 0 * x)}, "1.5 + 1.5 gave [0.0]"),
    ],
)
def test_a_session_that_opens_has_to_compute_too(monkeypatch, given, wanted):
    for name, value in given.items():
        monkeypatch.setattr(Pretended, name, value)
    monkeypatch.setattr(onnxruntime, "InferenceSession", Pretended)
    monkeypatch.setattr(devices, "_load_libraries", lambda: None)
    assert device_probe.try_device("cuda:0") == wanted


# what a process needs


def test_cudas_libraries_are_loaded_once_and_for_gpus_alone(monkeypatch, capsys):
    loaded = []

    def preload_dlls():
        print("Failed to load libcurand.so.10")
        loaded.append(1)

    monkeypatch.setattr(onnxruntime, "preload_dlls", preload_dlls)
    devices.prepare("cpu")
    assert not loaded
    for _ in range(3):
        devices.prepare("cuda:0")
    assert loaded == [1]
    assert capsys.readouterr().out == ""
    monkeypatch.delattr(onnxruntime, "preload_dlls")  # older ones, and those without CUDA
    devices._load_libraries.cache_clear()
    devices.prepare("cuda:0")


def test_tensorrt_has_no_tf32(monkeypatch):
    monkeypatch.setattr(devices, "_load_libraries", lambda: None)
    devices.prepare("cuda:0")
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "as it was"
    devices.prepare("tensorrt:0")
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"


# options


def test_cuda_is_told_this_and_nothing_else():
    """ONNX Runtime ignores no option: a wrong name is an error, and it shows only where there is a GPU."""
    assert devices.providers("cuda:2", memory_limit=7) == (
        CUDA,
        [
            (
                CUDA,
                {
                    "device_id": 2,
                    "arena_extend_strategy": "kSameAsRequested",
                    "cudnn_conv_algo_search": "HEURISTIC",
                    "use_tf32": "0",
                    "gpu_mem_limit": 7,
                },
            ),
            CPU,
        ],
    )


@pytest.mark.parametrize("half", [False, True])
def test_norms_stay_in_single_precision_under_tensorrt(half):
    options = devices.providers("tensorrt:0", half=half)[1][0][1]
    assert options["trt_layer_norm_fp32_fallback"] is half


@pytest.mark.skipif(sys.platform != "linux", reason="the names are read from Linux' libraries")
@pytest.mark.parametrize(("kind", "library"), [("cuda:0", "cuda"), ("tensorrt:0", "tensorrt")])
def test_every_option_is_one_that_the_providers_library_lists(tmp_path, kind, library):
    path = Path(onnxruntime.__file__).parent / "capi" / f"libonnxruntime_providers_{library}.so"
    if not path.exists():
        pytest.skip("onnxruntime without GPUs")
    known = path.read_bytes()
    options = devices.providers(kind, memory_limit=1, engine_cache=tmp_path, half=True)[1][0][1]
    assert [name for name in options if b"\0" + name.encode() + b"\0" not in known] == []


# engines


def test_models_of_one_architecture_do_not_share_engines(tmp_path):
    """ONNX Runtime names an engine after the graph's names: the second model would be answered by the first's."""
    graphs = [tmp_path / name / "image.onnx" for name in ("first", "second", "again")]
    for graph, weights in zip(graphs, (b"1", b"2", b"1"), strict=True):
        graph.parent.mkdir()
        graph.write_bytes(b"the same graph")
        graph.with_name("image.onnx.data").write_bytes(weights)
        graph.with_name("text.onnx").write_bytes(graph.parent.name.encode())  # another graph's affair
    first, second, again = (devices.engine_folder(tmp_path, graph, "tensorrt:0") for graph in graphs)
    assert first != second
    assert first == again  # it is the same model
    assert first.parent == tmp_path
    assert devices.engine_folder(tmp_path, graphs[0], "tensorrt:1") != first
    graphs[0].write_bytes(b"another graph")
    assert devices.engine_folder(tmp_path, graphs[0], "tensorrt:0") != first


def test_a_session_gets_the_folder_of_its_graph(tmp_path, monkeypatch):
    asked = []

    class Told:
        def __init__(self, path, options, providers, enable_fallback):
            asked.append(providers)

        def get_providers(self):
            return ["TensorrtExecutionProvider", CUDA, CPU]

        def get_inputs(self):
            return []

        get_outputs = get_inputs

    monkeypatch.setattr(onnxruntime, "InferenceSession", Told)
    monkeypatch.setattr(devices, "_load_libraries", lambda: None)
    (tmp_path / "image.onnx").write_bytes(b"a graph")
    OnnxSession(tmp_path / "image.onnx", device="tensorrt:0", engine_cache=tmp_path / "kept")
    options = asked[0][0][1]
    own = str(devices.engine_folder(tmp_path / "kept", tmp_path / "image.onnx", "tensorrt:0"))
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == own
    assert os.environ["NVIDIA_TF32_OVERRIDE"] == "0"


# operators on the CPU


def recorded(path: Path, products: int) -> onnxruntime.InferenceSession:
    """A real session, which is on the CPU, of x · w · w …, and of a shape."""
    names = ["x", *(f"y{i}" for i in range(1, products)), "raw"]
    nodes = [helper.make_node("MatMul", [a, "w"], [b]) for a, b in pairwise(names)]
    nodes.append(helper.make_node("Shape", ["x"], ["shape"]))
    graph = helper.make_graph(
        nodes,
        "products",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 2])],
        [
            helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["n", 2]),
            helper.make_tensor_value_info("shape", TensorProto.INT64, [2]),
        ],
        [helper.make_tensor("w", TensorProto.FLOAT, [2, 2], [1.0, 2.0, 3.0, 4.0])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    return onnxruntime.InferenceSession(path, options, providers=[CPU])


def test_a_graph_whose_work_stays_on_the_cpu_is_refused(tmp_path):
    session = recorded(tmp_path / "g.onnx", 3)
    with pytest.raises(ModelUnavailable, match=r"cuda:0 was asked for, and 3 of the 3 .* of g\.onnx .*\(3 × MatMul\)"):
        sessions._require_work_on_the_gpu(session, "g.onnx", "cuda:0")


def test_a_session_on_a_gpu_is_asked_where_its_operators_are(tmp_path, monkeypatch):
    real = recorded(tmp_path / "g.onnx", 3)

    class Told:
        def __init__(self, path, options, providers, enable_fallback):
            self.options = options

        def get_providers(self):
            return [CUDA, CPU]

        def get_provider_graph_assignment_info(self):
            assert self.options.get_session_config_entry("session.record_ep_graph_assignment_info") == "1"
            return real.get_provider_graph_assignment_info()

    monkeypatch.setattr(onnxruntime, "InferenceSession", Told)
    monkeypatch.setattr(devices, "_load_libraries", lambda: None)
    with pytest.raises(ModelUnavailable, match="3 of the 3 large operators"):
        OnnxSession(tmp_path / "g.onnx", device="cuda:0")


class Assigned:
    """Stands for a session whose operators were put where it is told."""

    def __init__(self, **where):
        self.where = where

    def get_provider_graph_assignment_info(self):
        return [
            type(
                "Part",
                (),
                {"ep_name": name, "get_nodes": lambda self, kinds=kinds: [SimpleNamespace(op_type=k) for k in kinds]},
            )()
            for name, kinds in self.where.items()
        ]


def test_shapes_may_be_computed_on_the_cpu_and_a_few_operators_are_told_of(caplog):
    check = sessions._require_work_on_the_gpu
    with caplog.at_level(logging.WARNING):
        check(Assigned(**{CUDA: ["MatMul", "Add"], CPU: ["Shape", "Gather", "Concat", "Range"] * 9}), "g", "cuda:0")
        check(object(), "g", "cuda:0")  # an ONNX Runtime that does not tell
    assert not caplog.records
    with caplog.at_level(logging.WARNING):
        check(Assigned(**{CUDA: ["MatMul", "Conv"], CPU: ["Softmax", "MatMul"]}), "g", "cuda:0")
    assert "g on cuda:0 runs these operators on the CPU: 1 × Softmax, 1 × MatMul" in caplog.text
    with pytest.raises(ModelUnavailable, match="2 of the 3 large operators"):
        check(Assigned(**{CUDA: ["MatMul"], CPU: ["Softmax", "MatMul"]}), "g", "cuda:0")


# on a machine with one: scripts/test -m gpu


def used() -> int:
    """Bytes of the first GPU that anybody uses."""
    import pynvml

    pynvml.nvmlInit()
    return int(pynvml.nvmlDeviceGetMemoryInfo(pynvml.nvmlDeviceGetHandleByIndex(0)).used)


@pytest.mark.gpu
def test_asking_for_devices_keeps_nothing_of_them():
    before = used()
    assert "cuda:0" in devices.resolve("auto")
    assert used() - before < 50 * 2**20


@pytest.mark.gpu
def test_memory_stays_flat_over_batch_sizes(embedded_folder):
    session = OnnxSession(embedded_folder.path / "image.onnx", device="cuda:0")
    rng = np.random.default_rng(0)

    def through_all_sizes():
        for rows in [*range(1, 33), *range(32, 0, -1)]:
            assert len(session.run(rng.integers(0, 256, (rows, 224, 224, 3), np.uint8))) == rows

    through_all_sizes()
    before = used()
    for _ in range(5):
        through_all_sizes()
    assert used() - before < 16 * 2**20


@pytest.mark.gpu
def test_texts_on_a_gpu_are_those_of_the_cpu(embedded_folder):
    path = embedded_folder.path / "text.onnx"
    here, there = OnnxSession(path), OnnxSession(path, device="cuda:0")
    rng = np.random.default_rng(1)
    for length in (8, 16, 64):
        ids = rng.integers(1000, 20000, (5, length))
        ids[1:, length // 2 :] = -1
        a, b = here.run(ids), there.run(ids)
        assert ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min() > 0.9999
