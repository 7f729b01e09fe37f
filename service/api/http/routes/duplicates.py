"""HTTP routes of duplicates."""

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_without_video, vectors_or_collection
from service.api.http.responses import answered, while_connected
from service.context import Context
from service.pipelines import duplicates
from service.schemas.duplicates import DuplicatesAnswer, DuplicatesRequest

Id = Annotated[str, Path(description="Id of the job that made it.", examples=["job_0123456789abcdef"])]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of duplicates."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/duplicates",
        tags=["clusters"],
        summary="Find duplicates",
        response_model=DuplicatesAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.message("DuplicatesRequest"),
    )
    async def find_duplicates(request: Request) -> Response:
        """Groups of identical files, near-identical images or semantically similar items, each with one to keep."""
        request.state.operation = "duplicates"
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, DuplicatesRequest)
            body, vectors = await vectors_or_collection(context, body, files, owner, faces=True)
            work = duplicates.submit(
                context.engine(),
                context.jobs,
                body,
                items=await items_without_video(body.input, files, context.files, request.state.owner),
                vectors=vectors,
                owner=owner,
            )
            job = await while_connected(request, context.settings.request_timeout, work)
        return await answered(
            request, context, job, body.mode, lambda: duplicates.read_answer(context.jobs, job.id, owner=owner)
        )

    @app.get(
        "/v1/duplicates/{id}",
        tags=["clusters"],
        summary="Finished duplicates",
        response_model=DuplicatesAnswer,
        responses=openapi.errors(401, 404, 409),
    )
    async def get_duplicates(request: Request, id: Id) -> Response:
        """The duplicates, available as long as their job is kept."""
        request.state.operation = "duplicates"
        return Response(
            await duplicates.read_answer(context.jobs, id, owner=request.state.owner), media_type="application/json"
        )
