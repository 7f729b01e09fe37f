"""gRPC: the same numbers as over HTTP, and what becomes of every way in which a call can fail."""

import asyncio
import base64
import http.server
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import grpc
import numpy as np
import pytest

import daguerre
from daguerre import errors
from daguerre.grpc_transport import HEALTH, GrpcTransport
from daguerre.wire import EmbedOptions, Payload, ZeroShotOptions
from daguerre_proto.v1 import embeddings_pb2, zero_shot_pb2
from tests.clients.conftest import address
from tests.e2e import harness
from tests.e2e.harness import Server

T = TypeVar("T")
Answer = Callable[[bytes, grpc.ServicerContext], bytes]
PHOTOS = [harness.jpeg(name, width=320) for name in ("chelsea", "coffee", "rocket")]
BIG = harness.jpeg("hubble_deep_field", quality=95)
VERSION = ("daguerre-version", "0.1.0")
OURS = (VERSION, ("x-request-id", "r1"))
MIXED = [Payload(text="a cup of coffee"), *(Payload(image=photo) for photo in PHOTOS), Payload(image=b"GIF89a")]


def asked(url: str, what: Callable[[GrpcTransport], Awaitable[T]], *, key: str | None = None, timeout: float = 60) -> T:
    """What a transport of its own answers."""

    async def ask() -> T:
        transport = GrpcTransport(url, api_key=key, timeout=timeout)
        try:
            return await what(transport)
        finally:
            await transport.close()

    return asyncio.run(ask())


def embed(transport: GrpcTransport) -> Awaitable[Any]:
    return transport.embed([Payload(text="a")], EmbedOptions())


def refused(url: str, what: Callable[[GrpcTransport], Awaitable[Any]] = embed, **options: Any) -> errors.DaguerreError:
    with pytest.raises(errors.DaguerreError) as caught:
        asked(url, what, **options)
    return caught.value


class _Any(grpc.GenericRpcHandler):
    """Every method but the health check, which this server lacks where `healthy` is None."""

    def __init__(self, answer: Answer, healthy: bytes | None) -> None:
        self._answer, self._healthy = answer, healthy

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if details.method != HEALTH:
            return grpc.unary_unary_rpc_method_handler(self._answer)
        healthy = self._healthy
        return None if healthy is None else grpc.unary_unary_rpc_method_handler(lambda request, context: healthy)


