"""Codebook labels of a study, by a real server and a stub endpoint: plan, job, columns, estimate."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from daguerre import Client
from tests.e2e.harness import Server
from tests.e2e.labels.common import CODED, PEOPLE
from tests.label_stub import Action, Asked, Stub, by_hash

pytestmark = pytest.mark.filterwarnings("ignore")
BOOK = {
    "variables": [
        {"name": "animal", "kind": "binary", "question": "Is an animal visible?"},
        {"name": "topics", "kind": "categorical", "multiple": True, "categories": [{"name": "a"}, {"name": "b"}]},
        {"name": "share", "kind": "continuous", "low": 0, "high": 10},
    ]
}


@pytest.fixture
def study(labelling: Server) -> Iterator[Any]:
    with Client(labelling.url, progress=False) as client:
        made = client.create_study("labelled")
        made.add(str(CODED))
        made.set_codebook(BOOK)
        yield made
        made.delete()


def ended(http: httpx.Client, job: dict[str, Any], state: str = "succeeded") -> dict[str, Any]:
    while job["state"] in ("queued", "running"):
        time.sleep(0.1)
        job = http.get(f"/v1/jobs/{job['id']}").json()
    assert job["state"] == state, job
    return job


def unsure(asked: Asked) -> str:
    values = json.loads(by_hash(asked))
    if len(asked.item) and int(asked.item[:2], 16) % 4 == 0:
        values["animal"] = "cannot tell"
    return json.dumps(values)


def test_labels_become_columns_that_estimates_take(http: httpx.Client, study: Any, stub: Stub) -> None:
    stub.answer = unsure
    method = {"labeller": "qwen", "category_order": "permuted"}
    plan = http.post("/v1/studies/labelled/labels/plan", json=method).json()
    assert plan["items"] == 36
    assert plan["cost"]["requests"] == 36
    assert plan["host"].startswith("127.0.0.1")
    assert not stub.asked
    wrong = http.post("/v1/studies/labelled/labels", json={**method, "seed": 1, "fingerprint": plan["fingerprint"]})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (409, "plan_changed")
    sent = {**method, "fingerprint": plan["fingerprint"]}
    result = ended(http, http.post("/v1/studies/labelled/labels", json=sent).json())["result"]
    assert len(stub.asked) == 36
    by_column = {each["column"]: each for each in result["variables"]}
    assert list(by_column) == ["qwen:animal", "qwen:topics:a", "qwen:topics:b", "qwen:share"]
    animal = by_column["qwen:animal"]
    assert animal["n"] + animal["cannot_tell"] == 36
    assert animal["cannot_tell"] > 0
    for value, n in animal["counts"].items():
        found = http.get("/v1/studies/labelled/items", params={"filter": f"qwen:animal={value}"}).json()
        assert found["total"] == n
    run = http.get("/v1/studies/labelled/runs").json()["data"][0]
    assert run["operation"] == "labels"
    assert run["receipt"]["fingerprint"] == plan["fingerprint"]
    answer = http.get(f"/v1/labels/{result['labels']}").json()
    assert [entry["index"] for entry in answer["data"]] == list(range(36))
    assert answer["usage"]["answers"] == 36
    stub.asked.clear()
    again = ended(http, http.post("/v1/studies/labelled/labels", json=sent).json())["result"]
    assert again["variables"][0]["counts"] == animal["counts"]


def test_the_sdk_plans_labels_and_reads_the_answers(study: Any, stub: Stub, labelling: Server) -> None:
    plan = study.label_plan(labeller="qwen", variables=["animal"])
    made = study.label(plan, prefix="first")
    assert made.columns.keys() >= {"first:animal", "first:animal:outcome"}
    with Client(labelling.url) as client:
        L = client.finished_labels(made.job)
    assert sorted(L.ids) == sorted(path.name for path in CODED.iterdir())
    assert made.usage["answers"] == 36
    assert L["animal"].values.count("yes") == made.counts["first:animal"]["yes"]


def test_a_labeller_that_is_silent_fails_the_job_and_keeps_what_it_said(
    http: httpx.Client, study: Any, stub: Stub
) -> None:
    def half(asked: Asked) -> object:
        return by_hash(asked) if len(stub.answered) < 10 else Action(status=500)

    plan = http.post("/v1/studies/labelled/labels/plan", json={"variables": ["animal"], "labeller": "qwen"}).json()
    sent = {"variables": ["animal"], "labeller": "qwen", "fingerprint": plan["fingerprint"]}
    stub.answer = half
    failed = ended(http, http.post("/v1/studies/labelled/labels", json=sent).json(), "failed")
    assert failed["error"]["code"] == "labeller_failed"
    said = len(stub.answered)
    stub.answer = by_hash
    stub.asked.clear()
    ended(http, http.post("/v1/studies/labelled/labels", json=sent).json())
    assert len(stub.asked) == 36 - said


@pytest.mark.parametrize(("body", "status", "code", "message"), [
    ({"variables": ["colour"]}, 422, None, "'colour' is no variable of items"),
    ({"labeller": "nobody"}, 404, None, "nobody"),
    ({"category_order": "random"}, 422, "invalid_request", "category_order"),
    ({"filters": ["nothing=1"]}, 422, None, "nothing"),
])  # fmt: skip
def test_bad_plans(http: httpx.Client, study: Any, body: Any, status: int, code: Any, message: str) -> None:
    answer = http.post("/v1/studies/labelled/labels/plan", json=body)
    assert answer.status_code == status
    assert message in answer.text
    assert code in (None, answer.json()["error"]["code"])


def test_a_study_without_a_codebook_has_nothing_to_ask(http: httpx.Client, labelling: Server) -> None:
    assert PEOPLE
    http.post("/v1/studies", json={"name": "bare"})
    answer = http.post("/v1/studies/bare/labels/plan", json={})
    http.delete("/v1/studies/bare")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_codebook")
