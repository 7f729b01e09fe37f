"""Servers as real processes: started, paused while others are measured, weighed, and stopped."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil

ROOT = Path(__file__).parents[1]
START_TIMEOUT = 120.0
PATIENCE = 10.0
PLACEMENTS: Mapping[str, Mapping[str, str]] = {
    "inline": {"DAGUERRE_PLACEMENT": "inline"},
    "process": {"DAGUERRE_PLACEMENT": "process"},
    "process-bentoml": {"DAGUERRE_PLACEMENT": "process", "DAGUERRE_RUNNER_BATCHING": "bentoml"},
}


class ServerFailed(Exception):
    """The service did not become ready; its log's last lines say why."""


class Process:
    """One server with its children.

    Parameters
    ----------
    name : for messages.
    command : what is run.
    port : of HTTP, on 127.0.0.1.
    log : a file for what it says.
    env : added to this process' environment, from which everything of Daguerre's is left out.
    ready : a path that answers 200 once the server serves.
    patience : seconds that it has to end in, once it was asked to.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        port: int,
        log: Path,
        env: Mapping[str, str],
        ready: str = "/readyz",
        patience: float = PATIENCE,
    ) -> None:
        self.name = name
        self.port = port
        self._log = log
        self._ready = ready
        self._patience = patience
        others = {name: value for name, value in os.environ.items() if not name.upper().startswith("DAGUERRE_")}
        with log.open("wb") as out:
            self._process = psutil.Popen(
                list(command),
                cwd=ROOT,
                env={**others, **env},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Return once it says so; raise ServerFailed where it never does."""
        until = time.monotonic() + START_TIMEOUT
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                asked.request("GET", self._ready)
                if asked.getresponse().status == 200:
                    return
            time.sleep(0.2)
        last = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        raise ServerFailed(f"{self.name} did not become ready: {' | '.join(last)}")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def pause(self) -> None:
        """Stop all its processes, so that they take nothing from what is measured."""
        for process in self._tree():  # parents first: none is left to wonder about its children
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        for process in reversed(self._tree()):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """CPU time of all its processes so far, user and system."""
        total = 0.0
        for process in self._tree():
            with contextlib.suppress(psutil.NoSuchProcess):  # ended since it was listed
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def rss(self) -> int:
        """Resident bytes of all its processes together; pages that they share count in each."""
        return sum(process.memory_info().rss for process in self._tree())

    def pss(self) -> int:
        """Resident bytes of all its processes together; a page that n processes share counts 1/n in each."""
        total = 0
        for process in self._tree():
            with contextlib.suppress(psutil.Error):
                total += process.memory_full_info().pss
        return total

    def stop(self) -> None:
        """End it politely, and what is left of it after a while by force."""
        tree = self._tree()
        self.resume()
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.terminate()
        _, alive = psutil.wait_procs(tree, timeout=self._patience)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=5)

    def _tree(self) -> list[psutil.Process]:
        """The process and its descendants, which may lead process groups of their own."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self._process, *self._process.children(recursive=True)]
        return []

    def __enter__(self) -> "Process":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class Server(Process):
    """One `python -m service` with default settings but for the placement and the model.

    Parameters
    ----------
    placement : a key of PLACEMENTS.
    entry : the only model, as DAGUERRE_MODELS has it.
    home : DAGUERRE_HOME.
    log : a file for what it says.
    """

    def __init__(self, placement: str, entry: str, home: Path, log: Path) -> None:
        port, self.grpc_port = free_port(), free_port()
        ours = {
            **PLACEMENTS[placement],
            "DAGUERRE_MODELS": entry,
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_GRPC_PORT": str(self.grpc_port),
        }
        super().__init__(
            placement, [sys.executable, "-m", "service", "--port", str(port)], port=port, log=log, env=ours
        )


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
