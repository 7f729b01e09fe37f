"""HTTP: items as multipart uploads or JSON, answers as JSON with vectors in base64."""

import asyncio
import json
import time
from base64 import b64decode
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import numpy as np

from daguerre import version
from daguerre.errors import APIError, ConnectError, ItemError, of_status
from daguerre.http_body import Understood, entries, failures_of, form, model_fields, zero_shot_fields
from daguerre.http_clips import Watched
from daguerre.types.arrays import spread
from daguerre.types.common import Payload, receipt
from daguerre.types.embeddings import EmbedAnswer, EmbedOptions
from daguerre.types.models import ModelCard, Ping
from daguerre.types.zero_shot import ZeroShotAnswer, ZeroShotOptions

QUOTED = 200  # characters of an answer that is not ours
JSON = {"content-type": "application/json"}


class HttpTransport(Watched):
    """One server over HTTP. `concurrency` requests may be under way at once."""

    def __init__(self, url: str, *, api_key: str | None, timeout: float, concurrency: int) -> None:
        self._url = url.rstrip("/")
        self._version: str | None = None
        headers = {"user-agent": f"daguerre-python/{version.__version__}"}
        if api_key:
            headers["authorization"] = f"Bearer {api_key}"
        self._client = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
            limits=httpx.Limits(max_connections=concurrency + 2, max_keepalive_connections=concurrency + 2),
        )

    async def embed(self, items: Sequence[Payload], options: EmbedOptions) -> EmbedAnswer:
        fields = model_fields(options.model, options.decode, dimensions=options.dimensions, encoding_format="base64")
        said, request_id = await self._post("/v1/embeddings", fields, items)
        with self._understood():
            data = entries(said, items)
            failures = failures_of(data)
            packed = [b64decode(entry["embedding"]) for entry in data if "error" not in entry]
            width = len(packed[0]) // 4 if packed else 0
            vectors = np.frombuffer(b"".join(packed), "<f4").reshape(len(packed), width).astype(np.float32, copy=False)
            return EmbedAnswer(
                vectors=spread(vectors, len(data), failures),
                receipt=receipt(said["receipt"]),
                failures=failures,
                truncated=said["truncated"],
                tokens=said["usage"]["prompt_tokens"],
                request_id=request_id,
            )

    async def zero_shot(self, items: Sequence[Payload], options: ZeroShotOptions) -> ZeroShotAnswer:
        fields = zero_shot_fields(options)
        said, request_id = await self._post("/v1/zero-shot", fields, items)
        with self._understood():
            data = entries(said, items)
            failures = failures_of(data)
            good = [entry for entry in data if "error" not in entry]
            k = len(said["labels"])

            def array(name: str) -> np.ndarray[Any, np.dtype[np.float32]]:
                found = np.array([entry[name] for entry in good], np.float32).reshape(len(good), k)
                return spread(found, len(data), failures)

            none = None
            if options.none_of_these is not None:
                scores = np.array([entry["none_score"] for entry in good], np.float32)
                none = spread(scores[:, None], len(data), failures)[:, 0]
            return ZeroShotAnswer(
                labels=said["labels"],
                best=[entry.get("label") for entry in data],
                scores=array("scores"),
                cosines=array("cosines"),
                none_scores=none,
                templates=said["templates"],
                negatives=said["negatives"],
                logit_scale=said["logit_scale"],
                receipt=receipt(said["receipt"]),
                failures=failures,
                truncated=said["truncated"],
                request_id=request_id,
            )

    async def models(self) -> Sequence[ModelCard]:
        said, _ = await self._ask("GET", "/v1/models")
        with self._understood():
            names = ModelCard.__dataclass_fields__
            return [ModelCard(**{name: card[name] for name in names}) for card in said["data"]]

    async def ping(self) -> Ping:
        started = time.perf_counter()
        answer = await self._send("GET", "/readyz")
        seconds = time.perf_counter() - started
        found = version.check(answer.headers.get("daguerre-version"), self._url)
        if answer.status_code not in (200, 503):
            raise self._refusal(answer)
        return Ping(version=found, ready=answer.status_code == 200, seconds=seconds)

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
        with self._understood():
            said = json.loads(answer.content)
        return said, answer.headers.get("x-request-id")

    async def _good(self, method: str, path: str, **what: Any) -> httpx.Response:
        answer = await self._send(method, path, **what)
        if answer.status_code not in (200, 201, 202):
            raise self._refusal(answer)
        if self._version is None:
            self._version = version.check(answer.headers.get("daguerre-version"), self._url)
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

    def _understood(self) -> Understood:
        return Understood(self._url)


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
