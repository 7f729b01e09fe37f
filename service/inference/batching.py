"""Batching without a timer: while one batch runs, the rows of the next one accumulate.

Rows wait in lines, one for each caller and key (model, part, shape bucket). A free lane (a thread that runs
batches) takes the line that has waited longest and fills its batch from all lines of the same key, round-robin, so
that a caller with one row need not wait for one with a thousand. The number of waiting rows is bounded, and rows of
cancelled calls are dropped.

Of a model whose session runs one batch at a time, only one is given to a device: a lane that waited for it would be
lost to the rows of other models.

Each of several devices has its own lanes. A row goes to the device with a free lane that has the fewest rows running,
or, if no lane is free, to the first that becomes free.
"""

import asyncio
import contextlib
import logging
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple

from models.catalog.spec import Modality
from service.errors import Overloaded, ServiceError, Unavailable
from service.inference import tracing
from service.inference.fair_threads import current_caller, current_request
from service.metrics import BATCH_SECONDS, BATCH_SIZE, QUEUE_ITEMS, QUEUE_SECONDS

Row = Any  # the array of one row for an encoder, the arrays of its inputs or outputs for an analyser
SHARE = 3  # places of one caller for each that is free
_Owner = tuple[str | None, object]  # caller and request
logger = logging.getLogger("daguerre.batching")


def _always(device: int, key: "Key") -> bool:
    return True


class Key(NamedTuple):
    """Model, part of it (its graph) and shape bucket: rows of one key may share a batch.

    An encoder's parts are its modalities, and its bucket is the side of an image or the number of tokens. The bucket of
    an analyser's part is the shapes of its inputs.
    """

    model: str
    part: str
    bucket: Hashable


Run = Callable[[Key, Sequence[Row], bool], Sequence[Row]]  # (key, rows, alone) → an answer for each row


@dataclass(eq=False, slots=True)
class _Waiting:
    row: Row
    answer: "asyncio.Future[Row]"
    since: float


@dataclass(eq=False, slots=True)
class _Line:
    key: Key
    limit: int  # rows of this key in a batch
    rows: deque[_Waiting] = field(default_factory=deque)


@dataclass(eq=False, slots=True)
class _Device:
    """The state of one device's lanes, guarded by the batcher's lock."""

    run: Run
    wake: threading.Condition
    idle: int = 0  # lanes that wait and have not been notified
    batches: int = 0  # running
    rows: int = 0
    taken: set[str] = field(default_factory=set)  # models of one batch at a time that have it


