"""The gRPC method of the timeline of a video."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast, get_args

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from daguerre_proto.v1 import classifiers_pb2, job_answers_pb2
from models.errors import quoted
from service.api.grpc.messages import receipt_fields
from service.api.grpc.methods.base import Method
from service.context import Context
from service.errors import Unprocessable
from service.pipelines import timeline as pipeline
from service.schemas.clusters import PageMode
from service.schemas.timeline import AnswerWithVideo
from service.schemas.validation import validated

Fields = dict[str, Any]


class TimelineMethods:
    """Methods for the timeline of a video."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def methods(self) -> Iterator[Method]:
        """The methods of this feature."""
        yield "VideoTimeline", "timeline", job_answers_pb2.VideoTimelineRequest, self._timeline

    async def _timeline(self, request: job_answers_pb2.VideoTimelineRequest, owner: str | None) -> Message:
        mode = request.pictures or "blurred"
        if mode not in get_args(PageMode):
            raise Unprocessable(f"pictures: got {quoted(mode)}; use {', '.join(get_args(PageMode))}", param="pictures")
        html = await pipeline.timeline(
            self._context.engine(),
            lambda check: _answer(request),
            index=request.index if request.HasField("index") else None,
            title=request.title if request.HasField("title") else None,
            pictures=cast(PageMode, mode),
        )
        return classifiers_pb2.ReportPageResponse(html=html)


def _answer(request: job_answers_pb2.VideoTimelineRequest) -> AnswerWithVideo:
    """The answer that is to be drawn. Raises Unprocessable."""
    kind = request.answer.WhichOneof("answer")
    if kind is None:
        raise Unprocessable("answer: is missing; it is required", param="answer")
    if kind in ("analyses", "captions"):
        raise Unprocessable("answer: is one of Analyse or Caption, which has no timeline; use its page", param="answer")
    answer = getattr(request.answer, kind)
    labels = list(getattr(answer, "labels", ()))
    fields = {
        "data": [_entry(_fields(entry), labels) for entry in answer.data],
        "labels": labels,
        "classifier": getattr(answer, "classifier", None) or None,
        "receipt": receipt_fields(answer.receipt) if answer.HasField("receipt") else None,
    }
    return validated(AnswerWithVideo, fields)


def _fields(message: Message) -> Fields:
    """All fields of a message except absent ones; fields without presence have their default value.

    Numbers of 32 bits become the shortest decimal that stands for them, as in JSON.
    """
    fields: Fields = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.type == FieldDescriptor.TYPE_FLOAT:
            several = hasattr(value, "extend")
            value = [_shortest(each) for each in value] if several else _shortest(value)
        if hasattr(value, "extend"):
            fields[field.name] = [_fields(each) for each in value] if field.message_type else list(value)
        elif not field.has_presence or message.HasField(field.name):
            fields[field.name] = _fields(value) if field.message_type else value
    return fields


def _shortest(value: float) -> float:
    """The decimal with the fewest digits that is `value`, a number of 32 bits."""
    return float(str(np.float32(value)))


def _entry(entry: Fields, labels: Sequence[str]) -> Fields:
    """The entry of an item in its JSON form."""
    fields = {**_result(entry, labels), "id": entry.get("id")}
    if (video := entry.get("video")) is not None:
        frames, shots = (
            [{**each, **_result(each.get("outcome", {}), labels)} for each in video[name]]
            for name in ("frames", "shots")
        )
        fields["video"] = {**video, **video.get("facts", {}), "frames": frames, "shots": shots or None}
    return fields


def _result(fields: Mapping[str, Any], labels: Sequence[str]) -> Fields:
    probabilities = fields.get("probabilities")
    return {
        "scores": fields.get("scores") or None,
        "probabilities": dict(zip(labels, probabilities, strict=False)) if probabilities else None,
        "value": fields.get("value"),
        "embedding": fields.get("vector") or None,
    }
