"""`bentoml build`: all that is needed is in the bento, and it serves from there."""

import subprocess
import sys
import time
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.deploy.dockerfile import ROOT
from tests.e2e import harness
from tests.e2e.harness import Server, photo_file

ROOMS = ("service", "models", "protos/daguerre_proto")


def files(root: Path) -> set[str]:
    """Everything in the rooms that serve."""
    return {
        str(path.relative_to(root))
        for room in ROOMS
        for path in (root / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.slow
def test_a_bento_has_every_file_and_serves_them(home: Path, tmp_path: Path) -> None:
    store = {"BENTOML_HOME": str(tmp_path / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
    (tmp_path / "bentoml").mkdir()
    built = subprocess.run(
        [sys.executable, "-m", "bentoml", "build", "--output", "tag"],
        cwd=ROOT,
        env=harness.environment(**store),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    tag = built.stdout.rpartition("__tag__:")[2].strip()
    source = tmp_path / "bentoml" / "bentos" / tag.replace(":", "/") / "src"
    assert files(source) == files(ROOT)
    assert "service/jobs/worker.py" in files(source)

    marked = source / "service" / "__init__.py"  # so that its answers tell whose code runs
    marked.write_text(marked.read_text().replace('__version__ = "', '__version__ = "of-the-bento-'))
    port, grpc_port = harness.free_port(), harness.free_port()
    own = harness.home_in(tmp_path)
    elsewhere, log = tmp_path / "elsewhere", tmp_path / "log"
    elsewhere.mkdir()
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "bentoml", "serve", tag, "--host", "127.0.0.1", "--port", str(port)],
            cwd=elsewhere,
            env=harness.environment(DAGUERRE_GRPC_PORT=str(grpc_port), DAGUERRE_HOME=str(own), **store),
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process, port, grpc_port, log, own)
    try:
        server.wait_ready()
        with server.client() as client:
            answer = client.post("/v1/embeddings", json={"input": [harness.image(photo_file("chelsea"))]})
            assert harness.vectors(answer).shape == (1, 1280)
            assert answer.headers["daguerre-version"].startswith("of-the-bento-")
            asked = {"input": [{"text": f"{a} {b}"} for a in ("cat", "bus") for b in ("one", "two", "three")]}
            job = client.post("/v1/clusters", json={**asked, "method": "kmeans", "k": 2, "mode": "job"}).json()
            end = time.monotonic() + 60
            while job["state"] in ("queued", "running") and time.monotonic() < end:
                time.sleep(0.2)
                job = client.get(f"/v1/jobs/{job['id']}").json()
            assert (job["state"], job["error"]) == ("succeeded", None)  # its worker found its modules
        with grpc.insecure_channel(server.grpc_target) as channel:
            health = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
            assert health.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        code = server.stop()
    assert code == 0, server.said()[-4000:]
    assert "Traceback" not in server.said()
