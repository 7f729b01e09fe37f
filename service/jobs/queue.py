"""Jobs for pipelines: submit, get, list, cancel and delete. Every call is short and runs in a thread."""

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.errors import quoted
from service.errors import BadRequest, Conflict, NotFound
from service.jobs.folders import RESULTS
from service.jobs.kinds import KINDS, Kind, Lane
from service.jobs.table import Job, Table
from service.settings import Settings
from service.stores.claims import claim, release

LOOK = 0.1  # seconds between the first checks of a job that a caller waits for
FILLED_AT_ONCE = 2  # jobs whose files, of perhaps a gigabyte, are written at once
LONGEST_PAUSE = 1.0  # seconds between later checks


class Jobs:
    """The jobs of a service, in any of its processes."""

    def __init__(self, settings: Settings, *, kinds: Mapping[str, Kind] = KINDS) -> None:
        self.table = Table(
            settings.home,
            most_queued=settings.max_jobs,
            keep_days=settings.job_days,
            shared=len(set(settings.keys())) > 1,
        )
        self._filling = ThreadPoolExecutor(FILLED_AT_ONCE, thread_name_prefix="job-files")
        self._kinds = kinds

    async def submit(
        self,
        kind: str,
        params: Mapping[str, Any],
        *,
        owner: str | None,
        fill: Callable[[Path], None] | None = None,
        lane: Lane | None = None,
        alone: Sequence[str] = (),
    ) -> Job:
        """Queue a new job. `fill` writes files into its folder, which is removed at its end. Raises Overloaded.

        `lane` replaces the lane of the kind, for a job that takes longer than others of its kind. `alone` names
        parameters: Conflict is raised while a job of this kind with the same values of them waits or runs.
        """

        def work() -> Job:
            self.table.check_places(owner)  # before the files are written
            id = self.table.new_id()
            folder = self.table.folder(id)
            folder.mkdir(mode=0o700)
            while not claim(folder):  # removed as if it were left by a killed process
                with suppress(FileExistsError):  # which exist_ok raises where it is removed meanwhile
                    folder.mkdir(mode=0o700)
            try:
                if fill:
                    fill(folder)
                return self.table.add(id, kind, lane or self._kinds[kind].lane, params, owner, alone=alone)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            finally:
                release(folder)

        return await asyncio.get_running_loop().run_in_executor(self._filling, work)

    async def get(self, id: str, *, owner: str | None) -> Job:
        """The job. Raises NotFound, also for a job of another owner."""
        job = await asyncio.to_thread(self.table.get, id)
        if job is None or (job.owner is not None and job.owner != owner):
            raise _unknown(id)
        return job

    async def list(
        self, *, owner: str | None, limit: int = 100, cursor: str | None = None
    ) -> tuple[Sequence[Job], str | None]:
        """Jobs, the newest first, and the cursor of the next page."""
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
            raise BadRequest(
                f"cursor: {quoted(cursor)} is not valid; use next_cursor of the previous page", param="cursor"
            )
        before = None if cursor is None else int(cursor)
        jobs = await asyncio.to_thread(self.table.newest, owner, limit + 1, before)
        return jobs[:limit], str(jobs[limit - 1].place) if len(jobs) > limit else None

    async def cancel(self, id: str, *, owner: str | None) -> Job:
        """Stop a job: at once if it is queued, soon if it runs. A job that has ended is not changed."""
        await self.get(id, owner=owner)
        await asyncio.to_thread(self.table.cancel, id)
        return await self.get(id, owner=owner)

    async def delete(self, id: str, *, owner: str | None) -> Job:
        """Delete a job that has ended, with its result and all its files. Raises Conflict, NotFound.

        A request that reads the result at this moment has the whole of it, or NotFound.
        """
        job = await self.get(id, owner=owner)
        if not job.has_ended:
            raise Conflict(
                f"job: {id} is {job.state}, and only a job that has ended can be deleted; cancel it first (POST "
                f"/v1/jobs/{id}/cancel)",
                code="job_not_ended",
                param="id",
            )
        if not await asyncio.to_thread(self.table.delete, id):
            raise _unknown(id)
        return job

    async def result(self, id: str, *, owner: str | None) -> tuple[Mapping[str, Any], Path]:
        """The result of a successful job, and the folder of its files, if any. Raises Conflict, NotFound."""
        job = await self.get(id, owner=owner)
        if job.result is None:
            rest = {"failed": f" ({job.error_code}: {job.error_message})", "cancelled": ""}
            advice = rest.get(job.state, "; ask again once its state is succeeded")
            raise Conflict(f"job: {id} is {job.state} and has no result{advice}", code="no_result", param="id")
        return job.result, self.table.folder(id) / RESULTS

    async def read(self, id: str, name: str, *, owner: str | None) -> tuple[Mapping[str, Any], bytes | None]:
        """The result of a successful job, and the content of one of its files, if it is there.

        Raises Conflict, NotFound, the latter also where the job is deleted meanwhile.
        """
        result, folder = await self.result(id, owner=owner)
        try:
            return result, await asyncio.to_thread((folder / name).read_bytes)
        except FileNotFoundError:
            await self.get(id, owner=owner)
            return result, None

    async def ended(self, id: str, *, owner: str | None) -> Job:
        """Wait until the job has ended. If the wait is cancelled, so is the job."""
        pause = LOOK
        try:
            while not (job := await self.get(id, owner=owner)).has_ended:
                await asyncio.sleep(pause)
                pause = min(1.2 * pause, LONGEST_PAUSE)
            return job
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.to_thread(self.table.cancel, id))
            raise


def _unknown(id: str) -> NotFound:
    return NotFound(
        f"job: there is no {quoted(id)} here; ended jobs are kept for some days, and GET /v1/jobs lists them",
        code="unknown_job",
        param="id",
    )
