"""NanoDet: against TensorFlow.js, on photos, with doctored answers, and on pictures that are no photos."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from models.analysers import objects
from models.analysers.spec import AnalyserSpec
from models.errors import AnalysisError, ModelUnavailable
from tests.models.analysers.opening import Opened, answered

TFJS = json.loads(
    Path(__file__).with_name("nanodet_tfjs.json").read_text()
)  # TensorFlow.js 4.22.0: bench/nanodet_tfjs.py
NOTHING = np.zeros((objects.PLACES, 80), np.float32), np.zeros((objects.PLACES, 4), np.float32)


@pytest.fixture(scope="module")
def nanodet(tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return Opened(objects.Objects, objects.SPEC, tmp_path_factory.mktemp("objects"))


def photo(name: str) -> Image.Image:
    pixels = data.stereo_motorcycle()[0] if name == "motorcycle" else getattr(data, name)()
    return Image.fromarray(pixels[..., :3])


PICTURES = {  # those of bench/nanodet_tfjs.py
    "chelsea": lambda: photo("chelsea").crop((0, 0, 416, 300)),
    "motorcycle": lambda: photo("motorcycle").crop((60, 84, 476, 500)),
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_graph_is_the_source_network(nanodet, name):
    """The greatest differences that were seen: 4e-7 of a score and 2e-4 of a pixel."""
    (row,) = next(nanodet.analyser.steps(PICTURES[name](), objects.Options())).rows
    scores, distances = (out[0] for out in nanodet.graph("detect", (row[0][None],)))
    places = [figure["place"] for figure in TFJS[name]]
    assert scores[places].argmax(1).tolist() == [figure["label"] for figure in TFJS[name]]
    np.testing.assert_allclose(scores[places].max(1), [figure["score"] for figure in TFJS[name]], atol=5e-6)
    np.testing.assert_allclose(distances[places], [figure["distances"] for figure in TFJS[name]], atol=2e-3)
    sums = [scores.sum(dtype=float), distances.sum(dtype=float)]
    np.testing.assert_allclose(sums, TFJS[f"{name} sums"], rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "label", "box"),  # boxes drawn by eye
    [
        ("astronaut", "person", (15, 5, 420, 507)),
        ("chelsea", "cat", (0, 0, 451, 300)),
        ("motorcycle", "motorcycle", (95, 90, 590, 355)),
        ("coffee", "dining table", (0, 0, 600, 400)),
    ],
)
def test_photos_have_the_objects_that_people_see(nanodet, name, label, box):
    picture = photo(name)
    found = nanodet.run(picture)
    first = found.findings[0]
    assert first.label == label
    assert overlap(first.box, (box[0], box[1], box[2] - box[0], box[3] - box[1])) > 0.6
    assert found.values == {"objects": len(found.findings)}
    assert not found.truncated
    scores = [finding.score for finding in found.findings]
    assert scores == sorted(scores, reverse=True)


def overlap(a, b) -> float:
    """Intersection over union of two boxes: x, y, width, height."""
    across = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    down = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(across, 0) * max(down, 0)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)


@pytest.mark.parametrize("size", [(451, 300), (902, 600), (300, 451), (200, 133), (3000, 2000)])
def test_a_box_is_in_pixels_of_the_picture_at_every_size(nanodet, size):
    box = nanodet.run(photo("chelsea").resize(size)).findings[0].box
    expected = [2 / 451 * size[0], 3 / 300 * size[1], 427 / 451 * size[0], 288 / 300 * size[1]]
    assert overlap(box, expected) > 0.85


@pytest.mark.parametrize("edges", [(70, 0, 741, 500), (0, 60, 741, 440), (40, 20, 741, 470)])
def test_a_box_follows_its_object(nanodet, edges):
    """The same object in a smaller part of the picture."""
    (whole, *_) = nanodet.run(photo("motorcycle"), labels=["motorcycle"]).findings
    (part, *_) = nanodet.run(photo("motorcycle").crop(edges), labels=["motorcycle"]).findings
    x, y, width, height = part.box
    assert overlap((x + edges[0], y + edges[1], width, height), whole.box) > 0.8


def test_rows_alone_and_in_a_batch_are_equal(nanodet):
    rows = [next(nanodet.analyser.steps(photo(name), objects.Options())).rows[0][0] for name in ("coffee", "astronaut")]
    rows.append(np.random.default_rng(0).integers(0, 256, rows[0].shape, np.uint8))
    together = nanodet.graph("detect", (np.stack(rows),))
    for index, row in enumerate(rows):
        for out, alone in zip(together, nanodet.graph("detect", (row[None],)), strict=True):
            assert np.abs(out[index] - alone[0]).max() == 0.0


def test_labels_and_scores_choose(nanodet):
    picture = photo("chelsea")
    every = nanodet.run(picture, min_score=0.05).findings
    assert len({finding.label for finding in every}) > 2
    assert all(finding.score >= 0.05 for finding in every)
    cats = nanodet.run(picture, min_score=0.05, labels=(" CAT ",)).findings
    assert cats == tuple(finding for finding in every if finding.label == "cat")
    assert nanodet.run(picture, labels=("potted_plant",)).values == {"objects": 0.0}
    few = nanodet.run(picture, min_score=0.05, limit=2)
    assert few.findings == every[:2]
    assert few.truncated
    assert few.remarks == ("more than 2 objects reach the score of 0.05: these score highest",)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"min_score": 1.1}, "min_score: got '1.1', a number from 0 to 1 is needed"),
        ({"min_score": float("nan")}, "min_score: got 'nan'"),
        ({"min_score": True}, "min_score: got 'True'"),
        ({"limit": 0}, "limit: got '0', a whole number from 1 to 100 is needed"),
        ({"limit": 101}, "limit: got '101'"),
        ({"limit": 2.5}, "limit: got '2.5'"),
        ({"limit": float("nan")}, "limit: got 'nan'"),
        ({"labels": "cat"}, "labels: got the text 'cat', a list is needed"),
        ({"labels": ("catt",)}, "labels: got 'catt', which is none of the 80 classes of 'objects'; close to it: cat"),
        ({"labels": ("phone",)}, "close to it: cell phone"),
        ({"labels": ("motorbike",)}, "close to it: motorcycle"),
        ({"labels": ("a person",)}, "close to it: person"),
        ({"labels": ("Person", "sofa")}, "labels: got 'sofa'"),
        ({"labels": ("protest",)}, "it has person, bicycle, "),
        ({"labels": ("",)}, "labels: got ''"),
        ({"labels": ("x" * 100_000,)}, "labels: got 'xxx"),
        ({"labels": (3,)}, "labels: got '3'"),
        ({"labels": (None,)}, "labels: got 'None'"),
    ],
)
def test_options_that_cannot_be_used_are_refused(nanodet, options, words):
    with pytest.raises(AnalysisError) as caught:
        nanodet.run(photo("chelsea"), **options)
    assert words in caught.value.message
    assert caught.value.code == "invalid_options"


@pytest.mark.parametrize(
    "picture",
    {
        "one pixel": Image.new("RGB", (1, 1), (255, 0, 0)),
        "one column": Image.new("RGB", (1, 65_535), (0, 9, 0)),
        "one row": Image.new("RGB", (65_535, 1)),
        "black": Image.new("RGB", (640, 480)),
        "white": Image.new("RGB", (640, 480), (255, 255, 255)),
        "noise": Image.fromarray(np.random.default_rng(5).integers(0, 256, (700, 900, 3), np.uint8)),
    }.items(),
    ids=lambda item: item[0],
)
def test_pictures_that_are_no_photos_give_few_boxes_within_them(nanodet, picture):
    kind, image = picture
    found = nanodet.run(image, min_score=0.0)
    assert len(found.findings) == 100
    assert found.truncated
    for finding in found.findings:
        x, y, width, height = finding.box
        assert x >= 0
        assert y >= 0
        assert width > 0
        assert height > 0
        assert x + width <= image.width * (1 + 1e-12)
        assert y + height <= image.height * (1 + 1e-12)
        assert 0 <= finding.score <= 1
    assert bool([remark for remark in found.remarks if "too small or too narrow" in remark]) == kind.startswith("one")


@pytest.mark.parametrize("boxes", ["apart", "one place", "no area", "huge", "NaN", "5,000"])
def test_doctored_answers_take_bounded_time(nanodet, boxes):
    """Every class of every place scores, 283,920 candidates: 0.1 s under load."""
    scores = np.full((objects.PLACES, 80), 0.9, np.float32)
    distances = np.full((objects.PLACES, 4), {"apart": 1.0, "one place": 400, "no area": 0}.get(boxes, 30), np.float32)
    if boxes == "huge":
        distances[:] = np.inf
    elif boxes == "NaN":
        scores[:, 1:], distances[1:] = np.nan, np.nan
    elif boxes == "5,000":
        scores[:] = 0
        scores.reshape(-1)[np.random.default_rng(0).choice(scores.size, 5_000, replace=False)] = 0.5
    before = time.process_time()
    found = answered(nanodet, Image.new("RGB", (1000, 700)), (scores, distances))
    assert time.process_time() - before < 5
    expected = {"apart": 100, "one place": 80, "no area": 0, "huge": 0, "NaN": 1, "5,000": 100}[boxes]
    assert len(found.findings) == expected
    assert found.truncated == (boxes in ("apart", "one place", "5,000"))


def test_an_answer_without_objects(nanodet):
    found = answered(nanodet, Image.new("RGB", (30, 40)), NOTHING)
    assert found.findings == ()
    assert found.values == {"objects": 0.0}


def test_the_graph_is_made_of_the_committed_file_alone(tmp_path):
    other = AnalyserSpec(**{**vars(objects.SPEC), "source": objects.SPEC.source.__class__(
        kind="folder", locator="x", revision="1", weights={objects.FILE: "0" * 64})})  # fmt: skip
    with pytest.raises(ModelUnavailable, match=r"nanodet\.onnx: missing, or another file"):
        objects.Objects.make(other, tmp_path)


def test_the_committed_file_travels_with_the_code():
    root = Path(__file__).parents[3]
    assert '"*.onnx"' in (root / "pyproject.toml").read_text()
    assert '"models/**/*.onnx"' in (root / "bentofile.yaml").read_text()
    assert "NanoDet" in (root / "NOTICE").read_text()


def test_two_scores_of_one_label_are_refused(nanodet):
    with pytest.raises(AnalysisError, match="some are one label in other letters; give each label one score"):
        nanodet.analyser.check(objects.Options(min_scores={" Cat ": 0.5, "cat": 0.9}))
