"""Methods of the client for jobs."""

from daguerre.session import Session
from daguerre.transport.operations import CANCEL_JOB, JOBS
from daguerre.types.jobs import Job


class JobMethods(Session):
    """Jobs on the server; see also `Session.job` and `Session.wait`."""

    async def jobs(self) -> list[Job]:
        """List your jobs on the server, the newest first."""
        return await self.entries(JOBS)

    async def cancel_job(self, id: str) -> Job:
        """Cancel a job. A job that has ended is not changed."""
        return await self.ask(CANCEL_JOB, {"id": id})
