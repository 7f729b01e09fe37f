"""A single value stands for a list of one, and lists of numbers for small vectors: as R and spreadsheets send them."""

import base64
from typing import Any

import httpx
import numpy as np
import pytest

from service.schemas.base import list_fields
from service.schemas.search import SearchRequest

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
CODES = {"coder": ["a", "b"], "item": ["p", "p"], "code": ["x", "x"]}


def answer(client: httpx.Client, path: str, **fields: Any) -> Any:
    response = client.post(path, json=fields)
    assert response.status_code == 200, response.text
    return {name: value for name, value in response.json().items() if name not in ("id", "created")}


def block(data: Any, **more: Any) -> dict[str, Any]:
    return {"modality": "text", "model": "m", "fingerprint": "f", "data": data, **more}


TWO = base64.b64encode(np.array([[1, 0], [0.6, 0.8]], "<f4").tobytes()).decode()


@pytest.mark.parametrize(
    ("path", "single", "listed"),
    [
        ("/v1/embeddings", {"input": "a cat"}, {"input": ["a cat"]}),
        (
            "/v1/zero-shot",
            {"input": "a cat", "labels": "a cat", "templates": "{}", "negatives": "a car", "multi_label": True},
            {"input": ["a cat"], "labels": ["a cat"], "templates": ["{}"], "negatives": ["a car"], "multi_label": True},
        ),
        ("/v1/agreement", {**CODES, "missing": "none"}, {**CODES, "missing": ["none"]}),
        (
            "/v1/validations",
            {"predictions": {"name": "p", "item": "a", "value": 1.5}, "codes": {"item": "a", "code": 2.5}},
            {"predictions": [{"name": "p", "item": ["a"], "value": [1.5]}], "codes": {"item": ["a"], "code": [2.5]}},
        ),
        (
            "/v1/search",
            {"vectors": block([0.6, 0.8]), "queries": block([1, 0]), "ids": "a"},
            {"vectors": [block([[0.6, 0.8]], dimension=2)], "queries": block([[1, 0]], dimension=2), "ids": ["a"]},
        ),
        (
            "/v1/search",
            {"vectors": block([[1, 0], [0.6, 0.8]]), "queries": block([1, 0])},
            {"vectors": [block(TWO, dimension=2)], "queries": block([[1, 0]])},
        ),
        (
            "/v1/samples",
            {"design": "stratified", "size": 1, "strata": "x"},
            {"design": "stratified", "size": 1, "strata": ["x"]},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_single_value_has_the_answer_of_a_list_of_one(
    client: httpx.Client, path: str, single: dict[str, Any], listed: dict[str, Any]
) -> None:
    assert answer(client, path, **single) == answer(client, path, **listed)


def test_search_takes_a_text_as_embeddings_does(client: httpx.Client) -> None:
    made = client.post("/v1/embeddings", json={"input": ["a cat", "a car"], "encoding_format": "float"}).json()
    vectors = {
        "modality": "text",
        "model": made["model"],
        "fingerprint": made["receipt"]["fingerprint"],
        "data": [each["embedding"] for each in made["data"]],
    }
    texts = [answer(client, "/v1/search", input=given, vectors=vectors)["data"] for given in ("a cat", ["a cat"])]
    assert texts[0] == texts[1] == answer(client, "/v1/search", input=[{"text": "a cat"}], vectors=vectors)["data"]
    assert texts[0][0]["neighbours"][0]["index"] == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([[1, 0], [1]], "has 1 numbers, and rows before have 2"),
        ([[1, "0"]], "something else than numbers"),
        ([[1, None]], "null as a whole"),
        ([[True, False]], "something else than numbers"),
        ([[1e39, 0]], "no finite float32"),
        ([], "has no numbers"),
        ([None], "has no numbers"),
        ([1, [1]], "is no list"),
    ],
)
def test_lists_that_are_no_vectors_are_refused(client: httpx.Client, data: Any, message: str) -> None:
    response = client.post("/v1/search", json={"vectors": block(data), "queries": block([1, 0])})
    assert response.status_code == 422
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize("labels", [5, {"a": 1}, True])
def test_a_value_of_another_type_than_the_elements_is_no_list(client: httpx.Client, labels: Any) -> None:
    response = client.post("/v1/zero-shot", json={"input": "a cat", "labels": labels})
    assert response.status_code == 422
    assert response.json()["error"]["param"] == "labels"


def test_the_document_has_single_values(client: httpx.Client) -> None:
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    assert set(list_fields(SearchRequest)) == {"vectors", "ids"}
    search = schemas["SearchRequest"]["properties"]
    assert {"type": "string"} in search["ids"]["anyOf"]
    assert {"$ref": "#/components/schemas/Vectors"} in search["vectors"]["anyOf"]
    assert any(each.get("type") == "string" for each in search["input"]["anyOf"])
    assert {"type": "string"} in schemas["ZeroShotRequest"]["properties"]["labels"]["anyOf"]
