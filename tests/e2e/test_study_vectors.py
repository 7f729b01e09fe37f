"""Vectors of a study over HTTP: equal to those of /v1/embeddings, kill -9 and deletion in the middle, search."""

import base64
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.auth import owner_of
from service.settings import Settings
from service.stores import study_vectors
from service.stores.studies import Studies
from service.stores.study_vectors import StudyVectors
from tests.e2e.harness import assert_error
from tests.e2e.test_studies import ANNA, Running

MANY = 320  # pictures, so many that a job of them can be ended in the middle
SIDE = 600


@pytest.fixture(scope="module")
def running(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Running(tmp_path_factory.mktemp("study-vectors"))
    rng = np.random.default_rng(0)
    many = made.folder / "data" / "many"
    few = made.folder / "data" / "few"
    many.mkdir()
    few.mkdir()
    large = rng.integers(0, 256, (SIDE // 30, SIDE // 30, 3), np.uint8)
    Image.fromarray(large).resize((SIDE, SIDE)).save(many / "0000.png")
    for i in range(1, MANY):
        (many / f"{i:04}.png").hardlink_to(many / "0000.png")
    for i in range(90):
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(few / f"{i:02}.jpg")
    (few / "cut.jpg").write_bytes((few / "00.jpg").read_bytes()[:300])
    (few / "gone.jpg").write_bytes(b"gone")
    yield made
    assert made.server.stop() == 0


def ended(client: httpx.Client, job: str) -> dict[str, Any]:
    while (found := client.get(f"/v1/jobs/{job}").raise_for_status().json())["state"] in ("queued", "running"):
        time.sleep(0.05)
    return dict(found)


def until(holds: Callable[[], bool]) -> None:
    while not holds():
        time.sleep(0.02)


def stored(running: Running, name: str) -> StudyVectors:
    """The vectors as they are on disk, read by another process than the server."""
    store = Studies(Settings(home=running.home))
    try:
        return study_vectors.read_vectors(store.get(name, owner_of(ANNA.encode())))
    finally:
        store.close()


def test_vectors_are_those_of_the_embeddings_byte_for_byte(running: Running) -> None:
    with running.client() as owner:
        assert owner.post("/v1/studies", json={"name": "few", "folder": "few"}).json()["items"] == 92
        (running.folder / "data" / "few" / "gone.jpg").unlink()
        assert_error(owner.post("/v1/studies/few/search", json={"query": {"text": "a cat"}}), 422, "no_vectors")
        made = owner.post("/v1/studies/few/embeddings", json={})
        assert made.status_code == 202, made.text
        assert (made.json()["kind"], made.json()["name"], made.json()["n"]) == ("study_embeddings", "few", 92)
        job = ended(owner, made.json()["id"])
        result = job["result"]
        assert (result["embedded"], result["already"], result["failed"], result["items"]) == (90, 0, 2, 92)
        assert [(each["id"], each["code"]) for each in result["failures"]] == [
            ("cut.jpg", "invalid_image"),
            ("gone.jpg", "picture_gone"),
        ]
        found = stored(running, "few")
        assert (len(found.ids), found.missing, found.fingerprint) == (90, 2, result["fingerprint"])
        pictures = [(running.folder / "data" / "few" / id).read_bytes() for id in found.ids]
        asked = {"input": [{"image": base64.b64encode(data).decode()} for data in pictures[:30]]}
        answer = owner.post("/v1/embeddings", json={**asked, "encoding_format": "base64"}).json()
        for i, each in enumerate(answer["data"]):
            assert base64.b64decode(each["embedding"]) == found.rows[i].tobytes(), found.ids[i]
        (card,) = owner.get("/v1/studies/few/embeddings").json()["data"]
        assert (card["items"], card["failed"], card["missing"], card["job"]) == (90, 2, 0, None)
        assert card["receipt"] == answer["receipt"]

        again = ended(owner, owner.post("/v1/studies/few/embeddings", json={}).json()["id"])["result"]
        assert (again["embedded"], again["already"], again["failed"]) == (0, 90, 2)
        assert np.array_equal(stored(running, "few").rows, found.rows)


def test_search_finds_the_nearest_of_the_items_that_fulfil_the_filters(running: Running) -> None:
    url = "/v1/studies/few"
    with running.client() as owner:
        found = stored(running, "few")
        cosines = found.rows.astype(np.float64) @ found.rows[7].astype(np.float64)
        hits = owner.post(f"{url}/search", json={"query": {"key": found.keys[7]}, "k": 5}).json()
        order = [i for i in np.argsort(-cosines, kind="stable") if i != 7][:5]
        assert [hit["key"] for hit in hits["data"]] == [found.keys[i] for i in order]
        assert [hit["cosine"] for hit in hits["data"]] == pytest.approx(cosines[order].tolist(), abs=1e-6)
        assert (hits["n"], hits["remarks"]) == (89, ["2 of 92 items have no vector, and were not searched."])

        columns = {"odd": [i % 2 for i in range(90)]}
        assert owner.put(f"{url}/columns", json={"ids": list(found.ids), "columns": columns}).is_success
        sent = {"query": {"key": found.keys[7]}, "k": 90, "filter": ["odd=1", "id<50.jpg"]}
        odd = owner.post(f"{url}/search", json=sent).json()
        assert {hit["id"] for hit in odd["data"]} == {f"{i:02}.jpg" for i in range(1, 50, 2)} - {found.ids[7]}

        picture = (running.folder / "data" / "few" / "33.jpg").read_bytes()
        for answer in (
            owner.post(f"{url}/search", json={"query": {"image": base64.b64encode(picture).decode()}, "k": 1}),
            owner.post(f"{url}/search", data={"request": '{"k": 1}'}, files=[("input", ("x.jpg", picture))]),
        ):
            (hit,) = answer.raise_for_status().json()["data"]
            assert (hit["id"], round(hit["cosine"], 5)) == ("33.jpg", 1)
        text = owner.post(f"{url}/search", json={"query": {"text": "a picture of noise"}}).raise_for_status().json()
        assert len(text["data"]) == 90
        broken = owner.post(f"{url}/search", json={"query": {"image": base64.b64encode(b"x").decode()}})
        assert_error(broken, 415, "unsupported_image")
        cut = next(item for item in owner.get(f"{url}/items").json()["data"] if item["id"] == "cut.jpg")
        assert_error(owner.post(f"{url}/search", json={"query": {"key": cut["key"]}}), 422, "no_vectors")
    with running.client("key-of-another") as other:
        assert_error(other.post(f"{url}/search", json={"query": {"text": "a"}}), 404, "unknown_study")
        assert_error(other.post(f"{url}/embeddings", json={}), 404, "unknown_study")


def items(client: httpx.Client, name: str) -> int:
    sets = client.get(f"/v1/studies/{name}/embeddings").raise_for_status().json()["data"]
    return int(sets[0]["items"]) if sets else 0


@pytest.mark.thorough
def test_a_kill_in_the_middle_loses_nothing_and_embeds_nothing_twice(running: Running) -> None:
    with running.client() as owner:
        assert owner.post("/v1/studies", json={"name": "many", "folder": "many"}).json()["items"] == MANY
        made = owner.post("/v1/studies/many/embeddings", json={}).json()
        assert_error(owner.post("/v1/studies/many/embeddings", json={}), 409, "job_exists")
        until(lambda: items(owner, "many") > 0)
        assert_error(owner.delete(f"/v1/studies/many/embeddings/{_model(owner, 'many')}"), 409, "job_exists")
    running.kill()
    before = stored(running, "many")
    assert 0 < len(before.ids) < MANY
    with running.client() as owner:
        job = ended(owner, made["id"])
        assert job["state"] == "succeeded", job
        assert (job["result"]["embedded"], job["result"]["failed"]) == (MANY, 0)
        after = stored(running, "many")
        assert (len(after.ids), after.missing) == (MANY, 0)
        assert np.array_equal(after.rows[: len(before.ids)], before.rows)
        files = list(running.home.glob("studies/*/vectors/*.f32"))
        assert max(path.stat().st_size for path in files) == after.rows.nbytes  # no row but one for each item
        model = _model(owner, "many")
        assert owner.delete(f"/v1/studies/many/embeddings/{model}").json()["items"] == MANY
        assert_error(owner.delete(f"/v1/studies/many/embeddings/{model}"), 404, "no_vectors")
        assert [path for path in files if path.exists()] == [path for path in files if "few" in _name(path)]


def _model(client: httpx.Client, name: str) -> str:
    return str(client.get(f"/v1/studies/{name}/embeddings").json()["data"][0]["model"])


def _name(path: Path) -> str:
    return (path.parents[1] / "meta.json").read_text()


def test_deleting_the_study_ends_the_job(running: Running) -> None:
    with running.client() as owner:
        made = owner.post("/v1/studies/many/embeddings", json={}).json()
        until(lambda: items(owner, "many") > 0)
        gone = owner.delete("/v1/studies/many").json()
        assert 0 < gone["vectors"] < MANY
        assert owner.post("/v1/studies", json={"name": "many", "folder": "few"}).status_code == 201  # the same id
        assert ended(owner, made["id"])["state"] == "cancelled"
        assert items(owner, "many") == 0
        owner.delete("/v1/studies/many")
        assert len(list(running.home.glob("studies/study_*"))) == 1
    assert "Traceback" not in running.server.said()
    shutil.rmtree(running.folder / "data" / "many")
