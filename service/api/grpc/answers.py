"""Conversion of JSON answers to gRPC messages: zero-shot, predictions, videos, and job answers.

Embeddings without videos are converted in messages.py, without base64.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from daguerre_proto.v1 import classifiers_pb2, common_pb2, embeddings_pb2, job_answers_pb2, video_pb2, zero_shot_pb2
from service.api.grpc import messages
from service.api.grpc.messages import filled
from service.pipelines.video_jobs import Operation

Answer = Mapping[str, Any]


def embeddings(answer: Answer) -> embeddings_pb2.EmbedResponse:
    """Convert an answer whose vectors are in base64."""
    data = []
    for entry in answer["data"]:
        vector = _bytes(entry["embedding"]) if "embedding" in entry else None
        video = _video(entry, [])
        data.append(
            embeddings_pb2.Embedding(
                index=entry["index"], id=entry.get("id"), vector=vector, error=_error(entry), video=video
            )
        )
    return embeddings_pb2.EmbedResponse(
        model=answer["model"],
        receipt=messages.receipt(answer["receipt"]),
        dimension=max((len(each.vector) // 4 for each in data), default=0),
        data=data,
        truncated=answer["truncated"],
        prompt_tokens=answer["usage"]["prompt_tokens"],
    )


def zero_shot(answer: Answer) -> zero_shot_pb2.ZeroShotResponse:
    made = zero_shot_pb2.ZeroShotResponse(
        model=answer["model"],
        receipt=messages.receipt(answer["receipt"]),
        labels=answer["labels"],
        templates=answer["templates"],
        logit_scale=answer["logit_scale"],
        truncated=answer["truncated"],
        data=[
            zero_shot_pb2.Scored(
                index=entry["index"],
                id=entry.get("id"),
                label=entry.get("label"),
                scores=entry.get("scores", ()),
                cosines=entry.get("cosines", ()),
                none_score=entry.get("none_score"),
                error=_error(entry),
                video=_video(entry, []),
            )
            for entry in answer["data"]
        ],
    )
    if answer["negatives"] is not None:
        made.negatives.values.extend(answer["negatives"])
    return made


def predictions(answer: Answer) -> classifiers_pb2.PredictResponse:
    labels = answer["labels"]
    data = []
    for entry in answer["data"]:
        low, high = entry.get("interval") or (None, None)
        data.append(
            classifiers_pb2.Predicted(
                index=entry["index"],
                id=entry.get("id"),
                label=entry.get("label"),
                probabilities=[entry["probabilities"][label] for label in labels] if "probabilities" in entry else (),
                value=entry.get("value"),
                low=low,
                high=high,
                crossed=entry.get("crossed", ()),
                error=_error(entry),
                video=_video(entry, labels),
            )
        )
    return classifiers_pb2.PredictResponse(
        classifier=answer["classifier"],
        task=answer["task"],
        labels=labels,
        data=data,
        model=answer["model"],
        truncated=answer["truncated"],
        receipt=None if answer["receipt"] is None else messages.receipt(answer["receipt"]),
    )


def job_answer(operation: Operation, answer: Answer) -> job_answers_pb2.JobAnswer:
    if operation == "embeddings":
        return job_answers_pb2.JobAnswer(embeddings=embeddings(answer))
    if operation == "zero_shot":
        return job_answers_pb2.JobAnswer(zero_shot=zero_shot(answer))
    return job_answers_pb2.JobAnswer(predictions=predictions(answer))


def _error(entry: Answer) -> common_pb2.ItemError | None:
    return common_pb2.ItemError(**entry["error"]) if "error" in entry else None


def _video(entry: Answer, labels: Sequence[str]) -> video_pb2.VideoResult | None:
    if "video" not in entry:
        return None
    block = entry["video"]
    made = video_pb2.VideoResult(
        facts=filled(video_pb2.VideoFacts, block),
        sampling=_sampled(block["sampling"]),
        report=video_pb2.VideoReport(**block["report"]),
        decoder=block["decoder"],
    )
    for frame in block["frames"]:
        thumbnail = _bytes(frame["thumbnail"]) if "thumbnail" in frame else None
        made.frames.add(
            **{name: frame[name] for name in ("index", "timestamp", "shot", "dropped")},
            times=frame.get("times", 1),  # answers of jobs that are older than the field
            thumbnail=thumbnail,
            outcome=_outcome(frame, labels),
        )
    for shot in block["shots"] or ():
        made.shots.add(
            **{name: shot[name] for name in ("index", "start", "end", "frames")},
            outcome=_outcome(shot, labels) if shot["frames"] else None,
        )
    return made


def _outcome(entry: Answer, labels: Sequence[str]) -> video_pb2.Outcome:
    low, high = entry.get("interval") or (None, None)
    return video_pb2.Outcome(
        vector=_bytes(entry["embedding"]) if "embedding" in entry else None,
        label=entry.get("label"),
        scores=entry.get("scores", ()),
        cosines=entry.get("cosines", ()),
        none_score=entry.get("none_score"),
        probabilities=[entry["probabilities"][label] for label in labels] if "probabilities" in entry else (),
        value=entry.get("value"),
        low=low,
        high=high,
    )


def _sampled(fields: Answer) -> video_pb2.Sampling:
    known = {name: value for name, value in fields.items() if value is not None and name != "detector"}
    detector = fields.get("detector")
    return video_pb2.Sampling(**known, detector=None if detector is None else video_pb2.ShotDetector(**detector))


def _bytes(given: str | Sequence[float]) -> bytes:
    """Decode base64, or pack numbers: a job's answer has those unless base64 was requested."""
    return base64.b64decode(given) if isinstance(given, str) else np.asarray(given, "<f4").tobytes()
