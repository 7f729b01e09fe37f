"""What a killed run leaves behind is read up to where it was killed, and the latest of two rows counts."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daguerre import Embeddings
from daguerre.storage.corpus_store import CorpusStore
from daguerre.storage.journal import Journal
from daguerre.storage.parquet import Row
from daguerre.types.common import Receipt

MADE = Receipt("m", "r", "f", "fp32", "CPU", "exact", False)


def add(store: Journal | CorpusStore, ids: Sequence[str], value: float, made: Receipt = MADE) -> None:
    vectors = np.full((len(ids), 4), value, np.float32)
    rows = [Row(id, "hash", 1, 2) for id in ids]
    if isinstance(store, Journal):
        store.add(rows, vectors, made)
        return
    for row in rows:
        if (place := store.known.place(row.id)) is not None:
            store.known.replace(place)
    store.add(rows, vectors, made, 4)


def opened(out: Path) -> Journal:
    """A journal, and the parts of a run, in one folder."""
    place = out.with_name(f"{out.name}.parts") / "_journal"
    place.mkdir(parents=True, exist_ok=True)
    return Journal(place.parent, place)


def run(out: Path, *rows: tuple[Sequence[str], float], made: Receipt = MADE, part_bytes: int = 10**6) -> int:
    """A run that adds rows and ends."""
    store = CorpusStore(out, part_bytes=part_bytes)
    with store.locked():
        store.open()
        for ids, value in rows:
            add(store, ids, value, made)
        return store.finish(4, made)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """The journal of a run that was killed after five answers of three rows, and its size after each."""
    journal = opened(tmp_path_factory.mktemp("killed") / "out.parquet")
    path = journal.place / "journal-000000.arrows"
    sizes = []
    for i in range(5):
        add(journal, [f"{i}-{j}" for j in range(3)], i)
        sizes.append(path.stat().st_size)
    data = path.read_bytes()
    journal.flush()
    return data, sizes


@given(share=st.floats(0, 1))
def test_a_journal_that_was_cut_off_gives_every_whole_answer(killed, tmp_path_factory, share):
    data, sizes = killed
    length = round(share * len(data))
    folder = tmp_path_factory.mktemp("cut")
    (opened(folder / "out.parquet").place / "journal-000000.arrows").write_bytes(data[:length])
    whole = sum(size <= length for size in sizes)
    store = CorpusStore(folder / "out.parquet")
    with store.locked():
        places = [store.open().place(f"{i}-{j}") for i in range(5) for j in range(3)]
        assert [place is not None for place in places] == [i < whole for i in range(5) for _ in range(3)]
        add(store, ["new"], 9)
        assert store.finish(4, MADE) == 3 * whole + 1
    assert Embeddings.read_parquet(store.out).ids == [*(f"{i}-{j}" for i in range(whole) for j in range(3)), "new"]
    shutil.rmtree(folder)


def test_a_journal_whose_part_is_there_is_not_counted_twice(tmp_path: Path, killed):
    for _ in range(2):  # killed between the part and the end of its journal
        journal = opened(tmp_path / "out.parquet")
        (journal.place / "journal-000000.arrows").write_bytes(killed[0])
        journal.recover()
    assert run(tmp_path / "out.parquet") == 15


def test_what_version_0_1_left_is_gone_on_with(tmp_path: Path, killed):
    folder = tmp_path / "out.parquet.parts"
    folder.mkdir()
    (folder / "journal-000000.arrows").write_bytes(killed[0])
    (folder / "lock").touch()
    assert run(tmp_path / "out.parquet", (["a"], 1)) == 16
    assert not folder.exists()


def test_the_latest_row_counts(tmp_path: Path):
    out = tmp_path / "out.parquet"
    assert run(out, (["a", "b"], 1), (["c"], 1), part_bytes=100) == 3
    assert not Path(f"{out}.parts").exists()
    assert run(out, (["b", "d"], 2)) == 4
    assert run(out, (["b"], 3), part_bytes=1) == 4
    made = Embeddings.read_parquet(out)
    assert made.ids == ["a", "c", "d", "b"]
    assert made.vectors[:, 0].tolist() == [1, 1, 2, 3]


def test_a_server_that_was_upgraded_in_between_is_in_the_receipt(tmp_path: Path):
    newer = Receipt("m", "r", "f", "fp32", "CPU", "exact", False, made_with={"onnxruntime": "2"})
    for name in ("out.parquet", "out/"):
        store = CorpusStore(f"{tmp_path}/{name}")
        with store.locked():
            store.open()
            add(store, ["a"], 1)
            add(store, ["b"], 1, newer)
            assert store.finish(4, newer) == 2
        made = Embeddings.read_parquet(store.out)
        assert (made.ids, made.receipt) == (["a", "b"], newer)


@pytest.mark.parametrize("without", [[], ["error_code", "error_message", "sha256"]])
def test_a_run_goes_on_with_a_file_that_pandas_wrote_again(tmp_path: Path, without):
    out = tmp_path / "out.parquet"
    vectors = np.ones((3, 4), np.float32)
    vectors[1] = np.nan
    store = CorpusStore(out)
    with store.locked():
        store.open()
        rows = [Row("a", "hash", 1, 2), Row("b", error_code="invalid_image"), Row("c", "hash", 1, 2)]
        store.add(rows, vectors, MADE, 4)
        assert store.finish(4, MADE) == 3
    pd.read_parquet(out).drop(columns=without).to_parquet(out)
    store = CorpusStore(out)
    with store.locked():
        assert [receipt.fingerprint for _, receipt in store.receipts()] == ["f"]
        known = store.open()
        failed = [id for id in "abc" if (row := known.get(id)) is not None and row.error_code is not None]
        assert failed == ["b"]
        add(store, ["b", "d"], 2)
        assert store.finish(4, MADE) == 4
    made = Embeddings.read_parquet(out)
    assert (made.ids, len(made.errors), made.receipt) == (["a", "c", "b", "d"], 0, MADE)
