"""Collections on disk: nothing is lost, doubled or left behind; searches against numpy."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.similarity.neighbours import nearest
from service.errors import Conflict, DiskFull, NotFound, TooLarge, Unprocessable
from service.settings import Settings
from service.stores import collection_search
from service.stores.collection_records import Collection, NewItems, Properties
from service.stores.collection_tables import CollectionsMissing
from service.stores.collections import CollectionStore
from service.tasks.collections import StoreTask, due, maintain, store_items

ROOT = Path(__file__).parents[3]
WRITER = """
import sys
from pathlib import Path
from service.settings import Settings
from service.stores.collections import CollectionStore
from tests.service.stores.test_collections import new_items, vectors_of
home, name, first, versions, each = Path(sys.argv[1]), *sys.argv[2:3], *map(int, sys.argv[3:])
store = CollectionStore(Settings(home=home))
collection = store.get(name, None)
for i in range(versions):
    ids = [f"i{first + i * each + j}" for j in range(each)]
    store.put(collection, new_items(ids, vectors_of(ids)))
    print(first + (i + 1) * each, flush=True)
"""


def properties(**changes: Any) -> Properties:
    fields = {"model": "m", "fingerprint": "f", "dimension": 8, "fields": {"place": "integer"}, "thumbnails": "none"}
    return Properties(**{**fields, "receipt": {"model": "m"}, **changes})


def new_items(ids: Sequence[str], vectors: NDArray[np.float32]) -> NewItems:
    n = len(ids)
    places = [[int(id[1:]) if id[1:].isdecimal() else None] for id in ids]
    return NewItems(
        ids=ids, modalities=["image"] * n, texts=[None] * n, vectors=vectors, cells=places, thumbnails=[None] * n
    )


def vectors_of(ids: Sequence[str], dimension: int = 8) -> NDArray[np.float32]:
    """A vector for each id, which can be made again."""
    return np.stack([np.random.default_rng(int(id[1:])).standard_normal(dimension) for id in ids]).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path) -> CollectionStore:
    return CollectionStore(Settings(home=tmp_path, collection_index_rows=1000))


@pytest.fixture
def made(store: CollectionStore) -> Collection:
    return store.create("posts", None, properties())[0]


def writer(home: Path, first: int, versions: int, each: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", WRITER, str(home), "posts", *map(str, (first, versions, each))]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def everything(store: CollectionStore) -> dict[str, NDArray[np.float32]]:
    rows = store.rows("posts", None)
    assert len(set(rows.ids)) == len(rows.ids), "an item is there twice"
    return dict(zip(rows.ids, rows.vectors, strict=True))


def assert_acknowledged(store: CollectionStore, acknowledged: int) -> None:
    there = everything(store)
    wanted = [f"i{i}" for i in range(acknowledged)]
    assert set(wanted) <= set(there)
    assert all((there[id] == vectors_of([id])[0]).all() for id in wanted[::7])


def killed_while_writing(store: CollectionStore, home: Path, rounds: int, each: int) -> None:
    """Kill a writer after a version of its own, and again as often as asked."""
    acknowledged = 0
    for _ in range(rounds):
        with writer(home, acknowledged, 1000, each) as process:
            assert process.stdout
            for _ in range(3):
                acknowledged = int(process.stdout.readline())
            os.kill(process.pid, signal.SIGKILL)
            rest = process.stdout.read().split()
            acknowledged = int(rest[-1]) if rest else acknowledged
    assert_acknowledged(store, acknowledged)


def test_what_was_acknowledged_is_there_after_a_kill(store: CollectionStore, made: Collection, tmp_path: Path) -> None:
    killed_while_writing(store, tmp_path, 1, 50)
    assert store.put(made, new_items(["i0", "x"], vectors_of(["i0", "i1"]))) == (1, 1, [])
    maintain(store, made, report=lambda progress, stage: None)
    names = {path.name.partition(".")[0] for path in (made.folder / "items.lance" / "data").iterdir()}
    assert len(names) == 1, "what the killed writer began is removed"


@pytest.mark.slow
def test_what_was_acknowledged_is_there_after_many_kills(
    store: CollectionStore, made: Collection, tmp_path: Path
) -> None:
    killed_while_writing(store, tmp_path, 8, 500)


def test_two_writers_at_once_lose_and_double_nothing(store: CollectionStore, made: Collection, tmp_path: Path) -> None:
    with writer(tmp_path, 0, 10, 20) as one, writer(tmp_path, 100, 10, 20) as other:  # half is written by both
        assert [process.wait(120) for process in (one, other)] == [0, 0]
    assert_acknowledged(store, 300)
    assert store.tables.count(made) == 300


def test_a_job_that_is_started_again_does_not_refuse_what_it_has_stored(
    store: CollectionStore, made: Collection, tmp_path: Path
) -> None:
    ids = [f"i{i}" for i in range(6)]
    store.put(made, new_items(ids[:2], vectors_of(ids[:2])))
    task = StoreTask(
        name="posts",
        token=made.token,
        ids=ids,
        modalities=["image"] * 6,
        texts=[None] * 6,
        cells=[[1]] * 6,
        thumbnails={},
        failures={},
        upsert=False,
    )
    answers = [store_items(store, made, task, vectors_of(ids), folder=tmp_path) for _ in range(2)]
    assert [(each["added"], each["replaced"], each["rows"]) for each in answers] == [(4, 0, 6), (0, 4, 6)]
    assert all([bad["index"] for bad in each["unusable"]] == [0, 1] for each in answers)
    direct = store_items(store, made, task, vectors_of(ids))
    assert [bad["error"]["code"] for bad in direct["unusable"]] == ["id_exists"] * 6


@pytest.mark.parametrize(("n", "d", "m", "k"), [(40, 3, 1, 5), (3000, 16, 2, 10), (3000, 16, 7, 25), (5, 4, 3, 9)])
def test_an_exact_search_has_the_ids_and_the_cosines_of_numpy(
    store: CollectionStore, n: int, d: int, m: int, k: int
) -> None:
    rng = np.random.default_rng(n + m)
    made, _ = store.create("numbers", None, properties(dimension=d))
    ids = [f"i{i:06}" for i in range(n)]
    vectors = rng.standard_normal((n, d)).astype(np.float32) * rng.choice([1e-6, 1, 1e6], (n, 1)).astype(np.float32)
    vectors[n // 2] = vectors[0] * 2  # of the same direction
    vectors[-1] = vectors[0]
    store.put(made, new_items(ids, vectors))
    queries = np.concatenate([vectors[:1], rng.standard_normal((m - 1, d)).astype(np.float32)])
    wide, asked = vectors.astype(np.float64), queries.astype(np.float64)
    cosines = (asked / np.linalg.norm(asked, axis=1)[:, None]) @ (wide / np.linalg.norm(wide, axis=1)[:, None]).T
    for where, kept in ((None, np.ones(n, bool)), ("m0 >= 10", np.arange(n) >= 10), ("m0 < 0", np.zeros(n, bool))):
        hits, method = collection_search.search(
            store.tables, made, queries, k, where=where, exact=False, exclude=[None] * m
        )
        assert method.exact
        assert method.recall == 1
        for mine, row in zip(hits, cosines, strict=True):
            allowed = np.flatnonzero(kept)
            order = sorted(allowed.tolist(), key=lambda i, row=row: (-np.float32(row[i]), i))[:k]
            assert np.abs([score for score, _ in mine] - row[order]).max(initial=0) < 1e-6
            assert [id for _, id in mine] == [ids[i] for i in order]
    theirs = nearest(vectors, queries, k)  # those of /v1/search, bit for bit
    hits, _ = collection_search.search(store.tables, made, queries, k, where=None, exact=True, exclude=[None] * m)
    assert [[score for score, _ in mine] for mine in hits] == theirs.scores.tolist()


def test_no_item_is_its_own_neighbour(store: CollectionStore, made: Collection) -> None:
    ids = [f"i{i}" for i in range(50)]
    store.put(made, new_items(ids, vectors_of(ids)))
    hits, _ = collection_search.search(
        store.tables, made, vectors_of(ids[:3]), 49, where=None, exact=True, exclude=ids[:3]
    )
    assert [sorted(id for _, id in each) for each in hits] == [sorted(set(ids) - {own}) for own in ids[:3]]


def test_an_index_finds_neighbours_and_what_it_does_not_have_yet(store: CollectionStore) -> None:
    rng = np.random.default_rng(3)
    centres = rng.standard_normal((30, 16))
    vectors = (centres[rng.integers(0, 30, 4000)] + 0.6 * rng.standard_normal((4000, 16))).astype(np.float32)
    ids = [f"i{i}" for i in range(4000)]
    made, _ = store.create("indexed", None, properties(dimension=16))
    store.put(made, new_items(ids, vectors))
    assert due(store, made)
    maintain(store, made, report=lambda progress, stage: None)
    assert not due(store, made)
    known = collection_search.figures(made)
    assert known is not None
    assert (known.partitions, known.probes, known.sample) == (63, 20, 200)
    assert known.recall is not None
    assert known.recall > 0.95
    store.put(made, new_items(["new"], vectors[:1] * 3))
    queries = vectors[:20]
    hits, method = collection_search.search(
        store.tables, made, queries, 10, where=None, exact=False, exclude=[None] * 20
    )
    assert (method.exact, method.probes, method.recall, method.unindexed) == (False, 20, known.recall, 1)
    assert {id for _, id in hits[0][:2]} == {"i0", "new"}
    true, method = collection_search.search(
        store.tables, made, queries, 10, where=None, exact=True, exclude=[None] * 20
    )
    assert method.exact
    both = [len({id for _, id in a} & {id for _, id in b}) for a, b in zip(hits, true, strict=True)]
    assert np.mean(both) > 9.5
    few, method = collection_search.search(
        store.tables, made, queries, 10, where="m0 < 40", exact=False, exclude=[None] * 20
    )
    assert method.exact, "so few items are compared one by one"
    assert all(len(each) == 10 for each in few)


def test_deleting_a_collection_leaves_nothing(store: CollectionStore, made: Collection, tmp_path: Path) -> None:
    store.put(made, new_items(["i1"], vectors_of(["i1"])))
    assert store.delete("posts", None)[1] == 1
    assert [path for path in (tmp_path / "collections").rglob("*") if path.name != "open"] == []
    with pytest.raises(NotFound, match="was deleted meanwhile"):
        store.put(made, new_items(["i1"], vectors_of(["i1"])))
    with pytest.raises(NotFound):
        store.tables.count(made)
    again, created = store.create("posts", None, properties())
    assert created
    assert store.tables.count(again) == 0


def test_deleted_items_and_earlier_versions_leave_the_disk(store: CollectionStore, made: Collection) -> None:
    for i in range(60):
        store.put(made, new_items(["i1", f"i{i + 2}"], vectors_of(["i1", f"i{i + 2}"])))
    assert due(store, made)
    before = store.bytes(made)
    assert store.remove(made, ids=[f"i{i}" for i in range(2, 40)], where=None) == 38
    assert store.remove(made, ids=None, where="m0 = 61") == 1
    maintain(store, made, report=lambda progress, stage: None)
    assert not due(store, made)
    assert store.versions(made) == 1
    assert store.bytes(made) < before / 4
    assert store.tables.count(made) == 22


def test_properties_never_change(store: CollectionStore, made: Collection) -> None:
    assert store.create("posts", None, properties())[1] is False
    for changes in ({"dimension": 9}, {"fields": {}}, {"fingerprint": "g"}, {"thumbnails": "small"}):
        with pytest.raises(Conflict, match=f"^{next(iter(changes))}: collection 'posts' has "):
            store.create("posts", None, properties(**changes))


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "a..b", ".a", "a" * 64, "ü", "a\n", "a b"])
def test_a_name_is_safe_on_disk(store: CollectionStore, name: str) -> None:
    with pytest.raises(Unprocessable, match="name: got"):
        store.create(name, None, properties())
    with pytest.raises(NotFound):
        store.get(name, None)


def test_owners_have_names_of_their_own(store: CollectionStore) -> None:
    mine, _ = store.create("posts", "0123abcd", properties())
    theirs, created = store.create("posts", "ffffffff", properties(dimension=3))
    assert created
    assert (store.get("posts", "0123abcd"), store.get("posts", "ffffffff")) == (mine, theirs)
    for other in (None, "aaaaaaaa"):
        with pytest.raises(NotFound):
            store.get("posts", other)
        assert store.list(other, limit=5, cursor=None) == ([], None)
    everybodys, _ = store.create("shared", None, properties())
    assert store.list("0123abcd", limit=1, cursor=None) == ([mine], "posts")
    assert store.list("0123abcd", limit=1, cursor="posts") == ([everybodys], None)


def test_a_full_home_takes_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small = CollectionStore(Settings(home=tmp_path, max_collections_bytes=10_000))
    made, _ = small.create("posts", None, properties())
    with pytest.raises(TooLarge, match="DAGUERRE_MAX_COLLECTIONS_BYTES"):
        small.put(made, new_items(["i1"] * 1000, np.ones((1000, 8), np.float32)))
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1})())
    with pytest.raises(DiskFull):
        small.put(made, new_items(["i1"], vectors_of(["i1"])))


def test_without_lancedb_the_extra_is_named(store: CollectionStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lancedb", None)
    with pytest.raises(CollectionsMissing, match=r"pip install 'daguerre-service\[collections\]'"):
        store.create("posts", None, properties())
    assert store.list(None, limit=5, cursor=None) == ([], None)


def test_what_a_killed_process_has_left_is_removed(store: CollectionStore, made: Collection, tmp_path: Path) -> None:
    home = tmp_path / "collections" / "open"
    for name, age in ((".gone-1", 0.0), (".new-1", 7200.0), (".new-2", 0.0)):
        (home / name).mkdir()
        os.utime(home / name, (time.time() - age,) * 2)
    store.sweep()
    assert sorted(path.name for path in home.iterdir()) == [".new-2", "posts"]
