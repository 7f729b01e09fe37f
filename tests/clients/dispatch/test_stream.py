"""The core: chunks within limits, in order, in bounded memory; what is tried again, and for how long."""

import asyncio
import gc
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daguerre import errors
from daguerre.dispatch import retry
from daguerre.dispatch.retry import retried
from daguerre.dispatch.stream import Limits, stream
from daguerre.inputs.source import Unreadable
from daguerre.types.common import Failure, Payload, Receipt
from daguerre.types.embeddings import EmbedAnswer

RECEIPT = Receipt("m", "r", "f", "fp32", "CPU", "exact", False)


class Text:
    """An item whose vector is its own number."""

    def __init__(self, number: int, size: int = 1, fails: bool = False) -> None:
        self.id, self.size_hint, self._fails = str(number), size, fails
        self._payload = (number, size)

    def read(self) -> Payload:
        if self._fails:
            raise Unreadable("unreadable_file", "cannot be read")
        number, size = self._payload
        return Payload(text=f"{number:06d}".ljust(size, "x"))


def answer(items: Sequence[Payload], fingerprint: str = "f", failures: dict[int, Failure] | None = None) -> EmbedAnswer:
    vectors = np.array([[float((item.text or "")[:6])] for item in items], np.float32)
    receipt = Receipt("m", "r", fingerprint, "fp32", "CPU", "exact", False)
    return EmbedAnswer(
        vectors=vectors, receipt=receipt, failures=failures or {}, truncated=[0], tokens=len(items), request_id="id"
    )


def run(sources, ask, **limits):
    async def collect():
        with ThreadPoolExecutor(4) as executor:
            return [part async for part in stream(iter(sources), ask, Limits(**limits), executor=executor)]

    return asyncio.run(collect())


@given(
    sizes=st.lists(st.integers(0, 60), max_size=60),
    items=st.integers(1, 9),
    most=st.integers(1, 100),
    in_flight=st.integers(1, 4),
)
def test_chunks_keep_to_the_limits_and_to_the_order(sizes, items, most, in_flight):
    asked = []

    async def ask(payloads):
        asked.append(len(payloads))
        await asyncio.sleep(0)
        return answer(payloads)

    parts = run([Text(i, size) for i, size in enumerate(sizes)], ask, items=items, bytes=most, in_flight=in_flight)
    assert [source.id for part in parts for source in part.sources] == [str(i) for i in range(len(sizes))]
    assert [part.start for part in parts] == list(np.cumsum([0, *(len(part.sources) for part in parts)])[:-1])
    for part in parts:
        assert len(part.sources) <= items
        assert len(part.sources) == 1 or sum(source.size_hint for source in part.sources) <= most
        assert part.answer is not None
        assert part.answer.vectors[:, 0].tolist() == [float(source.id) for source in part.sources]
        assert part.answer.tokens == len(part.sources)


@given(sizes=st.lists(st.integers(6, 40), min_size=1, max_size=30), most=st.integers(6, 60))
def test_what_the_server_finds_too_large_is_sent_in_halves(sizes, most):
    async def ask(payloads):
        if sum(payload.size for payload in payloads) > most:
            raise errors.TooLargeError("too large", code="body_too_large", status=413)
        return answer(payloads)

    parts = run([Text(i, size) for i, size in enumerate(sizes)], ask, items=8)
    for part in parts:
        fits = [i for i, source in enumerate(part.sources) if source.size_hint <= most]
        assert list(part.rows) == fits
        assert set(part.failures) == set(range(len(part.sources))) - set(fits)
        assert {failure.code for failure in part.failures.values()} <= {"body_too_large"}
        if fits:
            assert part.answer.vectors[:, 0].tolist() == [float(part.sources[i].id) for i in fits]
        else:
            assert part.answer is None


def test_failures_of_halves_keep_their_places():
    async def ask(payloads):
        if len(payloads) > 2:
            raise errors.TooLargeError("too large", code="body_too_large", status=413)
        return answer(payloads, failures={1: Failure("invalid_text", "no")})

    (part,) = run([Text(i, fails=i == 0) for i in range(5)], ask, items=8)
    assert part.failures[0].code == "unreadable_file"
    assert {i for i, failure in part.failures.items() if failure.code == "invalid_text"} == {2, 4}
    assert part.answer.truncated == [0, 2]


def test_a_chunk_of_which_nothing_can_be_read_asks_nobody():
    async def ask(payloads):
        raise AssertionError("asked")

    (part,) = run([Text(i, fails=True) for i in range(3)], ask)
    assert part.answer is None
    assert len(part.failures) == 3


def test_requests_in_flight_and_memory_are_bounded():
    alive = peak = flying = most_flying = 0
    lock = threading.Lock()

    class Counted(str):
        def __new__(cls, text):
            nonlocal alive, peak
            with lock:
                alive += 1
                peak = max(peak, alive)
            return super().__new__(cls, text)

        def __del__(self):
            nonlocal alive
            with lock:
                alive -= 1

    class Heavy(Text):
        def read(self):
            return Payload(text=Counted(super().read().text))

    async def ask(payloads):
        nonlocal flying, most_flying
        flying += 1
        most_flying = max(most_flying, flying)
        await asyncio.sleep(0.001)
        flying -= 1
        return answer(payloads)

    run([Heavy(i) for i in range(2000)], ask, items=10, in_flight=3)
    gc.collect()
    assert most_flying == 3
    assert 30 < peak <= 2 * 3 * 10 + 10
    assert alive == 0


