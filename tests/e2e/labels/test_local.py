"""Labels by a small vision-language model with random weights, which a real server runs, against transformers alone."""

import io
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from daguerre import Client
from daguerre.errors import InvalidRequestError
from tests.e2e import harness
from tests.e2e.harness import Server
from tests.e2e.labels.common import ALL_KINDS, CODED, PEOPLE, settings
from tests.label_stub import Stub, write_labellers

pytestmark = pytest.mark.filterwarnings("ignore")
Part = str | Image.Image
MODEL = "tiny-vlm"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of transformers with a small model."""
    from tests.tiny_vlm import make

    return make(tmp_path_factory.mktemp("tiny") / "smol")


def local_settings(own: Path, folder: Path, stub: Stub) -> dict[str, str]:
    """Settings of a server with the model, and with labellers of both kinds."""
    from models.sources.chat_models import import_chat_model

    given = settings(own, stub)
    import_chat_model(folder, own / "home", name=MODEL)
    labellers = {"smol": {"kind": "local", "model": MODEL}, "qwen": stub.labeller()}
    return {**given, "DAGUERRE_LABELLERS": str(write_labellers(own, labellers)), "DAGUERRE_ANALYSERS": MODEL}


@pytest.fixture(scope="module")
def local(home: Path, folder: Path, endpoint: Stub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    own = tmp_path_factory.mktemp("local")
    with harness.running(own, settings=local_settings(own, folder, endpoint)) as server:
        with server.client(timeout=600) as web:
            asked(web, PEOPLE, [picture(0)])  # the first row loads torch, which may take a minute beside other tests
        yield server


@pytest.fixture
def web(local: Server) -> Iterator[httpx.Client]:
    with local.client() as client:
        yield client


@pytest.fixture(params=["http", "grpc"])
def sdk(request: pytest.FixtureRequest, local: Server) -> Iterator[Client]:
    address = local.url if request.param == "http" else f"grpc://{local.grpc_target}"
    with Client(address, progress=False, chunk_items=4) as client:
        yield client


class Oracle:
    """Log-probabilities of answers by transformers: the whole conversation at once, without a cache or a batch."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer, Idefics3Processor

        images = AutoImageProcessor.from_pretrained(str(folder), backend="pil")
        tokenizer = AutoTokenizer.from_pretrained(str(folder))
        one = type("Idefics3Processor", (Idefics3Processor,), {"check_argument_for_proper_class": lambda *_: None})
        self.processor = one(images, tokenizer, image_seq_len=4, chat_template=tokenizer.chat_template)
        self.network = AutoModelForImageTextToText.from_pretrained(str(folder)).eval()

    def __call__(self, system: str, user: Sequence[Part], answer: str) -> float:
        import torch

        def written(part: Part) -> dict[str, str]:
            return {"type": "text", "text": part} if isinstance(part, str) else {"type": "image"}

        messages = [
            {"role": "system", "content": [written(system)]},
            {"role": "user", "content": [written(part) for part in user]},
        ]
        told = [{"role": "assistant", "content": [written(answer)]}]
        pictures = [part for part in user if not isinstance(part, str)]
        prompt = self.processor.apply_chat_template(messages, add_generation_prompt=True)
        whole = self.processor.apply_chat_template(messages + told).removesuffix("\n")
        given = {"images": [pictures]} if pictures else {}
        first = self.processor(text=[prompt], return_tensors="pt", add_special_tokens=False, **given)
        both = self.processor(text=[whole], return_tensors="pt", add_special_tokens=False, **given)
        start, ids = first["input_ids"].shape[1], both["input_ids"][0]
        with torch.inference_mode():
            chances = self.network(**both).logits[0].float().log_softmax(-1)
        return float(chances[start - 1 : -1].gather(1, ids[start:, None]).sum())


@pytest.fixture(scope="module")
def oracle(folder: Path) -> Oracle:
    return Oracle(folder)


def picture(seed: int, size: tuple[int, int] = (48, 36)) -> bytes:
    out = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def asked(web: httpx.Client, codebook: Mapping[str, Any], pictures: Sequence[bytes], **fields: Any) -> Any:
    files = [("input", (f"{i}.png", each, "image/png")) for i, each in enumerate(pictures)]
    body = {"codebook": codebook, "labeller": "smol", "max_tokens": 12, **fields}
    done = web.post("/v1/labels", files=[*files, ("request", (None, json.dumps(body)))])
    assert done.status_code == 200, done.text
    return done.json()


