"""Folders of vectors: each id once for every reader, whatever was killed, and no part written without a need."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daguerre import DatasetFolder, Embeddings, errors
from daguerre.storage import settling
from daguerre.storage.corpus_store import CorpusStore
from daguerre.storage.parquet import Row
from daguerre.storage.settling import write_folder
from daguerre.storage.tables import read_table
from daguerre.types.common import Receipt

MADE = Receipt("m", "r", "f", "fp32", "CPU", "exact", False)
OTHER = Receipt("n", "r", "g", "fp32", "CPU", "exact", False)


def add(store: CorpusStore, rows: dict[str, float], made: Receipt = MADE, d: int = 2) -> None:
    """Append rows to a store that is open; a negative value is an item that failed."""
    for id in rows:
        if (place := store.known.place(id)) is not None:
            store.known.replace(place)
    vectors = np.array([[value] * d for value in rows.values()], np.float32).reshape(-1, d)
    store.add([Row(id, error_code="bad" if value < 0 else None) for id, value in rows.items()], vectors, made, d)


def run(out: Path | str, *batches: dict[str, float], ends: bool = True, **options) -> None:
    """A run, which is killed before its end where it does not end."""
    store = CorpusStore(out, **options)
    with store.locked():
        store.open()
        for rows in batches:
            add(store, rows)
        if ends:
            store.finish(2, MADE)
        elif store._journal._sink is not None:
            store._journal._sink.close()


def values(table: pa.Table) -> dict[str, float]:
    assert len(set(table["id"].to_pylist())) == len(table)
    return {
        id: -1.0 if code else v[0]
        for id, v, code in zip(*(table[c].to_pylist() for c in ("id", "vector", "error_code")), strict=True)
    }


ROWS = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from([-1.0, 1.0, 2.0, 3.0]), min_size=1, max_size=3)
RUNS = st.lists(st.tuples(st.lists(ROWS, max_size=3), st.booleans(), st.sampled_from([1, 10**6])), max_size=4)


@settings(deadline=None, max_examples=40)
@given(runs=RUNS, last=ROWS)
def test_each_id_is_there_once_with_its_latest_row(tmp_path_factory, runs, last):
    folder = tmp_path_factory.mktemp("runs")
    expected: dict[str, float] = {}
    for batches, ends, part_bytes in [*runs, ([last], True, 10**6)]:
        once = []
        for rows in batches:  # a run embeds each id once
            once.append({id: value for id, value in rows.items() if not any(id in before for before in once)})
        once = [rows for rows in once if rows]
        for rows in once:
            expected |= rows
        for out in (f"{folder}/out/", folder / "out.parquet"):
            run(out, *once, ends=ends, part_bytes=part_bytes)
    opened = DatasetFolder(folder / "out")
    assert opened.is_settled
    assert opened.rows == len(expected)
    for table in (opened.table(), pq.read_table(folder / "out"), pq.read_table(folder / "out.parquet")):
        assert values(table) == expected
        assert table["vector"].null_count == 0
    assert sorted(opened.ids()) == sorted(expected)
    shutil.rmtree(folder)


def test_a_folder_whose_run_was_killed_gives_each_id_once(tmp_path: Path):
    out = f"{tmp_path}/out/"
    run(out, {"a": 1, "b": 1})
    run(out, {"b": 2, "c": 2}, ends=False, part_bytes=1)
    opened = DatasetFolder(out)
    assert not opened.is_settled
    assert (opened.rows, values(opened.table())) == (3, {"a": 1, "b": 2, "c": 2})
    assert len(pq.read_table(out)) == 4
    run(out, {"d": 1})
    assert DatasetFolder(out).is_settled
    assert values(pq.read_table(out)) == {"a": 1, "b": 2, "c": 2, "d": 1}


def test_other_programs_read_the_folder_as_it_is(tmp_path: Path):
    out = tmp_path / "out"
    run(f"{out}/", {str(i): i for i in range(9)}, {"x": -1}, part_bytes=1)
    assert len(list(out.glob("part-*.parquet"))) == 2
    (out / ".part-000009.parquet.1.tmp").write_bytes(b"half")
    (out / "_journal" / "journal-000009.arrows").write_bytes(b"half")
    assert len(pd.read_parquet(out)) == 10
    assert pyarrow.dataset.dataset(out).count_rows() == 10
    assert json.loads((out / "_receipt.json").read_text())["dimension"] == 2
    made = Embeddings.read_parquet(out)
    assert (len(made), len(made.errors), made.receipt) == (10, 1, MADE)
    assert read_table(str(out)).column("id") == made.ids
    blocks = list(DatasetFolder(out).blocks(4))
    assert [vectors.shape for _, vectors in blocks] == [(4, 2), (4, 2), (2, 2)]
    assert [id for ids, _ in blocks for id in ids.to_pylist()] == made.ids
    assert np.array_equal(np.concatenate([each for _, each in blocks]), made.vectors, equal_nan=True)


def test_one_row_more_is_one_part_more(tmp_path: Path):
    out = tmp_path / "out"
    run(f"{out}/", {str(i): i for i in range(50)}, {"a": 1}, part_bytes=1)
    before = {path: path.stat().st_ino for path in out.glob("part-*")}
    run(out, {"new": 5})
    run(out)
    now = {path: path.stat().st_ino for path in out.glob("part-*")}
    assert len(now) == 3
    assert before.items() < now.items()
    run(out, {"a": 2})  # the part with it has no other row
    assert {path.name for path in out.glob("part-*")} == {f"part-{i:06d}.parquet" for i in (0, 2, 3)}
    assert len(values(pq.read_table(out))) == 52


def test_many_small_parts_become_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(settling, "MOST_SMALL", 4)
    for i in range(5):
        run(f"{tmp_path}/out/", {str(i): i, "a": i})
        assert len(list((tmp_path / "out").glob("part-*"))) == (1 if i == 4 else i + 1)
    assert values(pq.read_table(tmp_path / "out")) == {"a": 4, **{str(i): i for i in range(5)}}


def test_parts_of_two_models_or_lengths_are_refused(tmp_path: Path):
    for name, made, d in (("one", MADE, 2), ("two", OTHER, 2), ("three", MADE, 3)):
        store = CorpusStore(f"{tmp_path}/{name}/")
        with store.locked():
            store.open()
            add(store, {name: 1}, made, d)
            store.finish(d, made)
    for other in ("two", "three"):
        shutil.copy(tmp_path / other / "part-000000.parquet", tmp_path / "one" / "part-000001.parquet")
        with pytest.raises(errors.FingerprintMismatchError, match=r"part-000001.*part-000000.*must not be mixed: move"):
            DatasetFolder(tmp_path / "one")
    (tmp_path / "one" / "part-000000.parquet").unlink()
    shutil.copy(tmp_path / "two" / "part-000000.parquet", tmp_path / "one" / "part-000001.parquet")
    with pytest.raises(errors.FingerprintMismatchError, match=r"part-000001.*_receipt\.json"):
        DatasetFolder(tmp_path / "one")


def test_folders_of_something_else(tmp_path: Path):
    with pytest.raises(FileNotFoundError):
        DatasetFolder(tmp_path / "nowhere")
    with pytest.raises(errors.DaguerreError, match="has no vectors"):
        DatasetFolder(tmp_path)
    (tmp_path / "photo.jpg").write_bytes(b"x")
    with pytest.raises(errors.DaguerreError, match=r"other files, as 'photo\.jpg'"):
        CorpusStore(tmp_path)
    run(tmp_path / "out.parquet", {"a": 1})
    with pytest.raises(ValueError, match=r"is a file, and the name is that of a folder; .* daguerre to-folder"):
        CorpusStore(f"{tmp_path}/out.parquet/")


def test_a_large_new_corpus_becomes_a_folder_and_a_file_stays_one(tmp_path: Path):
    out = tmp_path / "out.parquet"
    run(out, {str(i): i for i in range(9)}, file_rows=10)
    run(out, {str(i): i for i in range(9, 20)}, file_rows=10)
    assert out.is_file()
    large = tmp_path / "large.parquet"
    run(large, {str(i): i for i in range(20)}, file_rows=10)
    assert values(pq.read_table(large)) == values(pq.read_table(out))
    assert sorted(path.name for path in large.iterdir() if path.name != "_journal") == [
        "_receipt.json",
        "part-000000.parquet",
    ]
    assert not Path(f"{large}.parts").exists()
    run(large, {"new": 1}, file_rows=10)
    assert len(list(large.glob("part-*"))) == 2

    made = write_folder(out, tmp_path / "converted")
    assert (made.rows, values(made.table())) == (20, values(pq.read_table(out)))
    with pytest.raises(FileExistsError, match="exists already"):
        write_folder(out, tmp_path / "converted")
    run(tmp_path / "converted", {"new": 1})
    assert DatasetFolder(tmp_path / "converted").rows == 21
