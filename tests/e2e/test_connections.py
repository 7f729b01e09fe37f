"""Connections of hostile callers: many idle ones, large headers and endless trailers do not keep others out."""

import http.client
import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import grpc
import httpx
import numpy as np
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from daguerre_proto.v1 import embeddings_pb2
from daguerre_proto.v1.daguerre_pb2_grpc import DaguerreStub
from service.api.grpc.server import IDLE as IDLE_GRPC
from tests.e2e import harness
from tests.e2e.harness import Server

IDLE = 1100
FILES = 1024  # that the server may open
MIB = 2**20


def peak(server: Server) -> int:
    """The most resident memory, in bytes, of the largest process of a server so far."""
    found = []
    for process in server.processes():
        with suppress(OSError):
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
            found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")]
    return max(found)


@pytest.fixture(scope="module")
def small(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose processes may open 1,024 files, by the hard limit."""
    folder = tmp_path_factory.mktemp("few-files")
    limit = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, ({FILES // 4}, {FILES})); "
    limit += "os.execv(sys.executable, [sys.executable, '-m', 'service', *sys.argv[1:]])"
    settings = {"BENTOML_HOME": str(folder / "bentoml")}
    with harness.running(folder, settings=settings, command=("-c", limit)) as running:
        yield running


def connected(
    stack: ExitStack, port: int, number: int, head: bytes = b"", *, receive: int | None = None
) -> list[socket.socket]:
    """Connections that have sent `head`; `receive` is the size of the system's buffer of what is not read, in bytes."""
    made = []
    for _ in range(number):
        connection = stack.enter_context(socket.socket())
        if receive is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", port))
        connection.sendall(head)
        made.append(connection)
    return made


def is_served(server: Server) -> None:
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        began = time.monotonic()
        assert client.get("/livez").status_code == 200
        assert client.post("/v1/embeddings", json={"input": "a cat"}).status_code == 200
        assert time.monotonic() - began < 15


@pytest.fixture(autouse=True)
def files_of_this_process() -> Iterator[None]:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_the_limit_of_open_files_is_raised_in_every_process(small: Server) -> None:
    soft = [resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0] for process in small.processes()]
    assert FILES in soft
    assert soft.count(FILES) >= len(soft) - 1  # but for the one that only starts the others


@pytest.mark.parametrize(
    "head", [b"", b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n", b"GET /livez HTTP/1.1\r\nhost: "]
)
def test_idle_connections_keep_nobody_out(small: Server, head: bytes) -> None:
    with ExitStack() as stack:
        connected(stack, small.port, IDLE, head)
        is_served(small)
    is_served(small)


@pytest.mark.thorough
def test_answers_that_nobody_reads_keep_nobody_out(small: Server) -> None:
    """Each is larger than the buffers of the system, which tell the server that it is sent."""
    rows = np.random.default_rng(1).normal(size=(4000, 4)).astype("<f4")
    block = {"modality": "image", "model": "m", "fingerprint": "f", "dimension": 4}
    block |= {"data": harness.base64_of(rows.tobytes())}
    ids = [f"{i:04}" + "x" * 900 for i in range(len(rows))]
    with small.client() as client:
        made = client.post("/v1/clusters", json={"vectors": [block], "ids": ids, "method": "kmeans", "k": 2})
        assert made.status_code == 200, made.text[:500]
        assert len(made.content) > 3.6e6
        path = f"/v1/clusters/{made.json()['id']}"
    head = f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(3):
            connected(stack, small.port, 200, head, receive=4096)
            time.sleep(2.5)  # after which those that read nothing make place
        is_served(small)
        held = [sum(c.status == psutil.CONN_ESTABLISHED for c in p.net_connections()) for p in small.processes()]
        assert max(held) <= FILES // 2
    is_served(small)


def test_idle_connections_of_grpc_keep_http_reachable(small: Server) -> None:
    with ExitStack() as stack:
        connected(stack, small.grpc_port, IDLE)
        is_served(small)
    with grpc.insecure_channel(small.grpc_target) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=20, wait_for_ready=True)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.slow
