"""Several servers with the same models as one: each request goes to the server with the fewest items under way."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar, cast

from daguerre.errors import ConnectError, RemarkWarning
from daguerre.inputs.pieces import Sendable
from daguerre.transport.base import NO_FIELDS, Request, Transport
from daguerre.transport.loops import ByLoop
from daguerre.transport.operations import Operation
from daguerre.transport.pool import Pool
from daguerre.types.common import Answer, Content, Payload
from daguerre.types.embeddings import VectorBlock
from daguerre.types.models import Ping

T = TypeVar("T")


class SeveralTransport(Transport):
    """Several servers. What leaves nothing on a server goes to any of them, all else to the first.

    Parameters
    ----------
    addresses : of the servers; one that begins with "dns+" stands for all addresses of its name.
    connect : opens the transport of one address.
    """

    def __init__(self, addresses: Sequence[str], connect: Callable[[str], Transport]) -> None:
        super().__init__(", ".join(addresses))
        self._connected: dict[str, Transport] = {}
        self._connect = connect
        self._pools = ByLoop(lambda: Pool(addresses, self._server), Pool.close)
        self._first: str | None = None
        self._told: set[str] = set()

    @property
    def width(self) -> int:
        return self._pools.current().width

    def _server(self, address: str) -> Transport:
        """The transport of an address, which loops share."""
        if address not in self._connected:
            transport = self._connected[address] = self._connect(address)
            transport.patient = self.patient
        return self._connected[address]

    async def _keeper(self) -> Transport:
        """The first server, which keeps what has state; the same one as long as this client lives."""
        if self._first is None:
            self._first = await self._pools.current().first_address()
        return self._server(self._first)

    async def call(
        self,
        operation: Operation[T],
        fields: Content = NO_FIELDS,
        *,
        items: Sequence[Payload] | None = None,
        vectors: Sequence[VectorBlock] = (),
    ) -> T:
        kept = {**operation.fields, **fields}.get("mode") == "job" or any(block.array is None for block in vectors)
        if kept or not operation.anywhere:
            return await (await self._keeper()).call(operation, fields, items=items, vectors=vectors)

        async def ask(server: Transport) -> T:
            return await server.call(operation, fields, items=items, vectors=vectors)

        return await self._spread(ask, operation, fields, len(items or ()))

    async def _spread(
        self, ask: Callable[[Transport], Awaitable[T]], operation: Operation[T], fields: Mapping[str, Any], n: int
    ) -> T:
        """The answer of any server about n items, with the number of items that it did."""
        answer, url = await self._pools.current().ask(ask, operation, fields, n, self._tell)
        self.answered = True
        if not n or not isinstance(answer, Answer):
            return answer
        self.served[url] += n
        return cast(T, replace(answer, servers={url: n}))

    def _tell(self, url: str, reason: str) -> None:
        """Warn once of a server that others stand in for."""
        if url not in self._told:
            self._told.add(url)
            self.notify(RemarkWarning(f"other servers do the part of {url} until it answers: {reason}"))

    async def upload(self, source: Sendable, name: str) -> Content:
        return await (await self._keeper()).upload(source, name)

    async def ping(self) -> Ping:
        """The version of the first, whether all are ready, and the longest time. Raises where one does not answer."""
        servers = [self._server(each) for each in await self._pools.current().addresses()]
        pings = await asyncio.gather(*(server.ping() for server in servers))
        return Ping(pings[0].version, all(each.ready for each in pings), max(each.seconds for each in pings))

    async def close(self) -> None:
        await self._pools.close()
        await asyncio.gather(*(server.close() for server in self._connected.values()))

    async def _send_request(self, request: Request) -> tuple[bytes, str | None]:
        raise ConnectError(f"{self.url}: are several servers; ask one of them", code="unreachable")

    def _content(self, operation: Operation[Any], answer: bytes) -> Content:
        raise ValueError("several servers have no answer of their own")
