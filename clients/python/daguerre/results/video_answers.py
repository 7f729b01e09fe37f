"""Answers about a video as results: arrays in place of a record for each frame."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from daguerre.errors import ItemError, ItemFailedError
from daguerre.results.video import ClipEmbeddings, ClipPredictions, ClipScores, Draw, Shot
from daguerre.types.analyses import AnalysesAnswer
from daguerre.types.common import NO_MODEL, Content, Double, Failure, Float
from daguerre.types.video import ClipAnswer, Outcome, VideoAnswer
from daguerre.types.zero_shot import ZeroShotOptions


def scores(answer: ClipAnswer, name: str, asked: ZeroShotOptions, draw: Draw) -> ClipScores:
    """Raises ItemFailedError."""
    video = _found(answer, name)
    outcomes = [frame.outcome for frame in video.frames]
    none = None
    if asked.none_of_these is not None:
        none = _single([each.none_score for each in outcomes])
    return ClipScores(
        **_common(answer, video, name),
        labels=list(answer.labels),
        scores=_rows([each.scores for each in outcomes], len(answer.labels)),
        cosines=_rows([each.cosines for each in outcomes], len(answer.labels)),
        best=[each.label for each in outcomes],
        none_scores=none,
        label=video.outcome.label,
        pooled=_single(video.outcome.scores),
        templates=list(answer.templates),
        preset=answer.preset,
        notice=answer.notice,
        draw=draw,
    )


def embeddings(answer: ClipAnswer, name: str) -> ClipEmbeddings:
    """Raises ItemFailedError."""
    video = _found(answer, name)
    vector = _vectors([video.outcome])[0]
    nothing = Outcome(vector=np.full(len(vector), np.nan, "<f4").tobytes())
    shots = None if video.shots is None else [shot.outcome or nothing for shot in video.shots]
    return ClipEmbeddings(
        **_common(answer, video, name),
        vectors=_vectors([frame.outcome for frame in video.frames]),
        vector=vector,
        shot_vectors=None if shots is None else _vectors(shots),
    )


def predictions(answer: ClipAnswer, name: str, draw: Draw) -> ClipPredictions:
    """Raises ItemFailedError."""
    video = _found(answer, name)
    outcomes = [frame.outcome for frame in video.frames]
    value = video.outcome.value
    return ClipPredictions(
        **_common(answer, video, name),
        classifier=answer.classifier,
        labels=list(answer.labels),
        predicted=[each.label for each in outcomes],
        probabilities=_doubles([each.probabilities for each in outcomes]).reshape(len(outcomes), len(answer.labels)),
        values=_doubles([each.value for each in outcomes]),
        low=_doubles([each.low for each in outcomes]),
        high=_doubles([each.high for each in outcomes]),
        label=video.outcome.label,
        pooled=_doubles(video.outcome.probabilities if answer.labels else [value]),
        draw=draw,
    )


def analysed(answer: AnalysesAnswer) -> Content:
    """The entry of the video in an answer of analyses, without its place and its alias."""
    (entry,) = answer.entries
    assert entry is not None
    return {name: value for name, value in entry.items() if name not in ("index", "id")}


def _found(answer: ClipAnswer, name: str) -> VideoAnswer:
    if isinstance(answer.found, Failure):
        raise ItemFailedError(ItemError(0, name, answer.found.code, answer.found.message))
    return answer.found


def _common(answer: ClipAnswer, video: VideoAnswer, name: str) -> dict[str, Any]:
    shots = None
    if video.shots is not None:
        shots = [Shot(each.index, each.start, each.end, each.frames) for each in video.shots]
    return {
        "name": name,
        "facts": video.facts,
        "sampling": video.sampling,
        "timestamps": np.array([frame.timestamp for frame in video.frames], np.float64),
        "shot": None if shots is None else np.array([frame.shot for frame in video.frames], np.int64),
        "shots": shots,
        "times": np.array([frame.times for frame in video.frames], np.int64),
        "dropped": np.array([frame.dropped for frame in video.frames], np.int64),
        "thumbnails": [frame.thumbnail for frame in video.frames],
        "report": video.report,
        "decoder": video.decoder,
        "receipt": answer.receipt or NO_MODEL,
    }


def _rows(rows: Sequence[Sequence[float]], width: int) -> Float:
    return np.array(rows, np.float32).reshape(len(rows), width)


def _single(values: Sequence[float | None]) -> Float:
    return np.array([np.nan if value is None else value for value in values], np.float32)


def _doubles(values: Any) -> Double:
    """None as NaN."""
    return np.array(values, np.float64)


def _vectors(outcomes: Sequence[Outcome]) -> Float:
    packed = b"".join(each.vector or b"" for each in outcomes)
    return np.frombuffer(packed, "<f4").reshape(len(outcomes), -1).astype(np.float32)
