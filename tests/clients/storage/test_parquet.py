"""Vectors as Parquet: to the bit, whole or not at all, and nobody else's files."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from daguerre import Embeddings, Errors, errors
from daguerre.errors import DaguerreError
from daguerre.results.embeddings import read_embeddings
from daguerre.storage import parquet
from daguerre.storage.tables import read_table
from daguerre.types.common import Receipt

MADE = Receipt("m", "r", "f", "fp32", "CPU", "exact", False, made_with={"onnx": "1"})


def embeddings(n: int, *, failed: tuple[int, ...] = (), ids: list[str] | None = None) -> Embeddings:
    vectors = np.random.default_rng(1).standard_normal((n, 3)).astype(np.float32)
    vectors[list(failed)] = np.nan
    ids = ids or [f"{i}" for i in range(n)]
    found = Errors([errors.ItemError(i, ids[i], "invalid_image", "broken") for i in failed])
    return Embeddings(ids=ids, errors=found, receipt=MADE, truncated=[], vectors=vectors)


@pytest.mark.parametrize(("n", "failed"), [(20_000, (7, 4095, 19_999)), (2, (0, 1)), (1, ()), (0, ())])
def test_vectors_come_back_to_the_bit(tmp_path: Path, n: int, failed: tuple[int, ...]):
    made = embeddings(n, failed=failed)
    made.to_parquet(tmp_path / "a.parquet")
    back = Embeddings.read_parquet(tmp_path / "a.parquet")
    assert back.vectors.dtype == np.float32
    assert np.array_equal(back.vectors, made.vectors, equal_nan=True)
    assert (back.ids, back.errors, back.receipt) == (made.ids, made.errors, made.receipt)
    found, wanted = pq.read_schema(tmp_path / "a.parquet"), parquet.schema(3, MADE)
    assert (found.names, found.metadata) == (wanted.names, wanted.metadata)
    assert found.field("vector").type.list_size == 3
    kept = pq.read_table(tmp_path / "a.parquet")["vector"]
    assert kept.null_count == 0  # pyarrow 14 to 25 cannot read null rows of lists of one size
    assert np.isnan(kept.combine_chunks().flatten().to_numpy()).sum() == 3 * len(failed)


def test_a_name_that_is_no_unicode_is_written_with_its_bytes(tmp_path: Path):
    embeddings(1, ids=["caf\udce9.jpg"]).to_parquet(tmp_path / "a.parquet")
    assert Embeddings.read_parquet(tmp_path / "a.parquet").ids == [r"caf\udce9.jpg"]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path):
    path = tmp_path / "a.parquet"
    embeddings(2).to_parquet(path)
    before = path.read_bytes()

    def batches():
        yield parquet.batch([parquet.Row("x")], np.zeros((1, 3), np.float32), MADE)
        raise RuntimeError("broken off")

    with pytest.raises(RuntimeError, match="broken off"):
        parquet.save(batches(), parquet.schema(3, MADE), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_with_two_fingerprints_is_not_read(tmp_path: Path):
    embeddings(2).to_parquet(tmp_path / "a.parquet")
    mixed = pq.read_table(tmp_path / "a.parquet")
    mixed = mixed.set_column(mixed.schema.names.index("fingerprint"), "fingerprint", pa.array(["one", "two"]))
    pq.write_table(mixed, tmp_path / "b.parquet")
    with pytest.raises(errors.FingerprintMismatchError, match="one, two"):
        Embeddings.read_parquet(tmp_path / "b.parquet")


def test_a_file_of_somebody_else_is_not_read(tmp_path: Path):
    pq.write_table(pa.table({"photo": [1], "vector": [2]}), tmp_path / "a.parquet")
    with pytest.raises(errors.DaguerreError, match="was not written by daguerre: it has columns photo, vector"):
        Embeddings.read_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.parquet").write_bytes(b"no table")
    with pytest.raises(errors.DaguerreError, match="is no Parquet file"):
        Embeddings.read_parquet(tmp_path / "b.parquet")
    with pytest.raises(FileNotFoundError):
        Embeddings.read_parquet(tmp_path / "c.parquet")


def pandas_with_nan(table):
    return table.assign(size=table["size"].astype("float64"), error_code=table["error_code"].where(lambda x: x.notna()))


@pytest.mark.parametrize(
    "changed",
    [
        pd.DataFrame.copy,
        pandas_with_nan,
        lambda table: table.astype({"model": "category", "fingerprint": "category"}),
        lambda table: table.set_index("id"),
        lambda table: table.assign(vector=table["vector"].map(lambda row: row.astype("float64"))),
        lambda table: table.assign(vector=table["vector"].where(table["error_code"].isna(), None)),
        lambda table: table.assign(vector=table["vector"].map(list)),
        lambda table: table.drop(columns=["error_code", "error_message", "sha256", "size", "mtime_ns"]),
    ],
)
def test_a_file_that_pandas_wrote_again_is_read(tmp_path: Path, changed):
    made = embeddings(50, failed=(3, 49))
    made.to_parquet(tmp_path / "a.parquet")
    changed(pd.read_parquet(tmp_path / "a.parquet")).to_parquet(tmp_path / "b.parquet")
    back = Embeddings.read_parquet(tmp_path / "b.parquet")
    assert np.array_equal(back.vectors, made.vectors, equal_nan=True)
    assert (back.ids, back.model, back.fingerprint) == (made.ids, "m", "f")
    assert [error.index for error in back.errors] == [3, 49]
    back.to_parquet(tmp_path / "c.parquet")
    assert Embeddings.read_parquet(tmp_path / "c.parquet").ids == made.ids


def test_rows_that_were_null_in_earlier_files_are_read(tmp_path: Path):
    made = embeddings(9, failed=(0, 8))
    made.to_parquet(tmp_path / "a.parquet")
    table = pq.read_table(tmp_path / "a.parquet")
    mask = pa.array(~made.ok)
    flat = pa.array(np.nan_to_num(made.vectors).reshape(-1))
    vectors = pa.FixedSizeListArray.from_arrays(flat, 3, mask=mask)
    pq.write_table(table.set_column(table.schema.names.index("vector"), "vector", vectors), tmp_path / "b.parquet")
    back = Embeddings.read_parquet(tmp_path / "b.parquet")
    assert np.array_equal(back.vectors, made.vectors, equal_nan=True)
    assert back.errors == made.errors


def test_vectors_of_two_lengths_are_not_read(tmp_path: Path):
    embeddings(2).to_parquet(tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    table["vector"] = [[1.0, 2.0], [1.0, 2.0, 3.0]]
    table.to_parquet(tmp_path / "b.parquet")
    with pytest.raises(errors.DaguerreError, match="vectors of 2 and 3 numbers"):
        Embeddings.read_parquet(tmp_path / "b.parquet")
    table.assign(vector="x").to_parquet(tmp_path / "c.parquet")
    with pytest.raises(errors.DaguerreError, match="column vector is of"):
        Embeddings.read_parquet(tmp_path / "c.parquet")


@pytest.mark.slow
def test_the_oldest_pyarrow_that_is_promised_reads_failed_rows(tmp_path: Path):
    """Files of the newest pyarrow with the oldest, and the other way round."""
    oldest = ["pyarrow==14.0.1", "numpy<2"]
    install = [sys.executable, "-m", "pip", "install", "-q", "--target", str(tmp_path / "old"), *oldest]
    subprocess.run(install, check=True, timeout=600)
    made = embeddings(3000, failed=(7, 2999))
    made.to_parquet(tmp_path / "new.parquet")
    program = """
