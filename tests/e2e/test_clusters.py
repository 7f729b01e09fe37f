"""Clusters, duplicates, files and search over HTTP and gRPC, by a real server."""

import io
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import grpc
import httpx
import numpy as np
import psutil
import pytest
from PIL import Image
from sklearn.metrics import adjusted_rand_score, silhouette_samples

from bench.copies import tweet
from daguerre_proto.v1 import classifiers_pb2, jobs_pb2
from daguerre_proto.v1 import clusters_pb2 as clusters_pb
from daguerre_proto.v1 import corpus_pb2 as pb
from tests.e2e import harness
from tests.e2e.grpc_calls import error, stub
from tests.e2e.harness import Server
from tests.e2e.test_classifiers import block, vectors_of
from tests.models.clouds import clouds

# vectors are computed with in workers of jobs, the same in both placements
pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
WORDS = {
    "rain": ["it rains", "heavy rain today", "rain and wind", "a rainy day", "the rain fell", "rain all night"],
    "cake": ["a cake", "chocolate cake", "she baked a cake", "cake with cream", "a slice of cake", "birthday cake"],
    "war": ["a war", "the war began", "soldiers at war", "war and peace", "the long war", "war in the east"],
}
TEXTS = [text for texts in WORDS.values() for text in texts]
KNOWN = [name for name, texts in WORDS.items() for _ in texts]
ROWS, TRUTH = clouds((120, 80, 50, 30, 20), spread=0.3)
MADE = {"fingerprint": "made-up"}


def npy(rows: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, rows)
    return out.getvalue()


def upload(client: httpx.Client, rows: np.ndarray, **query: str) -> httpx.Response:
    headers = {"content-type": "application/octet-stream"}
    return client.post("/v1/files", content=npy(rows), headers=headers, params=query)


def sent(rows: np.ndarray = ROWS, **other) -> dict:
    return block(rows, MADE, modality="image", model="made-up", **other)


@pytest.fixture
def file(client: httpx.Client):
    made = upload(client, ROWS, name="rows.npy")
    assert made.status_code == 201, made.text
    yield made.json()
    client.delete(f"/v1/files/{made.json()['id']}")


def test_vectors_are_clustered_and_the_answer_can_be_had_again(client):
    body = {"vectors": [sent()], "k_rule": "best", "known": TRUTH.tolist(), "ids": [f"i{n}" for n in range(300)]}
    answer = client.post("/v1/clusters", json=body)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    labels = np.array(said["labels"])
    assert adjusted_rand_score(TRUTH, labels) == pytest.approx(said["comparison"]["ari"])
    assert said["comparison"]["clustered_only"]["purity"] > 0.95
    kept = labels >= 0
    final = np.array(said["silhouettes_final"], float)
    np.testing.assert_allclose(final[kept], silhouette_samples(ROWS[kept], labels[kept], metric="cosine"), atol=1e-5)
    assert said["params"]["threshold"] == 0.08
    assert said["trace"][0]["tried"][0]["k"] == 5
    assert said["ids"][:2] == ["i0", "i1"]
    assert said["receipt"]["fingerprint"] == "made-up"
    assert len(said["coordinates"]) == 300
    assert said["notes"]
    assert set(said["libraries"]) == {"numpy", "scikit-learn", "scipy"}
    assert client.get(f"/v1/clusters/{said['id']}").json() == said
    again = client.post("/v1/clusters", json=body).json()
    assert (again["labels"], again["silhouettes"]) == (said["labels"], said["silhouettes"])


