"""Hostile callers against a real server: nobody else waits, nothing is an internal error, and the answer is ours."""

import http.client
import json
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from copy import deepcopy
from typing import Any

import grpc
import httpx
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from daguerre_proto.v1 import corpus_pb2, daguerre_pb2, embeddings_pb2
from tests.e2e.harness import Server, assert_error

# requests are read and checked in the entry process, the same in both placements
pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
M = 1_000_000
LONGEST = 0.5  # seconds that /livez may wait; 0.2 on a machine that does nothing else
EDGES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 3, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**53, -(2**63), 10**30, 0.5, -0.0, 1e-6),
    *(
        5e-324,
        1e-300,
        1e38,
        1e300,
        -1e308,
        "",
        " ",
        "a",
        "0",
        "nan",
        "é",
        "e\u0301",
        "😀" * 3,
        "\u0000",
        "\u202e",
        "a" * 5000,
    ),
    *("../../etc/passwd", "file_0123456789abcdef", [], {}, [[]], [{}], [None], ["a", "a"], [1, "1"], {"a": 1}),
]


class Watch(threading.Thread):
    """Asks for /livez all the time; `longest` is what one answer took, in seconds."""

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self._port, self._ended, self.longest = server.port, threading.Event(), 0.0

    def run(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while not self._ended.is_set():
            begun = time.perf_counter()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            self.longest = max(self.longest, time.perf_counter() - begun)
            time.sleep(0.01)
        connection.close()

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()


def nobody_waits(server: Server, attack: Callable[[], None]) -> None:
    for last in (False, True):  # another process of tests may have had the core
        with Watch(server) as watch:
            attack()
        if watch.longest < LONGEST or last:
            break
    assert watch.longest < LONGEST


BODIES: Mapping[str, tuple[Callable[[], bytes], set[int]]] = {
    "a million texts": (lambda: b'{"input":[' + b",".join([b'"a"'] * (M + 1)) + b"]}", {413}),
    "many fields": (lambda: b"{" + b",".join(b'"k%d":1' % i for i in range(300_000)) + b"}", {422}),
    "many items of nothing": (lambda: b'{"input":[' + b",".join([b"{}"] * M) + b"]}", {413}),
    "many lists": (lambda: b'{"input":[' + b",".join([b"[]"] * M) + b"]}", {413}),
    "more values than any request has": (lambda: b'{"input":[' + b",".join([b"1"] * 6 * M) + b"]}", {413}),
    "items of many fields": (
        lambda: json.dumps({"input": [{f"k{i}": i for i in range(400)}] * 300}).encode(),
        {422},
    ),
    "deep lists": (lambda: b'{"input":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {400}),
    "deep objects": (lambda: b'{"a":' * 50_000 + b"1" + b"}" * 50_000, {400}),
    "a long number": (lambda: b'{"input":"a","dimensions":' + b"1" * 5 * M + b"}", {400}),
    "a long text": (lambda: b'{"input":"' + b"a" * 20 * M + b'"}', {422}),
    "a text of escapes": (lambda: b'{"input":"' + b"\\u0041" * M + b'"}', {422}),
    "a text of backslashes": (lambda: b'{"input":"' + b"\\\\" * M + b'"}', {422}),
    "blank space": (lambda: b'{"input":' + b" " * 5 * M + b'"a"}', {400}),
    "a long name": (lambda: b'{"' + b"a" * M + b'":1}', {422}),
}


@pytest.mark.parametrize("name", BODIES)
def test_no_body_keeps_others_waiting(server: Server, client: httpx.Client, name: str) -> None:
    make, statuses = BODIES[name]
    body = make()

    def attack() -> None:
        answer = client.post("/v1/embeddings", content=body, headers={"content-type": "application/json"})
        assert answer.status_code in statuses, answer.text[:300]
        assert_error(answer, answer.status_code, answer.json()["error"]["code"])
        assert len(answer.content) < 10_000

    nobody_waits(server, attack)


def call(channel: grpc.Channel, name: str, raw: bytes, timeout: float = 60.0) -> tuple[grpc.StatusCode, str]:
    service = daguerre_pb2.DESCRIPTOR.services_by_name["Daguerre"].full_name
    try:
        channel.unary_unary(f"/{service}/{name}")(raw, timeout=timeout)
    except grpc.RpcError as exc:
        return exc.code(), exc.details() or ""
    return grpc.StatusCode.OK, ""


@pytest.fixture
def channel(server: Server) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.grpc_target, options=[("grpc.max_send_message_length", -1)]) as channel:
        yield channel


ITEM = embeddings_pb2.EmbedRequest(items=[{"text": "a"}]).SerializeToString()
EMPTY_ITEM = embeddings_pb2.EmbedRequest(items=[{}]).SerializeToString()
CODER = corpus_pb2.AgreementRequest(coder=[""]).SerializeToString()
CODE = corpus_pb2.AgreementRequest(code=[{}]).SerializeToString()


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        ("Embed", ITEM * M, "items or more, the limit is"),
        ("Embed", EMPTY_ITEM * 10 * M, "items or more, the limit is"),
        ("Embed", ITEM * 2000, "items or more, the limit is"),
        ("MeasureAgreement", CODE * 1_200_000, "inner messages"),
        ("MeasureAgreement", CODER * 100_000, "each row of the table needs all three"),
    ],
    ids=["items", "empty items", "few items too many", "inner messages", "a list without the other"],
)
def test_no_message_keeps_others_waiting(
    server: Server, channel: grpc.Channel, name: str, raw: bytes, message: str
) -> None:
    def attack() -> None:
        status, details = call(channel, name, raw)
        assert status == grpc.StatusCode.INVALID_ARGUMENT
        assert message in details

    nobody_waits(server, attack)


