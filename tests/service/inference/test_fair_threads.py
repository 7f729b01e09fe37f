"""Work of several requests in few threads: in turn, in order, and never lost."""

import asyncio
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.inference.fair_threads import FairThreads, one_request


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
