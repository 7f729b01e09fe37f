"""Videos over gRPC."""

import asyncio
from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message

from daguerre.transport.grpc.connection import GrpcConnection
from daguerre.transport.grpc.errors import encodable, expect_answer
from daguerre.transport.grpc.messages import facts, job_of, made_receipt, model_options, zero_shot_request
from daguerre.types.common import Failure
from daguerre.types.embeddings import EmbedOptions
from daguerre.types.jobs import Job
from daguerre.types.video import REPORT, Asked, ClipAnswer, FrameAnswer, Outcome, ShotAnswer, VideoAnswer
from daguerre.types.zero_shot import ZeroShotOptions
from daguerre_proto.v1 import classifiers_pb2, common_pb2, embeddings_pb2, job_answers_pb2, video_pb2, zero_shot_pb2

_SAMPLING = ("policy", "seconds", "n", "take", "apart", "drop_within", "pooling", "top_k", "thumbnail")
_DETECTOR = ("method", "threshold", "ratio", "min_content", "min_shot")


class VideoCalls(GrpcConnection):
    """Videos."""

    async def begin_video(self, file: str, sampling: Mapping[str, Any], asked: Asked) -> Job:
        with encodable():
            chosen = {name: value for name, value in sampling.items() if name != "detector"}
            video = video_pb2.Video(file=file, sampling=video_pb2.Sampling(**chosen))
            if "detector" in sampling:
                video.sampling.detector.CopyFrom(video_pb2.ShotDetector(**sampling["detector"]))
            request, kind = _request(video, asked)
        said, _ = await self._call(kind[0], request, kind[1])
        return job_of(said.job)

    async def video_answer(self, job: str) -> ClipAnswer:
        with encodable():
            request = job_answers_pb2.GetJobAnswerRequest(id=job)
        said, _ = await self._call("GetJobAnswer", request, job_answers_pb2.JobAnswer)
        with expect_answer(self._url):
            return await asyncio.to_thread(lambda: _answer(said))


def _request(video: video_pb2.Video, asked: Asked) -> tuple[Message, tuple[str, type[Any]]]:
    """The message, the method's name and its answer's kind."""
    if isinstance(asked, ZeroShotOptions):
        labelled = zero_shot_request(asked, [common_pb2.Item(video=video)])
        labelled.model_options.as_job = True
        return labelled, ("ZeroShot", zero_shot_pb2.ZeroShotResponse)
    if isinstance(asked, EmbedOptions):
        chosen = model_options(asked.model, asked.decode)
        chosen.as_job = True
        options = embeddings_pb2.EmbedOptions(model_options=chosen, dimensions=asked.dimensions)
        request = embeddings_pb2.EmbedRequest(options=options, items=[common_pb2.Item(video=video)])
        return request, ("Embed", embeddings_pb2.EmbedResponse)
    predict = classifiers_pb2.PredictRequest(
        classifier=asked.classifier,
        input=[classifiers_pb2.Post(video=video)],
        on_error=common_pb2.ON_ERROR_SKIP,
        as_job=True,
    )
    return predict, ("Predict", classifiers_pb2.PredictResponse)


def _answer(message: job_answers_pb2.JobAnswer) -> ClipAnswer:
    kind = message.WhichOneof("answer")
    if kind is None:
        raise ValueError("an answer of a kind that is not known here")
    said: Any = getattr(message, kind)
    (entry,) = said.data
    failed = entry.HasField("error")
    found = Failure(entry.error.code, entry.error.message) if failed else _video(entry, kind == "embeddings")
    return ClipAnswer(
        found=found,
        receipt=made_receipt(said.receipt) if said.HasField("receipt") else None,
        labels=list(said.labels) if kind == "predictions" else (),
        templates=list(said.templates) if kind == "zero_shot" else (),
        classifier=said.classifier if kind == "predictions" else "",
    )


def _video(entry: Any, vectors: bool) -> VideoAnswer:
    said: video_pb2.VideoResult = entry.video
    frames = [
        FrameAnswer(
            timestamp=frame.timestamp,
            shot=frame.shot if frame.HasField("shot") else None,
            dropped=frame.dropped,
            thumbnail=frame.thumbnail if frame.HasField("thumbnail") else None,
            outcome=_outcome(frame.outcome),
        )
        for frame in said.frames
    ]
    shots = [
        ShotAnswer(
            **{name: getattr(shot, name) for name in ("index", "start", "end", "frames")},
            outcome=_outcome(shot.outcome) if shot.HasField("outcome") else None,
        )
        for shot in said.shots
    ]
    looked_for = said.sampling.find_shots or said.sampling.policy == "shots"
    return VideoAnswer(
        facts=facts(said.facts),
        sampling=_sampling(said.sampling),
        outcome=Outcome(vector=entry.vector) if vectors else _outcome(entry),
        frames=frames,
        shots=shots if looked_for else None,
        report={name: getattr(said.report, name) for name in REPORT},
        decoder=said.decoder,
    )


def _outcome(said: Any) -> Outcome:
    """Of an Outcome, a Scored or a Predicted: each has some of the fields."""
    many = ("scores", "cosines", "probabilities")
    found: dict[str, Any] = {}
    for field, value in said.ListFields():
        if field.name in many:
            found[field.name] = list(value)
        elif field.name in ("vector", "label", "none_score", "value", "low", "high"):
            found[field.name] = value
    return Outcome(**found)


def _sampling(said: video_pb2.Sampling) -> dict[str, Any]:
    """As over HTTP."""
    made: dict[str, Any] = {name: getattr(said, name) if said.HasField(name) else None for name in _SAMPLING}
    detector = {name: getattr(said.detector, name) for name in _DETECTOR} if said.HasField("detector") else None
    return {**made, "find_shots": said.find_shots, "detector": detector}
