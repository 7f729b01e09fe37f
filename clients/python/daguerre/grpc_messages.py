"""Messages that more than one part of the transport makes or reads."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from daguerre.types.common import Receipt
from daguerre.types.zero_shot import ZeroShotOptions
from daguerre_proto.v1 import common_pb2, video_pb2, zero_shot_pb2

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
