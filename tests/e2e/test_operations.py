"""What an operator relies on: probes, counts, keys, refusals to start, no network, an orderly end."""

import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.e2e import harness
from tests.e2e.harness import Server, assert_error, image, jpeg, metrics, photo_file

PATH = "/v1/embeddings"
ONCE = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")  # the same in both


def grown(client: httpx.Client, before: dict[str, float], series: str) -> float:
    return metrics(client).get(series, 0) - before.get(series, 0)


def test_probes_answer_and_the_id_of_a_request_comes_back(client: httpx.Client) -> None:
    for path in ("/livez", "/readyz", "/v1/models", "/openapi.json", "/docs"):
        answer = client.get(path, headers={"x-request-id": "mine-17"})
        assert answer.status_code == 200, path
        assert answer.headers.get_list("x-request-id") == ["mine-17"], path
    made = client.get("/v1/models").headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    error = assert_error(client.get("/v1/nothing", headers={"x-request-id": "mine-18"}), 404, "not_found")
    assert error["request_id"] == "mine-18"


def test_models_are_listed_with_what_a_study_must_cite(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()
    assert listed["object"] == "list"
    assert listed["next_cursor"] is None
    (card,) = listed["data"]
    assert card == client.get("/v1/models/embedded").json()
    assert (card["id"], card["default"], card["dimension"], card["zero_shot"]) == ("embedded", True, 1280, True)
    assert set(card["modalities"]) == {"image", "text"}
    assert "Apache-2.0" in card["licence"]
    assert card["provider"] == "CPUExecutionProvider"
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for digest in card["weights"].values())
    assert min(card["parity"].values()) > 0.99999
    assert card["demonstration"] is True


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/embeddings", 405, "method_not_allowed"),
        ("PUT", "/v1/zero-shot", 405, "method_not_allowed"),
        ("POST", "/v1/models", 405, "method_not_allowed"),
        ("GET", "/v2/models", 404, "not_found"),
        ("POST", "/", 405, "method_not_allowed"),
        ("GET", "/v1/models/embedded/versions", 404, "not_found"),
        ("GET", "/v1/%2e%2e/models", 404, "not_found"),
    ],
)
def test_wrong_paths_and_methods_have_the_one_error_shape(
    client: httpx.Client, method: str, path: str, status: int, code: str
) -> None:
    assert_error(client.request(method, path), status, code)


def test_405_says_what_is_allowed(client: httpx.Client) -> None:
    assert client.get("/v1/embeddings").headers["allow"] == "POST"


def test_requests_items_and_failures_are_counted(client: httpx.Client) -> None:
    before = metrics(client)
    items: list[Any] = [image(photo_file("chelsea")), "a cat", image(b"no image"), ""]
    assert client.post(PATH, json={"input": items, "on_error": "skip"}).status_code == 200
    assert client.post(PATH, json={"input": [image(b"%PDF")]}).status_code == 415
    assert client.post("/v1/zero-shot", json={"input": "a cat", "labels": ["cat", "dog"]}).status_code == 200
    assert client.get("/v1/models/nothing").status_code == 404
    expected = {
        'daguerre_requests_total{operation="embeddings",status="200",transport="http"}': 1,
        'daguerre_requests_total{operation="embeddings",status="415",transport="http"}': 1,
        'daguerre_requests_total{operation="zero_shot",status="200",transport="http"}': 1,
        'daguerre_requests_total{operation="models",status="404",transport="http"}': 1,
        'daguerre_items_total{modality="image",operation="embeddings"}': 1,
        'daguerre_items_total{modality="text",operation="embeddings"}': 1,
        'daguerre_items_total{modality="text",operation="zero_shot"}': 1,
        'daguerre_items_failed_total{code="unsupported_image"}': 2,
        'daguerre_items_failed_total{code="invalid_text"}': 1,
        'daguerre_request_seconds_count{operation="embeddings",transport="http"}': 2,
        'daguerre_decode_seconds_count{modality="image"}': 1,
    }
    assert {series: grown(client, before, series) for series in expected} == expected
    assert 'daguerre_queue_seconds_count{modality="image"}' in before
    assert metrics(client)['daguerre_requests_in_flight{transport="http"}'] == 1  # /metrics itself


