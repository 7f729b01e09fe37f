"""gRPC: the same numbers and refusals as over HTTP, calls that are given up, and the connection."""

import asyncio
import base64
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

import daguerre
from daguerre import errors
from daguerre.transport.grpc.transport import GrpcTransport
from daguerre.transport.operations import EMBED, MODELS, ZERO_SHOT
from daguerre.types.common import Payload
from daguerre.types.embeddings import EmbedOptions
from daguerre.types.zero_shot import ZeroShotOptions
from daguerre_proto.v1 import embeddings_pb2, models_pb2
from tests.clients.conftest import address
from tests.clients.grpc_faults import VECTOR, Methods, asked, embed, faulty, refused, says
from tests.e2e import harness
from tests.e2e.harness import Server

PHOTOS = [harness.jpeg(name, width=320) for name in ("chelsea", "coffee", "rocket")]
BIG = harness.jpeg("hubble_deep_field", quality=95)
MIXED = [Payload(text="a cup of coffee"), *(Payload(image=photo) for photo in PHOTOS), Payload(image=b"GIF89a")]


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
    found = asked(
        address(inline, "grpc"),
        lambda t: t.call(EMBED, EmbedOptions(decode=decode, dimensions=1280).fields(), items=MIXED),
    )
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
    found = asked(address(inline, "grpc"), lambda t: t.call(EMBED, EmbedOptions().fields(), items=items))
    assert found.truncated == [1]


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
    found = asked(
        address(inline, "grpc"),
        lambda t: t.call(ZERO_SHOT, ZeroShotOptions(labels=labels, **options).fields(), items=MIXED),
    )
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
    (card,) = asked(address(inline, "grpc"), lambda t: t.call(MODELS))
    with inline.client() as client:
        said = client.get("/v1/models").json()["data"][0]
    assert vars(card) == {name: value for name, value in said.items() if name != "object"}


def test_what_a_card_leaves_out_is_none_as_in_json():
    """A model for images only, which the embedded one is not."""
    plain = models_pb2.Model(id="m", dimension=3, modalities=["image"], decode="exact")
    with faulty(says(models_pb2.ListModelsResponse(models=[plain]))) as url:
        (card,) = asked(url, lambda t: t.call(MODELS))
    assert (card.fingerprint_scaled, card.max_tokens, card.notice, card.templates) == (None, None, None, None)
    assert (card.id, card.modalities, card.weights, card.parity) == ("m", ["image"], {}, {})
    assert card.fingerprint_of("scaled") == card.fingerprint


def test_items_that_all_fail_are_no_error(inline: Server):
    items = [Payload(image=b""), Payload(text="")]
    found = asked(address(inline, "grpc"), lambda t: t.call(EMBED, EmbedOptions().fields(), items=items))
    assert (sorted(found.failures), len(found.vectors), np.isnan(found.vectors).all()) == ([0, 1], 2, True)
    options = ZeroShotOptions(labels=["a", "b"], none_of_these="c")
    labelled = asked(address(inline, "grpc"), lambda t: t.call(ZERO_SHOT, options.fields(), items=items))
    assert (labelled.scores.shape, labelled.none_scores.shape, labelled.best) == ((2, 2), (2,), [None, None])


# what a real server refuses


def test_a_refusal_has_all_that_the_error_has(inline: Server):
    url = address(inline, "grpc")
    exc = refused(url, lambda t: t.call(EMBED, EmbedOptions(model="clip").fields(), items=[Payload(text="a")]))
    assert isinstance(exc, errors.NotFoundError)
    assert (exc.status, exc.code, exc.param, exc.items) == (404, "unknown_model", "model", [])
    assert "'clip'" in exc.message
    assert exc.request_id
    assert isinstance(exc.__cause__, grpc.RpcError)
    exc = refused(url, lambda t: t.call(ZERO_SHOT, ZeroShotOptions(labels=["a"]).fields(), items=[Payload(text="a")]))
    assert (type(exc), exc.status, exc.param) == (errors.InvalidRequestError, 422, "labels")
    exc = refused(url, lambda t: t.call(EMBED, EmbedOptions().fields(), items=[]))
    assert (type(exc), exc.param) == (errors.InvalidRequestError, "input")


@pytest.mark.parametrize(("copies", "said"), [(1, "200,000"), (12, "larger than max")])
def test_what_is_too_large_for_the_server_or_for_grpc_itself_can_be_split(narrow: Server, copies: int, said: str):
    """Within gRPC's limit, which is 2 × 200,000 + 1 MiB, the server's words; beyond it gRPC's."""
    assert len(BIG) > 200_000
    assert (len(BIG) * copies > 2 * 200_000 + 2**20) == (copies > 1)
    exc = refused(
        address(narrow, "grpc"), lambda t: t.call(EMBED, EmbedOptions().fields(), items=[Payload(image=BIG)] * copies)
    )
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
        for key, said in ((None, "no API key"), ("wrong", "not known to the server")):
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
            call = asyncio.create_task(transport.call(EMBED, EmbedOptions().fields(), items=[Payload(image=BIG)] * 32))
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
        call = asyncio.create_task(transport.call(EMBED, EmbedOptions().fields(), items=[Payload(image=BIG)] * 64))
        await asyncio.sleep(1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call

    asked(address(inline, "grpc"), cancelled)
    assert_given_up(inline, before, done)


def test_a_deadline_is_ours_to_set_and_stops_the_servers_work(inline: Server):
    before, done = outcomes(inline), images_done(inline)
    started = time.monotonic()
    items = [Payload(image=BIG)] * 64
    exc = refused(address(inline, "grpc"), lambda t: t.call(EMBED, EmbedOptions().fields(), items=items), timeout=0.5)
    assert time.monotonic() - started < 3
    assert (type(exc), exc.status, exc.code) == (errors.ServerTimeoutError, 504, "timeout")
    assert "0.5 s" in exc.message
    assert_given_up(inline, before, done)


# the connection


def test_the_key_and_nothing_of_this_machine_is_sent():
    seen: list[dict[str, Any]] = []
    requests: list[bytes] = []

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        seen.append(dict(context.invocation_metadata()))
        requests.append(request)
        return says(VECTOR)(request, context)

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
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    with faulty(says(VECTOR), host="[::1]") as url:
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
        from daguerre.transport.grpc.transport import GrpcTransport
        from daguerre.transport.operations import MODELS

        async def main():
            transport = GrpcTransport({address(inline, "grpc")!r}, api_key=None, timeout=30)
            print(len(await transport.call(MODELS)))
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
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    new += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    new += ["-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(new, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("this machine has no openssl to make a certificate with")
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((Methods(says(VECTOR), None),))
    pair = (key.read_bytes(), certificate.read_bytes())
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([pair]))
    server.start()
    code = f"""
        import asyncio, sys
        from daguerre.errors import ConnectError
        from daguerre.transport.grpc.transport import GrpcTransport
        from daguerre.transport.operations import EMBED
        from daguerre.types.embeddings import EmbedOptions
        from daguerre.types.common import Payload

        async def main(url):
            transport = GrpcTransport(url, api_key=None, timeout=10)
            try:
                found = await transport.call(EMBED, EmbedOptions().fields(), items=[Payload(text="a")])
                print(found.vectors.tobytes())
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
        call = asyncio.create_task(transport.call(EMBED, EmbedOptions().fields(), items=[Payload(text="a")]))
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
