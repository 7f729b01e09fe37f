"""The torch session: half precision, fused attention, and what a GPU's runner does with batches that do not fit."""

import copy
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from models.errors import ModelUnavailable
from models.sessions import devices, torch_gpu
from models.sessions.torch import Half, TorchSession, halve_products
from models.sessions.torch_gpu import TorchRunner
from models.sources import torch_graphs
from models.sources.make import ImportRequest, import_model, with_served_name
from tests.models import architectures

HAS_GPU = Path("/dev/nvidia0").exists()


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return architectures.clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def spec(source, tmp_path_factory):
    wanted = ImportRequest(source=source, name="clip", precision="bf16")
    return import_model(with_served_name(wanted), tmp_path_factory.mktemp("home")).spec


def pixels(rows: int, side: int = 224) -> np.ndarray:
    return np.random.default_rng(rows).integers(0, 256, (rows, side, side, 3), np.uint8)


def least_cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def test_weights_that_are_halved_once_change_no_bit(spec, source):
    session = torch_graphs.session(spec, "image", source, device="cpu", threads=1)
    plain = copy.deepcopy(session._graph)
    for module in plain.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            assert module.weight.dtype == torch.bfloat16
    single = torch_graphs.session(spec, "image", source, device="cpu", threads=1, half="all")
    before = torch_graphs.networks.load(torch_graphs.describe.read_source(source))
    torch_graphs.networks.fix_positions(before, 224)
    by_autocast = TorchSession(torch_graphs.ImageGraph(before.image, spec.image), precision="bf16", device="cpu")
    stack = pixels(4)
    wanted = by_autocast.run(stack)
    np.testing.assert_array_equal(session.run(stack), wanted)
    assert 0.999 < least_cosine(single.run(stack), wanted) < 1  # other roundings


def test_a_network_in_half_takes_ids_and_gives_single():
    network = Half(nn.Sequential(nn.Embedding(10, 8), nn.LayerNorm(8)), torch.bfloat16)
    assert network(torch.tensor([[1, 2]])).dtype == torch.float32
    halve_products(whole := nn.Sequential(nn.Linear(4, 4), nn.LayerNorm(4)), torch.float16)
    assert [p.dtype for p in whole.parameters()] == [torch.float16] * 2 + [torch.float32] * 2


@pytest.mark.parametrize("modality", ["image", "text"])
def test_fused_attention_gives_the_same_vectors(modality, spec, source):
    from dataclasses import replace

    spec = replace(spec, precision="fp32")
    stack = pixels(3) if modality == "image" else np.array([[1, 7, 30, -1], [3, 4, 5, 6]])
    eager, fused = (
        torch_graphs.session(spec, modality, source, device="cpu", threads=1, attention=kind).run(stack)
        for kind in ("eager", "sdpa")
    )
    assert least_cosine(eager, fused) > 0.999999


class Step:
    """A step of the GPU that has room for a few rows, without a GPU."""

    room = 4
    stream = object()

    def __init__(self, forward, shape, *given):
        if shape[0] > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        self.shape = shape

    def run(self, stack):
        assert len(stack) <= self.shape[0]
        return stack.reshape(len(stack), -1)[:, :2].astype(np.float32)


@pytest.fixture
def without_gpu(monkeypatch):
    emptied = []
    monkeypatch.setattr(torch_gpu, "_Step", Step)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(1))
    monkeypatch.setattr(torch.cuda, "Stream", lambda index: object())
    return emptied


def test_a_batch_that_does_not_fit_is_halved_and_the_next_is_served(without_gpu):
    runner = TorchRunner(lambda rows: rows, 0, captured=True)
    stack = pixels(13, 3)
    for _ in range(2):
        np.testing.assert_array_equal(runner.run({"rows": stack})[0], stack.reshape(13, -1)[:, :2])
    assert (runner.limit, runner.halved, len(without_gpu)) == (4, 2, 2)


def test_a_single_row_that_does_not_fit_is_refused_with_the_way_out(without_gpu, monkeypatch):
    monkeypatch.setattr(Step, "room", 0)
    runner = TorchRunner(lambda rows: rows, 1, captured=True)
    with pytest.raises(ModelUnavailable, match=r"cuda:1 has too little memory for a single row; serve fewer models"):
        runner.run({"rows": pixels(2, 3)})
    monkeypatch.setattr(Step, "room", 8)
    assert runner.run({"rows": pixels(2, 3)})[0].shape == (2, 2)


@pytest.mark.skipif(HAS_GPU, reason="this machine has one")
def test_torch_without_cuda_is_refused_by_what_torch_says(monkeypatch):
    devices.torch_error.cache_clear()
    monkeypatch.setattr(devices, "gpus", lambda: 1)
    with pytest.raises(
        ModelUnavailable, match=r"cuda:0 was asked for, and torch cannot use it \(.+\); install a torch"
    ):
        devices.resolve("cuda:0", "torch")
    assert devices.resolve("auto", "torch") == ("cpu",)
    with pytest.raises(ModelUnavailable, match=r"tensorrt:0 is ONNX Runtime's.*name cuda:0"):
        devices.resolve("tensorrt", "torch")
    devices.torch_error.cache_clear()


def test_torch_is_tried_in_a_process_of_its_own(monkeypatch):
    devices.torch_error.cache_clear()
    asked = []

    def run(command, **given):
        asked.append(command[-2:])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(devices, "gpus", lambda: 1)
    monkeypatch.setattr(subprocess, "run", run)
    assert devices.resolve("auto", "torch") == ("cuda:0",)
    assert asked == [["models.sessions.torch_probe", "cuda:0"]]
    devices.torch_error.cache_clear()


@pytest.mark.gpu
@pytest.mark.parametrize("captured", [False, True])
def test_a_gpu_gives_the_vectors_of_the_cpu_in_any_batch(captured, spec, source):
    from dataclasses import replace

    spec = replace(spec, precision="fp32")
    here = torch_graphs.session(spec, "image", source, device="cpu", threads=0)
    there = torch_graphs.session(spec, "image", source, device="cuda:0", threads=0, cuda_graphs=captured)
    stack = pixels(13)
    assert least_cosine(here.run(stack), there.run(stack)) > 0.99999
    assert least_cosine(np.concatenate([there.run(row[None]) for row in stack]), there.run(stack)) > 0.99999
