"""Each operation that embeds its items takes their vectors: in JSON, in a form, in a file sent ahead; over gRPC too."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from google.protobuf.json_format import ParseDict
from numpy.typing import NDArray

from daguerre_proto.v1 import classifiers_pb2, clusters_pb2, corpus_pb2
from tests.e2e.grpc_calls import stub
from tests.e2e.harness import Server, assert_error, base64_of, embed
from tests.e2e.test_zero_shot_vectors import BYTES, header, npy

GLAD = [f"a happy day, number {i}" for i in range(12)]
SAD = [f"terrible news, number {i}" for i in range(12)]
TARGETS = ["glad"] * 12 + ["sad"] * 12
TRAINING = {"targets": TARGETS, "strengths": [10.0], "folds": 2, "inner_folds": 2, "resamples": 20}
WAYS = ("JSON", "part", "file")


@pytest.fixture
def rows(client: httpx.Client) -> NDArray[np.float32]:
    return embed(client, [*GLAD, *SAD]).astype(np.float32)


@pytest.fixture
def block(client: httpx.Client, rows: NDArray[np.float32]) -> dict[str, Any]:
    receipt = client.post("/v1/embeddings", json={"input": "a"}).json()["receipt"]
    return header(receipt, rows, modality="text")


def send(
    client: httpx.Client, path: str, fields: dict[str, Any], block: dict[str, Any], rows: NDArray[np.float32], way: str
) -> dict[str, Any]:
    if way == "part":
        files = {"text_vectors": ("v.npy", npy(rows))}
        answer = client.post(path, data={"request": json.dumps({**fields, "vectors": [block]})}, files=files)
    else:
        more = (
            {"data": base64_of(rows.tobytes())}
            if way == "JSON"
            else {"file": client.post("/v1/files", content=npy(rows), headers=BYTES).json()["id"]}
        )
        answer = client.post(path, json={**fields, "vectors": [{**block, **more}]})
    assert answer.status_code == 200, answer.text[:2000]
    return dict(answer.json())


@pytest.fixture
def classifier(client: httpx.Client, rows: NDArray[np.float32], block: dict[str, Any]) -> str:
    name = f"v-{uuid.uuid4().hex[:8]}"
    return str(send(client, "/v1/classifiers", {"name": name, **TRAINING}, block, rows, "JSON")["id"])


def test_every_operation_takes_vectors_in_every_way(
    client: httpx.Client, rows: NDArray[np.float32], block: dict[str, Any], classifier: str
) -> None:
    ids = [f"t{i}" for i in range(24)]
    operations: dict[str, tuple[str, dict[str, Any], Callable[[dict[str, Any]], Any]]] = {
        "train": ("/v1/classifiers", {"name": "v-all", **TRAINING}, lambda a: a["report"]["n"]),
        "predict": (
            f"/v1/classifiers/{classifier}/predict",
            {"ids": ids},
            lambda a: [(e["id"], e["label"]) for e in a["data"]],
        ),
        "estimate": (f"/v1/classifiers/{classifier}/estimate", {}, lambda a: a["estimates"]["glad"]["value"]),
        "clusters": ("/v1/clusters", {"method": "agglomerative", "k": 2, "resamples": 0}, lambda a: a["labels"]),
        "duplicates": ("/v1/duplicates", {"kind": "semantic", "threshold": 0.9}, lambda a: a["groups"]),
        "search": (
            "/v1/search",
            {"input": [{"text": GLAD[0]}], "k": 3, "ids": ids},
            lambda a: [n["id"] for n in a["data"][0]["neighbours"]],
        ),
    }
    for name, (path, fields, read) in operations.items():
        found = [read(send(client, path, fields, block, rows, way)) for way in WAYS]
        assert found[0] == found[1] == found[2], name
    assert [id for id, _ in read_predictions(client, classifier, block, rows)] == ids


def read_predictions(client: httpx.Client, name: str, block: dict[str, Any], rows: Any) -> list[tuple[str, str]]:
    fields = {"ids": [f"t{i}" for i in range(24)]}
    answer = send(client, f"/v1/classifiers/{name}/predict", fields, block, rows, "JSON")
    return [(each["id"], each["label"]) for each in answer["data"]]


def test_an_estimate_of_vectors_is_that_of_their_predictions(
    client: httpx.Client, rows: NDArray[np.float32], block: dict[str, Any], classifier: str
) -> None:
    path = f"/v1/classifiers/{classifier}"
    data = send(client, f"{path}/predict", {"crossed": True}, block, rows, "JSON")["data"]
    crossed = np.array([each["crossed"] for each in data])
    corpus = {"n": 24, "mean": crossed.mean(axis=0).tolist(), "variance": crossed.var(axis=0, ddof=1).tolist()}
    expected = client.post(f"{path}/estimate", json={"corpus": corpus}).json()["estimates"]
    found = send(client, f"{path}/estimate", {}, block, rows, "JSON")["estimates"]
    assert found.keys() == expected.keys()
    for label, each in expected.items():
        assert found[label]["value"] == pytest.approx(each["value"], abs=1e-9)
    for fields in ({}, {"corpus": corpus, "vectors": [{**block, "data": base64_of(rows.tobytes())}]}):
        refused = assert_error(client.post(f"{path}/estimate", json=fields), 422, "invalid_request")
        assert "either corpus or vectors" in refused["message"]
    one = {**block, "data": base64_of(rows[:1].tobytes())}
    refused = assert_error(client.post(f"{path}/estimate", json={"vectors": [one]}), 422, "invalid_request")
    assert "at least 2" in refused["message"]


def test_grpc_takes_vectors_as_http_does(
    server: Server, client: httpx.Client, rows: NDArray[np.float32], block: dict[str, Any], classifier: str
) -> None:
    file = client.post("/v1/files", content=npy(rows), headers=BYTES).json()["id"]
    with stub(server) as daguerre:
        for content in ({"data": rows.tobytes()}, {"file": file}):
            vectors = [classifiers_pb2.Vectors(**block, **content)]
            found = daguerre.Predict(
                classifiers_pb2.PredictRequest(classifier=classifier, vectors=vectors, ids=[f"t{i}" for i in range(24)])
            )
            assert [(e.id, e.label) for e in found.data] == read_predictions(client, classifier, block, rows)
            share = daguerre.Estimate(classifiers_pb2.EstimateRequest(classifier=classifier, vectors=vectors))
            over_http = send(client, f"/v1/classifiers/{classifier}/estimate", {}, block, rows, "JSON")["estimates"]
            assert {e.label: e.value for e in share.estimates if e.label} == {
                label: each["value"] for label, each in over_http.items()
            }
            made = ParseDict({"method": "agglomerative", "k": 2, "resamples": 0}, clusters_pb2.ClusterRequest())
            made.vectors.extend(vectors)
            assert len(daguerre.Cluster(made).clustering.labels) == 24
            same = corpus_pb2.DuplicatesRequest(kind="semantic", threshold=0.9, vectors=vectors)
            assert daguerre.FindDuplicates(same).duplicates.n == 24
            wanted = corpus_pb2.SearchRequest(k=3, input=[classifiers_pb2.Post(text=GLAD[0])], corpus=vectors[0])
            assert len(daguerre.Search(wanted).data[0].neighbours) == 3
