"""Conversion of pipeline results, including frames and shots of videos, to JSON answers."""

import base64
import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.classifiers.store import Stored
from models.images.decoding import DecodeMode
from models.video.library import load
from service.errors import ItemFailure
from service.inference.engine import Model
from service.pipelines.encode import Encoded
from service.pipelines.frames import FrameResults
from service.pipelines.predictions import PredictionRows, Predictions
from service.pipelines.zero_shot import Scores, ZeroShotResult
from service.schemas.embeddings import EmbeddingsOptions
from service.schemas.video import facts
from service.schemas.zero_shot import ZeroShotOptions

Entry = dict[str, Any]
Ids = Sequence[str | None]


def embeddings(model: Model, decode: DecodeMode, options: EmbeddingsOptions, ids: Ids, encoded: Encoded) -> Entry:
    """The answer of /v1/embeddings."""

    def vectors(rows: NDArray[np.float32]) -> list[Entry]:
        if options.encoding_format == "base64":
            little = rows.astype("<f4", copy=False)
            return [{"embedding": base64.b64encode(row.tobytes()).decode()} for row in little]
        return [{"embedding": row} for row in rows]

    videos = {
        i: video_block(video, vectors(video.rows), None if video.shots is None else vectors(video.vectors_of_shots()))
        for i, video in encoded.videos.items()
    }
    return {
        "object": "list",
        "data": [
            {"object": "embedding", **entry} if "error" not in entry else entry
            for entry in _data(ids, encoded.failures, vectors(encoded.vectors), videos)
        ],
        "model": model.spec.name,
        "usage": {"prompt_tokens": encoded.tokens, "total_tokens": encoded.tokens},
        "truncated": encoded.truncated,
        "receipt": model.receipts[decode],
    }


def zero_shot(model: Model, decode: DecodeMode, options: ZeroShotOptions, ids: Ids, found: ZeroShotResult) -> Entry:
    """The answer of /v1/zero-shot."""
    videos = {
        i: video_block(each.video, _scored(each.frames), None if each.shots is None else _scored(each.shots))
        for i, each in found.videos.items()
    }
    return {
        "labels": options.labels,
        "data": _data(ids, found.encoded.failures, _scored(found), videos),
        "model": model.spec.name,
        "templates": found.templates,
        "negatives": found.negatives,
        "logit_scale": found.logit_scale,
        "calibrated": False,
        "truncated": found.encoded.truncated,
        "receipt": model.receipts[decode],
    }


def predictions(stored: Stored, ids: Ids, found: Predictions) -> Entry:
    """The answer of /v1/classifiers/{name}/predict."""
    videos = {
        i: video_block(
            each.video, _predicted(found, each.frames), None if each.shots is None else _predicted(found, each.shots)
        )
        for i, each in found.videos.items()
    }
    return {
        "classifier": stored.label,
        "task": found.task,
        "labels": found.labels,
        "data": _data(ids, found.failures, _predicted(found, found), videos),
        "model": found.model,
        "truncated": found.truncated,
        "receipt": found.receipt,
    }


def _scored(rows: Scores) -> list[Entry]:
    scored: list[Entry] = [
        {"label": best, "scores": scores, "cosines": cosines}
        for best, scores, cosines in zip(rows.best, rows.scores, rows.cosines, strict=True)
    ]
    if rows.none_scores is not None:
        for row, none_score in zip(scored, rows.none_scores, strict=True):
            row["none_score"] = none_score
    return scored


def _predicted(found: Predictions, rows: PredictionRows) -> list[Entry]:
    """A prediction for each row."""
    entries: list[Entry] = []
    if rows.probabilities is not None and rows.chosen is not None:
        for label, row in zip(rows.chosen, rows.probabilities.tolist(), strict=True):
            entries.append({"label": label, "probabilities": dict(zip(found.labels, row, strict=True))})
    elif rows.values is not None and rows.low is not None and rows.high is not None:
        for value, low, high in zip(rows.values, rows.low, rows.high, strict=True):
            entries.append({"value": float(value), "interval": [finite(low), finite(high)]})
    if rows.crossed is not None:
        for entry, crossed in zip(entries, rows.crossed.tolist(), strict=True):
            entry["crossed"] = crossed
    return entries


def _data(
    ids: Ids,
    failures: Mapping[int, ItemFailure],
    results: Sequence[Entry],
    videos: Mapping[int, Mapping[str, Any]],
) -> list[Entry]:
    """One entry per item, in order: the result or the error, with the item's id if it has one."""
    data = []
    for index, (id, result) in enumerate(zip(ids, results, strict=True)):
        failure = failures.get(index)
        entry: Entry = {"index": index}
        if failure is None:
            entry |= result
        else:
            entry["error"] = {"code": failure.code, "message": failure.message}
        if index in videos:
            entry["video"] = videos[index]
        if id is not None:
            entry["id"] = id
        data.append(entry)
    return data


def finite(value: Any) -> float | None:
    """The value, or None if it is not finite, which JSON cannot represent."""
    return float(value) if np.isfinite(value) else None


@functools.cache
def decoder() -> str:
    """Names and versions of the video decoding libraries."""
    av = load()
    version = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return f"PyAV {av.__version__}, FFmpeg's libavcodec {version}"


def video_block(
    video: FrameResults, frames: Sequence[Mapping[str, Any]], shots: Sequence[Mapping[str, Any]] | None
) -> Mapping[str, Any]:
    """The block `video` of an answer: properties and results of each frame and each shot."""
    report = video.report
    entries = []
    for index, (frame, result) in enumerate(zip(video.frames, frames, strict=True)):
        entry: dict[str, Any] = {"index": index, "timestamp": frame.timestamp, "shot": frame.shot}
        entry |= {"dropped": frame.dropped, "times": frame.times}
        if frame.thumbnail is not None:
            entry["thumbnail"] = base64.b64encode(frame.thumbnail).decode()
        entries.append({**entry, **result})
    groups = None
    if video.shots is not None and shots is not None:
        groups = [
            {"index": shot.index, "start": shot.start, "end": shot.end, "frames": n, **(result if n else {})}
            for shot, n, result in zip(video.shots, video.counts, shots, strict=True)
        ]
    return {
        **facts(video.info),
        "sampling": video.sampling.model_dump(),
        "frames": entries,
        "shots": groups,
        "report": {
            name: getattr(report, name)
            for name in (
                *("decoded", "damaged_packets", "corrupt_frames", "disordered", "estimated"),
                *("ended_early", "fell_back"),
            )
        }
        | {"blank": video.blank, "remarks": video.remarks},
        "decoder": decoder(),
    }
