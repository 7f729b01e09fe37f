"""Corpora of the package for R: killed at each point on the way, and continued by R and by Python."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from daguerre import Client, Embeddings
from tests.clients.corpus.test_run import DIE
from tests.clients.r.common import MARKS, environment, run
from tests.e2e import harness
from tests.e2e.harness import Server, metrics

pytestmark = [*MARKS, pytest.mark.thorough]
IMAGES = 'daguerre_items_total{modality="image",operation="embeddings"}'
EMBED = """
    space <- asNamespace("daguerre")
    set <- function(name, value) {
      unlockBinding(name, space)
      assign(name, value, space)
    }
    set("CHUNK", 4L)
    set("PART_ROWS", 8L)
    when <- as.numeric(Sys.getenv("WHEN", "0"))
    count <- 0
    original <- space$replace_file
    set("replace_file", function(from, to) { # by which every file appears
      count <<- count + 1
      if (count == -when) tools::pskill(Sys.getpid(), 9)
      original(from, to)
      if (count == when) tools::pskill(Sys.getpid(), 9)
    })
    daguerre::dg_connect(workers = as.numeric(Sys.getenv("WORKERS", "1")))
    print(daguerre::dg_embed_corpus("corpus", Sys.getenv("OUT")))
"""
N = 24


def small(folder: Path, n: int) -> Path:
    """Distinct images, of which the fifth is broken."""
    pictures = [harness.jpeg(name, width=96) for name in harness.FILES]
    for i in range(n):
        path = folder / f"part {i % 3}" / f"{i:03d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8 broken" if i == 4 else pictures[i % len(pictures)] + i.to_bytes(4, "big"))
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("r-corpus")
    small(folder / "corpus", N)
    return folder


def embed(library: Path, server: Server, place: Path, out: Path | str, **variables: str) -> str:
    """The output of a run in R."""
    told = {"DAGUERRE_URL": server.url, "OUT": str(out), **variables}
    return run(["Rscript", "-e", EMBED], library, place, told)


def killed(library: Path, server: Server, place: Path, out: Path | str, when: int) -> None:
    told = {"DAGUERRE_URL": server.url, "OUT": str(out), "WHEN": str(when)}
    done = subprocess.run(["Rscript", "-e", EMBED], cwd=place, env=environment(library, told), capture_output=True)
    assert done.returncode == -9, done.stderr


def sent(server: Server) -> float:
    with server.client() as client:
        return metrics(client).get(IMAGES, 0.0)


@pytest.fixture(scope="module")
def whole(library: Path, server: Server, place: Path) -> tuple[bytes, float]:
    """The file of a run that nobody has killed, and the number of images that it has sent."""
    before = sent(server)
    said = embed(library, server, place, "whole.parquet")
    assert f"{N - 1} embedded, 0 reused, 1 failed" in said
    assert "whole.parquet: 8 of 24 files" in said
    assert "whole.parquet: 24 of 24 files, 1 failed" in said
    return (place / "whole.parquet").read_bytes(), sent(server) - before


@pytest.mark.parametrize(
    ("when", "again"),
    [(-1, 4), (1, 0), (-3, 0), (3, 0), (5, 0), (-8, 4), (-10, 0), (10, 0)],
    ids=[
        "before the first answer is kept",
        "after the first answer is kept",
        "before a part appears",
        "after a part, before its answers go",
        "after some answers",
        "before a later answer is kept",
        "before the file appears",
        "after the file appeared, before its parts go",
    ],
)
def test_killed_anywhere_it_goes_on_and_the_file_is_the_same(
    library: Path, server: Server, place: Path, whole: tuple[bytes, float], when: int, again: int
) -> None:
    out = place / f"killed{when}.parquet"
    before = sent(server)
    killed(library, server, place, out.name, when)
    said = embed(library, server, place, out.name)
    assert out.read_bytes() == whole[0]
    assert sent(server) - before == whole[1] + again
    assert not out.with_name(out.name + ".parts").exists()
    if when != 10:
        assert ", 0 reused" not in said or when == -1


def test_killed_from_outside_again_and_again(library: Path, server: Server, tmp_path: Path) -> None:
    rng = random.Random(0)
    small(tmp_path / "corpus", 160)
    told = environment(library, {"DAGUERRE_URL": server.url, "OUT": "out.parquet", "WORKERS": "4"})
    kills = 0
    before = sent(server)
    for _ in range(4):
        process = subprocess.Popen(["Rscript", "-e", EMBED], cwd=tmp_path, env=told, stderr=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(1.0, 3.0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    time.sleep(0.5)  # what was in flight is over
    embed(library, server, tmp_path, "out.parquet", WORKERS="4")
    images = sent(server) - before
    embed(library, server, tmp_path, "whole.parquet", WORKERS="4")
    assert (tmp_path / "out.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert images <= 160 + kills * 4 * 4  # what was in flight, at most
    assert [path.name for path in tmp_path.glob("*.parts")] == []


def test_python_continues_what_r_has_begun(
    library: Path, server: Server, place: Path, whole: tuple[bytes, float]
) -> None:
    out = place / "python.parquet"
    killed(library, server, place, out.name, 7)
    with Client(server.url, chunk_items=4) as client:
        done = client.embed_corpus(place / "corpus", out)
        assert (done.reused, done.embedded + done.failed) == (16, 8)
        assert_equal(out, place / "whole.parquet")
        assert f"0 embedded, {N} reused" in embed(library, server, place, out.name)
        assert client.embed_corpus(place / "corpus", out).encoded == 0
        assert client.embed_corpus(place / "corpus", place / "whole.parquet").encoded == 0
    assert (place / "whole.parquet").read_bytes() == whole[0]


def test_r_continues_what_python_has_begun(
    library: Path, server: Server, place: Path, whole: tuple[bytes, float]
) -> None:
    out = place / "r.parquet"
    point = "after a part, before its journal goes"
    command = [sys.executable, "-c", DIE, point, server.url, str(place / "corpus"), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == -9, done.stderr
    reused = sum(pq.read_metadata(path).num_rows for path in place.glob("r.parquet.parts/part-*.parquet"))
    assert reused >= 8
    said = embed(library, server, place, out.name)
    assert f"{reused} reused" in said
    assert "the last answers of a killed run of the Python client were left out" in said
    assert_equal(out, place / "whole.parquet")
    assert not (place / "r.parquet.parts").exists()
    with Client(server.url) as client:
        assert client.embed_corpus(place / "corpus", out).encoded == 0


def test_two_runs_of_one_file_are_one_too_many(library: Path, server: Server, place: Path) -> None:
    killed(library, server, place, "two.parquet", 1)
    lock = place / "two.parquet.parts" / "_journal" / "r.lock"
    host = lock.read_text().splitlines()[1]
    lock.write_text(f"{os.getpid()}\n{host}\n")  # a process that is alive
    with pytest.raises(AssertionError, match=r"is writing .two\.parquet."):
        embed(library, server, place, "two.parquet")


def assert_equal(a: Path, b: Path) -> None:
    """The same rows, to the bit, in whatever order."""
    one, two = (pq.read_table(path).sort_by("id") for path in (a, b))
    for name in ("id", "sha256", "size", "error_code", "fingerprint", "modality", "remark"):
        assert one[name].equals(two[name]), name
    mine, theirs = Embeddings.read_parquet(a), Embeddings.read_parquet(b)
    np.testing.assert_array_equal(mine.vectors[np.argsort(mine.ids)], theirs.vectors[np.argsort(theirs.ids)])
