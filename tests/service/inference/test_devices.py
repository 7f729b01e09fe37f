"""The setting decode=gpu: refusals at the start, and receipts, cards and caches with a decoder in its place."""

import asyncio
import io
from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from models.errors import ModelUnavailable
from models.images.decoding import load_pixels
from service.errors import ItemsFailed, Unprocessable
from service.inference import devices, engine
from service.inference.matching import model_of
from service.pipelines.encode import encode
from service.pipelines.items import Item
from service.pipelines.models import card
from service.settings import Settings
from service.stores.vectors import VectorStore
from tests.service import fakes


class Decoder:
    """Pixels of Pillow, upside down: they are told apart, and equal those of nothing else."""

    made_with: ClassVar = {"torchvision": "9.9"}

    def __call__(self, data, preprocess):
        image = Image.open(io.BytesIO(data)).convert("RGB").resize((preprocess.size,) * 2)
        return np.array(image)[::-1].copy()


def saved(kind: str = "JPEG", seed: int = 0) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)).save(out, kind)
    return out.getvalue()


def run(tmp_path, work, monkeypatch, **settings):
    monkeypatch.setattr(engine, "gpu_jpegs", lambda given: Decoder() if given.decode == "gpu" else None)

    async def main():
        async with fakes.engine(tmp_path, settings=settings) as started:
            return await work(started)

    return asyncio.run(asyncio.wait_for(main(), 30))


def encoding(started, items, decode, on_error="fail"):
    made = [Item(image=data) for data in items]
    return encode(started, started.model(None), made, operation="embeddings", decode=decode, on_error=on_error)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, r"goes with the torch backend, not with onnx; set DAGUERRE_BACKEND=torch, or DAGUERRE_DECODE=exact"),
        ({"backend": "torch"}, r"no GPU among the devices \(DAGUERRE_DEVICE=cpu\); set it to cuda:0, or set DAG"),
        ({"backend": "torch", "device": "auto"}, r"no GPU among the devices \(DAGUERRE_DEVICE=auto\)"),
        ({"backend": "torch", "device": "cuda:0"}, r"cuda:0 was asked for, and torch cannot use it"),
    ],
)
def test_a_server_that_cannot_decode_on_a_gpu_does_not_start(settings, says, monkeypatch):
    monkeypatch.setattr("models.sessions.devices.gpus", lambda: 0)
    with pytest.raises(ModelUnavailable, match=says):
        devices.gpu_jpegs(Settings(decode="gpu", **settings))
    assert devices.gpu_jpegs(Settings(**settings | {"device": "cpu"})) is None


def test_the_first_device_decodes(monkeypatch):
    monkeypatch.setattr(devices, "resolve", lambda *_: ("cuda:1", "cuda:0"))
    monkeypatch.setattr(devices, "open_jpegs", lambda device: device)
    assert devices.gpu_jpegs(Settings(decode="gpu", backend="torch", device="auto", placement="process")) == "cuda:1"


def test_receipts_and_cards_tell_the_decoders_apart(tmp_path, monkeypatch):
    async def work(started):
        model = started.model(None)
        prints = {decode: receipt["fingerprint"] for decode, receipt in model.receipts.items()}
        return prints, card(started, "small"), model.receipts, model_of(started, prints["exact"], "x")[1]

    prints, told, receipts, exact = run(tmp_path, work, monkeypatch, decode="gpu")
    assert len({*prints.values()}) == 3
    assert (told.decode, told.fingerprint_gpu, told.fingerprint) == ("gpu", prints["gpu"], prints["exact"])
    assert (exact, receipts["gpu"]["decode"]) == ("exact", "gpu")
    assert [r["made_with"].get("torchvision") for r in receipts.values()] == [None, None, "9.9"]

    async def other(started):
        with pytest.raises(Unprocessable, match="which no running model has"):
            model_of(started, prints["gpu"], "vectors")
        return started.model(None).receipts, card(started, "small")

    receipts, told = run(tmp_path, other, monkeypatch)  # a server without: it would use another decoder in silence
    assert (set(receipts), told.fingerprint_gpu) == ({"exact", "scaled"}, None)


def test_a_batch_may_be_mixed_and_what_falls_back_is_decoded_exactly(tmp_path, monkeypatch):
    """One fingerprint is that of the rule: JPEGs by the GPU, everything else by Pillow."""
    items = [saved(), saved("PNG"), b"no image", saved(seed=1)]

    async def work(started):
        return await encoding(started, items, "gpu", "skip"), await encoding(started, items, "exact", "skip")

    gpu, exact = run(tmp_path, work, monkeypatch, decode="gpu")
    target = fakes.SPEC.image.preprocess
    for i in (0, 3):
        np.testing.assert_allclose(gpu.vectors[i], fakes.image_vector(Decoder()(items[i], target)), atol=1e-6)
        pixels = load_pixels(items[i], target, limits=Settings().image_limits)
        np.testing.assert_allclose(exact.vectors[i], fakes.image_vector(pixels), atol=1e-6)
    np.testing.assert_array_equal(gpu.vectors[1], exact.vectors[1])
    assert gpu.failures == exact.failures
    assert list(gpu.failures) == [2]


def test_the_cache_does_not_mix_decoders(tmp_path, monkeypatch):
    async def work(started):
        started.vectors = VectorStore(tmp_path / "vectors", size=2**24, owners=(None,))
        started.vectors.open()
        monkeypatch.setattr(started, "_repeatable", {"small"})
        counts, vectors = [], []
        for decode in ("gpu", "exact", "gpu", "exact"):
            made = await encoding(started, [saved()], decode)
            started.vectors._writer.submit(lambda: None).result(30)
            counts.append(made.cached)
            vectors.append(made.vectors.tobytes())
        started.vectors.close()
        return counts, vectors

    counts, vectors = run(tmp_path, work, monkeypatch, decode="gpu")
    assert counts == [0, 0, 1, 1]
    assert vectors[0] == vectors[2] != vectors[1] == vectors[3]


def test_a_gpu_that_fails_is_no_fault_of_the_item(tmp_path, monkeypatch):
    def failing(self, data, preprocess):
        raise ModelUnavailable("decode: the GPU has too little memory for an image")

    monkeypatch.setattr(Decoder, "__call__", failing)
    with pytest.raises(ModelUnavailable, match="too little memory"):
        run(tmp_path, lambda started: encoding(started, [saved()], "gpu", "skip"), monkeypatch, decode="gpu")
    with pytest.raises(ItemsFailed):
        run(tmp_path, lambda started: encoding(started, [b"no image"], "gpu"), monkeypatch, decode="gpu")
