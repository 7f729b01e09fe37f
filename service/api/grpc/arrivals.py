"""Reading of gRPC messages whose bytes are counted while they arrive.

gRPC gives a message when it is whole, and tells nothing of it before. But the system counts the bytes that each
connection has received: while a message of a connection is awaited, they are reserved in the budget of bodies, and a
connection without progress is noticed. Systems other than Linux have no such count: there, a message is counted when it
is whole.

The event loop does not run while gRPC puts a large message together, and others arrive meanwhile. Therefore only as
many messages as fit into the budget arrive at once, a half of them of one caller; those that arrive slowly aside.
"""

import asyncio
import os
import socket
import struct
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from service.api.grpc.calls import CallContext
from service.body_budget import BodyBudget, Reservation
from service.errors import BodyTooSlow, ServiceError, TooLarge
from service.settings import Settings

STALLED = 30.0  # seconds, as of a body over HTTP
SLOWEST = 1000  # bytes per second
TICK = 0.02  # seconds between two looks at the counts
RARELY = 10  # ticks between two looks at a connection that has received nothing for a second
OVERHEAD = 1024  # bytes of a call besides its message
COPIES = 3  # of a message, while gRPC puts it together and while it is parsed
FEWEST = 4  # messages that arrive at once
FAST = 10_000_000  # bytes per second of a message that is one of the few that arrive at once
SLACK = 2**20  # bytes beyond the limit of a message: frames, and other calls of the connection
_RECEIVED = 128  # place of tcpi_bytes_received in struct tcp_info


