"""Threads whose work is taken from all requests in turn, so that one image does not wait for a thousand."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_request: ContextVar[object] = ContextVar("request")
_caller: ContextVar[str | None] = ContextVar("caller", default=None)


class FairThreads:
    """Threads of one event loop. Work of one request is done in order; the requests take turns."""

    def __init__(self, threads: int, *, name: str) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._free = threads
        self._waiting: OrderedDict[object, deque[asyncio.Future[None]]] = OrderedDict()

    async def run(self, work: Callable[[], T]) -> T:
        """Run `work` in a thread, when it is the turn of its request."""
        await self._turn()
        running = asyncio.get_running_loop().run_in_executor(self._executor, work)
        running.add_done_callback(self._done)  # a caller that leaves does not free the thread
        return await running

    def close(self) -> None:
        """Let running work end, and refuse more."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _turn(self) -> None:
        if self._free:
            self._free -= 1
            return
        key = _request.get(asyncio.current_task())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was its turn already
                self._next()
            raise

    def _done(self, work: "asyncio.Future[Any]") -> None:
        self._next()

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


def one_caller(caller: str | None) -> None:
    """Mark the work of the current task, and of those that it starts, as that of one caller: a key or an address."""
    _caller.set(caller)


def current_caller() -> str | None:
    """The caller of the current task."""
    return _caller.get()


def current_request() -> object:
    """The request of the current task."""
    return _request.get(None)
