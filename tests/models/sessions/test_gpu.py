"""What ONNX Runtime is told of GPUs, and how batches are cut, padded and halved there. No GPU is at hand: a pretended
session stands for one, and the tests marked `gpu` are for a machine that has it."""

import ctypes
import json
import subprocess
import sys
import threading
from typing import ClassVar

import numpy as np
import pytest

from models.errors import ModelUnavailable
from models.sessions import devices, gpu
from models.sessions.gpu import GpuRunner, bucket, out_of_memory
from models.sessions.onnx import OnnxSession

ARENA = (
    "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running MatMul node. Status "
    "Message: bfc_arena.cc:376 void* onnxruntime::BFCArena::AllocateRawInternal(size_t, bool) Failed to allocate "
    "memory for requested buffer of size 8388608000"
)
LIMIT = ARENA.partition("Failed")[0] + "Available memory of 249088 is smaller than requested bytes of 8388608"
DRIVER = "CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);"
CUBLAS = "CUBLAS failure 3: the resource allocation failed ; GPU=0 ; hostname=here ; expr=cublasCreate(&handle);"
CUDNN = "CUDNN failure 4004: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED ; GPU=0 ; hostname=here ;"


# names


@pytest.fixture
def two(monkeypatch):
    """A machine with two GPUs, of which the second is broken where `broken` is set."""
    broken: set[str] = set()
    monkeypatch.setattr(devices, "gpus", lambda: 2)
    monkeypatch.setattr(devices, "usable", lambda name: name.endswith((":0", ":1")) and name not in broken)
    return broken


@pytest.mark.parametrize(
    ("setting", "wanted"),
    [
        ("cpu", ("cpu",)),
        ("cuda", ("cuda:0",)),
        ("cuda:1", ("cuda:1",)),
        ("cuda:1, cuda:0", ("cuda:1", "cuda:0")),
        ("tensorrt", ("tensorrt:0",)),
        ("tensorrt:1", ("tensorrt:1",)),
        ("auto", ("cuda:0", "cuda:1")),
    ],
)
def test_settings_become_devices(two, setting, wanted):
    assert devices.resolve(setting) == wanted


def test_auto_takes_what_can_be_opened(two):
    two.add("cuda:0")
    assert devices.resolve("auto") == ("cuda:1",)
    two.add("cuda:1")
    assert devices.resolve("auto") == ("cpu",)


def test_a_gpu_by_name_that_cannot_be_used_is_an_error(two):
    two.add("cuda:1")
    with pytest.raises(ModelUnavailable, match="cuda:1 was asked for, ONNX Runtime gave CPUExecutionProvider"):
        devices.resolve("cuda:0,cuda:1")
    with pytest.raises(ModelUnavailable, match="cuda:7 was asked for"):
        devices.resolve("cuda:7")


@pytest.mark.parametrize(
    "setting", ["", "gpu", "mps", "cuda:x", "cuda:-1", "cuda:01", "CUDA", "cuda:0;cuda:1", "tpu:0"]
)
def test_what_is_no_device_is_told_what_is(setting):
    with pytest.raises(ModelUnavailable, match="is not one of auto, cpu, cuda:0"):
        devices.resolve(setting)


def test_a_device_twice_and_the_cpu_beside_a_gpu_are_refused(two):
    with pytest.raises(ModelUnavailable, match="names one device twice"):
        devices.resolve("cuda,cuda:0")
    with pytest.raises(ModelUnavailable, match="has the CPU beside a GPU"):
        devices.resolve("cpu,cuda:0")


def test_without_a_driver_there_is_no_gpu(monkeypatch):
    def absent(name):
        raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", absent)
    monkeypatch.setattr(devices, "Path", lambda p: type("None", (), {"is_dir": lambda self: False})())
    assert devices.gpus() == 0


