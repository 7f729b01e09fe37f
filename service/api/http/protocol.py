"""uvicorn's HTTP protocol with limits on connections, on the size of headers and on the time that they take.

All hold before anybody is authenticated. uvicorn has such limits only for h11, which is slower. Answers that nobody
reads are held for a limited time, and within a limited amount of memory.
"""

import asyncio
import fcntl
import sys
import termios
import uuid
from collections import Counter
from contextlib import suppress
from http import HTTPStatus
from typing import ClassVar

import orjson
from uvicorn import config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.api.connections import Connections, http_connections
from service.errors import BadRequest, HeadersTooLarge, HeadersTooSlow, Overloaded, ServiceError
from service.settings import Settings

MOST = 64 * 1024  # bytes of a request line and its headers, or of the trailers after a body
LINES = 128  # headers of a request; each takes some hundred bytes of memory
USUAL = 8 * 1024  # bytes of headers that every connection may send
TOGETHER = 32 * 2**20  # bytes of headers beyond those that all connections may send at once
PIPELINED = 32  # requests of a connection that wait while its first one is answered
SECONDS = 10.0  # from the connection, or the first byte of a later request, to the end of the headers
STALLED = 30.0  # seconds in which nothing of an answer is read, as of a body that does not arrive
PACE = 1.0  # seconds between two looks at what is not read yet
QUIET = 2.0  # seconds after which a connection that reads nothing may make place for others
UNREAD = 256 * 2**20  # bytes of answers, of all connections, beyond which these are closed
END = b"\r\n\r\n"


class _Refused(Exception):
    """The connection is being closed: the rest of what has arrived is not parsed."""


