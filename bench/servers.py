"""The service as a real process: started, paused while others are measured, weighed, and stopped."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import psutil

ROOT = Path(__file__).parents[1]
START_TIMEOUT = 120.0
PLACEMENTS: Mapping[str, Mapping[str, str]] = {
    "inline": {"DAGUERRE_PLACEMENT": "inline"},
    "process": {"DAGUERRE_PLACEMENT": "process"},
    "process-bentoml": {"DAGUERRE_PLACEMENT": "process", "DAGUERRE_RUNNER_BATCHING": "bentoml"},
}


class ServerFailed(Exception):
    """The service did not become ready; its log's last lines say why."""


class Server:
    """One `python -m service` with default settings but for the placement and the model.

    Parameters
    ----------
    placement : a key of PLACEMENTS.
    entry : the only model, as DAGUERRE_MODELS has it.
    home : DAGUERRE_HOME.
    log : a file for what it says.
    """

    def __init__(self, placement: str, entry: str, home: Path, log: Path) -> None:
        self._placement = placement
        self._log = log
        self.port, self.grpc_port = _free_port(), _free_port()
        ours = {
            **PLACEMENTS[placement],
            "DAGUERRE_MODELS": entry,
            "DAGUERRE_HOME": str(home),
            "DAGUERRE_GRPC_PORT": str(self.grpc_port),
        }
        others = {name: value for name, value in os.environ.items() if not name.upper().startswith("DAGUERRE_")}
        with log.open("wb") as out:
            self._process = psutil.Popen(
                [sys.executable, "-m", "service", "--port", str(self.port)],
                cwd=ROOT,
                env={**others, **ours},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        """Return once /readyz says so; raise ServerFailed where it never does."""
        until = time.monotonic() + START_TIMEOUT
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                asked.request("GET", "/readyz")
                if asked.getresponse().status == 200:
                    return
            time.sleep(0.2)
        last = self._log.read_text(errors="replace").strip().splitlines()[-3:]
        raise ServerFailed(f"{self._placement} did not become ready: {' | '.join(last)}")

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
        return sum(times.user + times.system for times in (process.cpu_times() for process in self._tree()))

    def rss(self) -> int:
        """Resident bytes of all its processes together; pages that they share count in each."""
        return sum(process.memory_info().rss for process in self._tree())

    def stop(self) -> None:
        """End it politely, and what is left of it after 10 seconds by force."""
        tree = self._tree()
        self.resume()
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.terminate()
        _, alive = psutil.wait_procs(tree, timeout=10)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=5)

    def _tree(self) -> list[psutil.Process]:
        """The process and its descendants, which may lead process groups of their own."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return [self._process, *self._process.children(recursive=True)]
        return []

    def __enter__(self) -> "Server":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
