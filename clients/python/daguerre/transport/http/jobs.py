"""Jobs over HTTP."""

from collections.abc import Sequence
from urllib.parse import quote

from daguerre.transport.http.body import expect_answer
from daguerre.transport.http.connection import HttpConnection
from daguerre.types.jobs import Job, job


class JobCalls(HttpConnection):
    """Jobs on the server."""

    async def jobs(self) -> Sequence[Job]:
        found = await self._every("/v1/jobs")
        with expect_answer(self._url):
            return [job(each) for each in found]

    async def job(self, id: str) -> Job:
        said, _ = await self._ask("GET", f"/v1/jobs/{quote(id, safe='')}")
        with expect_answer(self._url):
            return job(said)

    async def cancel_job(self, id: str) -> Job:
        said, _ = await self._ask("POST", f"/v1/jobs/{quote(id, safe='')}/cancel")
        with expect_answer(self._url):
            return job(said)
