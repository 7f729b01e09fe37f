"""The HTTP routes of clusterings and duplicates: decode, call one pipeline, encode."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.bodies import Bodies
from service.api.http.inputs import items_of, items_without_video, vectors_of
from service.api.http.responses import json_response, page_response, while_connected
from service.inference.engine import Engine
from service.jobs import Job, Jobs
from service.pipelines import clusters, duplicates
from service.pipelines import jobs as jobs_pipeline
from service.schemas import clusters as schema
from service.schemas.common import Mode
from service.schemas.duplicates import DuplicatesAnswer, DuplicatesRequest
from service.settings import Settings
from service.stores.files import FileStore
from service.tasks.duplicates import ANSWER as DUPLICATES

Id = Annotated[str, Path(description="That of the job which made it.", examples=["job_0123456789abcdef"])]
_REFUSALS = (400, 401, 404, 413, 415, 422, 429, 503, 504)


def add(
    app: FastAPI, settings: Settings, bodies: Bodies, engine: Callable[[], Engine], jobs: Jobs, store: FileStore
) -> None:
    """Add the routes to `app`."""

    @app.post(
        "/v1/clusters",
        tags=["clusters"],
        summary="Group items",
        response_model=schema.ClusterAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*_REFUSALS)},
        openapi_extra=openapi.message("ClusterRequest"),
    )
    async def cluster(request: Request) -> Response:
        """Clusters of items or of their vectors, with everything that it takes to defend them: docs/clusters.md."""
        request.state.operation = "cluster"
        owner = request.state.owner
        with bodies.hold(request):
            said, files = await bodies.message(request, schema.ClusterRequest)
            work = clusters.begin(
                engine(),
                jobs,
                said,
                posts=await items_of(said.input, files, said, store, request.state.owner),
                vectors=await asyncio.to_thread(vectors_of, said.vectors, files, store, owner),
                owner=owner,
            )
            job = await while_connected(request, settings.request_timeout, work)
        return await _answered(request, job, said.mode, lambda: clusters.raw(jobs, job.id, owner=owner))

    @app.get(
        "/v1/clusters/{id}",
        tags=["clusters"],
        summary="A clustering made before",
        response_model=schema.ClusterAnswer,
        responses=openapi.errors(401, 404, 409),
    )
    async def get_clustering(request: Request, id: Id) -> Response:
        """As long as its job is known."""
        request.state.operation = "cluster"
        return Response(await clusters.raw(jobs, id, owner=request.state.owner), media_type="application/json")

    @app.get(
        "/v1/clusters/{id}/report.html",
        tags=["clusters"],
        summary="The report as a page, without pictures",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}, **openapi.errors(401, 404, 409, 503)},
    )
    async def page(request: Request, id: Id) -> Response:
        """One file, which needs no network."""
        request.state.operation = "cluster"
        return page_response(await clusters.page(engine(), jobs, id, posts=(), mode="none", owner=request.state.owner))

    @app.post(
        "/v1/clusters/{id}/report.html",
        tags=["clusters"],
        summary="The report as a page, with pictures",
        response_class=Response,
        responses={200: {"content": {"text/html": {}}}, **openapi.errors(409, *_REFUSALS)},
        openapi_extra=openapi.message("ClusterPageRequest"),
    )
    async def illustrated(request: Request, id: Id) -> Response:
        """The same with small versions of the images that you send; the server keeps none of them."""
        request.state.operation = "cluster"
        with bodies.hold(request):
            said, files = await bodies.message(request, schema.ClusterPageRequest)
            posts = await items_without_video(said.input, files, store, request.state.owner) or ()
            made = clusters.page(engine(), jobs, id, posts=posts, mode=said.pictures, owner=request.state.owner)
            return page_response(await while_connected(request, settings.request_timeout, made))

    @app.post(
        "/v1/duplicates",
        tags=["clusters"],
        summary="Find duplicates",
        response_model=DuplicatesAnswer,
        responses={**openapi.AS_JOB, **openapi.errors(*_REFUSALS)},
        openapi_extra=openapi.message("DuplicatesRequest"),
    )
    async def find_duplicates(request: Request) -> Response:
        """Groups of the same file, of nearly the same picture, or of the same meaning; each with one to keep."""
        request.state.operation = "duplicates"
        owner = request.state.owner
        with bodies.hold(request):
            said, files = await bodies.message(request, DuplicatesRequest)
            work = duplicates.begin(
                engine(),
                jobs,
                said,
                posts=await items_without_video(said.input, files, store, request.state.owner),
                vectors=await asyncio.to_thread(vectors_of, said.vectors, files, store, owner),
                owner=owner,
            )
            job = await while_connected(request, settings.request_timeout, work)
        return await _answered(request, job, said.mode, lambda: _duplicates(job.id, owner))

    @app.get(
        "/v1/duplicates/{id}",
        tags=["clusters"],
        summary="Duplicates found before",
        response_model=DuplicatesAnswer,
        responses=openapi.errors(401, 404, 409),
    )
    async def get_duplicates(request: Request, id: Id) -> Response:
        """As long as their job is known."""
        request.state.operation = "duplicates"
        return Response(await _duplicates(id, request.state.owner), media_type="application/json")

    async def _duplicates(id: str, owner: str | None) -> bytes:
        return await clusters.raw(jobs, id, owner=owner, name=DUPLICATES, what="duplicates")

    async def _answered(request: Request, job: Job, mode: Mode, read: Callable[[], Awaitable[bytes]]) -> Response:
        """The job at once, or what it has made once it has."""
        if mode == "job":
            return json_response(jobs_pipeline.said(job).model_dump(), status=202)
        ended = jobs_pipeline.awaited(jobs, job, owner=request.state.owner)
        await while_connected(request, settings.request_timeout, ended)
        return Response(await read(), media_type="application/json")
