"""Settings come from the environment; tests of the service start from an empty one."""

import os

import pytest


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("DAGUERRE_"):
            monkeypatch.delenv(name)
