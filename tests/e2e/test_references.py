"""A collection in place of items: answers are bit for bit those of its vectors, by both transports."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from google.protobuf.json_format import MessageToDict, ParseDict

from daguerre_proto.v1 import classifiers_pb2, clusters_pb2, corpus_pb2, representations_pb2, zero_shot_pb2
from tests.e2e.grpc_calls import error, stub
from tests.e2e.harness import Server, assert_error, base64_of, embed

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
pytest.importorskip("lancedb")
TEXTS = [f"a happy day, number {i}" for i in range(12)] + [f"terrible news, number {i}" for i in range(12)]
MOODS = ["glad"] * 12 + ["sad"] * 12
IDS = [f"t{i * 7 % 24:02}" for i in range(24)]  # stored in another order than that of the ids
TRAINING = {"strengths": [10.0], "folds": 2, "inner_folds": 2, "resamples": 20}
CODED = {"a": [0, 0, 3, 5, 1, 2], "b": [1, 13, 4, 20, 2, 14], "same": [True, False, True, False, True, False]}
Fields = dict[str, Any]


class Stored:
    """A collection, and its vectors in the order of its ids."""

    def __init__(self, client: httpx.Client) -> None:
        self.name = f"c-{uuid.uuid4().hex[:8]}"
        self.path = f"/v1/collections/{self.name}"
        rows = embed(client, TEXTS).astype(np.float32)
        made = client.put(self.path, json={"fields": {"mood": "string", "n": "integer"}})
        assert made.status_code == 201, made.text
        receipt = made.json()["receipt"]
        self.header = {"modality": "text", "model": receipt["model"], "fingerprint": receipt["fingerprint"]}
        self.header |= {"dimension": rows.shape[1], "receipt": receipt}
        metadata = [{"mood": mood, "n": i} for i, mood in enumerate(MOODS)]
        block = {**self.header, "data": base64_of(rows.tobytes())}
        sent = {"vectors": [block], "ids": IDS, "metadata": metadata, "texts": TEXTS}
        assert client.post(f"{self.path}/items", json=sent).status_code == 200
        order = np.argsort(IDS)
        self.ids = [IDS[i] for i in order]
        self.rows, self.texts, self.moods = rows[order], [TEXTS[i] for i in order], [MOODS[i] for i in order]

    def vectors(self, places: Any = slice(None)) -> Fields:
        """The block of a request with these items."""
        return {**self.header, "data": self.rows[places].tobytes()}


@pytest.fixture(scope="module")
def stored(server: Server) -> Stored:
    with server.client() as client:
        return Stored(client)


@pytest.fixture(scope="module")
def classifier(server: Server, stored: Stored) -> str:
    name = f"r-{uuid.uuid4().hex[:8]}"
    with server.client() as client:
        fields = {"name": name, **TRAINING, "targets": stored.moods, "ids": stored.ids}
        return str(http(client, "/v1/classifiers", {**fields, "vectors": [stored.vectors()]})["id"])


def http(client: httpx.Client, path: str, fields: Mapping[str, Any]) -> Fields:
    blocks = [
        {**each, "data": base64_of(each["data"])} if "data" in each else each for each in fields.get("vectors", ())
    ]
    answer = client.post(path, json={**fields, **({"vectors": blocks} if blocks else {})})
    assert answer.status_code == 200, answer.text[:2000]
    return dict(answer.json())


REQUESTS = {  # method and message of gRPC by the operation's path
    "/v1/classifiers": ("TrainClassifier", classifiers_pb2.TrainRequest),
    "predict": ("Predict", classifiers_pb2.PredictRequest),
    "estimate": ("Estimate", classifiers_pb2.EstimateRequest),
    "/v1/zero-shot": ("ZeroShot", zero_shot_pb2.ZeroShotRequest),
    "/v1/clusters": ("Cluster", clusters_pb2.ClusterRequest),
    "/v1/cluster-grids": ("ClusterGrid", representations_pb2.ClusterGridRequest),
    "/v1/duplicates": ("FindDuplicates", corpus_pb2.DuplicatesRequest),
    "/v1/search": ("Search", corpus_pb2.SearchRequest),
    "/v1/samples": ("DrawSample", corpus_pb2.SampleRequest),
    "/v1/representations": ("CompareRepresentations", representations_pb2.CompareRepresentationsRequest),
}


def over_grpc(server: Server, path: str, fields: Mapping[str, Any]) -> Fields:
    """The answer as its JSON form of protobuf; what is JSON in it, parsed."""
    method, kind = REQUESTS[path.rpartition("/")[2] if path.count("/") == 4 else path]
    sent: Fields = {name: value for name, value in fields.items() if name not in ("vectors", "where", "targets")}
    if path.count("/") == 4:
        sent["classifier"] = path.split("/")[3]
    if "where" in fields:
        sent["where_json"] = json.dumps(fields["where"])
    if "targets" in fields:
        sent["targets"] = {"values": [{"label": each} for each in fields["targets"]]}
    message: Any = ParseDict(sent, kind())
    for block in fields.get("vectors", ()):
        added = message.corpus if path == "/v1/search" else message.vectors.add()
        ParseDict({name: value for name, value in block.items() if name not in ("data", "receipt")}, added)
        added.data = block.get("data", b"")
        if "receipt" in block:
            ParseDict({name: value for name, value in block["receipt"].items() if value is not None}, added.receipt)
    with stub(server) as daguerre:
        answer: Fields = MessageToDict(
            getattr(daguerre, method)(message, timeout=120), preserving_proto_field_name=True
        )
    return dict(_parsed(answer))


def _parsed(value: Any) -> Any:
    if isinstance(value, list):
        return [_parsed(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {name: json.loads(each) if name.endswith("_json") else _parsed(each) for name, each in value.items()}


VOLATILE = ("id", "name", "version", "versions", "created", "seconds", "took")  # of a job or of a classifier's version


def same(answer: Any, depth: int = 0) -> Any:
    """An answer without what differs between two equal requests."""
    if isinstance(answer, list):
        return [same(each, depth + 1) for each in answer]
    if not isinstance(answer, dict):
        return answer
    dropped = VOLATILE if depth < 3 else ()
    return {name: same(each, depth + 1) for name, each in answer.items() if name not in dropped}


OPERATIONS: dict[str, tuple[str, Fields]] = {
    "train": ("/v1/classifiers", {"name": "r-both", **TRAINING, "targets": MOODS}),
    "predict": ("/v1/classifiers/{}/predict", {}),
    "estimate": ("/v1/classifiers/{}/estimate", {}),
    "zero-shot": ("/v1/zero-shot", {"labels": ["joy", "grief"]}),
    "clusters": ("/v1/clusters", {"method": "kmeans", "k": 2, "resamples": 2}),
    "cluster grids": ("/v1/cluster-grids", {"grid": [{"method": "kmeans", "k": 2}], "resamples": 1}),
    "duplicates": ("/v1/duplicates", {"kind": "semantic", "threshold": 0.9}),
    "search": ("/v1/search", {"input": [{"text": "good news"}], "k": 5}),
    "a simple sample": ("/v1/samples", {"design": "simple", "size": 5, "seed": 3}),
    "a diverse sample": ("/v1/samples", {"design": "purposive", "size": 5, "diversity": 1}),
    "representations": ("/v1/representations", {**CODED, "grid": [{"method": "kmeans", "k": 2}], "resamples": 20}),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_answer_is_that_of_the_same_vectors(
    server: Server, client: httpx.Client, stored: Stored, classifier: str, operation: str
) -> None:
    path, fields = OPERATIONS[operation][0].format(classifier), dict(OPERATIONS[operation][1])
    if operation == "train":
        fields["targets"] = stored.moods
    if operation == "representations":
        direct: Fields = {**fields, "vectors": [{"name": "a", **stored.vectors()}]}
        reference: Fields = {**fields, "vectors": [{"name": "a", "collection": stored.name}]}
    else:
        own = {} if operation == "estimate" else {"ids": stored.ids}
        direct = {**fields, **own, "vectors": [stored.vectors()]}
        reference = {**fields, "collection": stored.name}
        if operation == "clusters":
            direct["texts"] = stored.texts
        if operation == "a simple sample":
            direct = {**fields, **own, "n": 24}
    for ask in (lambda asked: http(client, path, asked), lambda asked: over_grpc(server, path, asked)):
        expected, found = same(ask(direct)), same(ask(reference))
        assert found == expected
        assert found, "an answer with nothing in it compares nothing"


def test_where_and_ids_choose_items_and_their_order(client: httpx.Client, stored: Stored, classifier: str) -> None:
    path = f"/v1/classifiers/{classifier}/predict"
    sad = [i for i, mood in enumerate(stored.moods) if mood == "sad"]
    other = [stored.ids.index(id) for id in ("t20", "t03", "t11")]
    ways: list[tuple[list[int], Fields]] = [
        (sad, {"where": {"mood": {"eq": "sad"}}}),
        (other, {"ids": ["t20", "t03", "t11"]}),
    ]
    for places, chosen in ways:
        ids = [stored.ids[i] for i in places]
        expected = http(client, path, {"vectors": [stored.vectors(places)], "ids": ids})["data"]
        found = http(client, path, {"collection": stored.name, **chosen})["data"]
        assert [each["id"] for each in found] == ids
        assert found == expected
    listed = client.get(f"{stored.path}/ids", params={"where": json.dumps({"mood": {"eq": "sad"}})}).json()
    assert listed == {"collection": stored.name, "ids": [stored.ids[i] for i in sad], "modality": "text"}


def test_a_job_has_the_items_of_its_submission(client: httpx.Client) -> None:
    """A collection that is changed or deleted meanwhile changes nothing in it."""
    short_lived = Stored(client)
    fields = {"method": "kmeans", "k": 2, "resamples": 0}
    expected = http(client, "/v1/clusters", {**fields, "collection": short_lived.name})["labels"]
    begun = client.post("/v1/clusters", json={**fields, "collection": short_lived.name, "mode": "job"}).json()
    assert client.delete(short_lived.path).status_code == 200
    for _ in range(1200):
        job = client.get(f"/v1/jobs/{begun['id']}").json()
        if job["state"] not in ("queued", "running"):
            break
    assert job["state"] == "succeeded"
    assert client.get(f"/v1/clusters/{begun['id']}").json()["labels"] == expected
    gone = client.post("/v1/clusters", json={**fields, "collection": short_lived.name})
    assert_error(gone, 404, "unknown_collection")


def test_what_no_collection_can_answer_is_refused(server: Server, client: httpx.Client, stored: Stored) -> None:
    name, labels = stored.name, {"labels": ["joy", "grief"]}
    block = {**stored.header, "data": base64_of(stored.rows.tobytes())}
    refused: list[tuple[Fields, int, str, str]] = [
        ({"collection": "nothing"}, 404, "unknown_collection", "nothing"),
        ({"where": {"n": {"gt": 1}}}, 422, "invalid_request", "send collection too"),
        ({"collection": name, "vectors": [block]}, 422, "invalid_request", "takes the place of vectors"),
        ({"collection": name, "input": ["a"]}, 422, "invalid_request", "either input or vectors"),
        ({"collection": name, "ids": ["t01", "t99"]}, 422, "unknown_item", "'t99'"),
        ({"collection": name, "ids": ["t01", "t01"]}, 422, "invalid_request", "occurs twice"),
        ({"collection": name, "ids": ["t01"], "where": {"n": {"gt": 1}}}, 422, "invalid_request", "send one of them"),
        ({"collection": name, "where": {"n": {"gt": 99}}}, 422, "no_items", "no item that satisfies where"),
        ({"collection": name, "where": {"year": {"gt": 99}}}, 422, "invalid_request", "no field"),
    ]
    for fields, status, code, words in refused:
        said = assert_error(client.post("/v1/zero-shot", json={**labels, **fields}), status, code)
        assert words in said["message"], said
        if "vectors" in fields or "input" in fields:
            continue
        with pytest.raises(grpc.RpcError) as caught:
            over_grpc(server, "/v1/zero-shot", {**labels, **fields})
        told = error(caught.value)
        assert (told["status"], told["code"], told["message"]) == (status, code, said["message"])


def test_images_and_texts_are_not_mixed(client: httpx.Client, stored: Stored) -> None:
    both = Stored(client)
    block = {**both.header, "modality": "image", "data": base64_of(both.rows[:2].tobytes())}
    assert client.post(f"{both.path}/items", json={"vectors": [block], "ids": ["i0", "i1"]}).status_code == 200
    fields = {"method": "kmeans", "k": 2, "resamples": 0, "collection": both.name}
    said = assert_error(client.post("/v1/clusters", json=fields), 422, "mixed_modalities")
    assert "images and texts" in said["message"]
    texts = http(client, "/v1/clusters", {**fields, "where": {"modality": {"eq": "text"}}})
    assert texts["ids"] == both.ids
    assert client.delete(both.path).status_code == 200


def test_collections_of_representations_have_the_same_items(client: httpx.Client, stored: Stored) -> None:
    other = Stored(client)
    assert client.request("DELETE", f"{other.path}/items", json={"ids": ["t00"]}).status_code == 200
    blocks = [{"name": "a", "collection": stored.name}, {"name": "b", "collection": other.name}]
    refused = client.post("/v1/representations", json={**CODED, "cosines_only": True, "vectors": blocks})
    assert_error(refused, 422, "unknown_item")
    ids = [id for id in stored.ids if id != "t00"]
    found = http(client, "/v1/representations", {**CODED, "cosines_only": True, "vectors": blocks, "ids": ids})
    first, second = found["representations"]
    assert first["auc"] == second["auc"]
    assert client.delete(other.path).status_code == 200
