"""Rows in memory or in a file, gone through in blocks by one process, by several, or by workers elsewhere.

A product of matrices may round otherwise where its shape is another. A block therefore holds the same rows wherever it
is computed, and what blocks return is added up in their order: the result has the same bits with any number of workers.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]
Int = NDArray[np.intp]
Which = slice | Int
T = TypeVar("T")
R = TypeVar("R")
ROWS = 16_384  # rows of a block

Mapper = Callable[
    [Callable[[T], R], Iterable[T]], Iterable[R]
]  # as the built-in map: results in the order of the tasks


class Source(Protocol):
    """Rows (n, d) in float32, of which parts can be sent to another process."""

    @property
    def shape(self) -> tuple[int, int]: ...

    def part(self, which: Which) -> "Part":
        """Some of the rows, not read yet."""
        ...


class Part(Protocol):
    """Rows of a source, which can be pickled."""

    def read(self) -> Rows: ...


@dataclass(frozen=True)
class Held:
    """Rows in memory; a part of them, too."""

    rows: Rows

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows.shape[0], self.rows.shape[1]

    def part(self, which: Which) -> "Held":
        return Held(self.rows[which])

    def read(self) -> Rows:
        return self.rows


@dataclass(frozen=True)
class Stored:
    """Rows in a .npy file of float32, which every worker can open; a part is read from it where it is used."""

    path: Path
    shape: tuple[int, int]
    which: Which | None = None

    def part(self, which: Which) -> "Stored":
        return Stored(self.path, self.shape, which)

    def read(self) -> Rows:
        rows: Rows = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return np.asarray(rows if self.which is None else rows[self.which])


@dataclass(frozen=True)
class View:
    """Some rows of a source in an order of their own: row i of the view is row `order[i]` of the source.

    Blocks go through the source from its beginning to its end, whatever the order, unless all rows fit one block: what
    is computed from that depends on the order of the view alone.

    Attributes
    ----------
    order : (m,) indexes of rows of the source; None: all, in their order.
    mapper : runs a function on all tasks, and yields the results in their order.
    """

    source: Source
    order: Int | None = None
    mapper: Mapper[Any, Any] = map
    _places: Int | None = None  # rows of the view in the order of the source

    @classmethod
    def of(cls, x: "Data") -> "View":
        """The rows as a view; a view is returned as it is."""
        return x if isinstance(x, View) else cls(Held(x))

    def only(self, which: Int) -> "View":
        """A view of some rows, in this order."""
        order = which if self.order is None else self.order[which]
        return View(self.source, order, self.mapper, np.argsort(order, kind="stable") if len(order) > ROWS else None)

    def __len__(self) -> int:
        return self.source.shape[0] if self.order is None else len(self.order)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), self.source.shape[1]

    def __getitem__(self, which: Which) -> Rows:
        return self.source.part(which if self.order is None else self.order[which]).read()

    def array(self) -> Rows:
        """All rows in memory: those of the source itself if the view has its order and they are held."""
        return self[:]

    def map(self, function: Callable[..., R], *shared: Any, along: Sequence[NDArray[Any] | None] = ()) -> Iterator[R]:
        """`function(rows, *shared, *parts)` of each block, in the order of the blocks.

        Parameters
        ----------
        along : arrays of one value per row, of which a block gets its own; None stays None.
        """
        for _, result in self.blocks(function, *shared, along=along):
            yield result

    def each(
        self,
        function: Callable[..., NDArray[Any]],
        *shared: Any,
        dtype: Any,
        along: Sequence[NDArray[Any] | None] = (),
    ) -> NDArray[Any]:
        """One value of `function` per row, (m,), in the order of the view."""
        values = np.empty(len(self), dtype)
        for places, result in self.blocks(function, *shared, along=along):
            values[places] = result
        return values

    def blocks(
        self, function: Callable[..., R], *shared: Any, along: Sequence[NDArray[Any] | None] = ()
    ) -> Iterator[tuple[Which, R]]:
        """The same as `map`, with the rows of the view that are in each block."""
        blocks = list(self._places_of_blocks())

        def tasks() -> Iterator[Any]:
            for places, rows in blocks:
                own = [None if values is None else values[places] for values in along]
                yield self.source.part(rows), function, (*shared, *own)

        mapper: Mapper[Any, R] = self.mapper if len(blocks) > 1 else map
        for (places, _), result in zip(blocks, mapper(run_task, tasks()), strict=True):
            yield places, result

    def _places_of_blocks(self) -> Iterator[tuple[Which, Which]]:
        """Rows of the view and of the source that are a block."""
        for start in range(0, len(self), ROWS):
            place: Which = slice(start, min(start + ROWS, len(self)))
            if self._places is not None:
                place = self._places[place]
            yield place, place if self.order is None else self.order[place]


Data = Rows | View


def run_task(task: tuple[Part, Callable[..., R], tuple[Any, ...]]) -> R:
    """Read a block and call a function on it: the task that a mapper runs."""
    part, function, arguments = task
    return function(part.read(), *arguments)


def in_pool(pool: Executor, workers: int) -> Mapper[Any, Any]:
    """A mapper over the threads or processes of a pool."""

    def mapped(function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        return _ordered(tasks, lambda task: pool.submit(function, task), Future.result, ahead=2 * workers)

    return mapped


def over_ray(workers: int) -> Mapper[Any, Any]:
    """A mapper over a running Ray cluster, whose workers have this code and see the same files.

    Ray is no dependency of the service: install it, and call ray.init first.
    """
    import ray

    run: Any = ray.remote(run_task)

    def mapped(function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        assert function is run_task, "views map nothing else"
        return _ordered(tasks, run.remote, ray.get, ahead=2 * workers)

    return mapped


@contextmanager
def in_threads(workers: int) -> Iterator[Mapper[Any, Any]]:
    """A mapper over threads, during which each has one thread of the BLAS; with one worker, the built-in map."""
    if workers == 1:
        yield map
        return
    from threadpoolctl import ThreadpoolController

    controller = ThreadpoolController()
    with ThreadPoolExecutor(workers) as pool:
        mapper = in_pool(pool, workers)

        def mapped(function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
            with controller.limit(limits=1, user_api="blas"):
                yield from mapper(function, tasks)

        yield mapped


def watched(report: Callable[[float, str], None], mapper: Mapper[Any, Any]) -> tuple[Any, Mapper[Any, Any]]:
    """`report` and `mapper` so that the last report is repeated after each block: it may end the computation."""
    last: tuple[float, str] = (0.0, "")

    def remember(progress: float, stage: str) -> None:
        nonlocal last
        last = (progress, stage)
        report(progress, stage)

    def mapped(function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        for result in mapper(function, tasks):
            report(*last)
            yield result

    return remember, mapped


def _ordered(tasks: Iterable[T], submit: Callable[[T], Any], result: Callable[[Any], R], *, ahead: int) -> Iterator[R]:
    """Results in the order of the tasks, of which at most `ahead` are waiting or done and not taken."""
    waiting: deque[Any] = deque()
    for task in tasks:
        waiting.append(submit(task))
        if len(waiting) >= ahead:
            yield result(waiting.popleft())
    while waiting:
        yield result(waiting.popleft())
