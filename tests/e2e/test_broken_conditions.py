"""Broken conditions: a killed supervisor, a home that cannot be used, a damaged classifier, a request without end."""

import asyncio
import json
import os
import shutil
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

from daguerre_proto.v1 import classifiers_pb2
from models.classifiers.head import Block, Head
from models.classifiers.store import Store
from models.disk import sha256
from service.api.http.middleware import RequestMiddleware
from service.api.http.origins import OriginCheck
from service.auth import Auth
from service.jobs import Jobs
from service.settings import Settings
from tests.e2e import harness
from tests.e2e.grpc_calls import stub
from tests.e2e.harness import ROOT, assert_error, environment


@pytest.mark.thorough
def test_nothing_outlives_a_killed_supervisor(placement: str, home: Path, tmp_path: Path) -> None:
    settings = {"DAGUERRE_PLACEMENT": placement}
    server = harness.launch(tmp_path, settings=settings).wait_ready()
    try:
        with server.client() as client:
            items = [{"text": text} for text in "abcdef"]
            body = {"input": items, "method": "kmeans", "k": 2, "mode": "job"}
            assert client.post("/v1/clusters", json=body).status_code == 202
        time.sleep(0.5)  # the worker of jobs starts
        tree = server.processes()
        assert len(tree) >= 2
        half_written = server.home / "jobs" / f"job_{'0' * 32}"  # as of a submission whose job is not in the table yet
        half_written.mkdir()
        (half_written / "vectors.npy").write_bytes(b"of a face")
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait(5)
        _, alive = psutil.wait_procs(tree, timeout=5)
        assert not alive
        again = harness.launch(tmp_path, settings=settings, port=server.port).wait_ready()
        end = time.monotonic() + 10
        while half_written.exists() and time.monotonic() < end:
            time.sleep(0.1)
        assert not half_written.exists()
        assert again.stop() == 0
    finally:
        for process in tree:
            if process.is_running():
                process.kill()


def cut_database(home: Path) -> None:
    """A database of which the end is missing."""
    table = Jobs(Settings(home=home)).table
    table.open()
    table.close()
    file = home / "state.sqlite3"
    file.write_bytes(file.read_bytes()[:9000])