def test_connections_without_a_call_do_not_keep_others_out_of_grpc(small: Server) -> None:
    """They are as many as there may be; each has said that it is HTTP/2, and an older client connects again."""
    greeting = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)  # with empty SETTINGS
    request = embeddings_pb2.EmbedRequest(items=[{"text": "a cat"}])
    with ExitStack() as stack, grpc.insecure_channel(small.grpc_target) as older:
        assert len(DaguerreStub(older).Embed(request, timeout=20).data) == 1
        connected(stack, small.grpc_port, FILES // 8, greeting)
        time.sleep(IDLE_GRPC + 8)
        assert len(DaguerreStub(older).Embed(request, timeout=20).data) == 1  # it is not told that it was idle
        with grpc.insecure_channel(small.grpc_target) as newer:
            assert len(DaguerreStub(newer).Embed(request, timeout=20).data) == 1


def test_busy_connections_of_one_address_leave_a_quarter_to_others(small: Server) -> None:
    head = b"POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    head += b"content-length: 9\r\n\r\n"
    with ExitStack() as stack:
        made = connected(stack, small.port, 500, head)
        time.sleep(0.3)
        assert b" 429 " in made[-1].recv(1000)
        other = stack.enter_context(
            socket.create_connection(("127.0.0.1", small.port), timeout=10, source_address=("127.0.0.2", 0))
        )
        other.sendall(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        assert other.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_headers_of_many_connections_take_little_memory(small: Server) -> None:
    before = peak(small)
    lines = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n" + b"".join(
        b"a%d: %s\r\n" % (i, b"x" * 600) for i in range(100)
    )
    many = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n" + b"a: b\r\n" * 9000
    with ExitStack() as stack:
        for head in (lines, many):
            for connection in connected(stack, small.port, 300):
                with suppress(OSError):
                    connection.sendall(head)
        is_served(small)
    assert peak(small) - before < 150 * MIB


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GET /livez HTTP/1.1\r\nhost: localhost\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (
            b"POST /livez HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 200,
            b"431",
        ),
        (b"GET /readyz HTTP/1.1\r\nhost: localhost\r\n\r\n" * 5000, b"429"),
    ],
    ids=["many headers", "many trailers", "many requests at once"],
)
def test_what_takes_memory_is_refused(server: Server, text: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        with suppress(OSError):
            connection.sendall(text)
        got = b""
        with suppress(OSError):
            while part := connection.recv(65536):
                got += part
    assert b"HTTP/1.1 " + status in got


def test_a_trailer_without_end_is_refused(server: Server) -> None:
    sent = 0
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(
            b"POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n0\r\na: "
        )
        with suppress(OSError):  # closed by the server
            while sent < 50 * MIB:
                connection.sendall(b"x" * 65536)
                sent += 65536
    assert sent < 20 * MIB


def test_a_connection_answers_one_request_after_another(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/livez", headers={"cookie": "x" * 20_000})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"\n")
    connection.close()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as pipelined:
        pipelined.sendall(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n" * 20)
        got = b""
        while got.count(b"HTTP/1.1 200 ") < 20:
            part = pipelined.recv(65536)
            assert part, got
            got += part


def test_a_soft_limit_is_raised_and_a_missing_one_is_kept() -> None:
    code = (
        "import resource; from service.api.connections import raise_open_files; "
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 512)); raise_open_files(); "
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=harness.ROOT, capture_output=True, text=True, timeout=60)
    assert ended.stdout.strip() == "(512, 512)", ended.stderr


def test_only_http_and_grpc_are_listened_on(server: Server) -> None:
    """Processes of other users can connect to all ports of 127.0.0.1: one of a supervisor would run their commands."""
    open_ports = {
        (connection.laddr.port, process.name())
        for process in server.processes()
        for connection in process.net_connections("inet")
        if connection.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)  # the latter is UDP
    }
    assert {port for port, _ in open_ports} == {server.port, server.grpc_port}, open_ports


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_messages_of_grpc_are_refused(server: Server, compression: grpc.Compression) -> None:
    """A message of 64 MB of zeros is 64 kB of gzip, and the limits on memory count what arrives."""
    request = embeddings_pb2.EmbedRequest(items=[{"text": "a cat " * 10}])
    with grpc.insecure_channel(server.grpc_target, compression=compression) as channel:
        with pytest.raises(grpc.RpcError) as caught:
            DaguerreStub(channel).Embed(request, timeout=20)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert "disabled" in caught.value.details()
    with grpc.insecure_channel(server.grpc_target) as channel:
        assert len(DaguerreStub(channel).Embed(request, timeout=20).data) == 1


def test_a_target_that_is_no_path_is_answered_in_the_usual_shape(server: Server) -> None:
    for target in ("*", "livez", "v1/models"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.putrequest("OPTIONS" if target == "*" else "GET", target, skip_accept_encoding=True)
        connection.endheaders()
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.headers["content-type"] == "application/json", (target, answer.status, content)
        assert answer.status in (400, 404), target
        assert set(json.loads(content)) == {"error"}
