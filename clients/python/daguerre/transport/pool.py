"""The servers of a client in one event loop: which one is asked next, which ones rest, and their fingerprints."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar
from urllib.parse import urlsplit

from daguerre.errors import (
    APIError,
    ConnectError,
    DaguerreError,
    OverloadedError,
    ServerTimeoutError,
    UnavailableError,
)
from daguerre.transport.addresses import DNS, port_of
from daguerre.transport.base import Transport
from daguerre.transport.fingerprints import Cards, read_cards, require_same
from daguerre.transport.operations import Operation

T = TypeVar("T")
REST = 5.0  # seconds for which a server is left out that did not answer, or answered 502 or 503
LOOK = 10.0  # seconds for the list of models of a server that comes, or comes back
RESOLVE = 30.0  # seconds after which a name is resolved again
AWAY = (ConnectError, UnavailableError)
Resolve = Callable[[str, int], Awaitable[list[str]]]


class Server:
    """A server, as one event loop sees it."""

    def __init__(self, address: str, transport: Transport) -> None:
        self.address = address
        self.transport = transport
        self.under_way = 0  # items
        self.done = 0  # requests
        self.cards: Cards | None = None  # None: not compared yet, or not since it was away
        self.rests_until = 0.0
        self.asks_until = 0.0  # it has asked to be left alone until then
        self.refusal: APIError | None = None  # and so it said
        self.look: asyncio.Task[None] | None = None


class Pool:
    """Servers, and the choice between them.

    Parameters
    ----------
    addresses : of the servers, or, after "dns+", of names whose addresses are servers.
    connect : the transport of an address.
    now : seconds of a clock that never goes back.
    resolve : the addresses, in digits, of a host and port.
    """

    def __init__(
        self,
        addresses: Sequence[str],
        connect: Callable[[str], Transport],
        *,
        now: Callable[[], float] = time.monotonic,
        resolve: Resolve | None = None,
    ) -> None:
        self._given = addresses
        self._connect = connect
        self._now = now
        self._resolve = resolve or _resolve
        self._named = any(each.startswith(DNS) for each in addresses)
        self._servers: dict[str, Server] = {}
        self._found: dict[str, list[str]] = {}  # addresses of each name
        self._resolved_at: float | None = None
        self._begun: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._broken: DaguerreError | None = None
        if not self._named:
            self._set(list(addresses))

    @property
    def width(self) -> int:
        """Number of servers, at least 1."""
        return max(1, len(self._servers))

    async def addresses(self) -> list[str]:
        """The addresses of all servers. Raises ConnectError where a name has none."""
        if not self._servers or (self._named and self._resolved_at is None):
            await self._resolve_names()
        return list(self._servers)

    async def first_address(self) -> str:
        """The address of the server that keeps what has state."""
        return (await self.addresses())[0]

    async def close(self) -> None:
        """Cancel what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def ask(
        self,
        ask: Callable[[Transport], Awaitable[T]],
        operation: Operation[Any],
        fields: Mapping[str, Any],
        n: int,
        tell: Callable[[str, str], None],
    ) -> tuple[T, str]:
        """The answer of one server about n items, and the server's address; each server is tried once.

        Raises
        ------
        FingerprintMismatchError : two servers would give different results for this request.
        DaguerreError : the error of the servers; of several, the one that asks for the shortest wait.
        """
        await self._begin()
        tried: dict[str, DaguerreError] = {}
        while (server := self._next(tried)) is not None:
            server.under_way += max(n, 1)
            try:
                if server.cards is None:
                    await self._read_cards(server)
                require_same(
                    {each.transport.url: each.cards for each in self._servers.values() if each.cards},
                    operation,
                    fields,
                )
                answer = await ask(server.transport)
                server.done += 1
                server.rests_until = 0.0
            except (*AWAY, OverloadedError) as exc:
                tried[server.address] = exc
                self._let_rest(server, exc)
            else:
                for failed, error in tried.items():
                    if isinstance(error, AWAY) and failed in self._servers:
                        tell(self._servers[failed].transport.url, error.message)
                return answer, server.transport.url
            finally:
                server.under_way -= max(n, 1)
        raise self._failure(list(tried.values()))

    async def _begin(self) -> None:
        """Compare all servers before the first request; look again at those that have rested, without waiting."""
        if self._begun is None:
            self._begun = self._start(self._first_looks())
        await asyncio.shield(self._begun)
        now = self._now()
        if self._named and (self._resolved_at is None or now >= self._resolved_at + RESOLVE):
            self._resolved_at = now
            self._start(self._resolve_again())
        for server in self._servers.values():
            if server.cards is None and server.look is None and now >= max(server.rests_until, server.asks_until):
                server.look = self._start(self._look(server))
        if self._broken is not None:
            raise self._broken

    async def _first_looks(self) -> None:
        try:
            if self._named:
                await self._resolve_names()
            await asyncio.gather(*(self._look(server) for server in self._servers.values()))
        except BaseException:
            self._begun = None  # the next request begins anew
            raise

    async def _look(self, server: Server) -> None:
        """Read the fingerprints of a server; it rests where it does not answer."""
        try:
            await self._read_cards(server)
        except (*AWAY, OverloadedError, ServerTimeoutError) as exc:
            self._let_rest(server, exc)
        except DaguerreError as exc:  # a wrong key, a redirect, another program: waiting would not help
            if self._begun is not None and self._begun.done():
                self._broken = exc
            else:
                raise
        finally:
            server.look = None

    async def _read_cards(self, server: Server) -> None:
        try:
            server.cards = await asyncio.wait_for(read_cards(server.transport), LOOK)
        except TimeoutError:
            raise ConnectError(
                f"{server.transport.url} did not list its models within {LOOK:.0f} s; is it overloaded?",
                code="no_answer",
            ) from None
        server.rests_until = 0.0

    def _next(self, tried: Mapping[str, DaguerreError]) -> Server | None:
        """The server to ask: of those that are there the one with the fewest items under way.

        Where none is there, those that rest are asked all the same, one after the other; one that has asked to be left
        alone never is.
        """
        now = self._now()
        left = [each for each in self._servers.values() if each.address not in tried and now >= each.asks_until]
        there = [each for each in left if each.cards is not None and now >= each.rests_until]
        if there:
            return min(there, key=lambda each: (each.under_way, each.done))
        if any(isinstance(exc, OverloadedError) for exc in tried.values()):
            return None  # that one lives, and has said when to come back
        return min(left, key=lambda each: (each.rests_until, each.under_way), default=None)

    def _let_rest(self, server: Server, exc: DaguerreError) -> None:
        now = self._now()
        if isinstance(exc, APIError) and exc.retry_after is not None:
            server.asks_until = max(server.asks_until, now + exc.retry_after)
            server.refusal = exc
        if isinstance(exc, (*AWAY, ServerTimeoutError)):
            server.rests_until = now + REST
            server.cards = None  # it may come back with another model

    def _failure(self, tried: list[DaguerreError]) -> DaguerreError:
        """The error to raise where no server has answered."""
        now = self._now()
        waits = {each.asks_until - now: each.refusal for each in self._servers.values() if each.asks_until > now}
        if waits and (said := waits[min(waits)]) is not None:
            return type(said)(
                said.message,
                code=said.code,
                status=said.status,
                retry_after=min(waits),
                request_id=said.request_id,
                param=said.param,
                items=said.items,
            )
        if not tried:
            return ConnectError(f"{', '.join(self._given)}: there is no server", code="unreachable")
        refused = [exc for exc in tried if isinstance(exc, APIError)]
        if refused or len(tried) == 1:
            return (refused or tried)[0]
        return ConnectError(
            f"none of {len(tried)} servers answers: " + "; ".join(exc.message for exc in tried),
            code="unreachable",
            nobody=all(isinstance(exc, ConnectError) and exc.nobody for exc in tried),
        )

    def _start(self, work: Any) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # so that nobody logs it: who waits for the task raises it

    async def _resolve_names(self) -> None:
        """Set the servers by the addresses that names have now. Raises ConnectError where a name has none."""
        every: list[str] = []
        listed = await self._listed()
        for given in self._given:
            if not given.startswith(DNS):
                every.append(given)
                continue
            parts = urlsplit(given.removeprefix(DNS))
            host, port = str(parts.hostname), port_of(given)
            try:
                found = await self._resolve(host, port)
            except OSError as exc:
                found = []
                reason = exc.strerror or str(exc)
            else:
                reason = "it has no address"
            found = found or self._found.get(given, [])  # a name server that is away for a moment
            if not found:
                raise ConnectError(f"{given}: {host} cannot be resolved: {reason}", code="unreachable")
            self._found[given] = found
            user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
            for address in sorted(found):
                shown = f"[{address}]" if ":" in address else address
                if (address, port) not in listed:
                    every.append(f"{parts.scheme}://{user}{shown}:{port}{parts.path}")
        self._set(list(dict.fromkeys(every)))
        self._resolved_at = self._now()

    async def _listed(self) -> set[tuple[str, int]]:
        """Addresses of the servers that are named one by one, which a name may stand for too."""
        listed: set[tuple[str, int]] = set()
        for given in self._given:
            if not given.startswith(DNS):
                with suppress(OSError):
                    found = await self._resolve(str(urlsplit(given).hostname), port_of(given))
                    listed |= {(address, port_of(given)) for address in found}
        return listed

    async def _resolve_again(self) -> None:
        with suppress(ConnectError):
            await self._resolve_names()

    def _set(self, addresses: list[str]) -> None:
        """Keep the servers that are still there, and add new ones."""
        self._servers = {each: self._servers.get(each) or Server(each, self._connect(each)) for each in addresses}


async def _resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system resolves it."""
    import socket

    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return sorted({str(each[4][0]) for each in found})