def sent(server: Server, parts: Iterator[bytes], seconds: float = 20.0) -> bytes:
    """Send raw bytes, and return the answer of the server."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        try:
            for part in parts:
                connection.sendall(part)
        except OSError:
            pass
        try:
            return connection.recv(10_000)
        except OSError:
            return b""


def header_line() -> Iterator[bytes]:
    yield b"GET /livez HTTP/1.1\r\nhost: x\r\na: "
    for _ in range(2000):
        yield b"x" * 65536


def header_lines() -> Iterator[bytes]:
    yield b"GET /livez HTTP/1.1\r\nhost: x\r\n"
    for i in range(100_000):
        yield b"a%d: b\r\n" % i


def target() -> Iterator[bytes]:
    yield b"GET /" + b"a" * 300_000 + b" HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize("parts", [header_line, header_lines, target])
def test_headers_without_end_are_refused_early(server: Server, parts: Callable[[], Iterator[bytes]]) -> None:
    counted = 0

    def counting() -> Iterator[bytes]:
        nonlocal counted
        for part in parts():
            counted += len(part)
            yield part

    def attack() -> None:
        answer = sent(server, counting())
        assert not answer or answer.startswith(
            b"HTTP/1.1 414 " if parts is target else b"HTTP/1.1 431 "
        )  # a reset may overtake it

    nobody_waits(server, attack)
    assert counted < 30 * M


@pytest.mark.thorough
def test_headers_that_do_not_end_are_given_ten_seconds(server: Server) -> None:
    begun = time.monotonic()
    answer = sent(server, iter([b"GET /livez HTTP/1.1\r\nhost: x\r\n"]))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"headers_too_slow"' in answer
    assert 8 < time.monotonic() - begun < 15


def test_headers_in_parts_and_long_ones_are_read(server: Server) -> None:
    parts = [b"GET /livez HTTP/1.1\r\nhost: x\r", b"\na: " + b"x" * 60_000, b"\r\n\r", b"\n"]
    assert sent(server, iter(parts)).startswith(b"HTTP/1.1 200 ")


def test_stalled_uploads_turn_nobody_away(server: Server, client: httpx.Client) -> None:
    lengths = [b"content-length: 200000000", b"transfer-encoding: chunked"]
    with ExitStack() as stack:
        for i in range(24):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            head = b"POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
            connection.sendall(head + lengths[i % 2] + b"\r\n\r\n" + b'a\r\n{"input": \r\n')
        time.sleep(0.2)
        for _ in range(3):
            assert client.post("/v1/embeddings", json={"input": "a cat"}).status_code == 200


def test_two_heavy_callers_do_not_keep_a_third_waiting(server: Server, client: httpx.Client) -> None:
    text = "".join(random.Random(1).choices("abcdefgh", k=100_000))  # one word, which is tokenised whole

    def attack() -> None:
        with httpx.Client(base_url=server.url, trust_env=False, timeout=120) as caller:
            caller.post("/v1/embeddings", json={"input": [text] * 40})

    threads = [threading.Thread(target=attack) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    begun = time.monotonic()
    assert client.post("/v1/embeddings", json={"input": "a cat"}).status_code == 200
    assert time.monotonic() - begun < 5
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"])
def test_a_method_that_is_not_there_is_405_with_those_that_are(server: Server, method: str) -> None:
    for path, allowed in (
        ("/v1/embeddings", "POST"),
        ("/v1/clusters/job_1/report.html", "GET, POST"),
        ("/openapi.json", "GET"),
        *((("/livez", "GET, HEAD"),) if method not in ("HEAD",) else ()),
    ):
        answer = httpx.request(method, server.url + path, trust_env=False)
        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        if method != "HEAD":
            assert_error(answer, 405, "method_not_allowed")
    assert httpx.request(method, f"{server.url}/nothing", trust_env=False).status_code == 404


@pytest.mark.parametrize("path", ["/v1/classifiers/a%0Ab", "/%0A", "/v1/jobs/%0A/result"])
def test_a_path_with_a_line_break_has_our_answer(client: httpx.Client, path: str) -> None:
    assert_error(client.get(path), 404, "not_found")


# mutated requests


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values within a document."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def mutated(value: Any, rng: random.Random) -> Any:
    """A copy with one or two values replaced, left out, repeated or added."""
    made = json.loads(json.dumps(value))
    for _ in range(rng.choice([1, 1, 2])):
        path = rng.choice(list(places(made))[1:] or [()])
        if not path:
            return deepcopy(rng.choice(EDGES))
        inside = made
        for key in path[:-1]:
            inside = inside[key]
        kind = rng.randrange(6)
        if kind == 0 and isinstance(inside, dict):
            del inside[path[-1]]
        elif kind == 1 and isinstance(inside, list):
            inside += [inside[path[-1]]] * rng.choice([1, 1, 20])
        elif kind == 2 and isinstance(inside[path[-1]], int | float):
            inside[path[-1]] = rng.choice([-1, 0, 5e-324, 1e-300, 1e300, 2**32 - 1, 2**63]) * (inside[path[-1]] or 1)
        else:
            inside[path[-1]] = deepcopy(rng.choice(EDGES))
    return made


def test_mutated_requests_are_never_an_internal_error(client: httpx.Client) -> None:
    document = client.get("/openapi.json").json()
    bases = []
    for path, operations in document["paths"].items():
        content = operations.get("post", {}).get("requestBody", {}).get("content", {}).get("application/json", {})
        schema = document["components"]["schemas"].get(content.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
        for example in content.get("examples", {}).values():
            url = path.replace("{name}", "missing").replace("{id}", "job_0123456789abcdef")
            bases.append((url, example["value"], list(schema.get("properties", {}))))
    assert len(bases) > 15
    rng, end, count = random.Random(14), time.monotonic() + 12, 0
    while time.monotonic() < end:
        path, value, fields = rng.choice(bases)
        body = mutated(value, rng)
        if fields and isinstance(body, dict) and rng.random() < 0.4:
            body[rng.choice(fields)] = deepcopy(rng.choice(EDGES))
        if isinstance(body, dict) and "mode" in fields and rng.random() < 0.7:
            body["mode"] = "job"  # so that the test does not wait
        content = json.dumps(body, ensure_ascii=rng.random() < 0.5).encode(errors="surrogatepass")
        answer = client.post(path, content=content, headers={"content-type": "application/json"})
        assert answer.status_code < 500, (path, content[:2000], answer.text)
        count += 1
    assert count > 100


def edge_message(descriptor: Any, rng: random.Random, depth: int = 0) -> Message:
    """A message whose fields have edge values."""
    made: Message = GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if rng.random() < (0.55 if depth < 3 else 0.8):
            continue
        for _ in range(rng.choice([1, 1, 2, 5]) if field.is_repeated else 1):
            fill(made, field, rng, depth)
    return made


def fill(made: Message, field: Any, rng: random.Random, depth: int) -> None:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        return
    value: Any
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        value = edge_message(field.message_type, rng, depth + 1)
        inner = getattr(made, field.name)
        (inner.add() if field.is_repeated else inner).CopyFrom(value)
        return
    if field.type == FieldDescriptor.TYPE_STRING:
        value = rng.choice(["", "a", "b", "embedded", "image", "text", "kmeans", "é\u0301", "x" * 3000, "\x00"])
    elif field.type == FieldDescriptor.TYPE_BYTES:
        value = rng.choice([b"", b"\0" * 8, b"\xff" * 7, b"\0\0\x80?" * 6])
    elif field.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FLOAT):
        value = rng.choice([0.0, -1.0, 1.0, 0.5, 5e-324, 1e-300, 1e38, float("inf"), float("nan")])
    elif field.type == FieldDescriptor.TYPE_BOOL:
        value = rng.random() < 0.5
    elif field.type in (FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_UINT32):
        value = rng.choice([0, 1, 2, 3, 17, 2**31 - 1])
    else:
        value = rng.choice([0, 1, 2, 3, 2**31 - 1])
    if field.is_repeated:
        getattr(made, field.name).append(value)
    else:
        setattr(made, field.name, value)


@pytest.mark.thorough
def test_messages_of_edge_values_are_never_an_internal_error(channel: grpc.Channel) -> None:
    methods = [m for m in daguerre_pb2.DESCRIPTOR.services_by_name["Daguerre"].methods if not m.client_streaming]
    rng, end, count = random.Random(14), time.monotonic() + 12, 0
    seen = set()
    while time.monotonic() < end:
        method = methods[count % len(methods)]
        message = edge_message(method.input_type, rng)
        if "as_job" in method.input_type.fields_by_name:
            message.as_job = True  # so that the test does not wait
        status, details = call(channel, method.name, message.SerializeToString(), timeout=20)
        assert status not in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN), (method.name, message, details)
        seen.add(status)
        count += 1
    assert count > 3 * len(methods)
    assert grpc.StatusCode.INVALID_ARGUMENT in seen
