"""Embeddings, zero-shot labels, models and descriptions of images over gRPC."""

import time
from collections.abc import Sequence

import numpy as np

from daguerre.errors import APIError
from daguerre.transport.grpc.connection import GrpcConnection
from daguerre.transport.grpc.errors import encodable, expect_answer
from daguerre.transport.grpc.messages import (
    SKIP,
    field_or_none,
    made_receipt,
    model_options,
    zero_shot_request,
)
from daguerre.types.arrays import spread
from daguerre.types.common import NO_MODEL, Failure, Float, Payload
from daguerre.types.embeddings import EmbedAnswer, EmbedOptions
from daguerre.types.images import ImageDescription, ImagesAnswer
from daguerre.types.models import ModelCard, Ping
from daguerre.types.zero_shot import ZeroShotAnswer, ZeroShotOptions
from daguerre.version import check as check_version
from daguerre_proto.v1 import classifiers_pb2, common_pb2, corpus_pb2, embeddings_pb2, models_pb2, zero_shot_pb2

HEALTH = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"  # HealthCheckResponse(status=SERVING), by hand: its package would pin a protobuf for one field


class ItemCalls(GrpcConnection):
    """Requests with items, and the server's models."""

    async def embed(self, items: Sequence[Payload], options: EmbedOptions) -> EmbedAnswer:
        with encodable():
            request = embeddings_pb2.EmbedRequest(
                options=embeddings_pb2.EmbedOptions(
                    model_options=model_options(options.model, options.decode), dimensions=options.dimensions
                ),
                items=_items(items),
            )
        said, request_id = await self._call("Embed", request, embeddings_pb2.EmbedResponse)
        failures = self._failures(said.data, items)
        packed = [entry.vector for entry in said.data if not entry.HasField("error")]
        with expect_answer(self._url):
            flat = np.frombuffer(b"".join(packed), "<f4").astype(np.float32, copy=False)
            vectors = spread(flat.reshape(len(packed), said.dimension), len(said.data), failures)
        return EmbedAnswer(
            vectors=vectors,
            receipt=made_receipt(said.receipt),
            failures=failures,
            truncated=list(said.truncated),
            tokens=said.prompt_tokens,
            request_id=request_id,
        )

    async def zero_shot(self, items: Sequence[Payload], options: ZeroShotOptions) -> ZeroShotAnswer:
        with encodable():
            request = zero_shot_request(options, _items(items))
        said, request_id = await self._call("ZeroShot", request, zero_shot_pb2.ZeroShotResponse)
        failures = self._failures(said.data, items)
        good = [entry for entry in said.data if not entry.HasField("error")]

        def array(rows: Sequence[Sequence[float]], width: int) -> Float:
            with expect_answer(self._url):
                return spread(np.array(rows, np.float32).reshape(len(good), width), len(said.data), failures)

        none = None
        if options.none_of_these is not None:
            none = array([[entry.none_score] for entry in good], 1)[:, 0]
        return ZeroShotAnswer(
            labels=list(said.labels),
            best=[entry.label if entry.HasField("label") else None for entry in said.data],
            scores=array([entry.scores for entry in good], len(said.labels)),
            cosines=array([entry.cosines for entry in good], len(said.labels)),
            none_scores=none,
            templates=list(said.templates),
            negatives=list(said.negatives.values) if said.HasField("negatives") else None,
            logit_scale=said.logit_scale,
            receipt=made_receipt(said.receipt),
            failures=failures,
            truncated=list(said.truncated),
            request_id=request_id,
        )

    async def models(self) -> Sequence[ModelCard]:
        said, _ = await self._call("ListModels", models_pb2.ListModelsRequest(), models_pb2.ListModelsResponse)
        return [_card(model) for model in said.models]

    async def ping(self) -> Ping:
        started = time.perf_counter()
        answer, _ = await self._send(HEALTH, b"")
        seconds = time.perf_counter() - started
        if self._version is None:
            try:
                await self.models()
            except APIError:  # loading, or a wrong key, which /readyz does not ask for either
                if self._version is None:  # otherwise the refusal has said it
                    raise
        return Ping(version=check_version(self._version, self._url), ready=answer == SERVING, seconds=seconds)

    async def describe_images(self, items: Sequence[Payload], thumbnail: int | None, blurred: bool) -> ImagesAnswer:
        with encodable():
            posts = [classifiers_pb2.Post(text=item.text, image=item.image) for item in items]
            request = corpus_pb2.DescribeImagesRequest(input=posts, thumbnail=thumbnail, blurred=blurred, on_error=SKIP)
        said, request_id = await self._call("DescribeImages", request, corpus_pb2.DescribeImagesResponse)
        with expect_answer(self._url):
            if len(said.data) != len(items):
                raise ValueError(f"{len(said.data)} results for {len(items)} items")
        return ImagesAnswer(
            images=[None if entry.HasField("error") else _image(entry) for entry in said.data],
            receipt=NO_MODEL,
            failures={
                i: Failure(entry.error.code, entry.error.message)
                for i, entry in enumerate(said.data)
                if entry.HasField("error")
            },
            truncated=[],
            request_id=request_id,
        )


def _items(items: Sequence[Payload]) -> list[common_pb2.Item]:
    return [
        common_pb2.Item(image=item.image) if item.image is not None else common_pb2.Item(text=item.text or "")
        for item in items
    ]


def _card(model: models_pb2.Model) -> ModelCard:
    fields = {name: getattr(model, name) for name in ModelCard.__dataclass_fields__}
    for name in ("fingerprint_scaled", "max_tokens", "notice"):
        if not model.HasField(name):
            fields[name] = None
    for name in ("weights", "parity"):
        fields[name] = dict(fields[name])
    fields["modalities"] = list(model.modalities)
    fields["templates"] = list(model.templates) or None
    return ModelCard(**fields)


def _image(entry: corpus_pb2.ImageDescription) -> ImageDescription:
    return ImageDescription(
        sha256=entry.sha256,
        phash=field_or_none(entry, "phash"),
        width=entry.width,
        height=entry.height,
        thumbnail=field_or_none(entry, "thumbnail"),
    )