UNUSABLE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no database": (lambda home: (home / "state.sqlite3").write_bytes(b"nonsense " * 1000), "is not a database"),
    "a cut database": (cut_database, "state.sqlite3 cannot be used"),
    "a folder for a database": (lambda home: (home / "state.sqlite3").mkdir(), "state.sqlite3 cannot be used"),
    "a file for a folder": (lambda home: (home / "jobs").write_bytes(b""), "cannot be written"),
    "no home": (lambda home: (home.rmdir(), home.write_bytes(b"")), "cannot be written"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_home_that_cannot_be_used_ends_the_start_once(tmp_path: Path, name: str) -> None:
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
def test_a_damaged_classifier_is_listed_and_can_be_deleted(
    server: harness.Server, client: httpx.Client, file: str, damage: str
) -> None:
    block = Block(modality="text", model="embedded", fingerprint="f", dimension=4)
    head = Head(task="binary", blocks=(block,), labels=("a", "b"), coef=np.ones((1, 4)), intercept=np.zeros(1))
    saved = Store(server.home / "classifiers").save("damaged", head, {"n": 1}, created="2026-01-01T00:00:00Z")
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


def rewritten(name: str, **fields: Any) -> Callable[[Path], Any]:
    """Replace fields of a JSON file, and the hash in the manifest."""

    def work(folder: Path) -> None:
        path, manifest = folder / name, folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
        if name != "manifest.json":
            hashes = {**json.loads(manifest.read_text())["sha256"], name: sha256(path)}
            rewritten("manifest.json", sha256=hashes)(folder)

    return work


def arrays(**fields: Any) -> Callable[[Path], Any]:
    """Replace the arrays, and the hash in the manifest."""

    def work(folder: Path) -> None:
        np.savez(folder / "head.npz", **fields)
        rewritten("manifest.json", sha256={**_hashes(folder), "head.npz": sha256(folder / "head.npz")})(folder)

    return work


def _hashes(folder: Path) -> dict[str, str]:
    hashes: dict[str, str] = json.loads((folder / "manifest.json").read_text())["sha256"]
    return hashes


def text(name: str, content: bytes) -> Callable[[Path], Any]:
    return lambda folder: (folder / name).write_bytes(content)


def other_kind(name: str, make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    return lambda folder: ((folder / name).unlink(), make(folder / name))


def instead(make: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """Something else in place of the folder of the version."""
    return lambda folder: (shutil.rmtree(folder), make(folder))


DAMAGES: dict[str, Callable[[Path], Any]] = {
    **{
        f"{file} {kind}": text(file, content)
        for file in ("manifest.json", "report.json", "head.npz")
        for kind, content in {
            "empty": b"",
            "cut": b'{"format": 1, "own',
            "null": b"null",
            "bytes": b"\xff\0\xd8",
        }.items()
    },
    **{
        f"{file} is {kind}": other_kind(file, make)
        for file in ("manifest.json", "report.json", "head.npz")
        for kind, make in {
            "missing": lambda path: None,
            "a folder": lambda path: path.mkdir(),
            "a pipe": lambda path: os.mkfifo(path),
            "a link to itself": lambda path: path.symlink_to(path.name),
        }.items()
    },
    **{
        f"{field} is {value!r:.20}": rewritten("manifest.json", **{field: value})
        for field in ("kind", "task", "labels", "threshold", "bounds", "created", "made_with", "libraries", "sha256")
        for value in ([1], {"a": [1]}, -1, True, "x", float("nan"), 10**40)
        if (field, type(value)) not in {("created", str), ("threshold", int)}
    },
    **{
        f"no {field}": rewritten("manifest.json", **{field: None})
        for field in ("kind", "labels", "made_with", "blocks")
    },
    "half a character": rewritten("manifest.json", labels=["\ud800", "b"]),
    "half a character in the origin": rewritten("manifest.json", made_with={"text": {"model": "\udfff"}}),
    "a threshold of 1e999": text("manifest.json", b'{"format": 1, "threshold": 1e999}'),
    "a number of many digits": text("manifest.json", b'{"format": ' + b"9" * 5000 + b"}"),
    "deep": text("manifest.json", b'{"a":' * 50_000),
    "a file elsewhere": rewritten("manifest.json", sha256={"../../../../../etc/passwd": "0"}),
    "an absolute file": rewritten("manifest.json", sha256={"/dev/zero": "0"}),
    "arrays of another shape": arrays(coef=np.ones((1, 1, 7)), intercept=np.zeros((1, 1))),
    "arrays of fewer heads": arrays(coef=np.ones((0, 1, 4)), intercept=np.zeros((0, 1))),
    "arrays of texts": arrays(coef=np.array([["a"]]), intercept=np.array(["b"])),
    "a file": instead(lambda folder: folder.write_bytes(b"x")),
    "a link to itself": instead(lambda folder: folder.symlink_to(folder.name)),
    "a link to nothing": instead(lambda folder: folder.symlink_to("/nowhere")),
    "an empty folder": instead(lambda folder: folder.mkdir()),
}
ODD = ("Capital", "with space", "a@1", "\udcff", ".hidden", "-", "a..b", "x" * 200, "line\nbreak")


def test_no_damage_of_one_classifier_reaches_the_list_of_others(server: harness.Server, client: httpx.Client) -> None:
    root = server.home / "classifiers"
    block = Block(modality="text", model="embedded", fingerprint="f", dimension=4)
    head = Head(task="binary", blocks=(block,), labels=("a", "b"), coef=np.ones((1, 4)), intercept=np.zeros(1))
    names = {f"damage-{i}": kind for i, kind in enumerate(DAMAGES)}
    try:
        Store(root).save("damage-none", head, {"n": 1}, created="2026-01-01T00:00:00Z")
        for name, kind in names.items():
            DAMAGES[kind](Store(root).save(name, head, {"n": 1}, created="2026-01-01T00:00:00Z").folder)
        for odd in ODD:
            (root / odd / "1").mkdir(parents=True)
        (root / "damage-numbers").mkdir()
        for number in ("0", "007", "\u0663", "9" * 200, "1.gone.gone"):
            (root / "damage-numbers" / number).mkdir()
        answer = client.get("/v1/classifiers", params={"limit": 1000})
        assert answer.status_code == 200, answer.text
        listed = {each["name"] for each in answer.json()["data"]}
        damaged = {each["name"]: each["message"] for each in answer.json()["damaged"]}
        assert "damage-none" in listed
        assert not listed & set(names), {names[name] for name in listed & set(names)}
        assert set(names) <= set(damaged)
        assert not {name for name in damaged if name in ODD}
        for name in names:
            assert any(file in damaged[name] for file in ("manifest.json", "report.json", "head.npz", "format")), name
        with stub(server) as calling:
            over_grpc = calling.ListClassifiers(classifiers_pb2.ListClassifiersRequest(limit=1000))
        assert {each.name: each.message for each in over_grpc.damaged} == damaged
        for name, kind in names.items():
            for path in (name, f"{name}/onnx", f"{name}/report.html", f"{name}/versions/1"):
                assert client.get(f"/v1/classifiers/{path}").status_code == 422, (kind, path)
            gone = client.delete(f"/v1/classifiers/{name}")
            assert gone.status_code == 200, (kind, gone.text)
            assert gone.json()["deleted"] == [f"{name}@1"]
        assert not set(names) & {each["name"] for each in client.get("/v1/classifiers").json()["damaged"]}
    finally:
        for path in (*root.glob("damage-*"), *(root / odd for odd in ODD)):
            shutil.rmtree(path, ignore_errors=True)


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