def test_batches_are_counted_where_they_run(client: httpx.Client) -> None:
    before = metrics(client)
    photo = image(jpeg("coffee", width=120))
    assert client.post(PATH, json={"input": [photo] * 64}).status_code == 200
    rows = grown(client, before, 'daguerre_batch_size_sum{modality="image"}')
    batches = grown(client, before, 'daguerre_batch_size_count{modality="image"}')
    assert rows >= 64
    assert batches < rows  # some ran together
    assert grown(client, before, 'daguerre_batch_seconds_count{modality="image"}') == batches


def test_a_row_is_counted_once(client: httpx.Client, request: pytest.FixtureRequest, placement: str) -> None:
    before = metrics(client)
    assert client.post(PATH, json={"input": [image(jpeg("coffee", width=120))] * 5}).status_code == 200
    assert grown(client, before, 'daguerre_batch_size_sum{modality="image"}') == 5


def test_the_queue_is_counted_while_it_is_one(server: Server, client: httpx.Client) -> None:
    series = 'daguerre_queue_items{modality="image"}'
    assert metrics(client)[series] == 0
    with ThreadPoolExecutor(1) as thread:
        body = {"input": [image(jpeg("coffee", width=400))] * 200, "encoding_format": "base64"}
        call = thread.submit(client.post, PATH, json=body)
        with server.client() as other:
            seen = set()
            while not call.done():
                seen.add(metrics(other)[series])
                time.sleep(0.01)
        assert call.result().status_code == 200
    assert seen <= {0, 200}  # once, and not again in a runner
    assert 200 in seen
    assert metrics(client)[series] == 0


def test_paths_that_callers_make_up_are_no_series(client: httpx.Client) -> None:
    """Else anybody can fill the memory, 404 by 404."""
    for i in range(20):
        assert client.get(f"/made-up-path-{i}").status_code == 404
    assert "made-up-path" not in client.get("/metrics").text


@pytest.mark.thorough
def test_two_servers_count_apart(home: Path, tmp_path: Path) -> None:
    settings = {"HOME": str(tmp_path)}
    with (
        harness.running(tmp_path, settings=settings) as one,
        one.client() as client,
    ):
        assert client.post(PATH, json={"input": "a"}).status_code == 200
        with harness.running(tmp_path, settings=settings) as two, two.client() as other:
            assert [other.post(PATH, json={"input": "a"}).status_code for _ in range(3)] == [200] * 3
            series = 'daguerre_requests_total{operation="embeddings",status="200",transport="http"}'
            assert (metrics(client).get(series), metrics(other).get(series)) == (1, 3)


# starting


@pytest.fixture
def own(placement: str, home: Path, tmp_path: Path) -> Iterator[Any]:
    """Start servers that are the test's own; they are gone afterwards."""
    started: list[Server] = []

    def start(*arguments: str, command: tuple[str, ...] = ("-m", "service"), **settings: str) -> Server:
        settings = {"DAGUERRE_PLACEMENT": placement, "BENTOML_HOME": str(tmp_path / "bentoml"), **settings}
        started.append(harness.launch(tmp_path, arguments=arguments, settings=settings, command=command))
        return started[-1]

    yield start
    for server in started:
        server.stop()


def test_it_is_ready_only_when_a_request_succeeds(own: Any) -> None:
    server = own()
    seen: list[tuple[int, int]] = []
    end = time.monotonic() + 120
    with server.client(timeout=30) as client:
        while time.monotonic() < end:
            try:
                ready = client.get("/readyz").status_code
                answer = client.post(PATH, json={"input": ["a cat", image(jpeg("coffee", width=100))]})
            except httpx.TransportError:
                assert server.process.poll() is None, server.said()
                time.sleep(0.02)
                continue
            seen.append((ready, answer.status_code))
            assert client.get("/livez").status_code == 200
            if ready == 200:
                break
            if answer.status_code != 200:
                assert_error(answer, 503, "unavailable")
                assert int(answer.headers["retry-after"]) >= 1
    assert seen[-1] == (200, 200)
    assert {ready for ready, _ in seen[:-1]} <= {503}
    assert "Traceback" not in server.said()


