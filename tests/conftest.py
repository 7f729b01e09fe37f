"""Servers that tests share. A test that asks for one runs in both placements; `scripts/test` alone takes the first."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import settings as hypothesis_settings

from models.analysers.folder import installed, locate
from models.analysers.table import ANALYSERS
from tests.e2e import bad_input_table, harness
from tests.e2e.harness import Server

# no limit of 200 ms for an example: another process of tests may have the core
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


IMPORTED = {"small-captions": "blip", "small-lines": "trocr"}  # functions of tests/models/writing_models.py


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


@pytest.fixture(scope="session", params=["inline", pytest.param("process", marks=pytest.mark.thorough)])
def placement(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def server(placement: str, imported_analysers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with default settings but for batches of images, of which the embedded model would make none."""
    folder = tmp_path_factory.mktemp(f"server-{placement}")
    settings = {
        "DAGUERRE_PLACEMENT": placement,
        "DAGUERRE_MAX_BATCH_IMAGES": "8",
        "DAGUERRE_ANALYSERS": ",".join([*ANALYSERS, *IMPORTED]),
        "DAGUERRE_FACE_RECOGNITION": "true",
        "DAGUERRE_FACE_ATTRIBUTES": "age,gender,expression",
        "BENTOML_HOME": str(folder / "bentoml"),
    }
    with harness.running(folder, settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def strict_server(placement: str, analysers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with small limits, for each placement."""
    folder = tmp_path_factory.mktemp(f"strict-server-{placement}")
    settings = {
        "DAGUERRE_PLACEMENT": placement,
        "BENTOML_HOME": str(folder / "bentoml"),
        **bad_input_table.SETTINGS,
    }
    with harness.running(folder, settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def server_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DAGUERRE_DATA of the guarded server."""
    return tmp_path_factory.mktemp("server-data")


@pytest.fixture(scope="session")
def guarded_server(home: Path, server_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for the API key open-sesame."""
    folder = tmp_path_factory.mktemp("guarded-server")
    settings = {
        "BENTOML_HOME": str(folder / "bentoml"),
        "DAGUERRE_API_KEYS": "open-sesame",
        "DAGUERRE_DATA": str(server_data),
    }
    with harness.running(folder, settings=settings) as running:
        yield running


@pytest.fixture(scope="session")
def analysers(home: Path) -> Path:
    """DAGUERRE_HOME with the folders of all built-in analysers, which are made once."""
    for name in ANALYSERS:
        locate(name, harness.EXPORTED.absolute())
    if not (harness.HOME / "analysers").exists():
        (harness.HOME / "analysers").symlink_to((harness.EXPORTED / "analysers").absolute(), target_is_directory=True)
    return home


@pytest.fixture(scope="session")
def imported_analysers(analysers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DAGUERRE_HOME with small analysers of folders too, which are imported once."""
    there = installed(harness.EXPORTED.absolute())
    for name, build in IMPORTED.items():
        if name not in there:
            from models.sources.writers import import_writer  # and torch, which most tests do without
            from tests.models import writing_models

            source = getattr(writing_models, build)(tmp_path_factory.mktemp(name))
            import_writer(source, harness.EXPORTED.absolute(), name=name)
    return analysers


@pytest.fixture(scope="session")
def analysing_server(server: Server) -> Server:
    """A server with all built-in analysers, and small imported ones."""
    return server


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def strict(strict_server: Server) -> Iterator[httpx.Client]:
    with strict_server.client() as client:
        yield client
