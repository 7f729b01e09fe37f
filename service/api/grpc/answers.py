"""Conversion of the answers of operations, and of their jobs, to gRPC messages."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from daguerre_proto.v1 import (
    analyses_pb2,
    captions_pb2,
    classifiers_pb2,
    common_pb2,
    embeddings_pb2,
    job_answers_pb2,
    video_pb2,
    zero_shot_pb2,
)
from service.api.grpc import messages
from service.api.grpc.messages import filled
from service.context import Context
from service.pipelines import answers as json_answers
from service.pipelines import jobs, video_jobs
from service.pipelines.operation import Call, Operation

Answer = Mapping[str, Any]


def embeddings(answer: Answer, *, first: int = 0) -> embeddings_pb2.EmbedResponse:
    """Convert an answer; indices count from `first`. The dimension is 0 where there is no vector."""
    data = [
        embeddings_pb2.Embedding(
            index=first + entry["index"],
            id=entry.get("id"),
            vector=_bytes(entry["embedding"]) if "embedding" in entry else None,
            error=_error(entry),
            crop=_crop(entry),
            video=_video(entry, []),
        )
        for entry in answer["data"]
    ]
    return embeddings_pb2.EmbedResponse(
        model=answer["model"],
        receipt=messages.receipt(answer["receipt"]),
        dimension=max((len(each.vector) // 4 for each in data), default=0),
        data=data,
        truncated=[first + i for i in answer["truncated"]],
        unknown=[first + i for i in answer["unknown"]],
        first_of_many=[first + i for i in answer.get("first_of_many", ())],  # a newer field than some jobs' answers
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
        unknown=answer["unknown"],
        first_of_many=answer.get("first_of_many", ()),
        preset=answer.get("preset"),
        notice=answer.get("notice"),
        data=[
            zero_shot_pb2.Scored(
                index=entry["index"],
                id=entry.get("id"),
                label=entry.get("label"),
                scores=entry.get("scores", ()),
                cosines=entry.get("cosines", ()),
                none_score=entry.get("none_score"),
                error=_error(entry),
                crop=_crop(entry),
                video=_video(entry, []),
            )
            for entry in answer["data"]
        ],
    )
    if answer["negatives"] is not None:
        made.negatives.values.extend(answer["negatives"])
    if answer.get("prompts") is not None:
        made.prompts.values.extend(answer["prompts"])
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
                set=entry.get("set", ()),
                error=_error(entry),
                crop=_crop(entry),
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
        unknown=answer["unknown"],
        first_of_many=answer.get("first_of_many", ()),
        coverage=answer.get("coverage"),  # answers of jobs of an earlier version have none
        each_class=answer.get("each_class", False),
        remarks=answer.get("remarks", ()),
        receipt=None if answer["receipt"] is None else messages.receipt(answer["receipt"]),
    )


def analyses(answer: Answer) -> analyses_pb2.AnalyseResponse:
    made = analyses_pb2.Analyses(answer_json=json_answers.to_json(answer).decode())
    return analyses_pb2.AnalyseResponse(analyses=made)


def captions(answer: Answer) -> captions_pb2.CaptionResponse:
    made = captions_pb2.Captions(answer_json=json_answers.to_json(answer).decode())
    return captions_pb2.CaptionResponse(captions=made)


@dataclass(frozen=True)
class Converter:
    """The response of an operation.

    Attributes
    ----------
    response : its type, which has a field `job`.
    field : its field in a JobAnswer.
    convert : converts an answer.
    """

    response: type[Message]
    field: str
    convert: Callable[[Answer], Message]


CONVERTERS: Mapping[str, Converter] = {
    "embeddings": Converter(embeddings_pb2.EmbedResponse, "embeddings", embeddings),
    "zero_shot": Converter(zero_shot_pb2.ZeroShotResponse, "zero_shot", zero_shot),
    "analyses": Converter(analyses_pb2.AnalyseResponse, "analyses", analyses),
    "captions": Converter(captions_pb2.CaptionResponse, "captions", captions),
    "predict": Converter(classifiers_pb2.PredictResponse, "predictions", predictions),
}


def job_answer(operation: str, answer: Answer) -> job_answers_pb2.JobAnswer:
    converter = CONVERTERS[operation]
    made = job_answers_pb2.JobAnswer()
    getattr(made, converter.field).MergeFrom(converter.convert(answer))
    return made


async def operation_response(
    context: Context, operation: Operation[Any], call: Call[Any], owner: str | None
) -> Message:
    """The answer of a call, or its job in mode `job`."""
    converter = CONVERTERS[operation.name]
    if call.options.mode == "job":
        begun = await video_jobs.submit(context.jobs, operation, call, owner=owner)
        return converter.response(job=messages.job(jobs.job_record(begun)))
    answer = await operation.run(call)
    if json_answers.is_small(answer):
        return converter.convert(answer)
    return await call.engine.compute(lambda check: converter.convert(answer))


def _error(entry: Answer) -> common_pb2.ItemError | None:
    return common_pb2.ItemError(**entry["error"]) if "error" in entry else None


def _crop(entry: Answer) -> common_pb2.Crop | None:
    return common_pb2.Crop(**entry["crop"]) if "crop" in entry else None


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


def _bytes(given: bytes | str | Sequence[float] | NDArray[np.float32]) -> bytes:
    """Bytes of a vector or a thumbnail. The answer of a job comes from JSON: base64, or numbers."""
    if isinstance(given, bytes):
        return given
    return base64.b64decode(given) if isinstance(given, str) else np.asarray(given, "<f4").tobytes()
