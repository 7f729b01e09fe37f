"""Sixteen processes, some of them killed, write the folder that one would have written."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from daguerre import DatasetFolder, errors
from daguerre.storage import locks
from daguerre.storage.corpus_store import CorpusStore
from daguerre.storage.shards import Shard
from tests.clients.by_bytes import ByBytes, embed, folder_of
from tests.layers import ROOT

SHARD = """
import os, sys
from daguerre.corpus import run
from tests.clients.by_bytes import ByBytes, embed
source, out, shard, killed = sys.argv[1:]
run.embed_corpus.__kwdefaults__["part_bytes"] = 1500
add = run.CorpusStore.add
left = int(killed)
def counted(self, rows, *rest):
    global left
    first = add(self, rows, *rest)
    left -= len(rows)
    if left <= 0 and int(killed):
        os.kill(os.getpid(), 9)
    return first
run.CorpusStore.add = counted
embed(source, out, ByBytes(delay=0.002), shard=shard, chunk_items=3, in_flight=2)
"""
N = 16


def start(source: Path, out: Path, shard: int, killed: int = 0) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", SHARD, str(source), str(out), f"{shard}/{N}", str(killed)]
    return subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    )


def rows(out: Path) -> dict[str, tuple[object, ...]]:
    table = pq.read_table(out).drop_columns(["mtime_ns"]).to_pylist()
    found = {row["id"]: (row["sha256"], row["error_code"], np.float32(row["vector"]).tobytes()) for row in table}
    assert len(found) == len(table)
    return found


def test_shards_some_of_them_killed_make_the_rows_of_one_run(tmp_path: Path):
    source = folder_of(
        tmp_path / "photos",
        {f"{i % 5}/{i:03d}.jpg": b"bad" if i % 31 == 0 else b"%d" % (i // 2) for i in range(240)},
    )
    embed(source, f"{tmp_path}/whole/")
    out = tmp_path / "out"
    killed = [start(source, out, shard, after) for shard, after in ((0, 4), (5, 7), (15, 10))]
    for process in killed:
        assert process.wait(300) == -signal.SIGKILL
    assert not DatasetFolder(out).is_settled
    with ThreadPoolExecutor(4) as side_by_side:
        done = list(side_by_side.map(lambda shard: embed(source, out, shard=f"{shard}/{N}", chunk_items=3), range(N)))
    assert sum(each.reused for each in done) >= 4 + 7 + 10 - 3 * 2
    assert rows(out) == rows(tmp_path / "whole")
    opened = DatasetFolder(out)
    assert opened.is_settled
    assert opened.rows == 240
    server = ByBytes()
    done = embed(source, out, server)  # a run over the whole goes on with it
    assert (done.reused, done.rows, server.sent) == (240, 240, [])
    assert embed(source, out, server, shard=(1, 3)).embedded == 0


def test_a_shard_replaces_its_rows_in_parts_of_all(tmp_path: Path):
    source = folder_of(tmp_path / "photos", {f"{i}.jpg": b"%d" % i for i in range(20)})
    out = tmp_path / "out"
    embed(source, out, shard="0/1")
    folder_of(source, {f"{i}.jpg": b"changed %d" % i for i in range(20)})
    for i in range(3):
        embed(source, out, shard=(i, 3))
    embed(source, f"{tmp_path}/whole/")
    assert rows(out) == rows(tmp_path / "whole")


def test_what_may_write_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(locks, "LOOK", 0.2)
    out = tmp_path / "out"
    with CorpusStore(out, shard=Shard(1, 4)).locked():
        with CorpusStore(out, shard=Shard(2, 4)).locked():
            pass
        for shard, named in ((Shard(1, 4), "shard 1/4 of .*out is"), (Shard(0, 3), "shard 01of04"), (None, "01of04")):
            with (
                pytest.raises(errors.DaguerreError, match=f"{named}.*wait for it|being written.*{named}"),
                CorpusStore(f"{out}/", shard=shard).locked(),
            ):
                pass
    with (
        CorpusStore(f"{out}/").locked(),
        pytest.raises(errors.DaguerreError, match="a run over all of it"),
        CorpusStore(out, shard=Shard(1, 4)).locked(),
    ):
        pass


def test_a_shard_needs_a_folder_and_ids(tmp_path: Path):
    source = folder_of(tmp_path / "photos", {"a.jpg": b"a"})
    with pytest.raises(ValueError, match="ids of an iterator's items are known at its end"):
        embed(iter([source / "a.jpg"]), tmp_path / "out", shard=(0, 2))
    embed(source, tmp_path / "out.parquet")
    with pytest.raises(ValueError, match="is a file, and a shard writes into a folder"):
        embed(source, tmp_path / "out.parquet", shard=(0, 2))
