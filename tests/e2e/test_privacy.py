"""People's data are seen by the key that sent them, and on disk by the service's user alone."""

import io
import json
import os
import re
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from google.protobuf.json_format import MessageToJson

from daguerre import Client
from daguerre_proto.v1 import daguerre_pb2
from tests.e2e import harness
from tests.e2e.grpc_calls import stub
from tests.e2e.harness import Server

OWNER, OTHER = "key-of-anna", "key-of-ben"
ITEMS = [f"secret-item-{i:02}" for i in range(24)]
VALUES = [0.0317 + 0.0417 * i for i in range(24)]  # human codes of a continuous task
LOCAL_USER = 65534
SECRET = re.compile(r"secret-\w+|(?:" + "|".join(re.escape(str(value)) for value in VALUES[1:]) + r")(?!\d)")
STATE = ("classifiers", "files", "jobs", "studies", "uploads", "bentoml", "state.sqlite3")
ONLY_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")


def calls(server: Server, key: str) -> httpx.Client:
    return server.client(headers={"authorization": f"Bearer {key}"}, timeout=120)


def start(folder: Path, umask: int = 0o022) -> Server:
    before = os.umask(umask)
    try:
        keys = f"{OWNER},{OTHER}"
        settings = {"DAGUERRE_API_KEYS": keys, "DAGUERRE_PLACEMENT": "inline"}
        return harness.launch(folder, settings=settings)
    finally:
        os.umask(before)


def loose_home(folder: Path, home: Path) -> None:
    """A home as an older version has left it, with an umask that lets everybody read and write."""
    made = folder / "home"
    made.mkdir()
    (made / "models").symlink_to((home / "models").resolve())
    (made / "classifiers" / "old" / "1").mkdir(parents=True)
    (made / "classifiers" / "old" / "1" / "report.json").write_text("secret-report")
    for path in (made, *made.rglob("*")):
        if not path.is_symlink() and made / "models" not in path.parents:
            path.chmod(0o777 if path.is_dir() else 0o666)


