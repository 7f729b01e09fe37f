"""A server of the default placement for the SDK's tests, and real photos on disk."""

import shutil
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daguerre import Client, DaguerreWarning, Embeddings
from tests.e2e import harness
from tests.e2e.harness import FILES, Server

KINDS = ("chelsea", "coffee", "rocket")


@pytest.fixture(scope="session")
def inline(analysers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sdk-server")
    settings = {"BENTOML_HOME": str(folder / "bentoml"), "DAGUERRE_ANALYSERS": ""}
    with harness.running(folder, settings=settings) as running:
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
    """A folder of seven JPEGs of 320 pixels, one of them in a subfolder."""
    folder = tmp_path_factory.mktemp("photos")
    for name in FILES:
        (folder / f"{name}.jpg").write_bytes(harness.jpeg(name, width=320))
    (folder / "more").mkdir()
    (folder / "retina.jpg").rename(folder / "more" / "Ünïcode, näme.JPG")
    return folder


@pytest.fixture
def mixed(photos: Path, tmp_path: Path) -> Path:
    """The same photos beside things that are no image, or hidden."""
    folder = tmp_path / "mixed"
    shutil.copytree(photos, folder)
    (folder / "notes.txt").write_text("not an image")
    (folder / ".hidden.jpg").write_bytes(b"no")
    return folder


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten slightly different photos of each of three kinds, a copy, a smaller one, and a file that is no image."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    for kind in KINDS:
        pixels = np.asarray(Image.open(BytesIO(harness.jpeg(kind, width=200))).convert("RGB")).astype(int)
        for i in range(10):
            x, y = rng.integers(0, 25, 2)
            changed = (pixels + rng.integers(-6 * i, 6 * i + 1, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(changed[y : y + 90, x : x + 150]).save(folder / f"{kind}{i}.jpg")
    (folder / "rocket_copy.jpg").write_bytes((folder / "rocket0.jpg").read_bytes())
    Image.open(folder / "coffee0.jpg").resize((75, 45)).save(folder / "coffee_small.png")
    (folder / "broken.jpg").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="session")
def embedded(inline: Server, corpus: Path) -> Embeddings:
    with Client(inline.url) as client, pytest.warns(DaguerreWarning):
        return client.embed(images=corpus)


def kinds(ids: Iterable[str]) -> Iterator[str]:
    """What is on the photos of `corpus`."""
    return (next(kind for kind in KINDS if kind in Path(id).name) for id in ids)
