"""Requests to the chat endpoints of remote labellers: limits, retries, and answers that are read with suspicion.

Redirects are not followed, proxies of the environment are not used, certificates are verified. The key is in one header
of the request; it is removed from whatever the endpoint says.
"""

import asyncio
import contextlib
import json
import logging
import math
import random
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from models.errors import quoted
from service.inference.endpoint_texts import BROKEN, has_half, whole, without, without_keys
from service.inference.fair_turns import FairTurns
from service.inference.labellers import RemoteLabeller
from service.inference.no_answer import NoAnswer
from service.metrics import LABELLER_REQUESTS

if TYPE_CHECKING:
    import httpx

BACKOFF, MOST_BACKOFF = 0.5, 20.0  # seconds before the first and before later tries
LEAST = -1e9  # log-probability of a token that cannot be
MOST_TOKENS = 2**40  # of an answer, so that sums are integers of JSON
QUOTED = 200  # characters of an endpoint's error that are quoted


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer of the chat endpoint.

    Attributes
    ----------
    text : content of the message; None where there is none.
    refusal : the model's refusal in its own words.
    tokens : of the prompt and of the answer, where the endpoint told them.
    logprobs : for each token of the answer its text, its log-probability, and those of the most probable tokens in its
        place; None where the endpoint gave none.
    error : code and message, where the texts cannot be used; half of a surrogate pair is U+FFFD in all texts.
    """

    text: str | None
    refusal: str | None = None
    finish_reason: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    logprobs: Sequence[tuple[str, float, Mapping[str, float]]] | None = None
    date: float = 0.0
    error: tuple[str, str] | None = None


class Endpoint:
    """The chat endpoint of one labeller, in one event loop.

    Parameters
    ----------
    processes : number of processes that share the labeller's limits; each has an equal share.
    """

    def __init__(self, labeller: RemoteLabeller, processes: int = 1) -> None:
        self.labeller = labeller
        rate = labeller.requests_per_minute
        self._turns = FairTurns(max(1, labeller.concurrency // processes), None if rate is None else rate / processes)
        self._client: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def ask(self, body: Mapping[str, Any], *, caller: str | None) -> Reply:
        """The reply to one request, which is tried again where that may help. Raises NoAnswer."""
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        for number in range(1, self.labeller.tries + 1):
            try:
                async with self._turns.turn(caller):
                    reply = await self._once(content)
                LABELLER_REQUESTS.labels(self.labeller.name, "answered").inc()
                return reply
            except NoAnswer as exc:
                LABELLER_REQUESTS.labels(self.labeller.name, exc.code).inc()
                if not exc.again:
                    raise
                if number == self.labeller.tries:
                    raise NoAnswer(
                        exc.code, f"{exc.message}, {number} times; send the item again later", again=True
                    ) from None
                await self._wait(number, exc.wait)
        raise AssertionError

    async def _wait(self, number: int, asked: float | None) -> None:
        """Wait before the next try: as long as the endpoint asks for, within the labeller's limit, or longer each time.

        What the endpoint asks for holds for all callers.
        """
        if asked is not None:
            seconds = min(asked, self.labeller.longest_wait)
            self._turns.pause(seconds)
        else:
            seconds = min(BACKOFF * 2 ** (number - 1), MOST_BACKOFF, self.labeller.longest_wait)
            seconds *= random.uniform(0.5, 1.0)
        await asyncio.sleep(seconds)

    async def _once(self, content: bytes) -> Reply:
        import httpx

        host = self.labeller.host
        try:
            key = self.labeller.key()
        except ValueError as exc:
            raise NoAnswer("labeller_refused", f"{self.labeller.name}: {exc}", everywhere=True) from None
        headers = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        try:
            async with asyncio.timeout(self.labeller.timeout):
                async with self._opened().stream(
                    "POST", f"{self.labeller.address}/chat/completions", content=content, headers=headers
                ) as answer:
                    return await self._read(answer, key)
        except (TimeoutError, httpx.TimeoutException):
            raise NoAnswer(
                "labeller_unreachable", f"{host} did not answer within {self.labeller.timeout:g} s", again=True
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ssl.SSLError) as exc:
            reason = without(key, str(exc) or type(exc).__name__)
            raise NoAnswer(
                "labeller_unreachable", f"{host} cannot be reached ({reason[:QUOTED]})", again=True
            ) from None

    async def _read(self, answer: "httpx.Response", key: str | None) -> Reply:
        host, status = self.labeller.host, answer.status_code
        raw = bytearray()
        most = self.labeller.max_answer_bytes
        async for piece in answer.aiter_raw():
            raw += piece
            if len(raw) > most:
                break
        text = bytes(raw[:most]).decode("utf-8", "replace")
        if status != 200:
            raise _refused(host, status, without(key, text), answer.headers.get("retry-after"))
        kind = without(key, answer.headers.get("content-type", "")).partition(";")[0].strip().lower()
        if len(raw) > most:
            raise _invalid(f"{host} answered with more than {most:,} bytes")
        if kind == "text/event-stream":
            raise _invalid(f"{host} answered with a stream, although none was asked for")
        if kind != "application/json" and not kind.endswith("+json"):
            raise _invalid(f"{host} answered with {kind[:60] or 'no content type'}, not application/json")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise _invalid(f"{host} answered with a compressed body, although none was asked for")
        return _reply(host, text, key)

    def _opened(self) -> "httpx.AsyncClient":
        if self._client is None:
            import httpx

            logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request
            one = self.labeller
            secure = httpx.create_ssl_context(trust_env=False)
            if one.ca_file is not None:
                secure.load_verify_locations(str(one.ca_file))
            self._client = httpx.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                verify=secure,
                proxy=one.proxy,
                timeout=httpx.Timeout(one.timeout, connect=min(one.timeout, 10.0)),
                limits=httpx.Limits(max_connections=one.concurrency, max_keepalive_connections=one.concurrency),
            )
        return self._client


def _refused(host: str, status: int, text: str, retry_after: str | None) -> NoAnswer:
    """The error of an answer with another status than 200."""
    about = f"{host} answered {status}"
    if 300 <= status < 400:
        return NoAnswer(
            "labeller_refused",
            f"{about}, a redirect, and none is followed; the owner sets the address",
            everywhere=True,
        )
    said = f": {quoted(' '.join(text[:QUOTED].split()))}" if text.strip() else ""
    if status in (408, 409, 425, 429) or status >= 500:
        code = "labeller_busy" if status == 429 else "labeller_failed"
        return NoAnswer(code, about + said, again=True, wait=_seconds(retry_after))
    return NoAnswer("labeller_refused", about + said, everywhere=status in (401, 402, 403, 404, 405))


def _invalid(message: str) -> NoAnswer:
    return NoAnswer("invalid_answer", message)


def _reply(host: str, text: str, key: str | None) -> Reply:
    """Read the body of an answer. Raises NoAnswer."""
    try:
        content = json.loads(text, parse_constant=lambda _: None)
        message = content["choices"][0]["message"]
        broken = has_half([message.get("content"), message.get("refusal")])
        content = whole(content)
        if key is not None and without(key, text) != text:
            content = without_keys(key, content)
        choice = content["choices"][0]
        message = choice["message"]
        body, refusal = message.get("content"), message.get("refusal")
        if not isinstance(body, str | None) or not isinstance(refusal, str | None):
            raise TypeError("content is no text")
        usage = content.get("usage") or {}
        return Reply(
            text=body,
            refusal=refusal,
            finish_reason=_text(choice.get("finish_reason")),
            model=_text(content.get("model")),
            system_fingerprint=_text(content.get("system_fingerprint")),
            prompt_tokens=_count(usage.get("prompt_tokens")),
            completion_tokens=_count(usage.get("completion_tokens")),
            logprobs=_logprobs(choice.get("logprobs"), key),
            date=time.time(),
            error=("invalid_answer", f"{BROKEN}: {quoted(body or refusal)}") if broken else None,
        )
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise _invalid(
            f"{host} answered with something else than a chat completion: {quoted(without(key, text)[:QUOTED])}"
        ) from None


def _logprobs(given: Any, key: str | None) -> Sequence[tuple[str, float, Mapping[str, float]]] | None:
    """Log-probabilities of the tokens; None where they are in another form, or have the key in several tokens."""
    found = []
    with contextlib.suppress(LookupError, TypeError, AttributeError, ValueError, OverflowError):
        for each in given["content"]:
            top = {str(one["token"]): _logprob(one) for one in each.get("top_logprobs") or ()}
            found.append((str(each["token"]), _logprob(each), top))
        told = "".join(text for text, _, _ in found)
        return found if found and without(key, told) == told else None
    return None


def _logprob(token: Any) -> float:
    """A log-probability; minus infinity, which JSON cannot write, is the least number. Raises ValueError for NaN."""
    value = float(token["logprob"])
    if math.isnan(value):
        raise ValueError
    return max(min(value, 0.0), LEAST)


def _text(given: Any) -> str | None:
    return given[:300] if isinstance(given, str) else None


def _count(given: Any) -> int | None:
    return given if isinstance(given, int) and not isinstance(given, bool) and 0 <= given < MOST_TOKENS else None


def _seconds(value: str | None) -> float | None:
    """Retry-After: seconds, or a date."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return max(0.0, seconds) if seconds == seconds else None
