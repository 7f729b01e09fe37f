"""A folder of vectors becomes a file: its rows once each, and nothing outside the server's folder."""

import json
import os

import numpy as np
import pytest

from service.errors import Unprocessable
from service.settings import Settings
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
    for name in ("../outside", str(outside), "linked", "linked/", "no-such", "..", "", "a\0b", "x" * 5000):
        with pytest.raises(Unprocessable, match="there is no"):
            read(store, name)
    (data / "corpus" / "part-0.parquet").symlink_to(outside / "part-0.parquet")
    with pytest.raises(Unprocessable, match="link out of the server's folder"):
        read(store)
    with pytest.raises(Unprocessable, match="DAGUERRE_DATA"):
        read(FileStore(Settings(home=tmp_path / "home")))