def test_a_model_that_cannot_be_had_is_said_at_once(home: Path, tmp_path: Path) -> None:
    refused(tmp_path, r"no-such-model.*embedded", DAGUERRE_MODELS="no-such-model")


def refused(folder: Path, message: str, *arguments: str, **settings: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "service", "--port", str(harness.free_port()), *arguments],
        cwd=harness.ROOT,
        env=harness.environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert re.search(message, done.stderr, re.DOTALL), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"DAGUERRE_HOST": "0.0.0.0"}, r"0\.0\.0\.0 can be reached from other machines.*DAGUERRE_API_KEYS_FILE"),
        ({"DAGUERRE_HOST": "::"}, "no API key"),
        ({"DAGUERRE_PROT": "3001"}, r"DAGUERRE_PROT: no such setting; did you mean DAGUERRE_PORT\?"),
        ({"DAGUERRE_MAX_ITEMS": "many"}, "DAGUERRE_MAX_ITEMS: got 'many', should be a whole number"),
        ({"DAGUERRE_MAX_ITEMS": "5000"}, "queue: 4096 cannot hold"),
        ({"DAGUERRE_ENTRY_WORKERS": "2"}, "DAGUERRE_PLACEMENT=process"),
        ({"DAGUERRE_API_KEYS_FILE": "/nowhere/keys"}, "/nowhere/keys"),
        ({"DAGUERRE_DEVICE": "cuda:97"}, "cuda:97"),
        ({"DAGUERRE_DEVICE": "gpu"}, "'gpu' is not one of"),
        ({"DAGUERRE_GPU_MEMORY": "1000000000"}, "gpu_memory: there is no GPU"),
        ({"DAGUERRE_PLACE": "embedded=cuda:0"}, "place: there is no GPU"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_a_setting_that_cannot_be_is_refused(
    home: Path, tmp_path: Path, settings: dict[str, str], message: str
) -> None:
    refused(tmp_path, message, **settings)


def outer_address() -> str:
    """An address of this machine that is not loopback."""
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family == socket.AF_INET and not address.address.startswith("127."):
                return str(address.address)
    pytest.skip("this machine has no address but loopback")


@ONCE
def test_without_a_key_it_may_be_opened_on_purpose(own: Any) -> None:
    server = own("--host", "0.0.0.0", "--insecure").wait_ready()
    with server.client(base_url=f"http://{outer_address()}:{server.port}") as client:
        assert client.post(PATH, json={"input": "a cat"}).status_code == 200


@ONCE
def test_bentoml_serve_without_a_key_answers_only_its_own_machine(own: Any) -> None:
    """Who starts it past our checks is still not an open door."""
    arguments = ("--host", "0.0.0.0", "--working-dir", str(harness.ROOT))
    server = own(*arguments, command=("-m", "bentoml", "serve", "service.app:Daguerre")).wait_ready()
    with server.client(base_url=f"http://{outer_address()}:{server.port}") as outside:
        error = assert_error(outside.post(PATH, json={"input": "a cat"}), 403, "forbidden")
        assert "DAGUERRE_API_KEYS" in error["message"]
        assert_error(outside.get("/metrics"), 403, "forbidden")
        assert outside.get("/livez").status_code == 200
        spoofed = outside.get("/v1/models", headers={"host": "127.0.0.1", "x-forwarded-for": "127.0.0.1"})
        assert_error(spoofed, 403, "forbidden")
    with server.client() as inside:
        assert inside.post(PATH, json={"input": "a cat"}).status_code == 200


VALUES = defaultdict(lambda: "x", number="1", kind="search")  # of parameters of paths


def declares_what_needs_a_key(client: httpx.Client) -> set[str]:
    """Compare what /openapi.json declares with what a server with keys answers; the paths that need no key."""
    without = set()
    for path, operations in client.get("/openapi.json").json()["paths"].items():
        for method, operation in operations.items():
            answer = client.request(method, path.format_map(VALUES))
            needs_key = answer.status_code == 401
            assert {"401", "403"} <= operation["responses"].keys() if needs_key else operation["security"] == []
            assert needs_key or not {"401", "403"} & operation["responses"].keys(), (method, path)
            without |= set() if needs_key else {path}
    return without


@ONCE
def test_keys_guard_everything_but_health_and_the_page(own: Any, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("# the lab's\nfrom-the-file  # ours\n\n")
    server = own(DAGUERRE_API_KEYS="first-key, second-key", DAGUERRE_API_KEYS_FILE=str(keys)).wait_ready()
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "/v1/models", {}),
        ("GET", "/v1/models/embedded", {}),
        ("POST", PATH, {"json": {"input": "a cat"}}),
        ("POST", "/v1/zero-shot", {"json": {"input": "a cat", "labels": ["cat", "dog"]}}),
        ("GET", "/metrics", {}),
    ]
    closed = [*calls, ("GET", "/v1/nothing", {}), ("GET", "/schema.json", {}), ("GET", "//v1/models", {})]
    with server.client() as client:
        for method, path, body in closed:
            for header in ({}, {"authorization": "Bearer wrong"}, {"authorization": "first-key"}):
                answer = client.request(method, path, headers=header, **body)
                assert_error(answer, 401, "unauthorized")
                assert answer.headers["www-authenticate"].startswith("Bearer"), path
            assert_error(client.request(method, path, auth=("first-key", ""), **body), 401, "unauthorized")
        for key in ("first-key", "second-key", "from-the-file"):
            for method, path, body in calls:
                answer = client.request(method, path, headers={"authorization": f"Bearer {key}"}, **body)
                assert answer.status_code == 200, (path, answer.text[:300])
        for path in ("/livez", "/readyz", "/docs", "/openapi.json", "/docs/assets/swagger-ui.css"):
            assert client.get(path).status_code == 200, path
        assert declares_what_needs_a_key(client) == {"/livez", "/readyz"}
    assert not any(key in server.said() for key in ("first-key", "second-key", "from-the-file"))


