"""The calls of gRPC about jobs."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import orjson
from google.protobuf.message import Message

from daguerre_proto.v1 import job_answers_pb2, jobs_pb2
from service.api.grpc import answers
from service.api.grpc.messages import job, limit
from service.jobs import Jobs
from service.pipelines import jobs as pipeline
from service.pipelines import video_jobs

Call = Callable[[Any, str | None], Awaitable[Message]]


class JobCalls:
    """What jobs answer with."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs

    def methods(self) -> Iterator[tuple[str, str, type[Any], Call]]:
        """Name, operation for the counters, the request's message, what answers."""
        yield "ListJobs", "jobs", jobs_pb2.ListJobsRequest, self._list_jobs
        yield "GetJob", "jobs", jobs_pb2.GetJobRequest, self._get_job
        yield "GetJobAnswer", "jobs", job_answers_pb2.GetJobAnswerRequest, self._get_answer
        yield "CancelJob", "jobs", jobs_pb2.CancelJobRequest, self._cancel_job

    async def _list_jobs(self, request: jobs_pb2.ListJobsRequest, owner: str | None) -> Message:
        cursor = request.cursor if request.HasField("cursor") else None
        found, following = await self._jobs.list(owner=owner, limit=limit(request.limit), cursor=cursor)
        return jobs_pb2.ListJobsResponse(jobs=[job(pipeline.said(each)) for each in found], next_cursor=following)

    async def _get_job(self, request: jobs_pb2.GetJobRequest, owner: str | None) -> Message:
        return job(pipeline.said(await self._jobs.get(request.id, owner=owner)))

    async def _get_answer(self, request: job_answers_pb2.GetJobAnswerRequest, owner: str | None) -> Message:
        operation, raw = await video_jobs.answer(self._jobs, request.id, owner=owner)
        return await asyncio.to_thread(lambda: answers.job_answer(operation, orjson.loads(raw)))

    async def _cancel_job(self, request: jobs_pb2.CancelJobRequest, owner: str | None) -> Message:
        return job(pipeline.said(await self._jobs.cancel(request.id, owner=owner)))
