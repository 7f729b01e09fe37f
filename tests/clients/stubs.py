"""A server that records requests and gives the answers that it is told to, for clients of any language."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """An answer: its status, its JSON, and headers."""

    status: int
    content: Any
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """A request that was received, and when, in seconds of a monotonic clock."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


@contextmanager
def recording(answer: Callable[[Asked, int], Reply]) -> Iterator[tuple[str, list[Asked]]]:
    """A server whose `answer` is called with each request and the number of those before: its address, and requests."""
    asked: list[Asked] = []
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            with lock:
                each = Asked(self.command, self.path, dict(self.headers), body, time.monotonic())
                reply = answer(each, len(asked))
                asked.append(each)
            content = json.dumps(reply.content).encode()
            self.send_response(reply.status)
            headers = {
                "Content-Type": "application/json",
                "Content-Length": str(len(content)),
                "Daguerre-Version": "0.1.0",
            }
            for name, value in (headers | reply.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PUT = _answer

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
