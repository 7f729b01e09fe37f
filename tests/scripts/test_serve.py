"""scripts/serve: what it installs, and what it passes on to the service."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.e2e import harness

ROOT = Path(__file__).parents[2]
PYTHON = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$(dirname "$0")/calls"
"""


@pytest.mark.parametrize(
    ("arguments", "extras", "rest"),
    [
        (["--port", "3001"], "export,video,collections", " --port 3001"),
        (["--light", "--port", "3001"], "video,collections", " --port 3001"),
        (["--light"], "video,collections", ""),
    ],
)
def test_a_light_install_has_no_torch(tmp_path: Path, arguments: list[str], extras: str, rest: str) -> None:
    for name in ("serve", "env.sh"):
        (tmp_path / "scripts").mkdir(exist_ok=True)
        shutil.copy(ROOT / "scripts" / name, tmp_path / "scripts" / name)
    for name in ("pyproject.toml", "constraints.txt", "protos/pyproject.toml", "clients/python/pyproject.toml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "requirements-weights.txt", tmp_path)
    for name in ("build/client", "clients/python/daguerre", "protos/daguerre_proto", ".venv/bin"):
        (tmp_path / name).mkdir(parents=True)
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(PYTHON)
    python.chmod(0o755)
    subprocess.run([tmp_path / "scripts" / "serve", *arguments], check=True, env={"PATH": "/usr/bin:/bin"})
    calls = (python.parent / "calls").read_text().splitlines()
    assert any(f"-e .[{extras}] " in call for call in calls)
    assert calls[-1] == f"-m service{rest}"


@pytest.mark.slow
def test_a_light_install_serves_what_was_exported_elsewhere(home: Path, tmp_path: Path) -> None:
    """An installation in a fresh clone, which takes two minutes, with a home to which only `models/` was copied."""
    clone, own = tmp_path / "clone", tmp_path / "home"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    port = harness.free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DAGUERRE_", "BENTOML_"))}
    env |= {"HOME": str(tmp_path), "DAGUERRE_HOME": str(own), "PYTHON": sys.executable}
    env |= {"DAGUERRE_ANALYSERS": "objects,imagenet-classes", "DAGUERRE_GRPC_PORT": "0"}
    command = [clone / "scripts" / "serve", "--light", "--port", str(port)]
    refused = subprocess.run(command, env=env, cwd=clone, capture_output=True, text=True, timeout=900)
    assert refused.returncode == 1
    assert "copy the folder embedded-" in refused.stderr
    site = clone / ".venv" / "lib"
    assert not [path for name in ("torch", "transformers") for path in site.glob(f"*/site-packages/{name}")]
    for folder in (home / "models").glob("embedded-*/"):
        shutil.copytree(folder.resolve(), own / "models" / folder.name)
    env["DAGUERRE_ANALYSERS"] = "objects"  # made without torch; imagenet-classes needs it
    with subprocess.Popen(command, env=env, cwd=clone) as server:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=3)) as client:
                wait_ready(client, server)
                answer = client.post("/v1/embeddings", json={"input": ["a cat"]}).json()
                assert len(answer["data"][0]["embedding"]) == 1280
        finally:
            server.terminate()


def wait_ready(client: httpx.Client, server: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < end:
        with suppress(httpx.TransportError):
            if client.get("/readyz").status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError("the server did not become ready")
