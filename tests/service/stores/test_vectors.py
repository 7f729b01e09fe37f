"""The cache of vectors: equal bytes, bounded, private, and never in the way."""

import json
import logging
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models.errors import UnsupportedImage
from service.inference.engine import CachedImage
from service.stores import vectors
from service.stores.vectors import OWNER, PAGE, VectorStore, packed, unpacked

MADE = {"receipt": {"fingerprint": "f"}, "crop": "None"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VectorStore]:
    made = opened(tmp_path)
    yield made
    made.close()


def opened(folder: Path, size: int = 2**24, owners: tuple[str | None, ...] = (None,)) -> VectorStore:
    store = VectorStore(folder / "vectors", size=size, owners=owners)
    store.open()
    return store


def image(i: int, d: int = 512) -> CachedImage:
    return CachedImage(row=np.random.default_rng(i).standard_normal(d).astype(np.float32), first_of_many=bool(i % 2))


def written(store: VectorStore) -> None:
    """Wait for the writer."""
    store._writer.submit(lambda: None).result(30)


def same(a: CachedImage | None, b: CachedImage) -> bool:
    return a is not None and a.first_of_many == b.first_of_many and bytes(a.row) == bytes(b.row)  # type: ignore[arg-type]


def test_vectors_and_errors_come_back_as_they_were(store: VectorStore):
    rows = {store.key(bytes([i]), MADE): image(i) for i in range(20)}
    refused = store.key(b"x", MADE)
    store.put({**rows, refused: CachedImage(error=UnsupportedImage("no image"))})
    written(store)
    found = store.get([*rows, refused, store.key(b"unknown", MADE)])
    assert len(found) == 21
    assert all(same(found[key], row) for key, row in rows.items())
    assert (type(found[refused].error), str(found[refused].error)) == (UnsupportedImage, "no image")


def test_a_key_depends_on_all_that_makes_a_vector_and_on_the_owner_and_home(store: VectorStore, tmp_path: Path):
    other = opened(tmp_path / "other")
    keys = [store.key(b"x", MADE), store.key(b"y", MADE), store.key(b"x", {**MADE, "crop": "1"}), other.key(b"x", MADE)]
    token = OWNER.set("ann")
    keys.append(store.key(b"x", MADE))
    OWNER.reset(token)
    assert len(set(keys)) == 5
    assert store.key(b"x", dict(reversed(MADE.items()))) == keys[0]
    other.close()


def test_the_file_is_private_has_large_pages_and_no_picture(store: VectorStore, tmp_path: Path):
    store.put({store.key(b"picture", MADE): image(0)})
    written(store)
    with sqlite3.connect(tmp_path / "vectors" / "vectors.sqlite3") as db:
        assert db.execute("PRAGMA page_size").fetchone() == (PAGE,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    secret = tmp_path / "vectors" / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert len(secret.read_bytes()) == 32


def test_it_is_bounded_and_keeps_what_is_used(tmp_path: Path):
    store = opened(tmp_path, size=40 * PAGE)
    used = store.key(b"used", MADE)
    store.put({used: image(0)})
    written(store)
    for i in range(60):
        store.put({store.key(f"{i} {j}".encode(), MADE): image(j) for j in range(20)})
        written(store)
        assert used in store.get([used]), i
        written(store)
    with sqlite3.connect(tmp_path / "vectors" / "vectors.sqlite3") as db:
        (n,) = db.execute("SELECT count(*) FROM vectors").fetchone()
        (pages,) = db.execute("PRAGMA page_count").fetchone()
    assert 0 < n < 300
    assert pages <= 60
    assert store.get([store.key(b"59 19", MADE)])
    assert not store.get([store.key(b"0 0", MADE)])
    store.close()


@pytest.mark.parametrize("damage", ["rubbish", "truncated", "directory of another schema"])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture, damage: str):
    store = opened(tmp_path)
    key = store.key(b"x", MADE)
    store.put({key: image(0)})
    store.close()
    file = tmp_path / "vectors" / "vectors.sqlite3"
    if damage == "rubbish":
        file.write_bytes(b"no database" * 10_000)
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[: PAGE + 100])
    else:
        with sqlite3.connect(file) as db:
            db.execute("PRAGMA user_version = 99")
    with caplog.at_level(logging.WARNING):
        store = opened(tmp_path)
        store.get([key])
        store.put({key: image(0)})
        written(store)
        store.get([key])
        store.put({key: image(0)})
        written(store)
    assert same(store.get([key]).get(key), image(0))
    assert "cache of vectors is passed by" in caplog.text
    store.close()


def test_a_flipped_bit_is_a_miss():
    value = bytearray(packed(image(0)))
    for place in (0, 9, 100, len(value) - 1):
        value[place] ^= 1
        assert unpacked(bytes(value)) is None
        value[place] ^= 1
    assert same(unpacked(bytes(value)), image(0))


def test_a_locked_file_delays_nobody_for_long(store: VectorStore, tmp_path: Path):
    key = store.key(b"x", MADE)
    store.put({key: image(0)})
    written(store)
    db = sqlite3.connect(tmp_path / "vectors" / "vectors.sqlite3", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    for i in range(200):
        store.put({store.key(bytes([i]), MADE): image(i)})
    assert same(store.get([key]).get(key), image(0))  # while the writer waits
    db.execute("ROLLBACK")
    db.close()
    written(store)


def test_vectors_of_keys_that_are_gone_are_deleted(tmp_path: Path):
    store = opened(tmp_path, owners=("ann", "bob"))
    for owner in ("ann", "bob"):
        token = OWNER.set(owner)
        store.put({store.key(b"x", MADE): image(0)})
        OWNER.reset(token)
    store.close()
    opened(tmp_path, owners=("bob",)).close()
    with sqlite3.connect(tmp_path / "vectors" / "vectors.sqlite3") as db:
        assert db.execute("SELECT owner FROM vectors").fetchall() == [("bob",)]


def test_two_processes_share_it(tmp_path: Path):
    one, two = opened(tmp_path), opened(tmp_path)
    key = one.key(b"x", MADE)
    assert two.key(b"x", MADE) == key
    one.put({key: image(0)})
    two.put({key: image(0)})
    written(one)
    written(two)
    assert same(two.get([key]).get(key), image(0))
    one.close()
    two.close()


def test_an_error_of_another_version_is_a_miss():
    content = bytes([1, 0]) + json.dumps(["NoSuchError", "m"]).encode()
    digest = vectors.hashlib.blake2b(content, digest_size=vectors.DIGEST).digest()
    assert unpacked(digest + content) is None
