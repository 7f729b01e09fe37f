"""Files of vectors that other programs have written again: pandas, polars and pyarrow, by columns alone."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from daguerre import Embeddings, Errors, errors
from daguerre.results.embeddings import read_embeddings, write_npz
from daguerre.storage import parquet
from daguerre.types.common import Receipt

MADE = Receipt("m", "r", "f", "fp32", "CPU", "exact", False, made_with={"onnx": "1"})
FAILED = (3, 49)


def embeddings(n: int = 50, *, modality: str | None = "text") -> Embeddings:
    vectors = np.random.default_rng(1).standard_normal((n, 3)).astype(np.float32)
    vectors[list(FAILED)] = np.nan
    ids = [f"{i}.png" for i in range(n)]
    found = Errors([errors.ItemError(i, ids[i], "invalid_image", "broken") for i in FAILED])
    return Embeddings(
        ids=ids, errors=found, receipt=MADE, truncated=[5], unknown=[5, 7], vectors=vectors, modality=modality
    )


def vectors_as(table: pa.Table, kind: pa.DataType) -> pa.Table:
    flat = pa.array(table["vector"].to_pylist(), kind)
    return table.set_column(table.schema.get_field_index("vector"), "vector", flat)


def texts_as(table: pa.Table, kind: pa.DataType) -> pa.Table:
    fields = [pa.field(f.name, kind if f.type == pa.string() else f.type) for f in table.schema]
    return table.cast(pa.schema(fields))


def polars(table: pa.Table) -> pa.Table:
    """As polars writes it: large lists and texts, no metadata of ours."""
    return texts_as(vectors_as(table.replace_schema_metadata(None), pa.large_list(pa.float32())), pa.large_string())


def of_pandas(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[pa.Table], pa.Table]:
    return lambda table: pa.Table.from_pandas(change(table.replace_schema_metadata(None).to_pandas()))


WRITTEN: dict[str, Callable[[pa.Table], pa.Table]] = {
    "pandas": of_pandas(lambda t: t),
    "pandas, lists of float64": of_pandas(lambda t: t.assign(vector=t["vector"].map(lambda v: v.astype(float)))),
    "pandas, lists": of_pandas(lambda t: t.assign(vector=t["vector"].map(list))),
    "pandas, float16": of_pandas(lambda t: t.assign(vector=t["vector"].map(lambda v: v.astype(np.float16)))),
    "pandas, other order of columns": of_pandas(lambda t: t[sorted(t.columns)]),
    "pandas, ids as the index": of_pandas(lambda t: t.set_index("id")),
    "pandas, an index column": of_pandas(lambda t: t.sample(frac=1, random_state=0).sort_index()[::1]),
    "pandas, categories": of_pandas(lambda t: t.astype({"fingerprint": "category", "modality": "category"})),
    "pandas, a column more": of_pandas(lambda t: t.assign(year=1999)),
    "polars": polars,
    "polars, arrays": lambda t: texts_as(t.replace_schema_metadata(None), pa.large_string()),
    "polars, dictionaries": lambda t: polars(t).cast(
        pa.schema(
            [
                pa.field(f.name, pa.dictionary(pa.uint32(), pa.large_string()) if f.name == "model" else f.type)
                for f in polars(t).schema
            ]
        )
    ),
    "views": lambda t: texts_as(t.replace_schema_metadata(None), pa.string_view()),
    "needed columns alone": lambda t: t.replace_schema_metadata(None).select(
        ["vector", "id", "model", "revision", "fingerprint", "modality"]
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_that_was_written_again_is_read(tmp_path: Path, name: str):
    made = embeddings()
    made.to_parquet(tmp_path / "a.parquet")
    pq.write_table(WRITTEN[name](pq.read_table(tmp_path / "a.parquet")), tmp_path / "b.parquet")
    back = Embeddings.read_parquet(tmp_path / "b.parquet")
    np.testing.assert_allclose(back.vectors, made.vectors, atol=2e-3 if "float16" in name else 0)
    assert (back.ids, back.modality) == (made.ids, "text")
    assert (back.model, back.receipt.revision, back.fingerprint) == ("m", "r", "f")
    assert [error.index for error in back.errors] == list(FAILED)
    if "alone" not in name:
        assert (back.errors, back.truncated, back.unknown) == (made.errors, [5], [5, 7])


def test_a_filtered_subset_is_read(tmp_path: Path):
    made = embeddings()
    made.to_parquet(tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    table[table["error_code"].isna()].iloc[10:20].to_parquet(tmp_path / "b.parquet")  # with its index as a column
    back = Embeddings.read_parquet(tmp_path / "b.parquet")
    assert (back.ids, len(back.errors)) == ([f"{i}.png" for i in range(11, 21)], 0)
    np.testing.assert_array_equal(back.vectors, made.vectors[11:21])


def test_columns_hold_where_the_metadata_is_of_other_rows(tmp_path: Path):
    """Tables of two models that were joined keep the metadata of the first, also where its rows are gone."""
    ours = embeddings()
    others = replace(ours, receipt=replace(MADE, model="n", fingerprint="g"))
    ours.to_parquet(tmp_path / "a.parquet")
    others.to_parquet(tmp_path / "b.parquet")
    both = pa.concat_tables([pq.read_table(tmp_path / f"{name}.parquet") for name in "ab"])
    pq.write_table(both, tmp_path / "c.parquet")
    with pytest.raises(errors.FingerprintMismatchError, match="2 fingerprints, f, g"):
        Embeddings.read_parquet(tmp_path / "c.parquet")
    pq.write_table(both.slice(50), tmp_path / "d.parquet")
    assert Embeddings.read_parquet(tmp_path / "d.parquet").model == "n"


def test_the_metadata_holds_where_columns_are_gone(tmp_path: Path):
    made = embeddings()
    made.to_parquet(tmp_path / "a.parquet")
    pq.write_table(pq.read_table(tmp_path / "a.parquet").select(["id", "vector"]), tmp_path / "b.parquet")
    back = Embeddings.read_parquet(tmp_path / "b.parquet")
    assert (back.receipt, back.modality) == (MADE, None)


def test_a_file_of_version_0_1_is_of_images_if_they_were_files(tmp_path: Path):
    rows = [parquet.Row("a.png", "00", 1, 2), parquet.Row("b.png", "01", 1, 2)]
    table = pa.Table.from_batches([parquet.batch(rows, np.eye(2, dtype=np.float32), MADE)])
    pq.write_table(table.drop_columns(["modality", "remark"]), tmp_path / "a.parquet")
    assert Embeddings.read_parquet(tmp_path / "a.parquet").modality == "image"
    old = table.drop_columns(["modality", "remark"])
    pq.write_table(old.set_column(1, "sha256", pa.nulls(2, pa.string())), tmp_path / "b.parquet")
    assert Embeddings.read_parquet(tmp_path / "b.parquet").modality is None


@pytest.mark.parametrize("modality", ["image", "text", None])
def test_both_kinds_of_file_keep_everything(tmp_path: Path, modality: Any):
    made = embeddings(modality=modality)
    made.to_parquet(tmp_path / "a.parquet")
    write_npz(str(tmp_path / "a.npz"), made)
    for name in ("a.parquet", "a.npz"):
        back = read_embeddings(tmp_path / name)
        np.testing.assert_array_equal(back.vectors, made.vectors)
        assert (back.ids, back.errors, back.receipt, back.modality) == (made.ids, made.errors, MADE, modality)
        assert (back.truncated, back.unknown, back.remarks) == ([5], [5, 7], made.remarks)


def test_an_npz_of_version_0_1_is_read(tmp_path: Path):
    facts = json.dumps(asdict(MADE))
    np.savez(tmp_path / "a.npz", ids=["a", "b"], vectors=np.array([[1.0, 0], [np.nan, 0]]), receipt=facts)
    back = read_embeddings(tmp_path / "a.npz")
    assert (back.ids, back.modality, [e.code for e in back.errors]) == (["a", "b"], None, ["no_vector"])
    assert np.isnan(back.vectors[1]).all()


@pytest.mark.parametrize("content", [b"no zip", b"PK\x03\x04broken", b""])
def test_a_broken_npz_is_a_clear_error(tmp_path: Path, content: bytes):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(errors.DaguerreError, match=r"a\.npz is no \.npz file"):
        read_embeddings(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=np.zeros(2))
    with pytest.raises(errors.DaguerreError, match="was not written by daguerre embed; it has x"):
        read_embeddings(tmp_path / "b.npz")


def test_an_interrupted_write_leaves_the_earlier_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    made = embeddings()
    write_npz(str(tmp_path / "a.npz"), made)
    before = (tmp_path / "a.npz").read_bytes()
    monkeypatch.setattr("numpy.savez", lambda path, **_: (Path(path).write_bytes(b"half"), 1 / 0))
    with pytest.raises(ZeroDivisionError):
        write_npz(str(tmp_path / "a.npz"), made)
    assert (tmp_path / "a.npz").read_bytes() == before
    assert list(tmp_path.iterdir()) == [tmp_path / "a.npz"]
