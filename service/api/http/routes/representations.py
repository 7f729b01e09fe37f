"""HTTP routes of comparisons of representations."""

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import read_representations
from service.api.http.responses import answered, page_response, while_connected
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import representations
from service.schemas import representations as schema

Id = Annotated[str, Path(description="Id of the job that made it.", examples=["job_0123456789abcdef"])]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of comparisons of representations."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/representations",
        tags=["corpus"],
        summary="Compare representations by coded pairs",
        response_model=schema.RepresentationsAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.message("RepresentationsRequest", numbered=True),
    )
    async def compare(request: Request) -> Response:
        """Rank encoders, and encoders with clustering parameters, by pairs that people have coded."""
        request.state.operation = "representations"
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.RepresentationsRequest, numbered=True)
            if files.inputs:
                raise Unprocessable("input: this route takes vectors, not items; embed the items first", param="input")
            body, vectors = await read_representations(context, body, files, owner)
            work = representations.submit(context.jobs, body, vectors, owner=owner)
            job = await while_connected(request, context.settings.request_timeout, work)
        return await answered(
            request, context, job, body.mode, lambda: representations.read_answer(context.jobs, job.id, owner=owner)
        )

    @app.get(
        "/v1/representations/{id}",
        tags=["corpus"],
        summary="A finished comparison of representations",
        response_model=schema.RepresentationsAnswer,
        responses=openapi.errors(401, 404, 409),
    )
    async def get_comparison(request: Request, id: Id) -> Response:
        """The comparison, available as long as its job is kept."""
        request.state.operation = "representations"
        answer = await representations.read_answer(context.jobs, id, owner=request.state.owner)
        return Response(answer, media_type="application/json")

    @app.get(
        "/v1/representations/{id}/report.html",
        tags=["corpus"],
        summary="The report of a comparison of representations as a page",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}, **openapi.errors(401, 404, 409, 503)},
    )
    async def page(request: Request, id: Id) -> Response:
        """A self-contained HTML file with the ranking as a table and as a plot."""
        request.state.operation = "representations"
        made = representations.page(context.engine(), context.jobs, id, owner=request.state.owner)
        return page_response(await while_connected(request, context.settings.request_timeout, made))
