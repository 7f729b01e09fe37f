"""One connection to a server with its limits, threads and defaults; the base of all methods of the client."""

import asyncio
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from typing import Protocol, TypeVar

from daguerre.blocking import AsyncClosing
from daguerre.dispatch.collect import Collected, OnError
from daguerre.dispatch.retry import retried
from daguerre.dispatch.stream import Limits, Part, stream
from daguerre.dispatch.vectors import collected_vectors
from daguerre.errors import DaguerreWarning, JobFailedError, NotFoundError, RemarkWarning
from daguerre.inputs.files import LeftOut
from daguerre.inputs.items import Sources
from daguerre.inputs.source import Source
from daguerre.progress import Progress
from daguerre.results.embeddings import Embeddings
from daguerre.transport.base import NO_FIELDS, Transport
from daguerre.transport.loops import require_process
from daguerre.transport.operations import JOB, MODELS, Operation
from daguerre.types.common import A, Content, Payload
from daguerre.types.embeddings import VectorBlock
from daguerre.types.jobs import Job
from daguerre.types.models import ModelCard

T = TypeVar("T")
Kept = list[DaguerreWarning]
KEPT: ContextVar[Kept | None] = ContextVar("daguerre_warnings", default=None)  # for the thread that called
FIRST_LOOK, LATER_LOOK = 0.1, 2.0  # seconds between two looks at a job


class Closable(Protocol):
    """A handle whose file on the server is deleted when the client closes."""

    async def close(self) -> None: ...