@pytest.mark.parametrize(("status", "wanted"), [((0, 0), 3), ((999, 0), 0), ((0, 100), 0)])
def test_the_driver_is_asked_how_many(monkeypatch, status, wanted):
    class Driver:
        def cuInit(self, flags):
            return status[0]

        def cuDeviceGetCount(self, count):
            count._obj.value = 3
            return status[1]

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver())
    assert devices.gpus() == wanted


# options


def test_tensorrt_has_cuda_behind_it_and_keeps_its_engines(tmp_path):
    wanted, chosen = devices.providers("tensorrt:1", engine_cache=tmp_path / "trt", memory_limit=5)
    assert wanted == "TensorrtExecutionProvider"
    (first, options), (second, cuda), last = chosen
    assert (first, second, last) == (wanted, "CUDAExecutionProvider", "CPUExecutionProvider")
    assert options["device_id"] == cuda["device_id"] == 1
    assert options["trt_engine_cache_enable"] is True
    assert options["trt_engine_cache_path"] == str(tmp_path / "trt")
    assert (tmp_path / "trt").is_dir()
    assert options["trt_fp16_enable"] is False  # an fp32 graph stays one
    assert cuda["gpu_mem_limit"] == 5
    assert devices.providers("tensorrt:0", half=True)[1][0][1]["trt_fp16_enable"] is True


def test_without_a_limit_none_is_passed():
    assert "gpu_mem_limit" not in devices.providers("cuda:0")[1][0][1]


# batches


class Value:
    """Stands for an OrtValue on a device."""

    made: ClassVar[list[tuple[tuple[int, ...], str, int]]] = []

    def __init__(self, shape, kind, device, index):
        self.array = np.zeros(shape, kind)
        Value.made.append((tuple(shape), device, index))

    @staticmethod
    def ortvalue_from_shape_and_type(shape, kind, device, index):
        return Value(shape, kind, device, index)

    def update_inplace(self, array):
        assert array.shape == self.array.shape
        assert array.flags.c_contiguous
        self.array[:] = array


class Binding:
    def __init__(self):
        self.inputs = {}

    def bind_ortvalue_input(self, name, value):
        self.inputs[name] = value

    def bind_output(self, name, device):
        assert (name, device) == ("raw", "cpu")

    def copy_outputs_to_cpu(self):
        return [self.raw]


class Session:
    """A GPU of `room` rows: raw vectors are the rows' first two numbers."""

    def __init__(self, room=10**9, error=ARENA, kind=np.float32):
        self.room, self.error, self.kind = room, error, kind
        self.ran: list[int] = []

    def io_binding(self):
        return Binding()

    def run_with_iobinding(self, binding):
        rows = binding.inputs["pixels"].array
        if len(rows) > self.room:
            raise RuntimeError(self.error)
        self.ran.append(len(rows))
        binding.raw = rows.reshape(len(rows), -1)[:, :2].astype(self.kind)


@pytest.fixture(autouse=True)
def pretended(monkeypatch, request):
    if request.node.get_closest_marker("gpu"):
        return
    Value.made = []
    monkeypatch.setattr(gpu.ort, "OrtValue", Value)


def stack(rows: int) -> np.ndarray:
    return np.random.default_rng(rows).integers(0, 255, (rows, 3, 3, 3), np.uint8)


def wanted(pixels: np.ndarray) -> np.ndarray:
    return pixels.reshape(len(pixels), -1)[:, :2].astype(np.float32)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8, 31, 33, 600])
def test_batches_are_padded_to_a_power_of_two_and_cut_again(rows):
    session = Session()
    pixels = stack(rows)
    np.testing.assert_array_equal(GpuRunner(session, ["pixels"], ["raw"], 0).run({"pixels": pixels})[0], wanted(pixels))
    assert all(n == bucket(n) for n in session.ran)
    assert sum(session.ran) >= rows
    assert max(session.ran) <= gpu.LARGEST


