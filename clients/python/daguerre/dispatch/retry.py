"""Repeat a request that failed in passing: exponential backoff with jitter, within a time limit."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from daguerre.errors import (
    APIError,
    ConnectError,
    OverloadedError,
    ServerTimeoutError,
    UnavailableError,
)

T = TypeVar("T")
NOBODY = 3.0  # seconds for which a server of this machine is tried where nobody listens
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0  # seconds; each try may wait up to twice as long as the one before
PASSING = (ConnectError, OverloadedError, UnavailableError, ServerTimeoutError)  # worth trying again: all is idempotent


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
    """Await `ask`, and retry temporary failures: exponential backoff with full jitter, Retry-After obeyed.

    Where nobody listens at an address of this machine, it is tried for NOBODY seconds at most.
    """
    clock = clock or _RealClock()
    began: float | None = None
    pause = FIRST_PAUSE
    while True:
        try:
            return await ask()
        except PASSING as exc:
            now = clock.now()
            began = now if began is None else began
            nobody = isinstance(exc, ConnectError) and exc.nobody
            until = began + (min(retry_for, NOBODY) if nobody else retry_for)
            wait = pause * chance()
            if isinstance(exc, APIError) and exc.retry_after is not None:
                wait += exc.retry_after  # so that callers with the same Retry-After do not return at once
            if now + wait > until:
                raise
            await clock.sleep(wait)
            pause = min(2 * pause, LONGEST_PAUSE)
