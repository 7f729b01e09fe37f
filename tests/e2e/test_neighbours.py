"""An ordinary caller beside heavy ones with another key: long computations, and a queue full of jobs.

`python -m bench.neighbours` measures the same with the largest requests that the limits allow.
"""

import base64
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import orjson
import pytest

from daguerre_proto.v1 import corpus_pb2
from daguerre_proto.v1.classifiers_pb2 import Vectors
from tests.e2e import grpc_calls, harness
from tests.e2e.harness import Server, assert_error, jpeg

ANN, BEN = "the-key-of-ann", "the-key-of-ben"
TIMEOUT = 12.0  # more than LEAVES, so that it is not what ends a computation
LEAVES = 8.0  # seconds until the computation of a caller who left must have ended: one, where nobody else computes
PHOTO = jpeg("chelsea", width=160)
RNG = np.random.default_rng(0)
PAIRS = 60_000
WORDS = {"modality": "image", "model": "mine", "fingerprint": "mine", "dimension": 64}


def rows(n: int) -> bytes:
    return RNG.standard_normal((n, 64)).astype("<f4").tobytes()


AGREEMENT = {
    "coder": ["a", "b"] * 60_000,
    "item": [f"i{i}" for i in range(60_000) for _ in "ab"],
    "code": RNG.integers(0, 5, 120_000).tolist(),
    "level": "ordinal",
    "resamples": 10_000,
}
COMPARISON = {
    "a": RNG.integers(0, 999, PAIRS).tolist(),
    "b": [1000] * PAIRS,
    "same": (RNG.random(PAIRS) < 0.2).tolist(),
    "clusterings": {name: RNG.integers(0, 9, 1001).tolist() for name in "xyz"},
    "resamples": 10_000,
}
SAMPLE = {"design": "stratified", "strata": [f"s{i}" for i in range(600_000)], "size": 500_000}
DRAW = {
    "clusterings": {f"c{k}": RNG.integers(0, 20_000, 120_000).tolist() for k in range(8)},
    "within": 0,
    "between": 50_000,
}
CORPUS, QUERIES = rows(60_000), rows(30_000)
SEARCH = {
    "vectors": [{**WORDS, "data": base64.b64encode(CORPUS).decode()}],
    "queries": {**WORDS, "data": base64.b64encode(QUERIES).decode()},
    "k": 10,
}
ANALYSES = {
    "agreement": AGREEMENT, "comparisons": COMPARISON, "samples": SAMPLE, "pairs": DRAW, "search": SEARCH,
}  # fmt: skip
BODIES = {name: orjson.dumps(body) for name, body in ANALYSES.items()}


MESSAGES: Mapping[str, tuple[str, Callable[[], Any]]] = {
    "samples": ("DrawSample", lambda: corpus_pb2.SampleRequest(**SAMPLE)),
    "search": (
        "Search",
        lambda: corpus_pb2.SearchRequest(
            corpus=Vectors(**WORDS, data=CORPUS), queries=Vectors(**WORDS, data=QUERIES), k=10
        ),
    ),
}


