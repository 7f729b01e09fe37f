"""Collections over HTTP and gRPC: what is stored is found, and both say the same."""

import base64
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from daguerre_proto.v1 import collections_pb2 as pb
from tests.e2e.grpc_calls import collection_request, plain, stub
from tests.e2e.harness import Server, assert_error, base64_of, embed, image, jpeg
from tests.e2e.test_zero_shot_vectors import BYTES, npy

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
FIELDS = {"year": "integer", "source": "string", "posted": "date-time"}
PHOTOS = ("astronaut", "chelsea", "coffee", "rocket")
TEXTS = ("a cat asleep on a sofa", "a rocket on its launch pad")
METADATA = [{"year": 2018 + i, "source": "a" if i % 2 else "b"} for i in range(4)] + [{}, {"posted": "2024-05-17"}]


@pytest.fixture
def path(client: httpx.Client) -> Iterator[str]:
    """The path of a collection of four photos and two texts, which were sent as a form and as JSON."""
    path = f"/v1/collections/c-{uuid.uuid4().hex[:8]}"
    made = client.put(path, json={"fields": FIELDS, "thumbnails": "blurred"})
    assert (made.status_code, made.json()["rows"], made.json()["fields"]) == (201, 0, FIELDS)
    photos = [("input", (f"photos/{name}.jpg", jpeg(name, width=300))) for name in PHOTOS]
    request = json.dumps({"metadata": METADATA[:4]})
    first = client.post(f"{path}/items", data={"request": request}, files=photos).json()
    assert (first["added"], first["replaced"], first["rows"], first["unusable"]) == (4, 0, 4, [])
    items = [{"text": text, "id": f"t{i}"} for i, text in enumerate(TEXTS)]
    second = client.post(f"{path}/items", json={"input": items, "metadata": METADATA[4:]}).json()
    assert (second["added"], second["rows"]) == (2, 6)
    yield path
    client.delete(path)


def test_what_is_stored_is_found(client: httpx.Client, path: str) -> None:
    assert client.put(path, json={"fields": FIELDS, "thumbnails": "blurred"}).status_code == 200
    found = client.post(
        f"{path}/search",
        json={"input": [{"text": "a cat"}], "k": 2, "where": {"modality": {"eq": "image"}}, "with_thumbnails": True},
    ).json()
    first = found["data"][0]["neighbours"][0]
    assert (first["id"], first["metadata"]) == ("photos/chelsea.jpg", {"year": 2019, "source": "a"})
    assert base64.b64decode(first["thumbnail"])[:64].count(b"blurred") == 1
    assert found["search"] == {
        **{"exact": True, "index": None, "probes": None, "refine": None, "recall": 1.0, "rows": 6, "unindexed": 0}
    }
    vectors = embed(client, [image(jpeg(name, width=300)) for name in PHOTOS])
    query = embed(client, ["a cat"])[0]
    assert first["cosine"] == pytest.approx(float(vectors[1] @ query), abs=1e-6)
    like = client.post(f"{path}/search", json={"like": ["t0"], "k": 9}).json()["data"][0]
    assert like["id"] == "t0"
    assert sorted(each["id"] for each in like["neighbours"]) == ["photos/" + n + ".jpg" for n in PHOTOS] + ["t1"]
    some = client.post(f"{path}/search", json={"like": ["t0"], "where": {"year": {"gte": 2020}}}).json()["data"][0]
    assert {each["id"] for each in some["neighbours"]} == {"photos/coffee.jpg", "photos/rocket.jpg"}


