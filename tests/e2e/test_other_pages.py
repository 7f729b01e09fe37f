"""A service without keys answers its own pages and other programs, and no page of another site: in a real browser."""

import io
import json
import shutil
import socket
import subprocess
import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import httpx
import numpy as np
import pytest

from daguerre import Client
from tests.e2e.browser import Browser
from tests.e2e.harness import Server

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
EVIL = "evil.example"
_NPY = io.BytesIO()
np.save(_NPY, np.ones((3, 2), np.float32))
VECTORS = _NPY.getvalue()
ATTACK = """(async () => {
const target = TARGET, kept = KEPT, name = NAME;
const file = Uint8Array.from(atob(VECTORS), byte => byte.charCodeAt(0));
const results = {};
async function attempt(title, path, options) {
  try {
    const answer = await fetch(target + path, options);
    results[title] = {type: answer.type, status: answer.status, text: (await answer.text()).slice(0, 500)};
  } catch (error) { results[title] = {type: "failed"}; }
}
const texts = ["a", "b", "c", "d", "e", "f"];
const training = JSON.stringify({name, task: "binary", folds: 2, targets: ["x", "y", "x", "y", "x", "y"]});
for (const mode of ["no-cors", "cors"]) {
  const form = new FormData();
  for (const text of texts) form.append("input", text);
  form.append("request", training);
  await attempt("upload " + mode, "/v1/files?name=" + name, {method: "POST", mode, body: new Blob([file])});
  await attempt("train " + mode, "/v1/classifiers", {method: "POST", mode, body: form});
  await attempt("read " + mode, "/v1/files", {mode});
  await attempt("figures " + mode, "/metrics", {mode});
}
await attempt("keepalive", "/v1/files?name=" + name, {method: "POST", mode: "no-cors", keepalive: true, body: file});
await attempt("delete", "/v1/files/" + kept, {method: "DELETE"});
await attempt("json", "/v1/embeddings",
              {method: "POST", headers: {"content-type": "application/json"}, body: '{"input": "a"}'});
const frame = document.createElement("iframe"), form = document.createElement("form");
frame.name = "inner";
document.body.append(frame, form);
const action = target + "/v1/classifiers";
Object.assign(form, {method: "post", action, enctype: "multipart/form-data", target: "inner"});
for (const [field, value] of [...texts.map(text => ["input", text]), ["request", training]]) {
  const input = document.createElement("input");
  Object.assign(input, {name: field, value});
  form.append(input);
}
await new Promise(done => { frame.onload = done; form.submit(); setTimeout(done, 5000); });
return results;
})()"""
TRY_OUT = """(async () => {
const until = async find => {
  for (;;) { const it = find(); if (it) return it; await new Promise(done => setTimeout(done, 50)); }
};
const block = await until(() => [...document.querySelectorAll(".opblock-get")].find(
  each => each.querySelector(".opblock-summary-path").dataset.path === "/v1/jobs"));
block.querySelector(".opblock-summary-control").click();
(await until(() => block.querySelector(".execute"))).click();
const status = await until(() => block.querySelector(".live-responses-table tbody .response-col_status"));
return status.textContent.trim().slice(0, 3);
})()"""


class _Page(BaseHTTPRequestHandler):
    """An empty page for every path."""

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>other</title><body>")