class LimitedProtocol(HttpToolsProtocol):
    """HttpToolsProtocol that answers 431, 414, 408 or 429, and closes the connection, where limits are exceeded."""

    connections_open: ClassVar[Connections] = Connections(1024)
    together: ClassVar[int] = 0  # bytes of headers beyond the usual, of all connections
    unread: ClassVar[dict["LimitedProtocol", int]] = {}  # bytes that the callers of these connections have not read

    _reading = True  # headers
    _read = 0  # bytes of them
    _beyond = 0  # bytes of them beyond the usual
    _last = b""  # the end of those
    _line_ended = False  # the request line has
    _after_body = 0  # bytes since the last one of a body
    _timer: asyncio.TimerHandle | None = None
    _cycles: tuple[RequestResponseCycle, ...] = ()  # requests under way
    _look_again: asyncio.TimerHandle | None = None
    _moved = 0.0  # when some of an answer was last read
    peer = ""
    since = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.peer, self.since = self.client[0] if self.client else "", self.loop.time()
        self._begin()
        if not self.connections_open.add(self):
            self._refuse(
                Overloaded(
                    f"there are {self.connections_open.most:,} connections, which is the limit, or too many of this "
                    "address; close some, or raise DAGUERRE_MAX_CONNECTIONS",
                    retry_after=2,
                )
            )

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave()
        self._stop_timer()
        self._count(0)
        self._stop_looking()
        self.connections_open.remove(self)
        super().connection_lost(exc)

    def waits(self) -> bool:
        answered = self.cycle is None or (self.cycle.response_complete and not self.pipeline)
        return answered and (self not in self.unread or self._is_quiet())

    def end(self) -> None:
        self._stop_timer()
        if self.transport.get_write_buffer_size():  # `close` would wait until it is read
            self.transport.abort()
        elif not self.transport.is_closing():
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def _watch(self) -> None:
        """Observe an answer that is not sent yet, until it is; close the connection if nothing of it is read."""
        if self not in self.unread and self.transport.get_write_buffer_size():
            self.unread[self] = 0
            self._look()
            self._make_place()

    def _look(self) -> None:
        if not self.transport.get_write_buffer_size():
            self._stop_looking()
            return
        left, now = _unread(self.transport), self.loop.time()
        if left != self.unread[self]:
            self.unread[self], self._moved = left, now
        if now - self._moved > STALLED:
            self.transport.abort()
        else:
            self._look_again = self.loop.call_later(PACE, self._look)

    def _stop_looking(self) -> None:
        self.unread.pop(self, None)
        if self._look_again is not None:
            self._look_again.cancel()

    def _is_quiet(self) -> bool:
        return self.loop.time() - self._moved > QUIET

    def _make_place(self) -> None:
        """Close connections that read nothing, of the address with most unread bytes, if these are too many."""
        beyond = sum(self.unread.values()) - UNREAD
        if beyond <= 0:
            return
        of_peers: Counter[str] = Counter()
        for each, size in self.unread.items():
            of_peers[each.peer] += size
        ((most, _),) = of_peers.most_common(1)
        quiet = [each for each in self.unread if each.peer == most and each is not self and each._is_quiet()]
        for each in sorted(quiet, key=lambda each: each._moved):
            if beyond > 0:
                beyond -= self.unread[each]
                each._stop_looking()
                each.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._reading:
            if self._timer is None:
                self._begin()
            first = data.find(b"\n")
            self._line_ended = self._line_ended or 0 <= first <= MOST - self._read
            at = (self._last + data).find(END)
            self._read += len(data) if at < 0 else max(at - len(self._last), 0)
            self._last = (self._last + data)[-len(END) + 1 :]
            if self._read > MOST:
                error = HeadersTooLarge(f"the headers have more than {MOST:,} bytes, which is the limit")
                if not self._line_ended:
                    error = HeadersTooLarge(f"the path has more than {MOST:,} bytes, which is the limit")
                    error.status = 414
                self._refuse(error)
                return
            self._count(max(self._read - USUAL, 0))
            if self._beyond and self.together > TOGETHER:
                self._refuse(
                    Overloaded(
                        f"too many large headers at once; send less than {USUAL:,} bytes, or try later", retry_after=2
                    )
                )
                return
        self._after_body += len(data)
        super().data_received(data)
        if not self._reading and self._after_body > MOST + len(data):
            self._refuse(HeadersTooLarge(f"what follows the body has more than {MOST:,} bytes, which is the limit"))

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(self.headers) >= LINES:
            self._refuse(HeadersTooLarge(f"there are more than {LINES} headers, which is the limit"))
            raise _Refused
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._reading, self._after_body = False, 0
        self._count(0)
        if len(self.pipeline) >= PIPELINED:
            self._refuse(Overloaded(f"more than {PIPELINED} requests of this connection wait; read the answers first"))
            raise _Refused
        super().on_headers_complete()
        self._cycles = (*(each for each in self._cycles if not each.response_complete), self.cycle)

    def on_body(self, body: bytes) -> None:
        self._after_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._reading, self._read, self._last, self._line_ended = True, 0, b"", False
        super().on_message_complete()
        self._forget()

    def on_response_complete(self) -> None:
        self.since = self.loop.time()
        self._watch()
        super().on_response_complete()
        self._forget()

    def _forget(self) -> None:
        """Release the headers of a request that is answered, while the connection waits for the next one."""
        if self.cycle is not None and self._reading and not self._read and self.waits():
            self.headers = []
            self.cycle.scope = self.scope = {}  # type: ignore[typeddict-item]

    def _count(self, beyond: int) -> None:
        LimitedProtocol.together += beyond - self._beyond
        self._beyond = beyond

    def _should_upgrade_to_ws(self) -> bool:
        return False  # there are no WebSockets here, whose protocol would have none of these limits

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(BadRequest("the request is not HTTP/1.1 that can be read"))

    def _begin(self) -> None:
        self._timer = self.loop.call_later(SECONDS, self._too_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        if self._read:
            self._refuse(HeadersTooSlow(f"the headers did not end within {SECONDS:g} seconds"))
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, error: ServiceError) -> None:
        self._stop_timer()
        self._count(0)
        if self.transport.is_closing():
            return
        request_id = uuid.uuid4().hex
        body = orjson.dumps(error.body(request_id))
        later = "" if error.retry_after is None else f"retry-after: {error.retry_after}\r\n"
        head = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nconnection: close\r\n"
            f"{later}\r\n"
        )
        self.transport.write(head.encode() + body)
        self._watch()
        self.transport.close()
        self._leave()

    def _leave(self) -> None:
        """Let requests under way write no answers. uvicorn tells only the last of several in one connection."""
        for cycle in self._cycles:
            if not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()


def _unread(transport: asyncio.Transport) -> int:
    """Bytes that the other side has not taken: those of the transport's buffer, and of the system's where it says."""
    unread = transport.get_write_buffer_size()
    with suppress(OSError):  # in which a slow reader makes progress while the transport's buffer stays as it is
        handle = transport.get_extra_info("socket").fileno()
        unread += int.from_bytes(fcntl.ioctl(handle, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
    return unread


def install(settings: Settings) -> None:
    """Make it the protocol of the uvicorn servers that BentoML starts in this process."""
    LimitedProtocol.connections_open = Connections(http_connections(settings))
    config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{LimitedProtocol.__name__}"
