"""Methods of the client for jobs."""

from daguerre.dispatch.retry import retried
from daguerre.session import Session
from daguerre.types.jobs import Job


class JobMethods(Session):
    """Jobs on the server; see `Session.job` and `Session.wait` too."""

    async def jobs(self) -> list[Job]:
        """Your jobs on the server, the newest first."""
        return list(await retried(self.transport.jobs, retry_for=self.limits.retry_for))

    async def cancel_job(self, id: str) -> Job:
        """Stop a job; one that has ended stays as it is."""
        return await retried(lambda: self.transport.cancel_job(id), retry_for=self.limits.retry_for)
