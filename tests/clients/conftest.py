"""A server of the default placement for the SDK's tests, and real photos on disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daguerre import Client
from tests.e2e import harness
from tests.e2e.harness import FILES, Server


@pytest.fixture(scope="session")
def inline(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sdk-server")
    with harness.running(folder, settings={"BENTOML_HOME": str(folder / "bentoml")}) as running:
        yield running


@pytest.fixture(scope="session")
def narrow(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes bodies of 200 kB, and images of that size."""
    folder = tmp_path_factory.mktemp("narrow-server")
    settings = {"BENTOML_HOME": str(folder / "bentoml"), "DAGUERRE_MAX_BODY_BYTES": "200000"}
    with harness.running(folder, settings=settings) as running:
        yield running


@pytest.fixture(params=["http", "grpc"])
def client(request: pytest.FixtureRequest, inline: Server) -> Iterator[Client]:
    with Client(address(inline, request.param), chunk_items=3) as client:
        yield client


def address(server: Server, scheme: str) -> str:
    return server.url if scheme == "http" else f"grpc://{server.grpc_target}"


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of seven JPEGs of 320 pixels, one of them in a subfolder, and things that are no image."""
    folder = tmp_path_factory.mktemp("photos")
    for name in FILES:
        (folder / f"{name}.jpg").write_bytes(harness.jpeg(name, width=320))
    (folder / "more").mkdir()
    (folder / "retina.jpg").rename(folder / "more" / "Ünïcode, näme.JPG")
    (folder / "notes.txt").write_text("not an image")
    (folder / ".hidden.jpg").write_bytes(b"no")
    return folder
