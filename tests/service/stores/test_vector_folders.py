"""A folder of vectors becomes a file: its rows once each, and nothing outside the server's folder."""

import json
import os

import numpy as np
import pytest

from service.errors import TooLarge, Unprocessable
from service.settings import Settings
from service.stores import vector_folders
from service.stores.files import FileStore

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
RECEIPT = {"model": "m", "fingerprint": "f"}


def part(path, ids, vectors, receipt=RECEIPT, **kinds):
    """Write a part as the client does, by Arrow alone; None is a null row."""
    vectors = np.asarray(vectors, np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    table = pa.table({"id": ids, "vector": column, "modality": ["text"] * len(ids)})
    metadata = None if receipt is None else {b"daguerre": json.dumps(receipt).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path, **kinds)


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data" / "corpus").mkdir(parents=True)
    return tmp_path / "data"


@pytest.fixture
def store(tmp_path, data):
    return FileStore(Settings(home=tmp_path / "home", data=data))


def read(store, folder="corpus/", owner=None):
    return store.of_folder(folder, owner, lambda: None)


def test_rows_are_those_of_the_parts_in_their_order_and_a_later_one_wins(data, store):
    folder = data / "corpus"
    part(folder / "part-000010.parquet", ["c", "a"], [[5, 5], [6, 6]])
    part(folder / "part-000009.parquet", ["a", "b"], [[1, 1], [np.nan, np.nan]], row_group_size=1)
    part(folder / "_part-000011.parquet", ["a"], [[9, 9]])
    part(folder / ".part-000012.parquet", ["a"], [[9, 9]])
    (folder / "_journal").mkdir()
    file = read(store)
    np.testing.assert_array_equal(file.rows(), [[np.nan, np.nan], [5, 5], [6, 6]])
    assert file.ids() == ["b", "c", "a"]
    assert file.vectors == {"receipt": RECEIPT, "modality": "text"}
    assert (file.name, file.shape, file.dtype) == ("corpus/", (3, 2), "float32")


def test_a_receipt_beside_the_parts_is_read_too(data, store):
    part(data / "corpus" / "part-0.parquet", ["a"], [[1, 2]], receipt=None)
    with pytest.raises(Unprocessable, match="has no receipt"):
        read(store)
    (data / "corpus" / "_receipt.json").write_text(json.dumps({**RECEIPT, "dimension": 2}))
    assert read(store).vectors["receipt"]["fingerprint"] == "f"


def test_the_copy_is_used_again_until_a_part_changes_and_is_its_owners(data, store):
    path = data / "corpus" / "part-0.parquet"
    part(path, ["a"], [[1, 2]])
    first = read(store)
    assert read(store).id == first.id
    assert read(store, owner="other").id != first.id
    part(path, ["a", "b"], [[1, 2], [3, 4]])
    second = read(store)
    assert second.id != first.id
    assert second.shape == (2, 2)
    assert len(list((store._folder).iterdir())) == 3  # nothing of the making is left


def test_another_fingerprint_or_length_is_refused(data, store):
    part(data / "corpus" / "part-0.parquet", ["a"], [[1, 2]])
    part(data / "corpus" / "part-1.parquet", ["b"], [[1, 2]], {"model": "m", "fingerprint": "g"})
    with pytest.raises(Unprocessable, match=r"part-1.parquet.* has vectors of g with 2 numbers, and .*part-0"):
        read(store)
    part(data / "corpus" / "part-1.parquet", ["b"], [[1, 2, 3]])
    with pytest.raises(Unprocessable, match="with 3 numbers"):
        read(store)


def test_what_is_no_part_is_refused(data, store):
    with pytest.raises(Unprocessable, match="no part"):
        read(store)
    bad = data / "corpus" / "part-0.parquet"
    bad.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(Unprocessable, match="cannot be read as Parquet"):
        read(store)
    pq.write_table(pa.table({"a": [1]}), bad)
    with pytest.raises(Unprocessable, match="lacks the columns"):
        read(store)
    part(bad, ["a"] * 400, np.ones((400, 2)))
    content = bytearray(bad.read_bytes())
    content[4:200] = os.urandom(196)
    bad.write_bytes(content)
    with pytest.raises(Unprocessable, match=r"cannot be (used|read)"):
        read(store)
    assert not list(store._folder.glob("*"))


def test_nothing_outside_the_servers_folder_can_be_named(tmp_path, data, store):
    outside = tmp_path / "outside"
    outside.mkdir()
    part(outside / "part-0.parquet", ["a"], [[1, 2]])
    (data / "linked").symlink_to(outside)
    (data / "loop").symlink_to(data / "loop")
    for name in ("../outside", str(outside), "linked", "linked/", "loop", "no-such", "..", "", "a\0b", "x" * 5000):
        with pytest.raises(Unprocessable, match="there is no"):
            read(store, name)
    (data / "corpus" / "part-0.parquet").symlink_to(outside / "part-0.parquet")
    with pytest.raises(Unprocessable, match="link out of the server's folder"):
        read(store)
    with pytest.raises(Unprocessable, match="DAGUERRE_DATA"):
        read(FileStore(Settings(home=tmp_path / "home")))


def refused(store, match="the folder cannot be used"):
    with pytest.raises(Unprocessable, match=match) as caught:
        read(store)
    assert caught.value.code == "invalid_folder"


def write(path, metadata=RECEIPT, **columns):
    """Write a part of any columns; metadata may be bytes."""
    columns = {"id": pa.array(["a"]), "vector": vectors(pa.array([1.0, 2.0])), **columns}
    raw = metadata if isinstance(metadata, bytes) else json.dumps(metadata).encode()
    pq.write_table(pa.table(columns).replace_schema_metadata({b"daguerre": raw}), path)


def vectors(values, size=2):
    return pa.FixedSizeListArray.from_arrays(values, size)


def test_rows_and_bytes_are_limited_before_rows_are_read(tmp_path, data, store, monkeypatch):
    part(data / "corpus" / "part-0.parquet", ["a", "b", "c"], np.ones((3, 2)))
    monkeypatch.setattr(vector_folders, "_keys", None)
    small = FileStore(Settings(home=tmp_path / "home", data=data, max_file_bytes=23))
    with pytest.raises(TooLarge, match="3 rows of 2 numbers in the folder take 24 bytes, and the limit is 23"):
        read(small)
    monkeypatch.setattr(vector_folders, "MOST_ROWS", 2)
    with pytest.raises(TooLarge, match="3 rows or more, and at most 2"):
        read(store)


def test_many_rows_of_one_long_id_take_little_memory(data, store):
    n = 400_000
    ids = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array(["x" * 400]))  # 160 MB as texts
    columns = {"id": ids, "vector": vectors(pa.array(np.ones(n, np.float32)), 1)}
    write(data / "corpus" / "part-0.parquet", **columns)
    parent = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(parent)
    pa.set_memory_pool(pool)
    try:
        assert read(store).ids() == ["x" * 400]
    finally:
        pa.set_memory_pool(parent)
    assert 0 < pool.max_memory() < 32 * 2**20


