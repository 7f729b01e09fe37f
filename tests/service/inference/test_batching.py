"""The batcher, with real threads: every row its own answer, nobody starved, nothing run that nobody waits for."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from contextlib import ExitStack

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from service.errors import Overloaded, Unavailable
from service.inference.batching import Batcher, Caller, Key, QueueSlots
from service.inference.fair_threads import one_caller, one_request

SECONDS = 30  # what must come at all
KEYS = [Key("a", "image", 224), Key("a", "text", 8), Key("a", "text", 16), Key("b", "text", 8)]
IMAGES = KEYS[0]


def row(number, key=IMAGES):
    """A row that says who it is."""
    return np.array([KEYS.index(key), number], np.float64)


def answer(row):
    return np.array([row[0], row[1], row[0] * 1e6 + row[1]], np.float32)


class Recorder:
    """A `run` that keeps what it was asked; `gate` holds it up while closed."""

    def __init__(self, fails=lambda row: None, pause=0.0):
        self.batches = []
        self.alone = []
        self.began = threading.Semaphore(0)
        self.gate = threading.Event()
        self.gate.set()
        self.fails = fails
        self.pause = pause

    def __call__(self, key, rows, alone):
        self.batches.append((key, [row.copy() for row in rows]))
        self.alone.append(alone)
        self.began.release()
        assert self.gate.wait(SECONDS)
        time.sleep(self.pause)
        for row in rows:
            self.fails(row)
        return np.stack([answer(row) for row in rows])

    def numbers(self):
        return [int(row[1]) for _, rows in self.batches for row in rows]

    async def has_begun(self):
        assert await asyncio.to_thread(self.began.acquire, True, SECONDS)


@contextlib.contextmanager
def batcher(run, *, most=8, capacity=10_000, lanes=1, **more):
    limit = most if callable(most) else lambda key: most
    made = Batcher(run, max_batch=limit, capacity=capacity, lanes=lanes, **more)
    try:
        yield made
    finally:
        if isinstance(run, Recorder):
            run.gate.set()
        made.close()


async def ask(batcher, numbers, key=IMAGES):
    """A caller of rows `numbers`; their answers, in order."""
    with batcher.admit(len(numbers)) as caller:
        return await asyncio.gather(*[caller.submit(key, row(n, key)) for n in numbers])


def within(coroutine):
    async def timed():
        return await asyncio.wait_for(coroutine, SECONDS)

    return asyncio.run(timed())


# every row its own answer


@settings(max_examples=40, deadline=None)
@given(
    callers=st.lists(
        st.lists(st.tuples(st.sampled_from(KEYS), st.booleans()), min_size=1, max_size=25), min_size=1, max_size=6
    ),
    limits=st.fixed_dictionaries({key: st.integers(1, 6) for key in KEYS}),
    lanes=st.integers(1, 3),
)
def test_every_row_gets_its_own_answer_in_batches_of_one_key_within_the_limit(callers, limits, lanes):
    run = Recorder(pause=0.0002)

    async def one(made, who, rows):
        with made.admit(len(rows)) as caller:
            futures = []
            for i, (key, waits) in enumerate(rows):
                if waits:
                    await asyncio.sleep(0)
                futures.append((caller.submit(key, row(100 * who + i, key)), row(100 * who + i, key)))
            for future, mine in futures:
                np.testing.assert_array_equal(await future, answer(mine))

    async def everyone():
        with batcher(run, most=limits.__getitem__, lanes=lanes) as made:
            await asyncio.gather(*[one(made, who, rows) for who, rows in enumerate(callers)])
            return made.admitted

    assert within(everyone()) == 0
    for key, rows in run.batches:
        assert 1 <= len(rows) <= limits[key]
        assert {int(row[0]) for row in rows} == {KEYS.index(key)}
    wanted = Counter(
        (KEYS.index(key), 100 * who + i) for who, rows in enumerate(callers) for i, (key, _) in enumerate(rows)
    )
    assert Counter((int(row[0]), int(row[1])) for _, rows in run.batches for row in rows) == wanted  # once each


def test_what_waits_while_a_batch_runs_shares_the_next_one():
    run = Recorder()

    async def main():
        with batcher(run, most=8) as made:
            run.gate.clear()
            first = asyncio.ensure_future(ask(made, [0]))
            await run.has_begun()
            others = [asyncio.ensure_future(ask(made, [n])) for n in range(1, 6)]
            await asyncio.sleep(0)
            run.gate.set()
            await asyncio.gather(first, *others)

    within(main())
    assert [len(rows) for _, rows in run.batches] == [1, 5]


def test_lanes_run_at_the_same_time():
    run = Recorder()

    async def main():
        with batcher(run, most=1, lanes=3) as made:
            run.gate.clear()
            waiting = asyncio.ensure_future(ask(made, [0, 1, 2]))
            for _ in range(3):
                await run.has_begun()  # all three, and none has ended
            run.gate.set()
            await waiting

    within(main())


def test_a_model_of_one_batch_at_a_time_leaves_the_other_lanes_free():
    run = Recorder()

    async def main():
        with batcher(run, most=1, lanes=2, one_batch={"a"}) as made:
            run.gate.clear()
            slow = asyncio.ensure_future(ask(made, [0, 1, 2]))
            await run.has_begun()
            other = asyncio.ensure_future(ask(made, [3], key=KEYS[3]))
            await run.has_begun()  # it does not wait for the rows of the other model that came before
            assert [key.model for key, _ in run.batches] == ["a", "b"]
            run.gate.set()
            await asyncio.gather(slow, other)

    within(main())
    assert sorted(run.numbers()) == [0, 1, 2, 3]


def test_a_batch_is_told_whether_it_has_the_machine_to_itself():
    run = Recorder()

    async def main():
        with batcher(run, most=2, lanes=2) as made:
            await ask(made, [0])
            run.gate.clear()
            first = asyncio.ensure_future(ask(made, [1]))
            await run.has_begun()
            await run.has_begun()
            second = asyncio.ensure_future(ask(made, [2]))
            await run.has_begun()
            run.gate.set()
            await asyncio.gather(first, second)
            await ask(made, [3])

    within(main())
    assert run.numbers() == [0, 1, 2, 3]
    assert run.alone == [True, True, False, True]


# fairness


@pytest.mark.parametrize("key", [IMAGES, KEYS[3]], ids=["of the same key", "of another key"])
def test_one_row_among_a_thousand_waits_for_two_batches_at_most(key):
    run = Recorder()

    async def main():
        with batcher(run, most=8) as made:
            run.gate.clear()
            many = asyncio.ensure_future(ask(made, range(1000)))
            await run.has_begun()
            one = asyncio.ensure_future(ask(made, [5000], key))
            await asyncio.sleep(0)
            run.gate.set()
            await asyncio.gather(one, many)

    within(main())
    position = next(i for i, (_, rows) in enumerate(run.batches) if any(row[1] == 5000 for row in rows))
    assert position <= 2  # 0 was running when it came
    assert sorted(run.numbers()) == [*range(1000), 5000]


def test_many_small_callers_are_all_served_before_a_large_one_has_a_second_turn():
    run = Recorder()

    async def main():
        with batcher(run, most=4) as made:
            run.gate.clear()
            many = asyncio.ensure_future(ask(made, range(1000)))
            await run.has_begun()
            few = [asyncio.ensure_future(ask(made, [5000 + n])) for n in range(11)]
            await asyncio.sleep(0)
            run.gate.set()
            await asyncio.gather(many, *few)

    within(main())
    turns = [[int(row[1]) for row in rows] for _, rows in run.batches]
    assert {n for turn in turns[1:4] for n in turn if n >= 5000} == set(range(5000, 5011))
    assert sum(n < 5000 for turn in turns[1:4] for n in turn) == 1


def test_a_lone_caller_fills_whole_batches():
    run = Recorder()

    async def main():
        with batcher(run, most=8) as made:
            run.gate.clear()
            waiting = asyncio.ensure_future(ask(made, range(33)))
            await run.has_begun()
            run.gate.set()
            await waiting

    within(main())
    assert [len(rows) for _, rows in run.batches][1:-1] == [8] * (len(run.batches) - 2)


# what nobody waits for


def test_rows_of_a_cancelled_caller_are_never_run():
    run = Recorder()

    async def main():
        with batcher(run, most=4) as made:
            run.gate.clear()
            gone = asyncio.ensure_future(ask(made, range(100)))
            await run.has_begun()
            stays = asyncio.ensure_future(ask(made, [500, 501]))
            await asyncio.sleep(0)
            assert made.admitted == 102
            gone.cancel()
            with pytest.raises(asyncio.CancelledError):
                await gone
            assert made.admitted == 2
            run.gate.set()
            await stays

    within(main())
    assert [[int(row[1]) for row in rows] for _, rows in run.batches[1:]] == [[500, 501]]
    assert len(run.batches[0][1]) <= 4


def test_a_caller_that_leaves_with_an_error_takes_its_rows_along():
    run = Recorder()

    async def main():
        with batcher(run, most=1) as made:
            run.gate.clear()
            with contextlib.suppress(LookupError), made.admit(10) as caller:
                futures = [caller.submit(IMAGES, row(n)) for n in range(10)]
                await run.has_begun()
                raise LookupError("the caller's own")
            assert made.admitted == 0
            assert all(future.cancelled() for future in futures)
            run.gate.set()
            np.testing.assert_array_equal(await ask(made, [77]), [answer(row(77))])

    within(main())
    assert run.numbers() == [0, 77]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=12), st.integers(1, 3))
def test_cancellation_at_any_moment_harms_nobody_else(callers, lanes):
    run = Recorder(pause=0.0002)

    async def main():
        with batcher(run, most=3, lanes=lanes) as made:
            tasks = []
            for who, (size, leaves) in enumerate(callers):
                tasks.append((asyncio.ensure_future(ask(made, range(100 * who, 100 * who + size))), who, size, leaves))
                await asyncio.sleep(0)
            for task, _, _, leaves in tasks:
                if leaves:
                    task.cancel()
                    await asyncio.sleep(0)
            for task, who, size, leaves in tasks:
                try:
                    got = await task
                except asyncio.CancelledError:
                    assert leaves
                else:
                    np.testing.assert_array_equal(got, [answer(row(100 * who + i)) for i in range(size)])
            return made.admitted

    assert within(main()) == 0


# bounds


def test_what_does_not_fit_is_refused_with_a_time_to_come_back():
    run = Recorder()

    async def main():
        with batcher(run, capacity=10) as made:
            with made.admit(6):
                with pytest.raises(Overloaded) as caught:
                    made.admit(5)
                with made.admit(4):
                    assert made.admitted == 10
                    with pytest.raises(Overloaded):
                        made.admit(1)
                assert made.admitted == 6
            assert made.admitted == 0
            with made.admit(10):
                pass
            return caught.value

    refused = within(main())
    assert (refused.status, refused.code) == (429, "overloaded")
    assert refused.retry_after >= 1
    assert "6 items are waiting and 5 more do not fit into 10" in refused.message
    assert run.batches == []


def test_the_time_to_come_back_grows_with_what_waits_and_how_long_it_takes():
    run = Recorder(pause=0.4)

    async def main():
        with batcher(run, most=1, capacity=1000) as made:
            await ask(made, [0])
            told = []
            for waiting in (100, 1000):
                with made.admit(waiting), pytest.raises(Overloaded) as caught:
                    made.admit(1000)
                told.append(caught.value.retry_after)
            return told

    few, many = within(main())
    assert 2 <= few < many


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 8)), max_size=40), st.integers(1, 20))
def test_what_is_admitted_is_what_is_open_and_never_more_than_fits(steps, capacity):
    with batcher(Recorder(), capacity=capacity) as made:
        places = []
        for enters, rows in steps:
            if enters:
                try:
                    places.append((made.admit(rows).__enter__(), rows))
                except Overloaded:
                    assert sum(size for _, size in places) + rows > capacity
            elif places:
                places.pop(0)[0].__exit__(None, None, None)
            assert made.admitted == sum(size for _, size in places) <= capacity


@pytest.mark.parametrize("error", [ValueError("bad row"), Unavailable("the runner is away", retry_after=2)])
def test_a_place_is_given_back_after_an_error(error):
    def fails(row):
        raise error

    async def main():
        with batcher(Recorder(fails), capacity=3) as made:
            for _ in range(5):
                with pytest.raises(type(error)):
                    await ask(made, [0, 1, 2])
                assert made.admitted == 0

    within(main())


def test_more_rows_than_were_admitted_is_our_own_mistake():
    async def main():
        with batcher(Recorder()) as made, made.admit(1) as caller:
            caller.submit(IMAGES, row(0))
            with pytest.raises(AssertionError, match="admitted"):
                caller.submit(IMAGES, row(1))

    within(main())


# errors


def test_a_row_that_cannot_be_run_fails_alone():
    def fails(row):
        if row[1] == 13:
            raise ValueError("unlucky")

    run = Recorder(fails)

    async def main():
        with batcher(run, most=8) as made:
            run.gate.clear()
            first = asyncio.ensure_future(ask(made, [0]))
            await run.has_begun()
            others = [asyncio.ensure_future(ask(made, [n])) for n in (11, 12, 13, 14)]
            await asyncio.sleep(0)
            run.gate.set()
            return await asyncio.gather(first, *others, return_exceptions=True)

    got = within(main())
    assert len(run.batches[1][1]) == 4  # they did run together
    for number, result in zip((0, 11, 12, 13, 14), got, strict=True):
        if number == 13:
            assert isinstance(result, ValueError)
            assert str(result) == "unlucky"
        else:
            np.testing.assert_array_equal(result, [answer(row(number))])


def test_a_runner_that_is_away_is_not_asked_again_for_each_row():
    def fails(row):
        raise Unavailable("the runner is away", retry_after=2)

    run = Recorder(fails)

    async def main():
        with batcher(run, most=8) as made:
            run.gate.clear()
            first = asyncio.ensure_future(ask(made, [0]))
            await run.has_begun()
            others = asyncio.ensure_future(ask(made, range(1, 6)))
            await asyncio.sleep(0)
            run.gate.set()
            return await asyncio.gather(first, others, return_exceptions=True)

    assert [type(result) for result in within(main())] == [Unavailable, Unavailable]
    assert [len(rows) for _, rows in run.batches] == [1, 5]


def test_a_lane_outlives_errors():
    def fails(row):
        if row[1] % 2:
            raise MemoryError("too large")

    async def main():
        with batcher(Recorder(fails), most=3) as made:
            for number in range(20):
                if number % 2:
                    with pytest.raises(MemoryError):
                        await ask(made, [number])
                else:
                    np.testing.assert_array_equal(await ask(made, [number]), [answer(row(number))])

    within(main())


@pytest.mark.filterwarnings("ignore")
def test_an_encoder_that_answers_too_few_rows_is_an_error_and_no_endless_wait():
    async def main():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        with batcher(lambda key, rows, alone: np.zeros((len(rows) - 1, 3), np.float32)) as made:
            await asyncio.wait_for(ask(made, [0, 1]), 1)

    with pytest.raises(Exception) as caught:  # noqa: PT011  (any, but not the test's patience)
        within(main())
    assert not isinstance(caught.value, TimeoutError)


# the end


def test_close_ends_the_threads_and_lets_what_runs_end():
    run = Recorder()

    async def main():
        made = Batcher(run, max_batch=lambda key: 1, capacity=10, lanes=2, name="closing")
        run.gate.clear()
        running = asyncio.ensure_future(ask(made, [0]))
        await run.has_begun()
        closing = asyncio.ensure_future(asyncio.to_thread(made.close))
        await asyncio.sleep(0.05)
        assert not closing.done()
        run.gate.set()
        await closing
        np.testing.assert_array_equal(await running, [answer(row(0))])

    within(main())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("closing")]


def test_close_cancels_what_waits():
    run = Recorder()

    async def main():
        made = Batcher(run, max_batch=lambda key: 1, capacity=10)
        run.gate.clear()
        running = asyncio.ensure_future(ask(made, [0]))
        await run.has_begun()
        waiting = asyncio.ensure_future(ask(made, [1]))
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(asyncio.to_thread(made.close))
        await asyncio.sleep(0.05)
        run.gate.set()
        await closing
        await running
        with pytest.raises((asyncio.CancelledError, Unavailable)):
            await asyncio.wait_for(asyncio.shield(waiting), 1)

    within(main())


def test_a_closed_batcher_takes_nothing():
    async def main():
        made = Batcher(Recorder(), max_batch=lambda key: 1, capacity=10)
        made.close()
        with pytest.raises((asyncio.CancelledError, Unavailable)):
            await asyncio.wait_for(ask(made, [0]), 1)

    within(main())


def test_a_loop_that_ended_does_not_take_the_lanes_along():
    """A server's loop ends while a batch runs; the next one, a test's or a restarted worker's, is answered."""
    run = Recorder()
    with batcher(run, most=1) as made:
        run.gate.clear()

        async def leaves():
            waiting = asyncio.ensure_future(ask(made, [0]))
            await run.has_begun()
            waiting.cancel()
            await asyncio.wait([waiting])

        asyncio.run(leaves())
        run.gate.set()
        np.testing.assert_array_equal(within(ask(made, [1])), [answer(row(1))])
    assert made.admitted == 0


