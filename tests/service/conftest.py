"""Settings come from the environment; tests of the service start from an empty one."""

import os

import pytest
from hypothesis import settings

settings.register_profile("seeded", derandomize=True)  # the same examples every time
settings.load_profile("seeded")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("DAGUERRE_"):
            monkeypatch.delenv(name)
