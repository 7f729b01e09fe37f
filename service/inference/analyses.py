"""Long computations without a model, in threads of their own: bounded in number, fair by caller, and stopped early.

A computation calls `check` between its steps. There it ends if its caller has left or its time is over, and there it
waits while computations of other callers have their turns. So one caller's minutes delay neither the images of others,
which are decoded in other threads, nor another caller's milliseconds.
"""

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from models.stopping import Check, checked_by
from service.errors import Unavailable
from service.inference.fair_threads import current_caller

T = TypeVar("T")
SLICE = 0.2  # seconds that a computation goes on while those of other callers wait
MOST_BEGUN = 1000  # computations that have begun; those that wait for their next turn keep their threads


class Stopped(Exception):
    """Raised by the check of a computation that nobody waits for any more."""


class Analyses:
    """Threads for long computations of one event loop; `turns` of them run at once."""

    def __init__(self, turns: int) -> None:
        self._executor = ThreadPoolExecutor(MOST_BEGUN, thread_name_prefix="analysis")
        self._free = turns
        self._waiting: OrderedDict[str | None, deque[asyncio.Future[None]]] = OrderedDict()  # by caller
        self._live: set[_Computation] = set()

    async def compute(self, work: Callable[[Check], T]) -> T:
        """Run `work`, which calls its argument between its steps. Raises Unavailable if the service stops."""
        caller, loop = current_caller(), asyncio.get_running_loop()
        await self._turn(caller)
        computation = _Computation(self, caller)
        self._live.add(computation)

        def done(_: "Future[T]") -> None:
            with suppress(RuntimeError):  # the event loop has ended
                loop.call_soon_threadsafe(self._ended, computation)

        def run() -> T:
            with checked_by(computation.check):
                return work(computation.check)

        running = self._executor.submit(run)
        running.add_done_callback(done)  # a caller that leaves does not free the thread, but stops its work
        try:
            return await asyncio.wrap_future(running)
        except Stopped as exc:
            raise Unavailable("the service is stopping; send the request again", retry_after=5) from exc
        finally:
            computation.stop()  # it has ended, or its caller has left

    def close(self) -> None:
        """Stop the computations, and refuse more."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        for computation in list(self._live):
            computation.stop()

    @property
    def wanted(self) -> bool:
        """Whether a computation waits; may be read in any thread."""
        return bool(self._waiting)

    async def pause(self, computation: "_Computation") -> None:
        """Let computations of other callers have their turns, if any wait."""
        if all(caller == computation.caller for caller in self._waiting):
            return
        computation.has_turn = False
        self._next(computation.caller)
        await self._turn(computation.caller, first=True)
        computation.has_turn = True

    def _ended(self, computation: "_Computation") -> None:
        self._live.discard(computation)
        if computation.has_turn:
            self._next(computation.caller)

    async def _turn(self, caller: str | None, *, first: bool = False) -> None:
        """Wait for a turn of `caller`; `first` of its computations."""
        if self._free:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        turns = self._waiting.setdefault(caller, deque())
        if first:
            turns.appendleft(turn)
        else:
            turns.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was its turn already
                self._next(caller)
            raise

    def _next(self, last: str | None) -> None:
        """Give the turn that `last` had to the caller whose last turn is the longest ago."""
        if last in self._waiting:
            self._waiting.move_to_end(last)
        while self._waiting:
            caller, turns = self._waiting.popitem(last=False)
            while turns and turns[0].done():  # cancelled
                turns.popleft()
            if not turns:
                continue
            turns.popleft().set_result(None)
            if turns:
                self._waiting[caller] = turns
            return
        self._free += 1


class _Computation:
    """One computation that has begun. `has_turn` is changed in the event loop only."""

    def __init__(self, analyses: Analyses, caller: str | None) -> None:
        self.caller = caller
        self.has_turn = True
        self._analyses = analyses
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        self._pause: Future[None] | None = None
        self._since = time.monotonic()

    def check(self) -> None:
        """Raise Stopped if nobody waits for the result, and let others have their turns; called in the thread."""
        if self._stopped.is_set():
            raise Stopped
        if self._analyses.wanted and time.monotonic() - self._since > SLICE:
            self._pause = asyncio.run_coroutine_threadsafe(self._analyses.pause(self), self._loop)
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
