"""Classifiers over HTTP and gRPC, by a real server: trained, kept, predicted with, reported, deleted."""

import base64
import io
import json
import time
import uuid
from html.parser import HTMLParser

import httpx
import numpy as np
import onnxruntime
import psutil
import pytest
from google.protobuf.json_format import MessageToDict
from sklearn.linear_model import LogisticRegression

from daguerre_proto.v1 import classifiers_pb2 as pb
from daguerre_proto.v1 import jobs_pb2
from tests.e2e import harness
from tests.e2e.grpc_calls import stub
from tests.e2e.harness import Server

# vectors are computed with in workers of jobs, the same in both placements
pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
GLAD = ["a happy day", "joy and laughter", "what a lovely morning", "wonderful news", "she smiled", "great success"]
SAD = ["a sad day", "grief and tears", "what an awful morning", "terrible news", "she wept", "bitter failure"]
TEXTS = [f"{text}, number {i}" for i in range(3) for text in (*GLAD, *SAD)]
TARGETS = (["glad"] * 6 + ["sad"] * 6) * 3
QUICK = {"strengths": [10.0], "folds": 3, "inner_folds": 2, "resamples": 50}


def name() -> str:
    """Tests share a DAGUERRE_HOME, and keep out of each other's way."""
    return f"t-{uuid.uuid4().hex[:12]}"


def posts(texts=TEXTS):
    return [{"text": text, "id": f"p{i}"} for i, text in enumerate(texts)]


def train(client: httpx.Client, **fields) -> httpx.Response:
    body = {"name": name(), "task": "binary", "input": posts(), "targets": TARGETS, **QUICK, **fields}
    return client.post("/v1/classifiers", json={k: v for k, v in body.items() if v is not None}, timeout=120)


@pytest.fixture(scope="module")
def trained(server: Server) -> dict:
    with server.client() as client:
        answer = train(client)
        assert answer.status_code == 200, answer.text
        return answer.json()


def vectors_of(client: httpx.Client, texts) -> tuple[np.ndarray, dict]:
    answer = client.post("/v1/embeddings", json={"input": list(texts)}).json()
    return np.array([each["embedding"] for each in answer["data"]], np.float32), answer["receipt"]


def block(rows: np.ndarray, receipt: dict, **other) -> dict:
    data = base64.b64encode(rows.astype("<f4").tobytes()).decode()
    return {
        "modality": "text",
        "model": "embedded",
        "fingerprint": receipt["fingerprint"],
        "dimension": rows.shape[1],
        "data": data,
        **other,
    }


def test_a_trained_classifier_says_what_it_is(trained, client):
    assert trained["task"] == "binary"
    assert trained["labels"] == ["glad", "sad"]
    assert trained["versions"] == [1]
    assert trained["usable"]
    assert trained["report"]["n"] == 36
    assert trained["report"]["cross_validated"]["figures"]["accuracy"]["value"] > 0.7
    assert trained["made_with"]["text"]["revision"]
    assert client.get(f"/v1/classifiers/{trained['name']}").json() == trained
    assert client.get(f"/v1/classifiers/{trained['name']}/versions/1").json() == trained
    listed = client.get("/v1/classifiers", params={"limit": 1000}).json()["data"]
    assert trained["id"] in {each["id"] for each in listed}


def test_its_model_is_scikit_learns(trained, client):
    """On the vectors that the embeddings endpoint gives; uncalibrated, with the same C."""
    x, _ = vectors_of(client, TEXTS)
    made = train(client, calibrate=False).json()
    y = np.array(TARGETS) == "sad"
    direct = LogisticRegression(C=10.0, max_iter=10_000, tol=1e-10).fit(x.astype(np.float64), y)
    answer = client.post(f"/v1/classifiers/{made['id']}/predict", json={"input": posts()}).json()
    ours = np.array([[each["probabilities"][label] for label in ("glad", "sad")] for each in answer["data"]])
    assert np.abs(ours - direct.predict_proba(x)).max() < 1e-6


def test_items_and_their_vectors_give_the_same(trained, client):
    x, receipt = vectors_of(client, TEXTS)
    path = f"/v1/classifiers/{trained['id']}/predict"
    by_items = client.post(path, json={"input": posts()}).json()["data"]
    by_vectors = client.post(path, json={"vectors": [block(x, receipt)]}).json()["data"]
    held = io.BytesIO()
    np.save(held, x)
    said = {"vectors": [block(x, receipt, data=None)]}
    form = client.post(path, data={"request": json.dumps(said)}, files={"text_vectors": held.getvalue()}).json()["data"]
    assert [each["id"] for each in by_items] == [f"p{i}" for i in range(36)]
    for other in (by_vectors, form):
        assert [each["label"] for each in other] == [each["label"] for each in by_items]
        for one, two in zip(by_items, other, strict=True):
            assert one["probabilities"]["sad"] == pytest.approx(two["probabilities"]["sad"], abs=1e-6)


