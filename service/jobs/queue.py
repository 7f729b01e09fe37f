"""Jobs, as pipelines use them: submit, look, cancel. Every call is short, and runs in a thread."""

import asyncio
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from service.errors import BadRequest, Conflict, NotFound, quoted
from service.jobs.kinds import KINDS, Kind, Lane
from service.jobs.table import RESULTS, Job, Table
from service.settings import Settings

LOOK = 0.1  # seconds between two looks at a job that is waited for
ASK_AT_MOST = 1.0


class Jobs:
    """The jobs of a service, in whatever process."""

    def __init__(self, settings: Settings, *, kinds: Mapping[str, Kind] = KINDS) -> None:
        self.table = Table(settings.home, most_queued=settings.max_jobs, keep_days=settings.job_days)
        self._kinds = kinds

    async def submit(
        self,
        kind: str,
        params: Mapping[str, Any],
        *,
        owner: str | None,
        fill: Callable[[Path], None] | None = None,
        lane: Lane | None = None,
    ) -> Job:
        """A new job, queued. `fill` puts files into its folder, which goes when it ends. Raises Overloaded.

        `lane` is in place of the kind's, where this one takes longer than others of its kind.
        """

        def work() -> Job:
            id = self.table.new_id()
            folder = self.table.folder(id)
            folder.mkdir(mode=0o700)
            try:
                if fill:
                    fill(folder)
                return self.table.add(id, kind, lane or self._kinds[kind].lane, params, owner)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise

        return await asyncio.to_thread(work)

    async def get(self, id: str, *, owner: str | None) -> Job:
        """Raises NotFound, also for what is somebody else's."""
        found = await asyncio.to_thread(self.table.get, id)
        if found is None or (found.owner is not None and found.owner != owner):
            raise NotFound(
                f"job: there is no {quoted(id)} here; ended jobs are kept for some days", code="unknown_job", param="id"
            )
        return found

    async def list(
        self, *, owner: str | None, limit: int = 100, cursor: str | None = None
    ) -> tuple[Sequence[Job], str | None]:
        """The newest first, and the cursor for what follows."""
        if cursor is not None and not (cursor.isascii() and cursor.isdecimal() and len(cursor) < 19):
            raise BadRequest(f"cursor: {quoted(cursor)} is none; take it from next_cursor", param="cursor")
        before = None if cursor is None else int(cursor)
        found = await asyncio.to_thread(self.table.newest, owner, limit + 1, before)
        return found[:limit], str(found[limit - 1].place) if len(found) > limit else None

    async def cancel(self, id: str, *, owner: str | None) -> Job:
        """Stop it: at once if it waits, soon if it runs; one that has ended stays as it is."""
        await self.get(id, owner=owner)
        await asyncio.to_thread(self.table.cancel, id)
        return await self.get(id, owner=owner)

    async def result(self, id: str, *, owner: str | None) -> tuple[Mapping[str, Any], Path]:
        """What a job that succeeded gave, and the folder of its files, if there are any. Raises Conflict, NotFound."""
        found = await self.get(id, owner=owner)
        if found.result is None:
            rest = {"failed": f" ({found.error_code}: {found.error_message})", "cancelled": ""}
            advice = rest.get(found.state, "; ask again once its state is succeeded")
            raise Conflict(f"job: {id} is {found.state} and has no result{advice}", code="no_result", param="id")
        return found.result, self.table.folder(id) / RESULTS

    async def ended(self, id: str, *, owner: str | None) -> Job:
        """The job once it has ended. Cancelled, it cancels the job: nobody waits for it any more."""
        pause = LOOK
        try:
            while not (found := await self.get(id, owner=owner)).has_ended:
                await asyncio.sleep(pause)
                pause = min(1.2 * pause, ASK_AT_MOST)
            return found
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.to_thread(self.table.cancel, id))
            raise
