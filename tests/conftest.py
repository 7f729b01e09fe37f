"""Servers that tests share. A test that asks for one runs in both placements."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings as hypothesis_settings

from tests.e2e import bad_input_table, harness
from tests.e2e.harness import Server

# no limit of 200 ms for an example: another process of tests may have the core
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def home() -> Path:
    """DAGUERRE_HOME of all tests, with the embedded model exported."""
    for path in (harness.EXPORTED, harness.HOME):
        path.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "models", "export", "embedded", "--home", str(harness.EXPORTED)]
    subprocess.run(command, cwd=harness.ROOT, env=harness.environment(), check=True, timeout=600, capture_output=True)
    if not (harness.HOME / "models").exists():
        (harness.HOME / "models").symlink_to((harness.EXPORTED / "models").absolute(), target_is_directory=True)
    return harness.HOME


@pytest.fixture(scope="session", params=["inline", "process"])
def placement(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def server(placement: str, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with default settings but for batches of images, of which the embedded model would make none."""
    folder = tmp_path_factory.mktemp(f"server-{placement}")
    settings = {
        "DAGUERRE_PLACEMENT": placement,
        "DAGUERRE_MAX_BATCH_IMAGES": "8",
        "BENTOML_HOME": str(folder / "bentoml"),
    }
    with harness.running(folder, settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def strict_server(placement: str, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with small limits, for each placement."""
    folder = tmp_path_factory.mktemp(f"strict-server-{placement}")
    settings = {
        "DAGUERRE_PLACEMENT": placement,
        "BENTOML_HOME": str(folder / "bentoml"),
        **bad_input_table.SETTINGS,
    }
    with harness.running(folder, settings=settings) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def strict(strict_server: Server) -> Iterator[httpx.Client]:
    with strict_server.client() as client:
        yield client
