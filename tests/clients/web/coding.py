"""A study to code: made by its owner over the API; and how a coder's page is driven by keys."""

from collections.abc import Mapping
from typing import Any

import httpx
from playwright.sync_api import Page, expect

PATIENCE = 60_000  # milliseconds: a test does not depend on the load of the machine
expect.set_options(timeout=PATIENCE)
BINARY: dict[str, Any] = {"variables": [{"name": "protest", "kind": "binary", "question": "Is this a protest?"}]}


def assign(owner: httpx.Client, name: str, book: Mapping[str, Any] = BINARY, **body: Any) -> dict[str, str]:
    """Make the study `name` of the folder `photos` with an assignment; the tokens by the names of people."""
    owner.delete(f"/v1/studies/{name}")  # of a test that failed
    made = owner.post("/v1/studies", json={"name": name, "title": "Circles & <squares>", "folder": "photos"})
    assert made.status_code == 201, made.text
    assert owner.put(f"/v1/studies/{name}/codebook", json=book).status_code == 200
    if not {"items", "pairs", "sample"} & body.keys():
        body["sample"] = {"design": "simple", "size": 6}
    body = {"name": "first", "coders": ["anna", "ben"], "seed": 1, **body}
    assigned = owner.post(f"/v1/studies/{name}/assignments", json=body)
    assert assigned.status_code == 201, assigned.text
    return {each["name"]: each["token"] for each in assigned.json()["tokens"]}


def codes_of(owner: httpx.Client, name: str) -> dict[str, dict[str, Any]]:
    """The codes of a study by person and `id variable`."""
    table = owner.get(f"/v1/studies/{name}/codes", params={"adjudicators": True}).json()
    found: dict[str, dict[str, Any]] = {}
    for values in table["rows"]:
        row = dict(zip(table["columns"], values, strict=True))
        found.setdefault(row["coder"], {})[f"{row['id']} {row['variable']}"] = (
            None if row["cannot_tell"] else row["code"]
        )
    return found


def done(page: Page, n: int, all: int) -> None:
    """Wait until the page says that `n` of `all` items are saved, and shows the next picture."""
    expect(page.locator(".done")).to_contain_text(f"{n} / {all}")
    expect(page.locator(".stage[aria-busy=false], .finished").first).to_be_visible()  # keys count once it is painted
