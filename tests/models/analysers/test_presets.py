"""Presets: complete rows, and their lookup."""

import pytest

from models.analysers.presets import EMOTIONS, PRESETS, preset
from models.errors import AnalysisError


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_a_complete_question(name):
    row = PRESETS[name]
    assert len(row.labels) == len(row.prompts) == len(set(row.labels)) >= 2
    assert all(template.count("{}") == 1 for template in row.templates)
    texts = row.texts()
    assert list(texts) == list(row.labels)
    every = [text for label in row.labels for text in texts[label]]
    assert len(set(every)) == len(row.labels) * len(row.templates)
    assert row.question.endswith("?")
    assert row.validate.startswith("Validate first: ")


def test_evoked_emotions_are_the_eight_of_the_field():
    row = preset("evoked-emotion")
    assert row.labels == EMOTIONS
    assert len(EMOTIONS) == 8
    assert "a picture that evokes awe" in row.texts()["awe"]


@pytest.mark.parametrize("name", ["Evoked-Emotion", " evoked_emotion ", "evoked  emotion", "EVOKED EMOTION!"])
def test_names_are_found_as_people_write_them(name):
    assert preset(name) is PRESETS["evoked-emotion"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("emotion", "preset: got 'emotion', and there is none with this name; close to it: evoked-emotion"),
        ("protests", "close to it: protest"),
        ("aesthetics", "choose one of: evoked-emotion, meme-cartoon-or-photo, protest"),
        ("", "choose one of: "),
        ("x" * 100_000, "choose one of: "),
    ],
)
def test_unknown_names_are_refused_with_a_way_out(name, words):
    with pytest.raises(AnalysisError) as caught:
        preset(name)
    assert words in caught.value.message
    assert len(caught.value.message) < 300
