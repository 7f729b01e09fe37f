"""EmbedStream: everything in order, never more in memory than a window, nothing computed for nobody."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import grpc
import httpx
import numpy as np
import pytest

from daguerre_proto.v1 import common_pb2
from daguerre_proto.v1.common_pb2 import Item, ModelOptions
from daguerre_proto.v1.embeddings_pb2 import EmbedOptions, EmbedRequest, EmbedStreamRequest
from tests.e2e.grpc_calls import embed_request, error, stub, vectors
from tests.e2e.harness import ROOT, Server, jpeg, metrics

SKIP = EmbedOptions(model_options=ModelOptions(on_error=common_pb2.ON_ERROR_SKIP))
PHOTOS = [jpeg(name, width=200) for name in ("chelsea", "coffee", "rocket")]
COUNTER = 'daguerre_items_total{modality="%s",operation="embeddings"}'


def messages(texts: int, each: int, options: EmbedOptions | None = SKIP) -> Iterator[EmbedStreamRequest]:
    for start in range(0, texts, each):
        items = [Item(text=f"text {i}", id=f"t{i}") for i in range(start, min(start + each, texts))]
        yield EmbedStreamRequest(options=options if start == 0 else None, items=items)


def computed(server: Server, kind: str) -> float:
    with server.client() as client:
        return metrics(client).get(COUNTER % kind, 0.0)


def settled(server: Server, kind: str) -> float:
    """The counter once it stands still."""
    last = computed(server, kind)
    for _ in range(40):
        time.sleep(0.25)
        now = computed(server, kind)
        if now == last:
            return now
        last = now
    raise AssertionError("it goes on")


def until_refused(server: Server, given: Iterator[EmbedStreamRequest]) -> tuple[int, dict[str, Any]]:
    """How many answers there were, and what the stream was ended with."""
    answers = 0
    try:
        with stub(server) as daguerre:
            for _ in daguerre.EmbedStream(given, timeout=60):
                answers += 1
    except grpc.RpcError as exc:
        return answers, error(exc)
    raise AssertionError("it was not refused")


def test_answers_come_in_order_one_for_each_message(server: Server) -> None:
    with stub(server) as daguerre:
        answers = list(daguerre.EmbedStream(messages(205, 8), timeout=60))
        alone = daguerre.Embed(embed_request({"input": [f"text {i}" for i in range(205)]}), timeout=60)
    assert [len(answer.data) for answer in answers] == [8] * 25 + [5]
    entries = [entry for answer in answers for entry in answer.data]
    assert [(entry.index, entry.id) for entry in entries] == [(i, f"t{i}") for i in range(205)]
    assert np.abs(vectors(entries) - vectors(alone.data)).max() < 1e-6
    assert sum(answer.prompt_tokens for answer in answers) == alone.prompt_tokens
    assert {answer.dimension for answer in answers} == {1280}
    assert (answers[0].model, answers[0].receipt) == ("embedded", alone.receipt)
    assert not any(answer.model or answer.HasField("receipt") for answer in answers[1:])


def test_images_and_texts_of_one_message_stay_together(server: Server) -> None:
    items = [Item(image=PHOTOS[0]), Item(text="word " * 900), Item(image=b"no", id="bad"), Item(text="b")]
    with stub(server) as daguerre:
        first, second = daguerre.EmbedStream(
            iter([EmbedStreamRequest(options=SKIP, items=items), EmbedStreamRequest(items=items)]), timeout=60
        )
    assert [entry.WhichOneof("result") for entry in first.data] == ["vector", "vector", "error", "vector"]
    assert (list(first.truncated), list(second.truncated)) == ([1], [5])
    assert (second.data[2].index, second.data[2].id, second.data[2].error.code) == (6, "bad", "unsupported_image")


def test_the_first_message_may_have_options_alone_and_no_other_one_any(server: Server) -> None:
    with stub(server) as daguerre:
        (answer,) = daguerre.EmbedStream(
            iter([EmbedStreamRequest(options=SKIP), EmbedStreamRequest(items=[Item(text="a")])]), timeout=60
        )
        assert (answer.model, answer.data[0].index) == ("embedded", 0)
        assert list(daguerre.EmbedStream(iter(()), timeout=60)) == []
        assert list(daguerre.EmbedStream(iter([EmbedStreamRequest(options=SKIP)]), timeout=60)) == []
        answers = daguerre.EmbedStream(
            iter([EmbedStreamRequest(items=[Item(text="a")]), EmbedStreamRequest(options=SKIP)]), timeout=60
        )
        with pytest.raises(grpc.RpcError) as caught:
            list(answers)
        assert error(caught.value)["param"] == "options"
        with pytest.raises(grpc.RpcError) as caught:
            list(daguerre.EmbedStream(iter([EmbedStreamRequest(options=SKIP), EmbedStreamRequest()]), timeout=60))
        assert "has no items" in error(caught.value)["message"]


def test_an_unusable_item_ends_the_stream_unless_it_is_to_be_skipped(server: Server) -> None:
    given = [EmbedStreamRequest(items=[Item(text="a"), Item(text="b")]) for _ in range(3)]
    given += [EmbedStreamRequest(items=[Item(text="c"), Item(text="", id="bad")]), *given]
    answers, found = until_refused(server, iter(given))
    assert answers == 3
    assert (found["code"], found["items"][0]["index"], found["items"][0]["id"]) == ("invalid_items", 7, "bad")
    assert "input[7]" in found["message"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (EmbedOptions(model_options=ModelOptions(model="clip")), "unknown_model"),
        (EmbedOptions(dimensions=3), "invalid_request"),
    ],
)
def test_wrong_options_end_it_at_once(server: Server, options: EmbedOptions, code: str) -> None:
    with stub(server) as daguerre, pytest.raises(grpc.RpcError) as caught:
        list(daguerre.EmbedStream(messages(10, 1, options), timeout=60))
    assert error(caught.value)["code"] == code


def test_a_writer_that_nobody_reads_is_held_back(server: Server) -> None:
    """The reader takes one answer and stops: the server takes a window of items and no more."""
    before = settled(server, "text")
    written = 0

    def many() -> Iterator[EmbedStreamRequest]:
        nonlocal written
        for start in range(0, 60_000, 20):
            written += 20
            items = [Item(text=f"text {i} " + "and more " * 300) for i in range(start, start + 20)]  # 2.7 kB each
            yield EmbedStreamRequest(items=items)

    with stub(server) as daguerre:
        answers = daguerre.EmbedStream(many(), timeout=60)
        next(answers)
        taken = settled(server, "text") - before
        answers.cancel()
    # 64 under way, and what HTTP/2's windows hold of answers of 100 kB
    assert 20 <= taken < 6000, taken
    assert written < 15_000  # of 60,000: 40 MB
    time.sleep(0.5)
    assert settled(server, "text") - before < taken + 2 * 64


def test_a_caller_who_leaves_costs_nothing_more(server: Server) -> None:
    before = settled(server, "image")

    def many() -> Iterator[EmbedStreamRequest]:
        while True:
            yield EmbedStreamRequest(items=[Item(image=photo) for photo in PHOTOS * 4])

    with stub(server) as daguerre:
        answers = daguerre.EmbedStream(many(), timeout=60)
        for _ in range(3):
            next(answers)
        answers.cancel()
        time.sleep(0.3)
        first = computed(server, "image")
        time.sleep(1.0)
        assert computed(server, "image") == first
        assert first - before < 36 + 64 + 12
        with pytest.raises(grpc.RpcError) as caught:
            for _ in daguerre.EmbedStream(many(), timeout=0.5):
                pass
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        time.sleep(0.3)
        first = computed(server, "image")
        time.sleep(1.0)
        assert computed(server, "image") == first


@pytest.mark.thorough
def test_a_unary_caller_is_not_kept_waiting_by_streams(server: Server) -> None:
    with stub(server) as daguerre:
        streams = [daguerre.EmbedStream(_forever(), timeout=60) for _ in range(2)]
        taken = [0, 0]

        def read(number: int) -> None:
            try:
                for answer in streams[number]:
                    taken[number] += len(answer.data)
            except grpc.RpcError:
                pass  # cancelled below

        readers = [threading.Thread(target=read, args=(number,)) for number in range(2)]
        for reader in readers:
            reader.start()
        waits = []
        while len(waits) < 5 or (sum(taken) < 600 and sum(waits) < 30):
            started = time.monotonic()
            daguerre.Embed(EmbedRequest(items=[Item(image=PHOTOS[0])]), timeout=30)
            waits.append(time.monotonic() - started)
        for stream in streams:
            stream.cancel()
        for reader in readers:
            reader.join(10)
    rows = median(waits) * sum(taken) / sum(waits)  # of the streams, while it waited: 128 behind both windows
    assert rows < 48, (rows, waits)
    assert min(taken) > max(taken) / 3, taken


LEAVES = """
import sys, time
import grpc
from tests.e2e.grpc_calls import DaguerreStub
from tests.e2e.test_grpc_stream import messages
answers = DaguerreStub(grpc.insecure_channel(sys.argv[1])).EmbedStream(messages(60_000, 20), timeout=60)
next(answers)
print("begun", flush=True)
time.sleep(60)
"""


def test_a_caller_who_dies_while_he_is_answered_is_no_error_of_ours(server: Server) -> None:
    """The server is in the middle of sending: nothing but a 499 is to be seen of it (the log has no traceback)."""
    said = len(server.said())
    command = [sys.executable, "-c", LEAVES, server.grpc_target]
    caller = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert caller.stdout
    assert caller.stdout.readline() == b"begun\n"
    settled(server, "text")  # held back: it waits for room to send
    caller.kill()
    caller.wait(10)
    caller.stdout.close()
    for _ in range(50):
        if "embeddings_stream answered" in server.said()[said:]:
            break
        time.sleep(0.1)
    assert "embeddings_stream answered 499" in server.said()[said:]
    assert "Traceback" not in server.said()


def _forever() -> Iterator[EmbedStreamRequest]:
    while True:
        yield EmbedStreamRequest(items=[Item(image=photo) for photo in PHOTOS * 8])


@pytest.mark.thorough
def test_a_full_queue_slows_a_stream_down_and_refuses_it_nothing(strict_server: Server) -> None:
    """The queue holds 48 items; six streams want 64 each."""
    got: list[int] = []
    wrong: list[Any] = []

    def one() -> None:
        with stub(strict_server) as daguerre:
            try:
                got.append(sum(len(answer.data) for answer in daguerre.EmbedStream(messages(320, 16), timeout=60)))
            except grpc.RpcError as exc:
                wrong.append(exc)

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not wrong
    assert got == [320] * 6


def test_a_message_over_the_limit_ends_its_stream_after_the_others_answers(strict_server: Server) -> None:
    def given() -> Iterator[EmbedStreamRequest]:
        yield EmbedStreamRequest(items=[Item(text="a")])
        yield EmbedStreamRequest(items=[Item(image=bytes(1000)) for _ in range(31)] + [Item(image=bytes(5 * 2**20))])

    answers, found = until_refused(strict_server, given())
    assert (answers, found["code"]) == (1, "body_too_large")


def test_streams_are_counted(server: Server, client: httpx.Client) -> None:
    series = 'daguerre_requests_total{operation="embeddings_stream",status="200",transport="grpc"}'
    before = metrics(client).get(series, 0.0)
    with stub(server) as daguerre:
        list(daguerre.EmbedStream(messages(8, 8), timeout=60))
    assert metrics(client)[series] == before + 1
    assert metrics(client)['daguerre_requests_in_flight{transport="grpc"}'] == 0
