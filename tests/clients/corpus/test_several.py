"""A corpus over several real servers: one may die, and none may have another model."""

import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

from daguerre import Client, errors
from tests.clients.conftest import address
from tests.e2e import harness
from tests.e2e.harness import Server


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_both_transports_share_the_items(inline: Server, photos: Path, scheme: str):
    """Two names of one server."""
    one = address(inline, scheme)
    with Client([one, one.replace("127.0.0.1", "localhost")], chunk_items=1) as client:
        found = client.embed(images=photos)
        jobs = client.jobs()
    assert len(found.servers) == 2
    assert sum(found.servers.values()) == len(found) == 7
    assert isinstance(jobs, list)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
def test_one_of_two_servers_is_killed_in_the_middle(inline: Server, photos: Path, tmp_path: Path):
    folder, out = tmp_path / "corpus", tmp_path / "out.parquet"
    folder.mkdir()
    files = [path.read_bytes() for path in sorted(photos.glob("*.jpg"))]
    for i in range(600):  # bytes after a JPEG's end change nothing but its hash
        (folder / f"{i:03d}.jpg").write_bytes(files[i % len(files)] + i.to_bytes(4, "big"))
    second = harness.launch(tmp_path, settings={"BENTOML_HOME": str(tmp_path / "bentoml")}).wait_ready()

    def kill() -> None:
        while sum(client.asynchronous.transport.served.values()) < 128:
            time.sleep(0.01)
        for process in second.processes():
            process.kill()

    with Client([inline.url, second.url], chunk_items=16) as client:
        killer = threading.Thread(target=kill)
        killer.start()
        done = client.embed_corpus(folder, out)
        killer.join()
    psutil.wait_procs(second.processes(), timeout=10)
    second.process.wait(10)
    table = pq.read_table(out).to_pydict()
    assert len(table["id"]) == 600
    assert set(Counter(table["id"]).values()) == {1}
    assert len(set(table["fingerprint"])) == 1
    assert not any(table["error_code"])
    assert np.isfinite(np.array(table["vector"])).all()
    assert sum(done.servers.values()) == 600
    assert 0 < done.servers[second.url] < done.servers[inline.url]

    # it comes back with another way of decoding: its fingerprints differ
    settings = {"BENTOML_HOME": str(tmp_path / "bentoml"), "DAGUERRE_DECODE": "scaled"}
    with harness.running(tmp_path, settings=settings, port=second.port), Client([inline.url, second.url]) as client:
        with pytest.raises(errors.FingerprintMismatchError, match=second.url) as caught:
            client.embed(images=photos)
        assert inline.url in str(caught.value)
        assert client.embed(images=photos, decode="exact").servers  # the same ones for both
