"""A service that does nothing: it reads requests and sends one fixed answer.

With it the in-process bound is measured while the generator does all that it does for the service.
"""

import asyncio
import threading
from typing import cast

import uvloop

VECTOR = b'{"index":0,"object":"embedding","embedding":"' + b"A" * 6828 + b'"}'  # 1,280 numbers in base64


class Sink:
    """Listens on a port of 127.0.0.1 from a thread of its own."""

    def __init__(self, images: int = 1) -> None:
        body = b'{"data":[' + b",".join([VECTOR] * images) + b"]}"
        self._answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
        self._port = 0
        self._listening = threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def port(self) -> int:
        """Port of the sink, once it listens."""
        if not self._listening.wait(10):
            raise TimeoutError("the sink does not listen")
        return self._port

    def _listen(self) -> None:
        async def forever() -> None:
            server = await asyncio.get_running_loop().create_server(lambda: _Connection(self._answer), "127.0.0.1", 0)
            self._port = server.sockets[0].getsockname()[1]
            self._listening.set()
            await server.serve_forever()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(forever())


class _Connection(asyncio.Protocol):
    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._head = b""
        self._left = 0  # bytes of the body still to come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        if not self._left:
            self._head += data
            head, found, rest = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0]
            self._left, self._head = int(length) - len(rest), b""
        else:
            self._left -= len(data)
        if self._left <= 0:
            self._left = 0
            self._transport.write(self._answer)