def test_words_of_the_texts_and_the_tree_are_in_the_answer_of_both_protocols(client, server):
    items = {"input": [{"text": text} for text in TEXTS], "method": "agglomerative", "k": 3, "resamples": 0}
    answer = client.post("/v1/clusters", json=items).json()
    assert answer["names_from"] == "texts"
    words = {name["label"] for each in answer["clusters"] for name in each["names"]}
    assert {"rain", "cake", "war"} <= words
    assert all(name["cosine"] is None for each in answer["clusters"] for name in each["names"])
    tree = answer["hierarchy"]
    assert (tree["of"], len(tree["leaves"]), len(tree["linkage"])) == ("items", 18, 17)
    assert answer["stability"] is None
    given = {"vectors": [sent()], "method": "kmeans", "k": 5, "texts": ["soup bread"] * 150 + ["crowd banner"] * 150}
    plain = client.post("/v1/clusters", json=given).json()
    assert plain["hierarchy"]["of"] == "clusters"
    assert len(plain["stability"]["ari"]) == 3
    assert all(0 <= each["jaccard"] <= 1 for each in plain["clusters"])
    with stub(server) as calls:
        again = calls.GetClustering(clusters_pb.GetClusteringRequest(id=plain["id"]))
    rest = json.loads(again.answer_json)
    for name in ("hierarchy", "stability", "names_from", "clusters"):
        assert rest[name] == plain[name]
    wrong = client.post("/v1/clusters", json={**given, "texts": ["one"]})
    assert wrong.status_code == 422
    assert wrong.json()["error"]["message"].startswith("texts: 1 for 300 items")


def test_texts_are_embedded_named_and_clustered(client):
    body = {
        "input": [{"text": text, "id": text} for text in TEXTS],
        "method": "kmeans",
        "k": 3,
        "restarts": 5,
        "vocabulary": ["rain", "cake", "war"],
        "known": KNOWN,
    }
    said = client.post("/v1/clusters", json=body).json()
    assert said["comparison"]["purity"] > 0.9, said["comparison"]
    for each in said["clusters"]:
        members = [KNOWN[i] for i, label in enumerate(said["labels"]) if label == each["id"]]
        assert each["names"][0]["label"] == max(set(members), key=members.count)
    rows, receipt = vectors_of(client, TEXTS)
    beside = client.post("/v1/clusters", json={**body, "input": None, "vectors": [block(rows, receipt)]}).json()
    assert beside["labels"] == said["labels"]  # from vectors, the same
    assert said["receipt"]["fingerprint"] == receipt["fingerprint"]


def test_a_bad_item_is_named_or_left_out(client):
    rows = ROWS.copy()
    rows[7] = np.nan
    rows[9] = 0
    refused = client.post("/v1/clusters", json={"vectors": [sent(rows)]})
    harness.assert_error(refused, 422, "nan_vectors")
    assert "item 7" in refused.json()["error"]["message"]
    body = {"vectors": [sent(rows)], "on_error": "skip", "method": "kmeans", "k": 5}
    said = client.post("/v1/clusters", json=body).json()
    assert [(each["index"], each["error"]["code"]) for each in said["unusable"]] == [
        (7, "nan_vectors"),
        (9, "zero_vectors"),
    ]
    labels = np.array(said["labels"])
    assert np.flatnonzero(labels < 0).tolist() == [7, 9]
    assert said["unclustered"] == 0
    for each in said["clusters"]:
        assert all(labels[i] == each["id"] for kind in each["exemplars"].values() for i in kind)
    posts = [{"text": "fine"}] * 3 + [{"image": "bm90IGFuIGltYWdl"}]
    refused = client.post("/v1/clusters", json={"input": posts})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"vectors": [sent(), sent()]}, 422, "invalid_request"),
        ({"vectors": [sent(), {**sent(), "fingerprint": "other"}]}, 422, "invalid_request"),
        ({"vectors": [{**sent(), "dimension": 7}]}, 422, "invalid_request"),
        ({"vectors": [sent()], "step": 0}, 422, "invalid_option"),
        ({"vectors": [sent()], "method": "agglomerative"}, 422, "invalid_option"),
        ({"vectors": [sent()], "known": ["a"]}, 422, "lengths_differ"),
        ({"vectors": [sent()], "weights": [0.0] * 300}, 422, "invalid_weights"),
        ({"vectors": [sent()], "projection": "umap"}, 422, "not_installed"),
        ({"vectors": [sent()], "vocabulary": ["a", "b"]}, 422, "fingerprint_mismatch"),
        ({"vectors": [{**sent(), "data": None, "file": "file_0"}]}, 404, "unknown_file"),
        ({"vectors": [{**sent(), "file": "file_0"}]}, 422, "invalid_request"),
        ({"vectors": [sent(ROWS[:3])], "method": "kmeans", "k": 9}, 422, "too_few_items"),
        ({"vectors": [sent()], "ids": ["a"]}, 422, "lengths_differ"),
        ({"vectors": [sent()], "treshold": 1}, 422, "invalid_request"),
    ],
)
def test_what_cannot_be_clustered_is_refused_with_the_way_out(client, fields, status, code):
    harness.assert_error(client.post("/v1/clusters", json=fields), status, code)


