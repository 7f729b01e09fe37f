"""Comparisons of representations over HTTP and gRPC, by a real server."""

import json
import re
import time
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from daguerre_proto.v1 import jobs_pb2
from daguerre_proto.v1 import representations_pb2 as pb
from tests.e2e import harness
from tests.e2e.grpc_calls import error, stub
from tests.e2e.harness import Server
from tests.e2e.test_classifiers import block
from tests.e2e.test_clusters import npy, upload
from tests.models.clouds import clouds

# vectors are computed with in workers of jobs, the same in both placements
pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
GOOD, TRUTH = clouds((40, 30, 20), spread=0.3)
POOR, _ = clouds((40, 30, 20), spread=2.0)
RNG = np.random.default_rng(0)
A, B = np.array([RNG.choice(90, 2, replace=False) for _ in range(150)]).T
PAIRS = {"a": A.tolist(), "b": B.tolist(), "same": (TRUTH[A] == TRUTH[B]).astype(int).tolist()}
GRID = [{"method": "kmeans", "k": 3}, {"method": "agglomerative", "k": 3, "linkage": "complete"}]
PATH = "/v1/representations"


def vectors(**rows: np.ndarray) -> list[dict[str, Any]]:
    return [
        {"name": name, "dimension": each.shape[1], "data": harness.base64_of(each.astype("<f4").tobytes())}
        for name, each in rows.items()
    ]


def body(**other: Any) -> dict[str, Any]:
    return {"vectors": vectors(poor=POOR, good=GOOD), **PAIRS, "grid": GRID, "resamples": 100, **other}


def cosines(rows: np.ndarray) -> np.ndarray:
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray((unit[A] * unit[B]).sum(axis=1))


def test_representations_are_ranked_with_and_without_clusterings(client: httpx.Client) -> None:
    answer = client.post(PATH, json=body())
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert [each["name"] for each in found["representations"]] == ["good", "poor"]
    for each, rows in zip(found["representations"], (GOOD, POOR), strict=True):
        assert each["auc"]["value"] == pytest.approx(roc_auc_score(PAIRS["same"], cosines(rows)), abs=1e-6)
        assert each["auc"]["low"] <= each["auc"]["value"] <= each["auc"]["high"]
    assert found["representations"][1]["difference"]["high"] < 0
    assert len(found["configurations"]) == 4
    scores = [each["f1"]["value"] for each in found["configurations"]]
    assert scores == sorted(scores, reverse=True)
    alone = {"vectors": [block(GOOD, {"fingerprint": "f"})], **GRID[0]}
    labels = np.array(client.post("/v1/clusters", json=alone).json()["labels"])
    run = next(each for each in found["configurations"] if each["name"] == "good, kmeans, k 3")
    assert run["f1"]["value"] == pytest.approx(f1_score(PAIRS["same"], labels[A] == labels[B]))
    assert run["parameters"] == GRID[0]
    assert found["winner"]["held_out"]["pairs"] == 75
    assert client.get(f"{PATH}/{found['id']}").json() == found
    page = client.get(f"{PATH}/{found['id']}/report.html")
    assert page.status_code == 200
    assert "good, kmeans, k 3" in page.text
    again = client.post(PATH, json=body()).json()
    assert {**again, "id": 0, "created": 0} == {**found, "id": 0, "created": 0}


def test_forms_and_files_and_grpc_give_the_same(server: Server, client: httpx.Client) -> None:
    found = client.post(PATH, json=body()).json()

    def comparable(answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "id": 0, "created": 0}

    bare = [{"name": each["name"], "dimension": each["dimension"]} for each in vectors(poor=POOR, good=GOOD)]
    request = json.dumps(body(vectors=bare))
    files = {"vectors[0]": npy(POOR.astype(np.float32)), "vectors[1]": npy(GOOD.astype(np.float32))}
    form = client.post(PATH, data={"request": request}, files=files)
    assert form.status_code == 200, form.text
    assert comparable(form.json()) == comparable(found)
    file = upload(client, GOOD.astype(np.float32), name="good.npy").json()["id"]
    sent = body(vectors=[vectors(poor=POOR)[0], {**bare[1], "file": file}])
    job = client.post(PATH, json={**sent, "mode": "job"})
    assert job.status_code == 202
    client.delete(f"/v1/files/{file}")
    while client.get(f"/v1/jobs/{job.json()['id']}").json()["state"] in ("queued", "running"):
        time.sleep(0.05)
    assert comparable(client.get(f"{PATH}/{job.json()['id']}").json()) == comparable(found)
    with stub(server) as calls:
        message = pb.CompareRepresentationsRequest(
            vectors=[
                pb.Representation(name=name, dimension=rows.shape[1], data=rows.astype("<f4").tobytes())
                for name, rows in (("poor", POOR), ("good", GOOD))
            ],
            **PAIRS,
            grid=[pb.ClusterOptions(**point) for point in GRID],
            resamples=100,
        )
        over_grpc = calls.CompareRepresentations(message).comparison
        assert comparable(json.loads(over_grpc.answer_json)) == comparable(found)
        assert calls.GetRepresentations(pb.GetRepresentationsRequest(id=over_grpc.id)) == over_grpc
        page = calls.RepresentationsPage(pb.RepresentationsPageRequest(id=over_grpc.id)).html
        assert "good, kmeans, k 3" in page
        message.as_job = True
        assert calls.CompareRepresentations(message).job.kind == "representations"
        with pytest.raises(grpc.RpcError) as caught:
            calls.GetRepresentations(pb.GetRepresentationsRequest(id="job_none"))
        assert error(caught.value)["code"] == "unknown_job"
        assert calls.ListJobs(jobs_pb2.ListJobsRequest(limit=1)).jobs


