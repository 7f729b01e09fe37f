"""An orderly stop: new connections are refused at once, and requests that have begun are answered.

BentoML's supervisor holds the listening socket of HTTP, which it closes after its workers have ended. Until then the
system accepts connections that nobody reads, and resets them in the end. So the supervisor stops listening first. A
worker then answers what it has begun, by uvicorn's graceful shutdown, and ends. gRPC stops accepting calls at the same
time, although BentoML runs the hook for the end of a service only after the last answer over HTTP.

The supervisor takes commands, which may start programs, from whoever can connect to it. It listens for them on sockets
in a folder of this user, and not on ports of 127.0.0.1, to which every user of the machine can connect.
"""

import shutil
import socket
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import uvicorn
from bentoml._internal.utils import circus

_calls: list[Callable[[], object]] = []


def when_stopping(call: Callable[[], object]) -> None:
    """Call `call` in the event loop when this worker begins to stop, before its last requests are answered."""
    _calls.append(call)


class StoppingServer(uvicorn.Server):
    """uvicorn's server, which first makes the calls of `when_stopping`."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for call in _calls:
            call()
        await super().shutdown(sockets)


class RefusingArbiter(circus.Arbiter):
    """BentoML's supervisor, which refuses new connections before it ends its workers, and other users' commands."""

    def __init__(self, watchers: Sequence[Any], endpoint: str, pubsub_endpoint: str, **options: Any) -> None:
        self._folder = tempfile.mkdtemp(prefix="daguerre-")  # of mode 0700
        super().__init__(watchers, f"ipc://{self._folder}/control", f"ipc://{self._folder}/events", **options)

    def start(self, cb: Callable[[Any], Any] | None = None) -> None:
        try:
            super().start(cb)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        for listening in self.sockets.values():
            if not listening.is_unix:  # sockets of runners, which serve the entry processes until these end
                with suppress(OSError):  # on systems that cannot do this, the workers' end closes the socket, as before
                    listening.shutdown(socket.SHUT_RD)
        for watcher in self.watchers:
            watcher.stop_children = False  # an entry process ends its workers of jobs, when callers have their answers
        return super().stop()


def install() -> None:
    """Make BentoML use these classes in this process."""
    uvicorn.Server = StoppingServer  # type: ignore[misc]
    circus.Arbiter = RefusingArbiter  # type: ignore[misc]
