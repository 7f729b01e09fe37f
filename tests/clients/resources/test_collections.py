"""Collections through the SDK: what is added comes back, and other methods take it in place of embeddings."""

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from daguerre import AsyncClient, Client, Collection, DaguerreError, Embeddings, FingerprintMismatchError, NotFoundError
from tests.clients.conftest import address
from tests.e2e.harness import Server

pytest.importorskip("lancedb")
pytestmark = pytest.mark.filterwarnings("ignore::daguerre.DaguerreWarning")
TEXTS = [f"a happy day, number {i}" for i in range(12)] + [f"terrible news, number {i}" for i in range(12)]
IDS = [f"t{i:02}" for i in range(24)]
MOODS = ["glad"] * 12 + ["sad"] * 12
FIELDS = {"year": int, "mood": str, "score": float, "seen": bool, "posted": datetime}
QUICK = {"strengths": [10.0], "folds": 2, "inner_folds": 2, "resamples": 20}


def new(client: Client, **options) -> Collection:
    return client.create_collection(f"sdk-{uuid.uuid4().hex[:8]}", **options)


@pytest.fixture(scope="module")
def texts(inline: Server) -> Iterator[str]:
    """The name of a collection of 24 texts."""
    with Client(inline.url) as client:
        made = new(client, fields={"year": int, "mood": str})
        made.add(texts=TEXTS, ids=IDS, metadata={"year": list(range(2000, 2024)), "mood": MOODS})
        yield made.name
        made.drop()


def test_metadata_of_every_type_comes_back_in_a_table(client: Client):
    made = new(client, fields=FIELDS)
    table = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "year": [2020, np.nan, 2022],
            "mood": ["glad", None, 'it\'s "odd"'],
            "score": [0.5, 1.0, np.nan],
            "seen": [True, False, None],
            "posted": pd.to_datetime(["2024-05-17 09:30", None, "2024-05-18 00:00"]),
        }
    )
    added = made.add(texts=["one", "two", "three"], ids=["c", "a", "b"], metadata=table)
    assert (added.added, added.replaced, added.rows, len(added.errors)) == (3, 0, 3, 0)
    found = made.items().to_pandas()
    assert found.index.tolist() == ["a", "b", "c"]
    assert found["text"].tolist() == ["two", "three", "one"]
    assert found["year"].tolist() == [2020, pd.NA, 2022]
    assert made.items().metadata("mood") == ["glad", None, 'it\'s "odd"']
    assert found["posted"].tolist()[::2] == [
        pd.Timestamp("2024-05-17 09:30", tz="UTC"),
        pd.Timestamp("2024-05-18", tz="UTC"),
    ]
    assert found["seen"].tolist() == [True, False, pd.NA]
    assert made.items({"posted": {"gte": datetime(2024, 5, 18, tzinfo=UTC)}}).ids == ["c"]
    assert made.where(seen=[True, False]).where(year={"exists": True}).items().ids == ["a"]
    assert made.items({"score": {"exists": False}}).metadata("mood") == ['it\'s "odd"']
    assert len(made) == 3
    assert len(made.where(mood="glad")) == 1
    assert made.drop() == 3
    with pytest.raises(NotFoundError):
        client.collection(made.name)


def test_images_are_added_resumed_and_found_by_what_is_on_them(client: Client, photos: Path):
    made = new(client, thumbnails="small")
    with pytest.raises(ValueError, match="no field 'year'"):
        made.add(images=photos, metadata={"year": {"coffee.jpg": 2021}})
    few = made.add(images=[photos / "coffee.jpg", photos / "more" / "Ünïcode, näme.JPG"])
    assert few.ids == ["coffee.jpg", "more/Ünïcode, näme.JPG"]
    rest = made.add(images=photos, resume=True)
    assert (rest.added, rest.skipped, rest.rows, rest.replaced) == (5, 2, 7, 0)
    again = made.add(images=photos)
    assert (again.added, again.replaced, len(made)) == (0, 7, 7)
    embedded = client.embed(images=photos)
    found = made.embeddings()
    assert found.fingerprint == embedded.fingerprint == made.fingerprint
    np.testing.assert_array_equal(found.vectors, embedded.select(found.ids).vectors)
    first = made.search("a cup of coffee", 3)[0]
    assert first[0].id == "coffee.jpg"
    assert made.search(photos / "coffee.jpg", 1, exact=True).ids == [["coffee.jpg"]]
    assert made.search(like="coffee.jpg", k=7).ids[0] == [id for id in made.search(photos / "coffee.jpg", 7).ids[0][1:]]
    assert made.search(embedded[["rocket.jpg"]], 1).ids == [["rocket.jpg"]]
    known = made.duplicates([photos / "coffee.jpg", photos / "rocket.jpg"])
    assert [row[0].id for row in known] == ["coffee.jpg", "rocket.jpg"]
    assert known.new == []
    assert known.threshold > 0.5
    one = made.get("more/Ünïcode, näme.JPG")
    assert one.thumbnail is not None
    assert one.thumbnail.startswith(b"\xff\xd8")
    assert one.vector is not None
    assert one.vector.shape == (1280,)
    assert made.delete(["coffee.jpg", "nothing"]) == 1
    assert "coffee.jpg" not in made.items().ids
    made.drop()