def test_an_error_cancels_what_is_in_flight_and_leaves_nothing():
    cancelled = []

    async def ask(payloads):
        if payloads[0].text.startswith("000000"):
            await asyncio.sleep(0.02)
            raise errors.NotFoundError("no such model", code="unknown_model", status=404)
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    async def collect():
        with ThreadPoolExecutor(4) as executor:
            with pytest.raises(errors.NotFoundError):
                async for _ in stream((Text(i) for i in range(50)), ask, Limits(items=2), executor=executor):
                    pass
            assert len(asyncio.all_tasks()) == 1

    asyncio.run(collect())
    assert len(cancelled) in (3, 4)  # the place of the failed one may have been taken already


def test_another_fingerprint_in_the_middle_ends_the_run():
    async def ask(payloads):
        return answer(payloads, fingerprint="f" if payloads[0].text < "000004" else "g")

    with pytest.raises(errors.FingerprintMismatchError, match=r"f before, g .* must not be mixed"):
        run([Text(i) for i in range(8)], ask, items=2, in_flight=1)


class Clock:
    def __init__(self) -> None:
        self.time = 0.0
        self.waits: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.time += seconds


def tried(fails: list[Exception], *, retry_for=60.0, chance=1.0):
    clock = Clock()
    left = list(fails)

    async def ask():
        if left:
            raise left.pop(0)
        return "done"

    try:
        found = asyncio.run(retried(ask, retry_for=retry_for, clock=clock, chance=lambda: chance))
    except Exception as exc:
        found = exc
    return found, clock.waits, len(fails) - len(left)


def gone(**options) -> Exception:
    return errors.UnavailableError("away", code="unavailable", status=503, **options)


@pytest.mark.parametrize(
    "error",
    [
        errors.ConnectError("no", code="unreachable"),
        errors.OverloadedError("full", code="overloaded", status=429),
        gone(),
        errors.ServerTimeoutError("late", code="timeout", status=504),
    ],
)
def test_what_may_pass_is_tried_again_with_growing_pauses(error):
    found, waits, _ = tried([error] * 5)
    assert found == "done"
    assert waits == [0.25, 0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 415, 422, 500])
def test_what_will_not_pass_is_not(status):
    error = errors.of_status(status)("no", code="x", status=status)
    found, waits, asked = tried([error])
    assert (found, waits, asked) == (error, [], 1)


def test_retry_after_is_obeyed_and_spread_by_chance():
    _, waits, _ = tried([gone(retry_after=7.0)] * 2, chance=0.25)
    assert waits == [7.0625, 7.125]


def test_trying_ends_with_the_error_when_its_time_is_over():
    error = gone()
    found, waits, asked = tried([error] * 100, retry_for=10.0)
    assert found is error
    assert sum(waits) <= 10.0
    assert asked == len(waits) + 1 == 6  # 0.25 + 0.5 + 1 + 2 + 4, and 8 would be too late
    found, waits, asked = tried([error], retry_for=0.0)
    assert (found, waits, asked) == (error, [], 1)


def test_pauses_have_a_ceiling():
    _, waits, _ = tried([gone()] * 12, retry_for=1e9)
    assert max(waits) == retry.LONGEST_PAUSE


@pytest.mark.parametrize("wrong", [{"items": 0}, {"bytes": 0}, {"in_flight": 0}, {"retry_for": -1.0}])
def test_limits_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


def test_a_slow_disk_is_read_while_requests_are_under_way():
    class Slow(Text):
        def read(self):
            time.sleep(0.02)
            return super().read()

    async def ask(payloads):
        await asyncio.sleep(0.02)
        return answer(payloads)

    started = time.monotonic()
    run([Slow(i) for i in range(40)], ask, items=1, in_flight=4)
    assert time.monotonic() - started < 40 * 0.04 / 1.5  # one after the other: 1.6 s


def test_too_many_labels_are_not_a_matter_of_fewer_items():
    asked = []

    async def ask(payloads):
        asked.append(len(payloads))
        raise errors.TooLargeError("labels: got 1001", code="too_many_labels", status=413, param="labels")

    with pytest.raises(errors.TooLargeError, match="labels"):
        run([Text(i) for i in range(8)], ask)
    assert asked == [8]


def test_where_nobody_listens_trying_ends_soon():
    nobody = errors.ConnectError("refused", code="unreachable", nobody=True)
    found, waits, _ = tried([nobody] * 100)
    assert found is nobody
    assert sum(waits) <= retry.NOBODY
    found, waits, _ = tried([nobody] * 2)
    assert found == "done"
    assert tried([nobody] * 100, retry_for=0.0)[1] == []