@pytest.fixture(scope="module")
def folder(home: Path) -> Iterator[Path]:
    """A folder that every local user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="daguerre-privacy-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        loose_home(folder, home)
        yield folder


@pytest.fixture(scope="module")
def keyed(folder: Path) -> Iterator[Server]:
    server = start(folder, umask=0)
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def train(client: httpx.Client, name: str, **fields: Any) -> dict[str, Any]:
    items = [{"text": f"{'good' if i % 2 else 'bad'} text {i}", "id": id} for i, id in enumerate(ITEMS)]
    quick = {"folds": 2, "inner_folds": 2, "resamples": 20, "strengths": [1.0]}
    answer = client.post("/v1/classifiers", json={"name": name, "input": items, **quick, **fields})
    assert answer.status_code == 200, answer.text
    trained: dict[str, Any] = answer.json()
    return trained


@pytest.fixture(scope="module")
def kept(keyed: Server) -> dict[str, str]:
    """Something of each kind that the owner has on the server, with secrets in every field that may name items."""
    tags = [f"secret-tag-{i // 6}" for i in range(24)]
    codes = ["good" if i % 2 else "bad" for i in range(24)]
    with calls(keyed, OWNER) as client:
        table = {
            "coder": ["secret-anna"] * 24 + ["secret-ben"] * 24,
            "item": ITEMS * 2,
            "code": [*codes[:-1], "secret-nothing", *codes[:3], *("bad" if i % 3 else "good" for i in range(3, 24))],
        }
        train(client, "coded", codes=table, missing=["secret-nothing"], groups=tags)
        split = ["test" if i % 4 == 3 else "train" for i in range(24)]
        train(client, "split", task="binary", targets=codes, split=split)
        train(client, "number", task="continuous", targets=VALUES)
        rows = io.BytesIO()
        np.save(rows, np.eye(6, dtype=np.float32))
        headers = {"content-type": "application/octet-stream"}
        file = client.post("/v1/files", params={"name": "secret-file"}, content=rows.getvalue(), headers=headers)
        some = [{"text": text, "id": f"secret-post-{i}"} for i, text in enumerate("abcdef")]
        clusters = client.post("/v1/clusters", json={"input": some, "method": "kmeans", "k": 2})
        assert clusters.status_code == 200, clusters.text
        found = client.post("/v1/duplicates", json={"input": some, "kind": "semantic", "threshold": 0.5})
        assert found.status_code == 200, found.text
        return {"file": file.json()["id"], "clusters": clusters.json()["id"], "duplicates": found.json()["id"]}


def readable_paths(client: httpx.Client, kept: dict[str, str]) -> list[str]:
    """Each GET operation of the document, for each thing that is on the server."""
    paths = []
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        if "get" not in operations or path.startswith("/v1/coding"):  # which no key opens: test_studies.py
            continue
        kind = path.split("/")[2] if path.startswith("/v1/") else ""
        ids = {"jobs": [kept["clusters"], kept["duplicates"]]}.get(kind, [kept.get(kind.removesuffix("s"), "")])
        ids = [kept[kind]] if kind in kept else ids
        for name in ("coded", "split", "number"):
            for id in ids:
                paths.append(
                    path.replace("{kind}", "classifiers")
                    .replace("{name}", name)
                    .replace("{id}", id)
                    .replace("{number}", "1")
                )
    return sorted(set(paths))


@pytest.mark.thorough
def test_another_key_reads_no_item_and_no_code_over_http(keyed: Server, kept: dict[str, str]) -> None:
    with calls(keyed, OWNER) as owner, calls(keyed, OTHER) as other:
        seen = {}
        for path in readable_paths(owner, kept):
            own, foreign = owner.get(path), other.get(path)
            nothing = path == "/v1/folders"  # a server without DAGUERRE_DATA has none to list
            assert own.status_code in ((422,) if nothing else (200, 404, 409)), f"{path}: {own.text}"
            assert not SECRET.search(foreign.text), f"{path}: {SECRET.findall(foreign.text)[:5]}"
            seen[path] = len(SECRET.findall(own.text))
        assert seen["/v1/classifiers/coded"] > 40
        assert seen["/v1/classifiers/number/report.html"] > 0
        assert seen["/v1/clusters/" + kept["clusters"]] > 0
        pictures = [{"text": "a", "id": id} for id in ITEMS[:3]]
        page = other.post("/v1/classifiers/coded/report.html", json={"input": pictures})
        assert not SECRET.search(page.text)
        for path in ("/v1/classifiers/coded", f"/v1/files/{kept['file']}", f"/v1/jobs/{kept['clusters']}"):
            refused = other.delete(path)
            assert refused.status_code in (403, 404)
            assert not SECRET.search(refused.text)


@pytest.mark.parametrize("name", ["coded", "split", "number"])
def test_another_key_sees_the_figures_and_which_parts_are_left_out(
    keyed: Server, kept: dict[str, str], name: str
) -> None:
    with calls(keyed, OWNER) as owner, calls(keyed, OTHER) as other:
        own, foreign = (client.get(f"/v1/classifiers/{name}").json() for client in (owner, other))
        assert own["report"]["withheld"] == []
        withheld = set(foreign["report"]["withheld"])
        assert {"worst", "out_of_fold"} <= withheld
        assert ("codes" in withheld) == (name == "coded")
        assert ("held_out_predictions" in withheld) == (name == "split")
        assert foreign["worst"] == []
        for part in ("cross_validated", "held_out", "counts", "labels", "n", "options"):
            assert foreign["report"][part] == own["report"][part]
        assert foreign["report"]["notes"][-1]["code"] == "withheld"
        if name == "coded":
            agreement, whole = (each["report"]["codes"]["agreement"] for each in (foreign, own))
            assert agreement["kappa"] == whole["kappa"]
            assert agreement["coders"] == ["coder 1", "coder 2"]
        page = other.get(f"/v1/classifiers/{name}/report.html").text
        assert "Not shown: ids, codes and predictions of items" in page
        assert "No prediction that was measured is wrong" not in page


def test_another_key_predicts_and_estimates(keyed: Server, kept: dict[str, str]) -> None:
    with calls(keyed, OTHER) as other:
        predicted = other.post(
            "/v1/classifiers/coded/predict", json={"input": [{"text": "a good text"}], "crossed": True}
        )
        assert predicted.status_code == 200
        corpus = {"n": 100, "mean": [0.4, 0.6], "variance": [0.01, 0.01]}
        estimate = other.post("/v1/classifiers/coded/estimate", json={"corpus": corpus})
        assert estimate.status_code == 200
        assert not SECRET.search(estimate.text + predicted.text)
        assert other.get("/v1/classifiers/coded/onnx").status_code == 200


def test_another_key_reads_no_item_and_no_code_over_grpc(keyed: Server, kept: dict[str, str]) -> None:
    names = [method.name for method in daguerre_pb2.DESCRIPTOR.services_by_name["Daguerre"].methods]
    reading = [name for name in names if re.match("List|Get|ReportPage|Export|Cluster.*Page|Estimate", name)]
    assert {"GetClassifier", "ReportPage", "ListJobs", "ExportClassifier"} <= set(reading)
    fields = {"classifier": "coded", "id": kept["clusters"], "n": 9, "mean": [0.5, 0.5], "variance": [0.1, 0.1]}
    service = daguerre_pb2.DESCRIPTOR.services_by_name["Daguerre"]

    def answers(key: str) -> dict[str, str]:
        said = {}
        with stub(keyed) as calling:
            for name in reading:
                kind = service.methods_by_name[name].input_type
                for id in (kept["file"], kept["clusters"], kept["duplicates"]):
                    for classifier in ("coded", "split", "number"):
                        values = {**fields, "name": classifier, "classifier": classifier, "id": id}
                        given = {k: v for k, v in values.items() if k in kind.fields_by_name}
                        call = getattr(calling, name)
                        try:
                            answer = call(_message(kind, given), metadata=[("authorization", f"Bearer {key}")])
                            text = MessageToJson(answer) + getattr(answer, "html", "")
                        except grpc.RpcError as exc:
                            text = str(exc)
                        said[f"{name} {id} {classifier}"] = text
        return said

    own, foreign = answers(OWNER), answers(OTHER)
    assert not {call: SECRET.findall(text)[:3] for call, text in foreign.items() if SECRET.search(text)}
    telling = {call.split()[0] for call, text in own.items() if SECRET.search(text)}
    assert {"GetClassifier", "ReportPage", "ListFiles"} <= telling


def _message(kind: Any, fields: dict[str, Any]) -> Any:
    from google.protobuf.message_factory import GetMessageClass

    return GetMessageClass(kind)(**fields)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_the_sdk_shows_another_key_figures_and_says_what_is_left_out(
    keyed: Server, kept: dict[str, str], tmp_path: Path, scheme: str
) -> None:
    address = keyed.url if scheme == "http" else f"grpc://{keyed.grpc_target}"
    with Client(address, api_key=OTHER) as client:
        clf = client.classifier("coded")
        assert "left out here" in repr(clf.report)
        assert clf.report.figures["accuracy"].value is not None
        assert clf.report.worst == []
        with pytest.raises(ValueError, match="another key"):
            clf.report.to_pandas()
        clf.save_report(tmp_path / "report.html")
        told = [repr(clf.report), json.dumps(dict(clf.report)), (tmp_path / "report.html").read_text()]
        told.append(json.dumps([dict(card) for card in client.classifiers()]))
        assert not SECRET.search("".join(told))
    with Client(address, api_key=OWNER) as client:
        assert len(client.classifier("coded").report.to_pandas()) > 10


def open_to_others(home: Path) -> dict[str, str]:
    """The state below a home that somebody else than its user has a right to, with its mode."""
    paths = [path for name in STATE for top in home.glob(f"{name}*") for path in (top, *top.rglob("*"))]
    modes = {str(path.relative_to(home)): path.lstat().st_mode for path in paths}
    return {name: stat.filemode(mode) for name, mode in modes.items() if stat.S_IMODE(mode) & 0o077}


def test_the_state_belongs_to_the_services_user_alone(keyed: Server, kept: dict[str, str], folder: Path) -> None:
    assert len(list((folder / "home").rglob("*"))) > 30
    assert open_to_others(folder / "home") == {}


@ONLY_ROOT
def test_a_local_user_reads_nothing(keyed: Server, kept: dict[str, str], folder: Path) -> None:
    command = ["find", str(folder / "home"), "-name", "models", "-prune", "-o", "-readable", "-type", "f", "-print"]
    seen = subprocess.run(command, user=LOCAL_USER, group=LOCAL_USER, extra_groups=[], capture_output=True, text=True)
    assert seen.stdout == ""
    processes = {process.pid for process in keyed.processes()}
    masks = {re.search(r"Umask:\s*(\d+)", Path(f"/proc/{pid}/status").read_text())[1] for pid in processes}  # type: ignore[index]
    assert masks == {"0077"}


@pytest.mark.thorough
def test_the_video_of_a_form_is_gone_at_the_next_start_after_a_kill(home: Path, tmp_path: Path) -> None:
    server = start(tmp_path).wait_ready()
    other = start(tmp_path).wait_ready()  # shares the home, and lives on
    try:
        left = [half_sent(each) for each in (server, other)]
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
        again = start(tmp_path).wait_ready()
        try:
            assert [path.exists() for path in left[0]] == [False, False], "of the killed server"
            assert [path.exists() for path in left[1]] == [True, True], "of the living one"
        finally:
            again.stop()
    finally:
        os.killpg(other.process.pid, signal.SIGKILL)
        for each in (server, other):
            each.stop()
        for connection in _connections:
            connection.close()


def half_sent(server: Server) -> list[Path]:
    """The files on disk of a form with a video and of an upload, of which only a part was sent."""
    home = Path(server.log).parent / "home"
    before = set(home.glob("uploads/*")) | set(home.glob("files/file_*"))
    head = f"Host: a\r\nAuthorization: Bearer {OWNER}\r\nContent-Length: 90000000\r\n"
    part = b'--edge\r\nContent-Disposition: form-data; name="input"; filename="a.mp4"\r\n\r\n' + bytes(100_000)
    for path, kind, body in (
        ("/v1/embeddings", "multipart/form-data; boundary=edge", part),
        ("/v1/files", "application/octet-stream", bytes(100_000)),
    ):
        connection = socket.create_connection(("127.0.0.1", server.port))
        connection.sendall(f"POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\n{head}\r\n".encode() + body)
        _connections.append(connection)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        new = (set(home.glob("uploads/*")) | set(home.glob("files/file_*"))) - before
        if len(new) == 2:
            return sorted(new)
        time.sleep(0.05)
    raise AssertionError("no file was begun")


_connections: list[socket.socket] = []
