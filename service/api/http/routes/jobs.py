"""HTTP routes of jobs."""

from typing import Annotated

from fastapi import FastAPI, Path, Request, Response

from service.api.http import openapi
from service.api.http.responses import Cursor, Limit, json_response
from service.context import Context
from service.pipelines import jobs as pipeline
from service.pipelines import video_jobs
from service.schemas import jobs as schema

Id = Annotated[str, Path(description="Job id from the response that created it.", examples=["job_0123456789abcdef"])]


def add(app: FastAPI, context: Context) -> None:
    """Add the routes of jobs."""

    @app.get("/v1/jobs", tags=["jobs"], summary="List jobs", response_model=schema.JobList)
    async def list_jobs(request: Request, limit: Limit = 100, cursor: Cursor = None) -> Response:
        """The caller's jobs, newest first."""
        request.state.operation = "jobs"
        found, following = await context.jobs.list(owner=request.state.owner, limit=limit, cursor=cursor)
        data = [pipeline.job_record(each) for each in found]
        return json_response(schema.JobList(data=data, next_cursor=following).model_dump())

    @app.get(
        "/v1/jobs/{id}",
        tags=["jobs"],
        summary="Status of a job",
        response_model=schema.Job,
        responses=openapi.errors(401, 404),
    )
    async def get_job(request: Request, id: Id) -> Response:
        """State, progress, and result or error of a job."""
        request.state.operation = "jobs"
        return json_response(pipeline.job_record(await context.jobs.get(id, owner=request.state.owner)).model_dump())

    @app.delete(
        "/v1/jobs/{id}",
        tags=["jobs"],
        summary="Delete a job",
        response_model=schema.Job,
        responses=openapi.errors(401, 404, 409),
    )
    async def delete_job(request: Request, id: Id) -> Response:
        """Delete a job that has ended, with its result and all its files. Cancel one that waits or runs first."""
        request.state.operation = "jobs"
        return json_response(pipeline.job_record(await context.jobs.delete(id, owner=request.state.owner)).model_dump())

    @app.get(
        "/v1/jobs/{id}/result",
        tags=["jobs"],
        summary="Result of a job",
        responses=openapi.errors(401, 404, 409),
    )
    async def get_result(request: Request, id: Id) -> Response:
        """The result of a job that has succeeded."""
        request.state.operation = "jobs"
        result, _ = await context.jobs.result(id, owner=request.state.owner)
        return json_response(dict(result))

    @app.get(
        "/v1/jobs/{id}/answer",
        tags=["jobs"],
        summary="The answer of a job of videos",
        responses=openapi.errors(401, 404, 409),
    )
    async def get_answer(request: Request, id: Id) -> Response:
        """The answer that the same request with mode `sync` would have returned."""
        request.state.operation = "jobs"
        _, raw = await video_jobs.answer(context.jobs, id, owner=request.state.owner)
        return Response(raw, media_type="application/json")

    @app.post(
        "/v1/jobs/{id}/cancel",
        tags=["jobs"],
        summary="Cancel a job",
        response_model=schema.Job,
        responses=openapi.errors(401, 404),
    )
    async def cancel_job(request: Request, id: Id) -> Response:
        """Stop a job; a finished one is unchanged."""
        request.state.operation = "jobs"
        return json_response(pipeline.job_record(await context.jobs.cancel(id, owner=request.state.owner)).model_dump())