def sums(entry: Mapping[str, Any]) -> list[float]:
    return [each["log_probability"] for each in entry["answers"][0]["likelihoods"]]


CHOICES = {**ALL_KINDS, "variables": ALL_KINDS["variables"][:4]}


def test_likelihoods_are_those_of_transformers(web: httpx.Client, oracle: Oracle) -> None:
    file = picture(1)
    answer = asked(web, CHOICES, [file], on_error="skip")
    [entry] = answer["data"]
    prompt, image = answer["prompt"], Image.open(io.BytesIO(file))
    texts = {(each["variable"], each["category"]): each["text"] for each in prompt["questions"]}
    found = entry["answers"][0]["likelihoods"]
    assert [each["answer"] for each in found] == [a for each in prompt["questions"] for a in each["answers"]]
    for each in found:
        user = [prompt["before_item"], image, texts[each["variable"], each["category"]]]
        assert each["log_probability"] == pytest.approx(oracle(prompt["system"], user, each["answer"]), abs=1e-4)
    for name in ("people", "scene", "size"):
        own = [each for each in found if each["variable"] == name]
        weights = np.exp([each["log_probability"] / each["tokens"] for each in own])
        label = entry["labels"][name]
        expected = dict(zip([each["answer"] for each in own], weights / weights.sum(), strict=True))
        assert label["probabilities"] == pytest.approx(expected, abs=1e-12)
        best = max(expected, key=lambda answer: expected[answer])
        assert (label["value"], label["cannot_tell"]) == ((None, True) if best == "cannot tell" else (best, False))
        assert label["covered"] == pytest.approx(np.exp([each["log_probability"] for each in own]).sum(), rel=1e-9)
    assert "cannot tell" not in entry["labels"]["scene"]["probabilities"]
    assert set(entry["labels"]["topics"]["probabilities"]) == {"animal", "drink", "vehicle"}
    about = [each for each in found if each["variable"] == "topics" and each["category"] != "cannot tell"]
    pairs = np.exp([each["log_probability"] for each in about]).reshape(-1, 2)
    assert entry["labels"]["topics"]["covered"] == pytest.approx(pairs.sum(axis=1).min(), rel=1e-9)
    for name in ("people", "scene", "size", "topics"):  # a network of random weights understands no question
        assert any(each.startswith(f"{name}: all answers that were allowed") for each in answer["remarks"])


def test_an_item_has_the_same_likelihoods_alone_and_among_others(web: httpx.Client) -> None:
    files = [picture(i, (32 + 8 * (i % 3), 40)) for i in range(6)]
    together = asked(web, CHOICES, [*files, files[0]])
    assert together["data"][6]["same_as"] == 0
    assert together["usage"]["rows"] == 6 * len(together["prompt"]["questions"])
    tokens = [entry["answers"][0]["prompt_tokens"] for entry in together["data"][:6]]
    assert together["usage"]["prompt_tokens"] == sum(tokens) > 0
    for file, entry in zip(files, together["data"], strict=False):
        [alone] = asked(web, CHOICES, [file])["data"]
        np.testing.assert_allclose(sums(alone), sums(entry), atol=1e-4)
        assert alone["labels"].keys() == entry["labels"].keys()
    assert len({tuple(sums(entry)) for entry in together["data"]}) == 6


