"""A vision-language model, imported and served: captions by instructions, in the entry process and in a runner."""

import asyncio
import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from daguerre import AsyncClient, Client
from models.analysers.folder import locate
from models.analysers.table import code_of
from models.catalog.folder import source_path
from models.sources.chat_models import import_chat_model
from models.sources.chat_session import ChatSession
from tests import tiny_vlm
from tests.e2e import harness
from tests.e2e.harness import Server, image, jpeg

NAMES = ("astronaut", "chelsea", "coffee", "rocket")
PROMPT = "What is in this picture?"


@pytest.fixture(scope="module")
def own_home(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DAGUERRE_HOME with a SmolVLM."""
    folder = tmp_path_factory.mktemp("vlm-home")
    (folder / "models").symlink_to((home / "models").absolute(), target_is_directory=True)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    import_chat_model(tiny_vlm.make(folder / "smolvlm"), folder, name="vlm", licence="Apache-2.0")
    torch.set_num_threads(before)
    return folder


@pytest.fixture(scope="module", params=["inline", pytest.param("process", marks=pytest.mark.thorough)])
def served(
    request: pytest.FixtureRequest, own_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("vlm-server")
    settings = {
        "BENTOML_HOME": str(folder / "bentoml"),
        "DAGUERRE_HOME": str(own_home),
        "DAGUERRE_ANALYSERS": "vlm",
        "DAGUERRE_PLACEMENT": request.param,
    }
    with harness.running(folder, settings=settings) as running:
        yield running


def by_hand(home: Path, photos: list[bytes], **options) -> list[str]:
    """The captions of the session in this process, one at a time."""
    folder = locate("vlm", home)
    code, session = code_of(folder.spec)(folder.spec, folder.path), ChatSession(folder.spec, source_path("vlm", home))
    texts = []
    for photo in photos:
        steps = code.steps(Image.open(io.BytesIO(photo)).convert("RGB"), code.choices(**options))
        (row,) = next(steps).rows
        (out,) = session.compute("write", tuple(array[None] for array in row))
        with pytest.raises(StopIteration) as end:
            steps.send([(out[0],)])
        texts.append(end.value.value.findings[0].text)
    return texts


def test_captions_are_those_of_the_session(served, own_home):
    """Many requests are made at once, and their rows share batches; a corrupt picture fails alone."""
    photos = [jpeg(name, width=200) for name in NAMES]
    options = {"prompt": PROMPT, "max_tokens": 12}
    wanted = by_hand(own_home, photos, **options)
    assert len(set(wanted)) == len(photos)
    with served.client(timeout=300) as client:
        body = {"analysers": {"captions": options}, "input": [image(each, str(i)) for i, each in enumerate(photos)]}
        body["input"].insert(1, image(b"no picture", "corrupt"))
        body["on_error"] = "skip"
        answer = client.post("/v1/analyses", json=body)
        assert answer.status_code == 200, answer.text[:1000]
        data = answer.json()["data"]
        assert data[1]["error"]["code"] == "unsupported_image"
        found = [each["results"]["captions"]["findings"][0]["text"] for each in (*data[:1], *data[2:])]
        assert found == wanted
        receipt = answer.json()["receipts"]["captions"]
        assert (receipt["provider"], receipt["precision"]) == ("torch:cpu", "fp32")
        assert receipt["made_with"]["transformers"]
        (card,) = client.get("/v1/analysers").json()["data"]
        assert (card["licence"], card["settings"]["decoder"], card["settings"]["chat"]) == ("Apache-2.0", "chat", 1)
        assert card["options"]["max_tokens"] == 64
        bad = client.post("/v1/analyses", json={**body, "analysers": {"captions": {"prompt": ""}}})
        assert (bad.status_code, bad.json()["error"]["param"]) == (422, "analysers.captions.prompt")


def test_requests_at_once_have_the_same_captions(served, own_home):
    photos = [jpeg(name, width=160) for name in NAMES]
    wanted = by_hand(own_home, photos, prompt=PROMPT, max_tokens=8)

    async def ask() -> list[list[str | None]]:
        async with AsyncClient(served.url) as client:
            calls = [client.caption([each], prompt=PROMPT, max_tokens=8) for each in photos * 2]
            return [(await each).captions for each in asyncio.as_completed(calls)]

    found = [text for (text,) in asyncio.run(ask())]
    assert sorted(found) == sorted(wanted * 2)
    with Client(served.url) as client:
        assert client.caption(photos[:1], prompt=PROMPT, max_tokens=8).captions == wanted[:1]


def test_a_picture_of_many_pixels_is_captioned(served):
    picture = io.BytesIO()
    Image.effect_noise((3000, 2000), 60).convert("RGB").save(picture, "JPEG", quality=60)
    item = {"id": "large", "image": base64.b64encode(picture.getvalue()).decode()}
    with served.client(timeout=300) as client:
        body = {"analysers": {"captions": {"prompt": PROMPT, "max_tokens": 4}}, "input": [item]}
        answer = client.post("/v1/analyses", json=body).json()
    assert answer["data"][0]["results"]["captions"]["findings"]
