"""Messages that more than one feature writes or reads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from google.protobuf.message import Message

from daguerre.transport.grpc.errors import encodable
from daguerre.types.common import Receipt
from daguerre.types.embeddings import VectorBlock
from daguerre.types.jobs import Job
from daguerre.types.zero_shot import ZeroShotOptions
from daguerre_proto.v1 import classifiers_pb2 as pb
from daguerre_proto.v1 import common_pb2, jobs_pb2, video_pb2, zero_shot_pb2

SKIP = common_pb2.ON_ERROR_SKIP
_DECODE = {None: common_pb2.DECODE_UNSPECIFIED, "exact": common_pb2.DECODE_EXACT, "scaled": common_pb2.DECODE_SCALED}


def made_receipt(said: common_pb2.Receipt) -> Receipt:
    """Off the wire."""
    return Receipt(
        model=said.model,
        revision=said.revision,
        fingerprint=said.fingerprint,
        precision=said.precision,
        provider=said.provider,
        decode=said.decode,
        demonstration=said.demonstration,
        notice=said.notice if said.HasField("notice") else None,
        made_with=dict(said.made_with),
    )


def receipt_message(receipt: Receipt) -> common_pb2.Receipt:
    """On the wire."""
    return common_pb2.Receipt(**{name: value for name, value in asdict(receipt).items() if value is not None})


def model_options(model: str | None, decode: str | None) -> common_pb2.ModelOptions:
    """Raises ValueError for a decode setting that there is not."""
    if decode not in _DECODE:
        raise ValueError(f"decode: got {decode!r}, should be 'exact' or 'scaled'")
    return common_pb2.ModelOptions(model=model, on_error=common_pb2.ON_ERROR_SKIP, decode=_DECODE[decode])


def zero_shot_request(options: ZeroShotOptions, items: Sequence[common_pb2.Item]) -> zero_shot_pb2.ZeroShotRequest:
    """Raises ValueError, TypeError for what a message cannot hold."""
    return zero_shot_pb2.ZeroShotRequest(
        model_options=model_options(options.model, options.decode),
        items=items,
        labels=options.labels,
        templates=_texts(options.templates),
        multi_label=options.multi_label,
        negatives=_texts(options.negatives),
        none_of_these=_none_of_these(options),
    )


def facts(said: video_pb2.VideoFacts) -> dict[str, Any]:
    """What a video is, as over HTTP."""
    names = ("duration", "width", "height", "variable_rate", "rotation", "interlaced", "codec", "container")
    rate = said.frame_rate if said.HasField("frame_rate") else None
    return {**{name: getattr(said, name) for name in names}, "frame_rate": rate}


def _texts(texts: Sequence[str] | None) -> zero_shot_pb2.Texts | None:
    return None if texts is None else zero_shot_pb2.Texts(values=texts)


def _none_of_these(options: ZeroShotOptions) -> zero_shot_pb2.NoneOfThese | None:
    if options.none_of_these is not None:
        return zero_shot_pb2.NoneOfThese(text=options.none_of_these)
    if options.none_min_cosine is not None:
        return zero_shot_pb2.NoneOfThese(min_cosine=options.none_min_cosine)
    return None


def vectors_message(block: VectorBlock) -> pb.Vectors:
    """Embeddings on the wire, or the file that has them."""
    return pb.Vectors(
        modality=block.modality,
        model=block.model,
        fingerprint=block.fingerprint,
        dimension=block.rows.shape[1],
        data=b"" if block.file is not None else block.rows.astype("<f4", copy=False).tobytes(),
        file=block.file,
        receipt=receipt_message(block.receipt),
    )


def code_message(value: Any) -> pb.Code:
    """A label, a flag, a number or nothing on the wire."""
    if value is None:
        return pb.Code()
    if isinstance(value, bool):
        return pb.Code(flag=value)
    return pb.Code(label=value) if isinstance(value, str) else pb.Code(number=value)


def job_of(said: jobs_pb2.Job) -> Job:
    """Off the wire."""
    return Job(
        id=said.id,
        kind=said.kind,
        state=said.state,
        progress=said.progress,
        stage=said.stage,
        eta_seconds=said.eta_seconds if said.HasField("eta_seconds") else None,
        created=said.created,
        started=said.started if said.HasField("started") else None,
        ended=said.ended if said.HasField("ended") else None,
        result=_result(said),
        error={"code": said.error.code, "message": said.error.message} if said.HasField("error") else None,
    )


def _result(said: jobs_pb2.Job) -> Any:
    if said.HasField("result_json"):
        return json.loads(said.result_json)
    return {"classifier": said.classifier} if said.HasField("classifier") else None


def field_or_none(said: Message, name: str) -> Any:
    """A field of a message; None where it is not set."""
    return getattr(said, name) if said.HasField(name) else None


def labels_request(kind: type[Any], fields: Mapping[str, Any]) -> Any:
    """A request with clusterings, which are lists in a map."""
    with encodable():
        request = kind(**{name: value for name, value in fields.items() if name != "clusterings"})
        for name, labels in fields["clusterings"].items():
            request.clusterings[name].values.extend(labels)
    return request
