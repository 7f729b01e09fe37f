"""Methods of the client for jobs."""

from daguerre.session import Session
from daguerre.transport.operations import CANCEL_JOB, DELETE_JOB, JOBS
from daguerre.types.jobs import Job


class JobMethods(Session):
    """Jobs on the server; see also `Session.job` and `Session.wait`."""

    async def jobs(self) -> list[Job]:
        """List your jobs on the server, the newest first."""
        return await self.entries(JOBS)

    async def cancel_job(self, id: str) -> Job:
        """Cancel a job. A job that has ended is not changed."""
        return await self.ask(CANCEL_JOB, {"id": id})

    async def delete_job(self, id: str) -> Job:
        """Delete a job that has ended, with its result and all its files on the server, and return it as it was.

        A classifier that it has trained, and columns and vectors of a study, are kept.

        Raises
        ------
        NotFoundError : there is no such job of yours.
        InvalidRequestError : it waits or runs, with `.code` "job_not_ended"; use `cancel_job` first.

        Examples
        --------
        >>> for job in client.jobs():
        ...     if job.kind == "video" and job.has_ended:
        ...         client.delete_job(job.id)
        """
        return await self.transport.call(DELETE_JOB, {"id": id})