def test_permuted_orders_and_examples_are_in_the_prompt(web: httpx.Client, oracle: Oracle) -> None:
    yes = {"name": "yes", "examples": ["p1", "t1"]}
    codebook = {
        "variables": [
            {
                **PEOPLE["variables"][0],
                "categories": [
                    yes,
                    {"name": "no"},
                ],
            },
            CHOICES["variables"][1],
        ]
    }
    shown = [
        {"id": "p1", "image": "data:image/png;base64," + harness.base64_of(picture(7))},
        {"id": "t1", "text": "a crowd"},
    ]
    files = [picture(i) for i in range(4)]
    answer = asked(web, codebook, files, examples=shown, category_order="permuted", variable_order="permuted", seed=5)
    assert len({(*e["variables"], *e["categories"]["scene"]) for e in answer["data"]}) > 1
    head = "An example of people: yes:"
    for file, entry in zip(files, answer["data"], strict=True):
        found = [each for each in entry["answers"][0]["likelihoods"] if each["variable"] == "scene"]
        assert [each["answer"] for each in found] == entry["categories"]["scene"]
        plan = web.post("/v1/labels/plan", json={"codebook": codebook, "labeller": "smol"}).json()
        assert plan["fingerprint"] != answer["receipt"]["fingerprint"]
        about = {each["name"]: each for each in codebook["variables"]}
        again = {
            "variables": [
                {
                    **about[name],
                    "categories": sorted(
                        about[name]["categories"], key=lambda c, of=name: entry["categories"][of].index(c["name"])
                    ),
                }
                for name in entry["variables"]
            ]
        }
        fixed = web.post("/v1/labels/plan", json={"codebook": again, "labeller": "smol", "examples": shown}).json()[
            "prompt"
        ]
        assert fixed["examples"] == [head[:-1]] * 2
        question = next(each["text"] for each in fixed["questions"] if each["variable"] == "scene")
        example = Image.open(io.BytesIO(picture(7)))
        texts = "\n\n".join([head, "a crowd", fixed["before_item"]])
        user = [head, example, texts, Image.open(io.BytesIO(file)), question]
        for each in found:
            assert each["log_probability"] == pytest.approx(oracle(fixed["system"], user, each["answer"]), abs=1e-4)


def test_numbers_and_texts_are_written_within_the_codebook(sdk: Client, tmp_path: Path) -> None:
    codebook = {"variables": [{**each, "cannot_tell": i == 0} for i, each in enumerate(ALL_KINDS["variables"][4:])]}
    (tmp_path / "a.png").write_bytes(picture(3))
    L = sdk.label(str(tmp_path), texts=None, codebook=codebook, labeller="smol", max_tokens=40)
    [entry] = L.entries
    if L.errors:
        assert entry["error"]["code"] == "truncated_answer"
        return
    share, words = (entry["labels"][name] for name in ("share", "words"))
    assert share["cannot_tell"] or 0 <= share["value"] <= 10
    assert isinstance(words["value"], str)
    assert words["value"]


SURE = {"variables": [{**PEOPLE["variables"][0], "cannot_tell": False}]}


def test_receipt_card_and_plan_say_that_nothing_leaves_the_server(sdk: Client, stub: Stub) -> None:
    smol, qwen = sdk.labellers()
    assert (smol.kind, smol.host, smol.model, qwen.kind) == ("local", None, MODEL, "remote")
    assert "Nothing leaves this server" in smol.sent
    plan = sdk.label_plan(str(CODED), codebook=SURE, labeller="smol")
    assert (plan.cost["rows"], plan.cost["price"]) == (36, None)
    assert "nothing leaves the server" in str(plan)
    L = sdk.label(str(CODED), codebook=SURE, labeller="smol")
    assert not L.errors
    assert L.fingerprint == plan.fingerprint
    assert L.receipt["analyser"]["analyser"] == MODEL
    assert L.receipt["analyser"]["provider"] == "torch:cpu"
    assert L.receipt["likelihoods"].startswith("1: softmax of the mean")
    assert (L.receipt["host"], L.receipt["temperature"], L.usage["rows"]) == (None, None, 36)
    assert set(L["people"].scores) == {"yes", "no"}
    other = sdk.label(str(CODED), codebook=SURE, labeller="qwen")
    M = sdk.compare_labellers({"smol": L, "qwen": other}, of="yes", codes=None)
    assert M.to_pandas()["configuration"].nunique() == 2
    assert len(stub.asked) == 36
    with pytest.raises(InvalidRequestError, match=r"temperature: got 0\.5, and smol computes"):
        sdk.label(str(CODED), codebook=SURE, labeller="smol", temperature=0.5, on_error="raise")


def test_a_prompt_that_is_too_long_fails_alone(web: httpx.Client) -> None:
    long = " ".join(["crowd"] * 12_000)
    body = {"codebook": PEOPLE, "labeller": "smol", "input": [{"text": "a crowd"}, {"text": long}], "on_error": "skip"}
    good, bad = web.post("/v1/labels", json=body).json()["data"]
    assert good["labels"]["people"]
    assert bad["error"]["code"] == "prompt_refused"
    assert "people: " in bad["error"]["message"]
    wide = {"variables": [{**PEOPLE["variables"][0], "definition": long[:5000]}], "instructions": long[:50_000]}
    several = {**wide, "variables": [{**wide["variables"][0], "name": f"v{i}"} for i in range(3)]}
    refused = web.post("/v1/labels", json={**body, "codebook": several})
    error = harness.assert_error(refused, 422, "invalid_request")
    assert "even without an item" in error["message"]