def test_the_report_is_a_page_with_the_pictures_that_are_sent_and_none_is_kept(client, server):
    names = ["astronaut", "chelsea", "coffee", "rocket"]
    pictures = [harness.jpeg(name, width=80) for name in names for _ in range(3)]
    posts = [harness.image(data, f"p{i}") for i, data in enumerate(pictures)]
    said = client.post("/v1/clusters", json={"input": posts, "method": "kmeans", "k": 4}).json()
    assert said["comparison"] is None
    assert sorted(each["size"] for each in said["clusters"]) == [3, 3, 3, 3]
    path = f"/v1/clusters/{said['id']}/report.html"
    bare = client.get(path)
    assert bare.status_code == 200
    assert "data:image" not in bare.text
    shown = [posts[i] for i in said["shown"]]
    illustrated = client.post(path, json={"input": shown, "pictures": "thumbnails"})
    assert illustrated.text.count("data:image/jpeg") >= 12
    assert "default-src 'none'" in illustrated.headers["content-security-policy"]
    blurred = client.post(path, json={"input": shown, "pictures": "blurred_whole"})
    assert blurred.text.count("data:image/jpeg") >= 12
    assert len(blurred.content) < len(illustrated.content)
    assert client.post(path, json={"input": shown}).text != illustrated.text  # faces are blurred by default
    harness.assert_error(client.post(path, json={"input": [harness.image(pictures[0], "x")]}), 422, "invalid_request")
    kept = [path for path in (server.home / "jobs" / said["id"]).rglob("*") if path.is_file()]
    assert [path.name for path in kept] == ["clustering.json"]


def test_files_are_streamed_listed_used_and_deleted(client, file):
    assert (file["shape"], file["dtype"], file["name"]) == ([300, 32], "float32", "rows.npy")
    assert client.get(f"/v1/files/{file['id']}").json() == file
    first = client.get("/v1/files", params={"limit": 1}).json()
    assert first["data"] == [file]
    body = {"vectors": [{**sent(), "data": None, "file": file["id"]}], "method": "kmeans", "k": 5}
    direct = client.post("/v1/clusters", json={"vectors": [sent()], "method": "kmeans", "k": 5}).json()
    assert client.post("/v1/clusters", json=body).json()["labels"] == direct["labels"]
    assert client.delete(f"/v1/files/{file['id']}").json() == file
    harness.assert_error(client.get(f"/v1/files/{file['id']}"), 404, "unknown_file")
    harness.assert_error(client.post("/v1/clusters", json=body), 404, "unknown_file")


def test_a_file_that_is_deleted_stays_for_the_job_that_uses_it(client):
    big = np.random.default_rng(0).standard_normal((4000, 64)).astype(np.float32)
    file = upload(client, big).json()
    body = {"vectors": [{**sent(), "dimension": 64, "data": None, "file": file["id"]}], "mode": "job"}
    job = client.post("/v1/clusters", json=body)
    assert job.status_code == 202
    client.delete(f"/v1/files/{file['id']}")
    assert ended(client, job.json()["id"])["state"] == "succeeded"
    assert client.get(f"/v1/clusters/{job.json()['id']}").json()["n"] == 4000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"not an array", "neither a .npy file"),
        (npy(ROWS)[:-8], "send the whole file"),
        (npy(np.ones(5, np.float32)), "(5,)"),
        (npy(np.ones((5, 2), np.int64)), "int64"),
        (npy(np.asfortranarray(ROWS)), "column by column"),
        (npy(np.array([["x"]], object)), "object"),
    ],
)
def test_what_is_no_array_of_vectors_is_refused_and_not_kept(client, server, content, said):
    before = {path.name for path in (server.home / "files").glob("*")}
    answer = client.post("/v1/files", content=content, headers={"content-type": "application/octet-stream"})
    assert said in harness.assert_error(answer, 422, "invalid_file")["message"]
    assert {path.name for path in (server.home / "files").glob("*")} == before


