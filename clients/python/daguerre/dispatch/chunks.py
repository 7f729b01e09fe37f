"""Takes what users give (any iterable, in a thread) and cuts it into chunks, by count and by bytes."""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Sequence

from daguerre.inputs.source import Source, Unreadable
from daguerre.types.common import Payload

Taken = tuple[Source, Payload | Unreadable | None]  # read already if its size was not known before


class Chunks:
    """Cuts a stream of sources into chunks; in a thread, since the stream may be anything that users write."""

    def __init__(self, sources: Iterator[Source], *, items: int, size: int) -> None:
        self._sources = sources
        self._items = items
        self._size = size
        self._kept: tuple[Taken, int] | None = None

    def take(self) -> list[Taken]:
        """The next chunk; empty at the end. A source too large for all limits is a chunk of its own."""
        chunk: list[Taken] = []
        total = 0
        while len(chunk) < self._items:
            entry = self._kept or self._next()
            self._kept = None
            if entry is None:
                break
            taken, size = entry
            total += size
            if chunk and total > self._size:
                self._kept = entry
                break
            chunk.append(taken)
        return chunk

    def _next(self) -> tuple[Taken, int] | None:
        source = next(self._sources, None)
        if source is None:
            return None
        size = source.size_hint
        if size is not None:
            return (source, None), size
        read = _read(source)
        return (source, read), read.size if isinstance(read, Payload) else 0

    def close(self) -> None:
        """End a generator in the thread that ran it."""
        if (close := getattr(self._sources, "close", None)) is not None:
            close()


class SourceThread:
    """Runs an iterable in one thread: what it holds may belong to a thread, as a database's cursor does.

    A daemon, since an iterable that blocks for ever (a queue) must not keep the interpreter from ending.
    """

    def __init__(self, chunks: Chunks) -> None:
        self._chunks = chunks
        self._loop = asyncio.get_running_loop()
        self._asked: queue.SimpleQueue[asyncio.Future[list[Taken]] | None] = queue.SimpleQueue()
        self._ended = asyncio.Event()
        threading.Thread(target=self._work, name="daguerre-pull", daemon=True).start()

    async def take(self) -> list[Taken]:
        future: asyncio.Future[list[Taken]] = self._loop.create_future()
        self._asked.put(future)
        return await future

    async def close(self) -> None:
        """Let the thread end; wait a second for it, no longer, since what it runs may never give the next item."""
        self._asked.put(None)
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._ended.wait(), 1.0)

    def _work(self) -> None:
        try:
            while (future := self._asked.get()) is not None:
                try:
                    chunk = self._chunks.take()
                except BaseException as exc:
                    self._say(_settle, future, exc)
                else:
                    self._say(_settle, future, chunk)
                    del chunk
                del future  # what it holds is not kept while the next one is waited for
            self._chunks.close()
        finally:
            self._say(self._ended.set)

    def _say(self, call: Callable[..., object], *args: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(call, *args)


def _settle(future: "asyncio.Future[list[Taken]]", outcome: "list[Taken] | BaseException") -> None:
    if future.done():
        return  # cancelled
    if isinstance(outcome, BaseException):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


def read_all(chunk: Sequence[Taken]) -> list[Payload | Unreadable]:
    """The items of a chunk to send, and the errors of the others."""
    return [_read(source) if read is None else read for source, read in chunk]


def _read(source: Source) -> Payload | Unreadable:
    try:
        return source.read()
    except Unreadable as exc:
        return exc
