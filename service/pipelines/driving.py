"""Generators of analysers: their rows go to the shared batches, and their code runs in the decoding threads."""

import asyncio
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from models.analysers.spec import Arrays, Work
from service.inference.batching import Caller, Key
from service.inference.engine import AnalyserModel, Engine
from service.inference.sessions import owner

ROWS = 4  # rows of one generator in the batcher at once
T = TypeVar("T")


async def drive(engine: Engine, model: AnalyserModel, steps: Generator[Work, Sequence[Arrays], T], caller: Caller) -> T:
    """Run a generator of an analyser: its code in a thread, its rows in shared batches."""
    name = owner(model.spec)
    given: Sequence[Arrays] | None = None
    while True:
        made = await engine.in_thread(lambda given=given: _advance(steps, given))  # type: ignore[misc]
        if isinstance(made, _End):
            return made.result
        rows: list[Arrays] = []
        for start in range(0, len(made.rows), ROWS):
            few = made.rows[start : start + ROWS]
            keys = [Key(name, made.part, tuple(array.shape for array in row)) for row in few]
            rows += await asyncio.gather(*(caller.submit(key, row) for key, row in zip(keys, few, strict=True)))
        given = rows


@dataclass(frozen=True)
class _End(Generic[T]):
    result: T


def _advance(steps: Generator[Work, Sequence[Arrays], T], given: Sequence[Arrays] | None) -> Work | _End[T]:
    try:
        return next(steps) if given is None else steps.send(given)
    except StopIteration as end:
        return _End(end.value)
