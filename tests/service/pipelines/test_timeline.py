"""The numbers of a video's timeline are those of the answer, whichever request made it; anything else is refused."""

import asyncio
import base64
import copy
import json
import re
from typing import Any

import numpy as np
import pytest

from daguerre_proto.v1 import job_answers_pb2
from models.pages import timeline as pages
from service.api.grpc import answers
from service.api.grpc.methods.timeline import _answer
from service.api.http.examples import EXAMPLES
from service.errors import Unprocessable
from service.pipelines import timeline as pipeline
from service.schemas.timeline import AnswerWithVideo

ZERO_SHOT = EXAMPLES["ZeroShotAnswer"]["a video"]
JPEG = b"\xff\xd8 a picture"


def answer(kind: str) -> dict[str, Any]:
    """An answer about a video of two frames and two shots."""
    made = copy.deepcopy(ZERO_SHOT)
    (entry,) = made["data"]
    video = entry["video"]
    for number, result in enumerate([*video["frames"], *video["shots"], entry]):
        scores = result["scores"]
        if kind == "zero_shot":
            result.setdefault("cosines", scores)
            continue
        del result["scores"]
        if kind == "embeddings":
            result["embedding"] = [scores[0], scores[1], float(number)]
        elif kind == "probabilities":
            result["probabilities"] = dict(zip(made["labels"][::-1], scores[::-1], strict=True))
        else:
            result |= {"value": 10 * scores[0], "interval": [None, None]}
    video["frames"][1]["thumbnail"] = base64.b64encode(JPEG).decode()
    if kind in ("probabilities", "value"):
        made |= {"classifier": "protest@2", "task": "binary", "labels": made["labels"] if kind != "value" else []}
    if kind == "embeddings":
        made |= {"usage": {"prompt_tokens": 0, "total_tokens": 0}}
    return made


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[pages.Timeline]:
    """The record from which the page is drawn."""
    content: list[pages.Timeline] = []

    def page(timeline: pages.Timeline) -> str:
        content.append(timeline)
        return pages.page(timeline)

    monkeypatch.setattr(pipeline, "page", page)
    return content


def ask(content: Any, *, index: int | None = None, title: str | None = None) -> str:
    return page_of(AnswerWithVideo.model_validate_json(json.dumps(content)), index=index, title=title)


class Direct:
    """An engine that computes at once, for pages that blur nothing."""

    async def compute(self, work: Any) -> Any:
        return work(lambda: None)


def page_of(answer: AnswerWithVideo, *, index: int | None = None, title: str | None = None) -> str:
    return asyncio.run(pipeline.timeline(Direct(), lambda _: answer, index=index, title=title, pictures="thumbnails"))


def _page(request: job_answers_pb2.VideoTimelineRequest) -> str:
    index = request.index if request.HasField("index") else None
    title = request.title if request.HasField("title") else None
    return page_of(_answer(request), index=index, title=title)


@pytest.mark.parametrize("kind", ["zero_shot", "probabilities"])
def test_each_label_is_a_curve(drawn: list[pages.Timeline], kind: str):
    html = ask(answer(kind))
    (timeline,) = drawn
    assert timeline.labels == ["a bicycle", "a car"]
    assert timeline.timestamps.tolist() == [0.0, 2.0]
    assert timeline.rows.tolist() == [[0.3, 0.7], [0.9, 0.1]]
    assert timeline.pooled.tolist() == [0.6, 0.4]
    assert timeline.shots is not None
    assert [(shot.start, shot.end, shot.frames) for shot in timeline.shots] == [(0.0, 1.2, 1), (1.2, 4.0, 1)]
    assert [shot.pooled.tolist() for shot in timeline.shots] == [[0.3, 0.7], [0.9, 0.1]]
    assert list(timeline.thumbnails) == [None, JPEG]
    assert timeline.name == "bikes.mp4"
    assert ("not calibrated" in html, "protest@2" in html) == (kind == "zero_shot", kind != "zero_shot")
    assert "0123456789abcdef" in html


def test_a_value_is_a_curve(drawn: list[pages.Timeline]):
    ask(answer("value"), title="another name")
    (timeline,) = drawn
    assert (timeline.name, timeline.labels) == ("another name", ["value"])
    assert timeline.rows.tolist() == [[3.0], [9.0]]
    assert timeline.pooled.tolist() == [6.0]


@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_vectors_are_drawn_as_cosines(drawn: list[pages.Timeline], encoding: str):
    content = answer("embeddings")
    (entry,) = content["data"]
    frames = np.array([frame["embedding"] for frame in entry["video"]["frames"]])
    whole = np.array(entry["embedding"])
    if encoding == "base64":
        for result in (entry, *entry["video"]["frames"], *entry["video"]["shots"]):
            result["embedding"] = base64.b64encode(np.array(result["embedding"], "<f4").tobytes()).decode()
    ask(content)
    (timeline,) = drawn
    norms = np.linalg.norm(frames, axis=1)
    wanted = frames @ whole / norms / np.linalg.norm(whole)
    assert timeline.rows[:, 0] == pytest.approx(wanted, abs=1e-6)
    assert np.isnan(timeline.rows[0, 1])
    assert timeline.rows[1, 1] == pytest.approx(frames[0] @ frames[1] / norms.prod(), abs=1e-6)
    assert timeline.pooled == pytest.approx([wanted.mean(), timeline.rows[1, 1]], abs=1e-6)
    assert timeline.shots is not None
    assert [shot.pooled[0] for shot in timeline.shots] == pytest.approx(wanted, abs=1e-6)


