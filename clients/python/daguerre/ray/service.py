"""A service of this node for one actor, which ends with the process that started it, however that ends.

`python -m daguerre.ray.service COMMAND …` runs a command until its own standard input ends, which is a pipe that the
starting process holds: the system closes it when that process is killed.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

READY_WITHIN = 900.0  # seconds: the first start of a large model exports it
GRACE = 10.0  # seconds between asking a service to end and ending it
SHOWN = 15  # lines of a log in an error
PR_SET_PDEATHSIG = 1
KEYS = ("DAGUERRE_API_KEYS", "DAGUERRE_API_KEYS_FILE")  # a service of this node alone asks for none


class StartedService:
    """A service on a free port of this node.

    Parameters
    ----------
    settings : environment variables, such as DAGUERRE_MODELS.

    Raises
    ------
    ModuleNotFoundError : the service is not installed on this node.
    RuntimeError : it ended, or was not ready in time, with the last lines of its log.
    """

    def __init__(self, settings: Mapping[str, str]) -> None:
        if find_spec("service") is None or find_spec("bentoml") is None:
            raise ModuleNotFoundError(
                'servers="start" needs the service beside the SDK on every node; run the nodes from the image of the '
                "service, or install it from a checkout, or give the addresses of servers"
            )
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        own = {"DAGUERRE_HOST": "127.0.0.1", "DAGUERRE_PORT": str(port), "DAGUERRE_GRPC_PORT": "0"}
        self.log = Path(tempfile.mkdtemp(prefix="daguerre-ray-")) / "service.log"
        given = {name: value for name, value in {**os.environ, **settings}.items() if name not in KEYS}
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "daguerre.ray.service", sys.executable, "-m", "service"],
                env={**given, **own},
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + READY_WITHIN
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while self.process.poll() is None and time.monotonic() < end:
            with suppress(urllib.error.URLError, OSError), opener.open(f"{self.url}/readyz", timeout=5) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.2)
        lines = self.log.read_text(errors="replace").splitlines()[-SHOWN:]
        self.close()
        raise RuntimeError("a service did not start on this node; the end of its log:\n" + "\n".join(lines))

    def close(self) -> None:
        """End the service, and wait for it."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        self.process.wait(2 * GRACE)


def free_port() -> int:
    """A port of this node on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def supervise(command: Sequence[str]) -> int:
    """Run a command until it ends, or standard input does; then end its whole process group."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_end_with_parent)
    with suppress(KeyboardInterrupt):
        _wait_for_end(process)
    for sign, seconds in ((signal.SIGTERM, GRACE), (signal.SIGKILL, GRACE)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    return process.returncode or 0


def _wait_for_end(process: "subprocess.Popen[bytes]") -> None:
    """Return when the command has ended, or nobody holds the other end of standard input any more."""
    import select

    while process.poll() is None:
        ready, _, _ = select.select([0], [], [], 0.5)
        if ready and not os.read(0, 1024):
            return


def _end_with_parent() -> None:
    """Have the system end this process when the supervisor is killed. Linux only."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(supervise(sys.argv[1:]))
