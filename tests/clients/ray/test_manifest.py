"""Manifests: folders and tables of paths become ids and paths, as those of the SDK; faults are named."""

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.fs
import pyarrow.parquet as pq
import pytest

from daguerre.corpus.plan import CorpusFiles
from daguerre.ray.manifest import read_manifest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("a.jpg", "b/c.PNG", "b/d e.jpg", "b/Ü.jpg", ".hidden.jpg", "notes.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"\xff\xd8\xff" if name != "notes.txt" else b"text")
    return folder


def images(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.suffix.lower() in (".jpg", ".png") and p.name[0] != ".")


def pairs(table: pa.Table) -> dict[str, str]:
    return {id: os.fsdecode(path) for id, path in zip(*(table[n].to_pylist() for n in ("id", "path")), strict=True)}


def test_folders_and_tables_have_the_ids_of_the_sdk(folder: Path, tmp_path: Path):
    expected = {file.id: os.path.abspath(file.path) for file in CorpusFiles(folder)}
    listed = read_manifest(folder)
    assert pairs(listed.table) == expected
    assert "notes.txt" in listed.left_out
    paths = [str(path) for path in images(folder)]
    assert {file.id for file in CorpusFiles(paths)} == set(expected)  # one more way to give them to the SDK
    pq.write_table(pa.table({"path": paths, "year": [1900] * len(paths)}), tmp_path / "a.parquet")
    relative = pd.DataFrame({"file": [os.path.relpath(path, tmp_path) for path in paths]})
    relative.to_csv(tmp_path / "b.csv", index=False)
    relative.rename(columns={"file": "path"}).to_csv(tmp_path / "c.tsv", index=False, sep="\t")
    for source, options in (
        (tmp_path / "a.parquet", {}),
        (tmp_path / "b.csv", {"path_column": "file"}),
        (tmp_path / "c.tsv", {}),
        (paths, {}),
        (pd.DataFrame({"path": paths}), {}),
        (f"file://{tmp_path}/a.parquet", {}),
    ):
        assert pairs(read_manifest(source, **options).table) == expected, source
    named = read_manifest({"x": paths[0], "y": paths[1]})
    assert pairs(named.table) == {"x": paths[0], "y": paths[1]}
    assert named.base is None


def test_a_folder_of_another_file_system_is_listed_with_sizes_and_times(folder: Path):
    store = pyarrow.fs.SubTreeFileSystem(str(folder.parent), pyarrow.fs.LocalFileSystem())
    found = read_manifest("photos", filesystem=store).table.to_pydict()
    assert dict(zip(found["id"], found["path"], strict=True)) == {
        path.relative_to(folder).as_posix(): path.relative_to(folder.parent).as_posix().encode()
        for path in images(folder)
    }
    assert found["size"] == [3] * 4
    assert None not in found["mtime_ns"]


def test_ids_keep_the_folder_of_the_first_run(folder: Path):
    first = read_manifest([folder / "b" / "c.PNG", folder / "b" / "d e.jpg"])
    assert first.table["id"].to_pylist() == ["c.PNG", "d e.jpg"]
    grown = read_manifest([folder / "b" / "c.PNG", folder / "b" / "d e.jpg", folder / "a.jpg"], base=first.base)
    assert grown.table["id"].to_pylist() == ["c.PNG", "d e.jpg", str(folder / "a.jpg")]


def test_a_path_that_is_there_twice_counts_once(folder: Path):
    path = str(folder / "a.jpg")
    found = read_manifest([path, str(folder / "b" / "c.PNG"), path])
    assert (found.table.num_rows, found.repeated) == (2, 1)


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ({"file": ["a.jpg"]}, {}, "has no column 'path'; name one of file"),
        ({"path": ["a.jpg"]}, {"id_column": "key"}, "id_column: .* has no column 'key'; name one of path"),
        ({"path": ["a.jpg", None], "year": [1, 2]}, {}, "1 of 2 rows have no path, the first is row 2"),
        ({"path": ["a.jpg"], "id": [""]}, {}, "1 of 1 rows have no id"),
        ({"path": ["a.jpg", "b.jpg"], "id": ["x", "x"]}, {}, "the id 'x' is that of .*a.jpg' and of .*b.jpg'"),
        ({"path": pa.array([], pa.string())}, {}, "has no rows"),
        ({"path": ["https://a.org/b.jpg"], "id": ["x"]}, {}, None),  # which is an error of its row
    ],
)
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_faults_of_a_table_are_named(tmp_path: Path, table: dict, options: dict, message: str | None, ending: str):
    source = tmp_path / f"list.{ending}"
    write = pq.write_table if ending == "parquet" else pyarrow.csv.write_csv
    write(pa.table(table), source)
    if message is None:
        assert read_manifest(source).table.num_rows == 1
        return
    with pytest.raises(ValueError, match=message):
        read_manifest(source, **options)


def test_sources_that_are_none_are_refused(tmp_path: Path, folder: Path):
    with pytest.raises(FileNotFoundError, match=r"there is no .*nowhere"):
        read_manifest(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="is no folder, and no table of paths"):
        read_manifest(folder / "a.jpg")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="no image is in"):
        read_manifest(tmp_path / "empty")
    (tmp_path / "odd.parquet").write_bytes(b"no parquet")
    with pytest.raises(ValueError, match="cannot be read as a table"):
        read_manifest(tmp_path / "odd.parquet")
    with pytest.raises(TypeError, match="got int"):
        read_manifest(3)
    with pytest.raises(TypeError, match="got a int for a path"):
        read_manifest([3])
    with pytest.raises(ValueError, match="in no store that pyarrow reads"):
        read_manifest("ftp://a.org/photos/")