def test_buffers_are_kept_for_each_shape():
    runner = GpuRunner(Session(), ["pixels"], ["raw"], 3)
    for rows in (3, 4, 4, 3, 2, 1, 4):
        runner.run({"pixels": stack(rows)})[0]
    assert sorted(shape[0] for shape, _, _ in Value.made) == [1, 2, 4]
    assert {(device, index) for _, device, index in Value.made} == {("cuda", 3)}


def test_threads_do_not_share_buffers():
    barrier = threading.Barrier(4)

    class Slow(Session):
        def run_with_iobinding(self, binding):
            barrier.wait(10)  # all have written their buffers by now
            super().run_with_iobinding(binding)

    runner = GpuRunner(Slow(), ["pixels"], ["raw"], 0)
    answers = {}

    def one(seed):
        pixels = np.full((4, 3, 3, 3), seed, np.uint8)
        for _ in range(20):
            answers.setdefault(seed, []).append(runner.run({"pixels": pixels})[0])

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for seed, found in answers.items():
        assert len(found) == 20
        assert all((raw == seed).all() for raw in found)


@pytest.mark.parametrize("error", [ARENA, LIMIT, DRIVER, CUBLAS, CUDNN])
def test_a_batch_that_does_not_fit_is_run_in_halves_in_order(error):
    session = Session(room=4, error=error)
    runner = GpuRunner(session, ["pixels"], ["raw"], 0)
    pixels = stack(13)
    np.testing.assert_array_equal(runner.run({"pixels": pixels})[0], wanted(pixels))
    assert runner.limit == 4
    assert runner.halved == 2  # 16, 8
    before = runner.halved
    runner.run({"pixels": pixels})[0]
    assert runner.halved == before  # it has learnt


def test_after_a_while_larger_batches_are_tried_again():
    session = Session(room=4)
    runner = GpuRunner(session, ["pixels"], ["raw"], 0)
    runner.run({"pixels": stack(8)})[0]
    session.room = 10**9  # the other model has gone
    for _ in range(gpu.RECOVER):
        runner.run({"pixels": stack(4)})[0]
    assert runner.limit == 8


def test_batches_padded_to_the_limit_count_as_well():
    session = Session(room=4)
    runner = GpuRunner(session, ["pixels"], ["raw"], 0)
    runner.run({"pixels": stack(8)})[0]
    session.room = 10**9
    for _ in range(gpu.RECOVER):
        runner.run({"pixels": stack(3)})[0]
    assert runner.limit == 8


def test_a_single_row_waits_for_the_batch_that_took_its_room():
    """Two lanes: what does not fit beside the other's batch fits after it."""
    begun, full = threading.Event(), threading.Event()

    class Shared(Session):
        def run_with_iobinding(self, binding):
            rows = len(binding.inputs["pixels"].array)
            if rows == 1 and not full.is_set():
                full.set()
                raise RuntimeError(LIMIT)
            if rows == 8:
                begun.set()
                assert full.wait(10)
            assert rows == 8 or not other.is_alive() or self.ran == [8]  # not before the batch has ended
            super().run_with_iobinding(binding)

    session = Shared()
    runner = GpuRunner(session, ["pixels"], ["raw"], 0)
    other = threading.Thread(target=runner.run, args=({"pixels": stack(8)},))
    other.start()
    assert begun.wait(10)
    np.testing.assert_array_equal(runner.run({"pixels": stack(1)})[0], wanted(stack(1)))
    other.join(10)
    assert session.ran == [8, 1]
    assert (runner.limit, runner.halved) == (gpu.LARGEST, 0)  # it says nothing of how large a batch may be
    np.testing.assert_array_equal(runner.run({"pixels": stack(5)})[0], wanted(stack(5)))  # nobody waits for ever