def printed(page: str) -> str:
    """A page without the digits behind its rounded numbers, which messages carry in float32."""
    return re.sub(r'<data value="[^"]*">', "<data>", page)


@pytest.mark.parametrize("kind", ["zero_shot", "probabilities", "value", "embeddings"])
@pytest.mark.parametrize("shots", [True, False])
def test_grpc_gives_the_same_page(kind: str, shots: bool):
    content = answer(kind)
    if not shots:
        content["data"][0]["video"]["shots"] = None
    operation: Any = {"zero_shot": "zero_shot", "embeddings": "embeddings"}.get(kind, "predict")
    message = job_answers_pb2.VideoTimelineRequest(answer=answers.job_answer(operation, content))
    assert printed(_page(message)) == printed(ask(content))
    message.index, message.title = 0, "other"
    assert printed(_page(message)) == printed(ask(content, title="other"))


def test_unknown_fields_are_ignored():
    content = answer("zero_shot")
    later = copy.deepcopy(content)
    for place in (
        *(later, later["data"][0], later["data"][0]["video"], later["data"][0]["video"]["sampling"]),
        *(later["data"][0]["video"]["frames"][0], later["receipt"]),
    ):
        place["of a later version"] = {"a": 1}
    assert ask(later) == ask(content)


def test_a_client_may_leave_out_what_is_null():
    content = answer("zero_shot")
    short = copy.deepcopy(content)
    del short["receipt"]["notice"]
    content["data"][0]["video"]["frame_rate"] = None
    del short["data"][0]["video"]["frame_rate"]
    assert ask(short) == ask(content)


def test_a_shot_without_a_frame_has_no_numbers():
    content = answer("zero_shot")
    shot = content["data"][0]["video"]["shots"][0]
    del shot["scores"]
    shot["frames"] = 0
    assert ask(content).count("<td>–</td>") == 2


def test_the_video_is_chosen_by_its_index(drawn: list[pages.Timeline]):
    content = answer("zero_shot")
    (entry,) = content["data"]
    image = {"index": 1, "scores": [0.5, 0.5], "cosines": [0, 0]}
    failed = {"index": 2, "error": {"code": "invalid_video", "message": "x"}}
    content["data"] = [image, entry, failed]
    ask(content)
    content["data"] = [image, entry, failed, {**entry, "id": "second"}]
    ask(content, index=3)
    assert [each.name for each in drawn] == ["bikes.mp4", "second"]
    for index in (None, 0, 2, 4, -1):
        with pytest.raises(Unprocessable, match=r"choose one of 1, 3$") as caught:
            ask(content, index=index)
        assert caught.value.param == "index"


def broken(kind: str, path: str, value: Any) -> dict[str, Any]:
    """An answer with another value at `path` of its entry; `...` removes it."""
    content = answer(kind)
    place: Any = content["data"][0]
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        place = place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (broken("zero_shot", "video.frames", []), "frames: is empty"),
        (broken("zero_shot", "video.frames.0.scores", ...), r"frames\[0\]: has no scores"),
        (broken("zero_shot", "video.frames.1.scores", ...), r"frames\[1\]: has no scores"),
        (broken("zero_shot", "video.frames.1.scores", [0.1]), r"frames\[1\]: has 1 numbers for 2 labels"),
        (broken("zero_shot", "video.shots.1.scores", [0.1]), r"shots\[1\]: has 1 numbers for 2 labels"),
        (broken("zero_shot", "scores", ...), r"data\[0\]: has no scores"),
        ({**answer("zero_shot"), "labels": []}, "labels: is empty"),
        (broken("probabilities", "video.frames.1.probabilities", {"a car": 1}), r"frames\[1\].*lacks 'a bicycle'"),
        (broken("embeddings", "video.frames.1.embedding", [1.0]), r"frames\[1\].embedding: has 1 numbers.* 3"),
        (broken("embeddings", "embedding", ...), r"frames\[0\].embedding: has 3 numbers.* 0"),
        (broken("zero_shot", "video", ...), "data: has no video"),
    ],
)
def test_an_answer_without_its_numbers_is_refused(content: dict[str, Any], message: str):
    with pytest.raises(Unprocessable, match=message):
        ask(content)


@pytest.mark.parametrize(
    "content",
    [
        broken("zero_shot", "video.frames.0.timestamp", -1.0),
        broken("zero_shot", "video.frames.0.scores.0", float("inf")),
        broken("zero_shot", "video.duration", float("nan")),
        broken("zero_shot", "video.frames.0.thumbnail", "no base64!"),
        broken("embeddings", "embedding", base64.b64encode(b"12345").decode()),
        broken("embeddings", "embedding", base64.b64encode(np.array([np.nan] * 3, "<f4").tobytes()).decode()),
        broken("zero_shot", "video.sampling.policy", "often"),
    ],
)
def test_numbers_that_cannot_be_drawn_are_refused(content: dict[str, Any]):
    with pytest.raises(ValueError):  # noqa: PT011 - pydantic's, which the transports explain
        ask(content)