def test_ids_of_many_batches_and_parts_are_told_apart(data, store):
    n = 40_000
    for i in range(2):
        ids = [f"{j}" for j in range(i * 10_000, i * 10_000 + n)]
        part(data / "corpus" / f"part-{i}.parquet", ids, np.full((n, 1), i), row_group_size=9_000)
    file = read(store)
    assert file.ids() == [f"{j}" for j in range(50_000)]
    assert file.rows()[:10_000].max() == 0
    assert file.rows()[10_000:].min() == 1


@pytest.mark.parametrize("name", ["_receipt.json", "part-0.parquet"])
def test_only_regular_files_below_the_servers_folder_are_read(tmp_path, data, store, name):
    part(data / "corpus" / "part-1.parquet", ["a"], [[1, 2]], receipt=None)
    (data / "corpus" / "_receipt.json").write_text(json.dumps(RECEIPT))
    path = data / "corpus" / name
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    refused(store, "is no file")
    secret = tmp_path / "secret"
    secret.write_text(json.dumps({**RECEIPT, "secret": "s"}))
    for target in (secret, path, "/dev/zero", data / "nowhere"):
        path.unlink()
        path.symlink_to(target)
        refused(store, "is no file, or a link out")
    path.unlink()
    with pytest.raises((OSError, ValueError)), vector_folders._regular(os.mkfifo(path) or path):
        pass


