"""Calibrated zero-shot and prediction sets by a real server, over HTTP and gRPC."""

import base64
import re
import uuid

import httpx
import numpy as np
import pytest
from scipy.special import softmax

from daguerre_proto.v1 import classifiers_pb2 as pb
from tests.e2e.grpc_calls import stub

# vectors are computed with in workers of jobs, the same in both placements
pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")
CATS = ["a cat", "a kitten on a sofa", "two cats", "the cat sleeps", "a black cat", "my cat and her kitten"]
CUPS = ["a cup of coffee", "tea in a cup", "a mug", "an espresso", "coffee with milk", "an empty cup"]
TEXTS = [f"{text}, number {i}" for i in range(3) for text in (*CATS, *CUPS)]
TARGETS = (["cat"] * 6 + ["cup"] * 6) * 3
PROMPTS = {"labels": ["cup", "cat"], "prompts": ["a cup of coffee", "a cat"], "templates": ["{}", "a photo of {}"]}
QUICK = {"folds": 4, "resamples": 30}


def train(client: httpx.Client, **fields) -> httpx.Response:
    posts = [{"text": text, "id": f"p{i}"} for i, text in enumerate(TEXTS)]
    body = {"name": f"t-{uuid.uuid4().hex[:12]}", "input": posts, "targets": TARGETS, **QUICK, **fields}
    return client.post("/v1/classifiers", json=body, timeout=120)


@pytest.fixture(scope="module")
def trained(server) -> dict:
    with server.client() as client:
        answer = train(client, zero_shot=PROMPTS)
        assert answer.status_code == 200, answer.text
        return answer.json()


def posts(texts):
    return {"input": [{"text": text} for text in texts]}


def predict(client, classifier, **fields):
    return client.post(f"/v1/classifiers/{classifier['id']}/predict", json=fields, timeout=60)


def test_probabilities_are_those_of_the_zero_shot_cosines(trained, client):
    """By the answer of /v1/zero-shot: cosines times the logit scale, over the temperature, plus the biases."""
    own = trained["report"]["zero_shot"]
    asked = {"labels": PROMPTS["prompts"], "templates": PROMPTS["templates"], **posts(CATS + CUPS)}
    zero_shot = client.post("/v1/zero-shot", json=asked).json()
    cosines = np.array([each["cosines"] for each in zero_shot["data"]])
    biases = [own["biases"][label] for label in PROMPTS["labels"]]
    expected = softmax(zero_shot["logit_scale"] * cosines / own["temperature"] + biases, axis=1)
    found = predict(client, trained, **posts(CATS + CUPS)).json()
    for entry, row in zip(found["data"], expected, strict=True):
        assert [entry["probabilities"][label] for label in PROMPTS["labels"]] == pytest.approx(list(row), abs=1e-4)
    assert "set" not in found["data"][0]
    assert found["coverage"] is None


def test_the_report_compares_the_scores_with_those_that_are_not_calibrated(trained, client):
    report = trained["report"]
    assert report["zero_shot"]["prompts"] == {"cat": "a cat", "cup": "a cup of coffee"}
    assert report["uncalibrated"]["n"] == report["cross_validated"]["n"] == 36
    calibrated, plain = (report[part]["figures"] for part in ("cross_validated", "uncalibrated"))
    assert calibrated["log_loss"]["value"] <= plain["log_loss"]["value"] + 0.01
    assert report["strength"] is None
    page = client.get(f"/v1/classifiers/{trained['id']}/report.html").text
    assert "Zero-shot before and after calibration" in page
    assert "calibrated zero-shot of embedded" in page
    assert "chosen C" not in page
    assert "Prediction sets" in page