# running

_HOOK = """
import os, sys
def note(event, arguments):
    if event == "import" and arguments[0] in ("torch", "transformers"):
        said = f"import {arguments[0]}"
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        said = f"connect {arguments[1][0]}"
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        said = f"resolve {arguments[0]}"
    else:
        return
    descriptor = os.open(os.environ["TEST_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, (said + "\\n").encode())
    os.close(descriptor)
sys.addaudithook(note)
note("import", ("torch",)) if os.environ.get("TEST_NOTES_TRY") else None
"""
_HERE = {"127.0.0.1", "::1", "localhost", "None", "0.0.0.0"}


def test_it_needs_no_network_and_neither_torch_nor_transformers(own: Any, tmp_path: Path) -> None:
    """An audit hook in every process notes what Python connects to and imports; the tables of the system the rest."""
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(_HOOK)
    notes = tmp_path / "notes"
    watched = {"PYTHONPATH": str(tmp_path / "hook"), "TEST_NOTES": str(notes)}
    trial = [sys.executable, "-c", "import socket; socket.getaddrinfo('localhost', 1); import torch.nothing"]
    subprocess.run(trial, env=harness.environment(**watched), timeout=120, capture_output=True, check=False)
    assert notes.read_text().split("\n")[:2] == ["resolve localhost", "import torch"]  # the hook works
    notes.unlink()

    server = own(**watched)
    outside: set[str] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            for process in server.processes():
                try:
                    connections = process.net_connections(kind="inet")
                except psutil.Error:
                    continue
                outside.update(c.raddr.ip for c in connections if c.raddr and c.raddr.ip not in _HERE)
            done.wait(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with server.wait_ready().client() as client:
            items = [image(photo_file("chelsea")), "a cat"]
            assert client.post(PATH, json={"input": items}).status_code == 200
            body = {"input": items, "labels": ["a cat", "a dog"]}
            assert client.post("/v1/zero-shot", json=body).status_code == 200
            url = "https://example.org/cat.jpg"
            assert client.post(PATH, json={"input": [{"image": url}]}).status_code == 422
            files = {"input": (None, url)}
            assert client.post(PATH, files=files).status_code == 200  # a text, and nothing is fetched
        processes = server.processes()
        mapped = [Path(f"/proc/{process.pid}/maps").read_text() for process in processes]
    finally:
        done.set()
        watcher.join(timeout=20)
    assert len(processes) >= 2
    assert any("onnxruntime" in maps for maps in mapped)  # we look at the right ones
    assert not any(re.search(r"libtorch|/torch/|/transformers/", maps) for maps in mapped)
    assert outside == set()
    noted = notes.read_text().split("\n") if notes.exists() else []
    assert [note for note in noted if note and note.split(" ", 1)[1].strip("b'") not in _HERE] == []


def tried(port: int) -> tuple[float, str]:
    """Connect and ask for the readiness; the seconds that it took, and the first line of the answer or the error."""
    started = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            connection.sendall(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            answer = connection.recv(1000)[:12].decode("latin-1")
    except OSError as exc:
        answer = type(exc).__name__
    return time.monotonic() - started, answer


@pytest.mark.thorough
def test_sigterm_refuses_new_connections_and_lets_a_running_request_end(own: Any, placement: str) -> None:
    workers = 2 if placement == "process" else 1
    server = own(DAGUERRE_ENTRY_WORKERS=str(workers)).wait_ready(workers=workers)
    items = [image(jpeg("chelsea", width=200), str(i)) for i in range(150)]
    with server.client() as client, ThreadPoolExecutor(1) as thread, socket.socket() as idle:
        idle.connect(("127.0.0.1", server.port))
        idle.settimeout(10)
        idle.sendall(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        answered = b""
        while not answered.endswith(b"\r\n\r\n\n"):
            answered += idle.recv(10_000)
        body = json.dumps({"input": items, "encoding_format": "base64"})
        before = metrics(client)
        call = thread.submit(client.post, PATH, content=body, headers={"content-type": "application/json"})
        with server.client() as other:
            running = 'daguerre_decode_seconds_count{modality="image"}'
            end = time.monotonic() + 20
            while grown(other, before, running) < 20 and time.monotonic() < end:
                time.sleep(0.02)
        assert not call.done(), "the request was over before it could be interrupted"
        started = time.monotonic()
        server.process.terminate()
        time.sleep(0.2)  # a connection that is being opened at this moment may still be answered
        attempts = []
        while server.process.poll() is None and time.monotonic() - started < 60:
            attempts += [tried(server.port), tried(server.grpc_port)]
            time.sleep(0.02)
        answer = call.result(timeout=60)
        assert idle.recv(100) == b""  # closed, and not reset
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.json()["data"]) == 150
    assert all("embedding" in entry for entry in answer.json()["data"])
    assert {answer for _, answer in attempts} == {"ConnectionRefusedError"}
    assert max(seconds for seconds, _ in attempts) < 2
    assert server.process.wait(30) == 0
    assert time.monotonic() - started < 30
    assert "Traceback" not in server.said(), server.said()[-4000:]


def test_what_was_sent_is_not_in_the_log(server: Server, client: httpx.Client) -> None:
    secret = "Zwiebelfischpostkarte"
    for body in (
        {"input": secret},
        {"input": [{"text": secret, "id": secret}, image(secret.encode())]},
        {"input": [{"image": secret}], secret: 1},
        {"input": "a", "model": secret},
    ):
        client.post(PATH, json=body)
    client.post(PATH, files=[("input", (f"{secret}.jpg", secret.encode()))])
    client.get(f"/v1/models/{secret}")
    assert secret not in server.said()
