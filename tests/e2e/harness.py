"""A real server process: started, waited for, asked, stopped, and nothing left behind."""

import base64
import io
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from random import SystemRandom
from typing import Any

import httpx
import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image

from tests.e2e import contract

ROOT = Path(__file__).parents[2]
EXPORTED = Path(os.environ.get("DAGUERRE_TEST_HOME") or ROOT / ".cache" / "test-home")
WORKER = os.environ.get("PYTEST_XDIST_WORKER")
HOME = EXPORTED.with_name(f"{EXPORTED.name}-{WORKER}") if WORKER else EXPORTED  # with links to its models
PORTS = range(15_000, 32_000)  # below those that systems give to connections that are opened meanwhile
PORT_TAKEN = "Address already in use"  # BentoML looks for free ports, and binds them later: another may be quicker
FILES = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "motorcycle_left": "motorcycle_left.png",
    "hubble_deep_field": "hubble_deep_field.jpg",
    "retina": "retina.jpg",
}  # of scikit-image, in its wheel


class Server:
    """A server process, what it has started, and its DAGUERRE_HOME."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, grpc_port: int, log: Path, home: Path) -> None:
        self.process = process
        self.home = home
        self.port = port
        self.grpc_port = grpc_port
        self.grpc_target = f"127.0.0.1:{grpc_port}"
        self.log = log
        self.url = f"http://127.0.0.1:{port}"

    def client(self, **options: Any) -> httpx.Client:
        """A client with a timeout that never goes through a proxy and holds every answer against /openapi.json.

        Without certificates, whose reading takes 50 ms.
        """
        hooks = {"response": [contract.check]}
        return httpx.Client(
            **{
                **{"base_url": self.url, "timeout": 60.0, "trust_env": False, "verify": False, "event_hooks": hooks},
                **options,
            }
        )

    def async_client(self, **options: Any) -> httpx.AsyncClient:
        hooks = {"response": [contract.check_async]}
        return httpx.AsyncClient(
            **{
                **{"base_url": self.url, "timeout": 120.0, "trust_env": False, "verify": False, "event_hooks": hooks},
                **options,
            }
        )

    def wait_ready(self, seconds: float = 120, *, workers: int = 1) -> "Server":
        """Return once /readyz is 200 and `workers` entry processes are ready; fail with the log where they are not."""
        end = time.monotonic() + seconds
        with self.client(timeout=5) as client:
            while time.monotonic() < end:
                if self.process.poll() is not None:
                    raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.said()}")
                try:
                    ready = client.get("/readyz").status_code == 200  # one of the workers is
                    if ready and (workers == 1 or self.said().count(" ready: ") >= workers):
                        return self
                except httpx.TransportError:
                    pass
                time.sleep(0.1)
        raise AssertionError(f"not ready after {seconds} s:\n{self.said()}")

    def processes(self) -> list[psutil.Process]:
        """The process tree, as it is now."""
        try:
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, seconds: float = 45) -> int:
        """SIGTERM; the exit code. Raises AssertionError where a process stays, having killed it."""
        tree = self.processes()
        if self.process.poll() is None:
            self.process.terminate()
        try:
            code = self.process.wait(seconds)
        finally:
            _, alive = psutil.wait_procs(tree, timeout=10)
            for process in alive:
                process.kill()
            self.process.wait(10)
        assert not alive, f"left behind: {alive}"
        return code


def free_port() -> int:
    """A port that nobody listens on, at random: several processes look for ports at once."""
    for port in SystemRandom().sample(PORTS, 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


def environment(**settings: str) -> dict[str, str]:
    """The environment of a server: ours without its settings and limits of threads, and `settings` in their place.

    Without analysers, whose folders many homes of tests do not have; "" in DAGUERRE_ANALYSERS is the default.
    """
    ours = ("DAGUERRE_", "BENTOML_", "PROMETHEUS_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(ours) and not k.endswith("_NUM_THREADS")}
    return {**inherited, "DAGUERRE_HOME": str(HOME), "DAGUERRE_ANALYSERS": "none", **settings}


def home_in(folder: Path) -> Path:
    """The DAGUERRE_HOME of servers of `folder`, with the models and analysers that there are.

    Servers that share a home do each other's jobs, by their own settings.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    for name in ("models", "analysers"):
        if (HOME / name).exists() and not (home / name).exists():
            (home / name).symlink_to((HOME / name).resolve(), target_is_directory=True)
    return home