class Batcher:
    """Rows of many callers of one event loop, run in shared batches.

    Parameters
    ----------
    run : (key, rows, alone) → an answer for each row. Called from the lanes' threads; `alone` if no other
        batch runs or waits, so that this one may use all cores. One function per device.
    max_batch : maximum number of rows in a batch of a key.
    capacity : maximum number of admitted rows; more raise Overloaded.
    lanes : maximum number of batches that run at once on a device.
    counts : whether batches are counted in the metrics; False if another process forms new batches of them.
    serves : (index of the device, key) → whether it runs rows of that key now; at least one device must.
    one_batch : models of which a device runs one batch at a time.
    """

    def __init__(
        self,
        run: Run | Sequence[Run],
        *,
        max_batch: Callable[[Key], int],
        capacity: int,
        lanes: int = 1,
        name: str = "batcher",
        counts: bool = True,
        serves: Callable[[int, Key], bool] = _always,
        one_batch: Container[str] = (),
    ) -> None:
        self.max_batch = max_batch
        self._capacity = capacity
        self._admitted = 0
        self._by_caller: Counter[str | None] = Counter()  # admitted rows
        self._by_request: Counter[_Owner] = Counter()
        self._pace = 0.0  # recent seconds per row over all lanes, exponentially smoothed
        self._lines: deque[_Line] = deque()
        self._lock = threading.Lock()
        self._closed = False
        self._counts = counts
        self._serves = serves
        self._one_batch = one_batch
        runs = [run] if callable(run) else run
        self._devices = [_Device(function, threading.Condition(self._lock)) for function in runs]
        self._lanes = lanes * len(runs)
        self._threads = [
            threading.Thread(target=self._work, args=(i,), name=f"{name}-{i}-{lane}", daemon=True)
            for i in range(len(runs))
            for lane in range(lanes)
        ]
        for thread in self._threads:
            thread.start()

    def admit(self, rows: int) -> "Caller":
        """Reserve places for `rows` rows, as a context manager. Raises Overloaded if the queue is full.

        One caller with several requests has at most SHARE places for each that is free for others.
        """
        if self._closed:
            raise _stopping()
        owner = current_caller(), current_request()
        others = self._by_caller[owner[0]] - self._by_request[owner]  # rows of the caller's other requests
        own, free = self._by_caller[owner[0]] + rows, self._capacity - self._admitted - rows
        if owner[0] is not None and others and free >= 0 and own > SHARE * free:
            raise Overloaded(
                f"the queue is nearly full: {own - rows} of {self._capacity} places are this caller's, and with {rows} "
                f"more they would be over {SHARE} times the {free} that are left for others (DAGUERRE_QUEUE); send "
                "them again later, or fewer at once",
                retry_after=max(1, math.ceil(self._admitted * self._pace)),
            )
        if self._admitted + rows > self._capacity:
            raise Overloaded(
                f"the queue is full: {self._admitted} items are waiting and {rows} more do not fit into "
                f"{self._capacity}; send them again later, or fewer at once",
                retry_after=max(1, math.ceil(self._admitted * self._pace)),
            )
        self._count(owner, rows)
        return Caller(self, rows, owner)

    def _count(self, owner: _Owner, rows: int) -> None:
        self._admitted += rows
        self._by_caller[owner[0]] += rows
        self._by_request[owner] += rows
        if not self._by_request[owner]:
            del self._by_request[owner]
        if not self._by_caller[owner[0]]:
            del self._by_caller[owner[0]]

    @property
    def admitted(self) -> int:
        """Number of admitted rows, waiting or running."""
        return self._admitted

    def look_again(self) -> None:
        """Notify all waiting lanes, after a device has become available again."""
        with self._lock:
            self._wake_all()

    def close(self) -> None:
        """Let running batches end; waiting rows get Unavailable."""
        with self._lock:
            self._closed = True
            waiting = [row for line in self._lines for row in line.rows]
            for line in self._lines:
                line.rows.clear()
            self._lines.clear()
            self._wake_all()
        _answer(waiting, [_stopping()] * len(waiting))
        for thread in self._threads:
            thread.join()

    def _wake_all(self) -> None:
        for device in self._devices:
            device.idle = 0
            device.wake.notify_all()

    def _wake_one(self, key: Key) -> None:
        free = [d for i, d in enumerate(self._devices) if d.idle and self._serves(i, key)]
        if free:
            chosen = min(free, key=lambda d: (d.rows, -d.idle))
            chosen.idle -= 1
            chosen.wake.notify()

    def _next(self, index: int) -> _Line | None:
        """The line that has waited longest among those that the device serves."""
        taken = self._devices[index].taken
        return next(
            (line for line in self._lines if line.key.model not in taken and self._serves(index, line.key)), None
        )

    def _work(self, index: int) -> None:
        device = self._devices[index]
        while True:
            with self._lock:
                while not self._closed and (first := self._next(index)) is None:
                    device.idle += 1
                    device.wake.wait()  # the notifier has already decremented `idle`
                if self._closed:
                    return
                assert first
                key, batch = self._take(first)
                alone = not device.batches and not self._lines
                if key.model in self._one_batch:
                    device.taken.add(key.model)
                device.batches += 1
                device.rows += len(batch)
            started = time.perf_counter()
            answers = self._answers(device.run, key, [waiting.row for waiting in batch], alone)
            seconds = time.perf_counter() - started
            with self._lock:
                device.batches -= 1
                device.rows -= len(batch)
                if key.model in device.taken:
                    device.taken.remove(key.model)
                    device.idle = 0  # lanes that found no other rows look again
                    device.wake.notify_all()
                self._pace += 0.1 * (seconds / len(batch) / self._lanes - self._pace)
            _answer(batch, answers)
            if self._counts:
                BATCH_SIZE.labels(key.part).observe(len(batch))
                BATCH_SECONDS.labels(key.part).observe(seconds)
                tracing.record("batch", seconds, model=key.model, part=key.part, rows=len(batch))
            for waited in batch:
                QUEUE_SECONDS.labels(key.part).observe(started - waited.since)

    def _take(self, first: _Line) -> tuple[Key, list[_Waiting]]:
        key, limit = first.key, first.limit
        lines = [line for line in self._lines if line.key == key]
        batch: list[_Waiting] = []
        remaining = lines
        while remaining and len(batch) < limit:
            for line in remaining[: limit - len(batch)]:
                batch.append(line.rows.popleft())
            remaining = [line for line in remaining if line.rows]
        served = {id(line) for line in lines[:limit]}
        left = [line for line in lines[:limit] if line.rows]
        self._lines = deque([line for line in self._lines if id(line) not in served] + left)
        return key, batch

    def _answers(self, run: Run, key: Key, rows: Sequence[Row], alone: bool) -> "Sequence[Row | Exception]":
        try:
            answers = list(run(key, rows, alone))
            if len(answers) != len(rows):
                raise RuntimeError(f"the encoder answered {len(answers)} of {len(rows)} rows")
            return answers
        except ServiceError as exc:  # the runner does not respond, the rows are not the cause
            return [exc] * len(rows)
        except Exception as exc:
            if len(rows) == 1:
                logger.exception("a %s row of model %s could not be run", key.part, key.model)
                return [exc]
        return [
            answer for row in rows for answer in self._answers(run, key, [row], alone)
        ]  # only the row that causes the error fails

    def _enqueue(self, line: _Line, waiting: _Waiting) -> None:
        with self._lock:
            if self._closed:
                waiting.answer.set_exception(_stopping())
                return
            if not line.rows:
                self._lines.append(line)
            line.rows.append(waiting)
            self._wake_one(line.key)

    def _drop(self, lines: Sequence[_Line], rows: int, owner: _Owner) -> None:
        self._count(owner, -rows)
        with self._lock:
            for line in lines:
                if line.rows:
                    line.rows.clear()
                    self._lines.remove(line)


