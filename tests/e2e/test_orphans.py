"""kill -9 of the process that was started by hand: nothing of the server lives on, and its ports are free."""

import os
import signal
import socket
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.e2e import harness
from tests.e2e.harness import Server

SECONDS = 5
WORKER = "service.inference.worker"
BENTOML = ("-m", "bentoml", "serve", "service.app:Daguerre", "--host", "127.0.0.1")
pytestmark = pytest.mark.slow


def kill(server: Server) -> list[psutil.Process]:
    """Kill the first process, and nothing else; the others that lived."""
    tree = server.processes()
    os.kill(server.process.pid, signal.SIGKILL)
    server.process.wait(10)
    return tree[1:]


def require_gone(server: Server, others: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(others, timeout=SECONDS)
    left = [_command(process) for process in alive]
    for process in alive:
        process.kill()
    assert not alive, left
    for port in (server.port, server.grpc_port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            probe.listen()


@pytest.mark.parametrize(
    ("settings", "workers", "command"),
    [
        ({}, 1, ("-m", "service")),
        ({"DAGUERRE_PLACEMENT": "process", "DAGUERRE_ENTRY_WORKERS": "2"}, 2, ("-m", "service")),
        ({}, 1, BENTOML),
    ],
    ids=["inline", "process", "bentoml"],
)
def test_nothing_lives_on(home: Path, tmp_path: Path, settings: dict[str, str], workers: int, command: tuple[str, ...]):
    """With a job under way, and so with its worker."""
    given = {**settings, "BENTOML_HOME": str(tmp_path / "bentoml")}
    server = harness.launch(tmp_path, settings=given, command=command)
    try:
        others = _at_work(server.wait_ready(workers=workers))
    except BaseException:
        server.stop()
        raise
    assert len(others) > workers
    require_gone(server, others)


def _at_work(server: Server) -> list[psutil.Process]:
    """The processes of a server that was killed while it ran a job."""
    rows = np.random.default_rng(0).standard_normal((20_000, 64)).astype("<f4")
    with server.client() as client:
        name = {"name": "x.npy"}
        octets = {"content-type": "application/octet-stream"}
        file = client.post("/v1/files", params=name, content=_npy(rows), headers=octets).json()["id"]
        block = {"modality": "image", "model": "m", "fingerprint": "f" * 32, "dimension": 64, "file": file}
        body = {"vectors": [block], "method": "kmeans", "k": 400, "mode": "job"}
        answer = client.post("/v1/clusters", json=body)
        assert answer.status_code == 202, answer.text
        end = time.monotonic() + 60
        while not any("service.jobs.worker" in _command(each) for each in server.processes()):
            assert time.monotonic() < end, "no worker"
            time.sleep(0.05)
    return kill(server)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended
        return []


def test_a_start_that_is_killed_leaves_nothing(home: Path, tmp_path: Path):
    server = harness.launch(tmp_path, settings={"BENTOML_HOME": str(tmp_path / "bentoml")})
    end = time.monotonic() + 60
    while not any(WORKER in _command(each) for each in server.processes()):
        assert time.monotonic() < end
        time.sleep(0.01)
    require_gone(server, kill(server))


def _npy(rows: np.ndarray) -> bytes:
    from io import BytesIO

    out = BytesIO()
    np.save(out, rows)
    return out.getvalue()
