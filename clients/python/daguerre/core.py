"""The heart of the SDK: any number of items in chunks, several requests in flight, in order, in bounded memory."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar, cast

import numpy as np

from daguerre.chunks import Chunks, Puller, Taken, read_all
from daguerre.errors import (
    APIError,
    ConnectError,
    FingerprintMismatchError,
    OverloadedError,
    ServerTimeoutError,
    TooLargeError,
    UnavailableError,
)
from daguerre.inputs.source import Source, Unreadable
from daguerre.types.arrays import stack
from daguerre.types.common import A, Answer, Failure, Payload
from daguerre.types.embeddings import EmbedAnswer
from daguerre.types.images import ImagesAnswer
from daguerre.types.predictions import PredictAnswer
from daguerre.types.zero_shot import ZeroShotAnswer

T = TypeVar("T")
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0  # seconds; each try may wait up to twice as long as the one before
PASSING = (ConnectError, OverloadedError, UnavailableError, ServerTimeoutError)  # worth trying again: all is idempotent


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How a run is cut up.

    Attributes
    ----------
    items, bytes : of one request, at most.
    in_flight : requests at once.
    retry_for : seconds that a failing request is tried again, counted from its first failure.
    """

    items: int = 32
    bytes: int = 16 * 2**20
    in_flight: int = 4
    retry_for: float = 60.0

    def __post_init__(self) -> None:
        for name in ("items", "bytes", "in_flight"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: got {getattr(self, name)}, it must be at least 1")
        if not self.retry_for >= 0:
            raise ValueError(f"retry_for: got {self.retry_for}, it must be 0 (never try again) or more seconds")


@dataclass(frozen=True)
class Part(Generic[A]):
    """One chunk of a run, answered.

    Attributes
    ----------
    start : place of its first item in the run.
    rows : items that were sent, by their place in the part: row i of the answer belongs to item rows[i].
    answer : None where no item could be sent.
    failures : items without a result, by their place in the part; unreadable and refused ones together.
    """

    start: int
    sources: Sequence[Source]
    rows: Sequence[int]
    answer: A | None
    failures: Mapping[int, Failure]


class Clock(Protocol):
    """Time, which tests make their own."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class _RealClock:
    def now(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def retried(
    ask: Callable[[], Awaitable[T]],
    *,
    retry_for: float,
    clock: Clock | None = None,
    chance: Callable[[], float] = random.random,
) -> T:
    """What `ask` gives, asked again where that may help: exponential backoff with full jitter, Retry-After obeyed."""
    clock = clock or _RealClock()
    until: float | None = None
    pause = FIRST_PAUSE
    while True:
        try:
            return await ask()
        except PASSING as exc:
            now = clock.now()
            until = now + retry_for if until is None else until
            wait = pause * chance()
            if isinstance(exc, APIError) and exc.retry_after is not None:
                wait += exc.retry_after  # callers that were told the same do not come back at the same moment
            if now + wait > until:
                raise
            await clock.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)


@dataclass
class _Fingerprint:
    """All answers of a run must have the same one: the server might be restarted with another model."""

    value: str | None = None

    def check(self, answer: Answer) -> None:
        given = answer.receipt.fingerprint
        if self.value not in (None, given):
            raise FingerprintMismatchError(
                f"the server changed its model in the middle of the run: {self.value} before, {given} "
                f"({answer.receipt.model}) now; vectors of the two must not be mixed, start the run again",
                code="fingerprint_mismatch",
                request_id=answer.request_id,
            )
        self.value = given


async def stream(
    sources: Iterator[Source],
    ask: Callable[[Sequence[Payload]], Awaitable[A]],
    limits: Limits,
    *,
    executor: Executor,
    fingerprint: str | None = None,
) -> AsyncIterator[Part[A]]:
    """Ask about every item of `sources`; parts come in order.

    At most `limits.in_flight` requests are under way, and at most twice as many chunks in memory: while some are
    computed, the next ones are read. `sources` is pulled in a
    thread of its own, items are read in those of `executor`.

    Raises what `ask` raises, once trying again is over; whatever ends the run cancels what is under way.
    """
    puller = Puller(Chunks(sources, items=limits.items, size=limits.bytes))
    slots = asyncio.Semaphore(limits.in_flight)
    room = asyncio.Semaphore(2 * limits.in_flight)
    same = _Fingerprint(fingerprint)
    under_way: asyncio.Queue[asyncio.Task[Part[A]] | None] = asyncio.Queue()
    tasks: set[asyncio.Task[Part[A]]] = set()

    async def feed() -> None:
        start = 0
        while True:
            await room.acquire()
            chunk = await puller.take()
            if not chunk:
                return
            task = asyncio.create_task(_part(start, chunk, ask, limits, slots, executor, same))
            tasks.add(task)
            under_way.put_nowait(task)
            start += len(chunk)

    feeding = asyncio.create_task(feed())  # beside the answers: they must not wait for a slow iterable
    feeding.add_done_callback(lambda _: under_way.put_nowait(None))
    try:
        while (task := await under_way.get()) is not None:
            yield await task
            tasks.discard(task)
            room.release()
        await feeding  # raises what the iterable raised, after all that came before
    finally:
        for running in (feeding, *tasks):
            running.cancel()
        await asyncio.gather(feeding, *tasks, return_exceptions=True)
        await puller.close()


async def _part(
    start: int,
    chunk: Sequence[Taken],
    ask: Callable[[Sequence[Payload]], Awaitable[A]],
    limits: Limits,
    slots: asyncio.Semaphore,
    executor: Executor,
    same: _Fingerprint,
) -> Part[A]:
    read = await asyncio.get_running_loop().run_in_executor(executor, read_all, chunk)
    failures = {i: Failure(got.code, got.message) for i, got in enumerate(read) if isinstance(got, Unreadable)}
    sent = [(i, got) for i, got in enumerate(read) if isinstance(got, Payload)]
    del read
    rows: list[int] = []
    answers: list[A] = []
    if sent:
        async with slots:
            async for places, answer in _in_halves(sent, ask, limits):
                if isinstance(answer, TooLargeError):
                    failures[places[0]] = Failure(answer.code, answer.message)
                    continue
                same.check(answer)
                failures |= {places[i]: failure for i, failure in answer.failures.items()}
                rows += places
                answers.append(answer)
    return Part(start, [source for source, _ in chunk], rows, merged(answers) if answers else None, failures)


async def _in_halves(
    sent: Sequence[tuple[int, Payload]], ask: Callable[[Sequence[Payload]], Awaitable[A]], limits: Limits
) -> AsyncIterator[tuple[list[int], A | TooLargeError]]:
    """Places and answers of one request, or of two half as large where the server, or our own limit, says so.

    A single item that is too large has the error in place of an answer.
    """
    places, payloads = [place for place, _ in sent], [payload for _, payload in sent]
    half = len(sent) // 2
    if not half or sum(payload.size for payload in payloads) <= limits.bytes:
        try:
            yield places, await retried(lambda: ask(payloads), retry_for=limits.retry_for)
            return
        except TooLargeError as exc:
            if exc.param is not None and not exc.param.startswith("input"):
                raise  # too many labels, say: fewer items would not help
            if not half:
                yield places, exc
                return
    for share in (sent[:half], sent[half:]):
        async for found in _in_halves(share, ask, limits):
            yield found


def merged(answers: Sequence[A]) -> A:
    """Answers to parts of one chunk as the answer to all of it."""
    first = answers[0]
    if len(answers) == 1:
        return first
    starts = np.cumsum([0, *(_rows(answer) for answer in answers[:-1])]).tolist()
    placed = list(zip(starts, answers, strict=True))
    common: dict[str, Any] = {
        "failures": {start + i: failure for start, answer in placed for i, failure in answer.failures.items()},
        "truncated": [start + i for start, answer in placed for i in answer.truncated],
    }
    every: Sequence[Any] = answers
    if isinstance(first, EmbedAnswer):
        common["vectors"] = stack([answer.vectors for answer in every])
        common["tokens"] = sum(answer.tokens for answer in every)
    elif isinstance(first, ImagesAnswer):
        common["images"] = [image for answer in every for image in answer.images]
    elif isinstance(first, PredictAnswer):
        common["best"] = [label for answer in every for label in answer.best]
        for name in ("probabilities", "values", "crossed"):
            common[name] = np.concatenate([getattr(answer, name) for answer in every])
    elif isinstance(first, ZeroShotAnswer):
        common["best"] = [label for answer in every for label in answer.best]
        for name in ("scores", "cosines"):
            common[name] = np.concatenate([getattr(answer, name) for answer in every])
        if first.none_scores is not None:
            common["none_scores"] = np.concatenate([answer.none_scores for answer in every])
    return replace(first, **common)


def _rows(answer: Answer) -> int:
    if isinstance(answer, PredictAnswer):
        return len(answer.best)
    if isinstance(answer, ImagesAnswer):
        return len(answer.images)
    return len(answer.vectors if isinstance(answer, EmbedAnswer) else cast(ZeroShotAnswer, answer).scores)
