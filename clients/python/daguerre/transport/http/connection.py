"""Connection to one server over HTTP: requests, and errors for answers that are none."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx

from daguerre.errors import APIError, ConnectError, ItemError, of_status
from daguerre.transport.http.body import expect_answer, form
from daguerre.types.common import Payload
from daguerre.types.embeddings import VectorBlock
from daguerre.version import __version__
from daguerre.version import check as check_version

QUOTED = 200  # characters of an answer that is not ours
JSON = {"content-type": "application/json"}
PAGE = 1000  # entries of a list that are asked for at once


class HttpConnection:
    """One server over HTTP. `concurrency` requests may be under way at once."""

    def __init__(self, url: str, *, api_key: str | None, timeout: float, concurrency: int) -> None:
        self._url = url.rstrip("/")
        self._version: str | None = None
        headers = {"user-agent": f"daguerre-python/{__version__}"}
        if api_key:
            headers["authorization"] = f"Bearer {api_key}"
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(max_connections=concurrency + 2, max_keepalive_connections=concurrency + 2),
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def _post(
        self, path: str, fields: Mapping[str, Any], items: Sequence[Payload]
    ) -> tuple[dict[str, Any], str | None]:
        if any(item.image is not None for item in items):
            content, kind = await asyncio.to_thread(form, fields, items)
            return await self._ask("POST", path, content=content, headers={"content-type": kind})
        body = {**fields, "input": [{"text": item.text} for item in items]}
        return await self._ask("POST", path, content=json.dumps(body).encode(), headers=JSON)

    async def _ask(self, method: str, path: str, **what: Any) -> tuple[dict[str, Any], str | None]:
        answer = await self._good(method, path, **what)
        with expect_answer(self._url):
            said = json.loads(answer.content)
        return said, answer.headers.get("x-request-id")

    async def _good(self, method: str, path: str, **what: Any) -> httpx.Response:
        answer = await self._send(method, path, **what)
        if answer.status_code not in (200, 201, 202):
            raise self._refusal(answer)
        if self._version is None:
            self._version = check_version(answer.headers.get("daguerre-version"), self._url)
        return answer

    async def _send(self, method: str, path: str, **what: Any) -> httpx.Response:
        try:
            return await self._client.request(method, self._url + path, **what)
        except httpx.TimeoutException as exc:
            raise ConnectError(
                f"{self._url} did not answer in time ({type(exc).__name__}); is it there, or is `timeout` too short?",
                code="no_answer",
            ) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            raise ConnectError(
                f"{self._url} cannot be reached: {exc or type(exc).__name__}; is the service running, and the address "
                "right?",
                code="unreachable",
            ) from exc

    def _refusal(self, answer: httpx.Response) -> APIError:
        """What the server said no with; a proxy's page is quoted."""
        status = answer.status_code
        request_id = answer.headers.get("x-request-id")
        try:
            error = json.loads(answer.content)["error"]
            return of_status(status)(
                error["message"],
                code=error["code"],
                status=status,
                request_id=error["request_id"],
                param=error["param"],
                items=[_item(item) for item in error["items"]],
                retry_after=_seconds(answer.headers.get("retry-after")),
            )
        except (ValueError, KeyError, TypeError):
            pass  # no Daguerre wrote this: below
        if 300 <= status < 400:
            where = answer.headers.get("location", "nowhere")
            said = f"{self._url} sends us on to {where[:QUOTED]}, and redirects are not followed; use that address"
        else:
            said = f"{self._url} answered {status}, not in Daguerre's form: {answer.text[:QUOTED]!r}"
        return of_status(status)(
            said,
            code="not_daguerre",
            status=status,
            request_id=request_id,
            retry_after=_seconds(answer.headers.get("retry-after")),
        )

    async def _post_json(self, path: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        body = await asyncio.to_thread(lambda: json.dumps(fields).encode())
        return (await self._ask("POST", path, content=body, headers=JSON))[0]

    async def _every(self, path: str) -> list[Mapping[str, Any]]:
        """All entries of a list, page by page."""
        found: list[Mapping[str, Any]] = []
        params: dict[str, Any] = {"limit": PAGE}
        while True:
            said, _ = await self._ask("GET", path, params=params)
            with expect_answer(self._url):
                found += said["data"]
                if said["next_cursor"] is None:
                    return found
                params["cursor"] = said["next_cursor"]

    async def _with_vectors(
        self, path: str, fields: Mapping[str, Any], vectors: Sequence[VectorBlock]
    ) -> tuple[dict[str, Any], str | None]:
        said = {**fields, "vectors": [block_fields(each) for each in vectors]}
        arrays = {f"{each.modality}_vectors": each.rows for each in vectors if each.file is None}
        content, kind = await asyncio.to_thread(lambda: form({"request": json.dumps(said)}, (), arrays))
        return await self._ask("POST", path, content=content, headers={"content-type": kind})


def block_fields(block: VectorBlock) -> dict[str, Any]:
    """What vectors are, without their numbers; with the file that has them, if one does."""
    said = {
        "modality": block.modality,
        "model": block.model,
        "fingerprint": block.fingerprint,
        "dimension": block.rows.shape[1],
        "receipt": asdict(block.receipt),
    }
    return said if block.file is None else {**said, "file": block.file}


def classifier_path(label: str) -> str:
    """The address of a classifier."""
    return f"/v1/classifiers/{quote(label, safe='@')}"


def _item(item: Mapping[str, Any]) -> ItemError:
    return ItemError(item["index"], item["id"] or str(item["index"]), item["code"], item["message"])


def _seconds(value: str | None) -> float | None:
    """Retry-After: seconds, or a date."""
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass  # then it is a date
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None  # neither: as if it were not there