def ended(client: httpx.Client, id: str, seconds: float = 60) -> dict:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        job = client.get(f"/v1/jobs/{id}").json()
        if job["state"] not in ("queued", "running"):
            return dict(job)
        time.sleep(0.05)
    raise AssertionError(job)


def test_a_job_is_cancelled_in_the_middle(client):
    rows = np.random.default_rng(0).standard_normal((20_000, 64)).astype(np.float32)
    file = upload(client, rows).json()
    body = {"vectors": [{**sent(), "dimension": 64, "data": None, "file": file["id"]}], "resamples": 100, "mode": "job"}
    id = client.post("/v1/clusters", json=body).json()["id"]
    while client.get(f"/v1/jobs/{id}").json()["progress"] < 0.02:
        time.sleep(0.05)
    refused = harness.assert_error(client.delete(f"/v1/jobs/{id}"), 409, "job_not_ended")
    assert f"cancel it first (POST /v1/jobs/{id}/cancel)" in refused["message"]
    client.post(f"/v1/jobs/{id}/cancel")
    assert ended(client, id, 20)["state"] == "cancelled"
    harness.assert_error(client.get(f"/v1/clusters/{id}"), 409, "no_result")
    assert client.delete(f"/v1/jobs/{id}").json()["state"] == "cancelled"
    harness.assert_error(client.get(f"/v1/clusters/{id}"), 404, "unknown_job")
    client.delete(f"/v1/files/{file['id']}")


def test_a_result_that_is_read_while_its_job_is_deleted_is_whole_or_not_found(server: Server, client: httpx.Client):
    answer = client.post("/v1/clusters", json={"vectors": [sent()], "method": "kmeans", "k": 5, "resamples": 0}).json()
    path, reading = f"/v1/clusters/{answer['id']}", threading.Barrier(9)

    def read(_: int) -> list[httpx.Response]:
        with server.client() as own:
            answers = [own.get(path)]
            reading.wait()
            while answers[-1].status_code == 200:
                answers.append(own.get(path))
            return answers

    with ThreadPoolExecutor(8) as threads:
        lists = threads.map(read, range(8))
        reading.wait()
        assert client.delete(f"/v1/jobs/{answer['id']}").json()["id"] == answer["id"]
        for answers in lists:
            assert all(each.json() == answer for each in answers[:-1])
            harness.assert_error(answers[-1], 404, "unknown_job")
    harness.assert_error(client.delete(f"/v1/jobs/{answer['id']}"), 404, "unknown_job")


@pytest.mark.thorough
def test_killed_in_the_middle_of_clustering_the_next_server_finishes(placement, home, tmp_path):
    """kill -9 of the server and with it of its worker; a hundred more jobs wait behind, and one too many is refused."""
    settings = {
        "DAGUERRE_PLACEMENT": placement,
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "DAGUERRE_HOME": str(harness.home_in(tmp_path)),
        "DAGUERRE_MAX_JOBS": "100",
    }
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first = harness.launch(tmp_path / "one", settings=settings).wait_ready()
    rows = np.random.default_rng(0).standard_normal((8000, 64)).astype(np.float32)
    with first.client() as client:
        file = upload(client, rows).json()
        body = {"vectors": [{**sent(), "dimension": 64, "data": None, "file": file["id"]}], "mode": "job"}
        id = client.post(
            "/v1/clusters", json={**body, "resamples": 40, "method": "kmeans", "k": 20, "restarts": 2}
        ).json()["id"]
        while client.get(f"/v1/jobs/{id}").json()["progress"] < 0.05:
            time.sleep(0.02)
        small = {"vectors": [sent(ROWS[:60])], "mode": "job", "projection": "none", "resamples": 0}
        others = [client.post("/v1/clusters", json=small) for _ in range(101)]
        assert [answer.status_code for answer in others] == [202] * 100 + [429]
        assert others[-1].headers["retry-after"]
    tree = first.processes()
    workers = [each for each in tree if "service.jobs.worker" in " ".join(each.cmdline())]
    assert len(workers) == 1
    for each in tree:
        if each not in workers:
            each.kill()
    _, alive = psutil.wait_procs(workers, timeout=10)
    assert not alive
    first.process.wait(10)
    with harness.running(tmp_path / "two", settings=settings) as second, second.client() as client:
        assert ended(client, id)["state"] == "succeeded"
        answer = client.get(f"/v1/clusters/{id}").json()
        assert answer["n"] == 8000
        assert len(answer["stability"]["ari"]) == 40
        for other in others[10:100]:
            client.post(f"/v1/jobs/{other.json()['id']}/cancel")
        states = [ended(client, other.json()["id"])["state"] for other in others[:100]]
        assert states[:10] == ["succeeded"] * 10
        assert set(states[10:]) <= {"succeeded", "cancelled"}  # some were done before they were cancelled
        assert "cancelled" in states[10:]


