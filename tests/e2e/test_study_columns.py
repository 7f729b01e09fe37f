"""Columns of a study over HTTP: tables, figures, lookups; studies of a collection, whose texts are coded."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.e2e.harness import Server, assert_error
from tests.models import image_samples as samples

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
URL = "/v1/studies/columns"
PICTURES = [samples.encode(samples.scene(seed=i), "PNG") for i in range(4)]


@pytest.fixture
def study(client: httpx.Client) -> Iterator[httpx.Client]:
    """A study of four pictures with the columns score (of three) and label."""
    client.delete(URL)
    assert client.post("/v1/studies", json={"name": "columns"}).status_code == 201
    files = [("input", (f"{i}.png", data)) for i, data in enumerate(PICTURES)]
    assert client.post(f"{URL}/items", files=files).json()["added"] == 4
    columns = {"score": [0.5, None, 2, 1], "label": ["a", "b", "a", None]}
    assert client.put(f"{URL}/columns", json={"ids": [f"{i}.png" for i in range(4)], "columns": columns}).is_success
    yield client
    client.delete(URL)


def test_a_table_has_the_columns_that_are_named(study: httpx.Client) -> None:
    asked: list[tuple[str, Any]] = [("column", "score"), ("column", "label"), ("sort", "score")]
    table = study.get(f"{URL}/table", params=[*asked, ("ids", True)]).json()
    assert table["ids"] == ["0.png", "3.png", "2.png", "1.png"]
    assert table["columns"] == {"score": [0.5, 1, 2, None], "label": ["a", None, "a", "b"]}
    few = study.get(f"{URL}/table", params={"filter": "label=a", "sort": "id", "descending": True}).json()
    assert (few["n"], few["ids"], few["columns"]) == (2, None, {})
    assert few["keys"] == [table["keys"][2], table["keys"][0]]
    assert study.get(f"{URL}/table", params={"search": "nothing"}).json()["keys"] == []
    assert_error(study.get(f"{URL}/table", params={"column": "size"}), 422, "unknown_column")


def test_figures_of_columns_are_for_filters(study: httpx.Client) -> None:
    listed = study.get(f"{URL}/columns").json()
    score, label = listed["data"]
    assert (listed["items"], score["items"], score["missing"], score["distinct"]) == (4, 3, 1, 3)
    assert (score["min"], score["max"], sum(score["histogram"]["counts"])) == (0.5, 2, 3)
    assert label["values"] == [{"value": "a", "count": 2}, {"value": "b", "count": 1}]
    assert label["histogram"] is label["min"] is score["source"] is None
    assert study.delete(f"{URL}/columns/score").json() == {"name": "score", "deleted": True, "items": 3}
    assert [each["name"] for each in study.get(f"{URL}/columns").json()["data"]] == ["label"]
    assert_error(study.delete(f"{URL}/columns/score"), 404, "unknown_column")


def test_items_are_looked_up_in_the_order_of_the_request(study: httpx.Client) -> None:
    keys = study.get(f"{URL}/table").json()["keys"]
    found = study.post(f"{URL}/items/lookup", json={"keys": [keys[2], keys[0], keys[2]]}).json()
    assert [item["id"] for item in found["data"]] == ["2.png", "0.png", "2.png"]
    assert found["data"][0]["columns"] == {"score": 2, "label": "a"}
    by_id = study.post(f"{URL}/items/lookup", json={"ids": ["3.png"]}).json()
    assert (by_id["data"][0]["key"], by_id["total"]) == (keys[3], 1)


TEXTS = ["a protest in the rain", None, "a cat on a sofa"]


def collection(client: httpx.Client, name: str) -> np.ndarray[Any, Any]:
    """A collection of three items of random vectors, two of them with texts; returns the vectors by id."""
    client.delete(f"/v1/collections/{name}")
    rows = np.random.default_rng(1).standard_normal((3, 8)).astype(np.float32)
    card = {
        **{"model": "other-model", "fingerprint": "other-fingerprint", "dimension": 8},
        "fields": {"year": "integer", "source": "string", "seen": "boolean", "empty": "number"},
    }
    made = client.put(f"/v1/collections/{name}", json=card)
    assert made.is_success, made.text
    vectors = {"modality": "text", "model": "other-model", "fingerprint": "other-fingerprint", "dimension": 8}
    sent = {
        "vectors": [{**vectors, "data": base64.b64encode(rows.tobytes()).decode()}],
        "ids": ["c", "a", "b"],
        "texts": [TEXTS[2], TEXTS[0], ""],
        "metadata": [{"year": 2022, "seen": True}, {"year": 2020, "source": "x"}, {}],
    }
    stored = client.post(f"/v1/collections/{name}/items", json=sent)
    assert stored.is_success, stored.text
    return rows[[1, 2, 0]]


def test_a_study_of_a_collection_has_its_metadata_texts_and_vectors(client: httpx.Client, server: Server) -> None:
    rows = collection(client, "posts")
    client.delete("/v1/studies/posts")
    made = client.post("/v1/studies", json={"name": "posts", "collection": "posts"})
    assert made.status_code == 201, made.text
    card = made.json()
    assert (card["collection"], card["pictures"], card["items"], card["bytes"]) == ("posts", False, 3, 0)
    assert card["columns"] == {"year": "number", "source": "text", "seen": "text"}
    items = client.get("/v1/studies/posts/items").json()["data"]
    assert [(item["id"], item["text"]) for item in items] == list(zip("abc", TEXTS, strict=True))
    assert [item["columns"] for item in items] == [{"year": 2020, "source": "x"}, {}, {"year": 2022, "seen": "true"}]
    assert_error(client.get(f"/v1/studies/posts/items/{items[0]['key']}/picture"), 404, "no_picture")
    sent = client.post("/v1/studies/posts/items", files=[("input", ("x.png", PICTURES[0]))])
    assert_error(sent, 409, "study_of_a_collection")

    client.delete("/v1/collections/posts")  # the study has a copy
    sets = client.get("/v1/studies/posts/embeddings").json()["data"]
    assert [(each["model"], each["dimension"], each["items"], each["missing"]) for each in sets] == [
        ("other-model", 8, 3, 0)
    ]
    found = client.post("/v1/studies/posts/search", json={"query": {"key": items[0]["key"]}}).json()
    cosines = rows @ rows[0] / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[0])
    assert {hit["id"]: hit["cosine"] for hit in found["data"]} == pytest.approx(
        {"b": cosines[1], "c": cosines[2]}, abs=1e-6
    )
    assert_error(client.post("/v1/studies/posts/embeddings", json={}), 409, "study_of_a_collection")

    book = {"variables": [{"name": "cat", "kind": "binary"}]}
    assert client.put("/v1/studies/posts/codebook", json=book).is_success
    drawn = {"name": "first", "coders": ["anna"], "sample": {"design": "simple", "size": 3}}
    assert_error(client.post("/v1/studies/posts/assignments", json=drawn), 422, "nothing_to_code")
    given = {"name": "first", "coders": ["anna"], "items": [{"id": "a"}, {"id": "c"}]}
    token = client.post("/v1/studies/posts/assignments", json=given).json()["tokens"][0]["token"]
    with server.client(headers={"authorization": f"Bearer {token}"}) as coder:
        units = coder.get("/v1/coding/next").json()["data"]
    assert sorted(unit["texts"][0] for unit in units) == [TEXTS[2], TEXTS[0]]
    assert [unit["pictures"] for unit in units] == [[], []]
    gone = client.delete("/v1/studies/posts").json()
    assert (gone["items"], gone["pictures"], gone["vectors"]) == (3, 0, 3)


def test_a_study_is_made_of_a_collection_that_has_items(client: httpx.Client) -> None:
    collection(client, "void")
    client.request("DELETE", "/v1/collections/void/items", json={"ids": ["a", "b", "c"]})
    void = client.post("/v1/studies", json={"name": "void", "collection": "void"})
    assert_error(void, 422, "invalid_request")
    none = client.post("/v1/studies", json={"name": "void", "collection": "nothing"})
    assert_error(none, 404, "unknown_collection")
    both = client.post("/v1/studies", json={"name": "void", "collection": "void", "folder": "photos"})
    assert_error(both, 422, "invalid_request")
    assert all(each["name"] != "void" for each in client.get("/v1/studies").json()["data"])
    client.delete("/v1/collections/void")
