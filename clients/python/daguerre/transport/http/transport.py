"""The transport over HTTP: one server, one connection pool."""

import asyncio
import json
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from daguerre.errors import APIError, ConnectError, ItemError, of_status
from daguerre.inputs.pieces import Sendable, pieces, size_of
from daguerre.transport.addresses import is_loopback, proxy_note, without_password
from daguerre.transport.base import Request, Transport, expect_answer
from daguerre.transport.http.body import request_body
from daguerre.transport.loops import ByLoop
from daguerre.transport.operations import UPLOAD, Operation
from daguerre.types.common import Content
from daguerre.types.models import Ping
from daguerre.version import __version__
from daguerre.version import check as check_version

QUOTED = 200  # characters of an answer that is not from Daguerre
GOOD = (200, 201, 202)
QUERY = {"with_vectors": "vectors", "with_thumbnails": "thumbnails"}  # names in addresses of fields of gRPC
PATH_FIELD = re.compile(r"{(\w+)}")


class HttpTransport(Transport):
    """One server over HTTP.

    Parameters
    ----------
    concurrency : requests that may be under way at once.
    client : used in place of a client of the transport's own; closed with the transport.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None,
        timeout: float,
        concurrency: int,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        if not isinstance(client, httpx.AsyncClient | None):
            raise TypeError(f"http_client: got {type(client).__name__}; give an httpx.AsyncClient")
        super().__init__(without_password(url.rstrip("/")))
        self._address = url.rstrip("/")
        self._version: str | None = None
        self._headers = {"user-agent": f"daguerre-python/{__version__}"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key}"
        self._timeout = httpx.Timeout(timeout, connect=min(timeout, 10.0))
        limits = httpx.Limits(max_connections=concurrency + 2, max_keepalive_connections=concurrency + 2)
        self._own = client is None
        self._clients = ByLoop(
            lambda: _http_client(self._address, limits) if client is None else client, httpx.AsyncClient.aclose
        )
        if client is None:
            _check_proxies(self._address)

    async def close(self) -> None:
        await self._clients.close()

    async def upload(self, source: Sendable, name: str) -> Content:
        headers = {"content-type": "application/octet-stream", "content-length": str(size_of(source))}
        answer = await self._good(UPLOAD.method, UPLOAD.path, headers, params={"name": name}, content=pieces(source))
        with expect_answer(self.url):
            return UPLOAD.read(self._content(UPLOAD, answer.content), None)

    async def ping(self) -> Ping:
        started = time.perf_counter()
        answer = await self._send("GET", "/readyz")
        seconds = time.perf_counter() - started
        version = check_version(answer.headers.get("daguerre-version"), self.url)
        if answer.status_code not in (200, 503):
            raise self._refusal(answer)
        return Ping(version=version, ready=answer.status_code == 200, seconds=seconds)

    async def _send_request(self, request: Request) -> tuple[bytes, str | None]:
        operation, fields, items = request.operation, request.fields, request.items
        named = PATH_FIELD.findall(operation.path)
        path = operation.path.format_map({name: _part(name, str(fields[name])) for name in named})
        rest = {name: value for name, value in fields.items() if name not in named}
        if operation.method == "GET" or (not rest and items is None):
            params = {
                QUERY.get(name, name): json.dumps(value) if isinstance(value, Mapping) else value
                for name, value in rest.items()
            }
            answer = await self._good(operation.method, path, params=params)
        else:
            if items is not None and all(item.image is None for item in items):  # texts are small
                content, kind = request_body(request, rest)
            else:
                content, kind = await asyncio.to_thread(request_body, request, rest)
            answer = await self._good(operation.method, path, {"content-type": kind}, content=content)
        return answer.content, answer.headers.get("x-request-id")

    def _content(self, operation: Operation[Any], answer: bytes) -> Content:
        content: Content = {operation.body: answer} if operation.body else json.loads(answer)
        return content

    async def _good(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        answer = await self._send(method, path, headers, **request)
        if answer.status_code not in GOOD:
            raise self._refusal(answer)
        if self._version is None:
            self._version = check_version(answer.headers.get("daguerre-version"), self.url)
        return answer

    async def _send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **request: Any
    ) -> httpx.Response:
        client = self._clients.current()
        try:
            answer = await client.request(
                method,
                self._address + path,
                headers={**self._headers, **(headers or {})},
                timeout=self._timeout,
                follow_redirects=False,
                **request,
            )
            self.answered = True
            return answer
        except RuntimeError as exc:
            if self._own or "loop" not in str(exc):
                raise
            raise RuntimeError(
                "http_client= keeps the connections of the event loop in which it was first used; make a client of "
                "httpx, and a client with it, in each event loop"
            ) from exc
        except httpx.TimeoutException as exc:
            raise ConnectError(
                f"{self.url} did not answer in time ({type(exc).__name__}); is it there, or is `timeout` too short?"
                f"{self._proxy}",
                code="no_answer",
            ) from exc
        except (httpx.HTTPError, httpx.InvalidURL) as exc:
            nobody = self.nobody_note(isinstance(exc, httpx.ConnectError))
            way = nobody or f"is the service running, and the address right?{self._proxy}"
            raise ConnectError(
                f"{self.url} cannot be reached: {exc or type(exc).__name__}; {way}",
                code="unreachable",
                nobody=bool(nobody) and not self.patient,
            ) from exc

    @property
    def _proxy(self) -> str:
        """A sentence about the proxy that requests go through; empty with a client of the user's own."""
        return proxy_note(self._address) if self._own else ""

    def _refusal(self, answer: httpx.Response) -> APIError:
        """The server's error; a proxy's page is quoted."""
        status, retry_after = answer.status_code, _seconds(answer.headers.get("retry-after"))
        try:
            error = json.loads(answer.content)["error"]
            return of_status(status)(
                error["message"],
                code=error["code"],
                status=status,
                request_id=error["request_id"],
                param=error["param"],
                items=[_item(item) for item in error["items"]],
                retry_after=retry_after,
            )
        except (ValueError, KeyError, TypeError):
            pass  # not from Daguerre: below
        if 300 <= status < 400:
            where = answer.headers.get("location", "nowhere")
            message = f"{self.url} sends us on to {where[:QUOTED]}, and redirects are not followed; use that address"
        else:
            message = f"{self.url} answered {status}, not in Daguerre's form: {answer.text[:QUOTED]!r}"
        return of_status(status)(
            message + self._proxy,
            code="not_daguerre",
            status=status,
            request_id=answer.headers.get("x-request-id"),
            retry_after=retry_after,
        )


def _http_client(url: str, limits: httpx.Limits) -> httpx.AsyncClient:
    """A client that goes past proxies to this machine itself: a proxy elsewhere cannot reach it."""
    if is_loopback(urlsplit(url).hostname):
        secure = httpx.create_ssl_context() if url.startswith("https:") else True  # reads SSL_CERT_FILE all the same
        return httpx.AsyncClient(limits=limits, trust_env=False, verify=secure)
    return httpx.AsyncClient(limits=limits)


def _check_proxies(url: str) -> None:
    """Raise ValueError where a proxy of the environment cannot be used."""
    if not proxy_note(url):
        return
    try:
        httpx.AsyncClient(verify=False)  # nothing is sent
    except (ImportError, ValueError) as exc:
        raise ValueError(f"{without_password(url)} cannot be reached: {exc}{proxy_note(url)}") from exc


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


def _part(name: str, value: str) -> str:
    """A part of a path, escaped. Raises ValueError for one that addresses read as a folder."""
    if value in (".", ".."):
        raise ValueError(f"{name}: {value!r} cannot be part of an address; nothing on the server has such a name")
    return quote(value, safe="@")