def test_duplicates_of_each_kind(client):
    photo, other = harness.jpeg("chelsea", width=300), harness.jpeg("coffee", width=300)
    files = [photo, other, harness.jpeg("chelsea", width=200, quality=60), photo]
    posts = [harness.image(data, f"p{i}") for i, data in enumerate(files)]

    def members(**fields) -> list:
        answer = client.post("/v1/duplicates", json=fields)
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert said["extra"] == sum(len(group["members"]) - 1 for group in said["groups"])
        assert client.get(f"/v1/duplicates/{said['id']}").json() == said
        return [group["members"] for group in said["groups"]]

    assert members(kind="exact", input=posts) == [[0, 3]]
    assert members(kind="near", input=posts) == [[0, 2, 3]]
    groups = [members(kind="semantic", vectors=[sent()], threshold=0.9, method=m) for m in ("exact", "approximate")]
    assert groups[0] == groups[1] != []
    vectors = {"vectors": [sent()], "threshold": 0.9, "method": "approximate"}
    found = client.post("/v1/duplicates", json={"kind": "semantic", **vectors}).json()
    assert found["method"] == "approximate"
    assert found["recall"]["rows"] == 300
    assert found["recall"]["found"] == found["recall"]["pairs"] > 0
    assert members(kind="semantic", input=posts, threshold=0.85) == [[0, 2, 3]]
    described = client.post("/v1/images", json={"input": posts, "thumbnail": 64}).json()["data"]
    assert members(kind="exact", sha256=[each["sha256"] for each in described]) == [[0, 3]]
    assert members(kind="near", phash=[each["phash"] for each in described]) == [[0, 2, 3]]
    assert [each["width"] for each in described] == [300, 300, 200, 300]
    twice = np.concatenate([ROWS, ROWS[:10]])
    assert members(kind="semantic", vectors=[sent(twice)], threshold=0.999999) == [[i, 300 + i] for i in range(10)]
    bad = {"kind": "near", "sha256": ["x"]}
    harness.assert_error(client.post("/v1/duplicates", json=bad), 422, "invalid_request")
    bad = {"kind": "near", "phash": ["xyz"]}
    assert "phash[0]" in client.post("/v1/duplicates", json=bad).json()["error"]["message"]