class Session(AsyncClosing):
    """Transport, limits, default model, progress and threads of a client."""

    def __init__(
        self,
        url: str,
        transport: Transport,
        *,
        limits: Limits,
        default_model: str | None,
        progress: bool | None,
        connect_again: Callable[[], tuple[str | list[str], Transport]] | None = None,
    ) -> None:
        self.url = url
        self.transport = transport
        transport.notify = _warn
        self.limits = limits
        self.default_model = default_model
        self.progress = progress
        self.clips: set[Closable] = set()  # videos whose files are on the server
        self._connect_again = connect_again
        self._process = os.getpid()
        self._executor = ThreadPoolExecutor(2 * limits.in_flight, thread_name_prefix="daguerre")

    def stream(
        self,
        given: Iterator[Source],
        ask: Callable[[Sequence[Payload]], Awaitable[A]],
        *,
        limits: Limits | None = None,
        fingerprint: str | None = None,
    ) -> AsyncIterator[Part[A]]:
        """The parts of a run, in order; see daguerre.dispatch.stream.stream."""
        require_process(self._process)
        return stream(
            given,
            ask,
            limits or self.limits,
            executor=self._executor,
            fingerprint=fingerprint,
            servers=lambda: self.transport.width,
        )

    async def gather(
        self,
        given: Sources,
        total: Callable[[], int | None],
        ask: Callable[[Sequence[Payload]], Awaitable[A]],
        on_error: OnError,
        progress: bool | None,
        what: str,
        fingerprint: str | None,
        *,
        again: bool = False,
    ) -> Collected[A]:
        """All parts of a run, with a progress bar and a warning about items without a result.

        `again` : the items were read before for the same result, so that remarks on them are known.
        """
        check_on_error(on_error)
        require_process(self._process)
        collected: Collected[A] = Collected()
        shown = Progress.wanted(self.progress if progress is None else progress)
        number = await asyncio.get_running_loop().run_in_executor(self._executor, total) if shown else None
        parts = self.stream(given, ask)
        with Progress(shown, total=number, what=what) as bar:
            try:
                async for part in parts:
                    collected.add(part, on_error, fingerprint)
                    bar.add(len(part.sources), failed=len(part.failures))
            finally:
                await parts.aclose()  # type: ignore[attr-defined]
        collected.name(given.ids(), given.files())
        left_out = [RemarkWarning(each) for each in (given.left_out.remark, given.remark) if each is not None]
        remarks = [*_remarks(collected, again=again), *(() if again else left_out)]
        for remark in remarks:
            _warn(remark)
        return collected

    async def gather_vectors(
        self,
        blocks: Mapping[str, Embeddings],
        ids: Sequence[str],
        ask: Callable[[Sequence[VectorBlock], range], Awaitable[A]],
        on_error: OnError,
        progress: bool | None,
        what: str,
    ) -> Collected[A]:
        """The answers for vectors in place of items, with the progress bar and the warnings of `gather`."""
        check_on_error(on_error)
        require_process(self._process)
        shown = Progress.wanted(self.progress if progress is None else progress)
        with Progress(shown, total=len(ids), what=what) as bar:
            collected = await collected_vectors(
                self.transport,
                blocks,
                ids,
                ask,
                lambda many, failed: bar.add(many, failed=failed),
                on_error=on_error,
                retry_for=self.limits.retry_for,
            )
        for remark in _remarks(collected):
            _warn(remark)
        return collected

    def warn_of_left_out(self, left_out: LeftOut) -> None:
        """Warn of the files that were left out of a run."""
        if remark := left_out.remark:
            _warn(RemarkWarning(remark), stacklevel=5)

    async def ask(
        self,
        operation: Operation[T],
        fields: Content = NO_FIELDS,
        *,
        items: Sequence[Payload] | None = None,
        vectors: Sequence[VectorBlock] = (),
    ) -> T:
        """The answer to one request, which is tried again where that may help: see Transport.call."""
        return await retried(
            lambda: self.transport.call(operation, fields, items=items, vectors=vectors),
            retry_for=self.limits.retry_for,
        )

    def ask_blocking(self, loop: asyncio.AbstractEventLoop, operation: Operation[T], fields: Content) -> T:
        """The answer to one request, for code that cannot await it.

        Called outside of the session's `loop` while that runs, the request is sent there. Called inside of it, or after
        its end, the request has a connection and a thread of its own.
        """
        if loop.is_running() and loop is not _running_loop() and self._process == os.getpid():
            return asyncio.run_coroutine_threadsafe(self.ask(operation, fields), loop).result()
        if self._connect_again is None:
            raise RuntimeError(
                "this needs a second connection, and http_client= has one only; call it while the client is open, in "
                "another thread: await asyncio.to_thread(...)"
            )
        _, transport = self._connect_again()

        async def ask() -> T:
            try:
                return await retried(lambda: transport.call(operation, fields), retry_for=self.limits.retry_for)
            finally:
                await transport.close()

        with ThreadPoolExecutor(1, thread_name_prefix="daguerre") as executor:
            return executor.submit(asyncio.run, ask()).result()

    async def entries(self, operation: Operation[T]) -> list[T]:
        """All entries of a list on the server, tried again where that may help."""
        return await retried(lambda: self.transport.entries(operation), retry_for=self.limits.retry_for)

    async def card(self, model: str | None = None) -> ModelCard:
        """The card of a model; None: the client's model, or else the server's default. Raises NotFoundError."""
        model = model or self.default_model
        cards = await self.ask(MODELS)
        for card in cards:
            if model in (None, card.id):
                return card
        raise NotFoundError(
            f"model: there is no {model!r} here; there are: {', '.join(card.id for card in cards)}",
            code="unknown_model",
            status=404,
            param="model",
        )

    async def job(self, id: str) -> Job:
        """Get the state of a job. Raises NotFoundError."""
        return await self.ask(JOB, {"id": id})

    async def wait(self, id: str, *, progress: bool | None = None, what: str = "job") -> Job:
        """Wait until a job has succeeded; cancelling the wait does not cancel the job. Raises JobFailedError."""
        shown = Progress.wanted(self.progress if progress is None else progress)
        pause, done = FIRST_LOOK, 0
        with Progress(shown, total=100, what=what, unit="%") as bar:
            while not (found := await self.job(id)).has_ended:
                now = int(100 * found.progress)
                bar.add(max(now - done, 0), stage=found.stage)
                done = max(now, done)
                await asyncio.sleep(pause)
                pause = min(1.3 * pause, LATER_LOOK)
            if found.state == "succeeded":
                bar.add(100 - done, stage="done")
                return found
        raise JobFailedError(found)

    def warn(self, text: str | DaguerreWarning) -> None:
        """Warn the user of something in a result."""
        _warn(text)

    async def close(self) -> None:
        """Close connections and threads, and delete the files of open clips."""
        await asyncio.gather(*(clip.close() for clip in list(self.clips)))
        self._executor.shutdown(wait=False, cancel_futures=True)
        await self.transport.close()


def warn_of_remarks(name: str, remarks: Sequence[str]) -> None:
    """Warn about the limits of a video's result, at the line that asked for it."""
    if remarks:
        _warn(f"{name} {'; it '.join(remarks)}")


def check_on_error(on_error: str) -> None:
    """Raise ValueError for a handling of errors that there is not."""
    if on_error not in ("collect", "raise"):
        raise ValueError(f'on_error: got {on_error!r}, there are "collect" and "raise"')


def _remarks(collected: Collected[A], *, again: bool = False) -> list[DaguerreWarning]:
    """Remarks on the items without a result, and on those of which not all was read."""
    failed = len(collected.errors)
    first = [DaguerreWarning(f"{failed:,} of {len(collected.ids):,} items could not be used; see .errors")]
    return [*(first if failed else ()), *(() if again else collected.remarks())]


def _running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs the calling code; None outside of any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _warn(remark: str | DaguerreWarning, stacklevel: int = 4) -> None:
    """Warn at the line that called embed or zero_shot, be it in this thread or in that of a Client."""
    kept = KEPT.get()
    warning = DaguerreWarning(remark) if isinstance(remark, str) else remark
    if kept is None:
        warnings.warn(warning, stacklevel=stacklevel)
    else:
        kept.append(warning)
