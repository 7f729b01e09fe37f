"""gRPC methods of comparisons of faces."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from google.protobuf.message import Message
from pydantic import BaseModel

from daguerre_proto.v1 import face_comparison_pb2 as pb
from models.stopping import Check
from service.api.grpc.inputs import read, read_vectors
from service.api.grpc.methods.base import Method
from service.context import Context
from service.inference.engine import Engine
from service.pipelines import face_comparison as pipeline
from service.pipelines.answers import to_json
from service.pipelines.items import VectorInput
from service.schemas import face_comparison as schema

R = TypeVar("R", bound=schema.FaceComparison)


class FaceComparisonMethods:
    """Methods for comparisons of faces."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "MatchFaces", "faces", pb.FaceMatchesRequest, self._match
        yield "GroupPersons", "faces", pb.PersonsRequest, self._persons
        yield "VerifyFaces", "faces", pb.VerificationRequest, self._verify

    async def _match(self, request: pb.FaceMatchesRequest, owner: str | None) -> Message:
        targets = [request.targets] if request.HasField("targets") else []
        return pb.FaceMatchesResponse(
            answer_json=await self._answer(
                request,
                schema.FaceMatchesRequest,
                targets,
                owner,
                lambda engine, body, faces, wanted, check: pipeline.match_faces(
                    engine, body, faces, pipeline.one_block(wanted, "targets"), check
                ),
            )
        )

    async def _persons(self, request: pb.PersonsRequest, owner: str | None) -> Message:
        return pb.PersonsResponse(
            answer_json=await self._answer(
                request,
                schema.PersonsRequest,
                [],
                owner,
                lambda engine, body, faces, _, check: pipeline.group(engine, body, faces, check),
            )
        )

    async def _verify(self, request: pb.VerificationRequest, owner: str | None) -> Message:
        return pb.VerificationResponse(
            answer_json=await self._answer(
                request,
                schema.VerificationRequest,
                [],
                owner,
                lambda engine, body, faces, _, check: pipeline.verification(engine, body, faces, check),
            )
        )

    async def _answer(
        self,
        request: Any,
        kind: type[R],
        targets: Sequence[Any],
        owner: str | None,
        work: Callable[[Engine, R, VectorInput, Sequence[VectorInput], Check], BaseModel],
    ) -> str:
        context = self._context
        engine = context.engine()
        pipeline.require(engine)
        wanted = await read_vectors(context, targets, owner, faces=True, param="targets") or ()
        faces = pipeline.one_block(await read_vectors(context, request.vectors, owner, faces=True))
        body = await read(context, kind, request, without=("targets",))
        return await engine.compute(
            lambda check: to_json(work(engine, body, faces, wanted, check).model_dump()).decode()
        )
