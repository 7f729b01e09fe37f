"""Tables of keys against dicts, and the rows that a corpus has already: the latest of each id, in few bytes."""

import hashlib
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daguerre.storage import keys
from daguerre.storage.keys import KeyTable, among, content_key, content_keys, key_of, keys_of
from daguerre.storage.known import KnownRows
from daguerre.storage.parquet import schema
from daguerre.storage.shards import Shard, shard_of
from daguerre.types.common import Receipt

MADE = Receipt("m", "r", "f", "fp32", "CPU", "exact", False)


@given(names=st.lists(st.text(max_size=3)), others=st.lists(st.text(max_size=3)))
def test_a_table_of_keys_is_a_dict(names, others):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "RECENT", 3)
        table, expected = KeyTable(), {}
        for i, name in enumerate(names):
            if name not in expected:
                table.put(key_of(name), i)
                expected[name] = i
        assert len(table) == len(expected)
        assert [table.get(key_of(name)) for name in names + others] == [expected.get(name) for name in names + others]
    assert among(keys_of(names), keys_of(others)).tolist() == [name in set(others) for name in names]


def test_keys_of_contents_are_those_of_each():
    whole = [hashlib.sha256(bytes([i])).hexdigest() for i in range(9)]
    for hashes in (whole, [*whole, None, "no hash", "x" * 64], []):
        assert content_keys(hashes).tobytes() == b"".join(map(content_key, hashes))


def save(path: Path, ids: list[str], hashes: list[str | None], codes: list[str | None]) -> None:
    n = len(ids)
    vectors = pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(n, np.float32)), 1)
    texts = [pa.array([each] * n, pa.string()) for each in ("m", "r", "f", "image", None)]
    columns = [ids, hashes, [7] * n, list(range(n)), vectors, codes, codes, *texts]
    kind = schema(1, MADE)
    columns = [
        each if isinstance(each, pa.Array) else pa.array(each, f.type) for f, each in zip(kind, columns, strict=True)
    ]
    pq.write_table(pa.Table.from_arrays(columns, schema=kind), path)


FILES = st.lists(
    st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from([None, "x", "y"])), max_size=6), max_size=4
)


@given(files=FILES)
def test_known_rows_are_the_latest_of_each_id(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("known")
    paths, expected = [], {}
    for number, rows in enumerate(files):
        paths.append(folder / f"{number}.parquet")
        hashes = [hashlib.sha256(f"{number} {i}".encode()).hexdigest() for i in range(len(rows))]
        save(paths[-1], [id for id, _ in rows], hashes, [code for _, code in rows])
        expected |= {id: (paths[-1], i, hashes[i], code) for i, (id, code) in enumerate(rows)}
    for shard in (None, Shard(0, 2), Shard(1, 2)):
        known = KnownRows(paths, shard=shard)
        mine = {id: each for id, each in expected.items() if shard is None or shard.has(id)}
        assert len(known) == known.left == len(mine)
        for id, (path, row, sha256, code) in mine.items():
            found = known.get(id)
            assert found is not None
            assert known.location(found.place) == (path, row)
            assert (found.error_code, found.size, found.mtime_ns) == (code, 7, row)
            assert found.has_content(sha256)
            assert known.of_content(content_key(sha256)) == found.place
            assert (known.of_content(content_key(sha256), failed=False) is None) == (code is not None)
        assert known.get("z") is None


def test_a_known_row_takes_less_than_100_bytes(tmp_path):
    n = 200_000
    save(
        tmp_path / "a.parquet",
        [f"a long folder/{i:09d}.jpg" for i in range(n)],
        [f"{i:064x}" for i in range(n)],
        [None] * n,
    )
    KnownRows([tmp_path / "a.parquet"])  # imports
    tracemalloc.start()
    try:
        known = KnownRows([tmp_path / "a.parquet"])
        known.of_content(bytes(15) + b"1")
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / n < 70


@pytest.mark.parametrize("given", ["16/16", "-1/4", (4, 4), "0/0"])
def test_a_shard_that_is_none_says_which_there_are(given):
    with pytest.raises(ValueError, match=r"shard: got -?\d+/\d+; (the shards of|the count is at least 1)"):
        shard_of(given)


def test_shards():
    assert shard_of(None) is None
    assert shard_of("3/16") == shard_of((3, 16)) == shard_of(Shard(3, 16)) == Shard(3, 16)
    with pytest.raises(ValueError, match="give the number and the count"):
        shard_of("3")
    with pytest.raises(ValueError, match=r"0/16 to 15/16: for tasks that count from 1, take 1 off"):
        shard_of("16/16")
    assert [Shard(i, 4).has("photos/a.jpg") for i in range(4)] == [False, False, True, False]  # for ever
