"""The output folder: whole parts, each row once, one fingerprint, one run at a time."""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.fs
import pytest

from daguerre import errors
from daguerre.ray.actors import packed, read_item, unpacked
from daguerre.ray.cluster import require_room
from daguerre.ray.folder import OutputFolder
from daguerre.ray.manifest import Manifest
from daguerre.ray.run import Where, planned
from daguerre.storage.parquet import Row, batch
from tests.clients.pretended import RECEIPT

FACTS = {**vars(RECEIPT), "made_with": {}, "operation": "embed_corpus", "options": {}, "dimension": 3}


def table(
    ids: str, *, failed: str = "", code: str = "unsupported_image", size: int = 1, value: float = 1.0
) -> pa.Table:
    rows = [Row(id, None, size, 5, *((code, "is bad") if id in failed else (None, None))) for id in ids]
    return pa.Table.from_batches([batch(rows, np.full((len(ids), 3), value, np.float32), RECEIPT, "image")])


def stored(path: Path) -> dict[str, float]:
    found = pa.dataset.dataset(path, exclude_invalid_files=False).to_table()
    assert len(set(found["id"].to_pylist())) == found.num_rows
    return dict(zip(found["id"].to_pylist(), [v[0] for v in found["vector"].to_pylist()], strict=True))


def manifest(ids: str, size: int | None = None) -> Manifest:
    paths = pa.array([f"s3://b/{id}".encode() for id in ids])
    status = {"size": pa.array([size] * len(ids), pa.int64()), "mtime_ns": pa.nulls(len(ids), pa.int64())}
    return Manifest(pa.table({"id": list(ids), "path": paths, **status}), None)


@pytest.mark.parametrize("local", [True, False])
def test_rows_are_there_once_and_a_task_that_is_repeated_replaces_its_part(tmp_path: Path, local: bool):
    store = None if local else pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem())
    folder = OutputFolder(str(tmp_path / "out") if local else "out", filesystem=store)
    folder.make()
    folder.require_same(FACTS)
    claim = folder.claim({"base": "/data/"})
    folder.write_part(claim, {"": table("abc", failed="b")})
    folder.write_part(claim, {"": table("abc", failed="b")})  # the same rows again
    folder.write_part(claim, {"": table("de", failed="e", code="unreadable_file")})
    assert len(folder.parts()) == 2
    plan = planned(manifest("abcdef"), folder.known(), Where())
    assert plan.todo["id"].to_pylist() == ["e", "f"]  # a file that could not be read is tried again
    assert (plan.reused, plan.failed_before, plan.gone) == (4, 1, 0)
    assert planned(manifest("bef"), folder.known(), Where(retry_errors=True)).todo["id"].to_pylist() == ["b", "e", "f"]
    assert planned(manifest("a"), folder.known(), Where()).gone == 4
    assert planned(manifest("ad", size=2), folder.known(), Where()).todo["id"].to_pylist() == ["a", "d"]
    folder.end(complete=True)
    again = folder.claim({"base": "/data/"})
    assert not (tmp_path / "out" / "_SUCCESS").exists()
    folder.write_part(again, {"": table("ebf", value=2.0)})
    assert folder.settle() == (6, 2)
    folder.end(complete=True)
    assert stored(tmp_path / "out") == {"a": 1, "b": 2, "c": 1, "d": 1, "e": 2, "f": 2}
    assert planned(manifest("abcdef"), folder.known(), Where(retry_errors=True)).todo.num_rows == 0
    names = {path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith("part-")}
    assert names == {"_SUCCESS", "_receipt.json", "_run.json"}
    assert folder.base() == "/data/"


def test_a_folder_of_other_vectors_or_files_is_not_changed(tmp_path: Path):
    folder = OutputFolder(tmp_path / "out")
    folder.make()
    folder.require_same(FACTS)
    before = (tmp_path / "out" / "_receipt.json").read_bytes()
    for changed in ({"fingerprint": "other"}, {"operation": "zero_shot"}, {"options": {"labels": ["a"]}}):
        with pytest.raises(errors.FingerprintMismatchError, match="must not be mixed"):
            folder.require_same({**FACTS, **changed})
    assert (tmp_path / "out" / "_receipt.json").read_bytes() == before
    short = {name: value for name, value in FACTS.items() if name not in ("operation", "options")}
    (tmp_path / "out" / "_receipt.json").write_text(json.dumps(short))
    folder.require_same(FACTS)  # of a run of the SDK, which says no more
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "thesis.docx").write_bytes(b"")
    with pytest.raises(errors.DaguerreError, match=r"has files, of which the first is 'thesis.docx'"):
        OutputFolder(tmp_path / "others").make()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(NotADirectoryError, match="is a file"):
        OutputFolder(tmp_path / "file")
    with pytest.raises(ValueError, match="named like a file"):
        OutputFolder(tmp_path / "out.parquet")


