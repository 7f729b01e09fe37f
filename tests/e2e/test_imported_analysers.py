"""Imported detectors, with labels of their own and by words, served by a real server in runner processes."""

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from daguerre import Client, DaguerreError, cli
from models.analysers.folder import locate
from models.analysers.spec import run
from models.analysers.table import code_of
from models.sessions.onnx import OnnxSession
from models.sources.detectors import import_detector
from models.sources.word_detectors import import_word_detector
from tests.e2e import harness
from tests.e2e.harness import Server, assert_error, image, jpeg
from tests.models.clips import make
from tests.models.sources.small_owl import owl
from tests.models.sources.test_detectors import rtdetr

WORDS = ["a placard", "a rainbow flag", "ein Hund"]
NAMES = ("astronaut", "chelsea", "coffee", "rocket")


@pytest.fixture(scope="module")
def own_home(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """DAGUERRE_HOME with an RT-DETR and an OWLv2."""
    folder = tmp_path_factory.mktemp("imported-home")
    (folder / "models").symlink_to((home / "models").absolute(), target_is_directory=True)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    import_detector(rtdetr(folder / "rtdetr"), folder, name="signs", licence="Apache-2.0")
    import_word_detector(owl(folder / "owlv2"), folder, name="owl", licence="Apache-2.0")
    torch.set_num_threads(before)
    return folder


@pytest.fixture(scope="module")
def imported(own_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("imported-server")
    settings = {
        "BENTOML_HOME": str(folder / "bentoml"),
        "DAGUERRE_HOME": str(own_home),
        "DAGUERRE_ANALYSERS": "signs,owl",
        "DAGUERRE_PLACEMENT": "process",
        "DAGUERRE_MAX_BATCH_IMAGES": "8",
    }
    with harness.running(folder, settings=settings) as running:
        yield running


@pytest.fixture
def client(imported: Server) -> Iterator[httpx.Client]:
    with imported.client(timeout=120) as client:
        yield client


@pytest.fixture(scope="module")
def photos() -> list[bytes]:
    return [jpeg(name, width=200) for name in NAMES]


def ask(client: httpx.Client, photos: list[bytes], **options: Any) -> dict:
    body = {"input": [image(photo, str(i)) for i, photo in enumerate(photos)], "analysers": {"objects": options}}
    answer = client.post("/v1/analyses", json=body)
    assert answer.status_code == 200, answer.text[:1000]
    return answer.json()


def by_hand(home: Path, name: str, photo: bytes, **options: Any) -> list[dict]:
    """The result of the analyser without the service, with one row in each batch."""
    folder = locate(name, home)
    sessions = {part: OnnxSession(folder.path / f"{part}.onnx", threads=1) for part in folder.spec.parts}
    code = code_of(folder.spec)(folder.spec, folder.path)
    picture = Image.open(io.BytesIO(photo)).convert("RGB")
    made = run(code, picture, code.choices(**options), lambda part, arrays: sessions[part].compute(arrays))
    return [
        {
            "label": each.label,
            "score": each.score,
            "box": dict(zip(("x", "y", "width", "height"), each.box or (), strict=True)),
        }
        for each in made.findings
    ]


@pytest.mark.thorough
def test_a_detector_with_labels_of_its_own_gives_what_it_gives_by_hand(client, own_home, photos):
    answer = ask(client, photos, min_score=0.2, labels=["Protest sign", "cat"])
    assert answer["receipts"]["objects"]["analyser"] == "signs"
    for entry, photo in zip(answer["data"], photos, strict=True):
        wanted = by_hand(own_home, "signs", photo, min_score=0.2, labels=("Protest sign", "cat"))
        assert entry["results"]["objects"]["findings"] == json.loads(json.dumps(wanted))
    assert any(entry["results"]["objects"]["findings"] for entry in answer["data"])


def test_words_of_the_request_give_what_they_give_by_hand(client, own_home, photos):
    answer = ask(client, photos, model="owl", labels=WORDS, min_score=0.3)
    assert answer["receipts"]["objects"]["analyser"] == "owl"
    for entry, photo in zip(answer["data"], photos, strict=True):
        wanted = by_hand(own_home, "owl", photo, min_score=0.3, labels=tuple(WORDS))
        assert entry["results"]["objects"]["findings"] == json.loads(json.dumps(wanted))
        assert wanted
        assert {each["label"] for each in wanted} <= set(WORDS)
    first, second = (entry["results"]["objects"]["findings"] for entry in answer["data"][:2])
    assert first != second


def test_alone_and_with_others_the_results_are_equal(client, photos):
    together = ask(client, photos, model="owl", labels=WORDS)["data"]
    for photo, entry in zip(photos, together, strict=True):
        assert ask(client, [photo], model="owl", labels=WORDS)["data"][0]["results"] == entry["results"]


def test_the_default_threshold_is_that_of_the_analyser(client, photos):
    flag = {"model": "owl", "labels": ["a flag"]}
    applied = [
        ask(client, photos[:1], **options)["options"]["objects"]["min_score"]
        for options in ({}, flag, {**flag, "min_score": 0})
    ]
    assert applied == [0.35, 0.1, 0]
    cards = {card["name"]: card for card in client.get("/v1/analysers").json()["data"]}
    assert (cards["signs"]["options"]["min_score"], cards["owl"]["options"]["min_score"]) == (0.35, 0.1)
    assert cards["owl"]["labels"] == []
    assert "what the labels of a request describe" in cards["owl"]["description"]


@pytest.mark.parametrize(
    ("options", "param", "words"),
    [
        ({"model": "owl"}, "labels", "labels: got none, and 'owl' looks for what labels describe"),
        ({"model": "owl", "labels": ["a", " "]}, "labels", "words are needed"),
        ({"model": "owl", "labels": ["a flag", "A flag"]}, "labels", "has the same tokens; leave one of the two out"),
        (
            {"model": "owl", "labels": [f"label {i}" for i in range(101)]},
            "labels",
            "got 101, the limit",
        ),
        ({"model": "owl", "labels": ["a flag " * 20]}, "labels", "reads 16 tokens"),
        ({"model": "owl", "labels": ["a"], "min_scores": {"b": 0.5}}, "min_scores", "none of the labels"),
        ({"model": "owl", "labels": ["a"], "overlap": 2}, "overlap", "2"),
        ({"labels": ["a rainbow flag"]}, "labels", "need a detector by words, such as OWLv2"),
        ({"labels": ["protest"]}, "labels", "close to it: protest sign"),
    ],
)
def test_labels_that_cannot_be_used_are_named(client, photos, options, param, words):
    body = {"input": [image(photos[0])], "analysers": {"objects": options}}
    error = assert_error(client.post("/v1/analyses", json=body), 422, "invalid_request")
    assert error["param"].startswith(f"analysers.objects.{param}")
    assert words in error["message"]


def test_frames_of_a_video_are_searched_by_words(client):
    clip = make(frames=6, rate=3, size=(96, 64))
    item = {"video": harness.base64_of(clip), "sampling": {"policy": "every", "seconds": 1.0}}
    body = {"input": [item], "analysers": {"objects": {"model": "owl", "labels": WORDS, "min_score": 0.2}}}
    answer = client.post("/v1/analyses", json=body)
    assert answer.status_code == 200, answer.text[:1000]
    frames = answer.json()["data"][0]["video"]["frames"]
    assert len(frames) == 2
    assert all({each["label"] for each in frame["results"]["objects"]["findings"]} <= set(WORDS) for frame in frames)


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_words_in_the_sdk(imported, own_home, tmp_path, photos, scheme):
    files = []
    for i, photo in enumerate(photos):
        files.append(tmp_path / f"{i}.jpg")
        files[-1].write_bytes(photo)
    lowest = {"a placard": 0.4, "ein Hund": 0.9}
    with Client(imported.url if scheme == "http" else f"grpc://{imported.grpc_target}", chunk_items=3) as client:
        with contextlib.suppress(UserWarning):
            found = client.detect(files, labels=WORDS, min_score=lowest, overlap=0.5, model="owl")
        with pytest.raises(DaguerreError, match="got none, and 'owl' looks for what labels describe"):
            client.detect(files[:1], model="owl")
    for photo, entry in zip(photos, found.entries, strict=True):
        wanted = by_hand(own_home, "owl", photo, labels=tuple(WORDS), min_scores=lowest, overlap=0.5)
        assert entry["results"]["objects"]["findings"] == json.loads(json.dumps(wanted))
    assert found.options["objects"]["min_scores"] == lowest
    assert set(found.counts().columns) <= set(WORDS)


def test_words_on_the_command_line(imported, tmp_path, photos):
    (tmp_path / "photos").mkdir()
    for i, photo in enumerate(photos[:2]):
        (tmp_path / "photos" / f"{i}.jpg").write_bytes(photo)

    def ran(*arguments: object) -> Any:
        given = ["--url", imported.url, "analyse", str(tmp_path / "photos"), *map(str, arguments)]
        return CliRunner().invoke(cli.main, given)

    out = tmp_path / "found.parquet"
    words = [argument for label in WORDS for argument in ("--label", label)]
    asked = ("--objects", "--model", "objects=owl", *words, "--label-score", "a placard=0.4", "--overlap", 0.5)
    done = ran(*asked, "-o", out)
    assert done.exit_code == 0, done.output
    with Client(imported.url) as client:
        assert set(client.read_analyses(out).to_pandas()["label"].dropna()) <= set(WORDS)
    again = ran(*asked, "-o", out)
    assert "0 analysed" in again.stderr
    other = ran("--objects", "--model", "objects=owl", "--label", "a dog", "-o", out)
    assert other.exit_code not in (0, 2)  # the file has findings of other labels
    refused = ran("--objects", "--label-score", "a placard", "-o", tmp_path / "a.csv")
    assert refused.exit_code == 2
    assert "write LABEL=SCORE" in refused.stderr
    assert "--overlap: is for --objects" in ran("--visual", "--overlap", 0.5, "-o", tmp_path / "a.csv").stderr
