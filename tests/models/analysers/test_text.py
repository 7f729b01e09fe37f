"""Text in pictures: captions, directions, columns, batches, hostile pictures, and the bare networks."""

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from PIL import Image, ImageDraw, ImageFont

from models.analysers.evaluation_text import error_rates
from models.analysers.graphs import batched, with_pixels
from models.analysers.spec import Finding, Work, run
from models.analysers.text import SPEC, Text
from models.analysers.weights import weights_files
from models.errors import AnalysisError, ModelUnavailable
from tests.e2e import harness
from tests.models.analysers import captions
from tests.models.analysers.conftest import Reader
from tests.models.analysers.graph_runner import GraphRunner

PHOTOS = Path(__file__).parent / "captions_on_photos"
PAGE = ("Families belong together", "Workers of Bridge Street", "Vote on Tuesday")


def texts(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.text or "" for finding in findings]


def page(lines: Any, *, height: int = 30, spacing: float = 2.5) -> Image.Image:
    blank = Image.new("RGB", (640, 480), (235, 235, 225))
    pen = ImageDraw.Draw(blank)
    for number, line in enumerate(lines):
        pen.text((30, 40 + spacing * height * number), line, font=ImageFont.load_default(height), fill="navy")
    return blank


def test_captions_in_six_languages_have_an_error_rate_of_at_most_one_percent(read_text: Reader) -> None:
    pairs = []
    for language, lines in captions.LINES.items():
        found = read_text(Image.open(PHOTOS / f"{language}.jpg").convert("RGB"))
        pairs.append((" ".join(lines[:4]), " ".join(texts(found.findings))))
        assert found.values["text_lines"] == 4
        assert found.values["text_characters"] == pytest.approx(len(pairs[-1][1].replace(" ", "")))
        assert not found.truncated
    rates = error_rates(pairs)
    assert rates.character_error_rate is not None
    assert rates.character_error_rate <= 0.01


@pytest.mark.parametrize("angle", [0, 90, 180, 270, 7, -15, 40])
def test_text_of_any_direction_is_read_in_its_order(angle: int, read_text: Reader) -> None:
    turned = page(PAGE).rotate(angle, expand=True, fillcolor=(235, 235, 225), resample=Image.Resampling.BICUBIC)
    found = read_text(turned)
    assert texts(found.findings) == list(PAGE)
    for finding in found.findings:
        assert finding.polygon is not None
        (x0, y0), (x1, y1) = finding.polygon[:2]  # from the upper left corner of the text to its upper right
        runs = np.degrees(np.arctan2(y0 - y1, x1 - x0))
        assert abs((runs - angle + 180) % 360 - 180) < 4


def test_boxes_are_where_the_text_is(read_text: Reader) -> None:
    picture = page(PAGE[:1])
    drawn = np.abs(np.asarray(picture, int) - (235, 235, 225)).sum(2) > 60
    rows, columns = np.flatnonzero(drawn.any(1)), np.flatnonzero(drawn.any(0))
    (finding,) = read_text(picture).findings
    assert finding.box is not None
    x, y, width, height = finding.box
    glyphs = rows[-1] - rows[0]
    assert x <= columns[0] <= x + glyphs
    assert x + width - glyphs <= columns[-1] <= x + width
    assert y <= rows[0] <= y + glyphs
    assert y + height - glyphs <= rows[-1] <= y + height


def test_two_columns_below_a_headline_are_read_one_after_the_other(read_text: Reader) -> None:
    picture = Image.new("RGB", (900, 500), "white")
    pen = ImageDraw.Draw(picture)
    pen.text((120, 20), "The headline above both of the columns", font=ImageFont.load_default(36), fill="black")
    left, right = [f"left line {n}" for n in "abcde"], [f"right line {n}" for n in "vwxyz"]
    for x, column in ((40, left), (520, right)):
        for number, line in enumerate(column):
            pen.text((x, 120 + 70 * number), line, font=ImageFont.load_default(28), fill="black")
    assert texts(read_text(picture).findings) == ["The headline above both of the columns", *left, *right]


def test_rows_are_equal_alone_and_in_a_batch(text_folder: Path, text_graphs: GraphRunner) -> None:
    """All works of several pictures: batched by shape, and one by one."""
    pictures = [Image.open(PHOTOS / f"{language}.jpg").convert("RGB") for language in ("German", "French")]
    works: dict[tuple[str, tuple[int, ...]], list[Any]] = {}
    for picture in pictures:
        steps = Text(SPEC, text_folder).steps(picture, Text.choices())
        try:
            work: Work = next(steps)
            while True:
                assert len({row[0].shape for row in work.rows}) == 1
                answers = [text_graphs(work.part, (row[0][None],)) for row in work.rows]
                for row, answer in zip(work.rows, answers, strict=True):
                    works.setdefault((work.part, row[0].shape), []).append((row[0], answer))
                work = steps.send([tuple(output[0] for output in answer) for answer in answers])
        except StopIteration:
            pass
    several = 0
    for (part, _), rows in works.items():
        together = text_graphs(part, (np.stack([row for row, _ in rows]),))
        several += len(rows) > 1
        for index, (_, alone) in enumerate(rows):
            for batch, single in zip(together, alone, strict=True):
                np.testing.assert_array_equal(batch[index], single[0])
    assert several >= 2


