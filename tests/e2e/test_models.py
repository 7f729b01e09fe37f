"""Several imported models at once, in several precisions, over both wires and in the Python package."""

import numpy as np
import pytest

from daguerre import Client
from models.catalog import folder
from models.sessions.exact import exact_products
from models.sources.make import ImportRequest, import_model, with_served_name
from tests.e2e import harness
from tests.models import architectures
from tests.models.sources.test_sources import close, our_images, our_texts, their_images, their_texts

SECOND = "int8" if exact_products() else "fp16"  # int8 is refused on processors where it is not exact
NAMES = ["small-clip", f"small-clip-{SECOND}", "small-siglip2", "small-dinov2", "all-minilm-l6-v2", "embedded"]
PHOTOS = ("chelsea", "coffee", "rocket", "astronaut")
LABELS = ["a cat", "a rocket", "a cup of coffee"]


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    root = tmp_path_factory.mktemp("sources")
    made = {name: architectures.BUILDERS[name](root / name) for name in ("clip", "siglip2", "dinov2")}
    return {**made, "minilm": architectures.minilm()}


@pytest.fixture(scope="module")
def their_home(home, sources, tmp_path_factory):
    """A DAGUERRE_HOME with imported models and the shared home's embedded one."""
    made = tmp_path_factory.mktemp("home")
    embedded = folder.open_or_export("embedded", home).path
    (made / "models").mkdir()
    (made / "models" / embedded.name).symlink_to(embedded)
    for name, source in (
        ("small-clip", "clip"),
        ("small-siglip2", "siglip2"),
        ("small-dinov2", "dinov2"),
        ("all-minilm-l6-v2", "minilm"),
    ):
        import_model(ImportRequest(source=sources[source], name=name, licence="CC0"), made)
    import_model(with_served_name(ImportRequest(source=sources["clip"], name="small-clip", precision=SECOND)), made)
    return made


@pytest.fixture(scope="module", params=["inline", pytest.param("process", marks=pytest.mark.thorough)])
def server(request, their_home, tmp_path_factory):
    settings = {
        "DAGUERRE_HOME": str(their_home),
        "DAGUERRE_MODELS": ",".join(NAMES),
        "DAGUERRE_PLACEMENT": request.param,
        "BENTOML_HOME": str(tmp_path_factory.mktemp("bentoml")),
    }
    with harness.running(tmp_path_factory.mktemp("models"), settings=settings) as running:
        yield running


@pytest.fixture(scope="module")
def photos():
    return [harness.jpeg(name) for name in PHOTOS]


@pytest.fixture(params=["http", "grpc"])
def client(request, server):
    with Client(server.url if request.param == "http" else f"grpc://{server.grpc_target}") as made:
        yield made


@pytest.mark.thorough
def test_each_has_a_card_and_the_first_is_the_default(server):
    with server.client() as client:
        cards = client.get("/v1/models").json()["data"]
    assert [card["id"] for card in cards] == NAMES
    assert [card["default"] for card in cards] == [True] + [False] * 5
    by_name = {card["id"]: card for card in cards}
    assert by_name["small-clip"]["precision"] == "fp32"
    assert by_name[f"small-clip-{SECOND}"]["precision"] == SECOND
    assert by_name["small-clip"]["fingerprint"] != by_name[f"small-clip-{SECOND}"]["fingerprint"]
    assert by_name["small-dinov2"]["modalities"] == ["image"]
    assert by_name["all-minilm-l6-v2"]["modalities"] == ["text"]
    assert by_name["small-clip"]["parity"]["image_min_cosine"] > 0.9999
    assert by_name["small-clip"]["licence"] == "CC0"


@pytest.mark.parametrize(("name", "source"), [("small-clip", "clip"), ("small-dinov2", "dinov2")])
def test_images_by_name(client, name, source, sources, photos):
    found = client.embed(images=photos, model=name)
    assert found.receipt.model == name
    close(np.asarray(found.vectors), their_images(sources[source], photos), share=5e-3)


@pytest.mark.parametrize(("name", "source"), [("small-siglip2", "siglip2"), ("all-minilm-l6-v2", "minilm")])
def test_texts_by_name(client, name, source, sources):
    texts = ["a march for the climate", "Митинг", "x"]
    found = client.embed(texts=texts, model=name)
    close(np.asarray(found.vectors), their_texts(sources[source], texts, 64), share=5e-3)


def test_precisions_stand_beside_each_other(client, their_home, photos):
    second = f"small-clip-{SECOND}"
    full, reduced = (np.asarray(client.embed(images=photos, model=n).vectors) for n in ("small-clip", second))
    assert (full * reduced).sum(1).min() > 0.97
    assert np.abs(full - reduced).max() > 1e-6  # two sets of weights
    close(reduced, our_images(folder.locate(second, their_home), photos), share=5e-3)


def test_zero_shot_of_a_sigmoid_and_of_a_softmax(server, their_home, photos):
    with Client(server.url) as client:
        for name, total in (("small-clip", True), ("small-siglip2", False)):
            found = client.zero_shot(images=photos, labels=LABELS, model=name, multi_label=not total)
            scores = np.asarray(found.scores)
            head = folder.locate(name, their_home).spec.zero_shot
            prompts = [head.templates[0].replace("{}", label) for label in LABELS]
            one = folder.locate(name, their_home)
            logits = head.logit_scale * our_images(one, photos) @ our_texts(one, prompts).T + head.logit_bias
            shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
            wanted = shares if total else 1 / (1 + np.exp(-logits))
            np.testing.assert_allclose(scores, wanted, atol=2e-4)


def test_a_model_without_the_modality_says_so(server, photos):
    with server.client() as client:
        text = client.post("/v1/embeddings", json={"model": "small-dinov2", "input": "a text"})
        assert text.status_code == 422
        assert text.json()["error"]["code"] == "unsupported_modality"
        asked = {"model": "small-dinov2", "input": "a text", "labels": LABELS}
        refused = client.post("/v1/zero-shot", json=asked).json()["error"]
        assert refused["code"] == "no_zero_shot"
        away = client.post("/v1/embeddings", json={"model": "clip-vit-base-patch32", "input": "a text"})
        assert away.status_code == 404
        assert f"there are: small-clip, small-clip-{SECOND}" in away.json()["error"]["message"]


def test_what_was_not_fetched_stops_the_start_and_says_how_to_get_it(tmp_path):
    settings = {"DAGUERRE_MODELS": "clip-vit-base-patch32", "DAGUERRE_HOME": str(tmp_path / "home")}
    server = harness.launch(tmp_path, settings=settings)
    assert server.process.wait(60) == 1
    assert "python -m models fetch clip-vit-base-patch32" in server.said()
    assert "Traceback" not in server.said()