def _stopping() -> Unavailable:
    return Unavailable("the service is stopping; send the request again", retry_after=5)


def _answer(batch: Sequence[_Waiting], answers: "Sequence[Row | Exception]") -> None:
    if batch:
        with contextlib.suppress(RuntimeError):  # the event loop has ended, and with it all callers
            batch[0].answer.get_loop().call_soon_threadsafe(_deliver, batch, answers)


def _deliver(batch: Sequence[_Waiting], answers: "Sequence[Row | Exception]") -> None:
    for waiting, answer in zip(batch, answers, strict=True):
        if waiting.answer.done():  # cancelled meanwhile
            continue
        if isinstance(answer, Exception):
            waiting.answer.set_exception(answer)
        else:
            waiting.answer.set_result(answer)


class Caller:
    """The reserved places of one caller; leaving the context releases them and drops waiting rows."""

    def __init__(self, batcher: Batcher, rows: int, owner: _Owner) -> None:
        self._batcher = batcher
        self._rows = rows
        self._owner = owner
        self._lines: dict[Key, _Line] = {}
        self._answers: set[asyncio.Future[Row]] = set()  # of rows that wait or run

    def submit(self, key: Key, row: Row) -> "asyncio.Future[Row]":
        """Queue a row; the future holds its answer: the raw vector (d,) of an encoder, the outputs of an analyser."""
        assert len(self._answers) < self._rows, "more rows at once than were admitted"
        answer: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        self._answers.add(answer)
        answer.add_done_callback(self._answers.discard)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(key, self._batcher.max_batch(key))
        self._batcher._enqueue(line, _Waiting(row, answer, time.perf_counter()))
        return answer

    def __enter__(self) -> "Caller":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._batcher._drop(list(self._lines.values()), self._rows, self._owner)
        for answer in list(self._answers):
            if not answer.done():
                answer.cancel()


@dataclass(frozen=True)
class QueueSlots:
    """A batcher whose reserved places are counted in the metrics of one modality."""

    batcher: Batcher
    modality: Modality

    @contextlib.contextmanager
    def admit(self, rows: int) -> Iterator[Caller]:
        """Batcher.admit, counted in the metrics."""
        with self.batcher.admit(rows) as caller:
            gauge = QUEUE_ITEMS[self.modality]
            gauge.inc(rows)
            try:
                yield caller
            finally:
                gauge.dec(rows)
