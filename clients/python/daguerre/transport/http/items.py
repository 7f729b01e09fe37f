"""Embeddings, zero-shot labels, models and descriptions of images over HTTP."""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daguerre.transport.http.body import entries, expect_answer, failures_of, form, model_fields, zero_shot_fields
from daguerre.transport.http.connection import HttpConnection
from daguerre.types.arrays import spread
from daguerre.types.common import NO_MODEL, Payload, receipt
from daguerre.types.embeddings import EmbedAnswer, EmbedOptions
from daguerre.types.images import ImageDescription, ImagesAnswer
from daguerre.types.models import ModelCard, Ping
from daguerre.types.zero_shot import ZeroShotAnswer, ZeroShotOptions
from daguerre.version import check as check_version


class ItemCalls(HttpConnection):
    """Requests with items, and the server's models."""

    async def embed(self, items: Sequence[Payload], options: EmbedOptions) -> EmbedAnswer:
        fields = model_fields(options.model, options.decode, dimensions=options.dimensions, encoding_format="base64")
        said, request_id = await self._post("/v1/embeddings", fields, items)
        with expect_answer(self._url):
            data = entries(said, items)
            failures = failures_of(data)
            packed = [b64decode(entry["embedding"]) for entry in data if "error" not in entry]
            width = len(packed[0]) // 4 if packed else 0
            vectors = np.frombuffer(b"".join(packed), "<f4").reshape(len(packed), width).astype(np.float32, copy=False)
            return EmbedAnswer(
                vectors=spread(vectors, len(data), failures),
                receipt=receipt(said["receipt"]),
                failures=failures,
                truncated=said["truncated"],
                tokens=said["usage"]["prompt_tokens"],
                request_id=request_id,
            )

    async def zero_shot(self, items: Sequence[Payload], options: ZeroShotOptions) -> ZeroShotAnswer:
        fields = zero_shot_fields(options)
        said, request_id = await self._post("/v1/zero-shot", fields, items)
        with expect_answer(self._url):
            data = entries(said, items)
            failures = failures_of(data)
            good = [entry for entry in data if "error" not in entry]
            k = len(said["labels"])

            def array(name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
                found = np.array([entry[name] for entry in good], np.float32).reshape(len(good), k)
                return spread(found, len(data), failures)

            none = None
            if options.none_of_these is not None:
                scores = np.array([entry["none_score"] for entry in good], np.float32)
                none = spread(scores[:, None], len(data), failures)[:, 0]
            return ZeroShotAnswer(
                labels=said["labels"],
                best=[entry.get("label") for entry in data],
                scores=array("scores"),
                cosines=array("cosines"),
                none_scores=none,
                templates=said["templates"],
                negatives=said["negatives"],
                logit_scale=said["logit_scale"],
                receipt=receipt(said["receipt"]),
                failures=failures,
                truncated=said["truncated"],
                request_id=request_id,
            )

    async def models(self) -> Sequence[ModelCard]:
        said, _ = await self._ask("GET", "/v1/models")
        with expect_answer(self._url):
            names = ModelCard.__dataclass_fields__
            return [ModelCard(**{name: card[name] for name in names}) for card in said["data"]]

    async def ping(self) -> Ping:
        started = time.perf_counter()
        answer = await self._send("GET", "/readyz")
        seconds = time.perf_counter() - started
        found = check_version(answer.headers.get("daguerre-version"), self._url)
        if answer.status_code not in (200, 503):
            raise self._refusal(answer)
        return Ping(version=found, ready=answer.status_code == 200, seconds=seconds)

    async def describe_images(self, items: Sequence[Payload], thumbnail: int | None, blurred: bool) -> ImagesAnswer:
        fields = {"thumbnail": thumbnail, "blurred": blurred, "on_error": "skip"}
        content, kind = await asyncio.to_thread(lambda: form({"request": json.dumps(fields)}, items))
        said, request_id = await self._ask("POST", "/v1/images", content=content, headers={"content-type": kind})
        with expect_answer(self._url):
            data = entries(said, items)
            return ImagesAnswer(
                images=[None if entry.get("error") else _image(entry) for entry in data],
                receipt=NO_MODEL,
                failures=failures_of(data),
                truncated=[],
                request_id=request_id,
            )


def _image(entry: Mapping[str, Any]) -> ImageDescription:
    small = entry.get("thumbnail")
    return ImageDescription(
        sha256=entry["sha256"],
        phash=entry.get("phash"),
        width=entry["width"],
        height=entry["height"],
        thumbnail=None if small is None else b64decode(small),
    )
