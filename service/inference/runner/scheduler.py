"""The order and batching of bundles in a runner that several entry processes share.

The scheduler has no thread. A thread that submits a bundle runs it if one of the places is free, and waits otherwise. A
place that becomes free goes to the bundle that has waited longest, merged with waiting bundles of the same key up to
the maximum batch size.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from service.inference.batching import Key
from service.inference.runner.ipc import Arrays
from service.metrics import BATCH_SECONDS, BATCH_SIZE


@dataclass(eq=False, slots=True)
class _Bundle:
    key: Key
    stacks: Arrays  # (n, …) each
    go: threading.Lock  # locked until the bundle has a place or an answer
    answer: "Arrays | Exception | None" = None
    mates: "list[_Bundle]" = field(default_factory=list)  # bundles that run with it

    @property
    def rows(self) -> int:
        return len(self.stacks[0])


class SharedScheduler:
    """Runs at most `places` batches at once, in the order of arrival.

    Parameters
    ----------
    run : (key, stacks (n, …), alone) → answers (n, …). `alone` if nothing else runs or waits here.
    max_batch : maximum number of rows in a batch of a key. A single bundle may have more.
    """

    def __init__(
        self, run: Callable[[Key, Arrays, bool], Arrays], *, max_batch: Callable[[Key], int], places: int
    ) -> None:
        self._run = run
        self._max_batch = max_batch
        self._free = places
        self._places = places
        self._waiting: deque[_Bundle] = deque()
        self._lock = threading.Lock()

    def run(self, key: Key, stacks: Arrays, alone: bool) -> Arrays:
        """The answers for a bundle. Raises the error of `run` for this bundle, even if it was merged with others."""
        mine = _Bundle(key, stacks, threading.Lock())
        with self._lock:
            waits = not self._free
            if waits:
                mine.go.acquire()
                self._waiting.append(mine)
            else:  # no bundle waits
                self._free -= 1
                alone = alone and self._free == self._places - 1
        if waits:
            mine.go.acquire()  # released by a thread whose batch has ended
        if mine.answer is None:
            try:
                self._run_merged([mine, *mine.mates], alone and not waits)
            finally:
                self._release_place()
        assert mine.answer is not None
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    def _run_merged(self, bundles: Sequence[_Bundle], alone: bool) -> None:
        """Answer all `bundles` and release the threads of all but the first."""
        key = bundles[0].key
        try:
            if len(bundles) > 1:
                try:
                    inputs = zip(*(bundle.stacks for bundle in bundles), strict=True)
                    outputs = self._run_counted(key, tuple(map(np.concatenate, inputs)), alone)
                except Exception:  # find the bundle that causes it: run them one by one
                    for bundle in bundles:
                        bundle.answer = self._run_single(bundle)
                else:
                    ends = np.cumsum([bundle.rows for bundle in bundles])[:-1]
                    parts = zip(*(np.split(output, ends) for output in outputs), strict=True)
                    for bundle, part in zip(bundles, parts, strict=True):
                        bundle.answer = part
            else:
                bundles[0].answer = self._run_single(bundles[0], alone)
        finally:
            for mate in bundles[1:]:
                mate.go.release()

    def _run_single(self, bundle: _Bundle, alone: bool = False) -> "Arrays | Exception":
        try:
            return self._run_counted(bundle.key, bundle.stacks, alone)
        except Exception as exc:
            return exc

    def _run_counted(self, key: Key, stacks: Arrays, alone: bool) -> Arrays:
        started, rows = time.perf_counter(), len(stacks[0])
        outputs = self._run(key, stacks, alone)
        if any(len(output) != rows for output in outputs):
            raise RuntimeError(f"the graph answered {[len(output) for output in outputs]} of {rows} rows")
        BATCH_SIZE.labels(key.part).observe(rows)
        BATCH_SECONDS.labels(key.part).observe(time.perf_counter() - started)
        return outputs

    def _release_place(self) -> None:
        """Give the place to the bundle that has waited longest, with its mates, or free it if none waits."""
        with self._lock:
            if not self._waiting:
                self._free += 1
                return
            first = self._waiting.popleft()
            capacity = self._max_batch(first.key) - first.rows
            stay: deque[_Bundle] = deque()
            for bundle in self._waiting:
                if bundle.key == first.key and bundle.rows <= capacity:
                    capacity -= bundle.rows
                    first.mates.append(bundle)
                else:
                    stay.append(bundle)
            self._waiting = stay
        first.go.release()
