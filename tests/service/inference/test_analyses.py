"""Long computations: in turn by caller, stopped when nobody waits, and their threads always given back."""

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.errors import Unavailable
from service.inference import analyses as module
from service.inference.analyses import Analyses
from service.inference.fair_threads import one_caller


def steps(n: int, *, seconds: float = 0.01) -> Callable[[Callable[[], None]], int]:
    """Work of `n` steps with a check after each."""

    def work(check: Callable[[], None]) -> int:
        for _ in range(n):
            time.sleep(seconds)
            check()
        return n

    return work


async def of(analyses: Analyses, caller: str, work: Callable[[Any], Any]) -> float:
    """The seconds until the work of a caller is done."""
    one_caller(caller)
    started = time.monotonic()
    await analyses.compute(work)
    return time.monotonic() - started


def free(analyses: Analyses, turns: int) -> bool:
    return analyses._free == turns and not analyses._waiting and not analyses._live


async def settled(analyses: Analyses, turns: int) -> None:
    async with asyncio.timeout(5):
        while not free(analyses, turns):
            await asyncio.sleep(0.005)


def test_a_short_computation_does_not_wait_for_the_long_ones_of_others() -> None:
    async def main() -> tuple[float, bool]:
        analyses = Analyses(1)
        long = [asyncio.create_task(of(analyses, caller, steps(1000))) for caller in "aab"]
        await asyncio.sleep(0.05)
        seconds = await of(analyses, "c", steps(1))
        done = any(task.done() for task in long)
        for task in long:
            task.cancel()
        await asyncio.gather(*long, return_exceptions=True)
        await settled(analyses, 1)
        analyses.close()
        return seconds, done

    seconds, done = asyncio.run(main())
    assert not done
    assert seconds < 6 * module.SLICE


def test_callers_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 0.02)

    async def main() -> dict[str, int]:
        analyses, count = Analyses(1), {"a": 0, "b": 0}

        def counting(caller: str) -> Callable[[Callable[[], None]], None]:
            def work(check: Callable[[], None]) -> None:
                while True:
                    time.sleep(0.002)
                    count[caller] += 1
                    check()

            return work

        tasks = [asyncio.create_task(of(analyses, caller, counting(caller))) for caller in ("a", "a", "a", "a", "b")]
        await asyncio.sleep(1)
        for task in tasks:
            task.cancel()
        await settled(analyses, 1)
        analyses.close()
        return count

    count = asyncio.run(main())
    assert 0.5 < count["b"] / count["a"] < 2


def test_no_more_than_the_turns_run_at_once() -> None:
    running = most = 0
    lock = threading.Lock()

    def work(check: Callable[[], None]) -> None:
        nonlocal running, most
        for _ in range(20):
            with lock:
                running += 1
                most = max(most, running)
            time.sleep(0.002)
            with lock:
                running -= 1
            check()

    async def main() -> None:
        analyses = Analyses(2)
        await asyncio.gather(*(asyncio.create_task(of(analyses, caller, work)) for caller in "abcdefgh"))
        await settled(analyses, 2)
        analyses.close()

    asyncio.run(main())
    assert most == 2


def test_the_computation_of_a_caller_who_leaves_ends_at_its_next_check() -> None:
    ended = threading.Event()

    def work(check: Callable[[], None]) -> None:
        try:
            steps(10_000)(check)
        finally:
            ended.set()

    async def main() -> None:
        analyses = Analyses(1)
        task = asyncio.create_task(of(analyses, "a", work))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(ended.wait, 1)
        await settled(analyses, 1)
        analyses.close()

    asyncio.run(main())


def test_a_computation_whose_turn_is_over_also_ends_when_its_caller_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLICE", 0.0)
    ended = threading.Event()

    def paused(check: Callable[[], None]) -> None:
        try:
            steps(10_000)(check)
        finally:
            ended.set()

    async def main() -> None:
        analyses = Analyses(1)
        first = asyncio.create_task(of(analyses, "a", paused))
        await asyncio.sleep(0.03)
        hold = threading.Event()
        second = asyncio.create_task(of(analyses, "b", lambda check: hold.wait(5)))  # has the turn, without a check
        await asyncio.sleep(0.1)
        first.cancel()
        assert await asyncio.to_thread(ended.wait, 1)
        hold.set()
        await second
        await settled(analyses, 1)
        analyses.close()

    asyncio.run(main())


def test_when_the_service_stops_computations_end_with_a_sentence() -> None:
    async def main() -> None:
        analyses = Analyses(1)
        tasks = [asyncio.create_task(of(analyses, caller, steps(10_000))) for caller in "ab"]
        await asyncio.sleep(2 * module.SLICE)
        analyses.close()
        done, _ = await asyncio.wait(tasks, timeout=2, return_when=asyncio.FIRST_COMPLETED)
        assert done
        with pytest.raises(Unavailable, match="the service is stopping"):
            await done.pop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(main())


def test_errors_reach_the_caller() -> None:
    async def main() -> None:
        analyses = Analyses(1)
        with pytest.raises(ZeroDivisionError):
            await analyses.compute(lambda check: 1 // 0)
        assert await analyses.compute(lambda check: 2) == 2
        analyses.close()

    asyncio.run(main())


@settings(max_examples=30, deadline=None)
@given(
    works=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 8), st.booleans(), st.integers(0, 9)), min_size=1, max_size=14
    ),
    turns=st.integers(1, 3),
)
def test_turns_are_given_back_whatever_is_cancelled_or_fails(
    works: list[tuple[str, int, bool, int]], turns: int
) -> None:
    def work_of(n: int, fails: bool) -> Callable[[Callable[[], None]], None]:
        def work(check: Callable[[], None]) -> None:
            steps(n, seconds=0.001)(check)
            if fails:
                raise ValueError

        return work

    async def main() -> None:
        analyses = Analyses(turns)
        tasks = [asyncio.create_task(of(analyses, caller, work_of(n, fails))) for caller, n, fails, _ in works]
        for task, (_, _, _, pause) in zip(tasks, works, strict=True):
            if pause < 5:
                await asyncio.sleep(0.001 * pause)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await settled(analyses, turns)
        assert await asyncio.gather(*(analyses.compute(lambda check: 1) for _ in range(5))) == [1] * 5
        await settled(analyses, turns)
        analyses.close()

    slice_before, module.SLICE = module.SLICE, 0.0  # as many pauses as there can be
    try:
        asyncio.run(main())
    finally:
        module.SLICE = slice_before
