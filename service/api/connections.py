"""Limits on the connections of a process, within the number of files that the system lets it open.

Each connection is an open file. A process that has as many as it may accepts no more, so that the number is bounded
below that, and connections without a request make place for new ones.
"""

import resource
from collections import Counter
from contextlib import suppress
from typing import Protocol

from service.settings import Settings

SHARED = 0.75  # of all connections; more than that no address has
FEWEST = 16  # connections that are closed at once, if there are as many


class Connection(Protocol):
    """A connection of one address."""

    peer: str
    since: float  # seconds, when its last request ended

    def waits(self) -> bool:
        """Whether it has no request that is being answered."""

    def end(self) -> None:
        """Close it."""


class Connections:
    """The open connections of a process.

    Where there are as many as there may be, those without a request are closed: of the address that has most of them,
    the oldest first.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._open: dict[Connection, None] = {}
        self._by_peer: Counter[str] = Counter()

    def add(self, connection: Connection) -> bool:
        """Count a new connection; False if there is no place for it."""
        peer = connection.peer
        own = self._by_peer[peer] >= SHARED * self.most
        if own or len(self._open) >= self.most:
            self._close(peer if own else None)
            if len(self._open) >= self.most or self._by_peer[peer] >= SHARED * self.most:
                self._forget(peer)
                return False
        self._open[connection] = None
        self._by_peer[peer] += 1
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        if connection in self._open:
            del self._open[connection]
            self._by_peer[connection.peer] -= 1
            self._forget(connection.peer)

    def _forget(self, peer: str) -> None:
        if not self._by_peer[peer]:
            del self._by_peer[peer]

    def _close(self, peer: str | None) -> None:
        """Close connections without a request, of one address or of the one that has most of them."""
        waiting = [each for each in self._open if peer in (None, each.peer) and each.waits()]
        if not waiting:
            return
        ((most, _),) = Counter(each.peer for each in waiting).most_common(1)
        oldest = sorted((each for each in waiting if each.peer == most), key=lambda each: each.since)
        for each in oldest[: max(FEWEST, len(oldest) // 16)]:
            self.remove(each)
            each.end()


def raise_open_files() -> None:
    """Let this process, and those that it starts, open as many files as the system permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):  # macOS states no limit, and has one
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def http_connections(settings: Settings) -> int:
    """The number of HTTP connections of a process: as set, and at most a half of the files that it may open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return settings.max_connections if soft == resource.RLIM_INFINITY else min(settings.max_connections, soft // 2)


def grpc_connections(settings: Settings) -> int:
    """The number of gRPC connections of a process, each of which takes many calls."""
    return max(1, http_connections(settings) // 4)
