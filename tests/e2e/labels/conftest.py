"""A server whose labellers are a stub endpoint."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from daguerre import Client
from tests.e2e import harness
from tests.e2e.harness import Server
from tests.e2e.labels.common import settings
from tests.label_stub import KEY, Stub, by_hash


@pytest.fixture(scope="package")
def endpoint() -> Iterator[Stub]:
    stub = Stub()
    yield stub
    stub.close()


@pytest.fixture(autouse=True)
def stub(endpoint: Stub) -> Stub:
    """The endpoint, which answers by its rule and was asked nothing yet."""
    endpoint.answer = by_hash
    endpoint.asked.clear()
    endpoint.answered.clear()
    return endpoint


@pytest.fixture(scope="package")
def labelling(home: Path, endpoint: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("labelling")
    with harness.running(folder, settings=settings(folder, endpoint)) as server:
        yield server
        assert KEY not in server.said()


@pytest.fixture
def http(labelling: Server) -> Iterator[httpx.Client]:
    with labelling.client() as client:
        yield client


@pytest.fixture(params=["http", "grpc"])
def client(request: pytest.FixtureRequest, labelling: Server) -> Iterator[Client]:
    address = labelling.url if request.param == "http" else f"grpc://{labelling.grpc_target}"
    with Client(address, progress=False, chunk_items=4) as client:
        yield client