def launch(
    folder: Path,
    *,
    arguments: Sequence[str] = (),
    settings: Mapping[str, str] | None = None,
    command: Sequence[str] = ("-m", "service"),
    port: int | None = None,
) -> Server:
    """Start a server in a session of its own and return at once. `folder` takes its log and home; ports are free ones.

    `settings` may name another home, and the port of gRPC, "0" for none; `port` names that of HTTP, for a server that
    comes back.
    """
    port = port or free_port()
    settings = {"DAGUERRE_GRPC_PORT": str(free_port()), **(settings or {})}
    if "DAGUERRE_HOME" not in settings:
        settings["DAGUERRE_HOME"] = str(home_in(folder))
    log = folder / f"server-{port}.log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port), *arguments],
            cwd=ROOT,
            env=environment(**settings),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Server(process, port, int(settings["DAGUERRE_GRPC_PORT"]), log, Path(settings["DAGUERRE_HOME"]))


@contextmanager
def running(folder: Path, **options: Any) -> Iterator[Server]:
    """A server that is ready; at the end it must stop cleanly, having logged no traceback."""
    server = launch(folder, **options)
    try:
        try:
            server.wait_ready()
        except AssertionError:
            if PORT_TAKEN not in server.said():
                raise
            server = launch(folder, **options).wait_ready()
        yield server
    except BaseException:
        server.stop()
        raise
    code = server.stop()
    assert code == 0, f"exit code {code}:\n{server.said()[-4000:]}"
    assert "Traceback" not in server.said(), server.said()[-8000:]


def photo_file(name: str) -> bytes:
    """A photo's file, as it comes with scikit-image."""
    found = find_spec("skimage")
    assert found
    assert found.submodule_search_locations
    return (Path(found.submodule_search_locations[0]) / "data" / FILES[name]).read_bytes()


def jpeg(name: str, *, width: int | None = None, quality: int = 90) -> bytes:
    """A photo as a JPEG, scaled to `width`."""
    image = Image.open(io.BytesIO(photo_file(name))).convert("RGB")
    if width:
        image = image.resize((width, round(width * image.height / image.width)), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def image(data: bytes, id: str | None = None) -> dict[str, str]:
    """An item of a JSON body."""
    return {"image": base64_of(data), **({"id": id} if id else {})}


def vectors(answer: httpx.Response) -> NDArray[np.float64]:
    """The vectors of an embeddings answer of floats, (n, d)."""
    assert answer.status_code == 200, answer.text[:2000]
    return np.array([entry["embedding"] for entry in answer.json()["data"]], np.float64)


def embed(client: httpx.Client, items: Any, **options: Any) -> NDArray[np.float64]:
    return vectors(client.post("/v1/embeddings", json={"input": items, **options}))


def cosines(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """Row by row, (n,)."""
    return np.asarray((a * b).sum(axis=-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1))


def metrics(client: httpx.Client) -> dict[str, float]:
    """What /metrics says, a number for each series."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    lines = [line for line in answer.text.split("\n") if line.startswith("daguerre_")]
    return {series: float(value) for series, _, value in (line.rpartition(" ") for line in lines)}


def assert_error(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The one error shape, whole; returns what is in it."""
    assert answer.status_code == status, f"{answer.status_code} instead of {status}: {answer.text[:1000]}"
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    error: dict[str, Any] = body["error"]
    assert set(error) == {"code", "message", "param", "request_id", "items"}
    assert error["code"] == code, error
    assert answer.headers.get_list("x-request-id") == [error["request_id"]]
    assert error["message"]
    assert isinstance(error["items"], list)
    assert all(set(item) == {"index", "id", "code", "message"} for item in error["items"])
    return error