@pytest.fixture(scope="module")
def other_site() -> Iterator[int]:
    """The port of another web server on this machine."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield made.server_port
        made.shutdown()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = shutil.which("chromium")
    if not found:
        pytest.skip("there is no chromium; Debian has a package of that name, which .ci/run installs")
    made = Browser(found, tmp_path_factory.mktemp("profile"), EVIL, "localhost")
    yield made
    made.close()


def state(client: httpx.Client) -> tuple[set[str], set[str]]:
    files, classifiers = client.get("/v1/files").json(), client.get("/v1/classifiers").json()
    return {file["id"] for file in files["data"]}, {classifier["id"] for classifier in classifiers["data"]}


def attack_script(target: str, kept: str, name: str) -> str:
    """ATTACK on the service at `target`, which deletes the file `kept` and gives the name to what it makes."""
    values = {"TARGET": target, "KEPT": kept, "VECTORS": b64encode(VECTORS).decode(), "NAME": name}
    script = ATTACK
    for placeholder, value in values.items():
        script = script.replace(placeholder, json.dumps(value))
    return script


@pytest.mark.parametrize("attack", ["other site", "other port", "rebinding"])
def test_no_other_page_reads_or_changes_anything(
    server: Server, client: httpx.Client, browser: Browser, other_site: int, attack: str
) -> None:
    kept = client.post("/v1/files?name=kept", content=VECTORS).json()["id"]
    try:
        before = state(client)
        page = {"other site": f"{EVIL}:{other_site}", "other port": f"127.0.0.1:{other_site}"}
        # a name that leads here now is the same site for the browser; what it led to before does not matter
        browser.open(f"http://{page.get(attack, f'{EVIL}:{server.port}')}/livez")
        target = "" if attack == "rebinding" else server.url
        report: dict[str, Any] = browser.run(attack_script(target, kept, "stolen"))
        assert len(report) == 11
        if attack == "rebinding":
            assert {answer["status"] for answer in report.values()} == {403}
            assert all("DAGUERRE_ALLOWED_HOSTS" in answer["text"] for answer in report.values())
        else:
            assert {answer["type"] for answer in report.values()} == {"opaque", "failed"}  # nothing can be read
        assert state(client) == before
    finally:
        client.delete(f"/v1/files/{kept}")


@pytest.mark.parametrize("site", ["other site", "other port"])
def test_a_link_from_another_page_opens(
    server: Server, client: httpx.Client, browser: Browser, other_site: int, site: str
) -> None:
    browser.open(f"http://{EVIL if site == 'other site' else '127.0.0.1'}:{other_site}/")
    browser.leave(f"location.href = {json.dumps(server.url + '/v1/models')}")
    text = browser.run("document.body.innerText")
    assert "embedded" in {card["id"] for card in json.loads(text)["data"]}


def test_the_services_own_page_is_answered(server: Server, client: httpx.Client, browser: Browser) -> None:
    browser.open(f"http://localhost:{server.port}/livez")
    report = browser.run(attack_script("", "file_0123456789abcdef", "ours"))
    assert {name: answer["status"] for name, answer in report.items()} == {
        **dict.fromkeys(("upload no-cors", "upload cors", "keepalive"), 201),
        **dict.fromkeys(("train no-cors", "train cors", "read no-cors", "read cors", "json"), 200),
        **dict.fromkeys(("figures no-cors", "figures cors"), 200),
        "delete": 404,
    }
    for file in client.get("/v1/files").json()["data"]:
        if file["name"] == "ours":
            client.delete(f"/v1/files/{file['id']}")
    assert client.delete("/v1/classifiers/ours").status_code == 200


@pytest.mark.slow
def test_the_api_page_can_be_tried_out(server: Server, client: httpx.Client, browser: Browser) -> None:
    browser.open(f"http://localhost:{server.port}/docs")
    assert browser.run(TRY_OUT) == "200"


def test_the_api_page_is_not_shown_within_another(
    server: Server, client: httpx.Client, browser: Browser, other_site: int
) -> None:
    browser.open(f"http://127.0.0.1:{other_site}/")
    inner = browser.run(
        "new Promise(done => { const frame = document.createElement('iframe');"
        f"frame.src = {json.dumps(server.url + '/docs')}; frame.onload = () => done(frame.contentDocument);"
        "document.body.append(frame); })"
    )
    assert inner is None  # of another origin: an error page
    assert client.get("/docs").headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:49152", "[::1]:3000", "daguerre.localhost:80"])
def test_other_programs_are_answered(server: Server, client: httpx.Client, host: str) -> None:
    assert client.get("/v1/models", headers={"host": host}).status_code == 200
    assert client.post("/v1/embeddings", json={"input": "a"}, headers={"host": host}).status_code == 200
    assert client.get("/metrics", headers={"host": host}).status_code == 200


def test_curl_and_the_sdk_are_answered(server: Server, client: httpx.Client) -> None:
    for host in ("127.0.0.1", "127.1", "localhost"):
        command = ["curl", "-sSf", "-4", f"http://{host}:{server.port}/v1/embeddings", "-F", "input=a cat"]
        assert b'"embedding"' in subprocess.run(command, capture_output=True, check=True, timeout=30).stdout
    with Client(f"http://localhost:{server.port}") as sdk:
        assert len(sdk.embed(texts=["a cat"])) == 1


def answered(server: Server, head: bytes, seconds: float = 10.0) -> bytes:
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as connection:
        connection.sendall(head)
        parts = b""
        while part := connection.recv(65536):
            parts += part
        return parts


def test_old_programs_without_a_host_are_answered(server: Server, client: httpx.Client) -> None:
    assert b" 200 OK\r\n" in answered(server, b"GET /v1/models HTTP/1.0\r\n\r\n")
    closing = b"connection: close\r\n\r\n"
    assert b" 200 OK\r\n" in answered(server, b"GET /v1/models HTTP/1.1\r\nhost:\r\n" + closing)
    two = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\nHost: localhost\r\n" + closing
    assert b" 400 Bad Request\r\n" in answered(server, two)


def test_a_websocket_and_a_preflight_get_nothing(server: Server, client: httpx.Client) -> None:
    origin = b"host: 127.0.0.1\r\norigin: http://evil.example\r\n"
    upgrade = (
        b"GET /v1/models HTTP/1.1\r\nconnection: upgrade, close\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + origin + b"\r\n"
    )
    assert answered(server, upgrade).startswith(b"HTTP/1.1 403 ")
    preflight = {"origin": "http://evil.example", "access-control-request-method": "DELETE"}
    answer = client.options("/v1/files/file_0123456789abcdef", headers=preflight)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "kind", [b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data; boundary=x"]
)
def test_what_a_browser_can_send_to_the_port_of_grpc_is_not_grpc(
    server: Server, client: httpx.Client, kind: bytes
) -> None:
    head = b"POST /daguerre.v1.Daguerre/ListModels HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: " + kind
    with socket.create_connection(("127.0.0.1", server.grpc_port), timeout=10) as connection:
        connection.sendall(head + b"\r\ncontent-length: 5\r\n\r\n\0\0\0\0\0")
        parts = b""
        try:
            while part := connection.recv(65536):
                parts += part
        except ConnectionResetError:
            pass
    assert not parts.startswith(b"HTTP/1.1 2")
    with grpc.insecure_channel(server.grpc_target) as channel:
        grpc.channel_ready_future(channel).result(30)