def test_what_is_trained_on_vectors_is_what_is_trained_on_items(trained, client):
    x, receipt = vectors_of(client, TEXTS)
    made = train(client, input=None, vectors=[block(x, receipt)]).json()
    one, two = trained["report"]["out_of_fold"], made["report"]["out_of_fold"]
    assert np.abs(np.array(one["probabilities"]) - np.array(two["probabilities"])).max() < 1e-5


def test_the_onnx_graph_says_what_the_server_says(trained, client):
    x, receipt = vectors_of(client, TEXTS)
    graph = client.get(f"/v1/classifiers/{trained['id']}/onnx")
    session = onnxruntime.InferenceSession(graph.content, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"vectors": x / np.linalg.norm(x, axis=1, keepdims=True)})
    path = f"/v1/classifiers/{trained['id']}/predict"
    data = client.post(path, json={"vectors": [block(x, receipt)]}).json()["data"]
    assert np.abs(found[:, 1] - [each["probabilities"]["sad"] for each in data]).max() < 1e-5


def test_pictures_and_texts_together(client):
    """Both of each item; one that lacks a part is refused, or taken if that was asked for."""
    photos = [harness.jpeg(each, width=64 + 8 * i) for i in range(4) for each in ("coffee", "chelsea")]
    both = [
        {"image": base64.b64encode(photo).decode(), "text": f"{text} {i}"}
        for i, (photo, text) in enumerate(zip(photos, ["a cup of coffee", "a cat"] * 4, strict=True))
    ]
    targets = ["coffee", "cat"] * 4
    few = {"strengths": [10.0], "folds": 2, "inner_folds": 2, "resamples": 20}
    refused = train(client, input=[*both[:-1], {"text": "a cat"}], targets=targets, **few)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_items")
    assert refused.json()["error"]["items"][0]["code"] == "missing_modality"
    skipped = train(client, input=[*both[:-1], {"text": "a cat"}], targets=targets, on_error="skip", **few).json()
    assert [each["code"] for each in skipped["report"]["dropped"]] == ["missing_modality"]
    partial = train(client, input=[*both[:-1], {"text": "a cat"}], targets=targets, partial=True, **few).json()
    assert partial["report"]["n"] == 8
    assert [each["modality"] for each in partial["encoders"]] == ["image", "text"]
    path = f"/v1/classifiers/{partial['id']}/predict"
    answer = client.post(path, json={"input": [both[0], {"text": "a cat on a sofa"}]}).json()
    assert [each["label"] for each in answer["data"]] == ["coffee", "cat"]


def test_a_form_of_files_is_enough(client):
    """curl -F input=@one.jpg -F input=@two.jpg: no JSON but the codes."""
    photos = [harness.jpeg(each, width=64 + 8 * i) for i in range(4) for each in ("coffee", "chelsea")]
    request = {"name": name(), "task": "binary", "targets": ["coffee", "cat"] * 4, "folds": 2, "inner_folds": 2}
    files = [("input", (f"{i}.jpg", photo)) for i, photo in enumerate(photos)]
    made = client.post("/v1/classifiers", data={"request": json.dumps(request)}, files=files, timeout=120).json()
    assert made["report"]["out_of_fold"]["ids"] == [f"{i}.jpg" for i in range(8)]
    answer = client.post(f"/v1/classifiers/{made['id']}/predict", files=files[:3]).json()
    assert [(each["label"], each["id"]) for each in answer["data"]] == [
        ("coffee", "0.jpg"),
        ("cat", "1.jpg"),
        ("coffee", "2.jpg"),
    ]
    page = client.post(
        f"/v1/classifiers/{made['id']}/report.html",
        json={"input": [{"id": "0.jpg", "image": base64.b64encode(photos[0]).decode()}]},
    )
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    HTMLParser().feed(page.text)
    bad = client.post(f"/v1/classifiers/{made['id']}/report.html", json={"input": [{"id": "0.jpg", "image": "bm8="}]})
    assert bad.status_code == 415


