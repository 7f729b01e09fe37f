"""Threads whose work is taken from all requests in turn, so that one image does not wait for a thousand."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import ContextVar
from typing import TypeVar

T = TypeVar("T")
_request: ContextVar[object] = ContextVar("request")
_caller: ContextVar[object] = ContextVar("caller", default=None)


class FairThreads:
    """Threads of one event loop. Work of one request is done in order; the requests take turns."""

    def __init__(self, threads: int, *, name: str, begun: int | None = None) -> None:
        self._executor = ThreadPoolExecutor(begun or threads, thread_name_prefix=name)
        self._free = threads
        self._waiting: OrderedDict[object, deque[asyncio.Future[None]]] = OrderedDict()

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread, when it is the turn of its request."""
        await self._turn(_request.get(asyncio.current_task()))
        return await self._begun(work, self._next)

    async def _begun(self, work: Callable[[], T], end: Callable[[], None]) -> T:
        """Run `work` now; `end` is called in the event loop when the thread is free, even if the caller has left."""
        loop = asyncio.get_running_loop()

        def done(_: "Future[T]") -> None:
            with suppress(RuntimeError):  # the event loop has ended
                loop.call_soon_threadsafe(end)

        running = self._executor.submit(work)
        running.add_done_callback(done)
        return await asyncio.wrap_future(running)

    def close(self) -> None:
        """Let running work end, and refuse more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _turn(self, key: object, *, first: bool = False) -> None:
        """Wait until a thread is free for `key`; `first` of what waits for the same key."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        turns = self._waiting.setdefault(key, deque())
        turns.appendleft(turn) if first else turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was its turn already
                self._next()
            raise

    def _next(self) -> None:
        """Give a free thread to the request whose last turn is the longest ago."""
        while self._waiting:
            key, turns = self._waiting.popitem(last=False)
            while turns and turns[0].done():  # cancelled
                turns.popleft()
            if not turns:
                continue
            turns.popleft().set_result(None)
            if turns:
                self._waiting[key] = turns
            return
        self._free += 1


def one_request() -> None:
    """Mark the work of the current task, and of those that it starts, as that of one request."""
    _request.set(object())


def one_caller(caller: object) -> None:
    """Mark the work of the current task, and of those that it starts, as that of a caller: a key, else an address."""
    _caller.set(caller)


def current_caller() -> object:
    """The caller of the current task; None where it was not marked."""
    return _caller.get()