@contextmanager
def faulty(answer: Answer, *, healthy: bytes | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    """The address of a gRPC server in this process, for what a real one never answers."""
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((_Any(answer, healthy),))
    port = server.add_insecure_port(f"{host}:0")
    server.start()
    try:
        yield f"grpc://{host}:{port}"
    finally:
        server.stop(0).wait()


def says(message: Any, trailer: Sequence[tuple[str, str]] = OURS) -> Answer:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata(tuple(trailer))
        return message if isinstance(message, bytes) else message.SerializeToString()

    return answer


def fails(code: grpc.StatusCode, details: str = "no", trailer: Sequence[tuple[str, Any]] = OURS) -> Answer:
    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        context.set_trailing_metadata(tuple(trailer))
        context.abort(code, details)
        raise AssertionError

    return answer


def raw(server: Server, path: str, items: Sequence[Payload], **options: Any) -> dict[str, Any]:
    """HTTP's answer, asked for without the SDK."""
    given = [{"text": item.text} if item.image is None else harness.image(item.image) for item in items]
    with server.client() as client:
        answer = client.post(path, json={"input": given, "on_error": "skip", **options})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


# the same as over HTTP


@pytest.mark.parametrize("decode", [None, "exact", "scaled"])
def test_vectors_are_those_of_http_bit_by_bit(inline: Server, decode: Any):
    found = asked(address(inline, "grpc"), lambda t: t.embed(MIXED, EmbedOptions(decode=decode, dimensions=1280)))
    said = raw(inline, "/v1/embeddings", MIXED, encoding_format="base64", **({"decode": decode} if decode else {}))
    packed = [base64.b64decode(entry["embedding"]) for entry in said["data"][:-1]]
    assert (found.vectors.dtype, found.vectors.shape) == (np.float32, (5, 1280))
    assert found.vectors[:-1].tobytes() == b"".join(packed)
    assert np.isnan(found.vectors[-1]).all()
    assert vars(found.receipt) == said["receipt"]
    assert {i: vars(failure) for i, failure in found.failures.items()} == {4: said["data"][4]["error"]}
    assert (found.tokens, found.truncated) == (said["usage"]["prompt_tokens"], said["truncated"])
    assert found.request_id


def test_what_was_truncated_is_said(inline: Server):
    items = [Payload(text="short"), Payload(text="long " * 500)]
    assert asked(address(inline, "grpc"), lambda t: t.embed(items, EmbedOptions())).truncated == [1]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"templates": ["{}", "a photo of {}"]},
        {"multi_label": True},
        {"multi_label": True, "negatives": ["nothing", "a wall"]},
        {"none_of_these": "something else"},
        {"none_min_cosine": 0.2},
    ],
)
def test_zero_shot_is_that_of_http(inline: Server, options: dict[str, Any]):
    labels = ["a cat", "a cup of coffee", "a rocket"]
    found = asked(address(inline, "grpc"), lambda t: t.zero_shot(MIXED, ZeroShotOptions(labels=labels, **options)))
    body = dict(options)
    if "none_of_these" in body:
        body["none_of_these"] = {"text": body["none_of_these"]}
    if "none_min_cosine" in body:
        body["none_of_these"] = {"min_cosine": body.pop("none_min_cosine")}
    said = raw(inline, "/v1/zero-shot", MIXED, labels=labels, **body)
    good = said["data"][:-1]
    for name in ("scores", "cosines"):
        there, here = np.array([entry[name] for entry in good], np.float32), getattr(found, name)
        assert here.dtype == np.float32
        assert np.array_equal(here[:-1], there)
        assert np.isnan(here[-1]).all()
    assert found.best == [*(entry["label"] for entry in good), None]
    if "none_of_these" in options:
        assert np.array_equal(found.none_scores[:-1], np.array([entry["none_score"] for entry in good], np.float32))
        assert np.isnan(found.none_scores[-1])
    else:
        assert found.none_scores is None
    assert (found.labels, found.templates, found.negatives, found.logit_scale) == (
        said["labels"],
        said["templates"],
        said["negatives"],
        said["logit_scale"],
    )
    assert vars(found.receipt) == said["receipt"]
    assert list(found.failures) == [4]


def test_cards_are_those_of_http(inline: Server):
    (card,) = asked(address(inline, "grpc"), lambda t: t.models())
    with inline.client() as client:
        said = client.get("/v1/models").json()["data"][0]
    assert vars(card) == {name: value for name, value in said.items() if name != "object"}


def test_items_that_all_fail_are_no_error(inline: Server):
    items = [Payload(image=b""), Payload(text="")]
    found = asked(address(inline, "grpc"), lambda t: t.embed(items, EmbedOptions()))
    assert (sorted(found.failures), len(found.vectors), np.isnan(found.vectors).all()) == ([0, 1], 2, True)
    options = ZeroShotOptions(labels=["a", "b"], none_of_these="c")
    labelled = asked(address(inline, "grpc"), lambda t: t.zero_shot(items, options))
    assert (labelled.scores.shape, labelled.none_scores.shape, labelled.best) == ((2, 2), (2,), [None, None])


# what a real server refuses


def test_a_refusal_has_all_that_the_error_has(inline: Server):
    url = address(inline, "grpc")
    exc = refused(url, lambda t: t.embed([Payload(text="a")], EmbedOptions(model="clip")))
    assert isinstance(exc, errors.NotFoundError)
    assert (exc.status, exc.code, exc.param, exc.items) == (404, "unknown_model", "model", [])
    assert "'clip'" in exc.message
    assert exc.request_id
    assert isinstance(exc.__cause__, grpc.RpcError)
    exc = refused(url, lambda t: t.zero_shot([Payload(text="a")], ZeroShotOptions(labels=["a"])))
    assert (type(exc), exc.status, exc.param) == (errors.InvalidRequestError, 422, "labels")
    exc = refused(url, lambda t: t.embed([], EmbedOptions()))
    assert (type(exc), exc.param) == (errors.InvalidRequestError, "input")