def test_numbers_stay_in_their_bounds_and_have_an_interval(client):
    targets = [5.0] * 6 + [1.0] * 6
    made = train(client, task="continuous", targets=targets * 3, bounds=[1, 5]).json()
    answer = client.post(f"/v1/classifiers/{made['id']}/predict", json={"input": posts(["pure joy", "deep grief"])})
    for each in answer.json()["data"]:
        low, high = each["interval"]
        assert 1 <= low <= each["value"] <= high <= 5
    assert made["report"]["cross_validated"]["figures"]["r2"]["value"] > 0.2


def test_codes_of_several_coders(client):
    coder = ["anna"] * 36 + ["ben"] * 36
    item = [f"p{i}" for i in range(36)] * 2
    code = [*TARGETS, "sad", *TARGETS[1:]]
    made = train(client, targets=None, codes={"coder": coder, "item": item, "code": code}).json()
    assert [each["name"] for each in made["report"]["dropped"]] == ["p0"]
    assert made["report"]["codes"]["agreement"]["percent"]["value"] == pytest.approx(35 / 36)
    assert made["report"]["n"] == 35


def test_held_out_items_and_groups(client):
    split = (["train"] * 6 + ["train"] * 6) * 2 + ["test"] * 12
    groups = [f"author {i % 9}" for i in range(36)]
    made = train(client, split=split, groups=groups).json()
    assert made["report"]["n"] == 24
    assert made["report"]["held_out"]["n"] == 12
    folds, ids = made["report"]["out_of_fold"]["fold"], made["report"]["out_of_fold"]["ids"]
    of_group: dict[str, set[int]] = {}
    for id, fold in zip(ids, folds, strict=True):
        of_group.setdefault(groups[int(id[1:])], set()).add(fold)
    assert all(len(each) == 1 for each in of_group.values())


def test_the_estimate_is_that_of_the_crossed_predictions(trained, client):
    path = f"/v1/classifiers/{trained['id']}"
    corpus = client.post(f"{path}/predict", json={"input": posts(), "crossed": True}).json()["data"]
    crossed = np.array([each["crossed"] for each in corpus])
    moments = {
        "n": len(crossed),
        "mean": crossed.mean(axis=0).tolist(),
        "variance": crossed.var(axis=0, ddof=1).tolist(),
    }
    found = client.post(f"{path}/estimate", json={"corpus": moments}).json()["estimates"]
    assert found["glad"]["low"] < 0.5 < found["glad"]["high"]  # half of them are
    assert found["glad"]["value"] + found["sad"]["value"] == pytest.approx(1)
    assert found["glad"]["classical"][0] == pytest.approx(0.5)
    wrong = client.post(f"{path}/estimate", json={"corpus": {"n": 10, "mean": [0.5], "variance": [0.1]}})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (422, "corpus.mean")


def test_versions_are_never_destroyed(client):
    one = train(client).json()
    two = train(client, name=one["name"]).json()
    assert (one["id"], two["id"]) == (f"{one['name']}@1", f"{one['name']}@2")
    assert client.get(f"/v1/classifiers/{one['name']}").json()["version"] == 2
    assert client.delete(f"/v1/classifiers/{two['id']}").json() == {"deleted": [two["id"]]}
    assert client.get(f"/v1/classifiers/{one['name']}").json()["version"] == 1
    assert train(client, name=one["name"]).json()["version"] == 3
    client.delete(f"/v1/classifiers/{one['name']}")
    gone = client.get(f"/v1/classifiers/{one['id']}")
    assert (gone.status_code, gone.json()["error"]["code"]) == (404, "unknown_classifier")


def test_vectors_of_another_model_are_refused(trained, client):
    x, receipt = vectors_of(client, TEXTS[:2])
    path = f"/v1/classifiers/{trained['id']}/predict"
    other = client.post(path, json={"vectors": [block(x, receipt, fingerprint="0" * 32)]}).json()["error"]
    assert other["code"] == "fingerprint_mismatch"
    assert trained["encoders"][0]["fingerprint"] in other["message"]
    foreign = train(client, input=None, vectors=[block(*vectors_of(client, TEXTS), fingerprint="elsewhere")]).json()
    assert not foreign["usable"]
    refused = client.post(f"/v1/classifiers/{foreign['id']}/predict", json={"input": posts(["joy"])})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "fingerprint_mismatch")
    assert "elsewhere" in refused.json()["error"]["message"]


def test_one_bad_item_is_named(trained, client):
    path = f"/v1/classifiers/{trained['id']}/predict"
    three = [{"text": "joy"}, {"text": ""}, {"text": "x", "image": "bm8="}]
    failed = client.post(path, json={"input": three}).json()["error"]
    assert [(each["index"], each["code"]) for each in failed["items"]] == [(1, "invalid_text"), (2, "unused_modality")]
    skipped = client.post(path, json={"input": three, "on_error": "skip"}).json()["data"]
    assert [each.get("error", {}).get("code") for each in skipped] == [None, "invalid_text", "unused_modality"]


