"""A small model with true processors and no network: vectors are drawn at random from what is encoded, and only that.

An oracle asks `text_vector` and `image_vector` for the same vectors, without batches, threads or pipelines.
"""

import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, pre_tokenizers
from tokenizers import models as tokenizer_models

from models.catalog.folder import write_manifest
from models.catalog.spec import ImageTower, ModelSpec, Source, TextTower, ZeroShotHead
from models.images.preprocess import Preprocess
from service.inference.batching import Batcher, Key
from service.inference.engine import Engine
from service.inference.sessions import Served
from service.settings import Settings

DIMENSION = 12
SPEC = ModelSpec(
    name="small",
    description="A model for tests.",
    source=Source(kind="folder", locator="small", revision="1", weights={"none": "0" * 64}),
    licence="none",
    dimension=DIMENSION,
    image=ImageTower(
        preprocess=Preprocess(size=16, resize="squash"), mean=(0.0,) * 3, std=(1.0,) * 3, pooling="average"
    ),
    text=TextTower(max_tokens=64, pooling="mean", buckets=(8, 16, 32, 64)),
    zero_shot=ZeroShotHead(
        activation="softmax", logit_scale=10.0, templates=("{}", "a photo of {}"), negatives=("something else",)
    ),
)


def drawn(array: np.ndarray) -> np.ndarray:
    """A raw vector that is the array's own, (12,) float32; not of length 1."""
    seed = [int(n) for n in np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8)]
    return np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)


def unit(x: np.ndarray) -> np.ndarray:
    x = np.asarray(x, np.float64)
    return x / np.sqrt((x**2).sum(-1, keepdims=True))


def _tokenizer() -> Tokenizer:
    """A token for each byte."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(tokenizer_models.BPE(vocab={c: i for i, c in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return tokenizer


_TOKENS = _tokenizer()


def text_vector(text: str) -> np.ndarray:
    """The unit vector of one text, (12,) float64."""
    return unit(drawn(np.array(_TOKENS.encode(text).ids[:64], np.int64)))


def label_vector(label: str, templates: Sequence[str]) -> np.ndarray:
    return unit(np.mean([text_vector(template.replace("{}", label)) for template in templates], axis=0))


def image_vector(pixels: np.ndarray) -> np.ndarray:
    return unit(drawn(pixels))


def model_folder(path: Path, spec: ModelSpec = SPEC) -> Path:
    """Write the model's folder."""
    path.mkdir()
    for modality in spec.modalities:
        (path / f"{modality}.onnx").write_bytes(b"nobody runs it")
    _TOKENS.save(str(path / "tokenizer.json"))
    write_manifest(path, spec, parity={}, made_with={})
    return path


class Here:
    """A placement that draws vectors. `open` lets batches run; `fails` says which rows cannot."""

    provider = "NoExecutionProvider"

    def __init__(self, *, capacity: int = 4096, lanes: int = 2, fails: Callable[[Key, np.ndarray], None] | None = None):
        self.open = threading.Event()
        self.open.set()
        self.ran: list[tuple[Key, int]] = []
        self.fails = fails
        self._batcher = Batcher(self._run, max_batch=lambda key: 4, capacity=capacity, lanes=lanes)

    def _run(self, key: Key, rows: Sequence[np.ndarray], alone: bool) -> np.ndarray:
        assert self.open.wait(30)
        self.ran.append((key, len(rows)))
        for row in rows:
            if self.fails:
                self.fails(key, row)
        return np.stack([drawn(row) for row in rows])

    async def start(self, served: Served) -> None: ...

    def batcher(self, modality: str) -> Batcher:
        return self._batcher

    def close(self) -> None:
        self.open.set()
        self._batcher.close()


@asynccontextmanager
async def engine(
    tmp_path: Path, *, placement: Here | None = None, settings: Any = (), **spec: Any
) -> AsyncIterator[Engine]:
    """An engine of the small model, started. `spec` changes its row, `settings` the settings."""
    path = tmp_path / f"small-{len(list(tmp_path.iterdir()))}"
    model_folder(path, replace(SPEC, **spec))
    placement = placement or Here()
    made = Engine(Settings(models=(str(path),), analysers=(), home=tmp_path, **dict(settings)), placement)
    try:
        await made.start()
        placement.ran.clear()  # the warm-up
        yield made
    finally:
        made.close()
