"""gRPC methods of annotation: samples, pairs, agreement, comparisons of clusterings."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from google.protobuf.message import Message
from pydantic import BaseModel

from daguerre_proto.v1 import corpus_pb2
from models.stopping import Check
from service.api.grpc.inputs import read, vectors_or_collection
from service.api.grpc.messages import filled
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import annotation, coders, scales
from service.schemas import annotation as schema
from service.schemas import coders as groups_schema
from service.schemas import scales as scales_schema


class AnnotationMethods:
    """Methods for samples, pairs, agreement, comparisons, groups of coders, crowds and scales."""

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
        yield (
            "CompareCoderGroups",
            "coder_groups",
            corpus_pb2.CoderGroupsRequest,
            partial(
                self._as_json,
                groups_schema.CoderGroupsRequest,
                coders.compare_groups,
                corpus_pb2.CoderGroupsResponse,
            ),
        )
        yield (
            "ReconcileCrowd",
            "crowds",
            corpus_pb2.CrowdRequest,
            partial(self._as_json, groups_schema.CrowdRequest, coders.reconcile_crowd, corpus_pb2.CrowdResponse),
        )
        drawn = partial(
            self._computed,
            scales_schema.ComparisonPairsRequest,
            scales.draw_pairs,
            corpus_pb2.ComparisonPairsResponse,
        )
        yield "DrawComparisonPairs", "comparison_pairs", corpus_pb2.ComparisonPairsRequest, drawn
        fitted = partial(self._computed, scales_schema.ScaleRequest, scales.scale, corpus_pb2.ScaleResponse)
        yield "Scale", "scales", corpus_pb2.ScaleRequest, fitted

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
        checked = await read(self._context, schema.SampleRequest, request)
        checked, vectors = await vectors_or_collection(self._context, checked, request.vectors, owner)
        compute = partial(annotation.draw_sample, vectors=vectors, classifiers=self._context.classifiers)
        return await self._context.engine().compute(
            lambda check: filled(corpus_pb2.Sample, compute(checked, check=check).model_dump())
        )

    async def _compare(self, request: corpus_pb2.ComparisonRequest, owner: str | None) -> Message:
        kind = corpus_pb2.ComparisonResponse
        return await self._as_json(schema.ComparisonRequest, annotation.compare_clusterings, kind, request, owner)

    async def _as_json(
        self,
        options: type[BaseModel],
        compute: Callable[[Any, Check], BaseModel],
        kind: Callable[..., Message],
        request: Message,
        owner: str | None,
    ) -> Message:
        """The answer of HTTP as JSON, in a message with that one field."""
        checked = await read(self._context, options, request)
        text = await self._context.engine().compute(lambda check: compute(checked, check).model_dump_json())
        return kind(answer_json=text)