import sys
from daguerre import Embeddings
import pyarrow
assert pyarrow.__version__.startswith("14."), pyarrow.__version__
made = Embeddings.read_parquet(sys.argv[1])
assert [error.index for error in made.errors] == [7, 2999], made
made.to_parquet(sys.argv[2])
assert Embeddings.read_parquet(sys.argv[2]).ids == made.ids
"""
    arguments = [str(tmp_path / name) for name in ("new.parquet", "old.parquet")]
    path = os.pathsep.join([str(tmp_path / "old"), *filter(None, sys.path)])
    subprocess.run([sys.executable, "-c", program, *arguments], check=True, env={**os.environ, "PYTHONPATH": path})
    back = Embeddings.read_parquet(tmp_path / "old.parquet")
    assert np.array_equal(back.vectors, made.vectors, equal_nan=True)
    assert back.errors == made.errors


def vectors_file(path, ids, modality=None):
    frame = {"id": ids, "vector": [[1.0, 0.0]] * len(ids), "model": "m", "revision": "r", "fingerprint": "f"}
    frame["modality"] = modality or "image"
    pd.DataFrame(frame).to_parquet(path)


@pytest.mark.parametrize(
    ("ids", "modality", "message"),
    [
        (["a", None, "b"], None, r"1 of 3 rows have no id, the first is row 2; give each one"),
        (["a", "", "b"], None, r"1 of 3 rows have no id"),
        (["a", "b", "a"], None, r"the id 'a' is in 2 rows; give each row an id of its own"),
        (["a", "b", "c"], ["image", "text", "image"], r"vectors of image, text, which must not be mixed; keep"),
    ],
)
def test_rows_of_vectors_that_cannot_be_told_apart_are_refused(tmp_path, ids, modality, message):
    path = tmp_path / "x.parquet"
    vectors_file(path, ids, modality)
    with pytest.raises(DaguerreError, match=message) as caught:
        read_embeddings(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("cut", [3, 40, 400])
def test_a_damaged_parquet_file_is_named(tmp_path, cut):
    path = tmp_path / "x.parquet"
    vectors_file(path, ["a", "b"])
    data = path.read_bytes()
    path.write_bytes(b"PAR1" + data[4:-cut])
    for read in (read_embeddings, lambda each: read_table(str(each))):
        with pytest.raises((DaguerreError, ValueError), match=r"x\.parquet") as caught:
            read(path)
        assert ";" in str(caught.value)
