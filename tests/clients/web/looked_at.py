"""A study of pictures with columns, and what tests of its pages read."""

from typing import Any

import httpx
import numpy as np
from playwright.sync_api import Page, expect


def make(client: httpx.Client, name: str, folder: str = "photos") -> dict[str, list[Any]]:
    """Make a study of a folder of the server. Returns its table: ids, keys, and the columns that it was given."""
    client.delete(f"/v1/studies/{name}")
    made = client.post("/v1/studies", json={"name": name, "folder": folder, "title": f"A study of {folder}"})
    assert made.status_code == 201, made.text
    table = client.get(f"/v1/studies/{name}/table", params={"ids": True}).json()
    rng = np.random.default_rng(5)
    n = table["n"]
    cluster = rng.integers(0, 3, n)
    columns: dict[str, list[Any]] = {
        "score": rng.uniform(size=n).round(4).tolist(),
        "label": [id.split("-")[0] if i % 5 else None for i, id in enumerate(table["ids"])],
        "cluster": [str(each) for each in cluster],
        "x": (rng.normal(size=n) + 6 * cluster).tolist(),
        "y": rng.normal(size=n).tolist(),
        "time": rng.integers(1_600_000_000, 1_700_000_000, n).tolist(),
    }
    for start in range(0, n, 5000):
        part = slice(start, start + 5000)
        sent = {"ids": table["ids"][part], "columns": {column: values[part] for column, values in columns.items()}}
        written = client.put(f"/v1/studies/{name}/columns", json=sent)
        assert written.is_success, written.text
    return {"ids": table["ids"], "keys": table["keys"], **columns}


def embed(client: httpx.Client, name: str) -> None:
    """Compute the vectors of a study, and wait for them."""
    job = client.post(f"/v1/studies/{name}/embeddings", json={}).json()
    while job["state"] in ("queued", "running"):
        job = client.get(f"/v1/jobs/{job['id']}").json()
    assert job["state"] == "succeeded", job


def wall(page: Page, n: int | None = None) -> Any:
    """The wall, once it has tiles; of `n` items where that is given."""
    found = page.get_by_role("listbox", name="Pictures of the study")
    if n is not None:
        expect(found.get_by_role("option").first).to_have_attribute("aria-setsize", str(n))
    expect(found.get_by_role("option").first).to_be_visible()
    return found


def tiles(page: Page) -> Any:
    """The tiles that exist."""
    return page.get_by_role("listbox", name="Pictures of the study").get_by_role("option")


def names(page: Page) -> list[str]:
    """Ids of the tiles that exist, in their order."""
    found: list[str] = tiles(page).evaluate_all("all => all.map(each => each.title)")
    return found


def active(page: Page) -> str | None:
    """Name of the tile that has the focus of the wall."""
    of = "element => document.getElementById(element.getAttribute('aria-activedescendant'))?.title"
    name: str | None = page.get_by_role("listbox", name="Pictures of the study").evaluate(of)
    return name
