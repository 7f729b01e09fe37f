"""Answers of a labeller: that no label is guessed, and that estimates by them are corrected."""

import csv
import json
import math
from pathlib import Path

import httpx
import pytest

from daguerre import Client
from tests.e2e import harness
from tests.e2e.harness import Server
from tests.e2e.labels.common import CODED, PEOPLE, post
from tests.label_stub import KEY, Action, Stub, by_hash, completion

pytestmark = pytest.mark.filterwarnings("ignore")


BAD_ANSWERS = {
    "prose": ("I think there are people.", "invalid_answer", 3),
    "a thought alone": ("<think>yes</think>", "invalid_answer", 3),
    "a thought without an end": ('<think>yes {"people": "yes"}', "invalid_answer", 3),
    "a refusal in words": ("I'm sorry, but I cannot judge people.", "invalid_answer", 3),
    "another key": ('{"people": "yes", "more": 1}', "invalid_answer", 3),
    "a key twice": ('{"people": "yes", "people": "no"}', "invalid_answer", 3),
    "cut JSON": ('{"people": "ye', "invalid_answer", 3),
    "two objects": ('{"people": "yes"}{"people": "no"}', "invalid_answer", 3),
    "a number": ('{"people": 1}', "invalid_answer", 3),
    "a category that there is not": ('{"people": "Yes"}', "unknown_category", 3),
    "empty": (completion(None), "invalid_answer", 3),
    "refusal": (completion(None, refusal="I cannot help with that."), "refused", 3),
    "filtered": (completion("", finish_reason="content_filter"), "refused", 3),
    "cut off": (completion('{"people": ', finish_reason="length"), "truncated_answer", 1),
    "not a completion": (Action(200, {}, b"[]"), "invalid_answer", 3),
    "no such model": (Action(404, {}, KEY.encode()), "labeller_refused", 1),
    "down": (Action(502, {}, b""), "labeller_failed", 2),
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_no_label_is_guessed(name: str, http: httpx.Client, stub: Stub) -> None:
    answer, code, times = BAD_ANSWERS[name]
    stub.answer = lambda asked: answer
    [entry] = post(http, on_error="skip").json()["data"]
    assert entry["error"]["code"] == code, entry
    assert "labels" not in entry
    assert len(stub.asked) == times
    assert KEY not in json.dumps(entry)
    if code != "labeller_refused" and times == 3 and name != "not a completion":
        assert [each["problem"] for each in entry["answers"]] == [code] * 3
        assert len({asked.body["seed"] for asked in stub.asked}) == 3
    harness.assert_error(post(http), 422, code)


def test_a_wrong_answer_is_asked_for_again(http: httpx.Client, stub: Stub) -> None:
    stub.answer = lambda asked: "no idea" if asked.number == 0 else '```json\n{"people": "cannot tell"}\n```'
    answer = post(http, labeller="gemma").json()
    [entry] = answer["data"]
    assert entry["labels"]["people"] == {"value": None, "cannot_tell": True, "probabilities": None, "covered": None}
    assert [each["problem"] for each in entry["answers"]] == ["invalid_answer", None]
    assert answer["usage"]["answers"] == 2
    assert "response_format" not in stub.asked[0].body


def test_half_a_surrogate_pair_spoils_one_item_alone(client: Client, stub: Stub) -> None:
    """JSON can write it, and nothing else: an answer of it has no labels, and what the endpoint tells is mended."""
    half, good = "\ud800", '{"words": "fine"}'
    tokens = [{"token": f"{half}a", "logprob": float("-inf"), "top_logprobs": [{"token": half, "logprob": 10**400}]}]
    told = {"model": f"m{half}", "system_fingerprint": half, "finish_reason": f"stop{half}"}
    by_item = {
        "escaped": '{"words": "\\ud800"}',
        "a name": '{"words": "fine", "\\ud800": 1}',
        "raw": completion(f'{{"words": "{half}"}}'),
        "refused": completion(None, refusal=half),
        "told": completion(good, **told, logprobs={"content": tokens}),
    }
    stub.answer = lambda asked: by_item.get(asked.item, good)
    codebook = {"variables": [{"name": "words", "kind": "text"}]}
    texts = ["good", *by_item]
    job = client.label_job(texts=texts, codebook=codebook, labeller="sure")
    client.wait(job.id)
    for L in (
        client.label(texts=texts, codebook=codebook, labeller="sure"),
        client.finished_labels(job.id, ids=texts),
    ):
        codes = [entry.get("error", {}).get("code") for entry in L.entries]
        assert codes == [None, *["invalid_answer"] * 4, None]
        assert L.receipt["models"] == ["m\ufffd", "stub-2026-11"]
        assert L.answers[-1][0]["finish_reason"] == "stop\ufffd"
        assert [each["text"] for each in L.answers[3]] == ['{"words": "\ufffd"}'] * 3


@pytest.mark.parametrize(
    "around",
    [
        '<think>A crowd? {"people": "no"}</think>\n\nANSWER',
        "\n<think>\n</think>```json\nANSWER\n```",
        "The template began the thought.\n</think>\nANSWER",
        "```\nANSWER\n```\n",
    ],
)
def test_a_thought_and_a_fence_are_left_out(around: str, http: httpx.Client, stub: Stub) -> None:
    given = '{"people": "yes"}'
    begin, end = around.split("ANSWER")
    top = [{"token": "yes", "logprob": math.log(0.6)}, {"token": "no", "logprob": math.log(0.4)}]
    tokens = [
        {"token": f'{begin}{{"people": "', "logprob": 0.0},
        {"token": "yes", "logprob": math.log(0.6), "top_logprobs": top},
        {"token": f'"}}{end}', "logprob": 0.0},
    ]
    stub.answer = lambda asked: completion(begin + given + end, logprobs={"content": tokens})
    [entry] = post(http, labeller="sure").json()["data"]
    label = entry["labels"]["people"]
    assert (label["value"], label["probabilities"]["yes"]) == ("yes", pytest.approx(0.6))
    assert entry["answers"][0]["text"] == begin + given + end


def test_probabilities_come_from_the_tokens(client: Client, stub: Stub) -> None:
    def token(text: str, **others: float) -> dict:
        top = [{"token": each, "logprob": math.log(p)} for each, p in others.items()]
        own = math.log(others[text.strip('"')]) if others else 0.0
        return {"token": text, "logprob": own, "top_logprobs": top}

    tokens = [token('{"people": "'), token("yes", yes=0.7, no=0.2, can=0.05), token('"}')]
    stub.answer = lambda asked: completion('{"people": "yes"}', logprobs={"content": tokens})
    L = client.label(texts=["a crowd", "b"], codebook=PEOPLE, labeller="sure")
    label = L.entries[0]["labels"]["people"]
    assert label["probabilities"] == pytest.approx({"yes": 0.7 / 0.95, "no": 0.2 / 0.95, "cannot tell": 0.05 / 0.95})
    assert label["covered"] == pytest.approx(0.95)
    assert stub.asked[0].body["top_logprobs"] == 20
    assert L["people"].scores["yes"] == pytest.approx([0.7 / 0.95] * 2)
    stub.answer = by_hash
    without = client.label(texts=["a crowd"], codebook=PEOPLE, labeller="sure")
    assert without.entries[0]["labels"]["people"]["probabilities"] is None


def test_labels_are_validated_and_estimates_are_corrected(labelling: Server, stub: Stub, tmp_path: Path) -> None:
    """The stub errs in a known share of the coded parts of photos: the correction brings the share back."""
    with open(harness.ROOT / "examples" / "labels.csv", encoding="utf-8") as file:
        truth = {Path(row["path"]).name: "yes" if row["target"] == "cat" else "no" for row in csv.DictReader(file)}
    ids = sorted(truth)
    told = {id: truth[id] if i % 5 else "yes" for i, id in enumerate(ids)}  # of each fifth it always says yes
    with Client(labelling.url, progress=False, in_flight=1, chunk_items=1) as client:
        client.label([str(CODED / id) for id in ids], codebook=PEOPLE)
        assert len(stub.asked) == len(ids) == 36
        known = {asked.item: told[id] for asked, id in zip(stub.asked, ids, strict=True)}
        stub.answer = lambda asked: json.dumps({"people": known[asked.item]})
        A = client.label(str(CODED), codebook=PEOPLE)
        B = client.label(str(CODED), codebook=PEOPLE, labeller="gemma", category_order="permuted", seed=1)
        wrong = sum(told[id] != truth[id] for id in truth)
        assert wrong > 0
        V = client.validate(A["people"], truth, positive="yes")
        assert V.figures["accuracy"].value == pytest.approx(1 - wrong / 36)
        coded = {"id": ids[::2] + ids[1::4], "code": [truth[id] for id in ids[::2] + ids[1::4]]}
        coded["inclusion_prob"] = [27 / 36] * 27
        E = client.estimate({"id": ids}, coded, predictions={"qwen": A["people"]}, positive="yes")
        share, naive = (sum(v == "yes" for v in each.values()) / 36 for each in (truth, told))
        [row] = E.to_pandas().to_dict("records")[:1]
        assert row["low"] <= share <= row["high"]
        assert abs(E.value - share) < abs(naive - share)
        M = client.compare_labellers({"qwen": A, "gemma": B}, of="yes", codes=coded)
        assert M.to_pandas()["configuration"].nunique() == 2
        with pytest.raises(ValueError, match="two results"):
            client.compare_labellers({"qwen": A}, of="yes")