def test_items_without_a_vector_and_their_pairs_are_left_out_and_counted(client: httpx.Client) -> None:
    holes = GOOD.copy()
    holes[[3, 7]] = np.nan
    sent = body(vectors=vectors(poor=POOR, good=holes))
    refused = client.post(PATH, json=sent)
    assert refused.status_code == 422
    assert "item 3" in refused.json()["error"]["message"]
    found = client.post(PATH, json={**sent, "on_error": "skip"}).json()
    lost = int((np.isin(A, [3, 7]) | np.isin(B, [3, 7])).sum())
    assert found["n_pairs"] == 150 - lost
    assert f"{lost} of 150 pairs" in found["remarks"][0]
    assert [each["index"] for each in found["unusable"]] == [3, 7]


def test_cosines_alone_need_no_grid(client: httpx.Client) -> None:
    found = client.post(PATH, json=body(grid=None, cosines_only=True)).json()
    assert (found["configurations"], found["winner"]) == ([], None)
    assert len(found["representations"]) == 2
    default = client.post(PATH, json=body(grid=None)).json()
    methods = {each["parameters"]["method"] for each in default["configurations"]}
    assert methods == {"iterative-kmeans", "kmeans", "hdbscan"}


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "no vectors": ({"vectors": []}, 422, "vectors"),
    "a name twice": ({"vectors": vectors(one=GOOD) * 2}, 422, "has the name 'one' again"),
    "other items": ({"vectors": vectors(one=GOOD, two=GOOD[:50])}, 422, "50 and 90 rows"),
    "no data": (
        {"vectors": [{"name": "one", "dimension": 2}]},
        422,
        "data, a file, a folder, or the part vectors",
    ),
    "an unknown parameter": ({"grid": [{"method": "kmeans", "clusters": 3}]}, 422, "clusters"),
    "an unknown method": ({"grid": [{"method": "magic"}]}, 422, "grid"),
    "parameters that do not fit": ({"grid": [{"method": "agglomerative"}]}, 422, "k: agglomerative needs"),
    "a combination twice": ({"grid": [GRID[0], GRID[0]]}, 422, r"grid\[1\]: is the same as grid\[0\]"),
    "too many clusters": ({"grid": [{"method": "kmeans", "k": 91}]}, 422, r"grid\[0\] on poor: k: got 91"),
    "both kinds": ({"cosines_only": True}, 422, "cosines_only needs no grid"),
    "an item that is not there": ({"a": [0], "b": [90], "same": [1]}, 422, "items from 0 to 89"),
    "a pair of one item": ({"a": [1], "b": [1], "same": [1]}, 422, "two different items"),
    "columns of two lengths": ({"same": [1]}, 422, "same: got 1 for 150 pairs"),
    "no pairs": ({"a": [], "b": [], "same": []}, 422, "a"),
    "a large grid": (
        {
            "grid": [{"method": "kmeans", "k": k} for k in range(2, 100)],
            "vectors": vectors(**{f"r{i}": GOOD for i in range(6)}),
        },
        413,
        "588|6 representations times 98",
    ),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_compared_is_refused_in_words(client: httpx.Client, kind: str) -> None:
    change, status, message = WRONG[kind]
    answer = client.post(PATH, json=body(**change))
    assert answer.status_code == status, answer.text
    assert re.search(message, answer.json()["error"]["message"]), answer.text


def test_parts_that_belong_to_no_representation_are_refused(client: httpx.Client) -> None:
    for name, message in (
        ("vectors[2]", "no entry"),
        ("image_vectors", "no such part"),
        ("vectors[01]", "no such part"),
    ):
        answer = client.post(PATH, data={"request": json.dumps(body())}, files={name: npy(GOOD)})
        assert answer.status_code == 422
        assert message in answer.json()["error"]["message"]
    clusters = client.post("/v1/clusters", data={"request": "{}"}, files={"vectors[0]": npy(GOOD)})
    assert "no such part" in clusters.json()["error"]["message"]