# several devices


def test_rows_run_on_devices_that_serve_them_and_a_free_one_is_woken():
    """The first serves only images, the second everything: texts never reach the first, and neither stands idle."""
    runs = [Recorder(), Recorder()]

    async def main():
        made = Batcher(runs, max_batch=lambda key: 1, capacity=99, serves=lambda i, key: i == 1 or key.part == "image")
        for run in runs:
            run.gate.clear()
        calls = [asyncio.ensure_future(ask(made, [0], KEYS[1]))]
        await runs[1].has_begun()
        calls += [asyncio.ensure_future(ask(made, [n], KEYS[1])) for n in (1, 2)]  # wait, though the first is free
        calls.append(asyncio.ensure_future(ask(made, [3])))
        await runs[0].has_begun()  # overtakes the texts, which are not for this device
        for run in runs:
            run.gate.set()
        await asyncio.gather(*calls)
        await asyncio.to_thread(made.close)

    within(main())
    assert [run.numbers() for run in runs] == [[3], [0, 1, 2]]


def test_a_device_that_serves_again_is_told_to_look():
    run = Recorder()
    there = []

    async def main():
        made = Batcher([run], max_batch=lambda key: 4, capacity=9, serves=lambda i, key: bool(there))
        call = asyncio.ensure_future(ask(made, [0, 1]))
        await asyncio.sleep(0.05)
        assert run.batches == []
        there.append(True)
        made.look_again()
        await call
        await asyncio.to_thread(made.close)

    within(main())


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.integers(1, 9)), min_size=1, max_size=8),
    st.integers(1, 3),
    st.integers(1, 2),
)
def test_every_row_is_answered_once_whatever_the_devices(callers, devices, lanes):
    runs = [Recorder(pause=0.0002) for _ in range(devices)]

    async def main():
        made = Batcher(
            runs,
            max_batch=lambda key: 3,
            capacity=99,
            lanes=lanes,
            serves=lambda i, key: key.part == "text" or i == 0,
        )
        tasks = [
            asyncio.ensure_future(ask(made, range(100 * who, 100 * who + size), key))
            for who, (key, size) in enumerate(callers)
        ]
        for who, ((key, size), got) in enumerate(zip(callers, await asyncio.gather(*tasks), strict=True)):
            np.testing.assert_array_equal(got, [answer(row(100 * who + i, key)) for i in range(size)])
        await asyncio.to_thread(made.close)

    within(main())
    numbers = sorted(number for run in runs for number in run.numbers())
    assert numbers == sorted(100 * who + i for who, (_, size) in enumerate(callers) for i in range(size))
    assert not any(key.part == "image" for run in runs[1:] for key, _ in run.batches)


