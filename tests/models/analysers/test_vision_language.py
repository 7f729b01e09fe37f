"""Vision-language models of transformers: small ones with seeded weights, against `generate` and a forward pass."""

import json
import shutil
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import torch
from PIL import Image

from models.__main__ import main
from models.analysers.folder import locate
from models.analysers.spec import AnalyserSpec
from models.analysers.table import code_of
from models.analysers.vision_language import (
    ANSWER_BYTES,
    DEFAULT_PROMPT,
    MOST_PICTURES,
    MOST_PIXELS,
    Options,
    Turn,
    VisionLanguage,
    answer_row,
    packed,
    unpacked,
)
from models.errors import AnalysisError, ItemError, ModelUnavailable
from models.sources import chat_session
from models.sources.chat_models import export_chat_model
from models.sources.chat_session import ChatSession
from tests import tiny_vlm
from tests.models.writing_models import unlike_pictures

PICTURES = unlike_pictures()
CHATS = [name for name in tiny_vlm.ARCHITECTURES if name != "florence2"]
ANSWERS = ("yes", "no", "cannot tell", "two people", "the number of the answer is 1 2 3")
MOST = 24


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads of torch wait for one another where the machine has other work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@dataclass
class Opened:
    source: Path
    spec: AnalyserSpec
    code: VisionLanguage
    session: ChatSession

    def run(self, steps: Generator) -> Any:
        """Drive a generator with the session in this process, a row at a time."""
        try:
            work = next(steps)
            while True:
                outputs = [self.session.compute(work.part, tuple(a[None] for a in row)) for row in work.rows]
                work = steps.send([tuple(out[0] for out in each) for each in outputs])
        except StopIteration as end:
            return end.value

    def caption(self, picture: Image.Image, **options: Any) -> str:
        return "".join(each.text for each in self.run(self.code.steps(picture, self.code.choices(**options))).findings)

    def batch(self, part: str, rows: Sequence[tuple]) -> list[dict[str, Any]]:
        """The answers of rows, those of equal shapes in one batch."""
        groups: dict[Any, list[int]] = {}
        for i, row in enumerate(rows):
            groups.setdefault(tuple(array.shape for array in row), []).append(i)
        answers: dict[int, dict[str, Any]] = {}
        for some in groups.values():
            (out,) = self.session.compute(part, tuple(map(np.stack, zip(*(rows[i] for i in some), strict=True))))
            answers |= {i: json.loads(each.tobytes()) for i, each in zip(some, out, strict=True)}
        assert len(groups) < len(rows)
        return [answers[i] for i in range(len(rows))]


_opened: dict[str, Opened] = {}


@pytest.fixture
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    name = request.param
    if name not in _opened:
        source = tiny_vlm.make(tmp_path_factory.mktemp(name) / name, name)
        made = tmp_path_factory.mktemp("made")
        spec = export_chat_model(source, made, name="vlm")
        _opened[name] = Opened(source, spec, code_of(spec)(spec, made), ChatSession(spec, source))
    return _opened[name]