_REAL = """
import json, sys
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto, helper
from models.sessions import gpu

info = ort.OrtMemoryInfo("Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT)
rest = {"initial_chunk_size_bytes": -1, "max_dead_bytes_per_chunk": -1, "initial_growth_chunk_size_bytes": -1}
ort.create_and_register_allocator(info, ort.OrtArenaCfg({"max_mem": 8 << 20, "arena_extend_strategy": 1, **rest}))
nodes = [
    helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
    helper.make_node("MatMul", ["floats", "w"], ["wide"]),
    helper.make_node("ReduceMean", ["wide"], ["raw"], axes=[1, 2], keepdims=0),
]
given = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 32, 32, 3])
made = helper.make_tensor_value_info("raw", TensorProto.FLOAT, ["n", 64])
w = helper.make_tensor("w", TensorProto.FLOAT, [3, 64], np.ones(192, np.float32))
graph = helper.make_graph(nodes, "wide", [given], [made], [w])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
options = ort.SessionOptions()
options.log_severity_level = 4
options.add_session_config_entry("session.use_env_allocators", "1")
session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])

class Here:
    ortvalue_from_shape_and_type = lambda shape, kind, device, index: real(shape, kind, "cpu", 0)

real, gpu.ort.OrtValue = ort.OrtValue.ortvalue_from_shape_and_type, Here
runner = gpu.GpuRunner(session, ["pixels"], ["raw"], 0)
pixels = np.arange(100, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
raw = runner.run({"pixels": pixels})[0]
print(json.dumps([raw[:, 0].tolist(), runner.limit, runner.halved]))
"""


def test_an_arena_of_onnx_runtime_that_is_full_is_met_by_halves():
    """A real session whose arena ends at 8 MiB, on the CPU: its words, not ours. In a process of its own: an arena is
    registered for a whole process."""
    done = subprocess.run([sys.executable, "-c", _REAL], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr[-2000:]
    first, limit, halved = json.loads(done.stdout)
    assert first == [3.0 * i for i in range(100)]  # all of them, in order
    assert limit == 16
    assert halved == 3  # 128, 64, 32


def test_a_single_row_that_does_not_fit_is_a_clear_error():
    with pytest.raises(ModelUnavailable, match=r"cuda:2 has too little memory for a single row.*DAGUERRE_GPU_MEMORY"):
        GpuRunner(Session(room=0), ["pixels"], ["raw"], 2).run({"pixels": stack(3)})[0]


def test_another_error_is_not_taken_for_a_full_memory():
    runner = GpuRunner(Session(room=0, error="invalid argument"), ["pixels"], ["raw"], 0)
    with pytest.raises(RuntimeError, match="invalid argument"):
        runner.run({"pixels": stack(3)})[0]
    assert runner.halved == 0
    assert not out_of_memory(RuntimeError("CUDA failure 700: an illegal memory access was encountered"))


def test_half_precision_comes_out_single():
    raw = GpuRunner(Session(kind=np.float16), ["pixels"], ["raw"], 0).run({"pixels": stack(3)})[0]
    assert raw.dtype == np.float32


# on a machine with one: scripts/test -m gpu


@pytest.mark.gpu
def test_a_gpu_gives_the_vectors_of_the_cpu(embedded_folder):
    pixels = np.random.default_rng(0).integers(0, 256, (13, 224, 224, 3), np.uint8)
    here = OnnxSession(embedded_folder.path / "image.onnx").run(pixels)
    there = OnnxSession(embedded_folder.path / "image.onnx", device="cuda:0").run(pixels)
    cosines = (here * there).sum(1) / np.linalg.norm(here, axis=1) / np.linalg.norm(there, axis=1)
    assert cosines.min() > 0.9999


@pytest.mark.gpu
def test_a_gpu_with_little_memory_halves_its_batches(embedded_folder):
    session = OnnxSession(embedded_folder.path / "image.onnx", device="cuda:0", memory_limit=300 * 2**20)
    pixels = np.random.default_rng(0).integers(0, 256, (512, 224, 224, 3), np.uint8)
    assert len(session.run(pixels)) == 512
    assert session._gpu is not None
    assert session._gpu.halved > 0