def test_a_run_and_a_corpus_compute_nothing_twice(local: Server, web: httpx.Client, tmp_path: Path) -> None:
    files = [picture(i) for i in range(4)]
    first = asked(web, PEOPLE, files[:3], run="run-87654321")
    again = asked(web, PEOPLE, files, run="run-87654321")
    assert again["usage"]["reused"] == 3
    assert [e["answers"][0]["date"] for e in again["data"][:3]] == [e["answers"][0]["date"] for e in first["data"]]
    web.delete("/v1/labels/runs/run-87654321")
    with Client(local.url, progress=False) as client:
        out = tmp_path / "labels.parquet"
        made = client.label_corpus(str(CODED), out, codebook=PEOPLE, labeller="smol")
        assert (made.items, made.labelled, made.failed, made.usage["rows"]) == (36, 36, 0, 36)
        assert "36 items in 36 rows with" in str(made)
        assert client.label_corpus(str(CODED), out, codebook=PEOPLE, labeller="smol").reused == 36
        job = client.label_job(str(CODED), codebook=PEOPLE, labeller="smol")
        client.wait(job.id)
        done = client.finished_labels(job.id)
        assert [e["labels"] for e in done.entries] == [e["labels"] for e in client.read_labels(out).entries]


def test_the_command_line_plans_and_labels(local: Server, tmp_path: Path) -> None:
    from click.testing import CliRunner

    from daguerre.cli import main

    (tmp_path / "codebook.json").write_text(json.dumps(PEOPLE))

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(main, ["--url", local.url, *arguments])
        assert done.exit_code == 0, done.output
        return done.output

    assert f"smol: {MODEL} on this server (default)" in run("labellers")
    label = ("label", str(CODED), "--codebook", str(tmp_path / "codebook.json"), "--labeller", "smol")
    planned = run(*label, "--dry-run")
    assert "people: Are people visible?\nAnswer with one of these categories" in planned
    assert "36 rows" in planned
    said = run(*label, "--permute", "categories", "-o", str(tmp_path / "labels.parquet"))
    assert said.count("people: all answers that were allowed") == 1  # one remark of all requests, printed and kept
    about = json.loads((tmp_path / "labels.answers.jsonl").read_text().splitlines()[0])
    assert about["receipt"]["kind"] == "local"
    assert any(each.startswith("people: all answers") for each in about["remarks"])


@pytest.mark.slow
def test_a_job_that_was_killed_computes_nothing_twice(home: Path, folder: Path, stub: Stub, tmp_path: Path) -> None:
    own = local_settings(tmp_path, folder, stub)
    codebook = {"variables": [{**PEOPLE["variables"][0], "name": f"v{i}"} for i in range(8)]}
    server = harness.launch(tmp_path, settings=own).wait_ready()
    try:
        with Client(server.url, progress=False) as client:
            job = client.label_job(str(CODED), codebook=codebook, labeller="smol")
            while not (found := [*(tmp_path / "home" / "jobs").glob("job_*/answers.jsonl")]):
                time.sleep(0.02)
            while len(found[0].read_bytes().splitlines()) < 4:
                time.sleep(0.01)
        for process in server.processes():
            os.kill(process.pid, signal.SIGKILL)
        server.process.wait(10)
        kept = [json.loads(line) for line in found[0].read_bytes().splitlines(keepends=True)[1:] if line[-1:] == b"\n"]
        assert 3 <= len(kept) < 36
        server = harness.launch(tmp_path, settings=own).wait_ready()
        with Client(server.url, progress=False) as client:
            client.wait(job.id)
            L = client.finished_labels(job.id)
        assert not L.errors
        assert L.usage["reused"] == len(kept)
        told = [answers[0]["likelihoods"] for answers in L.answers]
        assert all(each["likelihoods"] in told for each in kept)
        assert all(len(answers) == 1 for answers in L.answers)
    finally:
        server.stop()