def test_vectors_of_any_model_are_kept_bit_for_bit(client: Client):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((5000, 8)).astype(np.float32)  # more than one request takes
    receipt = client.embed(texts=["a"]).receipt
    foreign = Embeddings(
        ids=[f"{i:05}" for i in range(5000)],
        errors=client.embed(texts=["a"]).errors,
        receipt=replace(receipt, model="own", fingerprint="own-1"),
        truncated=[],
        vectors=rows,
        modality="image",
    )
    made = new(client, like=foreign, fields={"n": "integer"})
    added = made.add(vectors=foreign, metadata={"n": range(5000)}, texts=[f"text {i}" for i in range(5000)])
    assert added.added == 5000
    chosen = made.where(n={"lt": 10})
    np.testing.assert_array_equal(chosen.embeddings().vectors, rows[:10])
    assert chosen.items().texts == [f"text {i}" for i in range(10)]
    again = made.add(vectors=foreign, resume=True)
    assert (again.added, again.skipped) == (0, 5000)
    with pytest.raises(FingerprintMismatchError):
        made.add(vectors=client.embed(texts=["a"]))
    cosines = rows @ rows[7] / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[7])
    expected = [f"{i:05}" for i in np.argsort(-cosines)[:5]]
    assert made.search(foreign[7:8], 5).ids == [expected]
    made.drop()


def test_other_methods_take_a_collection_as_they_take_its_vectors(client: Client, texts: str):
    stored = client.collection(texts)
    X = stored.embeddings()
    assert X.ids == IDS
    first, second = (client.zero_shot(labels=["joy", "grief"], embeddings=each) for each in (X, stored))
    np.testing.assert_array_equal(first.scores, second.scores)
    assert second.ids == IDS
    first, second = (client.cluster(embeddings=each, method="kmeans", k=2, resamples=0) for each in (X, stored))
    np.testing.assert_array_equal(first.labels, second.labels)
    assert second.clusters[0].names, "names come from the texts of the collection"
    codes = dict(zip(IDS, MOODS, strict=True))
    name = f"sdk-{uuid.uuid4().hex[:8]}"
    clf, other = (client.train_classifier(name, embeddings=each, targets=codes, **QUICK) for each in (X, stored))
    first, second = clf.predict(embeddings=X), other.predict(embeddings=stored)
    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert clf.estimate(embeddings=X)["sad"] == clf.estimate(embeddings=stored)["sad"]
    assert clf.predict(embeddings=stored.where(mood="sad")).ids == IDS[12:]
    table = pd.DataFrame({"id": IDS[4:20], "target": MOODS[4:20]})
    assert client.train_classifier(name, table=table, embeddings=stored, **QUICK).report["n"] == 16
    first, second = (client.duplicates(embeddings=each, threshold=0.9) for each in (X, stored))
    assert first.groups == second.groups
    first, second = (client.search("good news", each, 4) for each in (X, stored))
    assert first.ids == second.ids
    np.testing.assert_array_equal(first.cosines, second.cosines)
    for options in ({}, {"diversity": 1.0}, {"near": "good news"}):
        first, second = (client.sample(5, embeddings=each, **options) for each in (X, stored))
        assert first.ids == second.ids
    grids = [client.cluster_grid(embeddings=each, method="kmeans", k=[2, 3], resamples=0) for each in (X, stored)]
    pd.testing.assert_frame_equal(*(each.to_pandas() for each in grids))
    pairs, judged = [(0, 1), (0, 13), (3, 4), (5, 20)], [1, 0, 1, 0]
    both = {"a": stored, "b": X}
    ranked = client.compare_representations(pairs, judged, both, cosines_only=True).representations
    assert ranked[0].auc == ranked[1].auc


def test_misuse_names_the_way_out(client: Client, texts: str):
    stored = client.collection(texts)
    with pytest.raises(ValueError, match="ids: the items of a collection have their own"):
        client.cluster(embeddings=stored, ids=[str(i) for i in range(24)])
    with pytest.raises(ValueError, match="duplicates\\(embeddings=collection\\)"):
        stored.duplicates()
    with pytest.raises(ValueError, match="either a query"):
        stored.search()
    with pytest.raises(ValueError, match="drop\\(\\) deletes"):
        stored.delete()
    with pytest.raises(ValueError, match="is for a whole collection"):
        stored.where(mood="sad").drop()
    with pytest.raises(ValueError, match="the field is of type integer"):
        stored.where(year="late")
    with pytest.raises(ValueError, match="no operator"):
        stored.where(year={"above": 3})
    with pytest.raises(ValueError, match="has the type 'complex'"):
        client.create_collection("x", fields={"z": complex})
    with pytest.raises(DaguerreError, match="year"):
        client.create_collection(texts, fields={"year": str})
    with pytest.raises(ValueError, match="has no items where"):
        client.cluster(embeddings=stored.where(year=1))
    assert client.create_collection(texts, fields={"year": int, "mood": str}).name == texts
    assert texts in [card.name for card in client.collections()]


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_asynchronous_methods_are_the_same(inline: Server, texts: str, scheme: str):
    async def run() -> None:
        async with AsyncClient(address(inline, scheme)) as client:
            stored = await client.collection(texts)
            assert await stored.where(mood="glad").count() == 12
            found = await stored.search("good news", 2, where={"mood": "sad"})
            assert {each.metadata["mood"] for each in found[0]} == {"sad"}
            scored = await client.zero_shot(labels=["joy", "grief"], embeddings=stored.where(year=[2001, 2003]))
            assert scored.ids == ["t01", "t03"]

    asyncio.run(run())