def test_items_are_listed_replaced_and_deleted(client: httpx.Client, server: Server, path: str) -> None:
    first = client.get(f"{path}/items", params={"limit": 4, "vectors": True}).json()
    rest = client.get(f"{path}/items", params={"limit": 4, "cursor": first["next_cursor"]}).json()
    every = first["data"] + rest["data"]
    assert [item["id"] for item in every] == sorted([f"photos/{name}.jpg" for name in PHOTOS] + ["t0", "t1"])
    assert rest["next_cursor"] is None
    assert len(first["data"][0]["vector"]) == 1280
    assert every[-1]["metadata"] == {"posted": "2024-05-17T00:00:00Z"}
    assert every[-1]["text"] == TEXTS[1]
    recent = client.get(f"{path}/items", params={"where": json.dumps({"year": {"gte": 2020}})}).json()["data"]
    assert [item["metadata"]["year"] for item in recent] == [2020, 2021]
    with httpx.Client(base_url=server.url, trust_env=False, verify=False) as plain_client:  # an id with a slash
        one = plain_client.get(f"{path}/items/photos%2Fchelsea.jpg").json()
    assert (one["id"], len(one["vector"]), one["modality"]) == ("photos/chelsea.jpg", 1280, "image")
    again = {"input": [{"text": "another text", "id": "t1"}], "metadata": [{"year": 1999}]}
    assert client.post(f"{path}/items", json=again).json()["replaced"] == 1
    assert client.get(f"{path}/items/t1").json()["metadata"] == {"year": 1999}
    refused = client.post(f"{path}/items", json={**again, "upsert": False})
    assert_error(refused, 409, "id_exists")
    kept = client.post(f"{path}/items", json={**again, "upsert": False, "on_error": "skip"}).json()
    assert [bad["error"]["code"] for bad in kept["unusable"]] == ["id_exists"]
    gone = client.request("DELETE", f"{path}/items", json={"where": {"year": {"lt": 2019}}}).json()
    assert (gone["deleted"], gone["rows"]) == (2, 4)
    assert client.request("DELETE", f"{path}/items", json={"ids": ["t0", "nobody"]}).json()["deleted"] == 1
    assert_error(client.get(f"{path}/items/t0"), 404, "unknown_item")
    assert_error(client.request("DELETE", f"{path}/items", json={"where": {}}), 422, "invalid_request")


def test_bad_items_fail_alone_and_nothing_is_stored_under_fail(client: httpx.Client, path: str) -> None:
    items = [
        {"text": "a good one", "id": "good"},
        {"text": "without an id"},
        {"image": "bm90IGFuIGltYWdl", "id": "broken"},
        {"text": "twice", "id": "good"},
        {"text": "wrong metadata", "id": "wrong"},
    ]
    request = {"input": items, "metadata": [{}, {}, {}, {}, {"year": 2.5}]}
    codes = ["missing_id", "unsupported_image", "duplicate_id", "invalid_metadata"]
    error = assert_error(client.post(f"{path}/items", json=request), 422, "invalid_items")
    assert [item["code"] for item in error["items"]] == codes
    assert client.get(path).json()["rows"] == 6
    stored = client.post(f"{path}/items", json={**request, "on_error": "skip"}).json()
    assert [bad["error"]["code"] for bad in stored["unusable"]] == codes
    assert (stored["added"], client.get(path).json()["rows"]) == (1, 7)


def test_many_vectors_of_a_file_are_stored_in_a_job(client: httpx.Client, path: str) -> None:
    name = f"/v1/collections/v-{uuid.uuid4().hex[:8]}"
    client.put(name, json={"model": "mine", "fingerprint": "mine", "dimension": 4, "fields": {"i": "integer"}})
    rows = np.random.default_rng(0).standard_normal((12_000, 4)).astype(np.float32)
    rows[7] = np.nan
    file = client.post("/v1/files", content=npy(rows), headers=BYTES).json()["id"]
    block = {"modality": "image", "model": "mine", "fingerprint": "mine", "dimension": 4, "file": file}
    ids = [f"i{i}" for i in range(len(rows))]
    request = {"vectors": [block], "ids": ids, "metadata": [{"i": i} for i in range(len(rows))], "on_error": "skip"}
    stored = client.post(f"{name}/items", json=request).json()
    assert (stored["added"], stored["rows"], [bad["id"] for bad in stored["unusable"]]) == (11_999, 11_999, ["i7"])
    job = client.post(f"{name}/items", json={**request, "mode": "job"})
    assert job.status_code == 202
    while (now := client.get(f"/v1/jobs/{job.json()['id']}").json())["state"] in ("queued", "running"):
        time.sleep(0.1)
    assert (now["state"], now["result"]["replaced"], now["result"]["rows"]) == ("succeeded", 11_999, 11_999)
    query = {**{key: block[key] for key in ("modality", "model", "fingerprint", "dimension")}}
    query["data"] = base64_of(rows[:2].tobytes())
    found = client.post(f"{name}/search", json={"vectors": [query], "k": 1}).json()
    assert [each["neighbours"][0]["metadata"] for each in found["data"]] == [{"i": 0}, {"i": 1}]
    assert client.delete(name).json() == {"deleted": name.rpartition("/")[2], "rows": 11_999}
    assert_error(client.get(name), 404, "unknown_collection")


