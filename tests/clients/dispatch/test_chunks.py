"""Iterables of users: run in one thread, beside the answers, and never waited for in vain."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from daguerre.dispatch.chunks import Chunks
from daguerre.dispatch.stream import Limits, stream
from daguerre.types.common import Payload, Receipt
from daguerre.types.embeddings import EmbedAnswer


class Sized:
    def __init__(self, number: int, size: int, told: bool) -> None:
        self.id, self._size, self._told = str(number), size, told

    @property
    def size_hint(self) -> int | None:
        return self._size if self._told else None

    def read(self) -> Payload:
        return Payload(image=bytes(self._size))


async def ask(items):
    receipt = Receipt("m", "r", "f", "fp32", "CPU", "exact", False)
    vectors = np.zeros((len(items), 2), np.float32)
    return EmbedAnswer(vectors=vectors, receipt=receipt, failures={}, truncated=[], tokens=0, request_id=None)


def parts_of(sources, **limits):
    async def collect():
        with ThreadPoolExecutor(4) as executor:
            return [part async for part in stream(iter(sources), ask, Limits(**limits), executor=executor)]

    return asyncio.run(collect())


def test_sizes_that_are_only_known_after_reading_count_as_much():
    for told in (True, False):
        chunks = Chunks((Sized(i, 40, told) for i in range(5)), items=10, size=100)
        assert [len(chunks.take()) for _ in range(4)] == [2, 2, 1, 0]


def test_an_iterable_is_run_and_ended_in_one_thread():
    seen = set()

    def given():
        try:
            for i in range(200):
                seen.add(threading.get_ident())
                yield Sized(i, 1, True)
        finally:
            seen.add(threading.get_ident())

    parts_of(given(), items=3)
    assert len(seen) == 1
    assert not [thread for thread in threading.enumerate() if thread.name == "daguerre-pull"]


def test_answers_do_not_wait_for_a_slow_iterable():
    def given():
        yield Sized(0, 1, True)
        time.sleep(0.5)
        yield Sized(1, 1, True)

    async def first():
        with ThreadPoolExecutor(2) as executor:
            parts = stream(given(), ask, Limits(items=1), executor=executor)
            started = time.monotonic()
            await parts.__anext__()
            seconds = time.monotonic() - started
            await parts.aclose()
            return seconds

    assert asyncio.run(first()) < 0.4


def test_what_an_iterable_raises_comes_after_the_parts_before_it():
    def given():
        yield Sized(0, 1, True)
        raise OSError("the disk is gone")

    async def collect():
        got = []
        with ThreadPoolExecutor(2) as executor:
            try:
                async for part in stream(given(), ask, Limits(items=1), executor=executor):
                    got.append(part.start)
            except OSError as exc:
                got.append(str(exc))
        return got

    assert asyncio.run(collect()) == [0, "the disk is gone"]


def test_an_iterable_that_gives_nothing_more_does_not_keep_a_cancelled_run():
    released = threading.Event()

    def given():
        yield Sized(0, 1, True)
        released.wait(30)

    async def cancelled():
        with ThreadPoolExecutor(2) as executor:
            parts = stream(given(), ask, Limits(items=1), executor=executor)
            await parts.__anext__()
            started = time.monotonic()
            await parts.aclose()
            return time.monotonic() - started

    try:
        assert asyncio.run(cancelled()) < 5
    finally:
        released.set()
