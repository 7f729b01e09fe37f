"""Broken conditions: a killed supervisor, a home that cannot be used, a damaged classifier, a request without end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest

from models.classifiers.head import Block, Head
from models.classifiers.store import Store
from service.api.http.middleware import RequestMiddleware
from service.api.http.origins import OriginCheck
from service.auth import Auth
from service.settings import Settings
from tests.e2e import harness
from tests.e2e.harness import HOME, ROOT, assert_error, environment


def test_nothing_outlives_a_killed_supervisor(placement: str, home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "models").symlink_to((home / "models").resolve())
    settings = {"DAGUERRE_PLACEMENT": placement, "DAGUERRE_HOME": str(folder)}
    server = harness.launch(tmp_path, settings=settings).wait_ready()
    try:
        with server.client() as client:
            items = [{"text": text} for text in "abcdef"]
            body = {"input": items, "method": "kmeans", "k": 2, "mode": "job"}
            assert client.post("/v1/clusters", json=body).status_code == 202
        time.sleep(0.5)  # the worker of jobs starts
        tree = server.processes()
        assert len(tree) >= 2
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(5)
        _, alive = psutil.wait_procs(tree, timeout=5)
        assert not alive
        again = harness.launch(tmp_path, settings=settings, port=server.port).wait_ready()
        assert again.stop() == 0
    finally:
        for process in tree:
            if process.is_running():
                process.kill()


UNUSABLE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no database": (lambda home: (home / "state.sqlite3").write_bytes(b"nonsense " * 1000), "is not a database"),
    "a cut database": (
        lambda home: (home / "state.sqlite3").write_bytes((HOME / "state.sqlite3").read_bytes()[:9000]),
        "state.sqlite3 cannot be used",
    ),
    "a folder for a database": (lambda home: (home / "state.sqlite3").mkdir(), "state.sqlite3 cannot be used"),
    "a file for a folder": (lambda home: (home / "jobs").write_bytes(b""), "cannot be written"),
    "no home": (lambda home: (home.rmdir(), home.write_bytes(b"")), "cannot be written"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_home_that_cannot_be_used_ends_the_start_once(server: harness.Server, tmp_path: Path, name: str) -> None:
    if name == "a cut database" and not (HOME / "state.sqlite3").exists():
        pytest.skip("no server has run here")
    damage, message = UNUSABLE[name]
    home = tmp_path / "home"
    home.mkdir()
    damage(home)
    command = [sys.executable, "-m", "service", "--port", str(harness.free_port()), "--grpc-port", "0"]
    env = environment(DAGUERRE_HOME=str(home))
    ended = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line]
    assert line.startswith("daguerre cannot start: ")
    assert message in line


@pytest.mark.parametrize("file", ["manifest.json", "head.npz", "report.json"])
@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_damaged_classifier_is_listed_and_can_be_deleted(client: httpx.Client, file: str, damage: str) -> None:
    block = Block(modality="text", model="embedded", fingerprint="f", dimension=4)
    head = Head(task="binary", blocks=(block,), labels=("a", "b"), coef=np.ones((1, 4)), intercept=np.zeros(1))
    saved = Store(HOME / "classifiers").save("damaged", head, {"n": 1}, created="2026-01-01T00:00:00Z")
    path = saved.folder / file
    try:
        path.unlink() if damage == "missing" else path.write_bytes(path.read_bytes()[:-5])
        answer = client.get("/v1/classifiers").json()
        assert "damaged" not in {each["name"] for each in answer["data"]}
        (listed,) = [each for each in answer["damaged"] if each["name"] == "damaged"]
        assert file in listed["message"]
        for sent in (
            client.get("/v1/classifiers/damaged"),
            client.get("/v1/classifiers/damaged/onnx"),
            client.get("/v1/classifiers/damaged/report.html"),
            client.post("/v1/classifiers/damaged/predict", json={"input": [{"text": "a"}]}),
        ):
            assert_error(sent, 422, listed["code"])
    finally:
        gone = client.delete("/v1/classifiers/damaged")
    assert gone.json()["deleted"] == [saved.label]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_without_end_has_our_answer_and_our_number(method: str) -> None:
    sent: list[Any] = []

    async def endless(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(60)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        app = RequestMiddleware(endless, Auth(Settings()), origins=OriginCheck(Settings()), timeout=0.2)
        scope = {"type": "http", "method": method, "path": "/v1/x", "headers": [], "server": ("127.0.0.1", 1)}
        await app(scope, receive, send)

    asyncio.run(main())
    assert sent[0]["status"] == 504
    error = json.loads(sent[1]["body"])["error"]
    assert error["code"] == "timeout"
    assert "0.2 seconds" in error["message"]
