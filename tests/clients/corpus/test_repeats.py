"""Equal bytes are sent once, whatever is under way, killed or small, and each id has the result of its own bytes."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from daguerre import Crop, DatasetFolder, Embeddings
from daguerre.corpus import run
from daguerre.storage import dataset
from tests.clients.by_bytes import ByBytes, embed, folder_of, vector


def contents(n: int, distinct: int) -> dict[str, bytes]:
    """Files whose bytes repeat; every tenth content is no image, every seventh holds several pictures."""
    order = np.random.default_rng(0).permutation(np.arange(n) % distinct)
    kinds = {i: b"bad" if i % 10 == 3 else b"many" if i % 7 == 1 else b"good" for i in range(distinct)}
    return {f"{i % 3}/{i:04d}.jpg": kinds[k] + b" %d" % k for i, k in enumerate(order.tolist())}


def check(out: Path, files: dict[str, bytes]) -> None:
    made = Embeddings.read_parquet(out)
    assert sorted(made.ids) == sorted(files)
    failed = {error.id: error.message for error in made.errors}
    assert failed == {id: "is bad" for id, data in files.items() if data.startswith(b"bad")}
    for i, id in enumerate(made.ids):
        assert np.isnan(made.vectors[i]).all() if id in failed else np.array_equal(made.vectors[i], vector(files[id]))
    assert {made.ids[i] for i in made.first_of_many} == {id for id, data in files.items() if data.startswith(b"many")}


@pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
@pytest.mark.parametrize("remembered", [1, 10_000])
@pytest.mark.parametrize("name", ["out.parquet", "out/"])
def test_half_of_the_images_repeat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, remembered: int):
    """With one result in memory, most come from the journal and the parts."""
    monkeypatch.setattr(run, "RECENT", remembered)
    files = contents(400, 200)
    source, out = folder_of(tmp_path / "photos", files), f"{tmp_path}/{name}"
    server = ByBytes(delay=0.001)
    options = {"chunk_items": 1, "in_flight": 2} if remembered == 1 else {"chunk_items": 16}
    monkeypatch.setitem(run.embed_corpus.__kwdefaults__, "part_bytes", 4000)
    done = embed(source, out, server, **options)
    assert max(Counter(server.sent).values()) == 1
    assert len(server.sent) == 200
    good = sum(not data.startswith(b"bad") for data in files.values())
    assert (done.rows, done.embedded, done.failed) == (400, good, 400 - good)
    assert (done.encoded, done.copied) == (180, good - 180)
    assert f"180 of them sent and {good - 180} equal to others" in str(done)
    check(Path(out), files)

    more = {
        "new/a.jpg": next(data for data in files.values() if data.startswith(b"good")),
        "new/b.jpg": b"fresh",
        "new/c.jpg": b"fresh",
        "new/bad.jpg": b"bad 3",
    }
    folder_of(source, more)
    server = ByBytes()
    done = embed(source, out, server, **options)
    assert server.sent == [b"fresh"]
    assert (done.reused, done.encoded, done.failed) == (400, 1, 1)
    check(Path(out), files | more)


def test_a_request_that_fails_is_taken_over_by_those_who_wait_for_it(tmp_path: Path):
    files = {f"{i}.jpg": b"same" for i in range(8)}
    source = folder_of(tmp_path / "photos", files)
    server = ByBytes(delay=0.02, broken=1)
    with pytest.raises(RuntimeError, match="broken off"):
        embed(source, tmp_path / "out.parquet", server, chunk_items=1, retry_for=0)
    done = embed(source, tmp_path / "out.parquet", server, chunk_items=1)
    assert (done.rows, max(Counter(server.sent).values())) == (8, 1)


def test_what_failed_is_tried_again_where_that_is_asked_for(tmp_path: Path):
    source = folder_of(tmp_path / "photos", {"a.jpg": b"bad", "b.jpg": b"bad", "c.jpg": b"good"})
    server = ByBytes()
    first = embed(source, tmp_path / "out.parquet", server)
    assert (server.sent, first.failed) == ([b"bad", b"good"], 2)
    folder_of(source, {"d.jpg": b"bad"})
    assert (embed(source, tmp_path / "out.parquet", server).failed, len(server.sent)) == (1, 2)
    again = embed(source, tmp_path / "out.parquet", server, retry_errors=True)
    assert (again.failed, again.rows, server.sent) == (3, 4, [b"bad", b"good", b"bad"])


def test_a_crop_is_another_content(tmp_path: Path):
    source = folder_of(tmp_path / "photos", {"a.jpg": b"same", "b.jpg": b"same"})
    server = ByBytes()
    crops = [Crop(0, 0, 1, 1), None]
    done = embed([source / "a.jpg", source / "b.jpg"], tmp_path / "out.parquet", server, crops=crops)
    assert (done.encoded, done.copied) == (2, 0)
    assert len(np.unique(Embeddings.read_parquet(tmp_path / "out.parquet").vectors, axis=0)) == 2
    done = embed([source / "a.jpg"] * 2, tmp_path / "out2.parquet", server, crops=[Crop(0, 0, 1, 1)] * 2)
    assert (done.rows, done.encoded) == (1, 1)


def test_no_row_of_vectors_is_null(tmp_path: Path):
    """Arrow below 26 cannot read a null row of a list of one size: failed rows hold NaN, in every file on the way."""
    files = {f"{i}.jpg": b"bad" if i == 3 else b"%d" % i for i in range(7)}
    source = folder_of(tmp_path / "photos", files)
    for name in ("out.parquet", "out/"):
        embed(source, f"{tmp_path}/{name}")
    for path in (tmp_path / "out.parquet", *dataset.part_files(tmp_path / "out")):
        column = pq.read_table(path)["vector"].combine_chunks()
        assert column.null_count == 0
        assert column.flatten().null_count == 0
        assert np.isnan(column.flatten().to_numpy().reshape(7, -1)).all(axis=1).tolist() == [i == 3 for i in range(7)]


def test_one_photo_more_is_one_small_part_more(tmp_path: Path):
    source = folder_of(tmp_path / "photos", {f"{i}.jpg": b"%d" % i for i in range(9)})
    out = tmp_path / "out"
    out.mkdir()
    embed(source, out)
    before = (out / "part-000000.parquet").stat()
    folder_of(source, {"new.jpg": b"new"})
    assert embed(source, out).encoded == 1
    assert (out / "part-000000.parquet").stat().st_ino == before.st_ino
    assert [len(pq.read_table(path)) for path in dataset.part_files(out)] == [9, 1]
    folder_of(source, {"0.jpg": b"changed"})
    assert embed(source, out).rows == 10
    assert [len(pq.read_table(path)) for path in dataset.part_files(out)] == [8, 1, 1]
    assert DatasetFolder(out).rows == 10