# what the metrics say of the queue


def queued(modality):
    return REGISTRY.get_sample_value("daguerre_queue_items", {"modality": modality})


def test_the_queue_counts_places_by_modality_and_forgets_them_however_a_caller_leaves():
    before = queued("image"), queued("text")

    def grown():
        return queued("image") - before[0], queued("text") - before[1]

    with batcher(Recorder(), capacity=10) as made:
        images, texts = QueueSlots(made, "image"), QueueSlots(made, "text")
        with images.admit(3), texts.admit(5):
            assert grown() == (3, 5)
            with pytest.raises(Overloaded), images.admit(3):
                pass
            assert grown() == (3, 5)
            with contextlib.suppress(LookupError), images.admit(2):
                assert grown() == (5, 5)
                raise LookupError("the caller's own")
            assert grown() == (3, 5)
        assert grown() == (0, 0)
        assert made.admitted == 0


def test_one_caller_cannot_fill_the_queue() -> None:
    """With several requests it gets three quarters of it; a single request may have all."""

    async def main() -> None:
        made = Batcher(Recorder(), max_batch=lambda key: 1, capacity=100)

        def admitted(caller: str | None, rows: int) -> Caller:
            one_caller(caller)
            one_request()
            return made.admit(rows)

        with ExitStack() as held:
            held.enter_context(admitted("ann", 70))
            with pytest.raises(
                Overloaded, match=r"70 of 100 places are this caller's, and with 10 more .* 20 that are left"
            ):
                admitted("ann", 10)
            held.enter_context(admitted("ann", 5))
            with pytest.raises(Overloaded, match="DAGUERRE_QUEUE"):
                admitted("ann", 1)
            held.enter_context(admitted("ben", 20))
            with pytest.raises(Overloaded, match="the queue is full"):
                admitted("cai", 6)
            held.enter_context(admitted("cai", 5))
        with admitted("ann", 60), made.admit(40):  # images and texts of one request
            pass
        with admitted(None, 60), admitted(None, 40):  # no caller is known: jobs of videos
            pass
        assert made.admitted == 0
        assert not made._by_caller
        assert not made._by_request
        made.close()

    asyncio.run(main())
