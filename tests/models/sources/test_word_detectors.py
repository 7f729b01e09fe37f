"""Detectors by words as analysers: small OWLv2 and OWL-ViT with seeded weights, against transformers' own processor."""

import io
import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from models.__main__ import main
from models.analysers.folder import locate
from models.analysers.table import CODE, code_of
from models.analysers.words import MOST_LABELS, ObjectsByWords
from models.errors import AnalysisError, ModelUnavailable
from models.images.decoding import ImageLimits, open_rgb
from models.sources.word_detectors import export_word_detector
from tests.models.analysers.opening import Opened
from tests.models.sources.small_owl import SIDE, TOKENS, owl

LABELS = ("a cat", "a photo of a placard", "Ein Großes SCHILD!", "✊🏽 protest")
PICTURES = ("square", "wide", "tall", "strip", "small")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of torch wait for one another where the machine has other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Made:
    """A folder of transformers and the analyser made of it."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.source = owl(folder / "source", kind)
        (folder / "made").mkdir()
        self.made = export_word_detector(self.source, folder / "made", name="owl", licence="Apache-2.0")
        self.opened = Opened(ObjectsByWords, self.made.spec, folder / "made", made=True)

    @cached_property
    def original(self) -> tuple[Any, Any]:
        """The processor and the network of transformers."""
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        processor = AutoProcessor.from_pretrained(self.source, backend="pil")
        return processor, AutoModelForZeroShotObjectDetection.from_pretrained(self.source)

    def run(self, image: Image.Image, **options: Any) -> Any:
        return self.opened.run(image, **options)

    def code(self) -> Any:
        return self.opened.analyser


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made("owlv2", tmp_path_factory.mktemp("owlv2"))


@pytest.fixture(scope="module", params=["owlv2", "owlvit"])
def either(request: pytest.FixtureRequest, made: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return made if request.param == "owlv2" else Made("owlvit", tmp_path_factory.mktemp("owlvit"))


def picture(name: str) -> Image.Image:
    photo = Image.fromarray(data.astronaut())
    return {
        "square": photo,
        "wide": Image.fromarray(data.chelsea()),
        "tall": photo.crop((100, 0, 240, 512)),
        "strip": photo.crop((0, 100, 512, 160)),
        "small": Image.fromarray(data.coffee()).resize((60, 40)),
    }[name]


def theirs(
    made: Made, image: Image.Image, pixels: np.ndarray | None = None, threshold: float = 0.0, lead: float = 0.0
) -> list[tuple]:
    """Objects by transformers alone, clipped to the picture; of other pixels, (side, side, 3), where they are given.

    Without a threshold, places whose two best labels have scores within `lead` can be left out.
    """
    processor, model = made.original
    inputs = processor(text=[list(LABELS)], images=image, return_tensors="pt")
    if pixels is not None:
        mean, std = (made.made.spec.settings[key] for key in ("mean", "std"))
        inputs["pixel_values"] = torch.from_numpy((pixels - np.float32(mean)) / np.float32(std)).permute(2, 0, 1)[None]
    with torch.inference_mode():
        outputs = model(**inputs)
    (found,) = processor.post_process_grounded_object_detection(
        outputs, threshold=threshold, target_sizes=[(image.height, image.width)], text_labels=[list(LABELS)]
    )
    two = outputs.logits[0].sigmoid().topk(2).values
    leads = (two[:, 0] - two[:, 1])[two[:, 0] > threshold]
    objects = []
    for score, label, box, ahead in zip(
        found["scores"], found["text_labels"], found["boxes"].numpy(), leads, strict=True
    ):
        if ahead < lead:
            continue
        clipped = np.clip(box, 0, [*image.size, *image.size])
        if (clipped[2:] > clipped[:2]).all():
            objects.append((label, float(score), clipped))
    return sorted(objects, key=lambda each: -each[1])


def ours(made: Made, image: Image.Image, **options: Any) -> list[tuple]:
    objects = []
    for one in made.run(image, labels=LABELS, **{"min_score": 0.0, **options}).findings:
        x, y, w, h = one.box
        objects.append((one.label, one.score, np.array([x, y, x + w, y + h])))
    return objects


def unmatched(some: list[tuple], others: list[tuple], score: float, side: float) -> list[tuple]:
    """Objects without an equal one among others, within a difference of scores and of sides in pixels.

    Scores below 0.001 are left out: labels with logits of -8 and less tie there.
    """
    return [
        (label, value, box)
        for label, value, box in some
        if value > 0.001
        and not any(label == b[0] and abs(value - b[1]) < score and np.abs(box - b[2]).max() < side for b in others)
    ]


@pytest.mark.parametrize("name", PICTURES)
def test_objects_are_those_of_transformers_on_the_same_pixels(either, name):
    """All places, labels, scores to 1e-5, boxes to 0.01 pixels."""
    image = picture(name)
    expected = theirs(either, image, either.code().square(image)[0])
    found = ours(either, image)
    assert len(expected) > 5
    assert len(found) == len(expected)
    assert len({label for label, _, _ in found}) > 1
    assert unmatched(expected, found, 1e-5, 0.01) == []
    assert unmatched(found, expected, 1e-5, 0.01) == []


@pytest.mark.parametrize("name", PICTURES)
def test_objects_are_those_of_transformers_from_the_picture_on(either, name):
    """Our pixels are whole numbers, as OWL-ViT's are: of OWLv2, scores to 0.01, boxes to 0.1 % of the long side."""
    image = picture(name)
    score, side = (0.01, max(image.size) / 1000) if either.code().spec.settings["fit"] == "pad" else (1e-5, 0.01)
    expected = [each for each in theirs(either, image, lead=2 * score) if (each[2][2:] - each[2][:2]).min() > 2 * side]
    found = ours(either, image)
    assert len(expected) > 2
    assert unmatched(expected, found, score, side) == []


