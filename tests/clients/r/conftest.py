"""The package for R, installed once."""

from pathlib import Path

import pytest

from tests.clients.r.common import install


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library of R with the package."""
    return install(tmp_path_factory.mktemp("r-library"))
