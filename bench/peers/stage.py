"""Everything that takes part in a run: load generators, servers, and what one load of one server gives."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.jpegs import jpegs
from bench.load import REQUEST_TIMEOUT, Generator, Result, quantile
from bench.peers.arms import INT8, Options, Peer, served
from bench.peers.prepare import Ready
from bench.peers.texts import texts
from bench.peers.verify import verify
from bench.peers.wire import ENCODINGS
from bench.servers import Process, Server, free_port
from bench.workers import Worker

Json = dict[str, Any]
PATIENCE = 3.0  # for peers: LitServe does not end when it is asked to, Ray takes long; neither has anything to keep


class Stage:
    """Holds the items and their generators; `stack` ends what was started."""

    def __init__(self, ready: Ready, work: Path, stack: ExitStack) -> None:
        self.ready = ready
        self.photos = list(jpegs())
        self._work = work
        self._items = {"image": self.photos, "text": [text.encode() for text in texts()]}
        self._generators = {
            task: stack.enter_context(Worker(Generator, items, ENCODINGS)) for task, items in self._items.items()
        }

    def ours(self, task: str, name: str) -> Callable[[], Process]:
        """Starts this service: `name` is a placement, or INT8."""
        log = self._work / f"daguerre-{task}-{name}.log"
        placement = "inline" if name == INT8 else name
        return lambda: Server(placement, served(task, name), self.ready.home, log)

    def peer(self, peer: Peer, options: Options) -> Callable[[], Process]:
        """Starts a peer with these options."""
        log = self._work / f"{peer.name}-{peer.task}.log"

        def start() -> Process:
            port = free_port()
            command = peer.command(self.ready.places, port, options)
            env = peer.env(options)
            return Process(peer.name, command, port=port, log=log, env=env, ready=peer.ready, patience=PATIENCE)

        return start

    def verify(self, server: Process, name: str, task: str, encoding: str) -> Json:
        """The least cosines of the server `name` with the true vectors; raises Differs."""
        given = self._items[task], self.ready.vectors[task]
        return verify(_port(server, encoding), encoding, served(task, name), *given, rounded=INT8 in name)

    def load(
        self, server: Process, name: str, task: str, encoding: str, load: str, *, seconds: float, warm: float
    ) -> Json:
        """Run `load` ("clients x items") for `seconds` and return the measurements."""
        clients, items = map(int, load.split("x"))
        cpu = server.cpu_seconds()
        found: Result = self._generators[task].ask(
            "run",
            port=_port(server, encoding),
            model=served(task, name),
            encoding=encoding,
            clients=clients,
            images=items,
            seconds=seconds,
            warm=warm,
            timeout=warm + seconds + 3 * REQUEST_TIMEOUT,
        )
        return {
            "encoding": encoding,
            "load": load,
            "per_second": found.images_per_second,
            "p50": quantile(found.latencies, 0.5),
            "p99": quantile(found.latencies, 0.99),
            "requests": found.requests,
            "errors": found.errors,
            "cpu_per_item": max(0.0, server.cpu_seconds() - cpu) / max(1, found.images),
            "generator_cpu_per_item": found.generator_cpu / max(1, found.images),
            "pss": server.pss(),
            "rss": server.rss(),
        }


def _port(server: Process, encoding: str) -> int:
    grpc = encoding in ("grpc", "text-grpc")
    return server.grpc_port if grpc and isinstance(server, Server) else server.port