def test_the_threshold_is_that_of_transformers(made):
    image = picture("wide")
    pixels = made.code().square(image)[0]
    every = sorted(score for _, score, _ in theirs(made, image, pixels))
    between = (every[len(every) // 2] + every[len(every) // 2 + 1]) / 2
    assert len(ours(made, image, min_score=between)) == len(theirs(made, image, pixels, between))


def test_a_turned_picture_is_that_of_the_upright_one(made):
    upright = picture("tall")
    exif = Image.Exif()
    exif[0x0112] = 6
    out = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(out, "PNG", exif=exif)
    turned = open_rgb(out.getvalue(), limits=ImageLimits())
    assert made.run(turned, labels=LABELS, min_score=0.0) == made.run(upright, labels=LABELS, min_score=0.0)


def test_rows_alone_and_in_a_batch_are_equal(either):
    """Both graphs give exactly the same for a row alone and in a batch, with one label and with several."""
    code, graph = either.code(), either.opened.graph
    ids = np.stack(code.ids(LABELS))
    (vectors,) = graph("labels", (ids,))
    for row, together in zip(ids, vectors, strict=True):
        assert np.abs(graph("labels", (row[None],))[0][0] - together).max() == 0.0
    stack = np.stack([code.square(picture(name))[0] for name in ("square", "wide", "tall")])
    for some in (vectors[:1], vectors):
        queries = np.stack([some] * len(stack))
        queries[1] = queries[1][::-1]  # labels of another request
        batch = graph("detect", (stack, queries))
        for i in range(len(stack)):
            alone = graph("detect", (stack[i : i + 1], queries[i : i + 1]))
            assert [np.abs(a[0] - b[i]).max() for a, b in zip(alone, batch, strict=True)] == [0.0, 0.0]


def test_labels_run_once_for_all_pictures(made):
    """The vectors come before the pictures, and each piece of work names them."""
    code = made.code()
    options = code.choices(labels=LABELS)
    preparation = code.prepare(options)
    work = next(preparation)
    assert (work.part, len(work.rows), work.rows[0][0].shape) == ("labels", len(LABELS), (TOKENS,))
    (vectors,) = made.opened.graph("labels", (np.stack([row[0] for row in work.rows]),))
    with pytest.raises(StopIteration) as end:
        preparation.send([(vector,) for vector in vectors])
    for name in ("square", "wide"):
        work = next(code.steps(picture(name), end.value.value))
        assert work.part == "detect"
        assert [array.shape for array in work.rows[0]] == [(SIDE, SIDE, 3), vectors.shape]


def test_overlapping_boxes_of_one_label_are_one_object_if_asked_for(made):
    image = picture("square")
    every, fewer = ours(made, image), ours(made, image, overlap=0.3)
    assert 0 < len(fewer) < len(every)
    assert unmatched(fewer, every, 1e-9, 1e-9) == []


def test_each_label_may_have_its_own_threshold(made):
    image = picture("square")
    every = ours(made, image)
    middle = float(np.median([score for label, score, _ in every if label == "a cat"]))
    found = ours(made, image, min_scores={"A  cat": middle})
    assert len(found) < len(every)
    assert min(score for label, score, _ in found if label == "a cat") >= middle
    assert sum(label != "a cat" for label, _, _ in found) == sum(label != "a cat" for label, _, _ in every)


def test_cut_results_are_counted(made):
    found = made.run(picture("square"), labels=LABELS, min_score=0.0, limit=5)
    assert len(found.findings) == 5
    assert found.truncated
    assert "more than 5 objects" in found.remarks[-1]


@pytest.mark.parametrize("size", [(1, 1), (65_535, 1), (1, 65_535), (300, 200)])
def test_boxes_are_within_every_picture(made, size):
    found = made.run(Image.new("RGB", size, (9, 200, 9)), labels=LABELS, min_score=0.0)
    for finding in found.findings:
        x, y, width, height = finding.box
        assert min(x, y) >= 0
        assert min(width, height) > 0
        assert x + width <= size[0] * (1 + 1e-12)
        assert y + height <= size[1] * (1 + 1e-12)
    assert bool(found.remarks) == (min(size) == 1)


LONG = "a very long description of a placard that a person holds in front of the parliament in the rain"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ((), "labels: got none, and 'owl' looks for what labels describe; name some"),
        (("a flag", " \t"), r"labels: got ' \\t', words are needed"),
        (("",), "labels: got '', words are needed"),
        (("a flag", 3), "labels: got '3', words are needed"),
        (("a flag", "a cat", "a flag"), "labels: got 'a flag', and it is there twice; leave one of the two out"),
        (("a flag", "A  FLAG "), "labels: got 'A  FLAG ', and 'a flag' has the same tokens"),
        ((LONG,), r"with \d+ tokens, and 'owl' reads 16 tokens, .*shorten it"),
        (("flag " * 100_000,), "with 500,000 characters, and 'owl' reads 16 tokens"),
        (("a \ud800",), r"labels: got 'a \\\\ud800', half of a surrogate pair"),
        (tuple(f"label {i}" for i in range(101)), "labels: got 101, the limit of 'owl' is 100; ask in several"),
        ("a flag", r"labels: got the text 'a flag', a list is needed"),
    ],
)
def test_labels_that_cannot_be_used_are_named(made, labels, words):
    with pytest.raises(AnalysisError, match=words):
        made.code().check(made.code().choices(labels=labels))


