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
from daguerre.storage.journal import Journal
from daguerre.storage.parquet import Row
from daguerre.types.common import Receipt

MADE = Receipt("m", "r", "f", "fp32", "CPU", "exact", False)


def add(journal: Journal, ids: Sequence[str], value: float, made: Receipt = MADE) -> None:
    vectors = np.full((len(ids), 4), value, np.float32)
    journal.add([Row(id, "hash", 1, 2) for id in ids], vectors, made)


def opened(out: Path, part_rows: int = 1000) -> Journal:
    journal = Journal(out, part_rows=part_rows)
    journal.folder.mkdir(exist_ok=True)
    return journal


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[int]]:
    """The journal of a run that was killed after five answers of three rows, and its size after each."""
    journal = opened(tmp_path_factory.mktemp("killed") / "out.parquet")
    path = journal.folder / "journal-000000.arrows"
    sizes = []
    for i in range(5):
        add(journal, [f"{i}-{j}" for j in range(3)], i)
        sizes.append(path.stat().st_size)
    data = path.read_bytes()
    journal.close()
    return data, sizes


@given(share=st.floats(0, 1))
def test_a_journal_that_was_cut_off_gives_every_whole_answer(killed, tmp_path_factory, share):
    data, sizes = killed
    length = round(share * len(data))
    folder = tmp_path_factory.mktemp("cut")
    journal = opened(folder / "out.parquet")
    (journal.folder / "journal-000000.arrows").write_bytes(data[:length])
    journal.recover()
    whole = sum(size <= length for size in sizes)
    assert list(journal.known()) == [f"{i}-{j}" for i in range(whole) for j in range(3)]
    add(journal, ["new"], 9)
    assert journal.finish(4, MADE) == 3 * whole + 1
    shutil.rmtree(folder)


def test_a_journal_whose_part_is_there_is_not_counted_twice(tmp_path: Path, killed):
    journal = opened(tmp_path / "out.parquet")
    for _ in range(2):  # killed between the part and the end of its journal
        (journal.folder / "journal-000000.arrows").write_bytes(killed[0])
        journal.recover()
    assert journal.finish(4, MADE) == 15


def test_the_latest_row_counts(tmp_path: Path):
    out = tmp_path / "out.parquet"
    journal = opened(out, part_rows=2)
    add(journal, ["a", "b"], 1)
    add(journal, ["c"], 1)
    assert journal.finish(4, MADE) == 3
    assert not journal.folder.exists()
    journal = opened(out, part_rows=2)
    add(journal, ["b", "d"], 2)
    add(journal, ["b"], 3)
    assert journal.finish(4, MADE) == 4
    made = Embeddings.read_parquet(out)
    assert made.ids == ["a", "c", "d", "b"]
    assert made.vectors[:, 0].tolist() == [1, 1, 2, 3]


def test_a_server_that_was_upgraded_in_between_is_in_the_receipt(tmp_path: Path):
    journal = opened(tmp_path / "out.parquet")
    add(journal, ["a"], 1)
    newer = Receipt("m", "r", "f", "fp32", "CPU", "exact", False, made_with={"onnxruntime": "2"})
    add(journal, ["b"], 1, newer)
    assert journal.finish(4, newer) == 2
    made = Embeddings.read_parquet(tmp_path / "out.parquet")
    assert (made.ids, made.receipt) == (["a", "b"], newer)


@pytest.mark.parametrize("without", [[], ["error_code", "error_message", "sha256"]])
def test_a_run_goes_on_with_a_file_that_pandas_wrote_again(tmp_path: Path, without):
    out = tmp_path / "out.parquet"
    journal = opened(out)
    vectors = np.ones((3, 4), np.float32)
    vectors[1] = np.nan
    journal.add([Row("a", "hash", 1, 2), Row("b", error_code="invalid_image"), Row("c", "hash", 1, 2)], vectors, MADE)
    assert journal.finish(4, MADE) == 3
    pd.read_parquet(out).drop(columns=without).to_parquet(out)
    journal = opened(out)
    assert [receipt.fingerprint for _, receipt in journal.receipts()] == ["f"]
    known = journal.known()
    assert [id for id, each in known.items() if each.error_code is not None] == ["b"]
    add(journal, ["b", "d"], 2)
    assert journal.finish(4, MADE) == 4
    made = Embeddings.read_parquet(out)
    assert (made.ids, len(made.errors), made.receipt) == (["a", "c", "b", "d"], 0, MADE)