def test_a_run_that_was_replaced_writes_no_more(tmp_path: Path):
    folder = OutputFolder(tmp_path / "out")
    folder.make()
    folder.require_same(FACTS)
    first = folder.claim({})
    second = folder.claim({})  # after the driver was killed, say
    folder.write_part(second, {"": table("a")})
    with pytest.raises(errors.DaguerreError, match="another run"):
        folder.write_part(first, {"": table("a")})
    run = json.loads((tmp_path / "out" / "_run.json").read_text())
    (tmp_path / "out" / "_run.json").write_text(json.dumps({**run, "pid": os.getppid()}))
    with pytest.raises(errors.DaguerreError, match="is being written by process"):
        folder.claim({})


def test_tables_of_two_kinds_keep_together(tmp_path: Path):
    folder = OutputFolder(tmp_path / "out", kinds=("findings", "pictures"))
    folder.make()
    folder.require_same(FACTS)
    claim = folder.claim({})

    def rows(ids: str, **more: object) -> dict[str, pa.Table]:
        pictures = {"id": list(ids), "size": [1] * len(ids), "mtime_ns": [1] * len(ids)}
        pictures |= {"error_code": pa.nulls(len(ids), pa.string()), **{k: [v] * len(ids) for k, v in more.items()}}
        return {"findings": pa.table({"id": [i for i in ids for _ in range(2)]}), "pictures": pa.table(pictures)}

    folder.write_part(claim, rows("ab"))
    name = folder.write_part(claim, rows("c", brightness=0.5))
    (tmp_path / "out" / "findings" / "part-000001-orphan-x.parquet").write_bytes(b"of a task that was killed")
    (tmp_path / "out" / "pictures" / f".{name}.1.tmp").write_bytes(b"half")
    claim = folder.claim({})
    folder.write_part(claim, rows("b"))
    assert folder.settle() == (3, 1)
    pictures = pa.dataset.dataset(tmp_path / "out" / "pictures").to_table().sort_by("id").to_pydict()
    assert (pictures["id"], pictures["brightness"]) == (["a", "b", "c"], [None, None, 0.5])
    findings = pa.dataset.dataset(tmp_path / "out" / "findings").to_table()["id"].to_pylist()
    assert sorted(findings) == list("aabbcc")
    assert not list((tmp_path / "out").rglob("*.tmp"))


def test_streams_keep_types_and_metadata():
    one, other = table("a"), pa.table({"id": ["b"], "more": [1]})
    assert unpacked([packed(one)]).equals(one)
    assert unpacked([packed(one)]).schema.metadata == one.schema.metadata
    assert unpacked([packed(other), packed(one)]).to_pydict()["more"] == [1, None]


def test_files_are_read_or_say_why_not(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    store = pyarrow.fs.SubTreeFileSystem(str(tmp_path), pyarrow.fs.LocalFileSystem())
    one, other = read_item("x", str(tmp_path / "a")), read_item("x", "a", store)
    assert one == other
    assert (one.size, one.sha256) == (3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    os.mkfifo(tmp_path / "pipe")
    for path in ("nowhere", "pipe", "", "https://a.org/b.jpg"):
        found = read_item("x", path if "://" in path else str(tmp_path / path))
        assert (found.error_code, found.data) == ("unreadable_file", None), path
    assert read_item("x", "nowhere", store).error_code == "unreadable_file"


def test_a_run_that_would_wait_for_ever_is_refused():
    two = [{"CPU": 2.0}]
    require_room(two, 15, 0.1, 0)
    require_room(two, 1, 1.5, 0)
    with pytest.raises(ValueError, match=r"2 of 1 CPUs, and 0.5 CPUs for writing, are 2.5 CPUs, and the cluster has 2"):
        require_room(two, 2, 1, 0)
    with pytest.raises(ValueError, match="at most 1 fit: ask for fewer actors"):
        require_room(two, 2, 1, 0)
    with pytest.raises(ValueError, match=r"2 of 0.1 CPUs and 1 GPUs do not fit .* at most 1 fit"):
        require_room([{"CPU": 8.0, "GPU": 1.0}], 2, 0.1, 1)
    with pytest.raises(ValueError, match="do not fit on the 4 nodes"):  # each has one place of 3 CPUs, not 5/3
        require_room([{"CPU": 5.0}] * 4, 5, 3, 0)
    with pytest.raises(ValueError, match="none fits"):
        require_room([{"CPU": 0.0}], 1, 0.1, 0)
    for options in ({"actors": 0}, {"cpus": -1.0}, {"part_rows": 0}, {"servers": []}):
        with pytest.raises(ValueError, match=next(iter(options))):
            Where.of(options)
    with pytest.raises(TypeError, match="server: is no argument of a run over a cluster; there are servers, ray"):
        Where.of({"server": "start"})