@pytest.mark.parametrize(
    ("fields", "code", "says"),
    [
        ({"targets": ["glad"] * 36}, "one_class", "all 36 are 'glad'"),
        ({"targets": TARGETS[:-1]}, "lengths_differ", "35 values for 36"),
        ({"task": "continuous", "targets": TARGETS}, "nan_targets", "must be numbers"),
        ({"task": "continuous", "targets": [None] * 36}, "no_items", "no item"),
        ({"targets": ["a"] * 2 + ["b"] * 34}, "too_few_examples", "'a' has 2"),
        ({"task": "categorical", "targets": [f"c{i}" for i in range(36)]}, "too_few_examples", "fewer than"),
        ({"targets": [*TARGETS[:-1], "third"]}, "not_binary", "binary"),
        ({"name": "../../etc"}, "bad_name", "a-z, 0-9"),
        ({"name": "Ä"}, "bad_name", "a-z, 0-9"),
        ({"targets": None}, "no_targets", "targets or codes"),
        ({"labels": ["glad", "happy"]}, "unknown_label", "'sad'"),
        ({"bounds": [0, 1]}, "bad_bounds", "apply only to task continuous"),
        ({"sample_weight": [0.0] * 36}, "bad_weights", "sample_weight"),
        ({"sample_weight": [1.0] * 36, "inclusion_prob": [1.0] * 36}, "bad_weights", "one of them"),
        ({"groups": ["same"] * 36}, "too_few_groups", "groups"),
        ({"folds": 1}, "invalid_request", "folds"),
        ({"strengths": [-1]}, "bad_options", "strengths"),
        ({"task": "ternary"}, "invalid_request", "task"),
        ({"colour": 1}, "invalid_request", "no such field"),
        ({"input": None}, "invalid_request", "input or vectors"),
        ({"input": [{"id": "x"}] * 36}, "invalid_request", '"text"'),
        (
            {"targets": None, "codes": {"coder": ["a"], "item": ["nobody"], "code": ["x"]}},
            "unknown_item",
            "'nobody'",
        ),
    ],
)
def test_bad_input_is_refused_in_words(client, fields, code, says):
    answer = train(client, **fields)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert (error["code"], says in error["message"]) == (code, True), error


def test_many_classes_are_refused(client):
    rows = np.eye(4, dtype=np.float32)[np.arange(100_000) % 4]
    block_ = block(rows, {"fingerprint": "f"})
    answer = train(client, input=None, vectors=[block_], task="categorical", targets=[f"c{i}" for i in range(100_000)])
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "too_many_classes")


@pytest.mark.parametrize("path", ["no-such", "no-such@1", "x@y", "..%2Fetc", "%00"])
def test_what_is_not_there_is_not_found(client, path):
    for ask in (client.get(f"/v1/classifiers/{path}"), client.delete(f"/v1/classifiers/{path}")):
        assert ask.status_code in (404, 422)
        assert ask.json()["error"]["code"] in ("unknown_classifier", "bad_name", "not_found")


def test_a_job_is_listed_and_ends(client):
    begun = train(client, mode="job")
    assert begun.status_code == 202
    job = begun.json()
    for _ in range(200):
        job = client.get(f"/v1/jobs/{job['id']}").json()
        if job["state"] not in ("queued", "running"):
            break
        time.sleep(0.1)
    assert (job["state"], job["progress"]) == ("succeeded", 1.0)
    assert client.get(f"/v1/classifiers/{job['result']['classifier']}").status_code == 200
    assert client.get(f"/v1/jobs/{job['id']}/result").json() == job["result"]
    newest = client.get("/v1/jobs", params={"limit": 1}).json()
    assert len(newest["data"]) == 1
    train(client)
    newest = client.get("/v1/jobs", params={"limit": 1}).json()
    following = client.get("/v1/jobs", params={"limit": 1, "cursor": newest["next_cursor"]}).json()
    assert following["data"][0]["created"] <= newest["data"][0]["created"]
    assert following["data"][0]["id"] != newest["data"][0]["id"]
    assert client.post(f"/v1/jobs/{job['id']}/cancel").json()["state"] == "succeeded"
    assert client.get("/v1/jobs/job_nobody").json()["error"]["code"] == "unknown_job"
    assert client.get("/v1/jobs", params={"limit": 0}).json()["error"]["param"] == "limit"


def test_fine_tuning_needs_a_folder_of_the_servers(client):
    body = {"name": name(), "folder": "../../etc"}
    refused = client.post("/v1/fine-tunings", json=body)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "no_data")


