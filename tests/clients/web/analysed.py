"""A study with vectors and codes, made over the API."""

import time

import httpx

from tests.clients.web.coding import assign

BOOK = {"variables": [{"name": "circle", "kind": "binary"}]}


def embed(owner: httpx.Client, name: str) -> None:
    """Embed the pictures of a study, and wait for it."""
    job = owner.post(f"/v1/studies/{name}/embeddings", json={}).json()
    while job["state"] in ("queued", "running"):
        time.sleep(0.2)
        job = owner.get(f"/v1/jobs/{job['id']}").json()
    assert job["state"] == "succeeded", job


def code(owner: httpx.Client, name: str, *, size: int = 30, wrong: int = 10, **sample: object) -> None:
    """Make a study of the folder `photos`, whose circles one coder has coded; each `wrong`-th code is wrong."""
    drawn = {"design": "simple", "size": size, **sample}
    assign(owner, name, BOOK, sample=drawn, coders=["anna"])
    tasks = owner.get(f"/v1/studies/{name}/label-studio").json()
    for i, task in enumerate(tasks):
        truth = task["data"]["id"].startswith("circle") != (i % wrong == wrong - 1)
        choice = {"choices": ["yes" if truth else "no"]}
        result = {"from_name": "circle", "to_name": "image", "type": "choices", "value": choice}
        task["annotations"] = [{"completed_by": "anna", "result": [result]}]
    sent = {"tasks": tasks}
    saved = owner.post(f"/v1/studies/{name}/label-studio", params={"assignment": "first"}, json=sent)
    assert saved.json()["codes"] == size, saved.text
