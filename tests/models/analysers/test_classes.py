"""Classes of ImageNet: torch's softmax on the same pixels, WordNet's hierarchy, options and errors."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import TypeAdapter
from skimage import data

from models.analysers import classes
from models.analysers.classes import SPEC, Classes, ClassesOptions
from models.analysers.folder import analyser_path
from models.analysers.spec import AnalyserSpec
from models.catalog.folder import build_at, write_manifest
from models.catalog.rows import EMBEDDED
from models.catalog.spec import Source
from models.embedded import classes as embedded
from models.errors import AnalysisError, ModelUnavailable
from models.images.preprocess import resize
from tests.models.analysers.opening import Opened, answered

PHOTOS = {"chelsea": "Egyptian Mau", "coffee": "espresso", "rocket": "drilling rig"}


@pytest.fixture(scope="module")
def imagenet(home: Path) -> Opened:
    """The analyser, exported once into the models of all tests."""

    def fill(folder: Path) -> None:
        Classes.make(SPEC, folder)
        write_manifest(folder, SPEC, parity={}, made_with={})

    made = build_at(analyser_path(SPEC, home), TypeAdapter(AnalyserSpec), fill)
    return Opened(Classes, SPEC, made.path, made=True)


@pytest.fixture(scope="module")
def network() -> embedded.Logits:
    return embedded.load()


def photo(name: str) -> Image.Image:
    return Image.fromarray(getattr(data, name)())


def row(name: str) -> np.ndarray:
    assert EMBEDDED.image is not None
    return resize(photo(name), EMBEDDED.image.preprocess)


@pytest.mark.parametrize("name", PHOTOS)
def test_scores_are_the_softmax_of_torch(imagenet: Opened, network, name: str):
    pixels = torch.from_numpy(row(name).transpose(2, 0, 1).copy()).float()[None]
    with torch.inference_mode():
        expected = network((pixels - 127) / 128).softmax(dim=-1)[0].numpy()
    found = imagenet.run(photo(name), top=100).findings
    assert len(found) == 100
    best = np.argsort(-expected)[:100]
    assert found[0].label == SPEC.labels[best[0]] == PHOTOS[name]
    scores = dict(zip(SPEC.labels, expected.tolist(), strict=True))
    assert max(abs(each.score - scores[each.label]) for each in found) <= 1e-5
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


def test_a_wider_term_has_the_sum_of_its_classes(imagenet: Opened):
    (probabilities,) = imagenet.graph("classify", (row("chelsea")[None],))
    cats = list(range(281, 286))  # tabby to Egyptian cat
    domestic = imagenet.run(photo("chelsea"), level="hypernyms", labels=("Domestic  CAT",)).findings
    assert [each.label for each in domestic] == ["domestic cat"]
    assert domestic[0].score == pytest.approx(probabilities[0, cats].astype(float).sum(), abs=1e-9)
    assert imagenet.run(photo("chelsea"), level="hypernyms", labels=("dog",)).findings[0].score < 0.01
    assert all(each.score <= 1 for each in imagenet.run(photo("chelsea"), level="hypernyms", top=100).findings)


def test_the_hierarchy_is_that_of_wordnet():
    terms = dict(classes.hypernyms())
    dogs = set(terms["dog"])
    assert set(range(151, 269)) == dogs
    assert dogs < set(terms["canine"]) < set(terms["carnivore"]) < set(terms["mammal"]) < set(terms["animal"])
    assert len(terms) == len(classes.hypernyms()) == len({name.casefold() for name in terms}) == 467
    assert len({name.casefold() for name in SPEC.labels}) == 1000


def test_rows_alone_and_in_a_batch_are_equal(imagenet: Opened):
    rows = [row(name) for name in PHOTOS]
    (together,) = imagenet.graph("classify", (np.stack(rows),))
    for i, each in enumerate(rows):
        assert (imagenet.graph("classify", (each[None],))[0][0] == together[i]).all()


def scores(opened: Opened, values: dict[int, float], **options):
    given = np.zeros(1000, np.float32)
    for place, value in values.items():
        given[place] = value
    return [
        (each.label, each.score) for each in answered(opened, Image.new("RGB", (9, 9)), (given,), **options).findings
    ]


def test_options_choose_among_the_classes(imagenet: Opened):
    values = {0: 0.5, 1: 0.25, 2: 0.125, 151: 0.0625, 152: 0.0625}
    names = SPEC.labels
    assert scores(imagenet, values, top=2) == [(names[0], 0.5), (names[1], 0.25)]
    assert scores(imagenet, values, min_score=0.2) == [(names[0], 0.5), (names[1], 0.25)]
    assert scores(imagenet, values, min_score=1.0) == []
    assert scores(imagenet, values, labels=(names[2].upper(), names[0])) == [(names[0], 0.5), (names[2], 0.125)]
    assert scores(imagenet, values, level="hypernyms", labels=("dog", "fish")) == [("fish", 0.875), ("dog", 0.125)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top": 0}, "top: got '0'"),
        ({"top": 101}, "1 to 100"),
        ({"top": 1.5}, "whole number"),
        ({"top": True}, "top: got 'True'"),
        ({"min_score": -0.1}, "a number from 0 to 1"),
        ({"min_score": float("nan")}, "min_score: got 'nan'"),
        ({"labels": "dog"}, "got the text 'dog'"),
        ({"level": "leaves"}, "level: got 'leaves', there are classes and hypernyms"),
        ({"labels": ("dog",)}, "it is one of its hypernyms: set level"),
        ({"labels": ("gold fish",)}, "close to it: goldfish"),
        ({"labels": ("xyzzy" * 99,)}, "none of the 1,000 classes"),
        ({"labels": ("tench",), "level": "hypernyms"}, "it is one of its classes"),
        ({"labels": (7,)}, "got '7'"),
    ],
)
def test_wrong_options_are_refused(imagenet: Opened, options, message: str):
    with pytest.raises(AnalysisError, match=message):
        imagenet.analyser.check(ClassesOptions(**options))


def test_a_row_of_another_folder_is_not_made_here(tmp_path: Path):
    other = replace(SPEC, source=Source(kind="folder", locator="x", revision="1", weights={}))
    with pytest.raises(ModelUnavailable, match="add it again"):
        Classes.make(other, tmp_path)


@pytest.mark.parametrize("size", [(1, 1), (3000, 30), (30, 3000), (224, 224)])
def test_odd_sizes(imagenet: Opened, size):
    found = imagenet.run(Image.new("RGB", size, (120, 10, 200))).findings
    assert len(found) == 5
    assert imagenet.run(Image.new("RGB", size, (120, 10, 200))).findings == found
