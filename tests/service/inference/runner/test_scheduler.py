"""Turns, with real threads: every bundle its own answer, no more at once than there are places, nobody overtaken."""

import threading
import time

import numpy as np
import pytest

from service.inference.batching import Key
from service.inference.runner.scheduler import SharedScheduler

SECONDS = 20
IMAGES, TEXTS = Key("a", "image", 4), Key("a", "text", 8)


class Recorder:
    """A `run` that keeps what it was asked; `gate` holds it up while closed."""

    def __init__(self, fails=lambda stack: None):
        self.gate = threading.Event()
        self.began = threading.Semaphore(0)
        self.ran = []
        self.at_once = self.most = 0
        self.fails = fails
        self._lock = threading.Lock()

    def __call__(self, key, stacks, alone):
        (stack,) = stacks
        with self._lock:
            self.ran.append((key, stack[:, 0].tolist(), alone))
            self.at_once += 1
            self.most = max(self.most, self.at_once)
        self.began.release()
        assert self.gate.wait(SECONDS)
        with self._lock:
            self.at_once -= 1
        self.fails(stack)
        return ((stack * 10).astype(np.float32),)


class Callers:
    """Threads that each bring a bundle; those that must wait are told to have begun one after the other."""

    def __init__(self, turns):
        self.turns = turns
        self.got = {}
        self.threads = []

    def bring(self, numbers, key=IMAGES, alone=False):
        stack = np.array([[n, n] for n in numbers])

        def run():
            try:
                self.got[tuple(numbers)] = self.turns.run(key, (stack,), alone)[0][:, 0].tolist()
            except Exception as exc:
                self.got[tuple(numbers)] = exc

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def wait(self, count):
        """Until `count` bundles wait."""
        end = time.monotonic() + SECONDS
        while len(self.turns._waiting) < count:
            assert time.monotonic() < end
            time.sleep(0.001)

    def join(self):
        for thread in self.threads:
            thread.join(SECONDS)
            assert not thread.is_alive()


def made(run, most=4, places=1):
    return Callers(SharedScheduler(run, max_batch=lambda key: most, places=places))


def test_what_waits_runs_together_up_to_a_batch_in_the_order_in_which_it_came():
    run = Recorder()
    callers = made(run)
    callers.bring([0])
    assert run.began.acquire(timeout=SECONDS)
    for count, numbers in enumerate(([1], [2, 3], [4, 5], [6]), 1):
        callers.bring(numbers)
        callers.wait(count)
    run.gate.set()
    callers.join()
    assert [rows for _, rows, _ in run.ran] == [[0], [1, 2, 3, 6], [4, 5]]
    assert callers.got == {(0,): [0], (1,): [10], (2, 3): [20, 30], (4, 5): [40, 50], (6,): [60]}


def test_only_bundles_of_one_key_run_together():
    run = Recorder()
    callers = made(run)
    callers.bring([0])
    assert run.began.acquire(timeout=SECONDS)
    for count, (numbers, key) in enumerate([([1], TEXTS), ([2], IMAGES), ([3], TEXTS)], 1):
        callers.bring(numbers, key)
        callers.wait(count)
    run.gate.set()
    callers.join()
    assert [(key, rows) for key, rows, _ in run.ran] == [(IMAGES, [0]), (TEXTS, [1, 3]), (IMAGES, [2])]


def test_there_are_never_more_batches_at_once_than_places():
    run = Recorder()
    callers = made(run, most=1, places=2)
    for n in range(6):
        callers.bring([n])
    for _ in range(2):
        assert run.began.acquire(timeout=SECONDS)
    callers.wait(4)
    run.gate.set()
    callers.join()
    assert run.most == 2
    assert callers.got == {(n,): [10 * n] for n in range(6)}
    callers.bring([7])  # the places are free again
    callers.join()
    assert callers.got[7,] == [70]


def test_a_bundle_has_the_machine_to_itself_only_where_nothing_else_runs_or_waits():
    run = Recorder()
    callers = made(run, most=1, places=2)
    callers.bring([0], alone=True)
    assert run.began.acquire(timeout=SECONDS)
    callers.bring([1], alone=True)  # beside 0
    assert run.began.acquire(timeout=SECONDS)
    callers.bring([2], alone=True)  # waits for a place
    callers.wait(1)
    run.gate.set()
    callers.join()
    callers.bring([3], alone=True)
    callers.join()
    callers.bring([4], alone=False)  # more waits where it comes from
    callers.join()
    assert {rows[0]: alone for _, rows, alone in run.ran} == {0: True, 1: False, 2: False, 3: True, 4: False}


def test_a_bundle_with_a_bad_row_fails_alone():
    def fails(stack):
        if 2 in stack:
            raise ValueError("unlucky")

    run = Recorder(fails)
    callers = made(run)
    callers.bring([0])
    assert run.began.acquire(timeout=SECONDS)
    for count, n in enumerate((1, 2, 3), 1):
        callers.bring([n])
        callers.wait(count)
    run.gate.set()
    callers.join()
    assert run.ran[1][1] == [1, 2, 3]  # they did run together
    assert isinstance(callers.got.pop((2,)), ValueError)
    assert callers.got == {(0,): [0], (1,): [10], (3,): [30]}
    callers.bring([5])
    callers.join()
    assert callers.got[5,] == [50]


def test_an_encoder_that_loses_rows_is_an_error():
    turns = SharedScheduler(lambda key, stacks, alone: (stacks[0][1:],), max_batch=lambda key: 4, places=1)
    with pytest.raises(RuntimeError, match=r"answered \[1\] of 2"):
        turns.run(IMAGES, (np.ones((2, 2)),), True)


def test_bundles_of_several_arrays_are_merged_and_parted():
    """Each caller gets its own part of each output, although one graph ran them together."""
    gate, ran = threading.Event(), []

    def run(key, stacks, alone):
        first, second = stacks
        ran.append(len(first))
        assert gate.wait(SECONDS)
        return first + second[:, :1], second * 2, first[:, 0] == 0

    turns, got = SharedScheduler(run, max_batch=lambda key: 8, places=1), {}

    def bring(n):
        first, second = np.full((n, 2), n), np.full((n, 3), 10 * n)
        got[n] = turns.run(IMAGES, (first, second), False)

    threads = [threading.Thread(target=bring, args=(n,)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + SECONDS
    while len(turns._waiting) < 2:
        assert time.monotonic() < end
    gate.set()
    for thread in threads:
        thread.join(SECONDS)
    assert len(ran) == 2  # one alone, two together
    for n, (added, doubled, zero) in got.items():
        np.testing.assert_array_equal(added, np.full((n, 2), 11 * n))
        np.testing.assert_array_equal(doubled, np.full((n, 3), 20 * n))
        assert zero.tolist() == [False] * n
