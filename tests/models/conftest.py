"""The embedded model's folder, exported once into a home that the end-to-end tests use as well."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from models.catalog.folder import ModelFolder, open_or_export

settings.register_profile("seeded", derandomize=True)  # the same examples every time
settings.load_profile("seeded")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def embedded_home() -> Path:
    return Path(os.environ.get("DAGUERRE_TEST_HOME") or ROOT / ".cache" / "test-home").absolute()


@pytest.fixture(scope="session")
def embedded_folder(embedded_home: Path) -> ModelFolder:
    embedded_home.mkdir(parents=True, exist_ok=True)
    return open_or_export("embedded", embedded_home)
