"""Presets of zero-shot: named questions from Python and the command line, over HTTP and gRPC."""

import os
import subprocess
import sys

import numpy as np
import pytest

import daguerre
from models.analysers.presets import PRESETS
from tests.models.clips import make

ROW = PRESETS["protest"]


def command(server, *arguments: str, cwd) -> subprocess.CompletedProcess:
    environment = {**os.environ, "DAGUERRE_URL": server.url}
    line = [sys.executable, "-m", "daguerre", *arguments]
    return subprocess.run(line, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_a_preset_is_the_question_written_out(client, photos):
    """Its scores are those of its prompts as labels, under the names of its labels, with a warning."""
    with pytest.warns(daguerre.RemarkWarning, match="Validate first: marches"):
        found = client.zero_shot(photos, preset="protest")
    written = client.zero_shot(photos, labels=ROW.prompts, templates=ROW.templates)
    np.testing.assert_array_equal(found.scores, written.scores)
    assert found.labels == list(ROW.labels)
    assert (found.preset, found.prompts, found.notice) == ("protest", list(ROW.prompts), ROW.validate)
    assert found.templates == list(ROW.templates)
    assert (written.preset, written.prompts, written.notice) == (None, None, None)
    assert set(found.best) <= set(ROW.labels)


@pytest.mark.parametrize("name", ["Evoked emotion", "evoked_emotion", " meme, cartoon or photo ", "PROTEST"])
def test_names_are_taken_as_people_write_them(client, name):
    with pytest.warns(daguerre.RemarkWarning, match="Validate first"):
        found = client.zero_shot(texts=["a crowd with signs"], preset=name)
    assert found.preset in PRESETS


def test_presets_are_listed(client):
    listed = client.presets()
    assert [each.name for each in listed] == list(PRESETS)
    for each in listed:
        row = PRESETS[each.name]
        assert (tuple(each.labels), tuple(each.prompts), tuple(each.templates)) == (
            row.labels,
            row.prompts,
            row.templates,
        )
        assert each.notice == row.validate


def test_a_preset_takes_vectors_and_the_other_options(client, photos):
    made = client.embed(photos)
    with pytest.warns(daguerre.RemarkWarning):
        of_images = client.zero_shot(photos, preset="protest", none_of_these="an empty page")
    with pytest.warns(daguerre.RemarkWarning):
        of_vectors = client.zero_shot(embeddings=made, preset="protest", none_of_these="an empty page")
    np.testing.assert_allclose(of_images.scores, of_vectors.scores, atol=1e-6)
    assert of_vectors.none_scores is not None


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({}, TypeError, "labels: give a list of labels, or the name of a preset"),
        ({"preset": "protest", "labels": ["a", "b"]}, ValueError, "labels: the preset 'protest' has its own"),
        ({"preset": "protest", "templates": ["{}"]}, ValueError, "templates: the preset 'protest' has its own"),
        ({"preset": 3}, TypeError, "preset: got 3"),
        ({"preset": "protests"}, daguerre.InvalidRequestError, "close to it: protest"),
        ({"preset": ""}, daguerre.InvalidRequestError, "choose one of: evoked-emotion"),
    ],
)
def test_contradictions_are_refused(client, options, error, words):
    with pytest.raises(error, match=words):
        client.zero_shot(texts=["a"], **options)


@pytest.mark.parametrize(
    ("options", "param", "words"),
    [
        ({}, "labels", "labels: is missing; send labels, such as"),
        ({"preset": "protest", "labels": ["a", "b"]}, "labels", "send either labels or a preset"),
        ({"preset": "protest", "labels": []}, "labels", "send either labels or a preset"),
        ({"preset": "protest", "templates": ["{}"]}, "templates", "send either templates or a preset"),
        ({"preset": "aesthetics"}, "preset", "choose one of"),
        ({"preset": 3}, "preset", "preset: got 3"),
    ],
)
def test_the_service_refuses_them_itself(inline, options, param, words):
    with inline.client() as http:
        answer = http.post("/v1/zero-shot", json={"input": "a", **options})
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert words in error["message"]
    assert error["param"] == param


def test_the_page_of_a_preset_says_to_validate_first(client, photos, tmp_path):
    with pytest.warns(daguerre.RemarkWarning):
        client.zero_shot(photos, preset="protest").report(tmp_path / "page.html", pictures="none")
    page = (tmp_path / "page.html").read_text()
    assert ROW.validate in page
    assert ROW.prompts[0] in page


def test_openapi_names_the_presets(inline):
    with inline.client() as http:
        schema = http.get("/openapi.json").json()["components"]["schemas"]["ZeroShotRequest"]["properties"]["preset"]
    assert schema["enum"] == [*PRESETS, None]


def test_from_the_command_line(inline, photos, tmp_path):
    ran = command(inline, "zero-shot", str(photos), "--preset", "protest", "-o", "scores.csv", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "scores.csv").read_text().splitlines()[
        0
    ] == "id,label,protest,other crowd,no protest,remark,error"
    assert ran.stderr.count("Validate first: marches") == 1
    listed = command(inline, "zero-shot", "--list-presets", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "protest: Does the picture show a protest?" in listed.stdout
    both = command(inline, "zero-shot", str(photos), "--preset", "protest", "--label", "a", cwd=tmp_path)
    assert both.returncode == 2
    assert "--label: the preset 'protest' has its own" in both.stderr
    nothing = command(inline, "zero-shot", str(photos), cwd=tmp_path)
    assert "or a --preset" in nothing.stderr


def test_a_video_takes_a_preset(client, inline, tmp_path):
    clip = tmp_path / "clip.mkv"
    clip.write_bytes(make(frames=4, size=(96, 64), container="matroska"))
    with pytest.warns(daguerre.RemarkWarning, match="Validate first"), client.video(clip) as video:
        scores = video.zero_shot(preset="protest")
    assert list(scores.labels) == list(ROW.labels)
    assert (scores.preset, scores.notice) == ("protest", ROW.validate)
    ran = command(inline, "zero-shot", "--video", str(clip), "--preset", "Protest", "-o", "out.csv", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "out.csv").read_text().startswith("video,timestamp,shot,label,protest,other crowd,no protest")
