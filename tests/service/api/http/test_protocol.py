"""Answers that are not read, with uvicorn and real connections."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest
import uvicorn

from service.api.connections import Connections
from service.api.http import protocol
from service.api.http.protocol import LimitedProtocol

SIZE = 4 * 2**20  # bytes of an answer: more than the system buffers


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers with `SIZE` bytes at once, or in parts."""
    parts = 100 if scope["path"] == "/parts" else 1
    headers = [(b"content-length", str(SIZE // parts * parts).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for i in range(parts):
        await send({"type": "http.response.body", "body": bytes(SIZE // parts), "more_body": i < parts - 1})


@pytest.fixture(params=["uvloop", "asyncio"])
def port(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(protocol, "STALLED", 1.0)
    monkeypatch.setattr(protocol, "PACE", 0.1)
    monkeypatch.setattr(protocol, "QUIET", 0.3)
    monkeypatch.setattr(LimitedProtocol, "connections_open", Connections(64))
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(app, http=LimitedProtocol, loop=request.param, lifespan="off", log_level="critical")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
    assert not LimitedProtocol.unread


def asking(stack: ExitStack, port: int, path: str = "/", *, source: str = "127.0.0.1") -> socket.socket:
    """A connection with a small buffer that has sent a request."""
    connection = stack.enter_context(socket.socket())
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.bind((source, 0))
    connection.connect(("127.0.0.1", port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
    return connection


def read(connection: socket.socket, most: int = 2 * SIZE) -> int:
    """The number of bytes that could be read before the end of the answer or of the connection."""
    size = 0
    with suppress(OSError):
        while size < min(most, SIZE) and (got := connection.recv(65536)):
            size += len(got)
    return size


@pytest.mark.parametrize("path", ["/", "/parts"])
def test_an_answer_that_nobody_reads_is_dropped(port: int, path: str) -> None:
    with ExitStack() as stack:
        connections = [asking(stack, port, path) for _ in range(5)]
        time.sleep(0.5)
        assert len(LimitedProtocol.unread) == 5
        end = time.monotonic() + 10
        while LimitedProtocol.unread and time.monotonic() < end:
            time.sleep(0.05)
        assert not LimitedProtocol.unread
        assert all(read(connection) < SIZE for connection in connections)


@pytest.mark.thorough
@pytest.mark.parametrize("path", ["/", "/parts"])
def test_a_slow_reader_is_not_cut(port: int, path: str) -> None:
    with ExitStack() as stack:
        connection = asking(stack, port, path)
        began, size = time.monotonic(), 0
        while time.monotonic() < began + 2:
            size += len(connection.recv(20_000))
            time.sleep(0.2)
        assert size < SIZE // 4  # so that some was unread all the time
        assert size + read(connection) >= SIZE


def test_unread_answers_of_many_connections_make_place(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALLED", 60.0)
    monkeypatch.setattr(protocol, "UNREAD", 4 * SIZE)
    with ExitStack() as stack:
        other = asking(stack, port, source="127.0.0.2")
        many = [asking(stack, port) for _ in range(6)]
        time.sleep(0.6)
        more = [asking(stack, port) for _ in range(3)]
        time.sleep(0.5)
        assert sum(LimitedProtocol.unread.values()) <= 4 * SIZE
        assert [read(connection) >= SIZE for connection in (other, *more)] == [True] * 4
        assert sum(read(connection) >= SIZE for connection in many) <= 1


def test_connections_that_read_nothing_are_closed_for_new_ones(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "STALLED", 60.0)
    with ExitStack() as stack:
        many = [asking(stack, port) for _ in range(48)]  # of one address, the most that it may have
        end = time.monotonic() + 10
        while len(LimitedProtocol.unread) < 48 or not all(each._is_quiet() for each in [*LimitedProtocol.unread]):
            assert time.monotonic() < end
            time.sleep(0.1)
        assert read(asking(stack, port)) >= SIZE
        assert sum(read(connection, SIZE) >= SIZE for connection in many[:16]) == 0
