"""The cache of vectors of a real server: the same bits, counted, and no request the worse for it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daguerre import Client
from tests.e2e import harness
from tests.e2e.harness import Server, metrics

pytestmark = pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
HITS, MISSES = (f'daguerre_vector_cache_total{{result="{result}"}}' for result in ("hit", "miss"))


@pytest.fixture(scope="module")
def server(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("cache")
    settings = {"BENTOML_HOME": str(folder / "bentoml"), "DAGUERRE_API_KEYS": "ann,bob"}
    settings |= {"DAGUERRE_VECTOR_CACHE": "64 MiB", "DAGUERRE_MAX_BATCH_IMAGES": "8"}
    with harness.running(folder, settings=settings) as running:
        yield running


def counted(server: Server) -> tuple[float, float]:
    with server.client(headers={"authorization": "Bearer ann"}) as client:
        found = metrics(client)
    return found.get(HITS, 0.0), found.get(MISSES, 0.0)


def test_a_hit_has_the_same_bits_counts_and_is_the_callers_own(server: Server):
    images = [harness.jpeg(name, width=200) for name in harness.FILES] + [b"no image"]
    n = len(images)
    with Client(server.url, api_key="ann", progress=False) as ann:
        first, hits = ann.embed(images=images), counted(server)
        again = ann.embed(images=images)
        assert (first.cached, again.cached) == (0, n)
        assert first.vectors.tobytes() == again.vectors.tobytes()
        assert first.errors == again.errors
        assert len(again.errors) == 1
        assert counted(server) == (hits[0] + n, hits[1])
        scores = ann.zero_shot(images=images, labels=["a cat", "a rocket"])
        assert scores.cached == n
        assert ann.embed(images=images, crops=[(0, 0, 50, 50)] * n).cached == 0
        assert ann.embed(images=images, decode="scaled").cached == 0
    with Client(f"grpc://{server.grpc_target}", api_key="ann", progress=False) as ann:
        assert ann.embed(images=images).cached == n
    with Client(server.url, api_key="bob", progress=False) as bob:
        other = bob.embed(images=images)
        assert other.cached == 0
        assert np.array_equal(other.vectors, first.vectors, equal_nan=True)


def test_texts_are_not_looked_up_and_a_damaged_file_is_passed_by(server: Server):
    before = counted(server)
    with Client(server.url, api_key="ann", progress=False) as ann:
        ann.embed(texts=["a", "b"])
        assert counted(server) == before
        file = next((server.log.parent / "home" / "vectors").glob("*.sqlite3"))
        with file.open("r+b") as damaged:
            damaged.write(b"x" * 200_000)
        images = [harness.jpeg("rocket", width=210)]
        for _ in range(3):
            assert len(ann.embed(images=images).errors) == 0
