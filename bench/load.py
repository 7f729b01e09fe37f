"""The load generator: requests made beforehand over HTTP/1.1 on raw sockets, or gRPC, so that it costs little.

Closed loop: each client sends its next request when it has the answer to its last one.
"""

import asyncio
import base64
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import uvloop

from bench import load_grpc
from bench.load_grpc import GrpcConnection

REQUEST_TIMEOUT = 60.0
PATH = "/v1/embeddings"
BOUNDARY = "daguerre-bench-boundary"


@dataclass
class Result:
    """Measurements of one run of the generator."""

    images_per_second: float = 0.0
    latencies: list[float] = field(default_factory=list)  # seconds, of requests sent inside the window
    images: int = 0  # embedded in all, warm-up and tail included
    requests: int = 0  # answered with 200
    errors: dict[str, int] = field(default_factory=dict)  # by status, or by the exception's name
    generator_cpu: float = 0.0  # seconds


@dataclass(frozen=True)
class _Sent:
    started: float
    ended: float


class Generator:
    """Holds the photos, or other items as bytes, and makes requests of them."""

    def __init__(self, photos: Sequence[bytes], encodings: "Mapping[str, Encoding] | None" = None) -> None:
        self._photos = photos
        self._encodings = encodings or ENCODINGS
        self._made: dict[tuple[str, str, int], Sequence[bytes]] = {}

    def run(
        self,
        *,
        port: int,
        model: str,
        encoding: str,
        clients: int,
        images: int,
        seconds: float,
        warm: float,
        rate: float | None = None,
    ) -> Result:
        """Load the service at `port` for `warm` + `seconds` seconds.

        Parameters
        ----------
        port : of HTTP, or of gRPC where that is the encoding.
        encoding : a key of the generator's encodings: "json" (base64 images), "multipart" or "grpc".
        images : in each request.
        rate : images/s of all clients together, at most.
        """
        requests = self._requests(model, encoding, images)
        cpu = time.process_time()
        way = self._encodings[encoding]
        run = _Run(port, requests, way, clients=clients, images=images, seconds=seconds, warm=warm, rate=rate)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            result = runner.run(run.all())
        result.generator_cpu = time.process_time() - cpu
        return result

    def _requests(self, model: str, encoding: str, images: int) -> Sequence[bytes]:
        key = model, encoding, images
        if key not in self._made:
            photos = self._photos
            starts = range(len(photos)) if images < len(photos) else range(0, len(photos), 8)
            self._made[key] = [
                self._encodings[encoding].make(model, [photos[(s + i) % len(photos)] for i in range(images)])
                for s in starts
            ]
        return self._made[key]


class _Run:
    def __init__(
        self,
        port: int,
        requests: Sequence[bytes],
        encoding: "Encoding",
        *,
        clients: int,
        images: int,
        seconds: float,
        warm: float,
        rate: float | None,
    ) -> None:
        self._port = port
        self._requests = requests
        self._connect, self._vectors = encoding.connect, encoding.count
        self._clients = clients
        self._images = images
        self._pause = clients * images / rate if rate else 0.0
        self._begin = time.perf_counter() + warm
        self._end = self._begin + seconds
        self._inside = 0  # requests under way that were sent before the end
        self._answered: list[_Sent] = []
        self._errors: Counter[str] = Counter()

    async def all(self) -> Result:
        await asyncio.gather(*(self._client(i) for i in range(self._clients)))
        width = self._end - self._begin
        # what began before the window or ended after it counts by the part of its time that lies inside
        credit = sum(
            max(0.0, min(a.ended, self._end) - max(a.started, self._begin)) / (a.ended - a.started)
            for a in self._answered
        )
        if self._images > 1 and self._answered:
            # a request of many images lasts a good part of the window: one that waits its turn would have credit for
            # work that nobody has begun, one that shares would not. All work in all of its time treats them alike
            width = max(a.ended for a in self._answered) - min(a.started for a in self._answered)
            credit = len(self._answered)
        return Result(
            images_per_second=credit * self._images / width,
            latencies=[a.ended - a.started for a in self._answered if self._begin <= a.started < self._end],
            images=len(self._answered) * self._images,
            requests=len(self._answered),
            errors=dict(self._errors),
        )

    async def _client(self, number: int) -> None:
        connection: _Connection | GrpcConnection | None = None
        turn = number
        # others go on until what was sent inside the window is answered: its last requests see the same load
        while time.perf_counter() < self._end or (self._inside and self._images == 1):
            request = self._requests[turn % len(self._requests)]
            turn += self._clients
            started = time.perf_counter()
            inside = started < self._end
            self._inside += inside
            try:
                if connection is None:
                    connection = await self._connect(self._port)
                status, body = await asyncio.wait_for(connection.ask(request), REQUEST_TIMEOUT)
                if status != 200:
                    self._errors[str(status)] += 1
                elif self._vectors(body) != self._images:
                    self._errors["vectors missing"] += 1
                else:
                    self._answered.append(_Sent(started, time.perf_counter()))
                failed = status != 200
            except (OSError, TimeoutError) as exc:
                self._errors[type(exc).__name__] += 1
                failed = True
                if connection:
                    await connection.close()
                connection = None
            finally:
                self._inside -= inside
            if failed:
                await asyncio.sleep(0.05)  # an error is quick: no storm of them
            elif self._pause:
                await asyncio.sleep(max(0.0, started + self._pause - time.perf_counter()))
        if connection:
            await connection.close()