def test_the_longest_labels_and_the_most_are_taken(made):
    made.code().check(made.code().choices(labels=tuple(f"label {i}" for i in range(MOST_LABELS))))
    made.code().check(made.code().choices(labels=(" ".join(["the"] * (TOKENS - 2)),)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"min_score": 2}, "min_score: got '2', a number from 0 to 1"),
        ({"overlap": -0.1}, "overlap: got '-0.1', a number from 0 to 1"),
        ({"overlap": float("nan")}, "overlap: got 'nan'"),
        ({"min_scores": {"a cat": 7}}, "min_scores.a cat: got '7', a number from 0 to 1"),
        ({"min_scores": {"a dog": 0.5}}, "min_scores: got 'a dog', which is none of the labels .*: a cat, .*leave it"),
    ],
)
def test_other_options_that_cannot_be_used_are_named(made, options, words):
    with pytest.raises(AnalysisError, match=words):
        made.code().check(made.code().choices(labels=LABELS, **options))


def test_the_row_is_that_of_the_folder(made):
    spec = made.made.spec
    assert (spec.name, spec.kind, spec.labels, spec.licence) == ("owl", "objects", (), "Apache-2.0")
    assert spec.source.weights.keys() == {"model.safetensors", "config.json", "tokenizer.json"}
    assert code_of(spec) is ObjectsByWords
    assert CODE["objects"] is not ObjectsByWords
    assert spec.parts["labels"].row_bytes == TOKENS * 8
    assert spec.parts["detect"].row_bytes == SIDE * SIDE * 3 + MOST_LABELS * 32 * 4
    assert spec.parts["detect"].answer_bytes == (SIDE // 16) ** 2 * (MOST_LABELS + 4) * 4
    assert 0 < made.made.parity["largest_difference"] < 1e-4


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("config.json", {"model_type": "detr"}, "has model_type 'detr'; detectors by words: owlv2, owlvit"),
        ("processor_config.json", {"size": {"height": 64, "width": 64}}, "prepares pictures of 64 pixels"),
        ("processor_config.json", {"do_reduce_labels": True}, "needs do_reduce_labels, which is not supported"),
        ("processor_config.json", {"do_pad": False}, "its pixels differ by"),
    ],
)
def test_folders_that_cannot_be_reproduced_are_refused(made, tmp_path, file, changes, words):
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in made.source.iterdir():
        (copy / path.name).symlink_to(path)
    content = json.loads((copy / file).read_text())
    if file == "processor_config.json":
        content["image_processor"] |= changes
    else:
        content |= changes
    (copy / file).unlink()
    (copy / file).write_text(json.dumps(content))
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ModelUnavailable) as caught:
        export_word_detector(copy, out, name="x")
    assert words in caught.value.message


def test_damaged_folders_are_refused(made, tmp_path):
    for path in made.source.iterdir():
        if path.name != "model.safetensors":
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ModelUnavailable, match="its weights cannot be loaded"):
        export_word_detector(tmp_path, tmp_path / "out", name="x")


def test_the_command_imports_a_detector_by_words(made, tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"

    def run(*arguments: str) -> str:
        monkeypatch.setattr("sys.argv", ["models", "import", *arguments, "--home", str(home)])
        main()
        return capsys.readouterr().out

    out = run(str(made.source), "--name", "owl")
    assert "owl: analyser of objects with the labels of each request" in out
    assert "DAGUERRE_ANALYSERS=text,objects," in out
    folder = locate("owl", home)
    found = Opened(code_of(folder.spec), folder.spec, folder.path, made=True).run(picture("wide"), labels=("a cat",))
    assert found.values["objects"] == len(found.findings)
    with pytest.raises(SystemExit, match="an analyser has fp32 alone"):
        run(str(made.source), "--name", "owl", "--precision", "fp16")
