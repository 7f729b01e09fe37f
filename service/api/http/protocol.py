"""uvicorn's HTTP protocol with limits on the size of headers and on the time that they take.

Both hold before anybody is authenticated. uvicorn has such limits only for h11, which is slower.
"""

import asyncio
import uuid
from http import HTTPStatus

import orjson
from uvicorn import config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import BadRequest, HeadersTooLarge, HeadersTooSlow, ServiceError

MOST = 64 * 1024  # bytes of a request line and its headers
SECONDS = 10.0  # from the connection, or the first byte of a later request, to the end of the headers
END = b"\r\n\r\n"


class LimitedProtocol(HttpToolsProtocol):
    """HttpToolsProtocol that answers 431, 414 or 408, and closes the connection, where headers exceed the limits."""

    _reading = True  # headers
    _read = 0  # bytes of them
    _last = b""  # the end of those
    _line_ended = False  # the request line has
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
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
        super().data_received(data)

    def on_headers_complete(self) -> None:
        self._stop_timer()
        self._reading = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._reading, self._read, self._last, self._line_ended = True, 0, b"", False
        super().on_message_complete()

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
        if self.transport.is_closing():
            return
        request_id = uuid.uuid4().hex
        body = orjson.dumps(error.body(request_id))
        head = (
            f"HTTP/1.1 {error.status} {HTTPStatus(error.status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def install() -> None:
    """Make it the protocol of the uvicorn servers that BentoML starts in this process."""
    config.HTTP_PROTOCOLS["auto"] = f"{__name__}:{LimitedProtocol.__name__}"