class _Places:
    """The places of messages that arrive fast, of all callers and of each."""

    def __init__(self, number: int) -> None:
        self._all = asyncio.Semaphore(number)
        self._each = max(1, number // 2)
        self._by_caller: dict[str | None, asyncio.Semaphore] = {}
        self._users: Counter[str | None] = Counter()

    async def take(self, caller: str | None) -> Callable[[], None]:
        """Wait for a place. The function that is returned gives it back, once."""
        own = self._by_caller.setdefault(caller, asyncio.Semaphore(self._each))
        self._users[caller] += 1
        with ExitStack() as stack:
            stack.callback(self._leave, caller)
            await own.acquire()
            stack.callback(own.release)
            await self._all.acquire()
            stack.callback(self._all.release)
            return stack.pop_all().close
        raise AssertionError("nothing is suppressed")

    def _leave(self, caller: str | None) -> None:
        self._users[caller] -= 1
        if not self._users[caller]:
            del self._users[caller], self._by_caller[caller]


@dataclass(eq=False)
class _Read:
    """A message that is awaited."""

    scope: asyncio.Timeout
    patient: bool  # whether it may come at any time
    leave: Callable[[], None]  # gives its place back
    began: float
    received: int = -1  # of the connection at the first look
    error: ServiceError | None = None

    def fail(self, error: ServiceError) -> None:
        if self.error is None:
            self.error = error
            self.scope.reschedule(asyncio.get_running_loop().time())

    def look(self, received: int, now: float) -> None:
        """Give the place back if the message does not arrive fast."""
        if self.received < 0:
            self.received = received
        elif received - self.received < FAST * (now - self.began):
            self.leave()


@dataclass(eq=False)
class _Connection:
    """A connection with messages that are awaited."""

    peer: str
    reservation: Reservation
    held: ExitStack
    created: float
    handle: socket.socket | None = None
    began: float = -1.0  # of the current window of time
    at_began: int = 0  # bytes received until then
    received: int = 0
    changed: float = 0.0  # when bytes were last received
    reads: dict[_Read, None] = field(default_factory=dict)


class Arrivals:
    """The messages that are awaited in one event loop."""

    def __init__(self, settings: Settings, budget: BodyBudget) -> None:
        self._limit = settings.max_body_bytes
        self._budget = budget
        self._places = _Places(max(FEWEST, settings.max_bodies_bytes // (COPIES * settings.max_body_bytes)))
        self._connections: dict[str, _Connection] = {}
        self._watching: asyncio.Task[None] | None = None

    @contextmanager
    def hold(self, raw: bytes, caller: str | None) -> Iterator[None]:
        """Reserve memory for a message that has arrived. Raises TooLarge, Overloaded."""
        with self._budget.hold(len(raw), "message", caller, COPIES):
            yield

    async def next(self, context: CallContext, caller: str | None, *, patient: bool = False) -> bytes | None:
        """The next message of a call; None at its end.

        Parameters
        ----------
        patient : whether the caller may wait before the message, as in a stream that is open for what comes.

        Raises
        ------
        Overloaded : other requests use the memory.
        BodyTooSlow, TooLarge
        """
        leave = await self._places.take(caller)
        try:
            connection = self._connection(context.peer(), caller)
            return await self._read(connection, context, patient, leave)
        finally:
            leave()

    def _connection(self, peer: str, caller: str | None) -> _Connection:
        connection = self._connections.get(peer)
        if connection is None:
            held = ExitStack()
            reservation = held.enter_context(self._budget.arriving(caller, COPIES))
            now = asyncio.get_running_loop().time()
            connection = self._connections[peer] = _Connection(peer, reservation, held, created=now)
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch())
        return connection

    async def _read(
        self, connection: _Connection, context: CallContext, patient: bool, leave: Callable[[], None]
    ) -> bytes | None:
        read = None
        try:
            async with asyncio.timeout(None) as scope:
                read = _Read(scope, patient, leave, asyncio.get_running_loop().time())
                connection.reads[read] = None
                raw: Any = await context.read()  # the iterator of requests would keep it
                if not isinstance(raw, bytes):  # grpc.aio.EOF
                    return None
                connection.reservation.release(OVERHEAD + len(raw))
                return raw
        except TimeoutError:
            if read is None or read.error is None:
                raise
            raise read.error from None
        finally:
            if read is not None:
                connection.reads.pop(read, None)
            if not connection.reads:
                self._close(connection)

    def _close(self, connection: _Connection) -> None:
        connection.held.close()
        if connection.handle is not None:
            connection.handle.close()
        if self._connections.get(connection.peer) is connection:
            del self._connections[connection.peer]

    async def _watch(self) -> None:
        """Look at the counts while messages are awaited."""
        loop = asyncio.get_running_loop()
        tick = 0
        while self._connections:
            await asyncio.sleep(TICK)
            tick, now = tick + 1, loop.time()
            new = {p: each for p, each in self._connections.items() if each.began < 0 and each.created < now - TICK}
            sockets = _sockets(new)
            for peer, each in new.items():
                each.handle = sockets.get(peer)
                each.received = each.at_began = _received(each.handle)
                each.began = each.changed = now
            for each in list(self._connections.values()):
                if each.changed > now - 1 or tick % RARELY == 0:
                    self._look(each, now)
        self._watching = None

    def _look(self, connection: _Connection, now: float) -> None:
        if connection.handle is None:
            for read in connection.reads:
                if now - read.began > 1:
                    read.leave()
            return
        received = _received(connection.handle)
        more, connection.received = received - connection.received, received
        reads = list(connection.reads)
        for read in reads:
            read.look(received, now)
        try:
            if len(reads) == 1 and connection.reservation.size > self._limit + SLACK:
                raise TooLarge(
                    f"the message has more than {self._limit:,} bytes, which is the limit; send fewer items at once",
                    code="body_too_large",
                )
            if more > 0:
                connection.changed = now
                connection.reservation.add(more)
        except ServiceError as exc:
            for read in reads:
                read.fail(exc)
        waited = now - connection.began
        if waited > STALLED:
            size = received - connection.at_began
            if size < SLOWEST * waited:
                for read in reads:
                    if not read.patient:
                        read.fail(
                            BodyTooSlow(
                                f"the message arrives at {size / waited:,.0f} bytes per second, and at least "
                                f"{SLOWEST:,} are needed; send it over a faster connection"
                            )
                        )
            connection.began, connection.at_began = now, received


def _sockets(peers: "dict[str, _Connection]") -> dict[str, socket.socket]:
    """The sockets of this process that are connected to `peers`, by a duplicate of their descriptors."""
    found: dict[str, socket.socket] = {}
    if not peers or sys.platform != "linux":
        return found
    wanted = {unquote(peer).partition(":")[2].replace("[", "").replace("]", ""): peer for peer in peers}
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            made = socket.socket(fileno=os.dup(int(name)))
            peer = None
            try:
                address = made.getpeername()
                if made.family in (socket.AF_INET, socket.AF_INET6):
                    host = address[0].removeprefix("::ffff:") if made.family == socket.AF_INET6 else address[0]
                    peer = wanted.get(f"{host}:{address[1]}") or wanted.get(f"{address[0]}:{address[1]}")
            finally:
                if peer is None or peer in found:
                    made.close()
                else:
                    found[peer] = made
    return found


def _received(connection: socket.socket | None) -> int:
    """Bytes that a connection has received so far."""
    if connection is None:
        return 0
    try:
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED + 8)
    except OSError:
        return 0
    return int(struct.unpack_from("=Q", info, _RECEIVED)[0]) if len(info) >= _RECEIVED + 8 else 0
