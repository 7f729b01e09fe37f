"""HTTP routes of comparisons of faces."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from fastapi import FastAPI, Request, Response
from pydantic import BaseModel

from models.stopping import Check
from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import block, read_vectors
from service.api.http.responses import while_connected
from service.context import Context
from service.errors import Unprocessable
from service.inference.engine import Engine
from service.pipelines import face_comparison as pipeline
from service.pipelines.answers import to_json
from service.pipelines.face_blocks import check_face_vectors
from service.pipelines.items import VectorInput
from service.schemas import face_comparison as schema

R = TypeVar("R", bound=schema.FaceComparison)
STATUSES = (400, 401, 403, 404, 413, 415, 422, 429, 503, 504)


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of comparisons of faces."""
    bodies = Bodies.of(context)

    async def compare(
        request: Request,
        kind: type[R],
        work: Callable[[Engine, R, VectorInput, Sequence[VectorInput], Check], BaseModel],
    ) -> Response:
        request.state.operation = "faces"
        engine = context.engine()
        pipeline.require(engine)
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, kind)
            if files.inputs:
                raise Unprocessable("input: this route takes vectors; make them with face_vectors first", param="input")
            faces = pipeline.one_block(await read_vectors(context, body.vectors, files, owner, faces=True))
            targets: list[VectorInput] = []
            if (header := getattr(body, "targets", None)) is not None:
                read = partial(block, header, None, context.files, owner, name="targets")
                targets = [await context.parsing.compute(lambda check: read(check=check))]
                check_face_vectors(context.settings, engine, targets, taken=True, param="targets")
            answer = engine.compute(lambda check: to_json(work(engine, body, faces, targets, check).model_dump()))
            return Response(
                await while_connected(request, context.settings.request_timeout, answer), media_type="application/json"
            )

    @app.post(
        "/v1/faces/matches",
        tags=["faces"],
        summary="Compare target faces with other faces",
        response_model=schema.FaceMatchesAnswer,
        responses=openapi.errors(*STATUSES),
        openapi_extra=openapi.message("FaceMatchesRequest"),
    )
    async def match(request: Request) -> Response:
        """The nearest faces to each target by the cosine of their vectors, and which of them count as one person."""
        return await compare(
            request,
            schema.FaceMatchesRequest,
            lambda engine, body, faces, targets, check: pipeline.match_faces(
                engine, body, faces, pipeline.one_block(targets, "targets"), check
            ),
        )

    @app.post(
        "/v1/faces/persons",
        tags=["faces"],
        summary="Group faces of one person",
        response_model=schema.PersonsAnswer,
        responses=openapi.errors(*STATUSES),
        openapi_extra=openapi.message("PersonsRequest"),
    )
    async def persons(request: Request) -> Response:
        """Groups of faces by average linkage of their vectors, around corrections by hand. Groups are numbers."""
        return await compare(
            request,
            schema.PersonsRequest,
            lambda engine, body, faces, targets, check: pipeline.group(engine, body, faces, check),
        )

    @app.post(
        "/v1/faces/verification",
        tags=["faces"],
        summary="Measure errors of the comparison of faces",
        response_model=schema.VerificationAnswer,
        responses=openapi.errors(*STATUSES),
        openapi_extra=openapi.message("VerificationRequest"),
    )
    async def verification(request: Request) -> Response:
        """False match and false non-match rates on coded pairs, with intervals, over thresholds and by group."""
        return await compare(
            request,
            schema.VerificationRequest,
            lambda engine, body, faces, targets, check: pipeline.verification(engine, body, faces, check),
        )
