"""An orderly stop: new connections are refused at once, and requests that have begun are answered.

BentoML's supervisor holds the listening socket of HTTP, which it closes after its workers have ended. Until then the
system accepts connections that nobody reads, and resets them in the end. So the supervisor stops listening first. A
worker then answers what it has begun, by uvicorn's graceful shutdown, and ends. gRPC stops accepting calls at the same
time, although BentoML runs the hook for the end of a service only after the last answer over HTTP.
"""

import socket
from collections.abc import Callable
from contextlib import suppress

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
    """BentoML's supervisor, which refuses new connections before it ends its workers."""

    def stop(self) -> None:
        for listening in self.sockets.values():
            if not listening.is_unix:  # sockets of runners, which serve the entry processes until these end
                with suppress(OSError):  # on systems that cannot do this, the workers' end closes the socket, as before
                    listening.shutdown(socket.SHUT_RD)
        return super().stop()


def install() -> None:
    """Make BentoML use these classes in this process."""
    uvicorn.Server = StoppingServer  # type: ignore[misc]
    circus.Arbiter = RefusingArbiter  # type: ignore[misc]
