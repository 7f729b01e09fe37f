"""The protocol of ML backends of Label Studio: requests as its own client sends them, with fields that are ignored."""

from typing import Any

import numpy as np
import pytest

from daguerre import Client
from tests.e2e import harness
from tests.e2e.harness import assert_error

CONFIG = """<View><Header value="Animals &amp; things"/><Image name="img" value="$photo"/>
<Choices name="kind" toName="img"><View><Choice value="a cat" alias="cat"/><Choice value="a rocket"/></View>
<Choice value="cannot tell" predicted_values=""/></Choices>
<Choices name="about" toName="img" choice="multiple">
<Choice value="space" predicted_values="a rocket launch,outer space"/>
<Choice value="drink" predicted_values="a cup of coffee"/></Choices>
<RectangleLabels name="box" toName="img"><Label value="cat"/></RectangleLabels></View>"""
ZERO_SHOT = "/label-studio/zero-shot/embedded"


def uri(name: str) -> str:
    return "data:image/jpeg;base64," + harness.base64_of(harness.jpeg(name, width=200))


def task(number: int, photo: str) -> dict[str, Any]:
    """A task as Label Studio sends it."""
    return {"id": number, "data": {"photo": photo, "id": f"{number}"}, "meta": {}, "project": 7, "is_labeled": False}


def predict(tasks: list[dict[str, Any]], config: str = CONFIG) -> dict[str, Any]:
    params = {"login": None, "password": None, "context": None}
    return {"tasks": tasks, "model_version": "x", "project": "7.170", "label_config": config, "params": params}


@pytest.fixture
def owner(guarded_server):
    with guarded_server.client(auth=("label-studio", "open-sesame")) as client:  # its basic authentication
        yield client


def test_choices_are_predicted_with_their_scores(owner, guarded_server, server_data):
    """The same numbers as of the SDK, whose labels are those of the choices."""
    assert owner.get(f"{ZERO_SHOT}/health").json() == {"status": "UP", "model_class": "zero-shot/embedded"}
    sent = {"project": "7.170", "schema": CONFIG, "hostname": "http://ls:8080", "access_token": "t", "extra_params": ""}
    version = owner.post(f"{ZERO_SHOT}/setup", json=sent).json()["model_version"]
    (server_data / "upload" / "7").mkdir(parents=True)
    (server_data / "upload" / "7" / "a b.jpg").write_bytes(harness.jpeg("rocket", width=200))
    tasks = [task(1, uri("chelsea")), task(2, "http://ls:8080/data/upload/7/a%20b.jpg")]
    tasks += [task(3, "/data/local-files/?d=upload/7/a%20b.jpg"), task(4, "https://elsewhere.example/cat.jpg")]
    answer = owner.post(f"{ZERO_SHOT}/predict", json=predict(tasks)).json()
    cat, rocket, same, failed = answer["results"]
    assert {each["model_version"] for each in (cat, rocket)} == {answer["model_version"]} == {version}
    assert list(failed) == ["error"]  # which its server logs, and keeps nothing
    assert "is not fetched; send a data URI" in failed["error"]
    assert same == rocket
    assert [each["value"] for each in cat["result"]] == [{"choices": ["cat"]}, {"choices": []}]
    assert rocket["result"][0]["value"] == {"choices": ["a rocket"]}
    assert {(each["from_name"], each["to_name"], each["type"]) for each in cat["result"]} == {
        ("kind", "img", "choices"),
        ("about", "img", "choices"),
    }
    with Client(guarded_server.url, api_key="open-sesame", progress=False) as client:
        photos = [harness.jpeg(name, width=200) for name in ("chelsea", "rocket")]
        expected = client.zero_shot(images=photos, labels=["a cat", "a rocket"])
        several = client.zero_shot(
            images=photos, labels=["a rocket launch", "outer space", "a cup of coffee"], multi_label=True
        )
        assert version.split()[:2] == ["embedded", expected.fingerprint]
    firsts = [each["result"][0]["score"] for each in (cat, rocket)]
    np.testing.assert_allclose(firsts, expected.scores.max(axis=1), rtol=1e-6)
    space = several.scores[:, :2].max(axis=1)
    sure = np.minimum(*(np.maximum(each, 1 - each) for each in (space, several.scores[:, 2])))
    np.testing.assert_allclose([each["result"][1]["score"] for each in (cat, rocket)], sure, rtol=1e-6)
    assert cat["score"] == min(each["score"] for each in cat["result"])