def test_grpc_says_the_same(server, trained, client):
    with stub(server) as calls:
        got = calls.GetClassifier(pb.GetClassifierRequest(name=trained["id"]))
        assert json.loads(got.report_json) == trained["report"]
        assert (got.id, list(got.labels), got.usable) == (trained["id"], trained["labels"], True)
        values = [pb.Code(label=label) for label in TARGETS]
        request = pb.TrainRequest(
            name=name(),
            task="binary",
            input=[pb.Post(text=text, id=f"p{i}") for i, text in enumerate(TEXTS)],
            targets=pb.Targets(values=values),
            strengths=[10.0],
            folds=3,
            inner_folds=2,
            resamples=50,
        )
        made = calls.TrainClassifier(request, timeout=120).classifier
        one, two = json.loads(made.report_json), trained["report"]
        assert one["cross_validated"]["confusion"] == two["cross_validated"]["confusion"]
        assert np.allclose(one["out_of_fold"]["probabilities"], two["out_of_fold"]["probabilities"], atol=1e-5)
        said = calls.Predict(
            pb.PredictRequest(
                classifier=trained["id"], crossed=True, input=[pb.Post(text="joy"), pb.Post(text="grief")]
            )
        )
        path = f"/v1/classifiers/{trained['id']}/predict"
        told = client.post(path, json={"input": [{"text": "joy"}, {"text": "grief"}], "crossed": True}).json()
        for one, two in zip(said.data, told["data"], strict=True):
            assert one.label == two["label"]
            assert np.allclose(one.probabilities, list(two["probabilities"].values()), atol=1e-6)
            assert np.allclose(one.crossed, two["crossed"], atol=1e-6)
        assert MessageToDict(said.receipt)["fingerprint"] == told["receipt"]["fingerprint"]
        request.as_job = True
        begun = calls.TrainClassifier(request).job
        assert begun.kind == "train"
        cancelled = calls.CancelJob(jobs_pb2.CancelJobRequest(id=begun.id))
        assert cancelled.id == begun.id
        for _ in range(100):
            if (ended := calls.GetJob(jobs_pb2.GetJobRequest(id=begun.id))).state not in ("queued", "running"):
                break
            time.sleep(0.1)
        assert ended.state in ("cancelled", "succeeded")  # it may have been done already
        assert calls.ListJobs(jobs_pb2.ListJobsRequest(limit=1)).jobs[0].id == begun.id
        made_ids = [made.id] if ended.state == "cancelled" else [made.id, f"{made.name}@2"]
        assert calls.DeleteClassifier(pb.DeleteClassifierRequest(name=made.name)).deleted == made_ids


@pytest.mark.thorough
def test_killed_while_it_trains_the_job_goes_on_after_a_restart(placement, home, tmp_path):
    """kill -9 of the server, and with it of its worker: the next server finishes the job, once."""
    settings = {
        "DAGUERRE_PLACEMENT": placement,
        "BENTOML_HOME": str(tmp_path / "bentoml"),
        "DAGUERRE_HOME": str(harness.home_in(tmp_path)),
    }
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first = harness.launch(tmp_path / "one", settings=settings).wait_ready()
    rows = np.random.default_rng(0).standard_normal((3000, 256)).astype(np.float32)
    body = {
        "name": "long",
        "task": "categorical",
        "vectors": [block(rows, {"fingerprint": "f"})],
        "targets": [f"c{i % 7}" for i in range(3000)],
        "mode": "job",
    }
    with first.client() as client:
        id = client.post("/v1/classifiers", json=body, timeout=60).json()["id"]
        for _ in range(300):
            if client.get(f"/v1/jobs/{id}").json()["progress"] > 0.1:
                break
            time.sleep(0.05)
    tree = first.processes()
    workers = [each for each in tree if "service.jobs.worker" in " ".join(each.cmdline())]
    assert len(workers) == 1
    for each in tree:
        if each not in workers:
            each.kill()
    _, alive = psutil.wait_procs(workers, timeout=10)  # it dies with its server
    assert not alive
    first.process.wait(10)
    with harness.running(tmp_path / "two", settings=settings) as second, second.client() as client:
        for _ in range(600):
            job = client.get(f"/v1/jobs/{id}").json()
            if job["state"] not in ("queued", "running"):
                break
            time.sleep(0.1)
        assert job["state"] == "succeeded", job
        assert client.get("/v1/classifiers/long").json()["versions"] == [1]
        assert not list((tmp_path / "home" / "jobs").rglob("*.npy"))  # what was sent is gone
