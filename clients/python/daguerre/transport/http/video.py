"""Videos over HTTP."""

import asyncio
import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from daguerre.transport.http.body import expect_answer, zero_shot_fields
from daguerre.transport.http.connection import JSON, HttpConnection
from daguerre.types.common import Failure, receipt
from daguerre.types.embeddings import EmbedOptions
from daguerre.types.jobs import Job, job
from daguerre.types.video import REPORT, Asked, ClipAnswer, FrameAnswer, Outcome, ShotAnswer, VideoAnswer
from daguerre.types.zero_shot import ZeroShotOptions


class VideoCalls(HttpConnection):
    """Videos."""

    async def begin_video(self, file: str, sampling: Mapping[str, Any], asked: Asked) -> Job:
        if isinstance(asked, EmbedOptions):
            path = "/v1/embeddings"
            options = {"model": asked.model, "decode": asked.decode, "dimensions": asked.dimensions}
            options["encoding_format"] = "base64"
        elif isinstance(asked, ZeroShotOptions):
            path, options = "/v1/zero-shot", zero_shot_fields(asked)
        else:
            path, options = f"/v1/classifiers/{quote(asked.classifier, safe='@')}/predict", {}
        item = {"video": {"file": file}, "sampling": dict(sampling)}
        body = {name: value for name, value in options.items() if value is not None}
        sent = json.dumps({**body, "on_error": "skip", "mode": "job", "input": [item]}).encode()
        said, _ = await self._ask("POST", path, content=sent, headers=JSON)
        with expect_answer(self._url):
            return job(said)

    async def video_answer(self, job: str) -> ClipAnswer:
        answer = await self._good("GET", f"/v1/jobs/{quote(job, safe='')}/answer")
        with expect_answer(self._url):
            return await asyncio.to_thread(lambda: _answer(json.loads(answer.content)))


def _answer(said: Mapping[str, Any]) -> ClipAnswer:
    (entry,) = said["data"]
    labels = said["labels"] if "classifier" in said else ()
    error = entry.get("error")
    made = said["receipt"]
    return ClipAnswer(
        found=_video(entry, labels) if error is None else Failure(error["code"], error["message"]),
        receipt=None if made is None else receipt(made),
        labels=labels,
        templates=said.get("templates", ()),
        classifier=said.get("classifier", ""),
    )


def _video(entry: Mapping[str, Any], labels: Any) -> VideoAnswer:
    video = dict(entry["video"])
    frames, shots = video.pop("frames"), video.pop("shots")
    sampling, report, decoder = video.pop("sampling"), video.pop("report"), video.pop("decoder")
    return VideoAnswer(
        facts=video,
        sampling=sampling,
        outcome=_outcome(entry, labels),
        frames=[
            FrameAnswer(
                timestamp=frame["timestamp"],
                shot=frame["shot"],
                dropped=frame["dropped"],
                thumbnail=b64decode(frame["thumbnail"]) if "thumbnail" in frame else None,
                outcome=_outcome(frame, labels),
            )
            for frame in frames
        ],
        shots=None
        if shots is None
        else [
            ShotAnswer(
                **{name: shot[name] for name in ("index", "start", "end", "frames")},
                outcome=_outcome(shot, labels) if shot["frames"] else None,
            )
            for shot in shots
        ],
        report={name: report[name] for name in REPORT},
        decoder=decoder,
    )


def _outcome(entry: Mapping[str, Any], labels: Any) -> Outcome:
    low, high = entry.get("interval") or (None, None)
    return Outcome(
        vector=b64decode(entry["embedding"]) if "embedding" in entry else None,
        label=entry.get("label"),
        scores=entry.get("scores", ()),
        cosines=entry.get("cosines", ()),
        none_score=entry.get("none_score"),
        probabilities=[entry["probabilities"][label] for label in labels] if "probabilities" in entry else (),
        value=entry.get("value"),
        low=low,
        high=high,
    )
