"""Any number of items in chunks: several requests in flight, answers in order, bounded memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic

from daguerre.dispatch.chunks import Chunks, SourceThread, Taken, read_all
from daguerre.dispatch.retry import retried
from daguerre.errors import (
    FingerprintMismatchError,
    TooLargeError,
)
from daguerre.inputs.source import Source, Unreadable
from daguerre.types.common import A, Answer, Failure, Payload


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of the requests of a run.

    Attributes
    ----------
    items, bytes : of one request, at most.
    in_flight : requests at once, for each server.
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
    servers: Callable[[], int] = lambda: 1,
) -> AsyncIterator[Part[A]]:
    """Ask about every item of `sources`; parts come in order.

    At most `limits.in_flight` requests for each server are under way, and at most twice as many chunks in memory: while
    some are computed, the next ones are read. `sources` is pulled in a thread of its own, items are read in those of
    `executor`. `servers` is their number now: with more of them more requests are under way.

    Raises what `ask` raises, once trying again is over; whatever ends the run cancels what is under way.
    """
    puller = SourceThread(Chunks(sources, items=limits.items, size=limits.bytes))
    slots = asyncio.Semaphore(limits.in_flight)
    room = asyncio.Semaphore(2 * limits.in_flight)
    same = _Fingerprint(fingerprint)
    under_way: asyncio.Queue[asyncio.Task[Part[A]] | None] = asyncio.Queue()
    tasks: set[asyncio.Task[Part[A]]] = set()

    async def feed() -> None:
        start, counted = 0, 1
        while True:
            while counted < servers():
                counted += 1
                for _ in range(limits.in_flight):
                    slots.release()
                    room.release()
                    room.release()
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
    return Part(
        start, [source for source, _ in chunk], rows, type(answers[0]).merged(answers) if answers else None, failures
    )


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