@pytest.mark.parametrize(("copies", "said"), [(1, "200,000"), (12, "larger than max")])
def test_what_is_too_large_for_the_server_or_for_grpc_itself_can_be_split(narrow: Server, copies: int, said: str):
    """Within gRPC's limit, which is 2 × 200,000 + 1 MiB, the server's words; beyond it gRPC's."""
    assert 200_000 < len(BIG) * copies
    assert (len(BIG) * copies > 2 * 200_000 + 2**20) == (copies > 1)
    exc = refused(address(narrow, "grpc"), lambda t: t.embed([Payload(image=BIG)] * copies, EmbedOptions()))
    assert (type(exc), exc.status, exc.code, exc.param) == (errors.TooLargeError, 413, "body_too_large", None)
    assert said in exc.message
    assert "send fewer items at once" in exc.message


def test_a_server_is_loading_then_asks_for_a_key_then_is_killed(home: Path, tmp_path: Path):
    settings = {"BENTOML_HOME": str(tmp_path / "bentoml"), "DAGUERRE_API_KEYS": "open-sesame"}
    server = harness.launch(tmp_path, settings=settings)
    url = address(server, "grpc")
    try:
        wait_for_port(server.grpc_port)
        ping = asked(url, lambda t: t.ping())
        assert (ping.version, ping.ready) == (daguerre.__version__, False), "the models were loaded before it listened"
        exc = refused(url, key="open-sesame")
        assert (type(exc), exc.status) == (errors.UnavailableError, 503)

        server.wait_ready()
        assert asked(url, embed, key="open-sesame").vectors.shape == (1, 1280)
        for key, said in ((None, "no API key"), ("wrong", "not one of ours")):
            exc = refused(url, key=key)
            assert (type(exc), exc.status) == (errors.AuthenticationError, 401)
            assert said in exc.message
            assert "wrong" not in str(exc)
            ping = asked(url, lambda t: t.ping(), key=key)  # as /readyz, which needs none
            assert (ping.version, ping.ready) == (daguerre.__version__, True)

        def kill() -> None:
            for process in reversed(server.processes()):
                process.kill()

        async def killed(transport: GrpcTransport) -> None:
            call = asyncio.create_task(transport.embed([Payload(image=BIG)] * 32, EmbedOptions()))
            await asyncio.sleep(0.3)
            assert not call.done(), "the call was too short"
            kill()
            await call

        exc = refused(url, killed, key="open-sesame")
        assert type(exc) is errors.ConnectError
        assert url in exc.message
        assert type(refused(url, key="open-sesame")) is errors.ConnectError
    finally:
        for process in reversed(server.processes()):
            process.kill()
        server.process.wait(10)


