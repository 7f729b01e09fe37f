"""Vectors as Parquet: to the bit, whole or not at all, and nobody else's files."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from daguerre import Embeddings, Errors, errors
from daguerre.storage import parquet
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
    assert pq.read_table(tmp_path / "a.parquet")["vector"].null_count == len(failed)


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
