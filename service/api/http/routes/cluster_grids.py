"""HTTP routes of grids of clusterings."""

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_of, vectors_or_collection
from service.api.http.responses import answered, page_response, while_connected
from service.context import Context
from service.pipelines import cluster_grids
from service.schemas import cluster_grids as schema

Id = Annotated[str, Path(description="Id of the job that made it.", examples=["job_0123456789abcdef"])]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of grids of clusterings."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/cluster-grids",
        tags=["clusters"],
        summary="Cluster items with many combinations of parameters",
        response_model=schema.ClusterGridAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.message("ClusterGridRequest"),
    )
    async def cluster_grid(request: Request) -> Response:
        """A table with a row for each clustering: clusters, silhouette, stability, sizes."""
        request.state.operation = "cluster_grid"
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.ClusterGridRequest)
            body, vectors = await vectors_or_collection(context, body, files, owner, faces=True)
            work = cluster_grids.submit(
                context.engine(),
                context.jobs,
                body,
                items=await items_of(body.input, files, body, context.files, owner),
                vectors=vectors,
                owner=owner,
            )
            job = await while_connected(request, context.settings.request_timeout, work)
        return await answered(
            request, context, job, body.mode, lambda: cluster_grids.read_answer(context.jobs, job.id, owner=owner)
        )

    @app.get(
        "/v1/cluster-grids/{id}",
        tags=["clusters"],
        summary="A finished grid of clusterings",
        response_model=schema.ClusterGridAnswer,
        responses=openapi.errors(401, 404, 409),
    )
    async def get_grid(request: Request, id: Id) -> Response:
        """The grid, available as long as its job is kept."""
        request.state.operation = "cluster_grid"
        answer = await cluster_grids.read_answer(context.jobs, id, owner=request.state.owner)
        return Response(answer, media_type="application/json")

    @app.get(
        "/v1/cluster-grids/{id}/report.html",
        tags=["clusters"],
        summary="The report of a grid of clusterings as a page",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}, **openapi.errors(401, 404, 409, 503)},
    )
    async def page(request: Request, id: Id) -> Response:
        """A self-contained HTML file with the grid as a table and as a plot."""
        request.state.operation = "cluster_grid"
        made = cluster_grids.page(context.engine(), context.jobs, id, owner=request.state.owner)
        return page_response(await while_connected(request, context.settings.request_timeout, made))
