"""What becomes of every way in which a call over gRPC can fail, and of answers that are none."""

import http.server
import threading
from typing import Any

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from daguerre import errors
from daguerre.transport.operations import EMBED, ZERO_SHOT
from daguerre.types.common import Payload
from daguerre.types.embeddings import EmbedOptions
from daguerre.types.zero_shot import ZeroShotOptions
from daguerre_proto.v1 import common_pb2, embeddings_pb2, zero_shot_pb2
from tests.clients.conftest import address
from tests.clients.grpc_faults import OURS, VECTOR, asked, embed, fails, faulty, refused, says
from tests.e2e.harness import Server


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
    for servers in (says(VECTOR, trailer), fails(grpc.StatusCode.UNKNOWN, "no", trailer)):
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
        exc = refused(
            url, lambda t: t.call(ZERO_SHOT, ZeroShotOptions(labels=["a", "b"]).fields(), items=[Payload(text="a")])
        )
    assert isinstance(exc, errors.IncompatibleServerError)


@pytest.mark.parametrize(("healthy", "ready"), [(b"\x08\x01", True), (b"\x08\x02", False), (b"", False)])
def test_ping_believes_the_health_check(healthy: bytes, ready: bool):
    with faulty(says(b""), healthy=healthy) as url:
        found = asked(url, lambda t: t.ping())
    assert (found.version, found.ready) == ("0.1.0", ready)
    assert 0 < found.seconds < 10


def test_a_grpc_server_that_is_no_daguerre_is_said():
    with faulty(None) as url:
        for what in (embed, lambda t: t.ping()):
            exc = refused(url, what)
            assert isinstance(exc, errors.IncompatibleServerError)
            assert "does not look like a Daguerre server" in exc.message
    with faulty(None, healthy=b"\x08\x01") as url:
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
    exc = refused(
        address(inline, "grpc"), lambda t: t.call(EMBED, EmbedOptions(**options).fields(), items=[Payload(text=items)])
    )
    assert (type(exc), exc.status) == (errors.InvalidRequestError, 422)
    assert said in exc.message


def test_labels_that_are_no_texts_are_an_invalid_request(inline: Server):
    fields = {**ZeroShotOptions(labels=["a", "b"]).fields(), "labels": ["a", None]}  # which the options refuse
    exc = refused(address(inline, "grpc"), lambda t: t.call(ZERO_SHOT, fields, items=[Payload(text="a")]))
    assert (type(exc), exc.status) == (errors.InvalidRequestError, 422)
