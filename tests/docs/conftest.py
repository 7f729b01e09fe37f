"""A server for the documentation."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import stamps
from models.analysers.table import ANALYSERS
from tests.e2e import harness
from tests.e2e.harness import Server
from tests.label_stub import Stub, write_labellers

NAMES = [name for name, spec in ANALYSERS.items() if spec.kind != "face_vectors"]  # which are off
FOLDERS = ("animals/birds", "animals/mammals", "vehicles", "household")


@pytest.fixture(scope="package")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stamps of some folders, with the texts and sounds that are beside them."""
    try:
        root = stamps.fetch()
    except SystemExit as exc:
        pytest.skip(f"the stamps cannot be fetched: {exc}")
    folder = tmp_path_factory.mktemp("study") / "stamps"
    for name in FOLDERS:
        shutil.copytree(root / name, folder / name)
    return folder


@pytest.fixture(scope="package")
def documented(imported_analysers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with nothing stored, a small network for captions beside all analysers, and a stub as its labellers."""
    folder = tmp_path_factory.mktemp("documented")
    stub = Stub()
    write_labellers(folder, {"qwen": stub.labeller(), "gemma": stub.labeller(model="gemma")})
    (folder / "home").mkdir()
    (folder / "home" / "models").symlink_to((imported_analysers / "models").resolve(), target_is_directory=True)
    (folder / "home" / "analysers").symlink_to((imported_analysers / "analysers").resolve(), target_is_directory=True)
    settings = {
        "DAGUERRE_HOME": str(folder / "home"),
        "DAGUERRE_ANALYSERS": ",".join([*NAMES, "small-captions"]),
        "DAGUERRE_LABELLERS": str(folder / "labellers.toml"),
        "DAGUERRE_FACE_ATTRIBUTES": "age,gender,expression",
        "BENTOML_HOME": str(folder / "bentoml"),
    }
    with harness.running(folder, settings=settings) as running:
        yield running
    stub.close()
