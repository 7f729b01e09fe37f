"""Turns of several callers at something that takes few requests at once, and few in a minute."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairTurns:
    """At most `slots` turns at once and `per_minute` begun in a minute, evenly spaced; callers take turns.

    A caller with one request waits for one request of each other caller at most, not for all that came before.
    It belongs to one event loop.
    """

    def __init__(self, slots: int, per_minute: float | None = None) -> None:
        self._free = slots
        self._interval = 0.0 if per_minute is None else 60.0 / per_minute
        self._next = 0.0  # time of the loop before which no turn begins
        self._waiting: dict[str | None, deque[asyncio.Future[None]]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def turn(self, caller: str | None) -> AsyncIterator[None]:
        """Wait for a turn, and hold it."""
        loop = asyncio.get_running_loop()
        mine: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(caller, deque()).append(mine)
        self._begin()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it had begun in the same moment
                self._end()
            raise
        try:
            yield
        finally:
            self._end()

    def pause(self, seconds: float) -> None:
        """Begin no turn for some seconds, whoever asks."""
        self._next = max(self._next, asyncio.get_running_loop().time() + seconds)

    def _end(self) -> None:
        self._free += 1
        self._begin()

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        while self._free and self._waiting:
            now = loop.time()
            if now < self._next:
                if self._timer is not None:
                    self._timer.cancel()
                self._timer = loop.call_at(self._next, self._begin)
                return
            caller = next(iter(self._waiting))
            queue = self._waiting.pop(caller)  # and to the end of the callers, if it waits for more
            mine = queue.popleft()
            if queue:
                self._waiting[caller] = queue
            if mine.done():  # cancelled
                continue
            self._free -= 1
            self._next = max(self._next, now) + self._interval if self._interval else self._next
            mine.set_result(None)