def test_pictures_of_one_layout_are_related_and_blank_ones_reported(server: Server, client: httpx.Client):
    def png(image: Image.Image) -> bytes:
        stream = io.BytesIO()
        image.save(stream, "PNG")
        return stream.getvalue()

    posts = [tweet(Random(seed)) for seed in range(3)]
    images = [*posts, posts[0].resize((300, 170)), Image.new("RGBA", (90, 90), (255, 255, 255, 0))]
    items = [harness.image(png(image), f"p{i}") for i, image in enumerate(images)]
    described = client.post("/v1/images", json={"input": items, "miniature": True}).json()["data"]
    small, hashes = ([each.get(name, "") for each in described] for name in ("miniature", "phash"))
    sent = [
        {"kind": "near", "bits": 20, "input": items},
        {"kind": "near", "bits": 20, "phash": hashes, "miniatures": small},
        {"kind": "semantic", "threshold": 0.7, "input": items},
    ]
    for body in sent:
        answer = client.post("/v1/duplicates", json=body).json()
        assert [group["members"] for group in answer["groups"]] == [[0, 3]]
        assert answer["related"] == [{"members": [0, 1, 2, 3], "contents": 3}]
        assert [(each["index"], each["error"]["code"]) for each in answer["unusable"]] == [(4, "blank_image")]
        assert answer["compared"] == 4
    assert (answer["threshold_origin"], answer["threshold"]) == ("given", 0.7)
    unchecked = client.post("/v1/duplicates", json={"kind": "near", "bits": 20, "phash": hashes}).json()
    assert unchecked["related"] == []
    assert "no picture was compared" in unchecked["remarks"][0]
    few = client.post("/v1/duplicates", json={"kind": "semantic", "input": items}).json()
    assert few["threshold_origin"] == "model"
    bad = {"kind": "near", "phash": hashes, "miniatures": [*small[:-1], "AAAA"]}
    assert "miniatures[4]" in client.post("/v1/duplicates", json=bad).json()["error"]["message"]
    bad = {"kind": "exact", "sha256": ["a" * 64], "miniatures": [small[0]]}
    harness.assert_error(client.post("/v1/duplicates", json=bad), 422, "invalid_request")
    with stub(server) as calls:
        found = calls.FindDuplicates(
            pb.DuplicatesRequest(kind="near", bits=20, phash=hashes, miniatures=small)
        ).duplicates
        block = classifiers_pb2.Vectors(modality="image", model="m", fingerprint="m", dimension=32, data=ROWS.tobytes())
        searched = pb.DuplicatesRequest(kind="semantic", vectors=[block], threshold=0.9, method="approximate")
        answer = calls.FindDuplicates(searched).duplicates
        assert (answer.method, answer.recall.rows) == ("approximate", 300)
        assert answer.recall.found == answer.recall.pairs > 0
        assert [(list(each.members), each.contents) for each in found.related] == [([0, 1, 2, 3], 3)]
        assert [each.error.code for each in found.unusable] == ["blank_image"]


def test_search_finds_what_brute_force_finds(client, file):
    corpus = {**sent(), "data": None, "file": file["id"]}
    queries = sent(ROWS[:5] + 0.01)
    said = client.post("/v1/search", json={"vectors": [corpus], "queries": queries, "k": 4}).json()
    asked = ROWS[:5] + 0.01
    cosines = asked @ ROWS.T / np.linalg.norm(asked, axis=1, keepdims=True)
    for row, entry in zip(cosines, said["data"], strict=True):
        order = np.argsort(-row)[:4]
        assert [each["index"] for each in entry["neighbours"]] == order.tolist()
        np.testing.assert_allclose([each["cosine"] for each in entry["neighbours"]], row[order], atol=1e-6)
    for vectors in (corpus, sent()):  # by the lengths that the first request has stored, and without
        again = client.post("/v1/search", json={"vectors": [vectors], "queries": queries, "k": 4}).json()
        assert again["data"] == said["data"]
    itself = client.post("/v1/search", json={"vectors": [corpus], "queries": corpus, "k": 1}).json()
    assert [each["neighbours"][0]["index"] for each in itself["data"]] == list(range(300))
    rows, receipt = vectors_of(client, TEXTS)
    body = {"vectors": [block(rows, receipt)], "input": [{"text": "a wet day", "id": "q"}], "k": 3, "ids": TEXTS}
    found = client.post("/v1/search", json=body).json()["data"][0]
    assert found["id"] == "q"
    assert found["neighbours"][0]["id"] in WORDS["rain"]
    many = {"vectors": [sent(np.tile(ROWS, (4, 1)))], "queries": sent(np.tile(ROWS, (17, 1))), "k": 1200}
    harness.assert_error(client.post("/v1/search", json=many), 413, "too_many_neighbours")
    wrong = {"vectors": [corpus], "input": [{"text": "x"}]}
    harness.assert_error(client.post("/v1/search", json=wrong), 422, "fingerprint_mismatch")


