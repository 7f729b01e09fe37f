"""The engine tells callers whether it is ready, and no more than that."""

import asyncio

import pytest

from models.errors import ModelUnavailable
from service.errors import Unavailable
from service.inference.engine import Engine
from service.inference.placement import Inline
from service.settings import Settings


def test_a_failed_start_tells_callers_nothing_of_the_server(tmp_path):
    settings = Settings(home=tmp_path, models=(str(tmp_path / "no-such-model"),))
    engine = Engine(settings, Inline(settings))
    with pytest.raises(Unavailable, match="being loaded") as loading:
        engine.model(None)
    with pytest.raises(ModelUnavailable, match="no-such-model"):
        asyncio.run(engine.start())
    with pytest.raises(Unavailable, match="the server's log says why") as failed:
        engine.model(None)
    engine.close()
    assert str(tmp_path) not in str(failed.value)
    assert (loading.value.retry_after, failed.value.retry_after) == (5, None)
