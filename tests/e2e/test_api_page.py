"""The API page: every example works when pasted, every field is described, and it opens without a network."""

import base64
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.browser import Browser
from tests.e2e.harness import Server

pytestmark = pytest.mark.parametrize("placement", ["inline"], indirect=True, scope="session")  # the same page in both
METHODS = {"get", "post", "put", "patch", "delete"}
LABELLED = ("/v1/labels", "/v1/labels/plan")  # for which a server has to have a labeller: tests/e2e/labels
ANALYSES = ("zero-shot", "zero-shot/preview", "clusters", "duplicates", "train", "predict", "estimates")  # of a study


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield method, path, operation


def test_the_paths_are_those_of_the_service(document: dict[str, Any]) -> None:
    found = {(method, path) for method, path, _ in _operations(document)}
    assert found == {
        ("post", "/v1/embeddings"),
        ("post", "/v1/zero-shot"),
        ("get", "/v1/models"),
        ("get", "/v1/models/{name}"),
        ("get", "/v1/analysers"),
        ("post", "/v1/analyses"),
        ("post", "/v1/captions"),
        ("get", "/v1/classifiers"),
        ("post", "/v1/classifiers"),
        ("get", "/v1/classifiers/{name}"),
        ("delete", "/v1/classifiers/{name}"),
        ("get", "/v1/classifiers/{name}/versions/{number}"),
        ("post", "/v1/classifiers/{name}/predict"),
        ("post", "/v1/classifiers/{name}/estimate"),
        ("get", "/v1/classifiers/{name}/onnx"),
        ("get", "/v1/classifiers/{name}/report.html"),
        ("post", "/v1/classifiers/{name}/report.html"),
        ("post", "/v1/fine-tunings"),
        ("post", "/v1/clusters"),
        ("get", "/v1/clusters/{id}"),
        ("get", "/v1/clusters/{id}/report.html"),
        ("post", "/v1/clusters/{id}/report.html"),
        ("post", "/v1/cluster-grids"),
        ("get", "/v1/cluster-grids/{id}"),
        ("get", "/v1/cluster-grids/{id}/report.html"),
        ("post", "/v1/duplicates"),
        ("get", "/v1/duplicates/{id}"),
        *(("post", f"/v1/faces/{name}") for name in ("matches", "persons", "verification")),
        ("post", "/v1/images"),
        ("post", "/v1/samples"),
        ("post", "/v1/pairs"),
        ("post", "/v1/agreement"),
        ("post", "/v1/comparisons"),
        ("post", "/v1/coder-groups"),
        ("post", "/v1/crowds"),
        ("post", "/v1/comparison-pairs"),
        ("post", "/v1/scales"),
        ("post", "/v1/representations"),
        ("get", "/v1/representations/{id}"),
        ("get", "/v1/representations/{id}/report.html"),
        ("post", "/v1/search"),
        ("get", "/v1/collections"),
        *((method, "/v1/collections/{name}") for method in ("put", "get", "delete")),
        *((method, "/v1/collections/{name}/items") for method in ("post", "get", "delete")),
        ("get", "/v1/collections/{name}/items/{id}"),
        ("get", "/v1/collections/{name}/ids"),
        ("post", "/v1/collections/{name}/search"),
        ("post", "/v1/collections/{name}/duplicates"),
        ("post", "/v1/pages/{kind}"),
        ("post", "/v1/validations"),
        ("post", "/v1/estimates"),
        ("post", "/v1/multiverses"),
        ("post", "/v1/evaluations"),
        ("get", "/v1/labellers"),
        ("post", "/v1/labels"),
        ("post", "/v1/labels/plan"),
        ("get", "/v1/labels/{id}"),
        ("delete", "/v1/labels/runs/{run}"),
        ("post", "/v1/timeline"),
        ("get", "/v1/files"),
        ("post", "/v1/files"),
        ("get", "/v1/files/{id}"),
        ("delete", "/v1/files/{id}"),
        ("get", "/v1/studies"),
        ("post", "/v1/studies"),
        ("get", "/v1/studies/{name}"),
        ("delete", "/v1/studies/{name}"),
        ("get", "/v1/studies/{name}/items"),
        ("post", "/v1/studies/{name}/items"),
        ("get", "/v1/studies/{name}/items/{key}"),
        ("get", "/v1/studies/{name}/items/{key}/picture"),
        ("post", "/v1/studies/{name}/items/lookup"),
        ("get", "/v1/studies/{name}/table"),
        ("get", "/v1/studies/{name}/columns"),
        ("put", "/v1/studies/{name}/columns"),
        ("delete", "/v1/studies/{name}/columns/{column}"),
        ("get", "/v1/studies/{name}/embeddings"),
        ("post", "/v1/studies/{name}/embeddings"),
        ("delete", "/v1/studies/{name}/embeddings/{model}"),
        ("post", "/v1/studies/{name}/search"),
        ("get", "/v1/folders"),
        ("get", "/v1/studies/{name}/runs"),
        ("get", "/v1/studies/{name}/export"),
        *(("post", f"/v1/studies/{{name}}/{each}") for each in (*ANALYSES, "labels", "labels/plan")),
        ("post", "/v1/labels/positions"),
        ("post", "/image/{model}"),
        *(("post", f"/label-studio/{{kind}}/{{name}}/{each}") for each in ("setup", "predict", "webhook")),
        ("get", "/label-studio/{kind}/{name}/health"),
        ("get", "/v1/studies/{name}/codebook"),
        ("put", "/v1/studies/{name}/codebook"),
        ("get", "/v1/studies/{name}/assignments"),
        ("post", "/v1/studies/{name}/assignments"),
        ("post", "/v1/studies/{name}/assignments/{assignment}/coders"),
        ("delete", "/v1/studies/{name}/assignments/{assignment}/coders/{coder}"),
        ("get", "/v1/studies/{name}/assignments/{assignment}/progress"),
        ("get", "/v1/studies/{name}/assignments/{assignment}/disagreements"),
        ("get", "/v1/studies/{name}/agreement"),
        ("get", "/v1/studies/{name}/codes"),
        ("get", "/v1/studies/{name}/label-studio"),
        ("post", "/v1/studies/{name}/label-studio"),
        ("get", "/v1/coding"),
        ("get", "/v1/coding/next"),
        ("get", "/v1/coding/units"),
        ("get", "/v1/coding/units/{key}"),
        ("put", "/v1/coding/units/{key}/codes"),
        ("post", "/v1/coding/undo"),
        ("get", "/v1/coding/pictures/{key}"),
        ("post", "/v1/coding/session"),
        ("delete", "/v1/coding/session"),
        ("post", "/v1/session"),
        ("get", "/v1/session"),
        ("delete", "/v1/session"),
        ("get", "/v1/jobs"),
        ("get", "/v1/jobs/{id}"),
        ("delete", "/v1/jobs/{id}"),
        ("get", "/v1/jobs/{id}/result"),
        ("get", "/v1/jobs/{id}/answer"),
        ("post", "/v1/jobs/{id}/cancel"),
        ("get", "/livez"),
        ("get", "/readyz"),
        ("get", "/metrics"),
    }


