"""Jobs over gRPC."""

from collections.abc import Sequence

from daguerre.transport.grpc.connection import PAGE, GrpcConnection
from daguerre.transport.grpc.errors import encodable
from daguerre.transport.grpc.messages import job_of
from daguerre.types.jobs import Job
from daguerre_proto.v1 import jobs_pb2


class JobCalls(GrpcConnection):
    """Jobs on the server."""

    async def jobs(self) -> Sequence[Job]:
        found: list[Job] = []
        cursor = None
        while True:
            request = jobs_pb2.ListJobsRequest(limit=PAGE, cursor=cursor)
            said, _ = await self._call("ListJobs", request, jobs_pb2.ListJobsResponse)
            found += [job_of(each) for each in said.jobs]
            if not said.HasField("next_cursor"):
                return found
            cursor = said.next_cursor

    async def job(self, id: str) -> Job:
        with encodable():
            request = jobs_pb2.GetJobRequest(id=id)
        return job_of((await self._call("GetJob", request, jobs_pb2.Job))[0])

    async def cancel_job(self, id: str) -> Job:
        with encodable():
            request = jobs_pb2.CancelJobRequest(id=id)
        return job_of((await self._call("CancelJob", request, jobs_pb2.Job))[0])
