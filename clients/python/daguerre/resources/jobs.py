"""Methods of the client for jobs."""

from daguerre.dispatch.retry import retried
from daguerre.session import Session
from daguerre.types.jobs import Job


class JobMethods(Session):
    """Jobs on the server; see also `Session.job` and `Session.wait`."""

    async def jobs(self) -> list[Job]:
        """List your jobs on the server, the newest first."""
        return list(await retried(self.transport.jobs, retry_for=self.limits.retry_for))

    async def cancel_job(self, id: str) -> Job:
        """Cancel a job. A job that has ended is not changed."""
        return await retried(lambda: self.transport.cancel_job(id), retry_for=self.limits.retry_for)