def test_every_example_works_when_pasted(document: dict[str, Any], client: httpx.Client) -> None:
    tried = 0
    for method, path, operation in _operations(document):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        for name, example in content.get("examples", {}).items():
            # what the example of training makes is what the others ask
            answer = client.request(method, path.replace("{name}", "mood"), json=example["value"])
            if path in LABELLED:
                assert answer.json()["error"]["code"] == "switched_off"
                continue
            assert answer.status_code in ((200, 201) if method == "put" else (200,)), (path, name, answer.text[:500])
            tried += 1
            if path == "/v1/timeline":
                assert answer.text.startswith("<!doctype html>")
                continue
            data = answer.json().get("data", [])
            failed = [entry["error"]["code"] for entry in data if "error" in entry]
            assert failed == (["unsupported_image"] if example["value"].get("on_error") == "skip" else []), (path, name)
            assert "error" not in answer.json()
    assert tried >= 5


def test_the_photo_of_the_examples_is_a_cat(document: dict[str, Any], client: httpx.Client) -> None:
    examples = document["paths"]["/v1/zero-shot"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    labels = {
        name: client.post("/v1/zero-shot", json=example["value"]).json()["data"][0]["label"]
        for name, example in examples.items()
    }
    assert labels == {"labels you made up": "a cat", "each label by itself": "a cat", "none of these": None}


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for method, path, operation in _operations(document):
        assert operation.get("summary"), (method, path)
        assert operation.get("description") or path in ("/livez", "/readyz", "/metrics"), (method, path)
        assert operation["responses"]
        for parameter in operation.get("parameters", ()):
            assert parameter["name"]


def _undescribed(document: dict[str, Any]) -> list[str]:
    missing = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, described in schema.get("properties", {}).items()
        if not described.get("description")
    ]
    for method, path, operation in _operations(document):
        missing += [
            f"{method} {path}: {p['name']}" for p in operation.get("parameters", ()) if not p.get("description")
        ]
        form = operation.get("requestBody", {}).get("content", {}).get("multipart/form-data", {}).get("schema", {})
        missing += [
            f"{path} form: {field}" for field, d in form.get("properties", {}).items() if not d.get("description")
        ]
    return missing


def test_every_field_is_described(document: dict[str, Any]) -> None:
    assert _undescribed(document) == []


def test_every_schema_that_is_referred_to_is_there(document: dict[str, Any]) -> None:
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)))
    assert named
    assert named <= set(document["components"]["schemas"])


def test_the_page_refers_to_nothing_outside(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    links = re.findall(r"""(?:src|href)=["']([^"']+)""", page.text)
    assert len(links) >= 3
    for link in links:
        assert not re.match(r"[a-z]+:|//", link), link
        assert client.get(f"/{link}").status_code == 200, link


@pytest.fixture(scope="session")
def chromium() -> str:
    found = shutil.which("chromium")
    if not found:
        pytest.skip("there is no chromium; Debian has a package of that name, which .ci/run installs")
    return found


DRAWN = """new Promise(done => {
    const look = () => document.querySelector(".opblock-post, .errors-wrapper")
        ? done(document.documentElement.outerHTML) : setTimeout(look, 100);
    look();
})"""  # the page, once it has drawn the operations or an error


def test_the_page_opens_in_a_browser_without_a_network(
    server: Server, chromium: str, tmp_path: Path, document: dict[str, Any]
) -> None:
    screenshot = Path(os.environ.get("DAGUERRE_TEST_SCREENSHOT") or tmp_path / "docs.png")
    browser = Browser(chromium, tmp_path / "profile")
    try:
        browser.open(f"{server.url}/docs")
        dom = browser.run(DRAWN)
        screenshot.write_bytes(browser.screenshot())
    finally:
        browser.close()
    for method, path, _ in _operations(document):
        assert re.search(rf'data-path="{re.escape(path)}"', dom), (method, path)
    assert "opblock-post" in dom
    assert "Failed to load API definition" not in dom
    assert screenshot.read_bytes().startswith(base64.b64decode("iVBORw0KGgo="))
    assert screenshot.stat().st_size > 20_000  # an empty page takes less
