"""Work of several requests in few threads: in turn, in order, and never lost."""

import asyncio
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.inference.fair_threads import LARGE, FairThreads, FairTurns, one_caller, one_request


async def request(threads: FairThreads, name: str, number: int, done: list[str], seconds: float = 0.01) -> None:
    one_request()

    def work() -> None:
        time.sleep(seconds)
        done.append(name)

    await asyncio.gather(*(threads.run(work) for _ in range(number)))


def test_one_piece_of_work_does_not_wait_for_a_hundred() -> None:
    async def main() -> list[str]:
        threads, done = FairThreads(2, name="t"), []
        big = [asyncio.create_task(request(threads, name, 50, done)) for name in "ab"]
        await asyncio.sleep(0.05)
        await request(threads, "c", 1, done)
        seen = list(done)
        await asyncio.gather(*big)
        threads.close()
        return seen

    assert len(asyncio.run(main())) < 25


def test_requests_take_turns() -> None:
    async def main() -> list[str]:
        threads, done = FairThreads(1, name="t"), []
        await asyncio.gather(*(request(threads, name, 10, done) for name in "ab"))
        threads.close()
        return done

    done = asyncio.run(main())
    assert abs(done[:10].count("a") - 5) <= 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=1, max_size=12), st.integers(1, 3))
def test_threads_are_given_back_whatever_is_cancelled_or_fails(requests, number) -> None:
    running, most, lock = 0, 0, threading.Lock()

    def work(fails: bool) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.001)
        with lock:
            running -= 1
        if fails:
            raise ValueError

    async def main() -> None:
        threads = FairThreads(number, name="t")
        tasks = [asyncio.create_task(threads.run(lambda fails=fails: work(fails))) for _, fails in requests]
        for task, (pause, _) in zip(tasks, requests, strict=True):
            if pause < 2:
                await asyncio.sleep(0.0005 * pause)
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(5):
            assert await asyncio.gather(*(threads.run(lambda: 1) for _ in range(5))) == [1] * 5
        async with asyncio.timeout(5):  # work of a caller who left may still run
            while threads._free < number:
                await asyncio.sleep(0.001)
        assert threads._free == number
        threads.close()

    asyncio.run(main())
    assert most <= number


def test_errors_reach_the_caller() -> None:
    async def main() -> None:
        threads = FairThreads(1, name="t")
        with pytest.raises(ZeroDivisionError):
            await threads.run(lambda: 1 // 0)
        assert await threads.run(lambda: 2) == 2
        threads.close()

    asyncio.run(main())


def test_a_caller_with_many_requests_does_not_keep_another_waiting() -> None:
    async def caller(threads: FairThreads, name: str, requests: int, done: list[str]) -> None:
        one_caller(name)
        await asyncio.gather(*(asyncio.create_task(request(threads, name, 1, done)) for _ in range(requests)))

    async def main() -> list[str]:
        threads, done = FairThreads(1, name="t"), []
        big = asyncio.create_task(caller(threads, "a", 60, done))
        await asyncio.sleep(0.05)
        await asyncio.create_task(caller(threads, "b", 2, done))
        seen = list(done)
        await big
        threads.close()
        assert not threads._shares
        return seen

    seen = asyncio.run(main())
    first = seen.index("b")
    assert seen[first:].count("a") <= 3


def test_callers_share_time_rather_than_turns() -> None:
    async def main() -> list[str]:
        threads, done = FairThreads(1, name="t"), []

        async def caller(name: str, seconds: float, number: int) -> None:
            one_caller(name)
            await request(threads, name, number, done, seconds)

        await asyncio.gather(
            asyncio.create_task(caller("slow", 0.04, 10)), asyncio.create_task(caller("quick", 0.004, 40))
        )
        threads.close()
        return done

    done = asyncio.run(main())
    assert done.index("quick") <= 2
    assert done[:30].count("slow") <= 8  # turns would take all ten


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc"), st.booleans()), min_size=1, max_size=20),
    st.integers(1, 3),
)
def test_memory_is_bounded_and_all_work_is_done(works, number) -> None:
    used, most, lock = 0, 0, threading.Lock()
    limit = 10

    def work(memory: int) -> None:
        nonlocal used, most
        with lock:
            used += memory
            if 0 < memory < used:
                most = max(most, used)
        time.sleep(0.0005)
        with lock:
            used -= memory

    async def main() -> None:
        threads = FairThreads(number, name="t", memory=limit)

        async def one(memory: int, name: str) -> None:
            one_caller(name)
            one_request()
            await threads.run(lambda: work(memory), memory=memory)

        tasks = [asyncio.create_task(one(memory, name)) for memory, name, _ in works]
        for task, (_, _, cancelled) in zip(tasks, works, strict=True):
            if cancelled:
                await asyncio.sleep(0.0003)
                task.cancel()
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
        for _ in range(100):
            if threads._free == number:
                break
            await asyncio.sleep(0.01)
        assert (threads._free, threads._free_for_large, threads._used) == (number, max(1, number - 1), 0)
        assert await threads.run(lambda: 1) == 1
        threads.close()

    asyncio.run(main())
    assert most <= limit


def test_one_thread_is_kept_free_of_large_work() -> None:
    async def main() -> float:
        threads = FairThreads(2, name="t", memory=100 * LARGE)
        large = [asyncio.create_task(threads.run(lambda: time.sleep(0.2), memory=LARGE + 1)) for _ in range(4)]
        await asyncio.sleep(0.05)
        began = time.perf_counter()
        await threads.run(lambda: None)
        waited = time.perf_counter() - began
        await asyncio.gather(*large)
        threads.close()
        return waited

    assert asyncio.run(main()) < 0.15


def test_a_place_is_given_back_whatever_happens_while_it_is_held():
    async def hold(turns: FairTurns, memory: int, fails: bool) -> None:
        async with turns.turn(memory):
            await asyncio.sleep(0.001)
            if fails:
                raise ValueError

    async def main() -> None:
        turns = FairTurns(2, memory=100)
        held = [
            asyncio.create_task(hold(turns, memory, i % 2 == 0)) for i, memory in enumerate([0, 500, 60, 60, 0] * 4)
        ]
        await asyncio.sleep(0.002)
        held[-1].cancel()
        await asyncio.wait_for(asyncio.gather(*held, return_exceptions=True), 10)
        assert (turns._free, turns._used) == (2, 0)
        async with asyncio.timeout(5), turns.turn(500), turns.turn():
            pass

    asyncio.run(main())