class _Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._lost: Exception | None = None
        self._got = bytearray()
        self._need = -1  # bytes of head and body together, once known
        self._head = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def ask(self, request: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        """Send a request; the future holds status and body."""
        assert self._transport
        self._answer = asyncio.get_running_loop().create_future()
        if self._lost:
            self._answer.set_exception(self._lost)
        else:
            self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._got += data
        if self._need < 0 and (end := self._got.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._got[:end]).lower()
            _, found, length = head.partition(b"content-length:")
            if not found:
                self._fail(ConnectionError("an answer without content-length"))
                return
            self._head = end + 4
            self._need = self._head + int(length.split(b"\r\n", 1)[0])
        if 0 <= self._need <= len(self._got):
            status, body = int(self._got[9:12]), bytes(self._got[self._head : self._need])
            self._got.clear()
            self._need = -1
            if self._answer and not self._answer.done():
                self._answer.set_result((status, body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionError("closed by the service"))

    def _fail(self, exc: Exception) -> None:
        self._lost = exc
        if self._answer and not self._answer.done():
            self._answer.set_exception(exc)

    async def close(self) -> None:
        if self._transport:
            self._transport.close()


async def over_http(port: int) -> _Connection:
    loop = asyncio.get_running_loop()
    made = loop.create_connection(_Connection, "127.0.0.1", port)
    return (await asyncio.wait_for(made, 10))[1]


async def over_grpc(port: int) -> GrpcConnection:
    return GrpcConnection(port)


def make(encoding: str, model: str, photos: Sequence[bytes]) -> bytes:
    """One request, ready to be sent."""
    return ENCODINGS[encoding].make(model, photos)


async def connection(encoding: str, port: int) -> tuple["_Connection | GrpcConnection", Callable[[bytes], int]]:
    """A connection, and what counts the vectors of an answer."""
    way = ENCODINGS[encoding]
    return await way.connect(port), way.count


def quantile(values: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile; None of nothing."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else None


def _json(model: str, photos: Sequence[bytes]) -> bytes:
    items = b",".join(b'{"image":"' + base64.b64encode(photo) + b'"}' for photo in photos)
    body = b'{"model":"%s","encoding_format":"base64","input":[%s]}' % (model.encode(), items)
    return post("application/json", body)


def _multipart(model: str, photos: Sequence[bytes]) -> bytes:
    return multipart({"model": model, "encoding_format": "base64"}, photos)


def multipart(fields: Mapping[str, str], photos: Sequence[bytes], *, path: str = PATH) -> bytes:
    """An upload of photos as files named `input`, after `fields`."""
    lines = b'--%s\r\nContent-Disposition: form-data; name="%s"' % (BOUNDARY.encode(), b"%s")
    parts = [lines % name.encode() + b"\r\n\r\n" + value.encode() for name, value in fields.items()]
    for i, photo in enumerate(photos):
        parts.append(lines % b"input" + b'; filename="%d.jpg"\r\nContent-Type: image/jpeg\r\n\r\n' % i + photo)
    body = b"\r\n".join(parts) + b"\r\n--%s--\r\n" % BOUNDARY.encode()
    return post(f"multipart/form-data; boundary={BOUNDARY}", body, path=path)


def post(content_type: str, body: bytes, *, path: str = PATH) -> bytes:
    """An HTTP request."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


def embeddings(body: bytes) -> int:
    """Number of embeddings in a JSON answer."""
    return body.count(b'"embedding":"')


@dataclass(frozen=True)
class Encoding:
    """Functions that make a request of a model's name and items, send it, and count the vectors of its answer."""

    make: Callable[[str, Sequence[bytes]], bytes]
    connect: Callable[[int], Awaitable["_Connection | GrpcConnection"]] = over_http
    count: Callable[[bytes], int] = embeddings


ENCODINGS: Mapping[str, Encoding] = {
    "json": Encoding(_json),
    "multipart": Encoding(_multipart),
    "grpc": Encoding(load_grpc.message, over_grpc, load_grpc.vectors),
}
