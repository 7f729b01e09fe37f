"""Classifiers whose texts are read in the images: training and prediction, over HTTP and gRPC, and their refusals."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import daguerre
from tests.e2e.harness import base64_of

WORDS = {"cats": "a cat and kittens", "rain": "heavy rain today"}


@pytest.fixture(scope="module")
def placards(tmp_path_factory):
    """Four images of each of two sentences on the same grounds, and two without any text."""
    folder = tmp_path_factory.mktemp("placards")
    rng = np.random.default_rng(0)
    codes = {}
    for i in range(4):
        ground = tuple(rng.integers(180, 256, 3).tolist())
        for kind, words in WORDS.items():
            picture = Image.new("RGB", (440, 330), ground)
            ImageDraw.Draw(picture).text((10, 15), words, fill="black", font=ImageFont.load_default(36))
            picture.save(folder / f"{kind}{i}.png")
            codes[f"{kind}{i}.png"] = kind
    for i, kind in enumerate(WORDS):
        Image.new("RGB", (440, 330), (200, 200 + i, 210)).save(folder / f"empty{i}.png")
        codes[f"empty{i}.png"] = kind
    return folder, codes


@pytest.fixture(scope="module")
def trained(inline, placards):
    folder, codes = placards
    with (
        daguerre.Client(inline.url) as client,
        pytest.warns(daguerre.DaguerreWarning, match="2 of 10 images have none"),
    ):
        return client.train_classifier("placards", folder, targets=codes, text="from-image", folds=2, resamples=50)


@pytest.mark.thorough
def test_a_classifier_reads_texts_as_in_its_training(client, trained, placards):
    folder, codes = placards
    found = client.classifier(trained.id)
    assert found.card["made_with"]["text_from_image"]["fingerprint"]
    assert found.card["partial"]
    assert [each["modality"] for each in found.card["encoders"]] == ["image", "text"]
    predicted = found.predict(folder)
    assert len(predicted.errors) == 0
    right = [codes[id] == label for id, label in zip(predicted.ids, predicted.predicted, strict=True)]
    assert sum(right) >= 8  # the images alone are alike
    read = client.read_text(folder)
    some = [i for i, text in enumerate(read.texts) if text]
    images = [folder / read.ids[i] for i in some]
    vectors = {"image": client.embed(images), "text": client.embed(texts=[read.texts[i] for i in some])}
    of_vectors = found.predict(embeddings=vectors)
    np.testing.assert_allclose(of_vectors.probabilities, predicted.probabilities[some], atol=1e-5)


@pytest.mark.thorough
def test_items_over_http_give_the_same_classifier(inline, trained, placards):
    folder, codes = placards
    items = [{"id": id, "image": base64_of((folder / id).read_bytes())} for id in sorted(codes)]
    body = {"name": "placards-http", "input": items, "targets": [codes[each["id"]] for each in items]}
    with inline.client() as http:
        answer = http.post(
            "/v1/classifiers", json={**body, "text": "from-image", "folds": 2, "resamples": 50}, timeout=120
        )
        assert answer.status_code == 200, answer.text
        ours = http.post("/v1/classifiers/placards-http/predict", json={"input": items}).json()["data"]
        theirs = http.post("/v1/classifiers/placards/predict", json={"input": items}).json()["data"]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(list(a["probabilities"].values()), list(b["probabilities"].values()), atol=1e-4)
    assert any(note["code"] == "text_from_image" for note in answer.json()["report"]["notes"])


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"text": "from-picture"}, ValueError, "text: got 'from-picture'"),
        ({"text": "from-image", "texts": ["a"]}, ValueError, "without texts="),
    ],
)
def test_contradictions_are_refused(client, placards, options, error, words):
    with pytest.raises(error, match=words):
        client.train_classifier("x", placards[0], targets=placards[1], **options)


def test_images_without_any_text_are_refused(client, placards):
    folder, _ = placards
    images = [folder / "empty0.png", folder / "empty1.png"]
    with pytest.raises(ValueError, match="no text was read in any"):
        client.train_classifier("x", images, targets=["a", "b"], text="from-image")


def test_another_analyser_and_texts_of_ones_own_are_refused(inline, trained, placards):
    folder, _ = placards
    image = base64_of((folder / "cats0.png").read_bytes())
    vectors = [
        {"modality": modality, "model": "m", "fingerprint": "f", "dimension": 1, "data": "AACAPwAAAEA="}
        for modality in ("image", "text")
    ]
    body = {"name": "x", "targets": ["a", "b"], "text": "from-image"}
    with inline.client() as http:

        def message(path: str, content: dict) -> str:
            answer = http.post(path, json=content)
            assert answer.status_code == 422, answer.text
            return answer.json()["error"]["message"]

        train, predict = "/v1/classifiers", "/v1/classifiers/placards/predict"
        other = {**body, "vectors": vectors, "text_fingerprint": "0123"}
        assert "fingerprint '0123', and this server has" in message(train, other)
        assert "text_fingerprint: is missing" in message(train, {**body, "vectors": vectors})
        assert "needs vectors of the images and of their texts" in message(
            train, {**body, "vectors": vectors[:1], "text_fingerprint": "0123"}
        )
        assert 'is for text "from-image"' in message(
            train, {"name": "x", "targets": ["a"], "input": [{"text": "a"}], "text_fingerprint": "0123"}
        )
        assert "has a text, and texts are read in images" in message(
            train, {**body, "input": [{"image": image, "text": "a"}, {"image": image}]}
        )
        assert "has a text" in message(predict, {"input": [{"image": image, "text": "a"}]})
        assert "send vectors of images and of the texts" in message(predict, {"vectors": vectors[:1]})


def test_from_the_command_line(inline, placards, tmp_path):
    folder, codes = placards
    (tmp_path / "codes.csv").write_text("path,target\n" + "".join(f"{id},{code}\n" for id, code in codes.items()))
    line = [sys.executable, "-m", "daguerre", "train", "placards-cli", "codes.csv", "--root", str(folder)]
    ran = subprocess.run(
        [*line, "--text", "from-image", "--folds", "2"],
        cwd=tmp_path,
        env={**os.environ, "DAGUERRE_URL": inline.url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "The texts were read in the images" in ran.stderr
