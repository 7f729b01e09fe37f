"""gRPC methods of jobs."""

from collections.abc import Iterator

import orjson
from google.protobuf.message import Message

from daguerre_proto.v1 import job_answers_pb2, jobs_pb2
from service.api.grpc import answers
from service.api.grpc.messages import job, limit
from service.api.grpc.methods.base import Method
from service.context import Context
from service.pipelines import jobs as pipeline
from service.pipelines import video_jobs


class JobMethods:
    """Methods for jobs."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "ListJobs", "jobs", jobs_pb2.ListJobsRequest, self._list_jobs
        yield "GetJob", "jobs", jobs_pb2.GetJobRequest, self._get_job
        yield "GetJobAnswer", "jobs", job_answers_pb2.GetJobAnswerRequest, self._get_answer
        yield "CancelJob", "jobs", jobs_pb2.CancelJobRequest, self._cancel_job
        yield "DeleteJob", "jobs", jobs_pb2.DeleteJobRequest, self._delete_job

    async def _list_jobs(self, request: jobs_pb2.ListJobsRequest, owner: str | None) -> Message:
        cursor = request.cursor if request.HasField("cursor") else None
        found, following = await self._context.jobs.list(owner=owner, limit=limit(request.limit), cursor=cursor)
        return jobs_pb2.ListJobsResponse(jobs=[job(pipeline.job_record(each)) for each in found], next_cursor=following)

    async def _get_job(self, request: jobs_pb2.GetJobRequest, owner: str | None) -> Message:
        return job(pipeline.job_record(await self._context.jobs.get(request.id, owner=owner)))

    async def _get_answer(self, request: job_answers_pb2.GetJobAnswerRequest, owner: str | None) -> Message:
        operation, raw = await video_jobs.answer(self._context.jobs, request.id, owner=owner)
        return await self._context.engine().compute(lambda check: answers.job_answer(operation, orjson.loads(raw)))

    async def _cancel_job(self, request: jobs_pb2.CancelJobRequest, owner: str | None) -> Message:
        return job(pipeline.job_record(await self._context.jobs.cancel(request.id, owner=owner)))

    async def _delete_job(self, request: jobs_pb2.DeleteJobRequest, owner: str | None) -> Message:
        return job(pipeline.job_record(await self._context.jobs.delete(request.id, owner=owner)))