def test_items_that_a_collection_has_already_are_found(client: httpx.Client, path: str) -> None:
    sent = [image(jpeg("chelsea", width=250, quality=60), "mine"), image(jpeg("retina", width=250), "new")]
    found = client.post(f"{path}/duplicates", json={"input": sent, "threshold": 0.9}).json()
    assert [[each["id"] for each in entry["neighbours"]] for entry in found["data"]] == [["photos/chelsea.jpg"], []]
    assert (found["duplicates"], found["threshold_reason"]) == (1, "given by the caller")
    learned = client.post(f"{path}/duplicates", json={"input": sent}).json()
    assert "too few to learn a threshold" in learned["threshold_reason"]


def test_grpc_says_the_same(server: Server, client: httpx.Client, path: str) -> None:
    name = path.rpartition("/")[2]
    requests: list[tuple[str, dict[str, Any]]] = [
        ("search", {"input": [{"text": "a cat"}], "k": 3, "where": {"year": {"lte": 2020}}, "with_thumbnails": True}),
        ("search", {"like": ["t0", "nobody"], "on_error": "skip", "exact": True, "with_texts": False}),
        ("duplicates", {"like": ["t0"], "threshold": 0.2}),
    ]
    with stub(server) as calls:
        card = calls.GetCollection(pb.GetCollectionRequest(name=name))
        over_http = client.get(path).json()
        assert (card.name, card.rows, dict(card.fields), card.thumbnails) == (name, 6, FIELDS, "blurred")
        assert json.loads(card.receipt_json) == over_http["receipt"]
        assert not card.HasField("index")
        for what, body in requests:
            method, message = collection_request(f"{path}/{what}", body)
            mine, theirs = getattr(calls, method)(message), client.post(f"{path}/{what}", json=body).json()
            for entry, expected in zip(mine.data, theirs["data"], strict=True):
                assert (entry.error.code or None) == expected.get("error", {}).get("code")
                for each, other in zip(entry.neighbours, expected.get("neighbours", []), strict=True):
                    assert each.cosine == pytest.approx(other["cosine"], abs=1e-6)
                    assert (each.id, json.loads(each.metadata_json)) == (other["id"], other["metadata"])
                    assert (each.text if each.HasField("text") else None) == other.get("text")
                    assert base64_of(each.thumbnail) == other.get("thumbnail", "")
            search = {**dict.fromkeys(theirs["search"]), **plain(mine.search)}
            assert search == theirs["search"]
        page = calls.ListCollectionItems(
            pb.ListCollectionItemsRequest(name=name, limit=4, with_vectors=True, where_json='{"id":{"ne":"t0"}}')
        )
        query = {"limit": 4, "vectors": True, "where": '{"id":{"ne":"t0"}}'}
        listed = client.get(f"{path}/items", params=query).json()
        assert page.next_cursor == listed["next_cursor"]
        assert [(i.id, json.loads(i.metadata_json)) for i in page.data] == [
            (i["id"], i["metadata"]) for i in listed["data"]
        ]
        assert np.allclose([item.vector for item in page.data], [item["vector"] for item in listed["data"]])
        one = calls.GetCollectionItem(pb.GetCollectionItemRequest(name=name, id="photos/coffee.jpg"))
        assert (len(one.vector), one.modality, one.thumbnail[:3]) == (1280, "image", b"\xff\xd8\xff")
        body = {"input": [{"text": "one more", "id": "g"}], "metadata": [{"source": "g"}]}
        stored = calls.PutCollectionItems(collection_request(f"{path}/items", body)[1]).stored
        assert (stored.added, stored.rows) == (1, 7)
        assert client.get(f"{path}/items/g").json()["metadata"] == {"source": "g"}
        gone = calls.DeleteCollectionItems(pb.DeleteCollectionItemsRequest(name=name, ids=["g"]))
        assert (gone.deleted, gone.rows) == (1, 6)
        assert name in [each.name for each in calls.ListCollections(pb.ListCollectionsRequest()).data]
        assert calls.DeleteCollection(pb.DeleteCollectionRequest(name=name)).rows == 6
    assert name not in [each["name"] for each in client.get("/v1/collections").json()["data"]]