def test_sets_are_the_same_over_http_and_grpc_and_from_vectors(trained, client, server):
    found = predict(client, trained, coverage=0.9, **posts([*CATS, "galaxies"])).json()
    sets = [entry["set"] for entry in found["data"]]
    assert found["coverage"] == 0.9
    assert all(set(each) <= {"cat", "cup"} for each in sets)
    assert sum("cat" in each for each in sets[:6]) >= 5
    with stub(server) as service:
        request = pb.PredictRequest(classifier=trained["id"], coverage=0.9)
        request.input.extend(pb.Post(text=text) for text in [*CATS, "galaxies"])
        answer = service.Predict(request)
        assert [list(entry.set) for entry in answer.data] == sets
        assert answer.coverage == 0.9
    embedded = client.post("/v1/embeddings", json={"input": [*CATS, "galaxies"]}).json()
    rows = np.array([each["embedding"] for each in embedded["data"]], "<f4")
    block = {
        "modality": "text",
        "model": "embedded",
        "fingerprint": embedded["receipt"]["fingerprint"],
        "dimension": rows.shape[1],
        "data": base64.b64encode(rows.tobytes()).decode(),
    }
    of_vectors = predict(client, trained, coverage=0.9, vectors=[block]).json()
    assert [entry["set"] for entry in of_vectors["data"]] == sets


def test_a_coverage_of_each_class_names_the_classes_with_too_few_codes(client):
    targets = [target if i < 24 or target == "cat" else None for i, target in enumerate(TARGETS)]
    clf = train(client, zero_shot=PROMPTS, targets=targets).json()
    found = predict(client, clf, coverage=0.94, each_class=True, **posts(CATS)).json()
    assert found["each_class"] is True
    assert found["remarks"] == ["cup has too few coded items for a coverage of 0.94, and is in every set"]
    assert all("cup" in entry["set"] for entry in found["data"])


def test_intervals_of_numbers_have_the_coverage(client):
    numbers = [float(len(text)) for text in TEXTS]
    clf = train(client, task="continuous", targets=numbers, strengths=[10.0], inner_folds=2, bounds=[0, 60]).json()
    assert {each["coverage"] for each in clf["report"]["sets"]} == {0.8, 0.9, 0.95}
    narrow, wide = (
        [entry["interval"] for entry in predict(client, clf, coverage=level, **posts(CATS)).json()["data"]]
        for level in (0.6, 0.95)
    )
    for inner, outer in zip(narrow, wide, strict=True):
        assert 0 <= outer[0] <= inner[0] <= inner[1] <= outer[1] <= 60
    assert sum(o[1] - o[0] for o in wide) > sum(i[1] - i[0] for i in narrow)
    refused = predict(client, clf, coverage=0.9, each_class=True, **posts(CATS))
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "bad_options")


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"coverage": 0.99}, "too_few_examples", "needs more than the 36 coded items .* 0.973 can be reached"),
        ({"each_class": True}, "invalid_request", "each_class: is for the sets of `coverage`"),
        ({"coverage": 0.4}, "invalid_request", "greater than or equal to 0.5"),
    ],
)
def test_sets_that_cannot_be_made_are_refused(trained, client, fields, code, message):
    answer = predict(client, trained, **fields, **posts(CATS)).json()["error"]
    assert answer["code"] == code
    assert re.search(message, answer["message"])


def test_prompts_are_checked_before_the_training(client):
    for zero_shot, message in (
        ({"labels": ["cat", "dog"]}, "class 'cup' of the codes has no prompt"),
        ({"labels": ["cat", "cup"], "templates": ["a photo"]}, "it needs one, where the label goes"),
        ({"preset": "nothing"}, "nothing"),
        ({"preset": "protest", "labels": ["cat", "cup"]}, "has its own labels and prompts"),
    ):
        answer = train(client, zero_shot=zero_shot)
        assert answer.status_code == 422, answer.text
        assert message in answer.json()["error"]["message"]
    pictures = [{"text": text, "id": f"p{i}"} for i, text in enumerate(TEXTS)]
    remarked = train(client, input=pictures, zero_shot={"labels": ["cat", "cup", "dog"]}).json()
    assert any("no coded item is 'dog'" in note["message"] for note in remarked["report"]["notes"])
