"""A server for the documentation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import harness
from tests.e2e.harness import Server


@pytest.fixture(scope="package")
def documented(analysers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with default settings and nothing stored."""
    folder = tmp_path_factory.mktemp("documented")
    (folder / "home").mkdir()
    (folder / "home" / "models").symlink_to((analysers / "models").resolve(), target_is_directory=True)
    (folder / "home" / "analysers").symlink_to((analysers / "analysers").resolve(), target_is_directory=True)
    settings = {
        "DAGUERRE_HOME": str(folder / "home"),
        "DAGUERRE_ANALYSERS": "",
        "BENTOML_HOME": str(folder / "bentoml"),
    }
    with harness.running(folder, settings=settings) as running:
        yield running
