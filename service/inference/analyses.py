"""Long computations without a model, in threads of their own: bounded in number, fair by caller, and stopped early.

A computation calls `check` between its steps. There it ends if its caller has left or its time is over, and there it
waits while computations of other callers have their turns. So one caller's minutes delay neither the images of others,
which are decoded elsewhere, nor another caller's milliseconds.
"""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from typing import TypeVar

from models.stopping import Check
from service.errors import Unavailable
from service.inference.fair_threads import FairThreads, current_caller

T = TypeVar("T")
SLICE = 0.2  # seconds that a computation goes on while those of other callers wait
MOST_BEGUN = 1000  # computations that have begun; those that wait for their next turn keep their threads


class Stopped(Exception):
    """Raised by the check of a computation that nobody waits for any more."""


class Analyses(FairThreads):
    """Threads for long computations; `threads` of them run at once."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads, name="analysis", begun=MOST_BEGUN)
        self._live: set[_Computation] = set()

    async def compute(self, work: Callable[[Check], T]) -> T:
        """Run `work`, which calls its argument between its steps. Raises Unavailable if the service stops."""
        caller = current_caller()
        await self._turn(caller)
        computation = _Computation(self, caller)
        self._live.add(computation)
        try:
            return await self._begun(lambda: work(computation.check), computation.end)
        except Stopped as exc:
            raise Unavailable("the service is stopping; send the request again", retry_after=5) from exc
        finally:
            computation.stop()  # it has ended, or its caller has left

    def close(self) -> None:
        """Stop the computations, and refuse more."""
        super().close()
        for computation in list(self._live):
            computation.stop()

    def ended(self, computation: "_Computation") -> None:
        """Give the thread of a computation to the next one."""
        self._live.discard(computation)
        if computation.has_turn:
            self._next()

    async def pause(self, computation: "_Computation") -> None:
        """Let computations of other callers have their turns, if any wait."""
        if all(key == computation.caller for key in self._waiting):
            return
        computation.has_turn = False
        self._next()
        await self._turn(computation.caller, first=True)
        computation.has_turn = True

    @property
    def wanted(self) -> bool:
        """Whether a computation waits; may be called in any thread."""
        return bool(self._waiting)


class _Computation:
    """One computation that has begun. `has_turn` is changed in the event loop only."""

    def __init__(self, threads: Analyses, caller: object) -> None:
        self.caller = caller
        self.has_turn = True
        self._threads = threads
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._pause: Future[None] | None = None
        self._since = time.monotonic()

    def check(self) -> None:
        """Raise Stopped if nobody waits for the result, and let others have their turns; called in the thread."""
        if self._stopped.is_set():
            raise Stopped
        if self._threads.wanted and time.monotonic() - self._since > SLICE:
            self._pause = asyncio.run_coroutine_threadsafe(self._threads.pause(self), self._loop)
            if self._stopped.is_set():  # since the line above
                self._pause.cancel()
            try:
                self._pause.result()
            except CancelledError:
                raise Stopped from None
            self._since = time.monotonic()

    def stop(self) -> None:
        """Let the next check raise Stopped."""
        self._stopped.set()
        if self._pause is not None:
            self._pause.cancel()

    def end(self) -> None:
        """Called in the event loop after the thread is free."""
        self._threads.ended(self)