def test_a_corrected_receipt_makes_another_copy(data, store):
    part(data / "corpus" / "part-0.parquet", ["a"], [[1, 2]], receipt=None)
    beside = data / "corpus" / "_receipt.json"
    beside.write_text(json.dumps(RECEIPT))
    assert read(store).vectors["receipt"]["fingerprint"] == "f"
    beside.write_text(json.dumps({**RECEIPT, "fingerprint": "corrected"}))
    assert read(store).vectors["receipt"]["fingerprint"] == "corrected"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'"model fingerprint"',
        b"[" * 900 + b"]" * 900,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"model": "m", "fingerprint": "f", "revision": NaN}',
        b'{"model": "m", "fingerprint": "f", "revision": 1}',
        b'{"model": "m", "fingerprint": "f", "made_with": {"a": {}}}',
        b'{"model": "m", "fingerprint": "f", "notice": "\\ud800"}',
        b'{"model": "m", "fingerprint": "' + b"f" * 201 + b'"}',
        b'{"model": "m", "fingerprint": "f", "notice": "' + b"x" * 2**20 + b'"}',
    ],
    ids=lambda raw: raw[:60].decode(),
)
def test_what_is_no_receipt_is_refused(data, store, raw):
    write(data / "corpus" / "part-0.parquet", raw)
    refused(store, "has no receipt")
    part(data / "corpus" / "part-0.parquet", ["a"], [[1, 2]], receipt=None)
    (data / "corpus" / "_receipt.json").write_bytes(raw)
    refused(store, "has no receipt")


STRUCT = pa.array([{"id": "a"}])


@pytest.mark.parametrize(
    "columns",
    [
        {"id": STRUCT},
        {"id": pa.array([["a"]])},
        {"id": pa.array([b"\xff"])},
        {"id": pa.array([b"\xff"]).cast(pa.large_binary())},
        {"id": pa.array([None], pa.string())},
        {"id": pa.nulls(1)},
        {"id": pa.array(["x" * 5000])},
        {"id": STRUCT, "id.id": pa.array(["a"])},
        {"vector": pa.array([[1.0]])},
        {"vector": pa.array([1.0])},
        {"vector": vectors(pa.array(["a", "b"]))},
        {"vector": vectors(pa.array([{"a": 1}, {"a": 2}]))},
        {"vector": vectors(pa.array([[1.0], [2.0]]))},
        {"vector": vectors(pa.array([1, 2], pa.timestamp("s")))},
        {"vector": vectors(pa.array(np.ones(2**16 + 1)), 2**16 + 1)},
        {"modality": pa.array([1])},
        {"modality": pa.array([["text"]])},
        {"modality": pa.array([{"a": "text"}])},
        {"modality": pa.array(["smell"])},
        {"modality": pa.array([b"\xff"])},
    ],
    ids=lambda columns: " ".join(f"{n} {c.type}" for n, c in columns.items()),
)
def test_columns_of_other_types_are_refused(data, store, columns):
    write(data / "corpus" / "part-0.parquet", **columns)
    refused(store)


def test_numbers_are_taken_as_ids_and_vectors(data, store):
    write(data / "corpus" / "part-0.parquet", id=pa.array([7]), vector=vectors(pa.array([1, 2])), modality=pa.nulls(1))
    assert read(store).ids() == ["7"]
    np.testing.assert_array_equal(read(store).rows(), [[1, 2]])


def test_the_last_row_of_each_key_is_found_where_halves_are_equal():
    keys = np.random.default_rng(0).integers(0, 9, (2, 300)).astype(np.uint64)
    last = {key: i for i, key in enumerate(zip(*keys.tolist(), strict=True))}
    np.testing.assert_array_equal(np.flatnonzero(vector_folders._last_of_each(keys)), sorted(last.values()))
    assert vector_folders._last_of_each(np.array([[1, 1, 2], [1, 2, 1]], np.uint64)) is None
    assert vector_folders._last_of_each(np.array([[1], [1]], np.uint64)) is None