def test_grpc_says_the_same(server: Server, client: httpx.Client):
    vectors = classifiers_pb2.Vectors(
        modality="image", model="made-up", fingerprint="made-up", dimension=32, data=ROWS.tobytes()
    )
    with stub(server) as calls:
        request = clusters_pb.ClusterRequest(
            vectors=[vectors],
            k_rule="best",
            known=clusters_pb.KnownLabels(values=[classifiers_pb2.Code(label=str(t)) for t in TRUTH]),
        )
        mine = calls.Cluster(request, timeout=60).clustering
        body = {"vectors": [sent()], "k_rule": "best", "known": [str(t) for t in TRUTH]}
        theirs = client.post("/v1/clusters", json=body).json()
        rest = json.loads(mine.answer_json)
        assert list(mine.labels) == theirs["labels"]
        assert list(mine.ids) == theirs["ids"]
        expected = np.array(theirs["silhouettes"], float)
        np.testing.assert_allclose(list(mine.silhouettes), expected, atol=1e-6)
        for name in ("clusters", "trace", "params", "comparison", "remarks", "thresholds"):
            assert rest[name] == theirs[name], name
        assert calls.GetClustering(clusters_pb.GetClusteringRequest(id=mine.id)) == mine
        assert "<html" in calls.ClusterPage(clusters_pb.ClusterPageRequest(id=mine.id, pictures="none")).html
        data = npy(ROWS)
        pieces = [pb.UploadFileRequest(name="x", data=data[i : i + 9000]) for i in range(0, len(data), 9000)]
        file = calls.UploadFile(iter(pieces))
        assert list(file.shape) == [300, 32]
        assert calls.GetFile(pb.GetFileRequest(id=file.id)) == file
        assert file.id in {each.id for each in calls.ListFiles(pb.ListFilesRequest()).data}
        vectors.ClearField("data")
        vectors.file = file.id
        request = clusters_pb.ClusterRequest(vectors=[vectors], method="kmeans", k=5, as_job=True)
        job = calls.Cluster(request).job
        while (now := calls.GetJob(jobs_pb2.GetJobRequest(id=job.id))).state in ("queued", "running"):
            time.sleep(0.05)
        assert json.loads(now.result_json)["clusters"] == 5
        assert calls.DeleteJob(jobs_pb2.DeleteJobRequest(id=job.id)) == now
        with pytest.raises(grpc.RpcError) as gone:
            calls.GetClustering(clusters_pb.GetClusteringRequest(id=job.id))
        assert error(gone.value)["code"] == "unknown_job"
        queries = classifiers_pb2.Vectors(
            modality="image", model="m", fingerprint="made-up", dimension=32, data=ROWS[:2].tobytes()
        )
        found = calls.Search(pb.SearchRequest(corpus=vectors, queries=queries, k=2))
        assert [each.neighbours[0].index for each in found.data] == [0, 1]
        assert calls.DeleteFile(pb.DeleteFileRequest(id=file.id)) == file
        photo = harness.jpeg("chelsea", width=100)
        posts = [classifiers_pb2.Post(id=f"p{i}", image=photo) for i in range(2)]
        described = calls.DescribeImages(pb.DescribeImagesRequest(input=posts, thumbnail=32)).data
        over_http = client.post("/v1/images", json={"input": [harness.image(photo)], "thumbnail": 32}).json()["data"][0]
        assert (described[0].phash, described[0].sha256) == (over_http["phash"], over_http["sha256"])
        assert harness.base64_of(described[0].thumbnail) == over_http["thumbnail"]
        groups = calls.FindDuplicates(pb.DuplicatesRequest(kind="exact", input=posts)).duplicates
        assert [list(group.members) for group in groups.groups] == [[0, 1]]
        assert calls.GetDuplicates(pb.GetDuplicatesRequest(id=groups.id)) == groups
        with pytest.raises(grpc.RpcError) as caught:
            calls.Cluster(clusters_pb.ClusterRequest(vectors=[vectors]))
        assert error(caught.value)["code"] == "unknown_file"


def test_numbers_beyond_an_integers_are_refused_in_words(client: httpx.Client):
    pairs = {"clusterings": {"a": [0, 10**30]}, "within": 0, "between": 1}
    harness.assert_error(client.post("/v1/pairs", json=pairs), 422, "invalid_request")
    judged = {"a": [0], "b": [10**30], "same": [1], "clusterings": {"a": [0, 1]}}
    harness.assert_error(client.post("/v1/comparisons", json=judged), 422, "invalid_request")
    harness.assert_error(
        client.post("/v1/samples", json={"design": "simple", "n": 10**30, "size": 1}), 422, "invalid_request"
    )
