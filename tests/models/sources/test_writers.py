"""BLIP and TrOCR of transformers as analysers: small ones with seeded weights, against `generate` of transformers."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.__main__ import main
from models.analysers.captions import LENGTH, LONGEST_PROMPT, MOST_TOKENS, Captions
from models.analysers.folder import locate
from models.analysers.generation import FREE, STOP, plan
from models.analysers.table import code_of
from models.analysers.text_line import MOST_TOKENS as MOST_OF_A_LINE
from models.errors import AnalysisError, ModelUnavailable
from models.sources.writers import export_writer
from tests.models import writing_models
from tests.models.analysers.opening import Opened, answered

PICTURES = writing_models.unlike_pictures()


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of torch wait for one another where the machine has other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return writing_models.blip(tmp_path_factory.mktemp("blip"))


@pytest.fixture(scope="module")
def captioner(blip: Path, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened(blip, tmp_path_factory.mktemp("captioner"))


def opened(source: Path, folder: Path) -> Opened:
    spec = export_writer(source, folder, name="writer", licence="MIT")
    made = Opened(code_of(spec), spec, folder, made=True)
    return made


def texts(opened: Opened, **options) -> list[str]:
    return ["".join(found.text for found in opened.run(image, **options).findings) for image in PICTURES]


@pytest.mark.parametrize(("prompt", "most"), [("", 1), ("", MOST_TOKENS), ("a photo of", 20), ("Zürich's", 5)])
def test_captions_are_those_of_transformers(blip, captioner, prompt, most):
    """From files to texts, by the processor and `generate` of transformers, greedily."""
    from transformers import AutoProcessor, AutoTokenizer, BlipForConditionalGeneration

    model = BlipForConditionalGeneration.from_pretrained(blip).eval()
    processor = AutoProcessor.from_pretrained(blip, backend="pil")
    tokenizer = AutoTokenizer.from_pretrained(blip)
    pixels = processor(images=PICTURES, return_tensors="pt")["pixel_values"]
    prefix = {}
    if prompt:
        tokens = tokenizer([prompt] * len(PICTURES), return_tensors="pt")
        prefix = {name: tokens[name] for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        rows = model.generate(pixel_values=pixels, max_new_tokens=most, do_sample=False, **prefix)
    written = [tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in rows]
    assert texts(captioner, prompt=prompt, max_tokens=most) == written
    assert len(set(written)) >= min(most, 5)  # equal texts for all pictures would prove nothing


@pytest.mark.parametrize(("prompt", "most", "seed"), [("", 64, 0), ("a photo of", 12, 1), ("", 20, 2)])
def test_rows_alone_and_in_a_batch_are_equal(captioner, prompt, most, seed):
    """Also where some texts of the batch end long before the others, and have other plans."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (6, writing_models.SIDE, writing_models.SIDE, 3), np.uint8)
    pixels[1], pixels[4] = 90, 255
    plans = np.stack([plan(captioner.analyser.prefix(prompt), most - i, LENGTH) for i in range(6)])
    for n in (2, 3, 6):
        together = captioner.graph("write", (pixels[:n], plans[:n]))
        for i in range(n):
            alone = captioner.graph("write", (pixels[i : i + 1], plans[i : i + 1]))
            for out, one in zip(together, alone, strict=True):
                assert out.shape == (n, LENGTH)
                assert (out[i] == one[0]).all()


def test_some_captions_end_and_others_are_cut(captioner):
    found = [captioner.run(image, max_tokens=40) for image in PICTURES]
    assert {result.truncated for result in found} == {True, False}
    for result in found:
        cut = "the caption has not ended after 40 tokens; raise max_tokens for more"
        assert (cut in result.remarks) == result.truncated


def test_the_score_is_the_mean_probability_of_the_tokens(captioner):
    row = np.full(LENGTH, -1, np.int32)
    chances = np.zeros(LENGTH, np.float32)
    words = captioner.analyser.writer.tokenizer.encode("two cats", add_special_tokens=False).ids
    row[1:4], chances[1:4] = [*words, 102], (0.5, 0.9, 0.7)
    result = answered(captioner, PICTURES[0], (row, chances))
    assert [found.text for found in result.findings] == ["two cats"]
    assert result.findings[0].score == pytest.approx(0.7)
    assert (result.truncated, result.remarks) == (False, ())
    row[1:4], chances[1:4] = (102, -1, -1), (0.4, 0, 0)
    empty = answered(captioner, PICTURES[0], (row, chances))
    assert (empty.findings, empty.truncated) == ((), False)
    assert empty.remarks == ("the network ended the caption before its first word",)


def test_a_plan_has_the_start_then_free_places_then_stops():
    assert plan([7, 8], 3, 8).tolist() == [7, 8, FREE, FREE, FREE, STOP, STOP, STOP]
    assert plan(range(1 + LONGEST_PROMPT), MOST_TOKENS, LENGTH)[-1] == STOP


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_tokens": 0}, "max_tokens: got '0', a whole number from 1 to 64 is needed"),
        ({"max_tokens": 65}, "max_tokens: got '65'"),
        ({"max_tokens": 2.5}, "max_tokens: got '2.5'"),
        ({"max_tokens": True}, "max_tokens: got 'True'"),
        ({"max_tokens": float("nan")}, "max_tokens: got 'nan'"),
        ({"prompt": 7}, "prompt: got '7', a text of at most 200 characters"),
        ({"prompt": "a" * 201}, "a text of at most 200 characters"),
    ],
)
def test_bad_options_name_the_value_and_the_rule(options, words):
    with pytest.raises(AnalysisError, match=r"(prompt|max_tokens): got") as caught:
        Captions.choices(**options)
    assert words in caught.value.message


