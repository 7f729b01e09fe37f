"""Threads whose work is taken from all callers in turn, so that one image does not wait for another caller's thousand.

The callers share the threads' time: the next work is that of the caller who has had the least of it. Among the requests
of one caller, it is that of the request whose last turn is the longest ago; work that states its memory, of large
images, alternates with other work.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")
LARGE = 2**28  # bytes of memory of work that takes a second or longer
_request: ContextVar[object] = ContextVar("request")
_caller: ContextVar[str | None] = ContextVar("caller", default=None)


@dataclass
class _Turn:
    """Work that waits for a thread."""

    memory: int
    future: "asyncio.Future[None]"


_Queue = OrderedDict[object, deque[_Turn]]  # by request


@dataclass
class _Share:
    """The work of one caller."""

    seconds: float  # of threads, or the least of the others' when its work began
    small: _Queue = field(default_factory=OrderedDict)
    large: _Queue = field(default_factory=OrderedDict)  # work that states its memory
    last: bool = True  # whether the last work taken was of `large`
    running: int = 0

    def waits(self) -> bool:
        return bool(self.small or self.large)

    def take(self, fits: Callable[[int], bool]) -> _Turn | None:
        """The next waiting work that fits, if any."""
        for queue in (self.small, self.large) if self.last else (self.large, self.small):
            for request in list(queue):
                turns = queue[request]
                while turns and turns[0].future.done():  # cancelled
                    turns.popleft()
                if turns and not fits(turns[0].memory):
                    break
                turn = turns.popleft() if turns else None
                queue.move_to_end(request)
                if not turns:
                    del queue[request]
                if turn is not None:
                    self.last = queue is self.large
                    return turn
        return None


class FairTurns:
    """Places that the callers of one event loop hold in turn.

    Parameters
    ----------
    places : their number.
    memory : bytes that the holders who state their memory may use together. One who needs more has a place while no
        other such holder has one. One place, if there are several, is kept free of holders of more than `LARGE`.
    """

    def __init__(self, places: int, *, memory: int = 2**30) -> None:
        self._free = places
        self._free_for_large = max(1, places - 1)
        self._memory, self._used = memory, 0
        self._shares: dict[str | None, _Share] = {}
        self._now = 0.0  # seconds of the caller whose work was taken last

    @asynccontextmanager
    async def turn(self, memory: int = 0) -> AsyncIterator[None]:
        """Hold a place, when it is the turn of this caller and this request; `memory` as in `FairThreads.run`."""
        caller = _caller.get()
        await self._turn(caller, memory)
        began = time.perf_counter()
        try:
            yield
        finally:
            self._done(caller, memory, time.perf_counter() - began)

    async def _turn(self, caller: str | None, memory: int) -> None:
        if self._fits(memory):
            self._take(caller, memory)
            return
        turn = _Turn(memory, asyncio.get_running_loop().create_future())
        share = self._share(caller)
        queue = share.large if memory else share.small
        queue.setdefault(_request.get(asyncio.current_task()), deque()).append(turn)
        try:
            await turn.future
        except asyncio.CancelledError:
            if turn.future.done() and not turn.future.cancelled():  # it was its turn already
                self._done(caller, memory, 0.0)
            raise

    def _fits(self, memory: int) -> bool:
        if not memory or not self._free:
            return self._free > 0
        return (self._free_for_large > 0 or memory <= LARGE) and (not self._used or self._used + memory <= self._memory)

    def _share(self, caller: str | None) -> _Share:
        return self._shares.setdefault(caller, _Share(self._now))

    def _take(self, caller: str | None, memory: int) -> None:
        share = self._share(caller)
        share.running += 1
        self._now = max(share.seconds, self._now)
        self._free -= 1
        self._free_for_large -= memory > LARGE
        self._used += memory

    def _done(self, caller: str | None, memory: int, seconds: float) -> None:
        self._free += 1
        self._free_for_large += memory > LARGE
        self._used -= memory
        share = self._shares[caller]
        share.running -= 1
        share.seconds += seconds
        while self._free and self._next():
            pass

    def _next(self) -> bool:
        """Give a free thread to waiting work, if there is work that fits."""
        for caller, share in sorted(self._shares.items(), key=lambda each: (each[1].seconds, each[1].running)):
            turn = share.take(self._fits)
            if turn is not None:
                self._take(caller, turn.memory)
                turn.future.set_result(None)
                return True
            if not share.running and not share.waits():
                del self._shares[caller]
        return False


class FairThreads(FairTurns):
    """Threads of one event loop: as many as places."""

    def __init__(self, threads: int, *, name: str, memory: int = 2**30) -> None:
        super().__init__(threads, memory=memory)
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)

    async def run(self, work: Callable[[], T], *, memory: int = 0) -> T:
        """Run `work` in a thread, when it is the turn of its caller and its request.

        Parameters
        ----------
        memory : bytes that the work uses; 0 for work that uses little.
        """
        caller = _caller.get()
        await self._turn(caller, memory)
        began = time.perf_counter()
        running = asyncio.get_running_loop().run_in_executor(self._executor, work)
        # not when the caller leaves: its work goes on
        running.add_done_callback(lambda _: self._done(caller, memory, time.perf_counter() - began))
        return await asyncio.shield(running)

    def close(self) -> None:
        """Let running work end, and refuse more."""
        self._executor.shutdown(wait=False, cancel_futures=True)


def one_request() -> None:
    """Mark the work of the current task, and of those that it starts, as that of one request."""
    _request.set(object())


def one_caller(caller: str | None) -> None:
    """Mark the work of the current task, and of those that it starts, as that of one caller: a key or an address."""
    _caller.set(caller)


def current_caller() -> str | None:
    """The caller of the current task."""
    return _caller.get()


def current_request() -> object:
    """The request of the current task."""
    return _request.get(None)