def every(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("model", names, indirect=True)


@cache
def loaded(source: Path) -> Any:
    from transformers import AutoModelForImageTextToText

    return AutoModelForImageTextToText.from_pretrained(source).eval()


def of_transformers(model: Opened, turns: Sequence[tuple[str, Sequence[Any]]]) -> tuple[Any, dict[str, torch.Tensor]]:
    """A network that is loaded anew, and its inputs by the chat template of its processor."""
    network = loaded(model.source)
    if hasattr(network.model, "rope_deltas"):
        network.model.rope_deltas = None
    processor = model.session.processor.of_transformers
    messages = [
        {
            "role": role,
            "content": [
                {"type": "text", "text": part} if isinstance(part, str) else {"type": "image", "image": part}
                for part in parts
            ],
        }
        for role, parts in turns
    ]
    options = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
    return network, dict(processor.apply_chat_template(messages, **options))


@every(*CHATS)
def test_captions_are_those_of_generate(model):
    """Token by token, of unlike pictures, where rows are filled up and `generate` is not."""
    prompt = "What is in this picture?"
    tokenizer = model.session.processor.tokenizer
    rows = [packed([Turn("user", (each, prompt))], {"max_tokens": MOST}) for each in PICTURES]
    answers = model.batch("write", rows)
    texts = []
    for picture, answer in zip(PICTURES, answers, strict=True):
        network, inputs = of_transformers(model, [("user", (picture, prompt))])
        with torch.inference_mode():
            row = network.generate(**inputs, max_new_tokens=MOST, do_sample=False)[0, inputs["input_ids"].shape[1] :]
        assert answer["tokens"] == row.tolist()
        texts.append(tokenizer.decode(row, skip_special_tokens=True).strip())
        assert answer["text"] == texts[-1]
    found = model.run(model.code.steps(PICTURES[0], Options(prompt=prompt, max_tokens=MOST)))
    assert ["".join(each.text for each in found.findings)] == texts[:1]
    assert found.values["captions_tokens"] == len(answers[0]["tokens"])
    assert found.truncated == (not answers[0]["ended"])
    assert len(set(texts)) >= 5  # equal texts for all pictures would prove nothing


@every("florence2")
def test_florence_writes_captions_for_tasks_alone(model):
    network, processor = loaded(model.source), model.session.processor.of_transformers
    texts = []
    for picture in PICTURES:
        inputs = processor(images=picture, text="<CAPTION>", return_tensors="pt")
        plain = {"max_new_tokens": MOST, "do_sample": False, "num_beams": 1, "forced_eos_token_id": None}
        with torch.inference_mode():
            row = network.generate(**inputs, **plain)[0]
        texts.append(processor.tokenizer.decode(row, skip_special_tokens=True).strip())
    assert [model.caption(each, max_tokens=MOST) for each in PICTURES] == texts
    assert len(set(texts)) >= 5
    assert model.spec.notice is not None
    assert "Its settings num_beams=3 are not applied" in model.spec.notice
    with pytest.raises(AnalysisError, match=r"prompt: got 'Look', vlm takes no instructions; give one of <CAPTION>"):
        model.code.check(Options(prompt="Look"))
    model.code.check(Options(prompt="<DETAILED_CAPTION>"))
    with pytest.raises(AnalysisError, match="writes captions only"):
        next(model.code.likelihoods([Turn("user", ("a",))], ["b"]))


@every(*CHATS)
def test_likelihoods_are_those_of_a_forward_pass(model):
    """The answers have unlike numbers of tokens, and follow a system turn, an example with a picture and a question."""
    worst, sums = 0.0, []
    for first, second in ((0, 1), (2, 5), (3, 4)):
        turns = [
            ("system", ("Answer with the category",)),
            ("user", (PICTURES[first], "protest?")),
            ("assistant", ("no",)),
            ("user", (PICTURES[second], "protest?")),
        ]
        given = [Turn(role, parts) for role, parts in turns]
        found = model.run(model.code.likelihoods(given, ANSWERS))
        network, inputs = of_transformers(model, turns)
        start = inputs["input_ids"].shape[1]
        for likelihood, ids in zip(found, model.session.processor.answers(given, ANSWERS), strict=True):
            whole = dict(inputs)
            more = torch.tensor([ids])
            whole["input_ids"] = torch.cat([inputs["input_ids"], more], dim=1)
            whole["attention_mask"] = torch.ones_like(whole["input_ids"])
            for name in ("token_type_ids", "mm_token_type_ids"):
                if name in whole:
                    whole[name] = torch.cat([inputs[name], torch.zeros_like(more)], dim=1)
            with torch.inference_mode():
                logits = network(**whole).logits[0, start - 1 : -1].log_softmax(-1)
            wanted = float(logits.gather(1, more[0, :, None]).double().sum())
            worst = max(worst, abs(likelihood.log_probability - wanted))
            assert (likelihood.tokens, likelihood.prompt_tokens) == (len(ids), start)
        sums.append([each.log_probability for each in found])
    assert worst < 1e-4
    assert np.ptp(np.array(sums), axis=0).min() > 0.01  # pictures matter


@every(*CHATS, "florence2")
def test_rows_alone_and_in_a_batch_are_equal(model):
    """Also where texts of the batch end before others, and pictures have other numbers of tokens."""
    prompt = DEFAULT_PROMPT if model.code.chat else "<CAPTION>"
    rows = [packed([Turn("user", (each, prompt))], {"max_tokens": MOST - i}) for i, each in enumerate(PICTURES)]
    for row, together in zip(rows, model.batch("write", rows), strict=True):
        (alone,) = model.session.compute("write", tuple(array[None] for array in row))
        alone = json.loads(alone[0].tobytes())
        assert (together["tokens"], together["ended"]) == (alone["tokens"], alone["ended"])
        assert together["score"] == pytest.approx(alone["score"], abs=1e-5)
    if not model.code.chat:
        return
    rows = [
        packed([Turn("user", (each, "protest?"))], {"answers": ANSWERS[: 2 + i % 3]}) for i, each in enumerate(PICTURES)
    ]
    for row, together in zip(rows, model.batch("judge", rows), strict=True):
        (alone,) = model.session.compute("judge", tuple(array[None] for array in row))
        found, wanted = (np.array(each["likelihoods"]) for each in (together, json.loads(alone[0].tobytes())))
        assert np.abs(found - wanted).max() < 1e-4


@every("smolvlm", "qwen2_5_vl")
def test_long_conversations_have_fewer_answers_and_rows_at_once(model, monkeypatch):
    """Keys and values of 32 answers to a conversation of 16,384 tokens may need a hundred GB."""
    turns = [[Turn("user", (PICTURES[i], "protest?"))] for i in (0, 0, 3)]
    rows = [packed(each, {"answers": list(ANSWERS)}) for each in turns]
    wanted = model.batch("judge", rows)
    monkeypatch.setattr(chat_session, "CACHED", 1)
    for given, found in zip(wanted, model.batch("judge", rows), strict=True):
        assert given["prompt_tokens"] == found["prompt_tokens"]
        assert np.allclose(given["likelihoods"], found["likelihoods"], atol=1e-4)


SCHEMAS = (
    {"type": "object", "properties": {"n": {"type": "integer", "minimum": 3, "maximum": 40}}, "required": ["n"]},
    {"type": "object", "properties": {"t": {"type": "string", "maxLength": 6}}, "required": ["t"]},
    {"type": "array", "items": {"enum": ["yes", "no", "Zürich"]}, "minItems": 2, "maxItems": 3},
    {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    {"type": ["string", "null"], "maxLength": 8},
)


@every("smolvlm", "gemma3")
def test_texts_that_end_are_documents_of_the_schema(model):
    """In one batch with one another, and with a text that follows none."""
    wanted = [{**each, "additionalProperties": False} if each["type"] == "object" else each for each in SCHEMAS]
    rows = [
        packed([Turn("user", (picture, "count"))], {"max_tokens": 40, **({"schema": schema} if schema else {})})
        for picture in PICTURES[:2]
        for schema in (*wanted, None)
    ]
    ended = set()
    for answer, schema in zip(model.batch("write", rows), (*wanted, None) * 2, strict=True):
        if schema and answer["ended"]:
            jsonschema.validate(json.loads(answer["text"]), schema)
            ended.add(json.dumps(schema))
        assert 0 < answer["score"] < 1
    assert len(ended) >= 4  # a number may go on with further decimals to the last token


@every("smolvlm")
def test_schemas_that_cannot_be_followed_fail_alone(model):
    turns = [Turn("user", (PICTURES[0], "count"))]
    bad, good = ({"max_tokens": 8, "schema": each} for each in ({"type": "nonsense"}, {"enum": ["yes", "no"]}))
    answers = model.batch("write", [packed(turns, each) for each in (bad, good)])
    assert answers[0]["error"].startswith("the schema cannot be followed")
    assert json.loads(answers[1]["text"]) in ("yes", "no")


@every("qwen2_5_vl")
def test_a_picture_that_the_model_cannot_take_fails_alone(model):
    thin = Image.new("RGB", (2000, 3))
    rows = [packed([Turn("user", (each, "a"))], {"max_tokens": 4}) for each in (thin, Image.new("RGB", (60, 100)))]
    thin_answer, other = model.batch("write", rows)
    assert thin_answer["error"].startswith("the model cannot take this picture")
    assert other["tokens"]
    with pytest.raises(ItemError, match="cannot take this picture"):
        model.caption(thin)


@every("smolvlm")
def test_limits_name_the_value_and_the_way_out(model):
    code = model.code
    for turns, words in (
        ([], "the last turn must be that of the user"),
        ([Turn("assistant", ("a",))], "the last turn must be that of the user"),
        ([Turn("user", (PICTURES[-1],) * (MOST_PICTURES + 1))], "got 17 pictures, the limit is 16"),
        ([Turn("user", ("a" * 60_001,))], "got 60,001 characters, the limit is 60,000"),
    ):
        with pytest.raises(AnalysisError) as caught:
            code.check_turns(turns)
        assert words in caught.value.message
    turns = [Turn("user", ("a",))]
    for answers in ([], [""], ["a"] * 257):
        with pytest.raises(AnalysisError, match="1 to 256 are needed"):
            next(code.likelihoods(turns, answers))
    for most in (0, 513, 2.5, True, float("nan"), "a"):
        with pytest.raises(AnalysisError, match="max_tokens: got"):
            next(code.write(turns, max_tokens=most))
        with pytest.raises(AnalysisError, match="max_tokens: got"):
            Options(max_tokens=most)
    with pytest.raises(AnalysisError, match=r"prompt: got '', an instruction is needed"):
        code.check(Options(prompt=""))
    with pytest.raises(AnalysisError, match=r"prompt: got '7'"):
        Options(prompt=7)
    with pytest.raises(ItemError, match=r"tokens with its pictures, and 64 may follow; the limit is 8,192"):
        model.run(code.write([Turn("user", ("ж" * 20_000,))], max_tokens=64))


@every("smolvlm", "qwen2_vl")
def test_special_tokens_in_a_text_are_broken(model):
    """A text of a post can neither end the turn, nor show a picture that is not there."""
    processor = model.session.processor
    hostile = f"a {processor.tokenizer.eos_token} <image> <|image_pad|> b"
    inputs = processor.inputs([Turn("user", (PICTURES[0], hostile))])
    harmless = processor.inputs([Turn("user", (PICTURES[0], "a"))])
    for token in processor.tokenizer.all_special_ids:
        assert (inputs["input_ids"] == token).sum() == (harmless["input_ids"] == token).sum()
    assert model.run(model.code.likelihoods([Turn("user", (PICTURES[0], hostile))], [hostile]))[0].tokens > 3


@every("smolvlm")
def test_inputs_are_those_of_the_processor_that_smolvlm_names(model, monkeypatch):
    """Ours is that of Idefics3, which needs no package for videos."""
    from transformers import SmolVLMProcessor
    from transformers.models.smolvlm import processing_smolvlm

    monkeypatch.setattr(processing_smolvlm, "num2words", len)
    named = type("SmolVLMProcessor", (SmolVLMProcessor,), {"check_argument_for_proper_class": lambda *_: None})
    ours = model.session.processor.of_transformers
    given = {"image_seq_len": ours.image_seq_len, "chat_template": ours.chat_template, "video_processor": None}
    theirs = named(image_processor=ours.image_processor, tokenizer=ours.tokenizer, **given)
    for picture in PICTURES[:4]:
        turns = [Turn("user", ("a", picture, "b"))]
        wanted = theirs(text=[model.session.processor.prompt(turns)], images=[[picture]], return_tensors="pt")
        found = model.session.processor.inputs(turns)
        assert set(found) == set(wanted)
        assert all(torch.equal(found[name], wanted[name]) for name in found)


def test_rows_carry_pictures_and_texts():
    pictures = [Image.fromarray(np.random.default_rng(i).integers(0, 256, (5 + i, 9, 3), np.uint8)) for i in range(3)]
    turns = [
        Turn("system", ("a «ж» 👩‍👩",)),
        Turn("user", (pictures[0], "b", pictures[1])),
        Turn("assistant", ("",)),
        Turn("user", (pictures[2],)),
    ]
    back, options = unpacked(packed(turns, {"max_tokens": 3}))
    assert options == {"max_tokens": 3}
    assert [turn.role for turn in back] == [turn.role for turn in turns]
    for turn, other in zip(turns, back, strict=True):
        for part, same in zip(turn.parts, other.parts, strict=True):
            assert part == same if isinstance(part, str) else (np.asarray(part) == np.asarray(same)).all()


@pytest.mark.parametrize("size", [(1, 1), (65_535, 1), (1, 65_535), (3000, 2000), (2048, 2048)])
def test_rows_are_bounded(size):
    pixels, text = packed([Turn("user", (Image.new("RGB", size, (9, 200, 9)), "a"))], {})
    assert len(pixels) <= MOST_PIXELS
    (turn,), _ = unpacked((pixels, text))
    shown = turn.parts[0]
    assert (shown.size == size) == (size[0] * size[1] <= MOST_PIXELS)
    assert shown.getpixel((0, 0)) == (9, 200, 9)


def test_answers_that_are_too_long_are_errors():
    assert "error" in json.loads(answer_row({"text": "a" * ANSWER_BYTES}).tobytes())
    assert len(answer_row({"text": "a"})) == ANSWER_BYTES


@every("smolvlm")
def test_the_row_is_that_of_the_folder(model, tmp_path):
    spec = model.spec
    assert (spec.kind, type(model.code)) == ("captions", VisionLanguage)
    hashed = {"model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja", "preprocessor_config.json"}
    assert hashed <= set(spec.source.weights)
    changed = copied(model.source, tmp_path)
    (changed / "chat_template.jinja").write_text(
        (changed / "chat_template.jinja").read_text().replace("Assistant", "Answer")
    )
    with pytest.raises(ModelUnavailable, match="is gone or has changed; import it again"):
        ChatSession(spec, changed)
    with pytest.raises(ModelUnavailable, match="is gone or has changed"):
        ChatSession(spec, tmp_path / "nothing")


def copied(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "copy"))


@every("smolvlm")
def test_folders_that_cannot_be_served_are_refused(model, tmp_path):
    config = json.loads((model.source / "config.json").read_text())
    for files, words in (
        ({"config.json": {**config, "architectures": ["AriaForConditionalGeneration"]}}, "vision-language models are"),
        (
            {"config.json": {"architectures": ["MyForConditionalGeneration"], "auto_map": {"AutoModel": "m.M"}}},
            "needs code of its own",
        ),
        ({"chat_template.jinja": None}, "has no chat template"),
        ({"preprocessor_config.json": None, "processor_config.json": None}, "its processor cannot be read"),
        ({"model.safetensors": None}, "pickled weights are not read"),
    ):
        folder = copied(model.source, tmp_path)
        for name, content in files.items():
            (folder / name).unlink()
            if content is not None:
                (folder / name).write_text(json.dumps(content))
        (out := tmp_path / "out").mkdir()
        with pytest.raises(ModelUnavailable) as caught:
            export_chat_model(folder, out, name="x")
        assert words in caught.value.message
        shutil.rmtree(folder)
        out.rmdir()
    with pytest.raises(ModelUnavailable, match="int8"):
        export_chat_model(model.source, tmp_path, name="x", precision="int8")


@every("smolvlm")
def test_the_command_imports_a_model_in_half_precision(model, tmp_path, monkeypatch, capsys):
    """With the commit that the hub's client noted, and the licence of its README."""
    folder, home = copied(model.source, tmp_path), tmp_path / "home"
    note = folder / ".cache" / "huggingface" / "download" / "config.json.metadata"
    note.parent.mkdir(parents=True)
    note.write_text(f"{'7b' * 20}\nabc\n1.0\n")
    (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n# A model\n")
    command = ["models", "import", str(folder), "--name", "vlm", "--precision", "bf16", "--home", str(home)]
    monkeypatch.setattr("sys.argv", command)
    main()
    out = capsys.readouterr().out
    assert "vlm-bf16: analyser of captions\n" in out
    assert "vlm-bf16: texts compared 3" in out
    spec = locate("vlm-bf16", home).spec
    assert (spec.licence, spec.source.revision, spec.precision) == ("apache-2.0", "7b" * 20, "bf16")
    assert spec.fingerprint() != model.spec.fingerprint()
    session = ChatSession(spec, home / "sources" / "vlm-bf16")
    assert session.network.dtype == torch.bfloat16
    opened = Opened(folder, spec, VisionLanguage(spec, folder), session)
    assert opened.caption(PICTURES[0], max_tokens=6)
    assert all(
        each.log_probability < 0 for each in opened.run(opened.code.likelihoods([Turn("user", ("a",))], ["b", "c"]))
    )


def test_a_folder_with_code_of_its_own_is_refused_by_the_command(tmp_path, monkeypatch):
    (folder := tmp_path / "other").mkdir()
    config = {"architectures": ["InternVLChatModel"], "auto_map": {"AutoModel": "modeling_x.X"}}
    (folder / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("sys.argv", ["models", "import", str(folder), "--home", str(tmp_path / "home")])
    with pytest.raises(SystemExit, match="needs code of its own"):
        main()
