"""A transport that is no server: the vector of an image is a function of its bytes alone."""

import asyncio
import hashlib
from pathlib import Path

import numpy as np

from daguerre import AsyncClient
from daguerre.results.corpus import CorpusSummary
from daguerre.transport.operations import MODELS
from daguerre.types.common import Failure, Receipt
from daguerre.types.embeddings import EmbedAnswer
from daguerre.types.models import ModelCard

DIMENSION = 8


def vector(data: bytes) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(data).digest(), np.uint32).astype(np.float32) / 2**32


class ByBytes:
    """Images that begin with "bad" fail, those with "many" hold several pictures.

    Attributes
    ----------
    sent : the images that were asked for, in order.
    broken : number of requests that are refused first.
    """

    width = 1

    def __init__(self, fingerprint: str = "f", *, delay: float = 0.0, broken: int = 0) -> None:
        self.receipt = Receipt("m", "r", fingerprint, "fp32", "CPU", "exact", False)
        self.sent: list[bytes] = []
        self.delay, self.broken = delay, broken

    async def call(self, operation, fields=None, *, items=(), vectors=()):
        if operation is MODELS:
            known = {"id": "m", "dimension": DIMENSION, "fingerprint": self.receipt.fingerprint, "decode": "exact"}
            return [ModelCard(**{**dict.fromkeys(ModelCard.__dataclass_fields__), **known})]
        images = [item.image + (repr(item.crop).encode() if item.crop else b"") for item in items]
        await asyncio.sleep(self.delay)
        if self.broken:
            self.broken -= 1
            raise RuntimeError("broken off")
        self.sent += images
        return EmbedAnswer(
            vectors=np.stack([vector(image) for image in images]),
            receipt=self.receipt,
            failures={i: Failure("bad", "is bad") for i, image in enumerate(images) if image.startswith(b"bad")},
            truncated=[],
            first_of_many=[i for i, image in enumerate(images) if image.startswith(b"many")],
            tokens=0,
            request_id=None,
        )

    async def close(self) -> None:
        pass


def embed(source, out, transport: ByBytes | None = None, **options) -> CorpusSummary:
    """embed_corpus with this transport."""

    async def run() -> CorpusSummary:
        limits = {name: options.pop(name) for name in ("chunk_items", "in_flight") if name in options}
        async with AsyncClient("http://localhost:1", progress=False, **limits) as client:
            await client.transport.close()
            client.transport = transport or ByBytes()
            return await client.embed_corpus(source, out, **options)

    return asyncio.run(run())


def folder_of(path: Path, contents: dict[str, bytes]) -> Path:
    """A folder of files."""
    for name, data in contents.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path