def test_a_prompt_with_too_many_tokens_is_refused(captioner):
    captioner.analyser.check(captioner.analyser.choices(prompt="cat " * 15))
    with pytest.raises(AnalysisError, match="has 16 tokens, at most 15 are allowed"):
        captioner.analyser.check(captioner.analyser.choices(prompt="cat " * 16))


@pytest.mark.parametrize("size", [(1, 1), (65_535, 1), (1, 65_535), (3000, 2000)])
def test_every_picture_has_a_bounded_caption(captioner, size):
    result = captioner.run(Image.new("RGB", size, (9, 200, 9)), max_tokens=64)
    assert len(result.findings) <= 1
    for found in result.findings:
        assert len(found.text) < 64 * 30
        assert 0 <= found.score <= 1


def test_the_row_is_that_of_the_folder(captioner):
    spec = captioner.spec
    assert (spec.kind, spec.licence, code_of(spec)) == ("captions", "MIT", Captions)
    assert set(spec.source.weights) == {"model.safetensors", "config.json", "tokenizer.json"}
    assert spec.notice is not None
    assert spec.notice.startswith("A caption is what the network finds likely")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"encoder": "deit", "width": 32},
        {"learned": False, "scaled": True},
        {"num_beams": 4, "no_repeat_ngram_size": 3},
    ],
    ids=["vit", "deit", "sinusoidal", "beams"],
)
def test_lines_are_those_of_transformers(tmp_path, options):
    """The tokens of every picture, by `generate` with the settings of the analyser."""
    from transformers import AutoImageProcessor, AutoTokenizer

    from models.sources.classifiers import read_config
    from models.sources.writing_networks import generate, read_network

    (source := tmp_path / "source").mkdir()
    (made := tmp_path / "made").mkdir()
    writing_models.trocr(source, **options)
    line = opened(source, made)
    network = read_network(source, read_config(source))
    processor = AutoImageProcessor.from_pretrained(source, backend="pil")
    tokenizer = AutoTokenizer.from_pretrained(source)
    values = torch.cat([processor(images=image, return_tensors="pt")["pixel_values"] for image in PICTURES])
    written = generate(network.model, values, network.start, MOST_OF_A_LINE)
    wanted = [tokenizer.decode(ids, skip_special_tokens=True).strip() for ids in written]
    found = [line.run(image, min_score=0.0) for image in PICTURES]
    assert ["".join(each.text for each in result.findings) for result in found] == wanted
    assert [result.truncated for result in found] == [2 not in ids for ids in written]
    assert len(set(wanted)) >= 5
    result = next(result for result in found if result.findings)
    assert result.values == {
        "text_share": 1.0,
        "text_lines": 1.0,
        "text_characters": float(len("".join(result.findings[0].text.split()))),
    }
    strict = line.run(PICTURES[0], min_score=1.0)
    assert (strict.findings, strict.values["text_lines"]) == ((), 0.0)
    assert strict.remarks[-1] == "nothing is read with a score of at least 1"
    assert any("crop the picture to it" in remark for remark in line.run(Image.new("RGB", (65_535, 1))).remarks)
    if "num_beams" in options:
        assert line.spec.notice is not None
        assert line.spec.notice.endswith("Its settings num_beams=4, no_repeat_ngram_size=3 are not applied.")


@pytest.mark.parametrize(
    ("file", "changes", "words"),
    [
        ("config.json", {"architectures": ["BlipForQuestionAnswering"]}, "networks that write texts are BlipFor"),
        ("config.json", {"architectures": []}, "has the architecture none"),
        ("preprocessor_config.json", {"do_pad": True}, "needs do_pad, which is not supported"),
        ("preprocessor_config.json", {"image_mean": "x"}, "cannot be read"),
        ("tokenizer.json", {"model": {}}, "its tokenizer cannot be read"),
    ],
)
def test_folders_that_cannot_be_reproduced_are_refused(blip, tmp_path, file, changes, words):
    copy = linked(blip, tmp_path)
    content = json.loads((copy / file).read_text()) | changes
    (copy / file).unlink()
    (copy / file).write_text(json.dumps(content))
    (out := tmp_path / "out").mkdir()
    with pytest.raises(ModelUnavailable) as caught:
        export_writer(copy, out, name="x")
    assert words in caught.value.message


def test_damaged_folders_are_refused(blip, tmp_path):
    copy = linked(blip, tmp_path)
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors").write_bytes(b"damaged")
    (out := tmp_path / "out").mkdir()
    with pytest.raises(ModelUnavailable, match="its weights cannot be loaded"):
        export_writer(copy, out, name="x")
    with pytest.raises(ModelUnavailable, match=r"has no config\.json"):
        export_writer(tmp_path / "nothing", out, name="x")


def test_other_encoders_and_decoders_are_refused(tmp_path):
    config = {"encoder": {"model_type": "donut-swin"}, "decoder": {"model_type": "mbart"}}
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["VisionEncoderDecoderModel"], **config}))
    with pytest.raises(ModelUnavailable, match="has the encoder 'donut-swin' and the decoder 'mbart'"):
        export_writer(tmp_path, tmp_path, name="x")


def linked(source: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in source.iterdir():
        (copy / path.name).symlink_to(path)
    return copy


def test_the_command_imports_a_captioner(blip, tmp_path, monkeypatch, capsys):
    home = tmp_path / "home"
    monkeypatch.setattr("sys.argv", ["models", "import", str(blip), "--name", "captioner", "--home", str(home)])
    main()
    out = capsys.readouterr().out
    assert "captioner: analyser of captions\n" in out
    assert "captioner: texts equal to generate 8" in out
    assert ",captioner scripts/serve" in out
    made = locate("captioner", home)
    assert made.spec.kind == "captions"
    assert texts(Opened(code_of(made.spec), made.spec, made.path, made=True), max_tokens=3)