@pytest.mark.parametrize(
    ("name", "shape"),
    [("PP-OCRv6_det_small.onnx", (1, 320, 480, 3)), ("PP-OCRv6_rec_small.onnx", (2, 48, 320, 3))],
)
def test_the_networks_are_those_of_the_package(name: str, shape: tuple[int, ...]) -> None:
    """Floats in, normalised here, through the bare file; bytes in, through ours."""
    path = weights_files(SPEC, "rapidocr", "models")[name]
    pixels = np.random.default_rng(3).integers(0, 256, shape, np.uint8)
    floats = (pixels[..., ::-1].astype(np.float32) / 255 - 0.5) / 0.5
    bare = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = bare.run(None, {"x": np.ascontiguousarray(floats.transpose(0, 3, 1, 2))})
    settings: Any = SPEC.settings
    model = batched(with_pixels(onnx.load(path), mean=settings["mean"], std=settings["std"], bgr=True))
    ours = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (got,) = ours.run(None, {"pixels": pixels})
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-5)


def hostile() -> dict[str, Image.Image]:
    rng = np.random.default_rng(5)
    slanted = np.where((np.add.outer(np.arange(960), np.arange(960)) // 8) % 3 == 0, 0, 255).astype(np.uint8)
    return {
        "one pixel": Image.new("RGB", (1, 1), "white"),
        "one colour": Image.new("RGB", (700, 500), "red"),
        "noise": Image.fromarray(rng.integers(0, 256, (700, 700, 3), np.uint8)),
        "strip": Image.fromarray(rng.integers(0, 256, (100, 65_535, 3), np.uint8)),
        "stripes": Image.fromarray(slanted).convert("RGB"),
        "line of one pixel": Image.new("RGB", (65_535, 1), "white"),
    }


@pytest.mark.parametrize("name", hostile())
def test_hostile_pictures_cost_what_others_do(name: str, read_text: Reader, text_graphs: GraphRunner) -> None:
    text_graphs.shapes.clear()
    found = read_text(hostile()[name])
    assert len(found.findings) <= 500
    assert set(found.values) == {"text_share", "text_lines", "text_characters"}
    assert all(np.isfinite(value) for value in found.values.values())
    searched = [shape for part, shape in text_graphs.shapes if part == "detect"]
    assert np.prod(searched[0][:3]) <= 960**2
    assert sum(shape[2] for part, shape in text_graphs.shapes if part == "recognise") <= 2**18 + 3840


def test_the_lines_beyond_the_limit_are_counted(read_text: Reader) -> None:
    lines = [f"line number {n}" for n in range(9)]
    found = read_text(page(lines, height=24, spacing=2), max_lines=3)
    assert texts(found.findings) == lines[:3]
    assert found.truncated
    assert found.remarks == ("9 lines of text; the first 3 in reading order are read",)


def test_lines_below_the_score_are_left_out_and_counted(read_text: Reader) -> None:
    found = read_text(page(PAGE), min_score=1.0)
    assert found.findings == ()
    assert found.values == {"text_share": 0.0, "text_lines": 0.0, "text_characters": 0.0}
    assert "left out, as nothing is read in them with a score of at least 1: 3 (" in found.remarks[0]
    assert "no Cyrillic, Arabic" in found.remarks[0]


def test_a_line_longer_than_the_longest_row_is_read_in_pieces(text_folder: Path, text_graphs: GraphRunner) -> None:
    line = " ".join(f"word {n}" for n in range(16))
    font = ImageFont.load_default(24)
    picture = Image.new("RGB", (int(font.getlength(line)) + 80, 80), "white")
    ImageDraw.Draw(picture).text((30, 25), line, font=font, fill="black")
    spec = dataclasses.replace(SPEC, settings={**SPEC.settings, "longest_row": 640})
    text_graphs.shapes.clear()
    found = run(Text(spec, text_folder), picture, Text.choices(), text_graphs)
    assert max(shape[2] for part, shape in text_graphs.shapes if part == "recognise") == 640
    assert texts(found.findings) == [line]
    assert "are read in pieces, which are joined by spaces" in found.remarks[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_score": 1.5}, "min_score: got 1.5, a number from 0 to 1 is needed"),
        ({"min_score": float("nan")}, "min_score: got nan, a number from 0 to 1 is needed"),
        ({"max_lines": 501}, "max_lines: got 501, a whole number from 1 to 500 is needed"),
        ({"long_side": 4000}, "long_side: got 4000, a number of pixels from 320 to 1920 is needed"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        Text.choices(**options)


def test_without_the_package_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.analysers.weights.find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match=r"rapidocr is not installed: pip install --no-deps"):
        Text.make(SPEC, tmp_path)


@pytest.mark.parametrize("name", ["coffee", "chelsea", "astronaut"])
def test_round_and_pointed_things_are_no_text(name: str, read_text: Reader) -> None:
    """A saucer was read as 8 (score 0.99), the ear of a cat as O, a badge as a star."""
    with Image.open(io.BytesIO(harness.photo_file(name))) as picture:
        found = read_text(picture.convert("RGB"))
    assert [finding.text for finding in found.findings] == []
    assert found.values["text_share"] == 0
