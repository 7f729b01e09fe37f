"""gRPC methods of annotation: samples, pairs, agreement, comparisons of clusterings."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from google.protobuf.message import Message
from pydantic import BaseModel

from daguerre_proto.v1 import corpus_pb2
from models.stopping import Check
from service.api.grpc.inputs import read, vectors_of
from service.api.grpc.messages import filled
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import annotation
from service.schemas import annotation as schema


class AnnotationMethods:
    """Methods for samples, pairs, agreement and comparisons of clusterings."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "DrawSample", "samples", corpus_pb2.SampleRequest, self._sample
        yield (
            "DrawPairs",
            "pairs",
            corpus_pb2.PairsRequest,
            partial(self._computed, schema.PairsRequest, annotation.draw_pairs, corpus_pb2.PairsResponse),
        )
        yield (
            "MeasureAgreement",
            "agreement",
            corpus_pb2.AgreementRequest,
            partial(
                self._computed, schema.AgreementRequest, annotation.measure_agreement, corpus_pb2.AgreementResponse
            ),
        )
        yield "CompareClusterings", "comparisons", corpus_pb2.ComparisonRequest, self._compare

    async def _computed(
        self,
        options: type[BaseModel],
        compute: Callable[[Any, Check], BaseModel],
        kind: type[Message],
        request: Message,
        owner: str | None,
    ) -> Message:
        checked = await read(self._context, options, request)
        return await self._context.engine().compute(lambda check: filled(kind, compute(checked, check).model_dump()))

    async def _sample(self, request: corpus_pb2.SampleRequest, owner: str | None) -> Message:
        vectors = vectors_of(request.vectors, self._context.files, owner)
        compute = partial(annotation.draw_sample, vectors=vectors)
        return await self._computed(schema.SampleRequest, compute, corpus_pb2.Sample, request, owner)

    async def _compare(self, request: corpus_pb2.ComparisonRequest, owner: str | None) -> Message:
        checked = await read(self._context, schema.ComparisonRequest, request)
        answer = await self._context.engine().compute(lambda check: annotation.compare_clusterings(checked, check))
        return corpus_pb2.ComparisonResponse(answer_json=answer.model_dump_json())