def test_a_classifier_predicts_the_control_that_has_its_labels(owner):
    names = ("chelsea", "rocket") * 4
    body = {"name": "ls", "task": "binary", "folds": 3, "targets": ["cat" if n == "chelsea" else "no" for n in names]}
    body["input"] = [harness.image(harness.jpeg(name, width=150 + 10 * i)) for i, name in enumerate(names)]
    assert owner.post("/v1/classifiers", json=body).status_code == 200
    config = CONFIG.replace('value="a rocket"', 'value="none" predicted_values="no"')
    config = config.replace('value="a cat" alias="cat"', 'value="cat"')
    path = "/label-studio/classifiers/ls"
    refused = owner.post(f"{path}/setup", json={"schema": CONFIG})
    assert_error(refused, 422, "invalid_request")
    assert "no control with what ls@1 predicts, no, cat" in refused.text.replace("cat, no", "no, cat")
    other = config.replace('value="none"', 'value="nothing"')
    versions = [owner.post(f"{path}/setup", json={"schema": each}).json()["model_version"] for each in (config, other)]
    assert all(each.startswith("ls@1 ") for each in versions)
    assert len(set(versions)) == 2  # so that Label Studio asks anew
    found = owner.post(f"{path}/predict", json=predict([task(1, uri("chelsea")), task(2, uri("rocket"))], config))
    results = [each["result"] for each in found.json()["results"]]
    assert [each[0]["value"]["choices"] for each in results] == [["cat"], ["none"]]
    assert all(len(each) == 1 and 0.5 <= each[0]["score"] <= 1 for each in results)


def test_events_change_nothing_and_trainings_are_refused(owner):
    event = {"action": "ANNOTATION_CREATED", "project": {"id": 7}, "annotation": {}}
    assert owner.post(f"{ZERO_SHOT}/webhook", json=event).json() == {"status": "ignored"}
    assert_error(owner.post(f"{ZERO_SHOT}/webhook", json={"action": "START_TRAINING"}), 409, "no_training")


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><View>&b;</View>'


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (BOMB, "has a document type"),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd"><View/>', "has a document type"),
        ("<View>", "is no XML"),
        ("<View/>", "has no Choices or Number"),
        ("<View>" * 60_000, "is no XML"),
        (CONFIG.replace('value="drink" predicted_values="a cup of coffee"', 'value="x" predicted_values="outer space"'),
         "in two choices"),
        (CONFIG.replace('"a rocket"', '""').replace('choice="multiple"', 'toNames=""').replace("$photo", "$"), ""),
    ],
    ids=["entities", "external", "open", "empty", "deep", "twice", "odd"],
)  # fmt: skip
def test_configurations_that_cannot_be_used_are_refused(owner, config, message):
    refused = owner.post(f"{ZERO_SHOT}/setup", json={"schema": config})
    assert_error(refused, 422, "invalid_request")
    assert message in refused.text


def test_files_outside_the_folder_of_the_server_are_not_read(owner):
    for photo in ("/data/../../etc/passwd", "/data/local-files/?d=../../etc/passwd", "/data/local-files/?d=/etc/passwd",
                  "file:///data/x", "/etc/passwd", "/data/", "http://[bad", 7, None):  # fmt: skip
        answer = owner.post(f"{ZERO_SHOT}/predict", json=predict([task(1, photo)]))
        assert answer.status_code == 422, photo
    assert_error(owner.post("/label-studio/classifiers/none/predict", json=predict([task(1, "x")])), 404,
                 "unknown_classifier")  # fmt: skip
    assert owner.get("/label-studio/other/embedded/health").status_code == 422
