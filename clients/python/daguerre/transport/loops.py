"""A connection for each event loop: connections belong to the loop, and to the process, that opened them."""

import asyncio
import os
import weakref
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")
FORKED = "this client was made before a fork; make one in each process"


class ByLoop(Generic[T]):
    """The connection of the running event loop, opened when that loop first asks for it.

    Parameters
    ----------
    begin : opens a connection.
    end : closes one, in the loop that opened it.
    """

    def __init__(self, begin: Callable[[], T], end: Callable[[T], Awaitable[object]]) -> None:
        self._begin = begin
        self._end = end
        self._process = os.getpid()
        self._opened: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, T] = weakref.WeakKeyDictionary()

    def current(self) -> T:
        """The connection of this loop. Raises RuntimeError in a process that was forked off."""
        require_process(self._process)
        loop = asyncio.get_running_loop()
        for other in [each for each in self._opened if each.is_closed()]:
            del self._opened[other]  # nobody can close it any more
        if loop not in self._opened:
            self._opened[loop] = self._begin()
        return self._opened[loop]

    async def close(self) -> None:
        """Close the connections, each in its loop."""
        loop = asyncio.get_running_loop()
        opened = dict(self._opened)
        self._opened.clear()
        if self._process != os.getpid():
            return  # the sockets are the parent's
        for owner, connection in opened.items():
            if owner is loop:
                await self._end(connection)
            elif owner.is_running():
                asyncio.run_coroutine_threadsafe(self._ended(connection), owner)

    async def _ended(self, connection: T) -> None:
        await self._end(connection)


def require_process(process: int) -> None:
    """Raise RuntimeError in another process than `process`: a fork has neither the threads nor the connections."""
    if process != os.getpid():
        raise RuntimeError(FORKED)
