"""Which bundle runs next in a runner that several entry processes share, and which run together.

There is no thread of its own: whoever brings a bundle and finds a free place runs it. Who finds none waits; the place
goes to the bundle that has waited longest, which takes along what waits of the same key, up to a batch.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.inference.batching import Key
from service.metrics import BATCH_SECONDS, BATCH_SIZE

Row = NDArray[Any]


@dataclass(eq=False, slots=True)
class _Bundle:
    key: Key
    stack: Row  # (n, …)
    go: threading.Lock  # held until the bundle has a place or an answer
    answer: "Row | Exception | None" = None
    mates: "list[_Bundle]" = field(default_factory=list)  # run with it


class SharedScheduler:
    """At most `places` batches at once, first come, first served.

    Parameters
    ----------
    run : (key, stack (n, …), alone) → raw vectors (n, d). `alone` where nothing else runs or waits here.
    max_batch : rows in a batch, at most, of a key. A single bundle may have more.
    """

    def __init__(self, run: Callable[[Key, Row, bool], Row], *, max_batch: Callable[[Key], int], places: int) -> None:
        self._run = run
        self._max_batch = max_batch
        self._free = places
        self._places = places
        self._waiting: deque[_Bundle] = deque()
        self._lock = threading.Lock()

    def run(self, key: Key, stack: Row, alone: bool) -> Row:
        """Raw vectors of a bundle; raises what `run` raises for this bundle, whatever it ran with."""
        mine = _Bundle(key, stack, threading.Lock())
        with self._lock:
            waits = not self._free
            if waits:
                mine.go.acquire()
                self._waiting.append(mine)
            else:  # and so nobody waits
                self._free -= 1
                alone = alone and self._free == self._places - 1
        if waits:
            mine.go.acquire()  # released by whoever ends first
        if mine.answer is None:
            try:
                self._together([mine, *mine.mates], alone and not waits)
            finally:
                self._pass_on()
        assert mine.answer is not None
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def _together(self, bundles: Sequence[_Bundle], alone: bool) -> None:
        """Answer all `bundles`; those but the first are woken."""
        key = bundles[0].key
        try:
            if len(bundles) > 1:
                try:
                    raw = self._timed(key, np.concatenate([each.stack for each in bundles]), alone)
                except Exception:  # one of them is at fault: each on its own
                    for each in bundles:
                        each.answer = self._alone(each)
                else:
                    ends = np.cumsum([len(each.stack) for each in bundles])[:-1]
                    for each, part in zip(bundles, np.split(raw, ends), strict=True):
                        each.answer = part
            else:
                bundles[0].answer = self._alone(bundles[0], alone)
        finally:
            for mate in bundles[1:]:
                mate.go.release()

    def _alone(self, bundle: _Bundle, alone: bool = False) -> "Row | Exception":
        try:
            return self._timed(bundle.key, bundle.stack, alone)
        except Exception as exc:
            return exc

    def _timed(self, key: Key, stack: Row, alone: bool) -> Row:
        started = time.perf_counter()
        raw = self._run(key, stack, alone)
        if len(raw) != len(stack):
            raise RuntimeError(f"the encoder answered {len(raw)} of {len(stack)} rows")
        BATCH_SIZE.labels(key.modality).observe(len(stack))
        BATCH_SECONDS.labels(key.modality).observe(time.perf_counter() - started)
        return raw

    def _pass_on(self) -> None:
        """Give the place to who has waited longest, with its mates; free it where nobody waits."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            first = self._waiting.popleft()
            room = self._max_batch(first.key) - len(first.stack)
            stay: deque[_Bundle] = deque()
            for each in self._waiting:
                if each.key == first.key and len(each.stack) <= room:
                    room -= len(each.stack)
                    first.mates.append(each)
                else:
                    stay.append(each)
            self._waiting = stay
        first.go.release()