@pytest.fixture(scope="module")
def shared(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two keys, a short limit of time, and a short queue of jobs."""
    folder = tmp_path_factory.mktemp("neighbours")
    settings = {
        "BENTOML_HOME": str(folder / "bentoml"),
        "DAGUERRE_API_KEYS": f"{ANN},{BEN}",
        "DAGUERRE_REQUEST_TIMEOUT": str(TIMEOUT),
        "DAGUERRE_MAX_JOBS": "8",
    }
    with harness.running(folder, settings=settings) as running:
        yield running


@pytest.fixture
def ben(shared: Server) -> Iterator[httpx.Client]:
    with shared.client(headers={"authorization": f"Bearer {BEN}"}) as client:
        yield client


@pytest.fixture
def ann(shared: Server) -> Iterator[httpx.Client]:
    with shared.client(headers={"authorization": f"Bearer {ANN}"}) as client:
        yield client


@contextmanager
def asking(server: Server, kind: str, key: str = ANN) -> Iterator[socket.socket]:
    """A connection on which an analysis was asked for; its caller leaves at the end."""
    body = BODIES[kind]
    head = (
        f"POST /v1/{kind} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        yield connection


def cpu_seconds(server: Server) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in server.processes())


def busy(server: Server, seconds: float = 0.5) -> bool:
    """Whether the server computes, perhaps on a machine where it gets a seventh of a core."""
    before = cpu_seconds(server)
    time.sleep(seconds)
    return cpu_seconds(server) - before > 0.15 * seconds


def seconds_until(condition: Callable[[], bool], within: float = 30.0) -> float:
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < within
    return time.monotonic() - started


def timed(ask: Callable[[], httpx.Response]) -> float:
    started = time.monotonic()
    answer = ask()
    assert answer.status_code == 200, answer.text[:500]
    return time.monotonic() - started


def test_an_ordinary_caller_does_not_wait_for_long_computations_of_others(shared: Server, ben: httpx.Client) -> None:
    small = {"coder": ["a", "b"] * 50, "item": [f"i{i}" for i in range(50) for _ in "ab"], "code": [1, 0, 1, 1] * 25}
    ordinary: Mapping[str, Callable[[], httpx.Response]] = {
        "image": lambda: ben.post("/v1/embeddings", files={"input": ("a.jpg", PHOTO, "image/jpeg")}),
        "livez": lambda: ben.get("/livez"),
        "classifiers": lambda: ben.get("/v1/classifiers"),
        "agreement": lambda: ben.post("/v1/agreement", json=small),
    }
    for ask in ordinary.values():
        ask()
    with asking(shared, "agreement"), asking(shared, "comparisons"), asking(shared, "comparisons"):
        seconds_until(lambda: busy(shared, 0.2))
        time.sleep(0.5)
        times = {name: sorted(timed(ask) for _ in range(3)) for name, ask in ordinary.items()}
    assert times["livez"][1] < 0.2
    assert max(each[1] for each in times.values()) < 3, times  # the long ones take a minute, and held the threads
    seconds_until(lambda: not busy(shared), 15)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ANALYSES)
def test_the_computation_of_a_caller_who_leaves_ends(shared: Server, kind: str) -> None:
    with asking(shared, kind) as connection:
        seconds_until(lambda: busy(shared, 0.2))
        time.sleep(0.7)
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):  # it is still computed
            connection.recv(1)
    assert seconds_until(lambda: not busy(shared), 15) < LEAVES


@pytest.mark.parametrize("kind", MESSAGES)
def test_the_computation_of_a_cancelled_call_ends(shared: Server, kind: str) -> None:
    name, make = MESSAGES[kind]
    with grpc_calls.stub(shared) as stub:
        call = getattr(stub, name).future(make(), metadata=(("authorization", f"Bearer {ANN}"),))
        seconds_until(lambda: busy(shared, 0.2))
        time.sleep(0.7)
        assert not call.done()
        call.cancel()
        assert seconds_until(lambda: not busy(shared), 15) < LEAVES
        with pytest.raises(grpc.FutureCancelledError):
            call.result()


@pytest.mark.thorough
def test_a_computation_ends_with_its_time(shared: Server, ann: httpx.Client) -> None:
    started = time.monotonic()
    answer = ann.post("/v1/comparisons", content=BODIES["comparisons"], headers={"content-type": "application/json"})
    error = assert_error(answer, 504, "timeout")
    assert error["message"].startswith(f"not done after {TIMEOUT:g} seconds")
    assert time.monotonic() - started < TIMEOUT + 5
    assert seconds_until(lambda: not busy(shared), 15) < LEAVES


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/samples", {"design": "simple", "n": 100_000_000, "size": 100_000_000}, "size"),
        ("/v1/pairs", {"clusterings": {"x": [0, 1] * 50_000}, "within": 2_000_000_000, "between": 0}, "within"),
    ],
)
def test_an_answer_that_would_fill_the_memory_is_refused(
    ann: httpx.Client, path: str, body: Mapping[str, Any], param: str
) -> None:
    error = assert_error(ann.post(path, json=body), 413, "too_many_items")
    assert error["param"] == param
    assert "at most" in error["message"]


def test_a_crowd_of_coders_needs_no_table_of_all_coders_and_items(shared: Server, ann: httpx.Client) -> None:
    """40,000 coders who each coded two of 40,000 items: a table of both would have 12 GB."""
    n = 40_000
    body = {
        "coder": [f"c{i}" for i in range(n) for _ in "ab"],
        "item": [f"i{(i + j) % n}" for i in range(n) for j in (0, 1)],
        "code": [i % 3 for i in range(n) for _ in "ab"],
        "resamples": 1,
    }
    memory = max(process.memory_info().rss for process in shared.processes())
    answer = ann.post("/v1/agreement", json=body)
    assert answer.status_code == 200, answer.text[:500]
    assert answer.json()["items"] == n
    assert max(process.memory_info().rss for process in shared.processes()) < memory + 1e9


def test_one_key_cannot_fill_the_queue_of_jobs(shared: Server, ann: httpx.Client, ben: httpx.Client) -> None:
    heavy = base64.b64encode(rows(8000)).decode()
    body = {"vectors": [{**WORDS, "data": heavy}], "resamples": 100, "restarts": 3, "mode": "job"}
    answers = []
    for _ in range(9):
        answers.append(ann.post("/v1/clusters", json=body))
        if answers[-1].status_code == 429:
            break
    error = assert_error(answers[-1], 429, "overloaded")
    assert "jobs of this key are waiting, which is its share" in error["message"]
    assert "DAGUERRE_MAX_JOBS" in error["message"]
    assert answers[-1].headers["retry-after"] == "30"
    small = {"vectors": [{**WORDS, "data": base64.b64encode(rows(50)).decode()}], "projection": "none", "mode": "job"}
    mine = ben.post("/v1/clusters", json=small)
    assert mine.status_code == 202, mine.text

    def running() -> list[str]:
        return [each["id"] for each in ann.get("/v1/jobs").json()["data"] if each["state"] == "running"]

    seconds_until(lambda: bool(running()))
    for id in running():  # the next turn is Ben's, whose job came last
        ann.post(f"/v1/jobs/{id}/cancel")
    path = f"/v1/jobs/{mine.json()['id']}"
    seconds_until(lambda: ben.get(path).json()["state"] == "succeeded", 40)
    assert any(each["state"] == "queued" for each in ann.get("/v1/jobs").json()["data"])
    for each in ann.get("/v1/jobs").json()["data"]:
        ann.post(f"/v1/jobs/{each['id']}/cancel")


def test_a_caller_who_leaves_gives_his_turn_to_his_own_other_request(shared: Server, ann: httpx.Client) -> None:
    done = threading.Event()
    small = {"coder": ["a", "b"], "item": ["i", "i"], "code": [1, 0], "resamples": 1}

    def ask() -> None:
        ann.post("/v1/agreement", json=small)
        done.set()

    with asking(shared, "comparisons"), asking(shared, "comparisons"):
        seconds_until(lambda: busy(shared, 0.2))
        thread = threading.Thread(target=ask)
        thread.start()
    assert done.wait(8)
    thread.join()
