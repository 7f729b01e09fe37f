"""Methods of the client for jobs."""

from daguerre.session import Session
from daguerre.transport.operations import CANCEL_JOB, JOBS
from daguerre.types.jobs import Job


class JobMethods(Session):
    """Jobs on the server; see `Session.job` and `Session.wait` too."""

    async def jobs(self) -> list[Job]:
        """Your jobs on the server, the newest first."""
        return await self.entries(JOBS)

    async def cancel_job(self, id: str) -> Job:
        """Stop a job; one that has ended stays as it is."""
        return await self.ask(CANCEL_JOB, {"id": id})
