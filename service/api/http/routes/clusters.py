"""HTTP routes of clusterings."""

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_of, items_without_video, vectors_or_collection
from service.api.http.responses import answered, page_response, while_connected
from service.context import Context
from service.pipelines import clusters
from service.schemas import clusters as schema

Id = Annotated[str, Path(description="Id of the job that made it.", examples=["job_0123456789abcdef"])]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of clusterings."""
    bodies = Bodies.of(context)

    @app.post(
        "/v1/clusters",
        tags=["clusters"],
        summary="Cluster items",
        response_model=schema.ClusterAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*openapi.ITEM_ERRORS)},
        openapi_extra=openapi.message("ClusterRequest"),
    )
    async def cluster(request: Request) -> Response:
        """Clusters of items or of their vectors, with measures of their quality: docs/clusters.md."""
        request.state.operation = "cluster"
        owner = request.state.owner
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.ClusterRequest)
            body, vectors = await vectors_or_collection(context, body, files, owner, faces=True)
            work = clusters.submit(
                context.engine(),
                context.jobs,
                body,
                items=await items_of(body.input, files, body, context.files, request.state.owner),
                vectors=vectors,
                owner=owner,
            )
            job = await while_connected(request, context.settings.request_timeout, work)
        return await answered(
            request, context, job, body.mode, lambda: clusters.read_answer(context.jobs, job.id, owner=owner)
        )

    @app.get(
        "/v1/clusters/{id}",
        tags=["clusters"],
        summary="A finished clustering",
        response_model=schema.ClusterAnswer,
        responses=openapi.errors(401, 404, 409),
    )
    async def get_clustering(request: Request, id: Id) -> Response:
        """The clustering, available as long as its job is kept."""
        request.state.operation = "cluster"
        return Response(
            await clusters.read_answer(context.jobs, id, owner=request.state.owner), media_type="application/json"
        )

    @app.get(
        "/v1/clusters/{id}/report.html",
        tags=["clusters"],
        summary="The report as a page, without pictures",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}, **openapi.errors(401, 404, 409, 503)},
    )
    async def page(request: Request, id: Id) -> Response:
        """A self-contained HTML file."""
        request.state.operation = "cluster"
        made = clusters.page(context.engine(), context.jobs, id, items=(), mode="none", owner=request.state.owner)
        return page_response(await while_connected(request, context.settings.request_timeout, made))

    @app.post(
        "/v1/clusters/{id}/report.html",
        tags=["clusters"],
        summary="The report as a page, with pictures",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}, **openapi.errors(409, *openapi.ITEM_ERRORS)},
        openapi_extra=openapi.message("ClusterPageRequest"),
    )
    async def illustrated(request: Request, id: Id) -> Response:
        """The page with thumbnails of the images in the request, which the server does not keep."""
        request.state.operation = "cluster"
        with bodies.hold(request):
            body, files = await bodies.message(request, schema.ClusterPageRequest)
            items = await items_without_video(body.input, files, context.files, request.state.owner) or ()
            made = clusters.page(
                context.engine(), context.jobs, id, items=items, mode=body.pictures, owner=request.state.owner
            )
            return page_response(await while_connected(request, context.settings.request_timeout, made))