def wait_for_port(port: int, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError(f"nothing listens on {port}")


def outcomes(server: Server) -> dict[str, float]:
    """Counts of gRPC's embeddings by status."""
    with server.client() as client:
        found = harness.metrics(client).items()
    mark = 'daguerre_requests_total{operation="embeddings",'
    return {name.split('status="')[1][:3]: n for name, n in found if name.startswith(mark) and '"grpc"' in name}


def images_done(server: Server) -> float:
    with server.client() as client:
        return harness.metrics(client).get('daguerre_items_total{modality="image",operation="embeddings"}', 0.0)


def assert_given_up(server: Server, before: Mapping[str, float], done: float) -> None:
    """The server has counted one call as abandoned, and computes nothing more for it."""
    end = time.monotonic() + 10
    while outcomes(server).get("499", 0.0) == before.get("499", 0.0) and time.monotonic() < end:
        time.sleep(0.05)
    assert outcomes(server).get("499", 0.0) == before.get("499", 0.0) + 1
    assert outcomes(server).get("200", 0.0) == before.get("200", 0.0)
    time.sleep(0.3)  # the batch that runs may run to its end
    now = images_done(server)
    time.sleep(0.5)
    assert images_done(server) == now
    assert now < done + 64


def test_cancelling_stops_the_servers_work(inline: Server):
    before, done = outcomes(inline), images_done(inline)

    async def cancelled(transport: GrpcTransport) -> None:
        call = asyncio.create_task(transport.embed([Payload(image=BIG)] * 64, EmbedOptions()))
        await asyncio.sleep(0.3)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asked(address(inline, "grpc"), cancelled)
    assert_given_up(inline, before, done)


def test_a_deadline_is_ours_to_set_and_stops_the_servers_work(inline: Server):
    before, done = outcomes(inline), images_done(inline)
    started = time.monotonic()
    items = [Payload(image=BIG)] * 64
    exc = refused(address(inline, "grpc"), lambda t: t.embed(items, EmbedOptions()), timeout=0.5)
    assert time.monotonic() - started < 3
    assert (type(exc), exc.status, exc.code) == (errors.ServerTimeoutError, 504, "timeout")
    assert "0.5 s" in exc.message
    assert_given_up(inline, before, done)


# what only other servers answer


@pytest.mark.parametrize(
    ("code", "details", "kind", "status"),
    [
        ("UNAVAILABLE", "", errors.ConnectError, None),
        ("DEADLINE_EXCEEDED", "", errors.ServerTimeoutError, 504),
        ("RESOURCE_EXHAUSTED", "Received message larger than max (9 vs. 4)", errors.TooLargeError, 413),
        ("RESOURCE_EXHAUSTED", "quota", errors.OverloadedError, 429),
        ("CANCELLED", "", errors.UnavailableError, 503),
        ("UNIMPLEMENTED", "", errors.IncompatibleServerError, None),
        ("UNAUTHENTICATED", "", errors.AuthenticationError, 401),
        ("PERMISSION_DENIED", "", errors.PermissionDeniedError, 403),
        ("NOT_FOUND", "", errors.NotFoundError, 404),
        ("INVALID_ARGUMENT", "", errors.InvalidRequestError, 422),
        ("INTERNAL", "", errors.ServerError, 500),
        ("UNKNOWN", "", errors.ServerError, 500),
        ("DATA_LOSS", "", errors.ServerError, 500),
    ],
)
def test_each_status_without_details_has_its_class(code: str, details: str, kind: type, status: int | None):
    with faulty(fails(grpc.StatusCode[code], details)) as url:
        exc = refused(url)
    assert type(exc) is kind
    assert getattr(exc, "status", None) == status
    assert url in exc.message
    assert details in exc.message
    assert exc.request_id == ("r1" if status else None)
    assert isinstance(exc.__cause__, grpc.RpcError)


@pytest.mark.parametrize("details", [b"", b"\xff\xff", b"\x08\x0d", b"\x1a\x03\x0a\x01x"])
def test_details_that_are_not_ours_are_not_believed(details: bytes):
    trailer = [*OURS, ("grpc-status-details-bin", details)]
    with faulty(fails(grpc.StatusCode.NOT_FOUND, "gone", trailer)) as url:
        exc = refused(url)
    assert (type(exc), exc.status, exc.code) == (errors.NotFoundError, 404, "not_found")


def test_a_refusal_says_when_to_come_back_and_which_items():
    from google.protobuf.any_pb2 import Any as AnyMessage
    from google.protobuf.duration_pb2 import Duration
    from google.rpc.error_details_pb2 import RetryInfo
    from google.rpc.status_pb2 import Status

    from daguerre_proto.v1 import common_pb2

    failed = [common_pb2.FailedItem(index=2, code="invalid_text", message="no"), common_pb2.FailedItem(index=3, id="x")]
    said = common_pb2.Error(code="overloaded", message="busy", request_id="r2", http_status=429, items=failed)
    status = Status()
    for message in (said, RetryInfo(retry_delay=Duration(seconds=2, nanos=500_000_000))):
        packed = AnyMessage()
        packed.Pack(message)
        status.details.append(packed)
    trailer = [*OURS, ("grpc-status-details-bin", status.SerializeToString())]
    with faulty(fails(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", trailer)) as url:
        exc = refused(url)
    assert (type(exc), exc.message, exc.code, exc.request_id) == (errors.OverloadedError, "busy", "overloaded", "r2")
    assert (exc.retry_after, exc.param) == (2.5, None)
    assert exc.items == [errors.ItemError(2, "2", "invalid_text", "no"), errors.ItemError(3, "x", "", "")]


@pytest.mark.parametrize(
    ("trailer", "code"),
    [
        ([], "not_daguerre"),
        ([("daguerre-version", "0.0.9")], "server_too_old"),
        ([("daguerre-version", "1.0.0")], "server_too_new"),
    ],
)
def test_a_version_that_we_do_not_know_is_said_of_answers_refusals_and_pings(trailer: Any, code: str):
    answer = embeddings_pb2.EmbedResponse(dimension=1, data=[embeddings_pb2.Embedding(vector=b"abcd")])
    for servers in (says(answer, trailer), fails(grpc.StatusCode.UNKNOWN, "no", trailer)):
        with faulty(servers, healthy=b"\x08\x01") as url:
            for what in (embed, lambda t: t.ping()):
                exc = refused(url, what)
                assert isinstance(exc, errors.IncompatibleServerError)
                assert exc.code == code
                assert url in exc.message


@pytest.mark.parametrize(
    "message",
    [
        b"\xff\xff\xff",
        b"",
        embeddings_pb2.EmbedResponse(dimension=3, data=[embeddings_pb2.Embedding(vector=b"abcd")]),
        embeddings_pb2.EmbedResponse(dimension=1, data=[embeddings_pb2.Embedding(vector=b"abc")]),
        embeddings_pb2.EmbedResponse(dimension=1, data=[embeddings_pb2.Embedding(vector=b"abcd")] * 2),
        embeddings_pb2.EmbedResponse(dimension=1, data=[embeddings_pb2.Embedding()]),
    ],
)
def test_an_answer_of_another_shape_is_the_servers_error(message: Any):
    with faulty(says(message)) as url:
        exc = refused(url)
    assert isinstance(exc, errors.IncompatibleServerError)
    assert url in exc.message


def test_scores_of_another_shape_are_the_servers_error():
    scored = zero_shot_pb2.Scored(scores=[0.5], cosines=[0.5])
    with faulty(says(zero_shot_pb2.ZeroShotResponse(labels=["a", "b"], data=[scored]))) as url:
        exc = refused(url, lambda t: t.zero_shot([Payload(text="a")], ZeroShotOptions(labels=["a", "b"])))
    assert isinstance(exc, errors.IncompatibleServerError)


@pytest.mark.parametrize(("healthy", "ready"), [(b"\x08\x01", True), (b"\x08\x02", False), (b"", False)])
def test_ping_believes_the_health_check(healthy: bytes, ready: bool):
    with faulty(says(b""), healthy=healthy) as url:
        found = asked(url, lambda t: t.ping())
    assert (found.version, found.ready) == ("0.1.0", ready)
    assert 0 < found.seconds < 10


def test_a_grpc_server_that_is_no_daguerre_is_said():
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        for what in (embed, lambda t: t.ping()):
            exc = refused(f"grpc://127.0.0.1:{port}", what)
            assert isinstance(exc, errors.IncompatibleServerError)
            assert "does not look like a Daguerre server" in exc.message
    finally:
        server.stop(0).wait()
    with faulty(fails(grpc.StatusCode.UNIMPLEMENTED, trailer=()), healthy=b"\x08\x01") as url:
        assert isinstance(refused(url, lambda t: t.ping()), errors.IncompatibleServerError)


def test_http_where_grpc_is_meant_is_said_at_once(inline: Server):
    class Quiet(http.server.BaseHTTPRequestHandler):
        def log_message(self, *said: Any) -> None:
            pass

    other = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    try:
        for port in (inline.port, other.server_port):  # ours, and anybody's
            for what in (embed, lambda t: t.ping()):
                exc = refused(f"grpc://127.0.0.1:{port}", what)
                assert type(exc) is errors.IncompatibleServerError, exc
                assert "HTTP port + 1" in exc.message
    finally:
        other.shutdown()
        other.server_close()


@pytest.mark.parametrize(
    ("items", "options", "said"),
    [
        ("a", {"decode": "fast"}, "decode: got 'fast'"),
        ("a", {"dimensions": -1}, "-1"),
        ("\ud800", {}, "surrogates"),
    ],
)
def test_what_no_message_can_say_is_an_invalid_request(inline: Server, items: str, options: Any, said: str):
    exc = refused(address(inline, "grpc"), lambda t: t.embed([Payload(text=items)], EmbedOptions(**options)))
    assert (type(exc), exc.status) == (errors.InvalidRequestError, 422)
    assert said in exc.message


def test_labels_that_are_no_texts_are_an_invalid_request(inline: Server):
    options = ZeroShotOptions(labels=["a", None])  # type: ignore[list-item]
    exc = refused(address(inline, "grpc"), lambda t: t.zero_shot([Payload(text="a")], options))
    assert (type(exc), exc.status) == (errors.InvalidRequestError, 422)


# the connection


def test_the_key_and_nothing_of_this_machine_is_sent():
    seen: list[dict[str, Any]] = []
    requests: list[bytes] = []

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        seen.append(dict(context.invocation_metadata()))
        requests.append(request)
        return says(embeddings_pb2.EmbedResponse(dimension=1, data=[embeddings_pb2.Embedding(vector=b"abcd")]))(
            request, context
        )

    with faulty(answer) as url:
        asked(url, embed, key="secret")
        asked(url, embed)
    assert [metadata.get("authorization") for metadata in seen] == ["Bearer secret", None]
    assert all(set(metadata) <= {"authorization", "user-agent"} for metadata in seen)
    sent = embeddings_pb2.EmbedRequest.FromString(requests[0])
    assert [(item.text, item.HasField("id")) for item in sent.items] == [("a", False)]
    assert str(sent.options).split() == ["model_options", "{", "on_error:", "ON_ERROR_SKIP", "}"]


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("grpc://gpu-server", "gpu-server:3001"),
        ("grpc://gpu-server:3005/", "gpu-server:3005"),
        ("grpcs://gpu-server", "gpu-server:443"),
        ("grpc://[::1]", "[::1]:3001"),
        ("grpcs://[fe80::1]:99", "[fe80::1]:99"),
    ],
)
def test_addresses_have_ports(url: str, target: str):
    assert GrpcTransport(url, api_key=None, timeout=1)._target == target


@pytest.mark.parametrize("url", ["grpc://", "grpc://:3001", "grpc://host/v1", "grpc://host:99999"])
def test_what_is_no_address_is_refused(url: str):
    with pytest.raises(ValueError, match=r"address|[Pp]ort"):
        GrpcTransport(url, api_key=None, timeout=1)


def test_ipv6_works():
    answer = embeddings_pb2.EmbedResponse(dimension=1, data=[embeddings_pb2.Embedding(vector=b"abcd")])
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with faulty(says(answer), host="[::1]") as url:
        assert asked(url, embed).vectors.tobytes() == b"abcd"


def test_tries_reach_a_server_that_comes_back():
    """gRPC would answer more and more of them by itself, without a look whether the server is there."""
    listener = socket.create_server(("127.0.0.1", 0))
    came: list[float] = []

    def turn_away() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            came.append(time.monotonic())
            connection.close()

    thread = threading.Thread(target=turn_away)
    thread.start()

    async def keep_asking(transport: GrpcTransport) -> None:
        end = time.monotonic() + 3.3
        while time.monotonic() < end:
            with pytest.raises(errors.ConnectError):
                await embed(transport)
            await asyncio.sleep(0.05)

    try:
        asked(f"grpc://127.0.0.1:{listener.getsockname()[1]}", keep_asking)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
    assert len(came) >= 4, f"{len(came)} connections in 3.3 s; gRPC by itself makes at most 3"


def test_a_closed_transport_says_so():
    async def after(transport: GrpcTransport) -> None:
        with pytest.raises(errors.ConnectError):
            await embed(transport)
        await transport.close()
        await transport.close()
        with pytest.raises(RuntimeError, match="closed"):
            await embed(transport)

    asked(f"grpc://127.0.0.1:{harness.free_port()}", after)


def python(code: str, **environment: str) -> tuple[str, str]:
    """What a fresh interpreter prints, and complains of."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(code)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **environment})
    return run.stdout.strip(), run.stderr


@pytest.mark.parametrize("close", ["await transport.close()", "pass"])
def test_it_leaves_without_a_word_closed_or_forgotten(inline: Server, close: str):
    code = f"""
        import asyncio
        from daguerre.grpc_transport import GrpcTransport

        async def main():
            transport = GrpcTransport({address(inline, "grpc")!r}, api_key=None, timeout=30)
            print(len(await transport.models()))
            {close}

        asyncio.run(main())
    """
    assert python(code) == ("1", "")


@pytest.mark.parametrize("missing", ["grpc", "daguerre_proto", "google.rpc"])
def test_a_missing_package_says_what_to_install(missing: str):
    code = f"""
        import sys
        sys.modules[{missing!r}] = None
        from daguerre import Client
        try:
            Client("grpc://localhost")
        except ModuleNotFoundError as exc:
            print(exc)
    """
    out, err = python(code)
    assert "pip install 'daguerre[grpc]'" in out, err
    assert missing in out


def test_tls_trusts_those_who_are_known_and_nobody_else(tmp_path: Path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost".split()
    new += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(new, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("this machine has no openssl to make a certificate with")
    server = grpc.server(ThreadPoolExecutor(1))
    answer = embeddings_pb2.EmbedResponse(dimension=1, data=[embeddings_pb2.Embedding(vector=b"abcd")])
    server.add_generic_rpc_handlers((_Any(says(answer), None),))
    pair = (key.read_bytes(), certificate.read_bytes())
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
    server.start()
    code = f"""
        import asyncio, sys
        from daguerre.errors import ConnectError
        from daguerre.grpc_transport import GrpcTransport
        from daguerre.wire import EmbedOptions, Payload

        async def main(url):
            transport = GrpcTransport(url, api_key=None, timeout=10)
            try:
                print((await transport.embed([Payload(text="a")], EmbedOptions())).vectors.tobytes())
            except ConnectError as exc:
                print("ConnectError", exc)
            await transport.close()

        asyncio.run(main("grpcs://localhost:{port}"))
        asyncio.run(main("grpc://localhost:{port}"))
    """
    try:
        trusted, _ = python(code, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=str(certificate))
        stranger, _ = python(code)
    finally:
        server.stop(0).wait()
    assert trusted.splitlines()[0] == "b'abcd'"
    assert "ConnectError" in trusted.splitlines()[1]  # not in the clear
    assert "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH" in stranger.splitlines()[0]


FROZEN = """
import grpc, time
from concurrent.futures import ThreadPoolExecutor
class Slow(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: time.sleep(600))
server = grpc.server(ThreadPoolExecutor(1), options=[
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000), ("grpc.keepalive_permit_without_calls", 1)])
server.add_generic_rpc_handlers((Slow(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
time.sleep(600)
"""


@pytest.mark.slow
@pytest.mark.parametrize("after", [5.0, 130.0])
def test_a_server_that_freezes_is_noticed_within_a_minute(after: float):
    """Also after minutes in which it had nothing to say."""
    server = subprocess.Popen([sys.executable, "-c", FROZEN], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    frozen = [0.0]

    async def freeze(transport: GrpcTransport) -> None:
        call = asyncio.create_task(transport.embed([Payload(text="a")], EmbedOptions()))
        await asyncio.sleep(after)
        assert not call.done()
        server.send_signal(signal.SIGSTOP)
        frozen[0] = time.monotonic()
        await call

    try:
        exc = refused(f"grpc://127.0.0.1:{int(server.stdout.readline())}", freeze, timeout=400)
        assert time.monotonic() - frozen[0] < 60
        assert type(exc) is errors.ConnectError
    finally:
        server.kill()
        server.wait(10)
        server.stdout.close()
